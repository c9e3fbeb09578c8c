"""The derivations by name: names and titles are known without SymPy, which is imported when one is built."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from theory.arguments import unknown_name

if TYPE_CHECKING:
    from theory.derivations.derivation import Derivation


@dataclass(frozen=True)
class Entry:
    """Where a derivation is.

    Attributes:
        title: a few words.
        module: below `theory.derivations`.
        function: that builds it, without arguments.
    """

    title: str
    module: str
    function: str


ENTRIES: dict[str, Entry] = {
    # Known prompt.
    "averaging-law": Entry("Law of the averaging head's decision", "averaging", "law"),
    "averaging-error-one-dimension": Entry(
        "Error of the averaging head in one dimension", "averaging", "one_dimension"
    ),
    "averaging-error-central-limit": Entry(
        "Error of the averaging head from its mean and variance", "averaging", "many_dimensions"
    ),
    "averaging-cosine": Entry("Expected overlap of the averaging head", "averaging", "cosine"),
    "averaging-overlap": Entry("Overlap of the averaging head", "averaging", "overlap"),
    "best-weights": Entry("Best weights of a weighted average", "averaging", "best_weights"),
    "weighted-averaging-overlap": Entry("Overlap of the best weighted average", "averaging", "weighted_overlap"),
    "beta-angle-moment": Entry("Moments of the cosine between least squares and averaging", "least_squares", "moment"),
    "least-squares-cosine": Entry(
        "Cosine between least squares and averaging", "least_squares", "least_squares_cosine"
    ),
    "minimum-norm-cosine": Entry("Cosine between interpolation and averaging", "least_squares", "minimum_norm_cosine"),
    "least-squares-cosine-square": Entry(
        "Squared cosine between least squares and averaging", "least_squares", "least_squares_cosine_square"
    ),
    "minimum-norm-cosine-square": Entry(
        "Squared cosine between interpolation and averaging", "least_squares", "minimum_norm_cosine_square"
    ),
    "overlap-of-two-angles": Entry("Overlap of the least-squares head with w⋆", "least_squares", "two_angles"),
    "discriminant-density": Entry("Law of Fisher's discriminant", "discriminant", "density"),
    "full-head-error-given": Entry("Error of a discriminant with its intercept", "discriminant", "decision_error"),
    # Proportional regime.
    "marchenko-pastur-first": Entry("Marchenko-Pastur transform m₁", "ridge", "first_transform"),
    "marchenko-pastur-second": Entry("Marchenko-Pastur transform m₂", "ridge", "second_transform"),
    "ridge-overlap": Entry("Overlap of the ridge head", "ridge", "overlap"),
    "averaging-error-limit": Entry(
        "Error of the averaging head, many examples and dimensions", "ridge", "averaging_error"
    ),
    "least-squares-error-limit": Entry(
        "Error of least squares, many examples and dimensions", "ridge", "least_squares_error"
    ),
    "minimum-norm-error-limit": Entry(
        "Error of minimum-norm interpolation, many examples and dimensions", "ridge", "minimum_norm_error"
    ),
    "hinge-mean": Entry("Mean of the positive part of a margin", "hard_attention", "hinge"),
    "hinge-mean-square": Entry("Mean square of the positive part of a margin", "hard_attention", "hinge_square"),
    "separability-without-signal": Entry("Separability without a signal", "hard_attention", "separability"),
    "logistic-margin": Entry("The margin of an example of the logistic head", "scalar_problem", "margin"),
    "logistic-slope": Entry("How the force on an example falls with its decision", "scalar_problem", "slope"),
    "logistic-effective-ridge": Entry("The effective ridge of the logistic head", "scalar_problem", "logistic_ridge"),
    "logistic-along": Entry("The logistic head along w⋆", "scalar_problem", "logistic_along"),
    "logistic-across": Entry("The logistic head across w⋆", "scalar_problem", "logistic_across"),
    "max-margin-excess": Entry("Whether a margin can be kept", "scalar_problem", "max_margin_excess"),
    "max-margin-slope": Entry("The overlap of the max-margin head", "scalar_problem", "max_margin_slope"),
    # Attention features and the worth of context.
    "constant-attention-snr": Entry(
        "Signal-to-noise ratio where attention is constant", "context", "constant_attention"
    ),
    "share-many-tokens": Entry("Attention on the relevant tokens, many tokens", "many_tokens", "share"),
    "noise-many-tokens": Entry("Noise of a feature, many tokens", "many_tokens", "noise_square"),
    "snr-many-tokens": Entry("Signal-to-noise ratio of a feature, many tokens", "many_tokens", "snr_square"),
    "snr-many-tokens-any-signal": Entry(
        "Signal-to-noise ratio of a feature, many tokens and any δ_w", "many_tokens_signal", "snr_square_with_signal"
    ),
    "signal-many-tokens": Entry("Gain of the signal, many tokens", "many_tokens_signal", "signal"),
    "power-many-tokens": Entry("Power of a feature, many tokens", "many_tokens_signal", "power"),
    "benefit-of-context": Entry("Benefit of context", "context", "benefit"),
    "best-temperature": Entry("Best inverse temperature", "context", "best_temperature"),
    "best-gain": Entry("Largest benefit of context", "context", "best_gain"),
    "no-benefit": Entry("A prompt that gains nothing", "context", "no_gain"),
    "linear-attention-gain": Entry("What linear attention gains", "context", "linear_gain"),
    "linear-attention-gain-exact": Entry(
        "What linear attention gains at any number of tokens", "context", "linear_gain_exact"
    ),
    "linear-attention-gain-kummer": Entry(
        "What linear attention gains at any number of tokens and any δ_q", "context", "linear_gain_kummer"
    ),
    "hard-attention-error": Entry("Error of hard attention", "hard_attention", "error"),
    "hard-attention-midpoint": Entry("Where hard attention loses every second sequence", "hard_attention", "midpoint"),
    "hard-attention-threshold": Entry("The transition of hard attention", "hard_attention", "threshold"),
    # Gradient descent.
    "head-gradient": Entry("Population gradient of the head", "gradients", "head_gradient"),
    "prompt-gradient": Entry("Population gradient of the prompt", "gradients", "prompt_gradient"),
    "prompt-gradient-first-step": Entry("The prompt step finds the context", "gradients", "first_step"),
    "prompt-gradient-any-angle": Entry("The prompt step at any angle", "gradients", "any_angle"),
    "head-step-overlap": Entry("Overlap of the head after one step", "descent", "head_overlap"),
    "head-sample-complexity": Entry("Sample complexity of the head's step", "descent", "head_complexity"),
    "prompt-step-noise": Entry("Noise of the prompt's step", "descent", "prompt_noise"),
    "prompt-step-overlap": Entry("Overlap of the prompt after its step", "descent", "prompt_overlap"),
    "prompt-sample-complexity": Entry("Sample complexity of the prompt's step", "descent", "prompt_complexity"),
    "best-head-length": Entry("Best length of the head", "descent", "best_head"),
    "best-loss": Entry("Least population loss under a prompt", "descent", "best_loss"),
    "head-equation": Entry("The equation of the head", "flow_slopes", "head_equation"),
    "prompt-equation": Entry("The equation of the prompt", "flow_slopes", "prompt_equation"),
    "signal-slope": Entry("How the signal grows with the inverse temperature", "flow_slopes", "signal"),
    "power-slope": Entry("How the power of a feature changes with the inverse temperature", "flow_slopes", "power"),
    "feature-mean": Entry("Mean of a feature", "feature_law", "mean"),
    "feature-variance": Entry("Variance of a feature", "feature_law", "variance"),
    "noisy-mean-token": Entry(
        "Mean of the mean token, relevant tokens noisy", "noisy_relevant_steps", "mean_token_mean"
    ),
    "noisy-mean-token-variance": Entry(
        "Variance of the mean token, relevant tokens noisy", "noisy_relevant_steps", "mean_token_variance"
    ),
    "noisy-prompt-step": Entry(
        "Mean of the prompt's step, relevant tokens noisy", "noisy_relevant_steps", "prompt_step_mean"
    ),
    "noisy-prompt-step-variance": Entry(
        "Variance of the prompt's step, relevant tokens noisy", "noisy_relevant_steps", "prompt_step_variance"
    ),
    "noisy-score": Entry("Noise along the prompt, relevant tokens noisy", "noisy_relevant_features", "score"),
    "noisy-share-score": Entry(
        "Attention and noise along the prompt, relevant tokens noisy", "noisy_relevant_features", "share_and_score"
    ),
    "noisy-score-square": Entry(
        "Mean square of the noise along the prompt, relevant tokens noisy", "noisy_relevant_features", "score_squared"
    ),
    "noisy-feature-mean": Entry("Mean of a feature, relevant tokens noisy", "noisy_relevant_features", "mean"),
    "noisy-feature-variance": Entry(
        "Variance of a feature, relevant tokens noisy", "noisy_relevant_features", "variance"
    ),
    "saddle-temperature": Entry("Where the tokens cancel", "descent", "saddle"),
    # Expressivity.
    "uniform-pooling-factor": Entry("What uniform pooling says of the label", "expressivity", "pooling_factor"),
    "uniform-pooling-delta": Entry("Where uniform pooling fails", "expressivity", "pooling_delta"),
    "linear-attention-factor": Entry("What linear attention says of the label", "expressivity", "linear_factor"),
    "linear-attention-delta": Entry("Where linear attention fails", "expressivity", "linear_delta"),
    "linear-attention-law": Entry("Law of linear attention's decision", "linear_attention", "law"),
    "prompt-attention-margin": Entry("The prompt that wins", "expressivity", "winning_prompt"),
    "self-attention-output": Entry("What self-attention says of the label", "self_attention", "output"),
    "self-attention-excess": Entry("By how much self-attention falls short at Δ = ζ/(1-ζ)", "self_attention", "excess"),
    "self-attention-tangent": Entry(
        "Where self-attention falls least short at Δ = ζ/(1-ζ)", "self_attention", "tangent"
    ),
    "self-attention-square": Entry(
        "Why self-attention falls short where ζ/(1-ζ) is a whole number", "self_attention", "square"
    ),
    "self-attention-threshold": Entry(
        "The sharp threshold of self-attention for ζ ≥ 1/2", "self_attention", "threshold"
    ),
    "self-attention-sufficient-positive": Entry(
        "A sufficient bound for positive scores", "self_attention", "sufficient_positive"
    ),
    "self-attention-sufficient-negative": Entry(
        "A sufficient bound for negative scores", "self_attention", "sufficient_negative"
    ),
}
"""By name, in the order of the theory."""


@cache
def derive(name: str) -> Derivation:
    """Return a derivation, with its steps, not yet verified.

    Args:
        name: one of `ENTRIES`.

    Raises:
        ArgumentError: there is no such derivation; the sentence says which are alike.

    Example:
        >>> derive("best-temperature").result
        (delta_q + 1)/(2*sigma**2)
    """
    if name not in ENTRIES:
        raise unknown_name("NAME", "the name of a derivation", name, ENTRIES)
    entry = ENTRIES[name]
    built: Derivation = getattr(import_module(f"theory.derivations.{entry.module}"), entry.function)()
    return built
