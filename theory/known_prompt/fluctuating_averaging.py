"""Test error of averaging heads where attention fluctuates, for every n and p.

Given the scores of its training set the averaging head is Gaussian: over n examples, up to scale, ŵ ~ N(a e, I_p), with

    averaging:            a = Σ M_i W/√(Σ S_i²),
    weighted averaging:   a = √(Σ κ_i²),  κ_i = M_i W/S_i,       ŵ = Σ (M_i/S_i²) y_i h_i.

A test feature is κ e + ξ up to scale, κ drawn afresh, so that

    ERR = E_a E_κ P(xᵀy < 0),   x ~ N(a e, I_p), y ~ N(κ e, I_p).

The law of (Σ M_i, Σ S_i²) or of Σ κ_i² is a convolution power of the law of one example (`theory.attention.law`),
taken by doubling and thinned after each step; a and κ then keep a few nodes each.  Source: derived here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtr

from theory.arguments import FloatArray, Numbers, plain
from theory.attention.law import AttentionLaw
from theory.attention.planar_measure import PlanarMeasure, thinned, thinned_power
from theory.known_prompt.inner_product import log_inner_product_cdf
from theory.known_prompt.overlap import averaging_overlap

EXAMPLE_DEGREE = {"fine": 10, "coarse": 8}
"""Degree to which the law of (Σ M, Σ S²) over examples is kept."""

SQUARE_DEGREE = {"fine": 40, "coarse": 32}
"""Degree to which the law of Σ κ², one number, is kept."""

LENGTH_DEGREE = {"fine": 24, "coarse": 20}
"""Degree to which the laws of a and κ, one number each, are kept."""

LARGEST_LENGTH = 1e8

Lengths = tuple[FloatArray, FloatArray]


def training_lengths(law: AttentionLaw, samples: int, weighted: bool, resolution: str = "fine") -> Lengths:
    """Return nodes and weights of a for n training examples.

    Args:
        law: law of (M W, S) of one example, S > 0.
        samples: n ≥ 1.
        weighted: whether examples are weighted by M_i/S_i².
        resolution: "fine" or "coarse".

    Example:
        >>> law = AttentionLaw(np.array([1.0, 2.0]), np.array([1.0, 1.0]), np.array([0.5, 0.5]))
        >>> nodes, weights = training_lengths(law, 4, weighted=False)
        >>> round(float(weights @ nodes), 12)        # E Σ M W/√4
        3.0
    """
    degree = EXAMPLE_DEGREE[resolution]
    unit = float(np.sqrt(np.abs(law.weight) @ law.noise**2 / np.abs(law.weight).sum()))
    if weighted:
        squares = np.log1p((law.signal / law.noise) ** 2)
        base = PlanarMeasure(squares, np.zeros_like(squares), law.weight)
        total = thinned_power(base, samples, _add_squares, SQUARE_DEGREE[resolution])
        lengths = np.sqrt(np.maximum(np.expm1(total.x), 0.0))
    else:
        base = PlanarMeasure(law.signal / unit, 2 * np.log(law.noise / unit), law.weight)
        total = thinned_power(base, samples, _add_examples, degree)
        lengths = total.x / np.exp(total.y / 2)
    return one_number(lengths, total.weight, LENGTH_DEGREE[resolution])


def _add_examples(
    x: FloatArray, y: FloatArray, other_x: FloatArray, other_y: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Add (Σ M W, log Σ S²) of two sets of examples."""
    return x + other_x, np.logaddexp(y, other_y)


def _add_squares(
    x: FloatArray, y: FloatArray, other_x: FloatArray, other_y: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Add log(1 + Σ κ²) of two sets of examples."""
    larger = np.maximum(x, other_x)
    return larger + np.log(np.exp(x - larger) + np.exp(other_x - larger) - np.exp(-larger)), y + other_y


def one_number(values: FloatArray, weight: FloatArray, degree: int) -> Lengths:
    """Return a few nodes and weights of the law of one number, in arcsinh, which tames long tails."""
    small = thinned(PlanarMeasure(np.arcsinh(values), np.zeros_like(values), weight), degree)
    return np.sinh(small.x), small.weight


def fluctuating_averaging_error(
    law: AttentionLaw, samples: int, dimension: int, *, weighted: bool = False, resolution: str = "fine"
) -> tuple[float, float]:
    """Return the test error of an averaging head and its expected overlap E cos∠(ŵ, w⋆).

    Args:
        law: law of (M W, S), S > 0.
        samples: n ≥ 1.
        dimension: p ≥ 1.
        weighted: whether examples are weighted by M_i/S_i² (the best head that n examples allow).
        resolution: "fine", or "coarse" for an estimate of the error.

    Example:
        >>> law = AttentionLaw(np.array([1.0]), np.array([1.0]), np.array([1.0]))
        >>> print("%.6f" % fluctuating_averaging_error(law, 100, 50)[0])     # deterministic attention
        0.206893
    """
    lengths, weight = training_lengths(law, samples, weighted, resolution)
    kappa, kappa_weight = one_number(law.signal / law.noise, law.weight, LENGTH_DEGREE[resolution])
    # Beyond 1e8 nothing errs that a float could show, and the contour of the probability meets rounding.
    clipped = (np.clip(values, -LARGEST_LENGTH, LARGEST_LENGTH) for values in (lengths, kappa))
    a, k = (grid.ravel() for grid in np.meshgrid(*clipped, indexing="ij"))
    log_error = log_inner_product_cdf(np.full(a.size, float(dimension)), a * k, (a**2 + k**2) / 2).log_value
    error = float(weight @ np.exp(log_error).reshape(len(lengths), len(kappa)) @ kappa_weight)
    cosine = np.sign(lengths) * averaging_overlap(1, dimension, np.abs(lengths))
    return min(max(error, 0.0), 1.0), float(weight @ cosine)


def error_given_overlap(law: AttentionLaw, overlap: Numbers) -> Any:
    """Return the test error E Q(M W c_w/S) of a head at overlap c_w with w⋆, a float or an array like the overlap.

    A feature without noise is classified by the sign of its signal, a tie counting as one half.  A head whose
    overlap is not finite errs half of the time.

    Example:
        >>> law = AttentionLaw(np.array([2.0]), np.array([1.0]), np.array([1.0]))
        >>> print("%.6f" % error_given_overlap(law, 0.5))
        0.158655
    """
    cosines = np.asarray(overlap, dtype=np.float64)
    directed = np.isfinite(cosines)
    flat = np.where(directed, cosines, 0.0).ravel()
    noisy, errors = law.noise > 0, np.empty(flat.size)
    for part in law.blocks(flat.size):
        signal = flat[part, None] * law.signal
        with np.errstate(divide="ignore", invalid="ignore"):
            wrong = ndtr(-signal / law.noise)
        if not noisy.all():
            wrong = np.where(noisy, wrong, (1 - np.sign(signal)) / 2)
        errors[part] = wrong @ law.weight
    return plain(np.where(directed, np.clip(errors, 0.0, 1.0).reshape(cosines.shape), 0.5))
