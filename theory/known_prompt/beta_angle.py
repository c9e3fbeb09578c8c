"""The angle between a least-squares head and the averaging direction: cos²θ ~ Beta.

For n features in p dimensions the least-squares solution (minimum norm where n ≤ p) lies at an angle θ from the mean of
the label-signed features, uniformly around it and independently of it, with

    cos²θ ~ Beta(a/2, b/2),   a = |n - p| + 1,   b = min(n, p) - 1          (θ = 0 for b = 0).

Source: derived here (for n > p, ŵ ∝ G⁻¹m̂ with G a Wishart matrix independent of m̂; for n ≤ p, ŵ is m̂ projected away
from n - 1 independent Gaussian directions).

In u = log tan θ the density is proportional to cos^a θ sin^b θ.  Tilted by e^{-ω cos θ} it has one peak, where
a - b cot²θ = ω cos θ.  With c for cos θ there, E = cos θ/c - 1 and λ(y) = log(1+y) - y, its logarithm less that at the
peak is

    a λ(E) + (b/2) [ λ(η) - cot²θ E² ],   1 + η = sin² over sin² at the peak:

terms of second order alone, which keep their digits at n = p = 10⁹, where the density itself would lose nine.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit, gammaln

from theory.arguments import FloatArray
from theory.quadrature import NEGLIGIBLE, decay

_STIRLING = (1 / 156, -691 / 360360, 1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12)
"""Coefficients of x^{-13}, …, x^{-1} in log Γ(x) - (x - ½) log x + x - ½ log 2π."""


def _stirling_remainder(x: FloatArray) -> FloatArray:
    """Return log Γ(x) - (x - ½) log x + x - ½ log 2π for x ≥ ½, to an absolute error of a few roundings."""
    large = np.maximum(x, 10.0)
    series = np.polyval(_STIRLING, 1 / large**2) / large
    small = np.minimum(x, 10.0)
    exact = gammaln(small) - (small - 0.5) * np.log(small) + small - 0.5 * np.log(2 * np.pi)
    return np.asarray(np.where(x < 10, exact, series))


def _beyond_first_order(y: FloatArray, log: FloatArray) -> FloatArray:
    """Return λ(y) = log(1+y) - y to full relative accuracy, given log(1+y)."""
    r = y / (2 + y)
    square = r * r
    series = np.full_like(square, 2 / 13)
    for power in (11, 9, 7, 5, 3):
        series *= square
        series += 2 / power
    return np.where(np.abs(y) < 0.1, r * (series * square - y), log - y)


class TiltedAngle:
    """Law of θ under a weight e^{-ω cos θ}, around its peak.

    The weight is given by logit(ω c/a), c the cosine at the peak, which fixes both ω and c without solving a cubic.
    """

    def __init__(self, a: FloatArray, b: FloatArray, logit: FloatArray) -> None:
        """Take a, b ≥ 1 and the logit, of one shape."""
        self.a, self.b, self.logit = a, b, logit
        cot_square = a / b * expit(-logit)
        self.sine_square = 1 / (1 + cot_square)
        self.cosine_square = cot_square * self.sine_square
        self.cot_square = cot_square
        self.cosine = np.sqrt(self.cosine_square)
        self.tilt = a * expit(logit) / self.cosine

    def log_peak(self) -> FloatArray:
        """Return the log-density in u at the peak, without the weight."""
        a, b, share, rest = self.a, self.b, expit(self.logit), expit(-self.logit)
        total = a + b
        part = share * a / total
        log_rest = np.where(part < 0.5, np.log1p(-np.minimum(part, 0.5)), np.log((b + a * rest) / total))
        above = a * _beyond_first_order(-share, np.where(share < 0.5, np.log1p(-np.minimum(share, 0.5)), np.log(rest)))
        above -= total * _beyond_first_order(-part, log_rest)
        normalisation = _stirling_remainder(a / 2) + _stirling_remainder(b / 2) - _stirling_remainder(total / 2)
        return np.asarray(above / 2 - normalisation - np.log(np.pi * total / (a * b)) / 2)

    def nodes(self, intervals: int) -> tuple[FloatArray, FloatArray]:
        """Return cos θ - c at the nodes of a trapezoidal rule, and log-weights relative to the density at the peak.

        The nodes are evenly spaced in x, u = peak + width ((1-l-r) x + r (e^x - 1) - l (e^{-x} - 1)): the shares l and
        r stretch a tail where it is an exponential, e^{bu} on the left and e^{-au} on the right, not a Gaussian.
        """
        width = 1 / np.sqrt(self.a * self.sine_square**2 + self.b * self.cosine_square * (1 + self.cosine_square))
        left, right = (np.minimum(0.25 / (exponent * width) ** 2, 0.5) for exponent in (self.b, self.a))
        straight = 1 - left - right

        def at(x: FloatArray) -> tuple[FloatArray, FloatArray]:
            return self._relative(width * (straight * x + right * np.expm1(x) - left * np.expm1(-x)))

        reach = self._reach() / width
        with np.errstate(divide="ignore"):
            reach = np.minimum(reach / straight, np.log1p(reach / np.stack([left, right])))
        lower, upper = decay(lambda x: at(x)[1], reach * np.array([[-1.0], [1.0]]))
        step = (upper - lower) / intervals
        x = lower + step * np.arange(intervals + 1)[:, None]
        offset, log_density = at(x)
        return offset, log_density + np.log(step * width * (straight + right * np.exp(x) + left * np.exp(-x)))

    def _relative(self, shift: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return cos θ - c and the log-density relative to the peak, at a shift of u from it."""
        log_cosine = -np.log1p(self.sine_square * np.expm1(2 * shift)) / 2
        log_sine_square = -np.log1p(self.cosine_square * np.expm1(-2 * shift))
        growth = np.expm1(log_cosine)
        cosines = _beyond_first_order(growth, log_cosine)
        sines = _beyond_first_order(np.expm1(log_sine_square), log_sine_square)
        return self.cosine * growth, self.a * cosines + self.b / 2 * (sines - self.cot_square * growth**2)

    def _reach(self) -> FloatArray:
        """Return how far u goes to the left and to the right before one of the terms alone is negligible."""
        share, half_share = NEGLIGIBLE / self.a, 2 * NEGLIGIBLE / self.b
        # λ(e^m - 1) < -share for m = -√(2 share) - share, and above for m = log(1 + share + √(2 share)).
        farthest = np.expm1(2 * (np.sqrt(2 * share) + share))
        right = np.log1p(farthest / self.sine_square) / 2
        left = np.log1p(np.expm1(np.sqrt(2 * half_share) + half_share) / self.cosine_square) / 2
        nearest = 1 - (1 + share + np.sqrt(2 * share)) ** -2.0
        met = nearest < (1 - 1e-9) * self.sine_square
        other = -np.log1p(-np.where(met, nearest, 0.0) / self.sine_square) / 2
        return np.stack([np.where(met, np.minimum(left, other), left), right])


def log_expected_cosine(samples: FloatArray, dimension: FloatArray) -> FloatArray:
    """Return log E cos θ = log Γ((a+1)/2) Γ((a+b)/2) / Γ(a/2) Γ((a+b+1)/2), for arrays of n and p of one shape.

    It is 0 where min(n, p) = 1 or n = ∞.
    """
    random = np.isfinite(samples) & (np.minimum(samples, dimension) > 1)
    n, p = np.where(random, samples, 1.0), np.where(random, dimension, 1.0)
    return _log_half_step((np.abs(n - p) + 1) / 2) - _log_half_step(np.maximum(n, p) / 2)


def _log_half_step(x: FloatArray) -> FloatArray:
    """Return log Γ(x + ½)/Γ(x), from Stirling's series so that nothing large cancels."""
    change = _stirling_remainder(x + 0.5) - _stirling_remainder(x)
    return np.asarray(x * np.log1p(0.5 / x) - 0.5 + np.log(x) / 2 + change)
