"""The numeric counterpart of each derivation: random numbers for its symbols, and what the theory computes at them."""

from __future__ import annotations

from functools import cache

import numpy as np

from tests.descent_counterparts import DESCENT
from tests.head_counterparts import HEADS
from tests.noisy_relevant_counterparts import NOISY_RELEVANT
from tests.random_parameters import drawn, each, mixture, rows
from theory import (
    context_benefit,
    deterministic_attention,
    hard_attention_error,
    hard_attention_midpoint,
    hard_attention_threshold,
    large_tokens_moments,
    self_attention_threshold,
    separation,
    winning_prompt,
)
from theory.attention.linear_snr import linear_snr_square
from theory.derivations import ENTRIES
from theory.expressivity.self_attention import mean_attention


def expansion(name):
    def value(x):
        moment = getattr(large_tokens_moments(mixture(x), x["tau"]), name)
        return moment.limit * (1 + moment.correction + moment.second)

    return value


@cache
def benefits(count):
    """Return numbers and benefits at few tokens, for the time: the limits do not depend on their number."""
    x = drawn("benefit", count) | {"R": np.ones(count), "m": np.full(count, 3.0)}
    x["T"] = x["R"] + x["m"]
    return x, [context_benefit(mixture(row), row["tau"]) for row in rows(x)]


def threshold(x):
    x["zeta"] = 0.5 + x["zeta"] / 2
    return np.array([self_attention_threshold(zeta).threshold for zeta in x["zeta"]])


def sufficient(low):
    """Return the bound where the scores of one sign are what counts, ζ above or below 1/2."""

    def value(x):
        x["zeta"] = low + np.floor(20 * x["epsilon"]) / 40 + 0.01
        return np.array([self_attention_threshold(zeta).sufficient for zeta in x["zeta"]])

    return value


def few_tokens(attribute):
    """Return a threshold at few shares ζ: each takes a search that has nothing to do with this number."""

    def value(x):
        x["zeta"] = x["R"] / (x["R"] + 12)
        return np.array([getattr(separation(int(row["R"] + 12), int(row["R"])), attribute) for row in rows(x)])

    return value


def linear_gain(x):
    """Return E κ² of linear attention over that of uniform pooling, at m > 2."""
    pooled = deterministic_attention(mixture(x), 0.0).kappa ** 2
    return each(lambda row: linear_snr_square(mixture(row)))(x) / pooled


def linear_gain_without_shift(x):
    x["delta_q"] = np.zeros_like(x["delta_q"])
    return linear_gain(x)


def margin_length(row):
    model = winning_prompt(
        [1.0, 0.0],
        [0.0, 1.0],
        sparsity=row["zeta"],
        least_delta_context=row["delta_q"],
        largest_delta_signal=row["C"],
        margin=row["mu"],
    )
    return model.prompt[0]


def many_losing(x):
    """Keep to settings in which uniform pooling has not the margin already: t > 0."""
    x["C"] = x["C"] + x["zeta"] / (1 - x["zeta"])
    return each(margin_length)(x)


def excess(x):
    """Return Δ/(1+Δ) - Ā at Δ = o, ζ = o/(1+o)."""
    x["o"] = x["Delta"]
    return np.array(
        [o / (1 + o) - mean_attention(o / (1 + o), o, np.array(u)) for o, u in zip(x["o"], x["u"], strict=True)]
    )


def output(x):
    x["wr"] = x["c"]
    attention = [float(mean_attention(row["zeta"], row["Delta"], np.array(row["u"]))) for row in rows(x)]
    return x["wr"] * ((1 + x["Delta"]) * np.array(attention) - x["Delta"])


COUNTERPARTS = {
    **HEADS,
    **DESCENT,
    **NOISY_RELEVANT,
    "share-many-tokens": expansion("share"),
    "noise-many-tokens": expansion("noise_square"),
    "snr-many-tokens": expansion("snr_square"),
    "constant-attention-snr": lambda x: (
        deterministic_attention(mixture(x, delta_signal=x["delta_w"], noise_kind="prompt-orthogonal"), x["tau"]).kappa
        ** 2
    ),
    "hard-attention-error": lambda x: hard_attention_error(mixture(x, delta_signal=x["delta_w"])),
    "hard-attention-midpoint": lambda x: hard_attention_midpoint(x["m"], x["delta_q"]),
    "hard-attention-threshold": lambda x: hard_attention_threshold(x["m"], x["delta_q"]),
    "uniform-pooling-delta": few_tokens("uniform_pooling_delta"),
    "linear-attention-delta": few_tokens("linear_attention_delta"),
    "prompt-attention-margin": many_losing,
    "linear-attention-gain-exact": linear_gain_without_shift,
    "linear-attention-gain-kummer": linear_gain,
    "self-attention-threshold": threshold,
    "self-attention-sufficient-positive": sufficient(0.5),
    "self-attention-sufficient-negative": sufficient(0.0),
    "self-attention-output": output,
    "self-attention-excess": excess,
}
"""What the theory computes, by derivation; a function may change the numbers that it is given."""


BENEFITS = {
    "benefit-of-context": "prompt_many_tokens",
    "best-temperature": "best_temperature_many_tokens",
    "best-gain": "best_many_tokens",
    "linear-attention-gain": "linear_many_tokens",
}


SMALLEST = dict.fromkeys(
    ("self-attention-output", "self-attention-excess", "head-gradient", "prompt-gradient", "noisy-prompt-step"), 2e-15
)
"""Rounding errors of differences of numbers up to 10, whose results may be near 0."""


SMALLEST |= {"feature-variance": 1e-14}
"""A variance is a difference of mean squares, of up to 30."""


NOT_COMPUTED = {
    "best-weights": "the theory computes with all weights at once",
    "marchenko-pastur-second": "ridge-overlap, which is compared, holds it",
    "no-benefit": "a number, and benefit-of-context is compared",
    "uniform-pooling-factor": "the theory computes where it vanishes; by brute force in test_derivation_tokens",
    "linear-attention-factor": "the theory computes where it vanishes; by brute force in test_derivation_tokens",
    "self-attention-tangent": "a place",
    "overlap-of-two-angles": "the theory averages over it; the mean is compared",
    "snr-many-tokens-any-signal": "against the exact moment in test_derivation_tokens",
    "self-attention-square": "self-attention-excess, which is compared, holds it",
}
"""Derivations whose number no function of the theory computes, and why."""


NUMERIC_FUNCTIONS = {
    "averaging_error": ("averaging-law", "averaging-error-one-dimension"),
    "averaging_head": ("averaging-overlap", "averaging-error-central-limit", "averaging-error-limit"),
    "averaging_overlap": ("averaging-cosine",),
    "best_accuracies": ("uniform-pooling-factor", "linear-attention-factor"),
    "best_inverse_temperature": ("best-temperature",),
    "context_benefit": ("benefit-of-context", "best-gain", "linear-attention-gain-kummer"),
    "attention_moments": ("snr-many-tokens-any-signal",),
    "deterministic_attention": ("constant-attention-snr",),
    "fixed_points": ("saddle-temperature", "best-loss"),
    "full_head_least_squares_error": ("discriminant-density", "full-head-error-given"),
    "full_head_least_squares_overlap": ("discriminant-density",),
    "gradient_descent": ("head-equation", "prompt-equation"),
    "gradient_flow": ("head-equation", "prompt-equation"),
    "hard_attention_error": ("hard-attention-error",),
    "hard_attention_midpoint": ("hard-attention-midpoint",),
    "hard_attention_threshold": ("hard-attention-threshold",),
    "large_tokens_flow": ("signal-many-tokens", "power-many-tokens"),
    "large_tokens_moments": ("share-many-tokens", "noise-many-tokens", "snr-many-tokens"),
    "least_squares_overlap": (
        "overlap-of-two-angles",
        "averaging-cosine",
        "least-squares-cosine",
        "minimum-norm-cosine",
    ),
    "logistic_head": ("logistic-margin", "logistic-effective-ridge", "logistic-along", "logistic-across"),
    "max_margin_head": ("max-margin-excess", "max-margin-slope"),
    "linear_attention_accuracy": ("linear-attention-factor",),
    "linear_attention_risk": ("linear-attention-law",),
    "noisy_relevant_steps": tuple(name for name in ENTRIES if name.startswith("noisy-")),
    "population_flow": ("head-equation", "prompt-equation", "signal-slope", "power-slope", "best-loss"),
    "population_gradients": ("head-gradient", "prompt-gradient"),
    "ridge_head": ("ridge-overlap", "least-squares-error-limit", "minimum-norm-error-limit"),
    "sample_complexity": ("head-sample-complexity", "prompt-sample-complexity"),
    "self_attention_accuracy": ("self-attention-output",),
    "self_attention_threshold": ("self-attention-threshold", "self-attention-sufficient-negative"),
    "separability_threshold": ("separability-without-signal", "max-margin-excess", "max-margin-slope"),
    "separation": ("uniform-pooling-delta", "linear-attention-delta"),
    "three_steps": ("head-step-overlap", "prompt-step-overlap", "feature-mean", "feature-variance"),
    "weighted_averaging_head": ("weighted-averaging-overlap", "best-weights"),
    "winning_prompt": ("prompt-attention-margin",),
}
"""The closed forms of each public function of the theory that has any."""


INTEGRALS_AND_ROOTS = {
    *("attention_law", "averaging_expansion", "best_ridge_head"),
    *("best_linear_attention_error", "best_pooling_error", "best_prompt_attention_error"),
    *("error_given_overlap", "exact_risk", "fluctuating_averaging_error", "full_head_averaging_error"),
    *("full_head_averaging_overlap", "known_prompt_error"),
    *("large_tokens_fixed_point", "least_squares_error", "load_model"),
    *("mixed_moments", "population_error", "winning_self_attention"),
}
"""The public functions without one: what they return is integrated, searched for or read."""


def numeric(name, count):
    """Return numbers for the symbols, and what the theory computes at them."""
    if name in BENEFITS:
        x, found = benefits(count)
        return x, np.array([getattr(benefit, BENEFITS[name]) for benefit in found])
    x = drawn(name, count)
    value = np.asarray(COUNTERPARTS[name](x))
    return x, value
