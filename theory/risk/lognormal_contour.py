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
counted on, because a small part of an integrand may need more nodes than the rest.  Where Φ makes a full turn between
two nodes, though, all these sums agree on a wrong value: there the integrand counts as lost with its full size.
Source: the inversion formula is Gil-Pelaez's, the contours are derived here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, wrightomega

from theory.arguments import FloatArray

ComplexArray = npt.NDArray[Any]

NEGLIGIBLE = 30.0
"""e^-30 = 1e-13."""

DEAD = 40.0
"""e^-40 is below a rounding of 1."""

UNRESOLVED = 5.0
"""Nodes between which Φ makes a full turn, 2π, see it stand still, and so do every second and every third of them."""

CHUNK = 2**14
"""So many numbers, four times over, stay in the fast memory of a core."""


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

    @property
    def steep(self) -> bool:
        """Whether the noise hardly smooths the terms."""
        return self.noise < 0.15 * abs(self.slope)


class Contour:
    """The ray r e^{iθ} of u and the curve x + i(lift ± height tanh(x - g₀)) of g, on the stretch of r that matters."""

    def __init__(self, law: LognormalSum, angle: float, lift: float, height: float) -> None:
        """Choose the scale of r and the ends."""
        self.law, self.angle, self.lift, self.height = law, angle, lift, height
        self.direction = complex(math.cos(angle), math.sin(angle))
        deviation = math.sqrt(law.terms) * (law.noise + abs(law.slope) + abs(law.mean) * min(law.spread, 1.0))
        self.size = max(deviation, abs(law.constant))
        self.shape = 1 + law.spread
        # One of m normal numbers is larger with a probability below 1e-13.
        self.score_range = 7.9 + 0.1 * math.log(law.terms)
        # Below e^-depth, E min(1, |uX|) is below 1e-13.
        depth = NEGLIGIBLE + min(law.spread**2 / 2, self.score_range * law.spread)
        self.lower = -self.shape * math.log(wrightomega(depth / self.shape))  # log r = -depth
        self.upper, self.growth = self._last_alive(self.size / deviation)

    def _last_alive(self, ratio: float) -> tuple[float, float]:
        """Return where Φ has become negligible, and the largest log |Φ|, by a coarse grid."""
        spread, terms = self.law.spread, self.law.terms
        # |φ|^m is negligible once |uX| is large for all but a share e^{-30/m} of the terms, and falls like |uX|^{-m/2}.
        usual = 6 + 2 * NEGLIGIBLE / terms + math.log(math.sqrt(terms) * ratio)
        usual += spread * (1 - float(ndtri(math.exp(-NEGLIGIBLE / terms) / 2)))
        furthest = usual + NEGLIGIBLE + (self.score_range + 2) * spread
        growth = -math.inf
        count = 6 * math.ceil((30 + 16 * spread) * (4 if self.law.steep else 1) / 6)
        for first, last in ((-2.0, usual), (usual, furthest)):
            v = _grid(first, last, round(1.5 * (last - first)) + 6)
            radius = self._radius(v)
            change = self._change(radius, count)[:, 0]
            magnitude = self._logarithm(radius, change).real
            growth = max(growth, float(np.nan_to_num(magnitude.max(), nan=math.inf)))
            alive = np.flatnonzero(~(magnitude < -NEGLIGIBLE))
            if alive.size == 0 or alive[-1] < len(v) - 1:
                break
        end = int(alive[-1]) + 1 if alive.size else 0
        return float(v[min(end, len(v) - 1)]), growth

    def _radius(self, v: FloatArray) -> FloatArray:
        """Return r with log r = v - a e^{-v/a}, a = 1 + s, which crowds the nodes where Φ changes."""
        return np.asarray(np.exp(v - self.shape * np.exp(-v / self.shape)) / self.size)

    def _curve(self, x: FloatArray) -> tuple[ComplexArray, ComplexArray]:
        """Return g(x) and the density of a normal g times dg/dx."""
        law = self.law
        if law.slope == 0:
            g, derivative = x + 1j * (self.lift + math.copysign(self.height, law.mean)), np.ones_like(x, dtype=complex)
        else:
            side = np.tanh(x + law.mean / law.slope + 1 / law.spread)
            height = math.copysign(self.height, law.slope)
            g, derivative = x + 1j * (self.lift + height * side), 1 + 1j * height * (1 - side**2)
        return g, np.exp(-(g**2) / 2) * derivative / math.sqrt(2 * math.pi)

    def _exponent(self, g: ComplexArray) -> ComplexArray:
        """Return the coefficients of r and r² in the exponent z of φ."""
        law, scale = self.law, np.exp(self.law.spread * g) * self.direction
        return np.array([1j * scale * (law.mean + law.slope * g), -((law.noise * scale) ** 2) / 2])

    def _change(self, radius: FloatArray, count: int) -> ComplexArray:
        """Return φ - 1 for r of shape (k,) by every second node, even and odd: shape (k, 2)."""
        law, x = self.law, _grid(-self.score_range, self.score_range, count)
        g, density = self._curve(x)
        weights = np.zeros((count + 1, 2), dtype=complex)
        for first in range(2):
            weights[first::2, first] = density[first::2] * (2 * (x[1] - x[0]))
        parts = self._exponent(g)
        fall, turn = parts.real.copy(), parts.imag / 2
        powers = np.stack([radius, radius**2], axis=1)
        # From this r on e^z is below e^-40 at a node and at all later ones, so that e^z - 1 is -1.
        root = np.sqrt(fall[0] ** 2 - 4 * DEAD * fall[1])
        dead = np.maximum.accumulate((2 * DEAD / (root - fall[0]))[::-1])
        rest = np.append(np.cumsum(weights[::-1], axis=0)[::-1], np.zeros((1, 2)), axis=0)
        # At the first nodes |e^z - 1| < |z| adds up to less than a rounding of Φ.
        faint = np.cumsum((np.abs(fall) + 2 * np.abs(turn)) * np.abs(density), axis=1) * (law.terms * 1e16)
        change = np.empty((len(radius), 2), dtype=complex)
        rows = 1 + CHUNK // len(g)
        for first in range(0, len(radius), rows):
            block = powers[first : first + rows]
            (least, _), (most, square) = block[0], block[-1]
            low = int(min(faint[0].searchsorted(1 / most), faint[1].searchsorted(1 / square)))
            high = len(g) - int(dead.searchsorted(least))
            seen = slice(low, high)
            sums = _weighted_expm1(block @ fall[:, seen], block @ turn[:, seen], weights[seen])
            change[first : first + rows] = sums - rest[high]
        return change

    def _beyond(self, radius: FloatArray) -> FloatArray:
        """Return a bound on the part of φ beyond the ends of the curve, where the integrand falls faster than e^-x."""
        g, density = self._curve(np.array([-self.score_range, self.score_range]))
        fall = self._exponent(g).real
        return np.asarray((1 + np.exp(np.outer(radius, fall[0]) + np.outer(radius**2, fall[1]))) @ np.abs(density))

    def _logarithm(self, radius: FloatArray, change: ComplexArray) -> ComplexArray:
        """Return log Φ from φ - 1."""
        return np.asarray(self.law.terms * _log1p(change) + 1j * self.law.constant * self.direction * radius)

    def _lost(self, radius: FloatArray, change: ComplexArray, sizes: FloatArray) -> float:
        """Return the size of the parts of the sum over r between which Φ turns by more than 5.

        The turn of φ^m is m times that of φ, which is less than half a turn: it is known even where Φ turns fully.
        """
        phi = 1 + change
        turns = self.law.terms * np.angle(phi[1:] * phi[:-1].conj())
        turns += self.law.constant * self.direction.real * np.diff(radius)
        return float(np.minimum(sizes[1:], sizes[:-1])[np.abs(turns) > UNRESOLVED].sum())

    def integral(self, nodes: int, count: int) -> tuple[float, float, float]:
        """Return P by `nodes` + 1 radii and `count` + 1 scores, and the errors that the sums over r and g may have."""
        v = _grid(self.lower, self.upper, nodes)
        radius = self._radius(v)
        change = self._change(radius, count)
        change = np.stack([change.mean(axis=1), change[:, 0]])
        logarithm = self._logarithm(radius, change)
        phi = np.exp(np.clip(logarithm.real, -100.0, 300.0) + 1j * logarithm.imag)
        weight = (1 + np.exp(-v / self.shape)) * (v[1] - v[0]) / math.pi
        size = np.maximum(np.abs(1 + change[0]), 1e-300)
        missing = np.exp(logarithm[0].real) * np.expm1(self.law.terms * np.log1p(self._beyond(radius) / size))
        scores = float((np.abs(phi[1] - phi[0]) + missing) @ weight)
        parts = phi[0].imag * weight
        ends = abs(phi[0, -1]) + abs(phi[0, 0] - 1)
        lost = self._lost(radius, change[0], np.abs(phi[0]) * weight)
        radii = float(_doubt(parts) + lost + ends)
        return float(0.5 - self.angle / math.pi - parts.sum()), radii, scores


def _doubt(parts: FloatArray) -> float:
    """Return the error that a trapezoidal sum may have, from the sums over every second and every third part."""
    total = parts.sum()
    second = abs(2 * parts[::2].sum() - total)
    third = max(abs(3 * parts[first::3].sum() - total) for first in range(3))
    return float(2 * second + third**1.5)


def _grid(first: float, last: float, steps: int) -> FloatArray:
    """Return equal steps from first to last, as numpy.linspace does more slowly."""
    return first + (last - first) / steps * np.arange(steps + 1.0)


def _weighted_expm1(x: FloatArray, half: FloatArray, weights: ComplexArray) -> ComplexArray:
    """Return the sums of e^z - 1, z = x + iy, over the last axis with complex weights; `half` is y/2.  Overwrites both.

    e^z - 1 keeps the digits of a small z, for φ - 1 is of order 1/m.  With t = tan(y/2) and h = 2/(1 + t²),
    sin y = ht and cos y = h - 1 = 1 - ht²: real functions are vectorised where the complex exponential is not.
    """
    size, tangent = np.expm1(x, out=x), np.tan(half, out=half)
    real = tangent * tangent
    real += 1
    np.divide(2, real, out=real)
    sine = real * tangent
    real -= 1
    real *= size
    tangent *= sine
    real -= tangent
    size += 1
    size *= sine
    sums = real @ weights.view(float) + size @ (1j * weights).view(float)
    return np.asarray(sums.view(complex))


def _log1p(z: ComplexArray) -> ComplexArray:
    """Return log(1 + z) with the digits of a small z; -18 where 1 + z vanishes."""
    square = 2 * z.real + z.real**2 + z.imag**2
    logarithm = 0.5 * np.log1p(np.maximum(square, np.nextafter(-1, 0))) + 1j * np.arctan2(z.imag, 1 + z.real)
    return np.asarray(logarithm)
