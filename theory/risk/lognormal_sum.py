"""P(c + Σ L_t (α + β g_t + ν N_t) < 0) for log-normal L_t = e^{s g_t}: the one probability behind every trained model.

One term is a mean over g, several are an inversion of their characteristic function (`risk.lognormal_contour`);
where nothing is random, everything Gaussian or the sign certain to 1e-15, no integral is needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, pairwise

import numpy as np
import scipy
from scipy.special import expit, ndtr

from theory.arguments import FloatArray
from theory.risk.contour_choice import shapes, usual_radii, usual_scores
from theory.risk.lognormal_contour import Contours, LognormalSum, Shape

__all__ = ["AccuracyError", "LognormalSum", "Probability", "probabilities_below_zero", "probability_below_zero"]

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

TOGETHER = 16
"""So many contours share their arrays."""

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
    return probabilities_below_zero([law])[0]


def probabilities_below_zero(laws: Sequence[LognormalSum]) -> list[Probability]:
    """Return P(sum < 0) of several sums, as `probability_below_zero`: sooner than one by one if they spread alike."""
    different = list(dict.fromkeys(laws))  # labels and heads that mirror each other have one law
    found = [_closed_form(law) or _certain(law) for law in different]
    _fill(found, different, _rare)
    for law, known in zip(different, found, strict=True):
        if known is None and law.spread > LARGEST_SPREAD:
            raise AccuracyError(
                f"the test error cannot be had to {PROMISED:g} where the scores spread by more than "
                f"{LARGEST_SPREAD:g}, got noise times the prompt's length = {law.spread:.3g}"
            )
    _fill(found, different, _integrated)
    probabilities = dict(zip(different, found, strict=True))
    return [known for known in map(probabilities.get, laws) if known is not None]


def _fill(
    found: list[Probability | None],
    laws: Sequence[LognormalSum],
    method: Callable[[Sequence[LognormalSum]], Sequence[Probability | None]],
) -> None:
    """Fill the places that are still empty with what a method finds for their laws together."""
    empty = [index for index, known in enumerate(found) if known is None]
    if empty:
        for index, result in zip(empty, method([laws[index] for index in empty]), strict=True):
            found[index] = result


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
    if law.spread > LARGEST_FLOAT_SPREAD:
        return None
    for sign in (1, -1):
        mean, slope = sign * law.mean - CERTAIN * law.noise, sign * law.slope
        turn = -mean / slope - 1 / law.spread if slope != 0 else 0.0
        places = (-CERTAIN, CERTAIN, min(max(turn, -CERTAIN), CERTAIN))
        if sign * law.constant + law.terms * min(math.exp(law.spread * g) * (mean + slope * g) for g in places) > 0:
            # Each of the 2m numbers is beyond 8.8 on either side with probability 1.4e-18.
            bound = 3e-18 * law.terms
            return Probability((1 - sign) / 2, bound) if bound < TARGET else None
    return None


def _rare(laws: Sequence[LognormalSum]) -> list[Probability | None]:
    """Return 0 or 1 where Chernoff's bound, with the scores cut off at 8.8, leaves less than 1e-12."""
    if not any(_far(law) for law in laws):
        return [None] * len(laws)
    numbers = [(law.constant, law.terms, law.spread, law.mean, law.slope, law.noise) for law in laws]
    constant, terms, spread, mean, slope, noise = np.array(numbers, dtype=float).T[..., None]
    g, weights = _coarse_scores(12 * math.ceil(4 + min(float(spread.max()), LARGEST_FLOAT_SPREAD)))
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        scale = np.exp(spread * g)
        tilt = TILTS / (np.sqrt(terms) * np.hypot(np.hypot(noise, slope), mean * np.minimum(spread, 1.0)))
        sign = np.copysign(1.0, constant + terms * mean)
        # Each term takes its share of c along: without it the mean of e^{-tilt X} may be no float where that of the
        # sum is.
        linear = -sign * (constant / terms + scale * (mean + slope * g))
        quadratic = (noise * scale) ** 2 / 2
        moments = np.exp(tilt[..., None] * (linear[:, None] + tilt[..., None] * quadratic[:, None])) @ weights
        logarithm = np.min(terms * np.log(moments), axis=1)
    # Each term is cut off with probability 1.4e-18; a trapezoidal sum of a positive function is right to a percent
    # or so at these steps, which e^-2 allows for.
    return [
        Probability((1 - side) / 2, 1e-12 + 3e-18 * law.terms)
        if value + 2 < math.log(1e-12) and law.spread <= LARGEST_FLOAT_SPREAD
        else None
        for law, side, value in zip(laws, sign[:, 0].tolist(), logarithm.tolist(), strict=True)
    ]


def _far(law: LognormalSum) -> bool:
    """Return whether the sum's mean can be five deviations of its noise from 0: a nearer one leaves more than 1e-12."""
    drift = math.exp(min(law.spread**2 / 2, 100.0)) * (abs(law.mean) + abs(law.slope) * law.spread)
    return abs(law.constant) + law.terms * drift > 5 * math.sqrt(law.terms) * law.noise


@cache
def _coarse_scores(steps: int) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights of a mean over a normal number up to 8.8."""
    g = np.linspace(-CERTAIN, CERTAIN, steps + 1)
    return g, np.exp(-(g**2) / 2) * (g[1] - g[0]) / math.sqrt(2 * math.pi)


def _integrated(laws: Sequence[LognormalSum]) -> list[Probability]:
    """Return the probabilities by integrals; raise `AccuracyError` where one is not accurate."""
    several = [law for law in laws if law.terms > 1]
    together = (several[first : first + TOGETHER] for first in range(0, len(several), TOGETHER))
    inverted = chain.from_iterable(map(_inverted, together))
    probabilities = []
    for law in laws:
        value, bound = _OneTerm(law).refined() if law.terms == 1 else next(inverted)
        bound += 1e-15 * (100 + law.terms**0.5)
        if not bound <= PROMISED:
            raise AccuracyError(f"the test error is known to {bound:.1g} only, not to {PROMISED:g}, for {law}")
        probabilities.append(Probability(min(max(value, 0.0), 1.0), bound))
    return probabilities


def _inverted(laws: Sequence[LognormalSum]) -> list[tuple[float, float]]:
    """Try the first contours of all laws at once, and others where one is not accurate; return values and bounds."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        others = [shapes(law) for law in laws]
        trials = _trials(laws, [next(shape) for shape in others])
        _refine([trial for trial in trials if trial.cost < math.inf])
        return [
            (trial.value, trial.bound) if trial.bound <= TARGET else _searched(law, trial, shape)
            for law, trial, shape in zip(laws, trials, others, strict=True)
        ]


def _searched(law: LognormalSum, trial: _Trial, others: Iterator[Shape]) -> tuple[float, float]:
    """Try contours, with few nodes first, until one is accurate; return the best value and its bound."""
    trials = []
    while True:
        while trial.bound > TARGET and trial.cost <= CHEAP:
            _refine([trial])
        if trial.bound <= TARGET:
            return trial.value, trial.bound
        trials.append(trial)
        shape = next(others, None)
        if shape is None:
            break
        (trial,) = _trials([law], [shape])
    trials = sorted(trials, key=lambda trial: trial.cost)[:PROMISING]
    for trial in trials:
        while trial.bound > TARGET and trial.cost < math.inf and trial.nodes * trial.count <= MOST_VALUES:
            _refine([trial])
        if trial.bound <= TARGET:
            break
    best = min(trials, key=lambda trial: trial.bound)
    return best.value, best.bound


class _Trial:
    """One of some contours, with the numbers of nodes that its last result asks for, and what they cost."""

    def __init__(self, law: LognormalSum, contours: Contours, index: int) -> None:
        """Take the first numbers of nodes from what most laws need."""
        self.contours, self.index = contours, index
        self.value, self.bound = math.nan, math.inf
        self.nodes = usual_radii(law, contours.upper[index] - contours.lower[index])
        self.count = usual_scores(law)
        self.first = self.nodes * self.count
        self.cost = 1.0 if contours.growth[index] <= LARGEST_GROWTH else math.inf

    def learn(self, nodes: int, count: int, value: float, radii: float, scores: float) -> None:
        """Extrapolate how many nodes the uncertainties ask for: their logarithms grow with the number."""
        if not math.isfinite(value + radii + scores):
            self.cost = math.inf
            return
        if radii + scores < self.bound:
            self.value, self.bound = value, radii + scores
        more, finer = _factor(radii), _factor(scores)
        self.cost = nodes * more * count * finer / self.first
        # Coarse sums overstate what is needed.
        self.nodes, self.count = nodes * min(more, 2.0), count * min(finer, 2.0)


def _trials(laws: Sequence[LognormalSum], tried: Sequence[Shape]) -> list[_Trial]:
    """Make contours, one a law."""
    contours = Contours(laws, tried, math.ceil(max(usual_scores(law) for law in laws)))
    return [_Trial(law, contours, index) for index, law in enumerate(laws)]


def _refine(trials: Sequence[_Trial]) -> None:
    """Evaluate some of the contours that were made together."""
    if not trials:
        return
    nodes = [6 * math.ceil(trial.nodes / 6) for trial in trials]
    count = math.ceil(max(trial.count for trial in trials))
    laws = np.array([trial.index for trial in trials])
    results = trials[0].contours.integral(laws, np.array(nodes), count)
    for trial, number, value, radii, scores in zip(trials, nodes, *results, strict=True):
        trial.learn(number, count, float(value), float(radii), float(scores))


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
                cuts.append(scipy.optimize.brentq(self._mean, first, last))
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
