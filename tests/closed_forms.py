"""The numeric counterpart of each derivation: random numbers for its symbols, and what the theory computes at them."""

from __future__ import annotations

import math
import zlib
from functools import cache

import numpy as np
from scipy.special import ndtr

from theory import (
    ContextualMixture,
    Delta,
    FlowCoefficients,
    averaging_error,
    averaging_head,
    context_benefit,
    deterministic_attention,
    fixed_points,
    hard_attention_error,
    hard_attention_midpoint,
    hard_attention_threshold,
    large_tokens_flow,
    large_tokens_moments,
    population_gradients,
    ridge_head,
    self_attention_threshold,
    separability_threshold,
    separation,
    weighted_averaging_head,
    winning_prompt,
)
from theory.attention.law import AttentionLaw, attention_law
from theory.descent.sample_complexity import _prompt_ratio
from theory.descent.step_law import Geometry, mean_token_law, prompt_gradient_law
from theory.expressivity.self_attention import mean_attention
from theory.head import Head
from theory.known_prompt.beta_angle import TiltedAngle, log_expected_cosine
from theory.known_prompt.fluctuating_prediction import mean_snr_square
from theory.known_prompt.inner_product import Phase
from theory.proportional.max_margin import _hinge
from theory.proportional.ridge import log_effective_ridge
from theory.risk.quadratic_form import _Phase as PairsPhase

RANGES = {
    "Q": (0.5, 2),
    "W": (0.5, 3),
    "sigma": (0.5, 1.5),
    "tau": (0, 0.5),
    "delta_q": (-0.5, 1),
    "delta_w": (-1, 1),
    "rho": (-0.95, 0.95),
    "kappa": (0.1, 3),
    "gamma": (0.05, 3),
    "lambda": (0.05, 5),
    "c": (-2, 2),
    "M_1": (0.1, 2),
    "S_2": (0.1, 2),
    "G": (0.5, 4),
    "k": (0.1, 5),
    "C": (0.1, 5),
    "mu": (0.05, 0.95),
    "Delta": (0.1, 6),
    "u": (-4, 4),
    "l": (0.1, 4),
    "epsilon": (0.02, 0.98),
    "D_w": (-2, 2),
    "alpha": (-3, 3),
    "beta": (-3, 3),
    "r": (-0.95, 0.95),
}
WHOLE = {"R": (1, 20), "m": (3, 100), "n": (2, 400), "p": (2, 200)}


WITHOUT_FUNCTION = ("a", "P", "N", "M", "S", "x", "qw", "sw", "qq", "sq", "c_1", "c_2", "v")
ANY = {name: np.linspace(0.2, 0.7, 20) for name in WITHOUT_FUNCTION} | {"j": np.arange(2.0, 22.0)}
"""Numbers for symbols that only derivations without a numeric function have."""


def drawn(name, count):
    """Return random numbers for all symbols, the same in every run."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    numbers = {symbol: rng.uniform(*ends, count) for symbol, ends in RANGES.items()}
    numbers |= {symbol: rng.integers(*ends, count).astype(float) for symbol, ends in WHOLE.items()}
    numbers["T"] = numbers["R"] + numbers["m"]
    numbers["zeta"] = numbers["R"] / numbers["T"]
    return numbers


def mixture(x, **other):
    return ContextualMixture(
        **{
            "dimension": 50,
            "tokens": x["T"],
            "relevant_tokens": x["R"],
            "context_norm": x["Q"],
            "signal_norm": x["W"],
            "noise": x["sigma"],
            "delta_context": x["delta_q"],
            **other,
        }
    )


def rows(x):
    """Yield the numbers of each point."""
    for values in zip(*x.values(), strict=True):
        yield dict(zip(x, values, strict=True))


def each(function):
    """Return the function of arrays that computes one point at a time."""
    return lambda x: np.array([function(row) for row in rows(x)])


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


def product_law(x):
    """Return the integrand that is inverted, at a real argument, with one term: a negative one, or the other tail's."""
    x |= {"z": np.random.default_rng(8).uniform(-0.95, 0.95, len(x["r"]))}
    argument, sign = x["z"] / 2, np.where(x["z"] < 0, 1.0, -1.0)
    up, down = 1 + sign * x["r"], 1 - sign * x["r"]
    squares = [(x["alpha"] + one * sign * x["beta"]) ** 2 / 4 for one in (1, -1)]
    saddle = -np.abs(argument)
    count = np.zeros(len(saddle))
    phase = PairsPhase(count, count + 0.5, up, down, *squares, saddle, 1 + down * saddle)
    return np.exp(phase.at_saddle())


def unit_law(kappa):
    return AttentionLaw(np.array([kappa]), np.array([1.0]), np.array([1.0]))


def ridge_error(ridge, low, high):
    """Return the error for γ between these."""

    def value(x):
        x["gamma"] = low + (high - low) * x["gamma"] / 3
        heads = [ridge_head(unit_law(row["kappa"]), row["gamma"], ridge) for row in rows(x)]
        return ndtr(-x["kappa"] * np.array([head.overlap for head in heads]))

    return value


def gradient(which, kind="any"):
    """Return -vᵀ∇ for random vectors, and put their products among the numbers."""

    def value(x):
        rng = np.random.default_rng(5)
        found, products = [], []
        for row in rows(x):
            q, w_star, w, v = rng.standard_normal((4, 5))
            delta = Delta(row["delta_q"], row["delta_w"])
            if kind != "any":
                cosine = row["rho"] if kind == "angle" else 0.0
                q = row["Q"] * np.eye(5)[0]
                w_star = row["W"] * (cosine * np.eye(5)[0] + math.sqrt(1 - cosine**2) * np.eye(5)[1])
                w, delta = row["c"] * w_star, Delta(0.0, 0.0)
            step = population_gradients(
                q,
                w_star,
                w,
                tokens=int(row["T"]),
                relevant_tokens=int(row["R"]),
                noise=row["sigma"],
                deltas=[delta],
            )
            found.append(getattr(step, which) @ v)
            products.append((q @ w, w_star @ w, w @ w, q @ v, w_star @ v, w @ v))
        x |= dict(zip(("qw", "sw", "ww", "qv", "sv", "vw"), np.transpose(products), strict=True))
        return np.array(found)

    return value


def geometry(row):
    return Geometry.of(mixture(row, delta_signal=row["delta_w"]))


def head_overlap_square(row):
    law = mean_token_law(geometry(row), 1.0)
    return law.mean[1] ** 2 / (law.mean[1] ** 2 + row["gamma"] * law.elsewhere)


def head_snr_square(row):
    law = mean_token_law(geometry(row), 1.0)
    return law.mean[1] ** 2 / law.elsewhere


def prompt_overlap_square(row):
    """Return cos² from mean and variance of the step, for the head that the first step leads to."""
    cosine = math.sqrt(head_overlap_square(row))
    head = np.array([0.0, cosine, math.sqrt(1 - cosine**2)])
    laws = [prompt_gradient_law(geometry(row), label, head) for label in (1.0, -1.0)]
    mean = (laws[0].mean + laws[1].mean) / 2
    return mean[0] ** 2 / (mean[0] ** 2 + row["gamma"] * laws[0].elsewhere)


def prompt_noise(x):
    """Return the variance for a head along the gap between the tokens and across it."""
    found, along = [], []
    for row in rows(x):
        here = geometry(row)
        head = np.array([0.3, 0.5, math.sqrt(1 - 0.34)])
        along.append(here.gap(1.0) @ head)
        found.append(prompt_gradient_law(here, 1.0, head).elsewhere)
    x["D_w"] = np.array(along)
    return np.array(found)


def prompt_ratio(row):
    return _prompt_ratio(geometry(row), head_snr_square(row), row["epsilon"] / (1 - row["epsilon"]))


def cosine(power, larger):
    """Return E cos^power θ, by the nodes on which the error is computed, where the number named is the larger."""

    def value(x):
        low, high = np.minimum(x["n"], x["p"]), np.maximum(x["n"], x["p"])
        x["n"], x["p"] = (high, low) if larger == "n" else (low, high)
        angle = TiltedAngle(high - low + 1, low - 1, np.full_like(low, -350.0))
        offset, log_weight = angle.nodes(60)
        return (np.exp(log_weight + angle.log_peak()) * (angle.cosine + offset) ** power).sum(axis=0)

    return value


def beta_moment(x):
    x["s"] = np.full_like(x["n"], 0.5)
    x["a"], x["b"] = np.abs(x["n"] - x["p"]) + 1, np.minimum(x["n"], x["p"]) - 1
    return np.exp(log_expected_cosine(x["n"], x["p"]))


def decision_law(x):
    """Return the generating function at the saddle point of the contour that the error is computed on."""
    n, p, kappa = x["n"], x["p"] % 10 + 1, x["kappa"] / 4
    phase = Phase(p, kappa**2 * np.sqrt(n), kappa**2 * (n + 1) / 2, np.zeros_like(n))
    x |= {"z": phase.saddle, "p": p, "kappa": kappa}
    return np.exp(phase.at_saddle())


def flow(x, c, which):
    return np.array(
        [getattr(large_tokens_flow(mixture(row, delta_signal=row["delta_w"]), c, row["tau"]), which) for row in rows(x)]
    )


def coefficients(row):
    return FlowCoefficients(0.5, row["M_1"], row["G"], 0, 0, row["W"] ** 2, 1.0, 0, 0, 0, 0)


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
    """Return E κ² of linear attention over that of uniform pooling, at δ_q = 0."""
    x["m"] = x["m"] % 12 + 3
    x["T"] = x["R"] + x["m"]

    def gain(row):
        data = mixture(row, delta_context=0.0)
        head = Head(1, 1.0, "linear")
        pooled = float(deterministic_attention(data, 0.0).kappa) ** 2
        return mean_snr_square(data, head, attention_law(data, 1.0, "linear")) / pooled

    return each(gain)(x)


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


def saddle(row):
    data = mixture(row, delta_signal=abs(row["delta_w"]), noise_kind="prompt-orthogonal")
    return fixed_points(data)[0].inverse_temperature


def with_positive_delta(x):
    x["delta_w"] = np.abs(x["delta_w"])
    return each(saddle)(x)


def first_transform(row):
    return math.exp(log_effective_ridge(unit_law(row["kappa"]), row["gamma"], row["lambda"])) / row["gamma"]


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
    "share-many-tokens": expansion("share"),
    "noise-many-tokens": expansion("noise_square"),
    "snr-many-tokens": expansion("snr_square"),
    "signal-many-tokens": lambda x: flow(x, 0.0, "head"),
    "power-many-tokens": lambda x: flow(x, 0.0, "head") - flow(x, 1.0, "head"),
    "constant-attention-snr": lambda x: (
        deterministic_attention(mixture(x, delta_signal=x["delta_w"], noise_kind="prompt-orthogonal"), x["tau"]).kappa
        ** 2
    ),
    "averaging-law": decision_law,
    "linear-attention-law": product_law,
    "averaging-error-one-dimension": lambda x: averaging_error(x["n"], 1, x["kappa"]).error,
    "averaging-error-central-limit": each(
        lambda row: ndtr(-row["kappa"] * averaging_head(row["kappa"], 1.0, row["gamma"]).overlap)
    ),
    "averaging-overlap": each(lambda row: averaging_head(row["W"] * row["M_1"], row["S_2"], row["gamma"]).overlap),
    "weighted-averaging-overlap": each(lambda row: weighted_averaging_head(row["k"], row["gamma"]).overlap ** 2),
    "beta-angle-moment": beta_moment,
    "least-squares-cosine": cosine(1, "n"),
    "minimum-norm-cosine": cosine(1, "p"),
    "least-squares-cosine-square": cosine(2, "n"),
    "minimum-norm-cosine-square": cosine(2, "p"),
    "marchenko-pastur-first": each(first_transform),
    "ridge-overlap": each(lambda row: ridge_head(unit_law(row["kappa"]), row["gamma"], row["lambda"]).overlap ** 2),
    "averaging-error-limit": ridge_error(math.inf, 0.05, 3),
    "least-squares-error-limit": ridge_error(0.0, 0.05, 0.95),
    "minimum-norm-error-limit": ridge_error(0.0, 1.05, 3),
    "separability-without-signal": lambda x: np.full(len(x["n"]), separability_threshold(unit_law(0.0))),
    "hinge-mean": lambda x: _hinge(x["l"])[0],
    "hinge-mean-square": lambda x: _hinge(x["l"])[1],
    "hard-attention-error": lambda x: hard_attention_error(mixture(x, delta_signal=x["delta_w"])),
    "hard-attention-midpoint": lambda x: hard_attention_midpoint(x["m"], x["delta_q"]),
    "hard-attention-threshold": lambda x: hard_attention_threshold(x["m"], x["delta_q"]),
    "head-gradient": gradient("head"),
    "prompt-gradient": gradient("prompt"),
    "prompt-gradient-first-step": gradient("prompt", "orthogonal"),
    "prompt-gradient-any-angle": gradient("prompt", "angle"),
    "head-step-overlap": each(head_overlap_square),
    "head-sample-complexity": each(lambda row: head_snr_square(row) * row["epsilon"] / (1 - row["epsilon"])),
    "prompt-step-noise": prompt_noise,
    "prompt-step-overlap": each(prompt_overlap_square),
    "prompt-sample-complexity": each(prompt_ratio),
    "best-head-length": each(lambda row: coefficients(row).best_head_length),
    "best-loss": each(lambda row: coefficients(row).loss(row["M_1"] / row["G"])),
    "saddle-temperature": with_positive_delta,
    "uniform-pooling-delta": few_tokens("uniform_pooling_delta"),
    "linear-attention-delta": few_tokens("linear_attention_delta"),
    "prompt-attention-margin": many_losing,
    "linear-attention-gain-exact": linear_gain,
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

SMALLEST = dict.fromkeys(("self-attention-output", "self-attention-excess", "head-gradient", "prompt-gradient"), 2e-15)
"""Rounding errors of differences of numbers up to 10, whose results may be near 0."""

LOOSER = {"linear-attention-gain-exact": 1e-10}
"""The theory computes E 1/χ² as a sum over the nodes of a law, for few tokens of a density that is not smooth at 0."""

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
    "best_accuracies": ("uniform-pooling-factor", "linear-attention-factor"),
    "best_inverse_temperature": ("best-temperature",),
    "context_benefit": ("benefit-of-context", "best-gain", "linear-attention-gain", "linear-attention-gain-exact"),
    "attention_moments": ("snr-many-tokens-any-signal",),
    "deterministic_attention": ("constant-attention-snr",),
    "fixed_points": ("saddle-temperature", "best-loss"),
    "hard_attention_error": ("hard-attention-error",),
    "hard_attention_midpoint": ("hard-attention-midpoint",),
    "hard_attention_threshold": ("hard-attention-threshold",),
    "large_tokens_flow": ("signal-many-tokens", "power-many-tokens"),
    "large_tokens_moments": ("share-many-tokens", "noise-many-tokens", "snr-many-tokens"),
    "least_squares_overlap": ("overlap-of-two-angles", "least-squares-cosine", "minimum-norm-cosine"),
    "linear_attention_accuracy": ("linear-attention-factor",),
    "linear_attention_risk": ("linear-attention-law",),
    "population_flow": ("best-head-length", "best-loss"),
    "population_gradients": ("head-gradient", "prompt-gradient"),
    "ridge_head": ("ridge-overlap", "least-squares-error-limit", "minimum-norm-error-limit"),
    "sample_complexity": ("head-sample-complexity", "prompt-sample-complexity"),
    "self_attention_accuracy": ("self-attention-output",),
    "self_attention_threshold": ("self-attention-threshold", "self-attention-sufficient-negative"),
    "separability_threshold": ("separability-without-signal", "hinge-mean-square"),
    "separation": ("uniform-pooling-delta", "linear-attention-delta"),
    "three_steps": ("head-step-overlap", "prompt-step-overlap", "prompt-step-noise"),
    "weighted_averaging_head": ("weighted-averaging-overlap", "best-weights"),
    "winning_prompt": ("prompt-attention-margin",),
}
"""The closed forms of each public function of the theory that has any."""

INTEGRALS_AND_ROOTS = {
    *("attention_law", "averaging_expansion", "averaging_overlap", "best_ridge_head"),
    *("best_linear_attention_error", "best_pooling_error", "best_prompt_attention_error"),
    *("error_given_overlap", "exact_risk", "fluctuating_averaging_error", "full_head_averaging_error"),
    *("full_head_averaging_overlap", "full_head_least_squares_error", "full_head_least_squares_overlap"),
    *("gradient_descent", "gradient_flow", "known_prompt_error"),
    *("large_tokens_fixed_point", "least_squares_error", "load_model", "logistic_head", "max_margin_head"),
    *("mixed_moments", "noisy_relevant_steps", "population_error", "winning_self_attention"),
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
