"""Discrete measures in the plane: laws of sums of independent pairs, kept small by spectral compression.

The law of a sum of two independent pairs lives on all sums of two nodes.  A function that is analytic on the box that
holds them is its polynomial interpolant at a few Chebyshev nodes, up to ρ^{-N}, where ρ tells how far from the box its
first singularity is; so the integral of every such function is kept if each weight is handed on to the Chebyshev nodes
by the interpolant's own coefficients.  Weights may come out negative; they add up to 1.  Source: derived here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy

from theory.arguments import FloatArray

TRIMMED = 0.1
"""Weight that may be cut off at each edge of the box and is spread over the rest, in units of the accuracy."""

DROPPED = 1e-14
"""Weights as small as the rounding of their sum are left out."""

BINS = 400
CHUNK = 2048
"""So many points, with all their polynomials, stay in the fast memory of a core."""

DEPENDENT = 1e-9
"""Part of a polynomial that is new beside those before it, below which it counts as a rounding of them."""

Addition = Callable[[FloatArray, FloatArray, FloatArray, FloatArray], tuple[FloatArray, FloatArray]]


@dataclass(frozen=True)
class Accuracy:
    """How finely a measure is resolved.

    Attributes:
        digits: natural logarithm of the accuracy aimed at, 23 for 1e-10.
        first_pole: distance of the singularities of the functions to integrate from the real line, first coordinate.
        second_pole: the same, second coordinate.
    """

    digits: float
    first_pole: float
    second_pole: float


@dataclass(frozen=True)
class PlanarMeasure:
    """Nodes (x, y) and weights, three arrays of one length; the weights add up to 1 and may be negative."""

    x: FloatArray
    y: FloatArray
    weight: FloatArray


def convolution_power(
    base: PlanarMeasure, terms: int, add: Addition, accuracy: Accuracy, half: PlanarMeasure | None = None
) -> PlanarMeasure:
    """Return the law of the sum of `terms` ≥ 1 independent pairs, in about log₂ terms steps.

    Args:
        base: law of one pair.
        terms: how many.
        add: maps (x₁, y₁, x₂, y₂) to the coordinates of the sum of two pairs.
        accuracy: how finely to resolve it.
        half: what this function returned for ⌊terms/2⌋, where it is known.

    Example:
        >>> coin = PlanarMeasure(np.array([0.0, 1.0]), np.zeros(2), np.array([0.5, 0.5]))
        >>> law = convolution_power(coin, 100, lambda a, b, c, d: (a + c, b + d), Accuracy(23.0, 20.0, 20.0))
        >>> round(float(law.weight @ (law.x - 50) ** 2), 9)
        25.0
    """
    if terms == 1:
        return base
    if half is None:
        half = convolution_power(base, terms // 2, add, accuracy)
    law = compressed(_sum(half, half, add), accuracy)
    return compressed(_sum(law, base, add), accuracy) if terms % 2 else law


def thinned_power(base: PlanarMeasure, terms: int, add: Addition, degree: int) -> PlanarMeasure:
    """Return the law of a sum as `convolution_power` does, thinned to a degree instead (`thinned`).

    It is cheaper, and as good where the functions to integrate vary slowly over the law of one pair.

    Example:
        >>> coin = PlanarMeasure(np.array([0.0, 1.0]), np.zeros(2), np.array([0.5, 0.5]))
        >>> law = thinned_power(coin, 100, lambda a, b, c, d: (a + c, b + d), 8)
        >>> len(law.weight), round(float(law.weight @ (law.x - 50) ** 2), 9)
        (9, 25.0)
    """
    law = base = thinned(base, degree)
    for bit in bin(terms)[3:]:
        law = thinned(_sum(law, law, add), degree)
        if bit == "1":
            law = thinned(_sum(law, base, add), degree)
    return law


def _sum(one: PlanarMeasure, other: PlanarMeasure, add: Addition) -> PlanarMeasure:
    """Return the law of the sum of two independent pairs, on all pairs of nodes."""
    weight = np.outer(one.weight, other.weight)
    if one is other:
        weight = 2 * np.triu(weight)
        weight[np.diag_indices(len(weight))] /= 2
    kept = np.flatnonzero(np.abs(weight) > DROPPED / 1000)
    first, second = np.divmod(kept, len(other.weight))
    x, y = add(one.x[first], one.y[first], other.x[second], other.y[second])
    return PlanarMeasure(x, y, weight.ravel()[kept])


def _edges(values: FloatArray, weight: FloatArray, trimmed: float) -> tuple[float, float]:
    """Return the ends of an interval outside of which at most a share `trimmed` of the weight lies on either side."""
    low, high = float(values.min()), float(values.max())
    if high - low <= BINS * np.spacing(max(abs(low), abs(high))):
        return low, high
    place = ((values - low) * (BINS / (high - low))).astype(np.intp)
    counts, edges = np.bincount(np.minimum(place, BINS - 1), weight, BINS), np.linspace(low, high, BINS + 1)
    below, above = np.abs(np.cumsum(counts)), np.abs(np.cumsum(counts[::-1]))
    return float(edges[np.argmax(below > trimmed)]), float(edges[::-1][np.argmax(above > trimmed)])


def _node_count(length: float, pole: float, digits: float) -> int:
    """Return how many Chebyshev nodes on an interval leave e^{-digits}: ρ = p + √(1+p²), p = pole/half-length."""
    if length < 1e-12:
        return 1
    ratio = 2 * pole / length
    return max(2, math.ceil(digits / math.log(ratio + math.hypot(1.0, ratio))))


def _chebyshev(x: FloatArray, count: int) -> FloatArray:
    """Return T_k(x) for k < count, shape (count, len(x))."""
    values = np.empty((count, len(x)))
    values[0], values[1:2] = 1, x
    twice = 2 * x
    for k in range(2, count):
        np.multiply(twice, values[k - 1], out=values[k])
        values[k] -= values[k - 2]
    return values


def _nodes(lower: float, upper: float, count: int) -> tuple[FloatArray, FloatArray]:
    """Return Chebyshev nodes on [lower, upper] and the matrix from moments of T_k to weights of the nodes."""
    nodes = np.cos(np.pi * (np.arange(count) + 0.5) / count)
    factor = np.full((count, 1), 2 / count)
    factor[0] /= 2
    return (lower + upper) / 2 + (upper - lower) / 2 * nodes, (_chebyshev(nodes, count) * factor).T


def compressed(law: PlanarMeasure, accuracy: Accuracy) -> PlanarMeasure:
    """Return a measure on a Chebyshev grid with the same integrals of smooth functions, where that is smaller."""
    trimmed = TRIMMED * math.exp(-accuracy.digits)
    left, right = _edges(law.x, law.weight, trimmed)
    low, high = _edges(law.y, law.weight, trimmed)
    inside = (law.x >= left) & (law.x <= right) & (law.y >= low) & (law.y <= high)
    x, y, weight = law.x[inside], law.y[inside], law.weight[inside]
    weight = weight * (law.weight.sum() / weight.sum())
    columns = _node_count(right - left, accuracy.first_pole, accuracy.digits)
    rows = _node_count(high - low, accuracy.second_pole, accuracy.digits)
    if len(x) <= columns * rows:
        return PlanarMeasure(x, y, weight)
    return _on_grid(PlanarMeasure(x, y, weight), (left, right, columns), (low, high, rows))


def _on_grid(law: PlanarMeasure, first: tuple[float, float, int], second: tuple[float, float, int]) -> PlanarMeasure:
    """Return the measure on Chebyshev nodes of a box, given by both ends and the number of nodes of each coordinate."""
    (left, right, columns), (low, high, rows) = first, second
    x, y, weight = law.x, law.y, law.weight
    across, up = max(right - left, np.finfo(float).tiny), max(high - low, np.finfo(float).tiny)
    moments = np.zeros((columns, rows))
    for start in range(0, len(x), CHUNK):
        part = slice(start, start + CHUNK)
        in_x = _chebyshev((2 * x[part] - left - right) / across, columns)
        in_y = _chebyshev((2 * y[part] - low - high) / up, rows)
        in_y *= weight[part]
        moments += in_x @ in_y.T
    nodes_x, matrix_x = _nodes(left, right, columns)
    nodes_y, matrix_y = _nodes(low, high, rows)
    grid = matrix_x @ moments @ matrix_y.T
    column, row = np.nonzero(np.abs(grid) > DROPPED)
    kept = grid[column, row]
    return PlanarMeasure(nodes_x[column], nodes_y[row], kept / kept.sum())


def thinned(law: PlanarMeasure, degree: int) -> PlanarMeasure:
    """Return a measure on (degree+1)(degree+2)/2 of the nodes with the same integrals of polynomials to that degree.

    The polynomials are made orthonormal for the law itself, and the nodes chosen by a QR factorisation with column
    pivoting, so that their weights are as well conditioned as they can be.

    Example:
        >>> x = np.linspace(-3, 3, 101)
        >>> law = PlanarMeasure(x, np.zeros(101), np.full(101, 1 / 101))
        >>> small = thinned(law, 8)
        >>> len(small.weight), bool(abs(small.weight @ np.cos(small.x) - law.weight @ np.cos(x)) < 1e-3)
        (9, True)
    """
    flat = [float(np.ptp(values)) == 0 for values in (law.x, law.y)]
    terms = (degree + 1) * (degree + 2) // 2 if not any(flat) else (1 if all(flat) else degree + 1)
    if len(law.x) <= terms:
        return law
    across = (_chebyshev(_unit(values), degree + 1) for values in (law.x, law.y))
    first, second = across
    powers = [(i, j) for i in range(1 if flat[0] else degree + 1) for j in range(1 if flat[1] else degree + 1 - i)]
    root = np.sqrt(np.abs(law.weight))
    basis = np.stack([first[i] * second[j] for i, j in powers], axis=1) * root[:, None]
    orthonormal, triangle = np.linalg.qr(basis)
    # Where the nodes lie along a curve, polynomials that differ elsewhere are the same on them.
    independent = np.abs(np.diag(triangle)) > DEPENDENT * np.linalg.norm(basis, axis=0)
    if not independent.all():
        orthonormal, _ = np.linalg.qr(basis[:, independent])
    _, _, pivots = scipy.linalg.qr(orthonormal.T, mode="economic", pivoting=True)
    chosen = np.sort(pivots[: orthonormal.shape[1]])
    moments = orthonormal.T @ (law.weight / root)
    weight = np.linalg.solve(orthonormal[chosen].T, moments) * root[chosen]
    return PlanarMeasure(law.x[chosen], law.y[chosen], weight / weight.sum())


def _unit(values: FloatArray) -> FloatArray:
    """Return values scaled to [-1, 1]."""
    low, high = float(values.min()), float(values.max())
    return (2 * values - low - high) / max(high - low, np.finfo(float).tiny)
