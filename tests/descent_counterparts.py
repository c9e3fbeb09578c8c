"""What the theory computes of gradient descent and of the features that its steps add up, by derivation."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from tests.random_parameters import drawn, each, mixture, rows
from theory import (
    Delta,
    FlowCoefficients,
    fixed_points,
    large_tokens_flow,
    population_gradients,
)
from theory.attention.mixed_moments import AttentionScores, MixedMoments
from theory.descent.population_flow import PopulationPlane
from theory.descent.sample_complexity import _prompt_ratio
from theory.descent.step_law import Geometry, feature_law, mean_token_law, prompt_gradient_law

FEATURES = 40
"""Mixtures and prompts of which features are compared along many vectors: moments of attention take a millisecond."""


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
        v /= np.linalg.norm(v)
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


def saddle(row):
    data = mixture(row, delta_signal=abs(row["delta_w"]), noise_kind="prompt-orthogonal")
    return fixed_points(data)[0].inverse_temperature


def with_positive_delta(x):
    x["delta_w"] = np.abs(x["delta_w"])
    return each(saddle)(x)


DESCENT = {
    "signal-many-tokens": lambda x: flow(x, 0.0, "head"),
    "power-many-tokens": lambda x: flow(x, 0.0, "head") - flow(x, 1.0, "head"),
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
}
