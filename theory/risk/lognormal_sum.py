"""P(c + Σ L_t (α + β g_t + ν N_t) < 0) for log-normal L_t = e^{s g_t}: the one probability behind every trained model.

One term is a mean over g, several are an inversion of their characteristic function (`risk.lognormal_contour`);
where nothing is random, everything Gaussian or the sign certain to 1e-15, no integral is needed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, ndtr

from theory.arguments import FloatArray
from theory.risk.contour_choice import directions, usual_nodes
from theory.risk.lognormal_contour import Contour, LognormalSum

__all__ = ["AccuracyError", "LognormalSum", "Probability", "probability_below_zero"]

SCORE_RANGE = 8.3
"""A normal number is larger with probability 1e-16."""

CERTAIN = 8.8
"""A normal number is larger with probability 1e-18."""

TARGET = 2e-11
PROMISED = 1e-10
LARGEST_SPREAD = 12.0
LARGEST_FLOAT_SPREAD = 38.0
"""Beyond it the factors of the sum and their squares, up to e^{2·8.8 s}, may not be floats."""

LARGEST_GROWTH = 5.0
"""A contour on which Φ grows beyond e^5 would lose more digits than the rounding that is counted."""

TILTS = np.geomspace(0.5, 30, 10)
"""Chernoff's bound is good enough within a factor of 2 of the best tilt; in units of the inverse deviation."""

CHEAP = 4.0
"""So much more than the first evaluation of a contour is spent before the next contour is tried."""

MOST_VALUES = 16_000_000
"""Values of the integrand that one evaluation may take: a tenth of a second."""

PROMISING = 3
"""So many of the contours are tried again with more effort."""


class AccuracyError(ArithmeticError):
    """A probability that the method cannot bring to its promised accuracy."""


@dataclass(frozen=True)
class Probability:
    """A probability and a bound on its absolute numerical error."""

    value: float
    bound: float


def probability_below_zero(law: LognormalSum) -> Probability:
    """Return P(sum < 0), a tie counted as one half, with an absolute error below 1e-10.

    Raises:
        AccuracyError: the spread is above 12, or no contour reaches 1e-10: seen for a few of the
            sums of two to 14 terms whose noise is below a thousandth of the slope, and of more than a million terms.

    Example:
        >>> result = probability_below_zero(LognormalSum(1.0, 2, 0.0, 0.5, 0.0, 1.0))     # Q(2/√2)
        >>> round(result.value, 12)
        0.07864960353
    """
    closed = _closed_form(law)
    if closed is None and law.spread <= LARGEST_FLOAT_SPREAD:
        closed = _certain(law) or _rare(law)
    if closed is not None:
        return closed
    if law.spread > LARGEST_SPREAD:
        raise AccuracyError(
            f"the test error cannot be had to {PROMISED:g} where the scores spread by more than {LARGEST_SPREAD:g}, "
            f"got noise times the prompt's length = {law.spread:.3g}"
        )
    value, bound = _OneTerm(law).refined() if law.terms == 1 else _inverted(law)
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


def _certain(law: LognormalSum) -> Probability | None:
    """Return 0 or 1 where the sum has one sign unless one of its 2m normal numbers exceeds 8.8."""
    for sign in (1, -1):
        mean, slope = sign * law.mean - CERTAIN * law.noise, sign * law.slope
        turn = -mean / slope - 1 / law.spread if slope != 0 else 0.0
        places = (-CERTAIN, CERTAIN, min(max(turn, -CERTAIN), CERTAIN))
        if sign * law.constant + law.terms * min(math.exp(law.spread * g) * (mean + slope * g) for g in places) > 0:
            # Each of the 2m numbers is beyond 8.8 on either side with probability 1.4e-18.
            bound = 3e-18 * law.terms
            return Probability((1 - sign) / 2, bound) if bound < TARGET else None
    return None


def _rare(law: LognormalSum) -> Probability | None:
    """Return 0 or 1 where Chernoff's bound, with the scores cut off at 8.8, leaves less than 1e-12."""
    g, weights = _coarse_scores(12 * math.ceil(4 + law.spread))
    scale = np.exp(law.spread * g)
    size = math.sqrt(law.terms) * math.hypot(law.noise, law.slope, law.mean * min(law.spread, 1.0))
    tilt = TILTS / size
    sign = math.copysign(1.0, law.constant + law.terms * law.mean)
    # Each term takes its share of c along: without it the mean of e^{-tilt X} may be no float where that of the sum is.
    linear = -sign * (law.constant / law.terms + scale * (law.mean + law.slope * g))
    quadratic = (law.noise * scale) ** 2 / 2
    with np.errstate(over="ignore", divide="ignore"):
        moments = np.exp(np.outer(tilt, linear) + np.outer(tilt**2, quadratic)) @ weights
        logarithm = float(np.min(law.terms * np.log(moments)))
    # Each term is cut off with probability 1.4e-18; a trapezoidal sum of a positive function is right to a percent
    # or so at these steps, which e^-2 allows for.
    if logarithm + 2 < math.log(1e-12):
        return Probability((1 - sign) / 2, 1e-12 + 3e-18 * law.terms)
    return None


@cache
def _coarse_scores(steps: int) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights of a mean over a normal number up to 8.8."""
    g = np.linspace(-CERTAIN, CERTAIN, steps + 1)
    return g, np.exp(-(g**2) / 2) * (g[1] - g[0]) / math.sqrt(2 * math.pi)


def _inverted(law: LognormalSum) -> tuple[float, float]:
    """Try contours, with few nodes first, until one is accurate; return the best value and its bound."""
    trials = []
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for angle, lift, height in directions(law):
            trial = _Trial(Contour(law, angle, lift, height))
            while trial.bound > TARGET and trial.cost <= CHEAP:
                trial.refine()
            if trial.bound <= TARGET:
                return trial.value, trial.bound
            trials.append(trial)
        trials = sorted(trials, key=lambda trial: trial.cost)[:PROMISING]
        for trial in trials:
            while trial.bound > TARGET and trial.cost < math.inf and trial.nodes * trial.count <= MOST_VALUES:
                trial.refine()
            if trial.bound <= TARGET:
                break
    best = min(trials, key=lambda trial: trial.bound)
    return best.value, best.bound


class _Trial:
    """A contour with the numbers of nodes that its last result asks for, and what they cost beside the first ones."""

    def __init__(self, contour: Contour) -> None:
        """Take the first numbers of nodes from what most laws need."""
        self.contour = contour
        self.value, self.bound = math.nan, math.inf
        self.nodes, self.count = usual_nodes(contour)
        self.first = self.nodes * self.count
        self.cost = 1.0 if contour.growth <= LARGEST_GROWTH else math.inf

    def refine(self) -> None:
        """Evaluate, and extrapolate how many nodes the uncertainties ask for: their logarithms grow with the number."""
        nodes, count = (6 * math.ceil(number / 6) for number in (self.nodes, self.count))
        value, radii, scores = self.contour.integral(nodes, count)
        if not math.isfinite(value + radii + scores):
            self.cost = math.inf
            return
        if radii + scores < self.bound:
            self.value, self.bound = value, radii + scores
        more, finer = _factor(radii), _factor(scores)
        self.cost = nodes * more * count * finer / self.first
        # Coarse sums overstate what is needed.
        self.nodes, self.count = nodes * min(more, 2.0), count * min(finer, 2.0)


def _factor(uncertainty: float) -> float:
    """Return the factor of the number of nodes that brings an uncertainty below the target."""
    if uncertainty <= TARGET / 2:
        return 1.0
    return min(max(1.1 * math.log(TARGET / 10) / math.log(min(uncertainty, 0.5)), 1.15), 3.0)


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

    def refined(self) -> tuple[float, float]:
        """Refine by factors of 3/2 until three values agree; return the last and twice the distance."""
        if self.law.noise == 0:
            return self._between_roots(), 0.0
        values, refinement, bound = [self._integral(1.0)], 1.0, math.inf
        while bound > TARGET and refinement <= 500:
            refinement *= 1.5
            values.append(self._integral(refinement))
            if len(values) > 2:
                bound = 2 * max(abs(values[-1] - value) for value in values[-3:-1])
        return values[-1], bound

    def _between_roots(self) -> float:
        """Return the probability of the scores whose mean is below 0: there is no noise."""
        pieces = pairwise(self.cuts)
        return sum(float(ndtr(b) - ndtr(a)) for a, b in pieces if self._mean((a + b) / 2) < 0)

    def _integral(self, refinement: float) -> float:
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
