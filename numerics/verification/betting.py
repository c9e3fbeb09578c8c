"""Evidence against a mean, by betting: no false alarm rate is assumed, none depends on when the simulation stops.

A gambler who holds capital 1 stakes, before each observation Y, on its falling above the mean m that a theory claims:
the capital is multiplied by 1 + λ (Y - m), with λ ≥ 0 chosen from the observations before and so small that no Y in
its range can ruin him.  If E Y ≤ m the expected capital never grows, and by Ville's inequality it ever reaches 1/α
with probability at most α: whatever the law of Y, and whenever one looks or stops.  A second gambler stakes on Y
falling below.  The mean of both capitals is the evidence against E Y = m.

With λ = √(2 ln(2/α)/n)/s the evidence reaches 1/α within n observations of standard deviation s if the mean is off by
about s √(2 ln(2/α)/n): 6.2 standard errors at α = 1e-8, where Student's test, which is not exact there, needs 5.7.
Sources: Ville 1939; Waudby-Smith & Ramdas 2024 (betting); the stake and its power are derived here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from theory.arguments import FloatArray

POWER = 0.999
POWER_QUANTILE = float(ndtri(POWER))

BOLDEST = 0.75
"""Share of the ruinous stake that is staked at most: log(1 + x) stays close to x - x²/2 for what is likely."""

SMALLEST_LOSS = 1e-9
"""Of the range: no stake is higher than if so little could be lost."""


@dataclass(frozen=True)
class Null:
    """What is tested: E Y = mean ± allowance, or E Y ≥ mean - allowance, for lower ≤ Y ≤ upper.

    Attributes:
        mean: claimed mean.
        allowance: what the mean may be off by although the claim is true, at least 0.
        lower: least value that an observation can have.
        upper: largest value.
        two_sided: whether a mean above is a deviation too.
        false_alarm: α, probability at most of refuting a true claim.
    """

    mean: float
    allowance: float
    lower: float
    upper: float
    two_sided: bool
    false_alarm: float

    @property
    def sides(self) -> tuple[int, ...]:
        """Return the directions that are bet on: -1 below, +1 above."""
        return (-1, 1) if self.two_sided else (-1,)

    @property
    def log_threshold(self) -> float:
        """Return the logarithm that a single capital has to reach."""
        return math.log(len(self.sides) / self.false_alarm)

    def largest_stake(self, side: int) -> float:
        """Return the largest λ on one side; finite even where no observation can be on the losing one."""
        loss = self.mean + self.allowance - self.lower if side > 0 else self.upper - self.mean + self.allowance
        return BOLDEST / max(loss, SMALLEST_LOSS * (self.upper - self.lower))


def planned(null: Null, deviation: float, shift: float) -> float:
    """Return about how many observations make a shift of the mean detectable: stakes are made for so many.

    The leading term of `detectable`, solved for n; a stake that is a little off costs hardly any power.
    """
    beyond = max(shift - null.allowance, 0.05 * shift)
    return max(1.0, ((math.sqrt(2 * null.log_threshold) + POWER_QUANTILE) * deviation / beyond) ** 2)


def stake(null: Null, side: int, deviation: float, observations: float) -> float:
    """Return the stake that makes the most of so many observations of a standard deviation."""
    best = math.sqrt(2 * null.log_threshold / observations) / deviation if deviation > 0 else math.inf
    return min(best, null.largest_stake(side))


def detectable(null: Null, deviation: float, observations: float) -> float:
    """Return the smallest shift of the mean that is refuted with probability 99.9 %.

    With Δ the shift beyond the allowance, log capital grows by λΔ - λ²(s² + Δ²)/2 an observation and fluctuates by λs√n
    over n: it passes ln(2/α) with that probability where

        Δ ≥ ln(2/α)/(λn) + λ(s² + Δ²)/2 + z s/√n.

    Example:
        >>> null = Null(0.2, 0.0, 0.0, 1.0, two_sided=True, false_alarm=1e-8)
        >>> round(detectable(null, 0.04, 1_000_000) / (0.04 / 1000), 1)   # in standard errors
        9.3
    """
    worst = 0.0
    for side in null.sides:
        rate = stake(null, side, deviation, observations)
        # Δ - λΔ²/2 = c, the smaller root; none where the stake is too high for so few observations.
        c = null.log_threshold / (rate * observations) + rate * deviation**2 / 2
        c += POWER_QUANTILE * deviation / math.sqrt(observations)
        if 2 * rate * c >= 1:
            return math.inf
        worst = max(worst, 2 * c / (1 + math.sqrt(1 - 2 * rate * c)))
    return worst + null.allowance


def observations_needed(null: Null, deviation: float, shift: float) -> float:
    """Return how many observations make a shift of the mean detectable, to within a per mille; infinite if none do."""
    if shift <= null.allowance:
        return math.inf
    low, high = 1.0, 2.0
    while detectable(null, deviation, high) > shift:
        low, high = high, 2 * high
        if high > 1e15:
            return math.inf
    while high > 1.001 * low:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if detectable(null, deviation, middle) > shift else (low, middle)
    return high


def log_evidence(null: Null, portions: Iterable[FloatArray], shift: float) -> float:
    """Return the largest natural logarithm that the evidence against a claim ever had.

    Args:
        null: the claim.
        portions: observations in the order in which they were made.  Stakes are set before each portion from those
            before it, and none are set on the first, from which alone their size is learned.
        shift: the shift of the mean that stakes are made for.

    Example:
        >>> rng = np.random.default_rng(1)
        >>> portions = [rng.random(1000) for _ in range(20)]
        >>> null = Null(0.5, 0.0, 0.0, 1.0, two_sided=True, false_alarm=1e-8)
        >>> log_evidence(null, portions, 0.02) < math.log(1e8)
        True
        >>> log_evidence(Null(0.53, 0.0, 0.0, 1.0, True, 1e-8), portions, 0.02) > math.log(1e8)
        True
    """
    capitals = dict.fromkeys(null.sides, 0.0)
    best, count, mean, squares = 0.0, 0, 0.0, 0.0
    for portion in portions:
        deviation = math.sqrt(squares / (count - 1)) if count > 1 else math.nan
        paths = []
        for side in null.sides:
            rate = stake(null, side, deviation, planned(null, deviation, shift)) if count > 1 else 0.0
            gain = side * (portion - null.mean) - null.allowance
            paths.append(capitals[side] + np.cumsum(np.log1p(rate * gain)))
        if len(portion):
            evidence = np.logaddexp.reduce(paths, axis=0) - math.log(len(paths))
            best = max(best, float(evidence.max()))
            capitals = {side: float(path[-1]) for side, path in zip(null.sides, paths, strict=True)}
            gap = float(portion.mean()) - mean
            squares += float(((portion - portion.mean()) ** 2).sum()) + gap**2 * count * len(portion) / (
                count + len(portion)
            )
            count += len(portion)
            mean += gap * len(portion) / count
    return best
