"""The sum c + Σ L_t (α + β g_t + ν N_t) with L_t = e^{s g_t}, and the contours on which its law can be inverted.

Given g_t a term is Gaussian, so that its characteristic function is one integral over a normal g,

    φ(u) = E exp( iu e^{sg} (α + βg) - u² ν² e^{2sg}/2 ),

and the m terms are independent.  By Gil-Pelaez (1951), with Φ(u) = e^{iuc} φ(u)^m and along a ray u = r e^{iθ}, which
adds the part θ/π of the residue at 0,

    P = 1/2 - θ/π - (1/π) ∫_0^∞ Im Φ(r e^{iθ}) dr/r.

On the real axis Φ may turn for long before it falls; a θ with the sign of c makes e^{iuc} fall exponentially.  Where
the noise is small, e^{iu e^{sg}(α + βg)} turns for long too, over g.  So g takes the curve x + iη(x) through the saddle
g₀ = -α/β - 1/s of e^{sg}(α + βg), with η(x) of the sign of β(x - g₀), along which this factor falls as well; the
Gaussian factor keeps falling while |θ + sη| < π/4.

Where the spread is wide and the terms are few, φ falls along every ray once g is lifted to g - iθ/s, and e^{iuc} falls
fastest near θ = ±π/2.

Both integrals are trapezoidal sums of analytic functions, over x and over log r, whose errors fall exponentially with
the number of nodes.  Sums over every second and every third node cost nothing; the distance of the former from the sum
over all is the error of twice the step and, doubled over log r, bounds that of the step itself.  Nothing faster is
counted on, because a small part of an integrand may need more nodes than the rest.
Source: the inversion formula is Gil-Pelaez's, the contours are derived here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.arguments import FloatArray

ComplexArray = npt.NDArray[Any]

NEGLIGIBLE = 37.0
"""e^-37 = 1e-16."""

FEW_TERMS = 200
"""So many roundings of 1e-16 in φ stay far below 1e-10 in φ^m."""

CHUNK = 2**12
"""So many complex numbers stay in the fast memory of a core."""


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


class Contour:
    """The ray r e^{iθ} of u and the curve x + i(lift ± height tanh(x - g₀)) of g, on the stretch of r that matters."""

    def __init__(self, law: LognormalSum, angle: float, lift: float, height: float) -> None:
        """Choose the scale of r and the ends."""
        self.law, self.angle, self.lift, self.height = law, angle, lift, height
        deviation = math.sqrt(law.terms) * (law.noise + abs(law.slope) + abs(law.mean) * min(law.spread, 1.0))
        self.size = max(deviation, abs(law.constant))
        self.shape = 1 + law.spread
        # A normal number is larger with a probability below 1e-16/m.
        self.score_range = max(8.3, 7.9 + 0.08 * math.log(law.terms))
        # Below e^-depth, E min(1, |uX|) is below 1e-16.
        reach = min(law.spread**2 / 2, self.score_range * law.spread)
        depth = NEGLIGIBLE + reach
        self.lower = -self.shape * math.log(depth / self.shape)
        self.growth = 0.0
        furthest = NEGLIGIBLE + (self.score_range + 2) * law.spread + math.log(self.size / deviation)
        self.upper = self._last_alive(-2.0, furthest)

    def _last_alive(self, lower: float, upper: float) -> float:
        """Return where Φ has become negligible, by two coarse grids."""
        count = 6 * math.ceil((30 + 16 * self.law.spread) / 6)
        for _ in range(2):
            coarse = np.linspace(lower, upper, 17)
            magnitude = self._characteristic(self._log_radius(coarse), count)[0][:, 0].real
            self.growth = max(self.growth, float(np.nanmax(magnitude)))
            alive = np.flatnonzero(~(magnitude < -NEGLIGIBLE))
            last = int(alive[-1]) if alive.size else 0
            lower, upper = float(coarse[last]), float(coarse[min(last + 1, 16)])
        return upper

    def _log_radius(self, v: FloatArray) -> FloatArray:
        """Return log r = v - a e^{-v/a}, a = 1 + s, which crowds the nodes where Φ changes."""
        return np.asarray(v - self.shape * np.exp(-v / self.shape) - math.log(self.size))

    def _curve(self, count: int) -> tuple[ComplexArray, ComplexArray]:
        """Return the nodes g and the weights of the mean over a normal g: all, every second, two times every third."""
        law, x = self.law, np.linspace(-self.score_range, self.score_range, count + 1)
        if law.slope == 0:
            g, derivative = x + 1j * (self.lift + math.copysign(self.height, law.mean)), np.ones_like(x, dtype=complex)
        else:
            side = np.tanh(x + law.mean / law.slope + 1 / law.spread)
            height = math.copysign(self.height, law.slope)
            g, derivative = x + 1j * (self.lift + height * side), 1 + 1j * height * (1 - side**2)
        weights = np.exp(-(g**2) / 2) * derivative * (x[1] - x[0]) / math.sqrt(2 * math.pi)
        sparse = np.zeros((count + 1, 4), dtype=complex)
        sparse[:, 0] = weights
        sparse[::2, 1] = 2 * weights[::2]
        sparse[::3, 2] = 3 * weights[::3]
        sparse[1::3, 3] = 3 * weights[1::3]
        return g, sparse

    def _characteristic(self, log_radius: FloatArray, count: int) -> tuple[ComplexArray, ComplexArray]:
        """Return log Φ and φ - 1 for log r of shape (k,) by all nodes, every second and third: shape (k, 4)."""
        law = self.law
        direction = complex(math.cos(self.angle), math.sin(self.angle))
        g, weights = self._curve(count)
        scale = np.exp(law.spread * g) * direction
        linear, quadratic = 1j * scale * (law.mean + law.slope * g), (law.noise * scale) ** 2 / 2
        change = np.empty((len(log_radius), weights.shape[1]), dtype=complex)
        radius = np.exp(log_radius)
        rows = max(1, CHUNK // len(g))
        for first in range(0, len(radius), rows):
            r = radius[first : first + rows, None]
            # Where e^z is below e^-100 at the least of these r, and so at all of them, e^z - 1 is -1.
            largest = np.maximum.accumulate((r[0] * linear.real - r[0] ** 2 * quadratic.real)[::-1])
            kept = len(g) - int(np.searchsorted(largest, -100.0))
            exponent = r * linear[:kept] - r**2 * quadratic[:kept]
            # Beyond e^300 no contour is of use.
            np.clip(exponent.real, -100.0, 300.0, out=exponent.real)
            change[first : first + rows] = _expm1(exponent, law.terms) @ weights[:kept] - weights[kept:].sum(axis=0)
        logarithm = law.terms * _log1p(change) + (1j * law.constant * direction * radius)[:, None]
        return np.asarray(logarithm), change

    def integral(self, nodes: int, count: int) -> tuple[float, float, float]:
        """Return P by `nodes` + 1 radii and `count` + 1 scores, and the errors that the sums over r and g may have."""
        v = np.linspace(self.lower, self.upper, nodes + 1)
        logarithm, change = self._characteristic(self._log_radius(v), count)
        phi = np.exp(np.clip(logarithm.real, -100.0, 300.0) + 1j * logarithm.imag)
        phi *= ((1 + np.exp(-v / self.shape)) * (v[1] - v[0]) / math.pi)[:, None]
        parts = phi[:, 0].imag
        total = parts.sum()
        second = abs(2 * parts[::2].sum() - total)
        third = max(abs(3 * parts[first::3].sum() - total) for first in range(3))
        radii = 2 * second + third**1.5 + abs(phi[-1, 0])
        errors = np.abs(phi[:, 1:] - phi[:, :1]).sum(axis=0)
        relative = float(np.abs(change[:, 2:] - change[:, :1])[np.abs(phi[:, 0]) > 1e-15].max(initial=0.0))
        scores = float(max(errors[0], errors[1:].max() * math.sqrt(relative)))
        return float(0.5 - self.angle / math.pi - total), float(radii), scores


def _expm1(z: ComplexArray, terms: int) -> ComplexArray:
    """Return e^z - 1; for many terms with the digits of a small z, for φ - 1 is of order 1/m then.

    With t = tan(y/2), cos y = (1 - t²)/(1 + t²) and sin y = 2t/(1 + t²): one real function, and vectorised where the
    complex exponential is not.
    """
    half = np.tan(z.imag / 2)
    square = half * half
    share = 1 / (1 + square)
    size = np.exp(z.real)
    rest = np.empty(z.shape, dtype=complex)
    if terms <= FEW_TERMS:
        rest.real = size * share * (1 - square) - 1
    else:
        rest.real = (np.expm1(z.real) * (1 - square) - 2 * square) * share
    rest.imag = 2 * size * half * share
    return rest


def _log1p(z: ComplexArray) -> ComplexArray:
    """Return log(1 + z) with the digits of a small z; -18 where 1 + z vanishes."""
    square = 2 * z.real + z.real**2 + z.imag**2
    logarithm = 0.5 * np.log1p(np.maximum(square, np.nextafter(-1, 0))) + 1j * np.arctan2(z.imag, 1 + z.real)
    return np.asarray(logarithm)
