"""A Monte Carlo mean with its standard error and a confidence interval, merged from blocks of any number."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv, stdtrit

from theory.arguments import FloatArray


@dataclass(frozen=True)
class Moments:
    """Count, mean and sum of squared deviations of numbers seen so far."""

    count: int
    mean: float
    squares: float

    @classmethod
    def of(cls, values: FloatArray) -> Moments:
        """Return the moments of an array, which may be empty."""
        if len(values) == 0:
            return cls(0, 0.0, 0.0)
        mean = float(np.mean(values))
        return cls(len(values), mean, float(np.sum((values - mean) ** 2)))

    def __add__(self, other: Moments) -> Moments:
        """Merge two sets of numbers, without cancellation (Chan, Golub & LeVeque 1983)."""
        count = self.count + other.count
        if count == 0:
            return self
        gap = other.mean - self.mean
        mean = self.mean + gap * other.count / count
        return Moments(count, mean, self.squares + other.squares + gap**2 * self.count * other.count / count)

    @property
    def standard_error(self) -> float:
        """Standard error of the mean; infinite for a single number."""
        if self.count < 2:
            return math.inf
        return math.sqrt(self.squares / (self.count - 1) / self.count)

    def interval(self, level: float, lower: float, upper: float) -> tuple[float, float]:
        """Return a confidence interval for the mean of numbers that lie between `lower` and `upper`.

        Student's interval, cut to the range.  Where all numbers agree it would have no width, and with one number no
        end; there the interval is the exact one for numbers at
        an end of the range: a mean further than (upper - lower) (1 - a^{1/count}) away would have shown itself with
        probability 1 - a, a = (1 - level)/2.
        """
        tail = (1 - level) / 2
        if self.count < 2 or self.squares == 0:
            width = (upper - lower) * (1 - tail ** (1 / self.count))
        else:
            width = float(stdtrit(self.count - 1, 1 - tail)) * self.standard_error
        # A mean of numbers at an end of the range may be beyond it by rounding.
        mean = min(max(self.mean, lower), upper)
        return max(lower, mean - width), min(upper, mean + width)


def binomial_interval(successes: float, trials: int, level: float) -> tuple[float, float]:
    """Return Clopper and Pearson's confidence interval for a probability.

    Example:
        >>> low, high = binomial_interval(0, 100, 0.95)
        >>> print(low, round(high, 6))
        0.0 0.036217
    """
    tail = (1 - level) / 2
    low = float(betaincinv(successes, trials - successes + 1, tail)) if successes > 0 else 0.0
    high = float(betaincinv(successes + 1, trials - successes, 1 - tail)) if successes < trials else 1.0
    return low, high
