"""The max-margin head (hard-margin support-vector machine), or a proof that there is none."""

from __future__ import annotations

import numpy as np
from scipy.linalg import qr_delete
from scipy.linalg.lapack import dtrtrs
from scipy.optimize import nnls

from numerics.training.training_error import TrainingError
from theory.arguments import FloatArray

SMALLEST_MARGIN = 1e-7
"""A margin that is smaller, relative to the largest coordinate, is rounding: the data count as not separable."""

GAP = 1e-8
"""Largest relative distance between the margin reached and the margin that the dual proves unattainable."""

SATISFIED = 2e-9
"""A constraint wᵀx ≥ 1 that misses by less is not pursued: with ‖w‖ up to 1/SMALLEST_MARGIN it is rounding."""

DEPENDENT = 1e-13
"""A feature whose part outside the span of the support is shorter, relative to the largest coordinate, lies in it."""

ROUNDING = 1e-14
"""Coefficients of a combination that are smaller, relative to the sum of all, are 0."""

STEPS_PER_CONSTRAINT = 20
"""Constraints enter and leave the support; the method is finite, and a few steps each were the most ever seen."""


class _Support:
    """The support of the head so far: N = QR has its features as columns, w = Nu solves Nᵀw = 1, u > 0."""

    def __init__(self, dimension: int) -> None:
        """Begin with no feature, and w = 0."""
        self.members: list[int] = []
        self.orthonormal, self.triangle = np.empty((dimension, 0)), np.empty((0, 0))
        self.multipliers, self.weights = np.empty(0), np.zeros(dimension)

    def project(self, feature: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return Qᵀx, r = R⁻¹Qᵀx and the part of x outside the span of N."""
        inside = self.orthonormal.T @ feature
        rest = feature - self.orthonormal @ inside
        again = self.orthonormal.T @ rest  # twice is enough
        inside, rest = inside + again, rest - self.orthonormal @ again
        return inside, self._solve(inside), rest

    def add(self, member: int, inside: FloatArray, rest: FloatArray) -> None:
        """Let a feature enter, and compute u and w afresh."""
        length, size = float(np.linalg.norm(rest)), len(self.members)
        triangle = np.zeros((size + 1, size + 1))
        triangle[:size, :size], triangle[:size, size], triangle[size, size] = self.triangle, inside, length
        self.orthonormal, self.triangle = np.column_stack([self.orthonormal, rest / length]), triangle
        self.members.append(member)
        coordinates = self._solve(np.ones(size + 1), transposed=True)
        self.weights, self.multipliers = self.orthonormal @ coordinates, self._solve(coordinates)

    def drop(self, position: int) -> None:
        """Let a feature leave."""
        left = len(self.members) - 1
        if left > 0:
            factors = qr_delete(self.orthonormal, self.triangle, position, which="col", check_finite=False)
            self.orthonormal, self.triangle = (np.asarray(factor, dtype=np.float64) for factor in factors)
        self.orthonormal, self.triangle = self.orthonormal[:, :left], self.triangle[:left, :left]
        del self.members[position]
        self.multipliers = np.delete(self.multipliers, position)

    def _solve(self, right: FloatArray, *, transposed: bool = False) -> FloatArray:
        """Return R⁻¹ b, or R⁻ᵀ b."""
        if len(right) == 0:
            return right
        return np.asarray(dtrtrs(self.triangle, right, trans=int(transposed))[0])


def max_margin_head(features: FloatArray) -> FloatArray | None:
    """Return argmin ‖w‖² subject to wᵀxᵢ ≥ 1 for all i, or None where no w has wᵀxᵢ > 0 for all i.

    Whatever rounding does, any w and any u ≥ 0 bound the largest margin that a direction has,

        min xᵢᵀw/‖w‖  ≤  largest margin  ≤  ‖Σ uᵢ xᵢ‖/Σ uᵢ,

    and the two ends certify the answer: they agree to 1e-8, or the upper one is so small that no margin is left.
    Where margins are wide least-distance programming finds both ends (`_least_distance`), ten times as fast as the
    method that finds them everywhere, the dual active-set method of Goldfarb & Idnani (1983): ŵ for some of the
    constraints is known, the one that it misses most enters, and those whose multiplier would become negative leave.
    Margins fall, so that it ends, with ŵ or with a non-negative combination u of features that vanishes.

    Args:
        features: label-signed features xᵢ, shape (n, p).

    Raises:
        TrainingError: the two ends do not meet.

    Example:
        >>> max_margin_head(np.array([[2.0, 0.0], [2.0, 1.0]])).round(12)
        array([0.5, 0. ])
        >>> max_margin_head(np.array([[1.0, 0.0], [-1.0, 0.0]])) is None
        True
    """
    samples, dimension = features.shape
    largest = float(np.abs(features).max())
    if largest == 0:
        return None
    scaled = features / largest
    found = _least_distance(scaled)
    if found is not None:
        return found / largest
    support = _Support(dimension)
    for _ in range(STEPS_PER_CONSTRAINT * (samples + dimension)):
        products = scaled @ support.weights
        worst = int(np.argmin(products))
        if products[worst] >= 1 - SATISFIED:
            certified = _certified(scaled, support.weights, scaled[support.members], support.multipliers)
            if certified is None:
                break
            return certified / largest
        margin = _enter(support, scaled[worst], worst)
        if margin <= SMALLEST_MARGIN:
            return None
    raise TrainingError(
        f"the max-margin solver did not come to an end on {samples} training features of dimension {dimension}"
    )


def _least_distance(features: FloatArray) -> FloatArray | None:
    """Return the head by least-distance programming (Lawson & Hanson 1974), or None if it is not certified.

    With u ≥ 0 the minimiser of ‖Σ uᵢ xᵢ‖² + (Σ uᵢ - 1)², ŵ is Σ uᵢ xᵢ up to scale.
    """
    dimension = features.shape[1]
    rows, target = np.vstack([features.T, np.ones(len(features))]), np.zeros(dimension + 1)
    target[-1] = 1.0
    try:
        multipliers, _ = nnls(rows, target)
    except RuntimeError:  # too many iterations
        return None
    normal = features.T @ multipliers
    if float(np.linalg.norm(normal)) <= SMALLEST_MARGIN * float(multipliers.sum()):
        return None
    return _certified(features, normal, features, multipliers)


def _certified(
    features: FloatArray, weights: FloatArray, support: FloatArray, multipliers: FloatArray
) -> FloatArray | None:
    """Return w, scaled so that the narrowest product is 1, if the multipliers of the support prove its margin best."""
    narrowest, length = float((features @ weights).min()), float(np.linalg.norm(weights))
    normal, total = float(np.linalg.norm(support.T @ multipliers)), float(multipliers.sum())
    return weights / narrowest if narrowest * total >= (1 - GAP) * normal * length else None


def _enter(support: _Support, feature: FloatArray, member: int) -> float:
    """Let a feature enter the support; return a margin that is proved unattainable for all features together."""
    while True:
        inside, ratios, rest = support.project(feature)
        length = float(np.linalg.norm(rest))
        falling = ratios > ROUNDING * float(np.abs(ratios).sum())
        steps = np.full(len(ratios), np.inf)
        steps[falling] = support.multipliers[falling] / ratios[falling]
        leaving = int(np.argmin(steps)) if len(steps) else 0
        longest_step = float(steps[leaving]) if len(steps) else np.inf
        if length <= DEPENDENT:
            if not np.isfinite(longest_step):
                # x - N r vanishes, and r ≤ 0.
                return length / (1 - float(ratios.sum()))
            step = longest_step
        else:
            full_step = (1 - float(feature @ support.weights)) / length**2
            if full_step <= longest_step:
                support.add(member, inside, rest)
                return float(1 / np.linalg.norm(support.weights))
            step = longest_step
            support.weights = support.weights + step * rest
        support.multipliers = support.multipliers - step * ratios
        support.drop(leaving)
