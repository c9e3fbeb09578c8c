"""What the theory computes of heads, by derivation."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from scipy.special import expit, ndtr

from tests.random_parameters import each, rows
from theory import (
    averaging_error,
    averaging_head,
    averaging_overlap,
    ridge_head,
    separability_threshold,
    weighted_averaging_head,
)
from theory.attention.law import AttentionLaw
from theory.known_prompt.beta_angle import TiltedAngle, log_expected_cosine
from theory.known_prompt.discriminant import DiscriminantLaw
from theory.known_prompt.full_head_least_squares import log_error_given
from theory.known_prompt.inner_product import Phase
from theory.proportional.logistic import _Equations, _State, margins
from theory.proportional.max_margin import _hinge, _Margin
from theory.proportional.ridge import log_effective_ridge
from theory.risk.quadratic_form import _Phase as PairsPhase


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


DISCRIMINANTS = 20


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
        margin = _Margin(law, row["gamma"])
        return getattr(margin, which)(row["c_w"], margin.hinge(row["c_w"], row["r_m"]))

    return each(value)


def ridge_error(ridge, low, high):
    """Return the error for γ between these."""

    def value(x):
        x["gamma"] = low + (high - low) * x["gamma"] / 3
        heads = [ridge_head(unit_law(row["kappa"]), row["gamma"], ridge) for row in rows(x)]
        return ndtr(-x["kappa"] * np.array([head.overlap for head in heads]))

    return value


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


def first_transform(row):
    return math.exp(log_effective_ridge(unit_law(row["kappa"]), row["gamma"], row["lambda"])) / row["gamma"]


HEADS = {
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
    "hinge-mean": lambda x: _hinge(x["l"])[1],
    "hinge-mean-square": lambda x: _hinge(x["l"])[2],
}
