"""The numeric counterpart of each derivation: random numbers for its symbols, and what the theory computes at them."""

from __future__ import annotations

import math
import zlib
from functools import cache

import numpy as np
from scipy.special import expit, ndtr

from theory import (
    ContextualMixture,
    Delta,
    FlowCoefficients,
    averaging_error,
    averaging_head,
    averaging_overlap,
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
from theory.attention.law import AttentionLaw
from theory.attention.linear_snr import linear_snr_square
from theory.attention.mixed_moments import AttentionScores, MixedMoments
from theory.descent.population_flow import PopulationPlane
from theory.descent.sample_complexity import _prompt_ratio
from theory.descent.step_law import Geometry, feature_law, mean_token_law, prompt_gradient_law
from theory.expressivity.self_attention import mean_attention
from theory.known_prompt.beta_angle import BetaAngle, log_expected_cosine
from theory.known_prompt.discriminant import DiscriminantLaw
from theory.known_prompt.full_head_least_squares import log_error_given
from theory.known_prompt.inner_product import _Phase
from theory.proportional.logistic import _Equations, _State, margins
from theory.proportional.max_margin import _hinge, _Margin
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
    **dict.fromkeys(("EA", "EAA", "EAR", "EAAR", "EP", "EAP", "EAAP", "EP3", "EPP"), (0.05, 0.95)),
    "V": (0.1, 5),
    "w_1": (-2, 2),
    "w_p": (0.1, 2),
    "u_m": (-4, 4),
    "q_m": (0.1, 5),
    **dict.fromkeys(("EMf", "ESb", "ESf"), (0.05, 1)),
    "r_m": (0, 2),
    "c_w": (-0.95, 0.95),
    "S": (0.3, 2),
    "M_slope": (-2, 2),
    "y_n": (-0.9, 0.9),
    "C_w": (-0.95, 0.95),
    "X_w": (0.2, 10),
    "G_slope": (-2, 2),
}
WHOLE = {"R": (1, 20), "m": (3, 100), "n": (2, 400), "p": (2, 200)}


WITHOUT_FUNCTION = ("a", "P", "N", "M", "x", "qw", "sw", "qq", "sq", "c_1", "c_2", "v")
ANY = {name: np.linspace(0.2, 0.7, 20) for name in WITHOUT_FUNCTION} | {"j": np.arange(2.0, 22.0)}
"""Numbers for symbols that only derivations without a numeric function have."""


DISCRIMINANTS = 20

FEATURES = 40
"""Mixtures and prompts of which features are compared along many vectors: moments of attention take a millisecond."""


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


@cache
def discriminants(count):
    """Return numbers for the law of Fisher's discriminant and its density: a law takes ten milliseconds to tabulate."""
    rng, found = np.random.default_rng(12), []
    for _ in range(DISCRIMINANTS):
        p, more, kappa = rng.integers(2, 20), rng.integers(2, 30), rng.uniform(0.1, 3)
        n, points = p + more, count // DISCRIMINANTS
        splits = n * (1 - (1 - 2 * rng.integers(1, n, points) / n) ** 2)
        cosine, reciprocal = rng.uniform(-0.95, 0.95, points), math.sqrt(n) * rng.uniform(0.2, 2, points)
        density = np.exp(DiscriminantLaw(float(n), float(p), kappa).log_density(cosine, reciprocal, splits))
        found.append(np.broadcast_arrays(float(n), float(p), kappa, splits, cosine, reciprocal, density))
    return dict(zip(("n", "p", "kappa", "k_n", "C_w", "X_w", "density"), np.hstack(found), strict=True))


def discriminant_density(x):
    x |= {name: values[: len(x["n"])] for name, values in discriminants(1000).items()}
    return x["density"]


def error_given_discriminant(x):
    x["k_n"] = x["n"] * (1 - x["y_n"] ** 2)
    numbers = zip(x["C_w"], x["X_w"], x["y_n"], x["n"], x["kappa"], strict=True)
    return np.exp([float(log_error_given(*row)) for row in numbers])


def unit_law(kappa):
    return AttentionLaw(np.array([kappa]), np.array([1.0]), np.array([1.0]))


def logistic_margin(x):
    """Return decisions, and put the margins that the theory finds for them among the numbers."""
    decision = np.where(x["u_m"] > 0, x["u_m"] + 0.1, x["u_m"] - 0.1)
    x["u_m"] = margins(decision, x["q_m"])
    return decision


def logistic_example(which):
    """Return what an equation says of a head where all examples are one, from by how much another head fails it."""

    def value(x):
        length, ridge = np.hypot(x["w_1"], x["w_p"]), np.zeros_like(x["V"]) if which == "slope" else x["lambda"]
        signal, decision = x["kappa"] * x["S"], x["u_m"]
        x["q_m"] = x["V"] * x["S"] ** 2
        x["u_m"] = margins(decision, x["q_m"])
        f = expit(-x["u_m"])
        bent = f * expit(x["u_m"]) / (1 + x["q_m"] * f * expit(x["u_m"]))
        x |= {"EMf": f * signal / x["W"], "ESb": x["S"] ** 2 * bent, "ESf": (x["S"] * f) ** 2}
        failing = []
        for place, gamma in enumerate(x["gamma"]):
            noise, gain = (array[place : place + 1] for array in (x["S"], signal))
            equations = _Equations(AttentionLaw(gain, noise, np.ones(1)), gamma)
            equations.noise, equations.signal, equations.weight = noise, gain, np.ones(1)
            equations.spread = 2 * length[place]
            equations.z = (decision[place] - gain * x["w_1"][place]) / (noise * length[place])
            state = _State(math.log(x["V"][place]), x["w_1"][place], math.log(x["w_p"][place]))
            # Derivatives, where they come along, stand behind the residuals.
            failing.append(np.vstack(equations.residual(state, ridge[place])).ravel()[:3])
        in_ridge, along, across = np.transpose(failing)
        return {
            "ridge": x["gamma"] * np.exp(in_ridge),
            "slope": x["gamma"] * np.exp(in_ridge) / x["q_m"],
            "along": x["w_1"] - along * length,
            "across": x["w_p"] * np.exp(-across),
        }[which]

    return value


def max_margin(which):
    def value(row):
        law = AttentionLaw(*(np.array([number]) for number in (row["kappa"] * row["S"], row["S"], 1.0)))
        return getattr(_Margin(law, row["gamma"]), which)(row["c_w"], row["r_m"])

    return each(value)


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


def geometry(row, **other):
    return Geometry.of(mixture(row, delta_signal=row["delta_w"], **other))


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
    """Return E cos^power θ where the number named is the larger."""

    def value(x):
        low, high = np.minimum(x["n"], x["p"]), np.maximum(x["n"], x["p"])
        x["n"], x["p"] = (high, low) if larger == "n" else (low, high)
        angle = BetaAngle(x["n"], x["p"])
        return np.exp(angle.log_mean(lambda u: power * angle.log_cosine_at(u)).log_value)

    return value


def beta_moment(x):
    x["s"] = np.full_like(x["n"], 0.5)
    x["a"], x["b"] = np.abs(x["n"] - x["p"]) + 1, np.minimum(x["n"], x["p"]) - 1
    return np.exp(log_expected_cosine(x["n"], x["p"]))


def decision_law(x):
    """Return the generating function at the saddle point of the contour that the error is computed on."""
    n, p, kappa = x["n"], x["p"] % 10 + 1, x["kappa"] / 4
    phase = _Phase(p, kappa**2 * np.sqrt(n), kappa**2 * (n + 1) / 2, np.zeros_like(n))
    x |= {"z": phase.saddle, "p": p, "kappa": kappa}
    return np.exp(phase.at_saddle())


def flow(x, c, which):
    return np.array(
        [getattr(large_tokens_flow(mixture(row, delta_signal=row["delta_w"]), c, row["tau"]), which) for row in rows(x)]
    )


def coefficients(row):
    return FlowCoefficients(0.5, row["M_1"], row["G"], 0, 0, row["W"] ** 2, 1.0, 0, 0, 0, 0)


def plane(x, which):
    """Return a coefficient of the flow from moments that are any numbers."""
    names = ("EA", "EAA", "EAR", "EAR", "EAR", "EAAR", "EP", "EAP", "EAAP", "EP3", "EPP")
    moments = [MixedMoments(*values, 0.0) for values in zip(*(x[name] for name in names), strict=True)]
    found = []
    for row, means in zip(rows(x), moments, strict=True):
        here = PopulationPlane(mixture(row, delta_signal=row["delta_w"]))
        found.append(getattr(here._coefficients(row["tau"], means), which))
    return np.array(found)


def equation(which):
    """Return the right side of an equation of the flow for coefficients that are any numbers."""

    def value(row):
        weights = row["W"] ** 2, (row["W"] / row["Q"]) ** 2
        slopes = row["M_slope"], row["G_slope"]
        here = FlowCoefficients(0.5, row["M_1"], row["G"], *slopes, *weights, 0, 0, 0, 0)
        return getattr(here, which)(row["c"])

    return each(value)


@cache
def features(count):
    """Return numbers for means and variances of features along random vectors, and both as the theory computes them."""
    rng = np.random.default_rng(11)
    kinds = ("isotropic", "prompt-orthogonal")
    settings = [
        (geometry(row, noise_kind=kinds[index % 2]), rng.normal(0, 0.5, 3))
        for index, row in enumerate(rows(drawn("features", FEATURES)))
    ]
    found = []
    for index in range(count):
        here, prompt = settings[index % FEATURES]
        label, v = rng.choice([-1.0, 1.0]), rng.standard_normal(3)
        noisy = here.projection @ prompt
        spread = here.noise * float(np.linalg.norm(noisy))
        ratio = math.log(here.relevant) + float(here.gap(label) @ prompt)
        moments = AttentionScores(ratio, round(here.tokens - here.relevant), spread).moments()
        law = feature_law(here, label, prompt)
        along = here.gap(label) @ v, here.irrelevant_mean(label) @ v, noisy @ v / np.linalg.norm(noisy)
        means = [getattr(moments, name) for name in ("share", "share_square", "pair", "share_pair")]
        numbers = [*(label * np.array(along)), v @ here.projection @ v, spread, here.noise, *means]
        found.append([*numbers, moments.pair_square, moments.triple, law.mean @ v, v @ law.covariance @ v])
    names = ("D_v", "b_v", "n_v", "v_v", "s_q", "sigma", "EA", "EAA", "EP", "EAP", "EPP", "EP3", "mean", "variance")
    return dict(zip(names, np.transpose(found), strict=True))


def feature(which):
    def value(x):
        x |= features(len(x["n"]))
        return x[which]

    return value


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
    "averaging-cosine": lambda x: averaging_overlap(x["n"], x["p"], x["kappa"]),
    "averaging-overlap": each(lambda row: averaging_head(row["W"] * row["M_1"], row["S_2"], row["gamma"]).overlap),
    "weighted-averaging-overlap": each(lambda row: weighted_averaging_head(row["k"], row["gamma"]).overlap ** 2),
    "beta-angle-moment": beta_moment,
    "least-squares-cosine": cosine(1, "n"),
    "minimum-norm-cosine": cosine(1, "p"),
    "least-squares-cosine-square": cosine(2, "n"),
    "minimum-norm-cosine-square": cosine(2, "p"),
    "discriminant-density": discriminant_density,
    "full-head-error-given": error_given_discriminant,
    "marchenko-pastur-first": each(first_transform),
    "ridge-overlap": each(lambda row: ridge_head(unit_law(row["kappa"]), row["gamma"], row["lambda"]).overlap ** 2),
    "averaging-error-limit": ridge_error(math.inf, 0.05, 3),
    "least-squares-error-limit": ridge_error(0.0, 0.05, 0.95),
    "minimum-norm-error-limit": ridge_error(0.0, 1.05, 3),
    "separability-without-signal": lambda x: np.full(len(x["n"]), separability_threshold(unit_law(0.0))),
    "logistic-margin": logistic_margin,
    "logistic-slope": logistic_example("slope"),
    "logistic-effective-ridge": logistic_example("ridge"),
    "logistic-along": logistic_example("along"),
    "logistic-across": logistic_example("across"),
    "max-margin-excess": max_margin("excess"),
    "max-margin-slope": max_margin("slope"),
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
    "head-equation": equation("head"),
    "prompt-equation": equation("prompt"),
    "signal-slope": lambda x: plane(x, "signal_slope"),
    "power-slope": lambda x: plane(x, "power_slope"),
    "feature-mean": feature("mean"),
    "feature-variance": feature("variance"),
    "best-head-length": each(lambda row: coefficients(row).best_head_length),
    "best-loss": each(lambda row: coefficients(row).loss(row["M_1"] / row["G"])),
    "saddle-temperature": with_positive_delta,
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
    ("self-attention-output", "self-attention-excess", "head-gradient", "prompt-gradient", "feature-variance"), 2e-15
)
"""Rounding errors of differences of numbers up to 10, whose results may be near 0."""

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
