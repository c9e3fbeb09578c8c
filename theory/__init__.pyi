from theory.arguments import ArgumentError, NotAvailableError
from theory.attention.deterministic import DeterministicAttention, deterministic_attention
from theory.attention.large_tokens import Expansion, LargeTokensMoments, large_tokens_moments
from theory.attention.law import AttentionLaw, attention_law
from theory.attention.mixed_moments import MixedMoments, mixed_moments
from theory.attention.moments import AttentionMoments, attention_moments
from theory.context.benefit import (
    BestTemperature,
    ContextBenefit,
    best_inverse_temperature,
    context_benefit,
    population_error,
)
from theory.context.hard_attention import hard_attention_error, hard_attention_midpoint, hard_attention_threshold
from theory.descent.fixed_points import FixedPoint, fixed_points
from theory.descent.large_tokens_flow import (
    LargeTokensFixedPoint,
    LargeTokensFlow,
    large_tokens_fixed_point,
    large_tokens_flow,
)
from theory.descent.noisy_relevant_steps import NoisyRelevantSteps, noisy_relevant_steps
from theory.descent.population_flow import (
    FlowCoefficients,
    PopulationFlow,
    PopulationPlane,
    population_flow,
    population_plane,
)
from theory.descent.population_gradients import PopulationGradients, population_gradients
from theory.descent.population_trajectory import PopulationTrajectory, gradient_descent, gradient_flow
from theory.descent.sample_complexity import SampleComplexity, sample_complexity
from theory.descent.three_steps import StepOutcomes, ThreeSteps, three_steps
from theory.expressivity.best_accuracy import BestAccuracies, best_accuracies
from theory.expressivity.best_error import (
    BestError,
    best_linear_attention_error,
    best_pooling_error,
    best_prompt_attention_error,
)
from theory.expressivity.constructions import winning_prompt, winning_self_attention
from theory.expressivity.noiseless import linear_attention_accuracy, self_attention_accuracy
from theory.expressivity.self_attention import SelfAttentionThreshold, self_attention_threshold
from theory.expressivity.separation import Separation, separation
from theory.head import Head
from theory.known_prompt.averaging import averaging_error
from theory.known_prompt.averaging_expansion import AveragingExpansion, averaging_expansion
from theory.known_prompt.error import KnownPromptError, known_prompt_error
from theory.known_prompt.fluctuating_averaging import error_given_overlap, fluctuating_averaging_error
from theory.known_prompt.full_head import full_head_averaging_error
from theory.known_prompt.full_head_least_squares import full_head_least_squares_error
from theory.known_prompt.full_head_least_squares_overlap import full_head_least_squares_overlap
from theory.known_prompt.least_squares import least_squares_error
from theory.known_prompt.overlap import averaging_overlap, full_head_averaging_overlap, least_squares_overlap
from theory.mixture import ContextualMixture
from theory.probability import ErrorProbability
from theory.proportional import (
    ConvergenceError,
    ProportionalHead,
    averaging_head,
    best_ridge_head,
    logistic_head,
    max_margin_head,
    ridge_head,
    separability_threshold,
    weighted_averaging_head,
)
from theory.risk.exact_risk import Delta, ExactRisk, exact_risk
from theory.risk.linear_attention_risk import linear_attention_risk
from theory.risk.lognormal_sum import AccuracyError
from theory.risk.trained_model import TrainedModel, load_model

__all__ = [
    "AccuracyError",
    "ArgumentError",
    "AttentionLaw",
    "AttentionMoments",
    "AveragingExpansion",
    "BestAccuracies",
    "BestError",
    "BestTemperature",
    "ContextBenefit",
    "ContextualMixture",
    "ConvergenceError",
    "Delta",
    "DeterministicAttention",
    "ErrorProbability",
    "ExactRisk",
    "Expansion",
    "FixedPoint",
    "FlowCoefficients",
    "Head",
    "KnownPromptError",
    "LargeTokensFixedPoint",
    "LargeTokensFlow",
    "LargeTokensMoments",
    "MixedMoments",
    "NoisyRelevantSteps",
    "NotAvailableError",
    "PopulationFlow",
    "PopulationGradients",
    "PopulationPlane",
    "PopulationTrajectory",
    "ProportionalHead",
    "SampleComplexity",
    "SelfAttentionThreshold",
    "Separation",
    "StepOutcomes",
    "ThreeSteps",
    "TrainedModel",
    "attention_law",
    "attention_moments",
    "averaging_error",
    "averaging_expansion",
    "averaging_head",
    "averaging_overlap",
    "best_accuracies",
    "best_inverse_temperature",
    "best_linear_attention_error",
    "best_pooling_error",
    "best_prompt_attention_error",
    "best_ridge_head",
    "context_benefit",
    "deterministic_attention",
    "error_given_overlap",
    "exact_risk",
    "fixed_points",
    "fluctuating_averaging_error",
    "full_head_averaging_error",
    "full_head_averaging_overlap",
    "full_head_least_squares_error",
    "full_head_least_squares_overlap",
    "gradient_descent",
    "gradient_flow",
    "hard_attention_error",
    "hard_attention_midpoint",
    "hard_attention_threshold",
    "known_prompt_error",
    "large_tokens_fixed_point",
    "large_tokens_flow",
    "large_tokens_moments",
    "least_squares_error",
    "least_squares_overlap",
    "linear_attention_accuracy",
    "linear_attention_risk",
    "load_model",
    "logistic_head",
    "max_margin_head",
    "mixed_moments",
    "noisy_relevant_steps",
    "population_error",
    "population_flow",
    "population_gradients",
    "population_plane",
    "ridge_head",
    "sample_complexity",
    "self_attention_accuracy",
    "self_attention_threshold",
    "separability_threshold",
    "separation",
    "three_steps",
    "weighted_averaging_head",
    "winning_prompt",
    "winning_self_attention",
]
