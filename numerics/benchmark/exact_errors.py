"""Exact known-prompt errors, thousands at once, against general quadrature of the same integrals, one by one.

The integrals are those of `theory.known_prompt.inner_product`, on a vertical line through the saddle point, and for
least squares their mean over the angle of the head.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable

import mpmath
import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import betaln

from numerics.benchmark.pairs import Entry, Side
from theory.arguments import FloatArray
from theory.known_prompt.averaging import averaging_error
from theory.known_prompt.least_squares import least_squares_error

SETTINGS = 4000
COMPARED = {"mpmath": 1, "quad": 5, "nested quad": 1}
"""Settings that the slow side computes."""

RATE = 20_000
"""Settings a second that are aimed at."""

FALL = 60.0
"""Where the integrand has fallen by e^-60 it is taken to be 0."""


class _Line:
    """The integrand on the vertical line through the saddle point."""

    def __init__(self, samples: float, dimension: float, kappa: float, cosine: float = 1.0) -> None:
        """Find the saddle point and how far the integrand reaches."""
        self.half, self.product = dimension / 2, kappa**2 * math.sqrt(samples) * cosine
        self.square = kappa**2 * (samples + 1) / 2
        self.saddle = float(brentq(self._slope, -1 + 1e-12, -1e-12, xtol=1e-14))
        peak, self.end = self._log_size(0.0), 1e-3
        while self._log_size(self.end) > peak - FALL:
            self.end *= 2

    def _slope(self, s: float) -> float:
        """Return the derivative of the phase, times what keeps it finite."""
        left = 1 - s**2
        phase = 2 * self.half * s * left + self.product * (1 + s**2) + 2 * self.square * s
        return phase * s - left**2

    def exponent(self, z: complex) -> complex:
        """Return log E e^{z xᵀy}."""
        left = 1 - z * z
        return -self.half * cmath.log(left) + (self.product * z + self.square * z * z) / left

    def _log_size(self, y: float) -> float:
        """Return the logarithm of the integrand's size."""
        z = complex(self.saddle, y)
        return self.exponent(z).real - math.log(abs(z))

    def by_quad(self) -> float:
        """Return the probability by `scipy.integrate.quad`."""

        def integrand(y: float) -> float:
            z = complex(self.saddle, y)
            return (cmath.exp(self.exponent(z)) / -z).real

        return float(quad(integrand, 0, self.end, epsabs=0, epsrel=1e-12, limit=500)[0]) / math.pi

    def by_mpmath(self) -> float:
        """Return the probability by `mpmath.quad` at 15 digits."""
        half, product, square = (mpmath.mpf(number) for number in (self.half, self.product, self.square))

        def integrand(y: mpmath.mpf) -> mpmath.mpf:
            z = mpmath.mpc(self.saddle, y)
            left = 1 - z * z
            return (mpmath.exp(-half * mpmath.log(left) + (product * z + square * z * z) / left) / -z).real

        with mpmath.workdps(15):
            ends = [0, *(self.end * 2.0 ** -np.arange(6, -1, -1))]
            return float(mpmath.quad(integrand, ends) / mpmath.pi)


def nested_quad(samples: float, dimension: float, kappa: float) -> float:
    """Return the error of least squares: `quad` over the angle of `quad` along the line."""
    a, b = abs(samples - dimension) + 1, min(samples, dimension) - 1
    constant = math.log(2) - float(betaln(a / 2, b / 2))

    def integrand(angle: float) -> float:
        log_density = constant + (a - 1) * math.log(math.cos(angle)) + (b - 1) * math.log(math.sin(angle))
        if log_density < -FALL:
            return 0.0
        return math.exp(log_density) * _Line(samples, dimension, kappa, math.cos(angle)).by_quad()

    middle = math.atan2(math.sqrt(b), math.sqrt(a))
    width = 12 / math.sqrt(2 * (a + b))
    ends = max(1e-9, middle - width), min(math.pi / 2 - 1e-9, middle + width)
    return float(quad(integrand, *ends, epsabs=0, epsrel=1e-9, limit=200)[0])


def random_settings(count: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return n, p and κ of so many settings: n and p from 10 to 5,000, κ from 0.1 to 3."""
    rng = np.random.default_rng(9)
    samples, dimension = np.round(np.exp(rng.uniform(math.log(10), math.log(5000), (2, count)))).astype(np.float64)
    return samples, dimension, rng.uniform(0.1, 3, count)


def exact_error_entries(settings: int = SETTINGS) -> list[Entry]:
    """Return the comparisons; each side starts with the same settings, of which the slow one computes a few."""
    samples, dimension, kappa = random_settings(settings)

    def entry(
        head: str,
        error: Callable[[FloatArray, FloatArray, FloatArray], FloatArray],
        route: str,
        other: Callable[[float, float, float], float],
        goal: float,
        agreement: float,
    ) -> Entry:
        few = COMPARED[route]
        return Entry(
            f"exact error of the {head} head, {settings:,} settings at once: each",
            f"{route}, one by one",
            Side(lambda: error(samples, dimension, kappa)[:few], units=settings),
            Side(lambda: [other(*each) for each in zip(samples[:few], dimension[:few], kappa[:few], strict=True)], few),
            agreement,
            goal,
            1 / RATE,
        )

    def averaging(n: FloatArray, p: FloatArray, k: FloatArray) -> FloatArray:
        return np.asarray(averaging_error(n, p, k).error)

    def least_squares(n: FloatArray, p: FloatArray, k: FloatArray) -> FloatArray:
        return np.asarray(least_squares_error(n, p, k).error)

    return [
        entry("averaging", averaging, "mpmath", lambda *each: _Line(*each).by_mpmath(), 1000, 1e-11),
        entry("averaging", averaging, "quad", lambda *each: _Line(*each).by_quad(), 50, 1e-10),
        entry("least-squares", least_squares, "nested quad", nested_quad, 50, 1e-7),
    ]
