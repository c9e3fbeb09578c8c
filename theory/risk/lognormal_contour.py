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

Few radii need as many scores as the most demanding one.  All start from a share of them, and those whose doubt matters
are given the scores in between, until it does not.  Laws are inverted together, for an array costs a few microseconds
however short it is.
Source: the inversion formula is Gil-Pelaez's, the contours are derived here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, wrightomega

from theory.arguments import FloatArray

ComplexArray = npt.NDArray[Any]

IntArray = npt.NDArray[np.int64]

Shape = tuple[float, float, float]
"""The angle of a ray, and the lift and the height of a curve."""

NEGLIGIBLE = 30.0
"""e^-30 = 1e-13."""

DEAD = 40.0
"""e^-40 is below a rounding of 1."""

UNRESOLVED = 5.0
"""Nodes between which Φ makes a full turn, 2π, see it stand still, and so do every second and every third of them."""

SCORE_RANGE = 7.9
"""One of m normal numbers is larger than this and log m/10 with a probability below 1e-13."""

FEWEST = 192
"""Where all radii can be given so few scores, to tell apart those that need them would take longer."""

SETTLED = 1e-12
"""The error that a sum over r may have from radii that are given no more scores."""

HALF_LOG = math.log(2 * math.pi) / 2
"""The density of a normal g is e^{-g²/2 - log(2π)/2}."""

LEAST = float(np.nextafter(-1, 0))
"""The float above -1."""

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


class _Radii:
    """Equal steps of v between the ends of some contours, one law after another, in arrays of shape (radii,)."""

    def __init__(self, contours: Contours, laws: IntArray, steps: IntArray) -> None:
        """Take the indices of the laws, ascending, and their numbers of steps."""
        self.count = steps + 1
        self.first = self.count.cumsum() - self.count
        self.place = np.arange(len(laws)).repeat(self.count)
        self.owner = laws[self.place]
        self.index = np.arange(len(self.owner)) - self.first[self.place]
        step = ((contours.upper - contours.lower)[laws] / steps)[self.place]
        v = contours.lower[self.owner] + step * self.index
        self.radius = contours.radius(self.owner, v)
        self.weight = (1 + np.exp(-v / contours.stretch[self.owner])) * step  # dr/r

    def sums(self, values: FloatArray) -> FloatArray:
        """Return the sums of each law over every sixth of the values, shape (laws, 6)."""
        return np.asarray(np.bincount(6 * self.place + self.index % 6, values).reshape(-1, 6), dtype=float)


class Contours:
    """Rays r e^{iθ} of u and curves x + i(lift ± height tanh(x - g₀)) of g, one a law, on the r that matter.

    Numbers of the laws are arrays of shape (laws,).

    Attributes:
        lower, upper: the ends of v, of which r is a function.
        growth: the largest log |Φ| that a few radii and scores show.
    """

    def __init__(self, laws: Sequence[LognormalSum], shapes: Sequence[Shape], count: int) -> None:
        """Choose the scales of r and the ends, and take up to `count` scores of each law."""
        numbers = [(law.constant, law.terms, law.spread, law.mean, law.slope, law.noise) for law in laws]
        self.constant, self.terms, self.spread, self.mean, self.slope, self.noise = np.array(numbers, dtype=float).T
        self.angle, self.lift, height = np.array(shapes, dtype=float).T
        direction = np.cos(self.angle) + 1j * np.sin(self.angle)
        self.drift = 1j * self.constant * direction
        # Without a slope g₀ lies at -∞, and the curve is a line.
        sloping = self.slope != 0
        self.height = np.copysign(height, np.where(sloping, self.slope, self.mean))
        self.saddle = -self.mean / np.where(sloping, self.slope, 1.0) - 1 / self.spread
        self.saddle[~sloping] = -np.inf
        deviation = self.noise + np.abs(self.slope) + np.abs(self.mean) * np.minimum(self.spread, 1.0)
        deviation *= np.sqrt(self.terms)
        self.size = np.maximum(deviation, np.abs(self.constant))
        self.stretch = 1 + self.spread
        self.score_range = SCORE_RANGE + 0.1 * np.log(self.terms)
        self._take_scores(count)
        # Below e^-depth, E min(1, |uX|) is below 1e-13.
        depth = NEGLIGIBLE + np.minimum(self.spread**2 / 2, self.score_range * self.spread)
        self.lower = -self.stretch * np.log(wrightomega(depth / self.stretch))  # log r = -depth
        self.upper, self.growth = np.zeros(len(laws)), np.full(len(laws), -np.inf)
        coarse = max((15 + 8 * law.spread) * (4 if law.steep else 1) for law in laws)
        self._find_upper(self.size / deviation, 2 ** max(0, math.floor(math.log2(self.count / coarse))))

    def _find_upper(self, ratio: FloatArray, stride: int) -> None:
        """Find where Φ becomes negligible, and the largest log |Φ|, by few scores and radii."""
        # |φ|^m is negligible once |uX| is large for all but a share e^{-30/m} of the terms, and falls like |uX|^{-m/2}.
        usual = 6 + 2 * NEGLIGIBLE / self.terms + np.log(np.sqrt(self.terms) * ratio)
        usual += self.spread * (1 - ndtri(np.exp(-NEGLIGIBLE / self.terms) / 2))
        furthest = usual + NEGLIGIBLE + (self.score_range + 2) * self.spread
        laws = np.arange(len(usual))
        for first, last in ((np.full_like(usual, -2.0), usual), (usual, furthest)):
            length = (last - first)[laws]
            steps = round(1.5 * length.max()) + 6
            v = first[laws, None] + (length / steps)[:, None] * np.arange(steps + 1.0)
            magnitude = self._rough_magnitude(laws, self.radius(laws[:, None], v), stride)
            self.growth[laws] = np.maximum(self.growth[laws], magnitude.max(axis=1))
            dead = np.where(magnitude < -NEGLIGIBLE, 0, np.arange(1, steps + 2)).max(axis=1)
            self.upper[laws] = v[np.arange(len(laws)), np.minimum(dead, steps)]
            laws = laws[dead > steps]
            if laws.size == 0:
                break

    def _rough_magnitude(self, laws: IntArray, radius: FloatArray, stride: int) -> FloatArray:
        """Return log |Φ| of some laws for r of shape (laws, radii), from few scores, all at once."""
        fall, turn, density = (values[..., ::stride] for values in (self.fall, self.turn, self.density))
        weights = (density * (2 * stride / self.count * self.score_range)[:, None])[..., None]
        powers = _powers(radius)
        change = np.empty(radius.shape, dtype=complex)
        together = 1 + 4 * CHUNK // (radius.shape[1] * density.shape[1])
        for first in range(0, len(laws), together):
            some, part = laws[first : first + together], slice(first, first + together)
            falls, turns = powers[part] @ fall[some], powers[part] @ turn[some]
            turns[falls < -DEAD] = 0  # for they may be infinite
            change[part] = _weighted_expm1(falls, turns, weights[some].view(float))[..., 0]
        return np.asarray(self._logarithm(radius, laws[:, None], change).real)

    def radius(self, owner: IntArray, v: FloatArray) -> FloatArray:
        """Return r with log r = v - a e^{-v/a}, a = 1 + s, which crowds the nodes where Φ changes."""
        stretch = self.stretch[owner]
        return np.asarray(np.exp(v - stretch * np.exp(-v / stretch)) / self.size[owner])

    def _take_scores(self, count: int) -> None:
        """Compute the parts of the integrand at so many scores or a few more, the last axis of all arrays.

        Every 2^doublings-th of them is what all radii start from.
        """
        self.doublings = max(0, math.floor(math.log2(count / FEWEST)))
        self.count = math.ceil(count / 2 ** (self.doublings + 1)) * 2 ** (self.doublings + 1)
        g, self.density = self._curve(self.score_range[:, None] * (2 / self.count * np.arange(self.count + 1.0) - 1))
        exponents = self._exponent(g)
        self.fall, self.turn = exponents.real.copy(), exponents.imag / 2
        linear, square = self.fall[:, 0], self.fall[:, 1]
        # From this r on e^z is below e^-40 at a node and at all later ones, so that e^z - 1 is -1.
        dead = 2 * DEAD / (np.sqrt(linear**2 - 4 * DEAD * square) - linear)
        self.dead = np.maximum.accumulate(dead[:, ::-1], axis=1)[:, ::-1]
        # At the first nodes |e^z - 1| < |z| adds up to less than a rounding of Φ.
        faint = (np.abs(self.fall) + 2 * np.abs(self.turn)) * np.abs(self.density)[:, None]
        self.faint = faint.cumsum(axis=2) * (self.terms * 1e16)[:, None, None]

    def _curve(self, x: FloatArray) -> tuple[ComplexArray, ComplexArray]:
        """Return g(x) and the density of a normal g times dg/dx, for x of shape (laws, nodes)."""
        side, height = np.tanh(x - self.saddle[:, None]), self.height[:, None]
        g = x.astype(complex)
        g.imag = self.lift[:, None] + height * side
        derivative = 1 + 1j * (height * (1 - side * side))
        square = g * g / -2
        return g, _exponential(square.real - HALF_LOG, square.imag) * derivative

    def _exponent(self, g: ComplexArray) -> ComplexArray:
        """Return the coefficients of r and r² in the exponent z of φ, shape (laws, 2, nodes)."""
        spread, slope, mean, noise = (values[:, None] for values in (self.spread, self.slope, self.mean, self.noise))
        scale = _exponential(spread * g.real, spread * g.imag + self.angle[:, None])
        exponents = np.empty((len(g), 2, g.shape[1]), dtype=complex)
        exponents[:, 0] = 1j * scale * (mean + slope * g)
        exponents[:, 1] = (noise * scale) ** 2 / -2
        return exponents

    def _means(self, radius: FloatArray, owner: IntArray, scores: slice, parts: int) -> ComplexArray:
        """Return φ - 1 by some of the scores, equidistant ones.

        Args:
            radius: r, shape (k,).
            owner: the law of each, ascending; the radii of a law ascend, too.
            scores: which of them.
            parts: 1 for the mean over them all, 2 for those over the even and over the odd ones; shape (k, parts).
        """
        density = self.density[:, scores] * (2 * parts * scores.step / self.count * self.score_range)[:, None]
        weights = np.zeros((len(density), density.shape[1] + 1, parts), dtype=complex)
        for first in range(parts):
            weights[:, first:-1:parts, first] = density[:, first::parts]
        rest = weights[:, ::-1].cumsum(axis=1)[:, ::-1]
        fall, turn, faint, dead = (values[..., scores] for values in (self.fall, self.turn, self.faint, self.dead))
        powers = _powers(radius)
        means = np.empty((len(radius), parts), dtype=complex)
        rows = 1 + CHUNK // density.shape[1]
        for law, (start, end) in enumerate(pairwise(owner.searchsorted(np.arange(len(weights) + 1)).tolist())):
            for first in range(start, end, rows):
                block = powers[first : min(first + rows, end)]
                (least, _), (most, square) = block[0], block[-1]
                low = min(faint[law, 0].searchsorted(1 / most), faint[law, 1].searchsorted(1 / square))
                high = density.shape[1] - dead[law, ::-1].searchsorted(least)
                seen = slice(low, high)
                sums = _weighted_expm1(
                    block @ fall[law, :, seen], block @ turn[law, :, seen], weights[law, seen].view(float)
                )
                means[first : first + len(block)] = sums - rest[law, high]
        return means

    def _beyond(self, radius: FloatArray, owner: IntArray) -> FloatArray:
        """Return bounds on the parts of φ beyond the ends of the curves, where the integrand falls faster than e^-x."""
        fall, size = self.fall[:, :, :: self.count], np.abs(self.density[:, :: self.count])
        exponent = (_powers(radius)[:, :, None] * fall[owner]).sum(axis=1)
        return np.asarray((size[owner] * (1 + np.exp(exponent))).sum(axis=1))

    def _logarithm(self, radius: FloatArray, owner: IntArray, change: ComplexArray) -> ComplexArray:
        """Return log Φ from φ - 1."""
        return np.asarray(self.terms[owner] * _log1p(change) + self.drift[owner] * radius)

    def _refined(self, radii: _Radii) -> tuple[ComplexArray, FloatArray, ComplexArray, FloatArray]:
        """Return φ - 1, log |Φ|, Φ and its distance from its sum over every second score.

        All radii start from a few scores; those whose distance matters are given the ones in between.
        """
        radius, owner, stride = radii.radius, radii.owner, 2**self.doublings
        both = self._means(radius, owner, slice(0, None, stride), 2)
        change = (both[:, 0] + both[:, 1]) / 2
        logarithm = self._logarithm(radius, owner, np.array([change, both[:, 0]]))
        magnitude, (phi, rough) = logarithm[0].real, _phi(logarithm)
        distance = np.abs(phi - rough)
        settled = SETTLED / (radii.weight * radii.count[radii.place])
        while stride > 1:
            rows = np.flatnonzero(~(distance <= settled))
            if rows.size == 0:
                break
            r, laws = radius[rows], owner[rows]
            finer = (change[rows] + self._means(r, laws, slice(stride // 2, None, stride), 1)[:, 0]) / 2
            logarithm = self._logarithm(r, laws, finer)
            new = _phi(logarithm)
            distance[rows] = np.abs(new - phi[rows])
            change[rows], magnitude[rows], phi[rows] = finer, logarithm.real, new
            stride //= 2
        return change, magnitude, phi, distance

    def _lost(self, radii: _Radii, change: ComplexArray, sizes: FloatArray) -> FloatArray:
        """Return the sizes of the parts of the sum over r between which Φ turns by more than 5.

        The turn of φ^m is m times that of φ, which is less than half a turn: it is known even where Φ turns fully.
        """
        phi, owner, lost = 1 + change, radii.owner[1:], np.zeros(len(sizes))
        turns = self.terms[owner] * np.angle(phi[1:] * phi[:-1].conj())
        turns += self.drift.imag[owner] * (radii.radius[1:] - radii.radius[:-1])
        unseen = (np.abs(turns) > UNRESOLVED) & (radii.index[1:] > 0)
        lost[1:][unseen] = np.minimum(sizes[1:], sizes[:-1])[unseen]
        return lost

    def integral(self, laws: IntArray, nodes: IntArray, count: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return P of some laws, and the errors that the sums over r and over g may have, arrays of shape (laws,).

        Args:
            laws: indices, ascending.
            nodes: multiples of 6; each law has one radius more.
            count: scores that a radius may have.
        """
        if count > self.count:
            self._take_scores(count)
        radii = _Radii(self, laws, nodes)
        radius, owner, weight = radii.radius, radii.owner, radii.weight / math.pi
        change, magnitude, phi, distance = self._refined(radii)
        size = np.maximum(np.abs(1 + change), 1e-300)
        missing = np.exp(magnitude) * np.expm1(self.terms[owner] * np.log1p(self._beyond(radius, owner) / size))
        lost = self._lost(radii, change, np.abs(phi) * weight)
        sums = radii.sums(phi.imag * weight)
        scores, lost = np.add.reduceat([(distance + missing) * weight, lost], radii.first, axis=1)
        ends = np.abs(phi[radii.first + nodes]) + np.abs(phi[radii.first] - 1)
        return 0.5 - self.angle[laws] / math.pi - sums.sum(axis=1), _doubt(sums) + lost + ends, scores


def _doubt(sums: FloatArray) -> FloatArray:
    """Return the error that a trapezoidal sum may have, from its sums over every second and every third part.

    Args:
        sums: over every sixth part, shape (laws, 6).
    """
    total = sums.sum(axis=1)
    second = np.abs(2 * sums[:, ::2].sum(axis=1) - total)
    third = np.abs(3 * (sums[:, :3] + sums[:, 3:]) - total[:, None]).max(axis=1)
    return np.asarray(2 * second + third**1.5)


def _powers(radius: FloatArray) -> FloatArray:
    """Return r and r² along a new last axis."""
    powers = np.empty((*radius.shape, 2))
    powers[..., 0] = radius
    np.multiply(radius, radius, out=powers[..., 1])
    return powers


def _phi(logarithm: ComplexArray) -> ComplexArray:
    """Return Φ from log Φ, within what a float holds."""
    return _exponential(np.minimum(np.maximum(logarithm.real, -100.0), 300.0), logarithm.imag)


def _exponential(x: FloatArray, y: FloatArray) -> ComplexArray:
    """Return e^{x + iy}, by t = tan(y/2): real functions are vectorised where the complex exponential is not."""
    size, tangent = np.exp(x), np.tan(y / 2)
    doubled = 2 * size / (1 + tangent * tangent)
    value = np.empty(doubled.shape, dtype=complex)
    np.subtract(doubled, size, out=value.real)
    np.multiply(doubled, tangent, out=value.imag)
    return value


def _weighted_expm1(x: FloatArray, half: FloatArray, weights: FloatArray) -> ComplexArray:
    """Return the sums of e^z - 1, z = x + iy, over the last axis with complex weights; `half` is y/2.  Overwrites both.

    The weights are real and imaginary parts in turn.  e^z - 1 keeps the digits of a small z, for φ - 1 is of order 1/m.
    With t = tan(y/2) and p = e^x t/(1 + t²) it is e^x - 1 - 2tp + 2ip: real functions are vectorised where the complex
    exponential is not.
    """
    size, tangent = np.expm1(x, out=x), np.tan(half, out=half)
    sine = tangent * tangent
    sine += 1
    np.divide(tangent, sine, out=sine)
    sums = size @ weights
    size += 1
    sine *= size
    tangent *= sine
    weights = 2 * weights
    sums -= tangent @ weights
    return np.asarray(sums.view(complex) + 1j * (sine @ weights).view(complex))


def _log1p(z: ComplexArray) -> ComplexArray:
    """Return log(1 + z) with the digits of a small z; -18 where 1 + z vanishes."""
    real, imaginary = z.real, z.imag
    square = real * (2 + real) + imaginary * imaginary
    value = np.empty(square.shape, dtype=complex)
    np.multiply(0.5, np.log1p(np.maximum(square, LEAST)), out=value.real)
    np.arctan2(imaginary, 1 + real, out=value.imag)
    return value
