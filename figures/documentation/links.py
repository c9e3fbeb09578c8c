"""What belongs together: a claim, what its formula holds for, the code that computes it, the derivations behind it."""

from __future__ import annotations

from dataclasses import dataclass

from figures.documentation.public_names import documented
from theory.derivations import ENTRIES, derive


@dataclass(frozen=True)
class Links:
    """What a page says of a claim besides what the claim says itself.

    Attributes:
        valid: what it holds for.
        code: names of what computes the prediction.
        derivations: names of those that lead to the formula, or to parts and limits of it.
    """

    valid: str
    code: tuple[str, ...]
    derivations: tuple[str, ...] = ()


ANGLE = (
    "beta-angle-moment",
    "least-squares-cosine",
    "minimum-norm-cosine",
    "least-squares-cosine-square",
    "minimum-norm-cosine-square",
    "overlap-of-two-angles",
)
TRANSFORMS = ("marchenko-pastur-first", "marchenko-pastur-second", "ridge-overlap")
GRADIENTS = ("head-gradient", "prompt-gradient", "prompt-gradient-first-step", "prompt-gradient-any-angle")
FLOW = (
    "head-equation",
    "prompt-equation",
    "signal-slope",
    "power-slope",
    "best-head-length",
    "best-loss",
    "saddle-temperature",
    "signal-many-tokens",
    "power-many-tokens",
)
NOISY = (
    "noisy-mean-token",
    "noisy-mean-token-variance",
    "noisy-prompt-step",
    "noisy-prompt-step-variance",
    "noisy-score",
    "noisy-share-score",
    "noisy-score-square",
    "noisy-feature-mean",
    "noisy-feature-variance",
)
LOGISTIC = tuple(f"logistic-{part}" for part in ("margin", "slope", "effective-ridge", "along", "across"))
MARGIN = ("max-margin-excess", "max-margin-slope", "hinge-mean", "hinge-mean-square", "separability-without-signal")
FAILURES = (
    "uniform-pooling-factor",
    "uniform-pooling-delta",
    "linear-attention-factor",
    "linear-attention-delta",
    "self-attention-output",
    "self-attention-excess",
    "self-attention-tangent",
    "self-attention-square",
    "self-attention-threshold",
    "self-attention-sufficient-positive",
    "self-attention-sufficient-negative",
)
LIMIT = "the limit n, p → ∞ at fixed p/n, T fixed; a finite n differs from it by order 1/n"
STEPS = "n fresh sequences a step, small learning rates; n and d in proportion, terms of order 1/n included"

LINKS = {
    "averaging-known-prompt": Links(
        "every n ≥ 1 and p ≥ 1; noise and head orthogonal to the prompt",
        ("averaging_error", "known_prompt_error"),
        ("averaging-law", "averaging-error-one-dimension", "averaging-error-central-limit"),
    ),
    "least-squares-known-prompt": Links(
        "every n ≥ 1 and p ≥ 1; noise and head orthogonal to the prompt",
        ("least_squares_error", "known_prompt_error"),
        ANGLE,
    ),
    "averaging-uniform-pooling": Links(
        "every n ≥ 1 and p ≥ 1; no prompt, head orthogonal to q⋆; κ² as it stands for δ_w = 0",
        ("averaging_error", "deterministic_attention"),
    ),
    "least-squares-uniform-pooling": Links(
        "every n ≥ 1 and p ≥ 1; no prompt, head orthogonal to q⋆; κ² as it stands for δ_w = 0",
        ("least_squares_error", "deterministic_attention"),
    ),
    "averaging-full-head": Links("every n and d; noise orthogonal to the prompt", ("full_head_averaging_error",)),
    "averaging-full-head-uniform-pooling": Links(
        "every n and d; no prompt, isotropic noise", ("full_head_averaging_error",)
    ),
    "least-squares-full-head": Links(
        "n ≥ d, noise orthogonal to the prompt",
        ("full_head_least_squares_error", "full_head_least_squares_overlap"),
        ("discriminant-density", "full-head-error-given"),
    ),
    "averaging-fluctuating-attention": Links(
        "every n and T, any δ; isotropic noise, head orthogonal to the prompt, τσQ ≤ 3",
        ("fluctuating_averaging_error", "averaging_expansion"),
    ),
    "weighted-averaging-fluctuating-attention": Links(
        "every n and T, any δ; the scores are known; isotropic noise, head orthogonal to the prompt, τσQ ≤ 3",
        ("fluctuating_averaging_error", "weighted_averaging_head"),
        ("best-weights", "weighted-averaging-overlap"),
    ),
    "averaging-linear-attention": Links(
        "every n and T, any δ; head orthogonal to the prompt",
        ("known_prompt_error", "attention_law"),
        ("linear-attention-gain", "linear-attention-gain-exact"),
    ),
    "least-squares-proportional": Links(
        LIMIT, ("ridge_head",), (*TRANSFORMS, "least-squares-error-limit", "minimum-norm-error-limit")
    ),
    "ridge-proportional": Links(
        LIMIT, ("ridge_head", "best_ridge_head", "log_effective_ridge"), (*TRANSFORMS, "averaging-error-limit")
    ),
    "ridge-linear-attention-proportional": Links(LIMIT, ("ridge_head", "attention_law")),
    "logistic-proportional": Links(LIMIT, ("logistic_head",), LOGISTIC),
    "max-margin-proportional": Links(
        f"{LIMIT}; p/n above the threshold at which the data are separable",
        ("max_margin_head", "separability_threshold"),
        MARGIN,
    ),
    "rate-of-convergence": Links(
        "n and p in proportion, attention that does not fluctuate; averaging and least squares",
        ("known_prompt_error", "averaging_expansion"),
    ),
    "one-number-decides": Links(
        "attention that does not fluctuate", ("deterministic_attention",), ("constant-attention-snr",)
    ),
    "no-head-beats-the-limit": Links(
        "every rule that sees the features and their scores, w⋆ uniform over directions",
        ("weighted_averaging_head",),
        ("best-weights", "weighted-averaging-overlap"),
    ),
    "small-errors": Links("attention that does not fluctuate", ("averaging_error", "least_squares_error")),
    "attention-on-relevant-tokens": Links(
        "every T and δ; isotropic noise, a prompt along q⋆",
        ("attention_moments", "large_tokens_moments"),
        ("share-many-tokens", "noise-many-tokens"),
    ),
    "population-error": Links(
        "every T and δ; a prompt along q⋆, the head w⋆",
        ("population_error",),
        ("snr-many-tokens", "snr-many-tokens-any-signal"),
    ),
    "hard-attention": Links(
        "every m, δ_q > -1; isotropic noise, the head w⋆",
        ("hard_attention_error", "hard_attention_midpoint", "hard_attention_threshold"),
        ("hard-attention-error", "hard-attention-midpoint", "hard-attention-threshold"),
    ),
    "exact-risk": Links("any prompt, head, δ and angle between q⋆ and w⋆, every T", ("exact_risk",)),
    "descent-population-gradients": Links(
        "the prompt at zero; any head, δ and angle", ("population_gradients",), GRADIENTS
    ),
    "descent-head-overlap": Links(
        "every n and d; one step from zero",
        ("full_head_averaging_overlap", "three_steps"),
        ("head-step-overlap", "head-sample-complexity"),
    ),
    "descent-prompt-overlap": Links(
        STEPS,
        ("three_steps", "sample_complexity"),
        ("prompt-step-noise", "prompt-step-overlap", "prompt-sample-complexity"),
    ),
    "descent-final-overlap": Links(STEPS, ("three_steps",), ("averaging-overlap", "feature-mean", "feature-variance")),
    "descent-attention": Links(STEPS, ("three_steps",)),
    "descent-three-step-error": Links(STEPS, ("three_steps", "exact_risk")),
    "descent-collapse": Links(STEPS, ("three_steps", "sample_complexity")),
    "descent-trajectory": Links(
        "q⋆ ⟂ w⋆, descent from zero on fresh sequences, small learning rates",
        ("population_flow", "gradient_descent", "gradient_flow", "fixed_points"),
        FLOW,
    ),
    "descent-noisy-relevant-tokens": Links(STEPS, ("noisy_relevant_steps",), NOISY),
    "expressivity-failures": Links(
        "no noise on the irrelevant tokens; every T and R",
        ("separation", "self_attention_threshold", "best_accuracies"),
        FAILURES,
    ),
    "expressivity-prompt-with-noise": Links(
        "every T and noise", ("winning_prompt", "exact_risk"), ("prompt-attention-margin",)
    ),
    "expressivity-least-error": Links(
        "every T and noise, σ‖q‖ up to 10; the least error that a search finds",
        ("best_prompt_attention_error", "best_linear_attention_error", "best_pooling_error", "linear_attention_risk"),
        ("linear-attention-law",),
    ),
    "expressivity-trained-above-least": Links(
        "any way of training", ("best_prompt_attention_error", "best_linear_attention_error", "best_pooling_error")
    ),
    "expressivity-trained": Links(
        "the data and the training of the check: seen there, not derived", ("separation", "best_accuracies")
    ),
    "real-data-advantage": Links("digits in photographs as the check arranges them", ("numerics.real_data.compare",)),
    "real-data-attention": Links("digits in photographs as the check arranges them", ("numerics.real_data.compare",)),
    "real-data-predicted-attention": Links(
        "digits in photographs as the check arranges them", ("fit_mixture", "three_steps")
    ),
}
"""By the claim's id."""


def claims_behind(name: str) -> list[str]:
    """Return the ids of the claims that check what a derivation leads to."""
    return [claim for claim, links in LINKS.items() if name in links.derivations]


def links_of(name: str) -> list[str]:
    """Return, for the end of a docstring, where the formulas of a documented name are derived and checked.

    Example:
        >>> for line in links_of("theory.winning_prompt"):
        ...     print(line)
        **Derived:** :ref:`derivation-prompt-attention-margin`.
        **Checked by simulation:** :ref:`claim-expressivity-prompt-with-noise`.
    """
    derived = [entry for entry in ENTRIES if documented(derive(entry).counterpart or "-") == name]
    checked = [claim for claim, links in LINKS.items() if name in map(documented, links.code)]
    lines = []
    if derived:
        lines.append(f"**Derived:** {', '.join(f':ref:`derivation-{entry}`' for entry in derived)}.")
    if checked:
        lines.append(f"**Checked by simulation:** {', '.join(f':ref:`claim-{claim}`' for claim in checked)}.")
    return lines
