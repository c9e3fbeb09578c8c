"""P(c + Σ L_t (α + β g_t + ν N_t) < 0) for log-normal L_t = e^{s g_t}: the one probability behind every trained model.

Given g_t a term is Gaussian, so that its characteristic function is one integral over a normal g,

    φ(u) = E exp( iu e^{sg} (α + βg) - u² ν² e^{2sg}/2 ),

and the m terms are independent.  By Gil-Pelaez (1951), with Φ(u) = e^{iuc} φ(u)^m,

    P = 1/2 - (1/π) ∫_0^∞ Im Φ(u) du/u.

On the real axis Φ may turn for long before it falls.  Along a ray u = r e^{iθ} whose θ has the sign of c it falls
exponentially; |θ| < π/4 keeps the Gaussian factor falling too.  Turning the ray adds the quarter of a pole at 0,

    P = 1/2 - θ/π - (1/π) ∫_0^∞ Im Φ(r e^{iθ}) dr/r.

Both integrals are trapezoidal sums of analytic functions, over g and over log r; they are refined until they agree.
Source: the inversion formula is Gil-Pelaez's, the contour is derived here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import expit, ndtr

from theory.arguments import FloatArray

ComplexArray = npt.NDArray[Any]

WIDEST_ANGLE = 0.3
GROWTH = 3.0
"""The ray turns only so far that |φ|^m, which may grow off the real axis, stays below about e^3."""

SCORE_RANGE = 8.3
"""A normal number is larger with probability 1e-16."""

NEGLIGIBLE = 37.0
TARGET = 2e-11
PROMISED = 1e-10
LARGEST_SPREAD = 12.0
CHUNK = 2**18
FEW_TERMS = 1000
"""So many roundings of 1e-16 in φ stay far below 1e-10 in φ^m."""


class AccuracyError(ArithmeticError):
    """A probability that the method cannot bring to its promised accuracy."""


@dataclass(frozen=True)
class Probability:
    """A probability and a bound on its absolute numerical error."""

    value: float
    bound: float


@dataclass(frozen=True)
class LognormalSum:
    """The sum c + Σ_{t ≤ m} e^{s g_t} (α + β g_t + ν N_t) with independent standard normal g_t, N_t.

    Attributes:
        constant: c.
        terms: m ≥ 0.
        spread: s ≥ 0.
        mean: α.
        slope: β.
        noise: ν ≥ 0.
    """

    constant: float
    terms: int
    spread: float
    mean: float
    slope: float
    noise: float

    def log_characteristic(self, u: ComplexArray, nodes: int) -> ComplexArray:
        """Return log Φ(u) for u of shape (k,), by `nodes` + 1 values of g."""
        g = np.linspace(-SCORE_RANGE, SCORE_RANGE, nodes + 1)
        weights = np.exp(-(g**2) / 2) * (g[1] - g[0]) / math.sqrt(2 * math.pi)
        scale = np.exp(self.spread * g)
        linear, quadratic = scale * (self.mean + self.slope * g), (self.noise * scale) ** 2 / 2
        change = np.empty(u.shape, dtype=complex)
        rows = max(1, CHUNK // len(g))
        for first in range(0, len(u), rows):
            part = u[first : first + rows, None]
            exponent = 1j * part * linear - part**2 * quadratic
            change[first : first + rows] = _expm1(exponent, self.terms) @ weights
        return self.terms * _log1p(change) + 1j * u * self.constant


def _expm1(z: ComplexArray, terms: int) -> ComplexArray:
    """Return e^z - 1; for many terms with the digits of a small z, for φ - 1 is of order 1/m then."""
    if terms <= FEW_TERMS:
        return np.asarray(np.exp(z) - 1)
    decay = np.maximum(z.real, -745.0)
    rest = np.expm1(decay) * np.cos(z.imag) - 2 * np.sin(z.imag / 2) ** 2 + 1j * np.exp(decay) * np.sin(z.imag)
    return np.asarray(rest)


def _log1p(z: ComplexArray) -> ComplexArray:
    """Return log(1 + z) with the digits of a small z; -745 where 1 + z vanishes."""
    square = 2 * z.real + z.real**2 + z.imag**2
    logarithm = 0.5 * np.log1p(np.maximum(square, np.nextafter(-1, 0))) + 1j * np.arctan2(z.imag, 1 + z.real)
    return np.asarray(logarithm)


def probability_below_zero(law: LognormalSum) -> Probability:
    """Return P(sum < 0), a tie counted as one half, with an absolute error below 1e-10.

    Raises:
        AccuracyError: the spread is above 12, or grids of up to 1,800 steps do not agree to 1e-10: seen for two or
            three terms with noise far below mean or slope (a head nearly parallel to the prompt), for some spreads
            above 5, and for some sums of millions of terms whose mean is far from 0.

    Example:
        >>> result = probability_below_zero(LognormalSum(1.0, 2, 0.0, 0.5, 0.0, 1.0))     # Q(2/√2)
        >>> round(result.value, 12)
        0.07864960353
    """
    closed = _closed_form(law)
    if closed is not None:
        return closed
    if law.spread > LARGEST_SPREAD:
        raise AccuracyError(
            f"the test error cannot be had to {PROMISED:g} where the scores spread by more than {LARGEST_SPREAD:g}, "
            f"got noise times the prompt's length = {law.spread:.3g}"
        )
    rule, largest = (_OneTerm(law), 500.0) if law.terms == 1 and law.noise > 0 else (_Ray(law), 30.0)
    value, bound = _refine(rule.probability, largest)
    bound += 1e-15 * (100 + law.terms**0.5)
    if not bound <= PROMISED:
        raise AccuracyError(f"the test error is known to {bound:.1g} only, not to {PROMISED:g}, for {law}")
    return Probability(float(min(max(value, 0.0), 1.0)), float(bound))


def _closed_form(law: LognormalSum) -> Probability | None:
    """Return the probability where nothing is random, or everything Gaussian."""
    if law.spread == 0 or law.terms == 0 or law.mean == law.slope == law.noise == 0:
        centre = law.constant + law.terms * law.mean
        deviation = math.sqrt(law.terms) * math.hypot(law.slope, law.noise)
        if deviation == 0:
            return Probability((1 - float(np.sign(centre))) / 2, 0.0)
        return Probability(float(ndtr(-centre / deviation)), 1e-15)
    return None


def _refine(rule: Callable[[float], float], largest: float) -> tuple[float, float]:
    """Refine by factors of 3/2 until three values agree; return the last, and twice its distance from the others."""
    values, refinement = [rule(1.0)], 1.0
    while refinement <= largest:
        refinement *= 1.5
        values.append(rule(refinement))
        bound = 2 * max(abs(values[-1] - value) for value in values[-3:-1])
        if len(values) > 2 and bound <= TARGET:
            break
    return values[-1], bound


class _OneTerm:
    """A single term: P(c e^{-sg} + α + βg + νN < 0 | g), averaged over g between the roots of its mean."""

    def __init__(self, law: LognormalSum) -> None:
        """Cut the range of g where the mean, convex or concave, turns and where it changes its sign."""
        self.law = law
        cuts = [-SCORE_RANGE, SCORE_RANGE]
        if law.constant * law.slope > 0:
            turn = math.log(law.spread * law.constant / law.slope) / law.spread
            cuts.append(min(max(turn, -SCORE_RANGE), SCORE_RANGE))
        cuts = sorted(set(cuts))
        for first, last in pairwise(cuts):
            if self._mean(first) * self._mean(last) < 0:
                cuts.append(brentq(self._mean, first, last))
        self.cuts = sorted(set(cuts))

    def _mean(self, g: float) -> float:
        """Return c e^{-sg} + α + βg."""
        law = self.law
        return float(law.constant * math.exp(-law.spread * g) + law.mean + law.slope * g)

    def probability(self, refinement: float) -> float:
        """Integrate piece by piece with nodes that crowd at its ends (tanh-sinh)."""
        law, total = self.law, 0.0
        x = np.linspace(-3.2, 3.2, round(64 * refinement) + 1)
        share, stretch = expit(math.pi * np.sinh(x)), math.pi * np.cosh(x)
        weight = share * expit(-math.pi * np.sinh(x)) * stretch * (x[1] - x[0])
        for first, last in pairwise(self.cuts):
            g = first + (last - first) * share
            mean = law.constant * np.exp(-law.spread * g) + law.mean + law.slope * g
            density = np.exp(-(g**2) / 2) / math.sqrt(2 * math.pi)
            total += (last - first) * float((ndtr(-mean / law.noise) * density * weight).sum())
        return total


class _Ray:
    """The ray r e^{iθ} and the stretch of log r on which Φ matters."""

    def __init__(self, law: LognormalSum) -> None:
        """Choose the angle, the scale of r and the ends."""
        self.law = law
        turning = law.terms * (law.mean**2 + 2 * law.slope**2)
        limit = math.sqrt(2 * GROWTH / turning) * law.noise if turning > 0 else WIDEST_ANGLE
        self.angle = math.copysign(min(WIDEST_ANGLE, limit), law.constant) if law.constant != 0 else 0.0
        self.size = math.sqrt(law.terms) * (law.noise + abs(law.slope) + abs(law.mean) * min(law.spread, 1.0))
        self.shape = 1 + law.spread
        depth = NEGLIGIBLE + SCORE_RANGE * law.spread + math.log1p(abs(law.constant) / self.size)
        self.lower = -self.shape * math.log(depth / self.shape)
        coarse = np.linspace(-2.0, NEGLIGIBLE + (SCORE_RANGE + 2) * law.spread, 65)
        magnitude = law.log_characteristic(self.points(coarse), self.scores(1.0)).real
        alive = np.flatnonzero(magnitude > -NEGLIGIBLE)
        self.upper = float(coarse[min(alive[-1] + 1, len(coarse) - 1)] if alive.size else coarse[0])

    def scores(self, refinement: float) -> int:
        """Return how many steps in g the spread of L asks for."""
        return 2 * math.ceil((18 + 11 * self.law.spread) * refinement)

    def points(self, v: FloatArray) -> ComplexArray:
        """Return u = r e^{iθ} with log r = v - a e^{-v/a}, a = 1 + s, which crowds the nodes where Φ changes."""
        radius = np.exp(v - self.shape * np.exp(-v / self.shape)) / self.size
        return np.asarray(radius * complex(math.cos(self.angle), math.sin(self.angle)))

    def probability(self, refinement: float) -> float:
        """Integrate Im Φ over log r."""
        v = np.linspace(self.lower, self.upper, round(48 * refinement) + 1)
        phi = np.exp(self.law.log_characteristic(self.points(v), self.scores(refinement)))
        integral = float((phi.imag * (1 + np.exp(-v / self.shape))).sum()) * (v[1] - v[0])
        return float(0.5 - (self.angle + integral) / math.pi)
