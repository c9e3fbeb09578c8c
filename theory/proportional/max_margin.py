"""The max-margin head, min ‖w‖ subject to yᵢ wᵀhᵢ ≥ 1, in the proportional regime, and when there is one.

Gordon's comparison replaces the n × p noise by two vectors: with the direction of w at overlap c with w⋆, a margin
r = 1/‖w‖ can be kept if and only if, with Z standard normal,

    F(r, c) = E[(r/S - c κ - Z)₊²] - γ (1 - c²) ≤ 0,     κ = M W/S.

F is convex in c (a mean of squares of positive parts of linear functions, plus γc²) and grows with r.  So its least
value over c, G(r), grows with r as well: the margin is its root, and the overlap the c at which the least value is
taken, which solves γ c = E[κ (r/S - c κ - Z)₊].  Data are separable where G(0) < 0, that is, for γ above

    γ* = the root of min_c { E[(-c κ - Z)₊²] + γ c² } = γ,      1/2 without signal (Cover 1965).

E_Z[(x - Z)₊] = x Φ(x) + φ(x) and E_Z[(x - Z)₊²] = (1 + x²) Φ(x) + x φ(x) leave a mean over the law of (M, S).
F is convex in r and c together and hence G in r, its derivative being ∂F/∂r at the best c: from the right of the root
Newton's method comes down to it.
Source: derived here by Gordon's comparison, as Deng, Kammoun & Thrampoulidis (2022) do for deterministic features.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import scipy
from scipy.special import ndtr

from theory.arguments import ArgumentError, FloatArray, NotAvailableError, single
from theory.attention.law import AttentionLaw
from theory.proportional.overlap import ProportionalHead, certified, ratio_argument, standardised

Hinge = tuple[FloatArray, FloatArray, FloatArray]

STEPS = 1000
LAST_STEP = 4e-15
"""A step of Newton's method this small is one of rounding."""


def _hinge(x: FloatArray) -> Hinge:
    """Return P(Z < x), E (x - Z)₊ and E (x - Z)₊²."""
    density, below = np.exp(-(np.minimum(np.abs(x), 40.0) ** 2) / 2) / math.sqrt(2 * math.pi), ndtr(x)
    # Far below zero both are a difference of equal numbers, as small as the density; neither is ever negative.
    return below, np.maximum(x * below + density, 0.0), np.maximum((1 + x**2) * below + x * density, 0.0)


class _Margin:
    """F and its minimum over the overlap, for one law and ratio."""

    def __init__(self, law: AttentionLaw, gamma: float) -> None:
        self.law, self.gamma = law, gamma
        self.kappa = law.signal / law.noise

    def hinge(self, overlap: float, margin: float) -> Hinge:
        """Return `_hinge` of r/S - cκ."""
        return _hinge(margin / self.law.noise - overlap * self.kappa)

    def slope(self, overlap: float, hinge: Hinge) -> float:
        """Return ∂F/∂c/2, which grows with c."""
        return self.gamma * overlap - self.law.mean(self.kappa * hinge[1])

    def best_overlap(self, margin: float, start: float = 0.0) -> tuple[float, Hinge]:
        """Return the c in [-1, 1] at which F is least, and the hinge there.

        Newton's method inside a bracket, for any c; of an F that is least beyond an end the end is the best.
        """
        low, high, overlap, before = -1.5, 1.5, start, math.inf
        for _ in range(STEPS):
            hinge = self.hinge(overlap, margin)
            slope = self.slope(overlap, hinge)
            low, high = (overlap, high) if slope < 0 else (low, overlap)
            step = slope / (self.gamma + self.law.mean(self.kappa**2 * hinge[0]))
            if abs(step) <= LAST_STEP or low >= 1 or high <= -1:
                break
            quick = low < overlap - step < high and abs(step) < before
            overlap, before = overlap - step if quick else (low + high) / 2, abs(step)
        if abs(overlap) <= 1:
            return overlap, hinge
        overlap = math.copysign(1.0, overlap)
        return overlap, self.hinge(overlap, margin)

    def excess(self, overlap: float, hinge: Hinge) -> float:
        """Return F(r, c)."""
        return self.law.mean(hinge[2]) - self.gamma * (1 - overlap**2)

    def least(self, margin: float) -> float:
        """Return G(r)."""
        return self.excess(*self.best_overlap(margin))

    def largest_margin(self) -> tuple[float, float, float]:
        """Return the root r of G, the best c there, and the relative residual of both equations; G(0) < 0.

        Raises:
            ArgumentError: the signal is out of all proportion to the noise.
        """
        margin, overlap, right = 1.0, 0.0, False
        for _ in range(STEPS):
            overlap, hinge = self.best_overlap(margin, overlap)
            excess = self.excess(overlap, hinge)
            right = right or excess >= 0
            if not right:
                margin *= 2
                if margin > 1e150:
                    raise ArgumentError("law", "have a signal below 1e150 times its noise", "more")
                continue
            step = excess / (2 * self.law.mean(hinge[1] / self.law.noise))
            if abs(step) <= LAST_STEP * margin:
                break
            margin -= step
        slope = self.slope(overlap, hinge) if abs(overlap) < 1 else 0.0
        return margin, overlap, max(abs(excess), abs(slope)) / self.gamma


def separability_threshold(law: AttentionLaw) -> float:
    """Return γ*: for p/n above it training data are separable with probability tending to 1, below it with 0.

    Raises:
        ArgumentError: the law has a node without noise.

    Example:
        >>> law = AttentionLaw(np.array([0.0, 1.0]), np.array([1.0, 1.0]), np.array([1.0, 0.0]))
        >>> round(separability_threshold(law), 12)    # no signal: n < 2p points in general position
        0.5
    """
    return _threshold(law)


@lru_cache(maxsize=64)
def _threshold(law: AttentionLaw) -> float:
    """Return γ*; along a curve in n it is computed once."""
    scaled, _ = standardised(law)
    # At γ = 1/2 data are separable even without signal; as γ falls, only the signal can make them so.
    if _Margin(scaled, 1e-12).least(0.0) <= 0:
        return 0.0
    if _Margin(scaled, 0.5).least(0.0) >= 0:
        return 0.5
    return float(
        scipy.optimize.brentq(lambda gamma: _Margin(scaled, gamma).least(0.0), 1e-12, 0.5, xtol=1e-15, rtol=1e-13)
    )


def max_margin_head(law: AttentionLaw, ratio: float) -> ProportionalHead:
    """Return the limit of the max-margin head, its length 1/r included.

    Args:
        law: law of (M W, S), S > 0.
        ratio: γ = p/n, above the separability threshold.

    Raises:
        ArgumentError: an argument is out of range.
        NotAvailableError: the training data are not separable at this ratio, so that there is no such head.
        ConvergenceError: the equations were not solved to their certified residual.

    Example:
        >>> law = AttentionLaw(np.array([1.0]), np.array([1.0]), np.array([1.0]))
        >>> round(max_margin_head(law, ratio=1.0).overlap, 6)
        0.529172
    """
    gamma = single(ratio_argument(ratio))
    scaled, unit = standardised(law)
    equations = _Margin(scaled, gamma)
    if gamma == 0 or equations.least(0.0) >= 0:
        raise NotAvailableError(
            f"there is no max-margin head at p/n = {gamma:.6g}: training data are separable for p/n above "
            f"{separability_threshold(law):.6g} only"
        )
    margin, overlap, residual = equations.largest_margin()
    length = 1 / (margin * unit) if margin > 0 else math.inf
    head = ProportionalHead(overlap * length, math.sqrt(max(1 - overlap**2, 0.0)) * length, residual)
    return certified(head, "the max-margin head", gamma)
