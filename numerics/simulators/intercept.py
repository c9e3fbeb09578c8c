"""The least-squares head in the full space, exact in law from a handful of numbers, for every n.

Features are y (κ e + ξ) in p dimensions and a constant coordinate b: an intercept.  Given the labels, ȳ their mean and
k = n (1 - ȳ²), only half the difference of the class means, G/√k with G ~ N(√k κ e, I_p), and the mean of all features,
ȳ κ e + N(0, I_p/n), independent of it, matter besides the scatter within the classes.

    n ≥ p + 1   the scatter is a Wishart matrix of n - 2 degrees of freedom, of which a chi-square number scales the
                head and a beta number turns it; the coordinate along the prompt follows from the mean feature;
    n ≤ p       the head interpolates: it lies in the r = p - n + 2 dimensions that are orthogonal to the scatter,
                there in the plane of difference and mean, and its length is traded against that of the intercept.

Source: derived here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from numerics.simulators.repetitions import Repetitions
from theory.arguments import FloatArray


@dataclass(frozen=True)
class _Heads:
    """Heads (w, intercept) in units of S, arrays of shape (repetitions,)."""

    along: FloatArray
    """wᵀe"""
    length: FloatArray
    """‖w‖"""
    intercept: FloatArray


def draw_intercept_heads(
    samples: int, dimension: int, kappa: float, context: float, repetitions: int, rng: np.random.Generator
) -> Repetitions:
    """Draw the overlap of the full-space least-squares head and its exact test error, `repetitions` times.

    Args:
        samples: n ≥ 1.
        dimension: p ≥ 1, without the constant coordinate.
        kappa: κ.
        context: b = B/S > 0.
        repetitions: heads to draw.
        rng: source of randomness.

    Example:
        >>> draw_intercept_heads(10, 5, 1.0, 2.0, 3, np.random.default_rng(1)).errors.shape
        (3,)
    """
    mean_label = 2 * rng.binomial(samples, 0.5, repetitions) / samples - 1
    agree = np.abs(mean_label) == 1
    if samples > dimension:
        differing = _fisher(samples, dimension, kappa, mean_label[~agree], rng)
        agreeing = _intercept_alone(mean_label[agree])
    else:
        differing = _interpolating(samples, dimension, kappa, context, mean_label[~agree], rng)
        agreeing = _interpolating_one_class(samples, dimension, kappa, context, mean_label[agree], rng)
    errors, overlaps = np.empty(repetitions), np.empty(repetitions)
    for which, heads in ((~agree, differing), (agree, agreeing)):
        signal = kappa * heads.along
        with np.errstate(divide="ignore"):
            margins = (signal + heads.intercept) / heads.length, (signal - heads.intercept) / heads.length
        errors[which] = (ndtr(-margins[0]) + ndtr(-margins[1])) / 2
        overlaps[which] = heads.along / np.hypot(heads.length, heads.intercept / context)
    return Repetitions(errors, overlaps)


def _chi(freedom: int, size: int, rng: np.random.Generator) -> FloatArray:
    """Draw the lengths of standard normal vectors, 0 in no dimension."""
    return np.sqrt(rng.chisquare(freedom, size)) if freedom > 0 else np.zeros(size)


def _projection(rest: int, lost: int, size: int, rng: np.random.Generator) -> FloatArray:
    """Draw the length of e projected on a uniform subspace of `rest` dimensions, `lost` others being lost."""
    return np.sqrt(rng.beta(rest / 2, lost / 2, size)) if lost > 0 else np.ones(size)


def _fisher(samples: int, dimension: int, kappa: float, mean_label: FloatArray, rng: np.random.Generator) -> _Heads:
    """Draw heads for n ≥ p + 1 and two classes."""
    size, root = len(mean_label), np.sqrt(samples * (1 - mean_label**2))
    scale = _chi(samples - dimension - 1, size, rng) ** 2
    along = root * kappa + rng.standard_normal(size)
    difference = np.hypot(along, _chi(dimension - 1, size, rng))
    cosine = _projection(samples - dimension, dimension - 1, size, rng)
    # One coordinate, of random sign, of a uniform direction in the p - 1 dimensions orthogonal to the difference.
    sideways = _projection(1, dimension - 2, size, rng) * rng.choice([-1.0, 1.0], size) * (dimension > 1)
    first = along / difference
    overlap = first * cosine + np.sqrt(1 - first**2) * np.sqrt(1 - cosine**2) * sideways
    length = root * difference / (cosine * (scale + difference**2))
    mean_feature = mean_label * kappa * overlap + rng.standard_normal(size) / np.sqrt(samples)
    return _Heads(length * overlap, length, mean_label - length * mean_feature)


def _intercept_alone(mean_label: FloatArray) -> _Heads:
    """Return the heads for n ≥ p + 1 where all labels agree."""
    return _Heads(np.zeros_like(mean_label), np.zeros_like(mean_label), mean_label)


def _interpolating(
    samples: int, dimension: int, kappa: float, context: float, mean_label: FloatArray, rng: np.random.Generator
) -> _Heads:
    """Draw heads for n ≤ p and two classes, in an orthonormal frame: e projected, the rest of δ, the rest of x̄."""
    size, rest = len(mean_label), min(dimension - samples + 2, dimension)
    root, split = np.sqrt(samples), np.sqrt(samples * (1 - mean_label**2))
    projected = _projection(rest, samples - 2, size, rng)
    delta = np.zeros((3, size))
    delta[0] = projected * kappa + rng.standard_normal(size) / split
    delta[1] = _chi(rest - 1, size, rng) / split
    mean = np.stack([*rng.standard_normal((2, size)), _chi(rest - 2, size, rng)]) / root
    mean[0] += mean_label * projected * kappa
    square = (delta**2).sum(axis=0)
    share = (mean * delta).sum(axis=0) / square
    sideways = mean - share * delta
    sideways_square = (sideways**2).sum(axis=0)
    traded = (mean_label - share) / (context**2 + sideways_square)
    along = projected * (delta[0] / square + traded * sideways[0])
    return _Heads(along, np.sqrt(1 / square + traded**2 * sideways_square), traded * context**2)


def _interpolating_one_class(
    samples: int, dimension: int, kappa: float, context: float, mean_label: FloatArray, rng: np.random.Generator
) -> _Heads:
    """Draw heads for n ≤ p where all labels agree: w is the projected mean feature, shortened."""
    size, rest = len(mean_label), dimension - samples + 1
    projected = _projection(rest, samples - 1, size, rng)
    along = projected * kappa + rng.standard_normal(size) / np.sqrt(samples)  # label-signed
    square = along**2 + _chi(rest - 1, size, rng) ** 2 / samples
    total = context**2 + square
    return _Heads(projected * along / total, np.sqrt(square) / total, mean_label * context**2 / total)
