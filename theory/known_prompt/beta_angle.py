"""The angle between a least-squares head and the averaging direction: cos²θ ~ Beta.

For n features in p dimensions the least-squares solution (minimum norm where n ≤ p) lies at an angle θ from the mean of
the label-signed features, uniformly around it and independently of it, with

    cos²θ ~ Beta(a/2, b/2),   a = |n - p| + 1,   b = min(n, p) - 1          (θ = 0 for b = 0).

Source: derived here (for n > p, ŵ ∝ G⁻¹m̂ with G a Wishart matrix independent of m̂; for n ≤ p, ŵ is m̂ projected away
from n - 1 independent Gaussian directions).

Means over θ are integrals over u = log tan θ - ½ log(b/a), where the density is log-concave with its peak at 0:

    log ρ(u) = -½ [ a log(1 + s²(e^{2u} - 1)) + b log(1 + c²(e^{-2u} - 1)) ],   s² = b/(a+b), c² = a/(a+b).

Relative to its peak no digits are lost at n = p = 10⁹, where the normalising Beta function would cost nine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from theory.arguments import FloatArray
from theory.quadrature import NEGLIGIBLE, LogIntegral, support, trapezoid

INTERVALS = 96
SEARCH_DEPTH = 760.0
"""The search for the peak goes to where the density is e^-760: a mean below e^-745 underflows."""

LogFunction = Callable[[FloatArray], FloatArray]


def _log_mixture(log_weight: FloatArray, log_other: FloatArray, exponent: FloatArray) -> FloatArray:
    """Return log(w e^exponent + 1 - w), without overflow for large exponents or lost digits for small ones."""
    small = np.log1p(np.exp(log_weight) * np.expm1(np.minimum(exponent, 1.0)))
    return np.asarray(np.where(exponent < 1.0, small, np.logaddexp(log_weight + exponent, log_other)))


class BetaAngle:
    """Law of θ for arrays of settings, all with b > 0."""

    def __init__(self, samples: FloatArray, dimension: FloatArray) -> None:
        """Take n and p of shape (settings,), with min(n, p) ≥ 2."""
        self.a, self.b = np.abs(samples - dimension) + 1, np.minimum(samples, dimension) - 1
        self.log_sine, self.log_cosine = np.log(self.b / (self.a + self.b)), np.log(self.a / (self.a + self.b))
        self.width = np.sqrt((self.a + self.b) / (2 * self.a * self.b))

    def log_density(self, u: FloatArray) -> FloatArray:
        """Return log ρ(u), which is 0 at u = 0; u has shape (nodes, settings)."""
        sine = _log_mixture(self.log_sine, self.log_cosine, 2 * u)
        cosine = _log_mixture(self.log_cosine, self.log_sine, -2 * u)
        return np.asarray(-(self.a * sine + self.b * cosine) / 2)

    def log_cosine_at(self, u: FloatArray) -> FloatArray:
        """Return log cos θ."""
        return np.asarray((self.log_cosine - _log_mixture(self.log_sine, self.log_cosine, 2 * u)) / 2)

    def log_mean(self, log_function: LogFunction) -> LogIntegral:
        """Return log E f for a positive f, given as log f(u), that does not grow with cos θ as fast as e^{a cos²θ}."""
        value = self._log_integral(lambda u: self.log_density(u) + log_function(u))
        normalisation = self._log_integral(self.log_density)
        # At the peak the two terms of log ρ cancel to first order from this size; a sum of 97 terms rounds a few times.
        rounding = np.finfo(np.float64).eps * (64 + 2 * np.sqrt(self.a * self.b / (self.a + self.b)))
        relative_error = value.relative_error + normalisation.relative_error + rounding
        return LogIntegral(value.log_value - normalisation.log_value, relative_error)

    def _peak(self, log_integrand: LogFunction) -> tuple[FloatArray, FloatArray]:
        """Return where an integrand has its peak, and the peak's width: its area over √(2π) times its height.

        A grid over all scales of u finds the peak, and a finer one, two cells long, refines it.  The finer one gives
        the width too, unless the peak overflows it.
        """
        reach = np.arcsinh((SEARCH_DEPTH / self.a + 40 * self.width) / self.width)
        coarse = self._scan(log_integrand, -0.6 * reach, reach, 65)
        fine = self._scan(log_integrand, coarse.left, coarse.right, 25)
        overflows = fine.area > 0.4 * self.width * (np.sinh(coarse.right) - np.sinh(coarse.left))
        area = np.where(overflows, coarse.area * np.exp(coarse.height - fine.height), fine.area)
        return fine.peak, area / np.sqrt(2 * np.pi)

    def _scan(self, log_integrand: LogFunction, lower: FloatArray, upper: FloatArray, points: int) -> _Scan:
        """Evaluate the integrand at `points` values of x, u = width sinh x, from `lower` to `upper`."""
        cell = (upper - lower) / (points - 1)
        x = lower + cell * np.arange(points)[:, None]
        u = self.width * np.sinh(x)
        log_values = log_integrand(u)
        best = np.argmax(log_values, axis=0)
        column = np.arange(len(best))
        height = log_values[best, column]
        area = (np.exp(log_values - height) * np.cosh(x)).sum(axis=0) * self.width * cell
        left, right = x[np.maximum(best - 1, 0), column], x[np.minimum(best + 1, points - 1), column]
        return _Scan(u[best, column], height, area, left, right)

    def _log_integral(self, log_integrand: LogFunction) -> LogIntegral:
        """Integrate e^{log_integrand} over u = peak + width sinh x."""
        peak, width = self._peak(log_integrand)
        reach = np.arcsinh(1.5 * NEGLIGIBLE / np.minimum(self.a, self.b) / width + 12)

        def stretched(x: FloatArray) -> FloatArray:
            return log_integrand(peak + width * np.sinh(x)) + np.log(width * np.cosh(x))

        lower, upper = support(stretched, -reach, reach)
        return trapezoid(lambda x: (stretched(x), np.array(1.0)), lower, upper, INTERVALS)


@dataclass(frozen=True)
class _Scan:
    """The best point of a grid, its log-height, the area under the grid and the neighbours of the best point in x."""

    peak: FloatArray
    height: FloatArray
    area: FloatArray
    left: FloatArray
    right: FloatArray


def log_expected_cosine(samples: FloatArray, dimension: FloatArray) -> FloatArray:
    """Return log E cos θ for arrays of n and p of one shape; 0 where min(n, p) = 1 or n = ∞."""
    log_mean = np.zeros(samples.shape)
    random = np.isfinite(samples) & (np.minimum(samples, dimension) > 1)
    if random.any():
        angle = BetaAngle(samples[random], dimension[random])
        log_mean[random] = angle.log_mean(angle.log_cosine_at).log_value
    return log_mean
