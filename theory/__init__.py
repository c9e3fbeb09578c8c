"""The exact theory of prompt-attention: predictions with their numerical error, and no random number."""

from theory.arguments import ArgumentError, NotAvailableError
from theory.attention import DeterministicAttention, deterministic_attention
from theory.attention_moments import AttentionMoments, attention_moments
from theory.averaging import averaging_error
from theory.exact_risk import Delta, ExactRisk, exact_risk
from theory.full_head import full_head_averaging_error
from theory.head import Head
from theory.known_prompt import KnownPromptError, known_prompt_error
from theory.large_tokens import Expansion, LargeTokensMoments, large_tokens_moments
from theory.least_squares import least_squares_error
from theory.lognormal_sum import AccuracyError
from theory.mixture import ContextualMixture
from theory.overlap import averaging_overlap, full_head_averaging_overlap, least_squares_overlap
from theory.probability import ErrorProbability
from theory.trained_model import TrainedModel, load_model

__all__ = [
    "AccuracyError",
    "ArgumentError",
    "AttentionMoments",
    "ContextualMixture",
    "Delta",
    "DeterministicAttention",
    "ErrorProbability",
    "ExactRisk",
    "Expansion",
    "Head",
    "KnownPromptError",
    "LargeTokensMoments",
    "NotAvailableError",
    "TrainedModel",
    "attention_moments",
    "averaging_error",
    "averaging_overlap",
    "deterministic_attention",
    "exact_risk",
    "full_head_averaging_error",
    "full_head_averaging_overlap",
    "known_prompt_error",
    "large_tokens_moments",
    "least_squares_error",
    "least_squares_overlap",
    "load_model",
]
