"""The test error of a trained model by two contours in extended precision, or by quadrature over the scores.

Nothing here imports the toolkit.  Given the label, the sign of f is that of a sum over the irrelevant tokens,

    S = c + sum over t <= m of L_t (a + b g_t + v N_t),    L_t = exp(s g_t),

whose numbers are taken from the vectors at 50 digits.  One or two terms are averaged over their scores, given which S
is Gaussian.  For more, P(S < 0) is Gil-Pelaez's integral of the characteristic function along two different rays
u = r exp(i theta); each takes the mean over g along its own curve in the complex plane.  Nodes, curves and arithmetic
(64-bit mantissas, steps shortened until nothing changes) are not those of the toolkit, and the two results, which have
different integrands and different residues at 0, must agree: their distance is the error that is stored.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import mpmath as mp
import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, ndtr

DIGITS = 50
REACH = 10.0  # a normal number is larger with probability 1e-23
WANTED = 2e-15
MOST = 9_000_000  # nodes of a double integral: about two seconds
HOPELESS = 1e-3
ROUNDING = 5e-14  # of sums of thousands of numbers in double precision


class Law(NamedTuple):
    """c, m, s, a, b, v of the sum above."""

    constant: mp.mpf
    terms: int
    spread: mp.mpf
    mean: mp.mpf
    slope: mp.mpf
    noise: mp.mpf


def law_of(vectors, tokens, relevant, sigma, kind, delta, label) -> Law:
    """Return the law of y f times the denominator of the softmax, over exp(q . mu) and over its largest number."""
    context, signal, prompt, head = ([mp.mpf(float(x)) for x in vector] for vector in vectors)

    def dot(first, second):
        return mp.fsum(a * b for a, b in zip(first, second, strict=True))

    def mix(a, first, b, second):
        return [a * x + b * y for x, y in zip(first, second, strict=True)]

    inside = mix(1, context, label, signal)
    outside = mix(-mp.mpf(delta[0]), context, -mp.mpf(delta[1]) * label, signal)
    constant = relevant * mp.exp(dot(prompt, inside) - dot(prompt, outside)) * label * dot(head, inside)
    mean = label * dot(head, outside)
    if kind == "prompt-orthogonal":
        square = dot(context, context)
        prompt = mix(1, prompt, -dot(prompt, context) / square, context)
        head = mix(1, head, -dot(head, context) / square, context)
    length = mp.sqrt(dot(prompt, prompt))
    slope = dot(head, prompt) / length if length > mp.mpf(10) ** -40 else mp.mpf(0)
    across = dot(head, head) - slope**2
    noise = sigma * mp.sqrt(across) if across > mp.mpf(10) ** -40 * dot(head, head) else mp.mpf(0)
    size = max(abs(mean), abs(sigma * slope), noise) or mp.mpf(1)
    return Law(
        constant / size, tokens - relevant, sigma * length, mean / size, label * sigma * slope / size, noise / size
    )


def risk(vectors, tokens, relevant, sigma, kind, deltas: Sequence[tuple[float, float, float]]) -> tuple[float, float]:
    """Return the test error and the size of its own error; a delta is (delta_q, delta_w, probability)."""
    value = error = mp.mpf(0)
    with mp.workdps(DIGITS):
        for delta in deltas:
            for label in (-1, 1):
                share = mp.mpf(delta[2]) / 2
                below, doubt = below_zero(law_of(vectors, tokens, relevant, mp.mpf(sigma), kind, delta, label))
                value, error = value + share * below, error + share * doubt
        return float(value), float(error) + 1e-16


def below_zero(law: Law) -> tuple[mp.mpf, float]:
    """Return P(S < 0), a tie counted as one half, and its own error."""
    m = law.terms
    if m == 0 or law.spread < mp.mpf(10) ** -35 or law.mean == law.slope == law.noise == 0:
        centre, deviation = law.constant + m * law.mean, mp.sqrt(m * (law.slope**2 + law.noise**2))
        if deviation == 0:
            return (1 - mp.sign(centre)) / 2, 0.0
        return mp.erfc(centre / deviation / mp.sqrt(2)) / 2, 0.0
    for sign in (1, -1):
        # S has the sign of c unless a normal number exceeds 9, which has probability 1e-19.
        if sign * law.constant + m * _least_term(law, sign) > 0:
            return mp.mpf(1 - sign) / 2, m * 5e-19
    if m > 2:
        return two_contours(law)
    value, error = over_scores(law)
    if m == 1 or error < 1e-13:
        return value, error
    return min((value, error), two_contours(law), key=lambda result: result[1])


def _least_term(law: Law, sign: int) -> mp.mpf:
    """Return the least of sign exp(s g)(a + b g + v n) for g and n between -9 and 9."""
    mean, slope = sign * law.mean - 9 * law.noise, sign * law.slope
    places = [mp.mpf(-9), mp.mpf(9)]
    if slope != 0 and abs(turn := -mean / slope - 1 / law.spread) < 9:
        places.append(turn)
    return min(mp.exp(law.spread * g) * (mean + slope * g) for g in places)


# --- one or two terms: S is Gaussian given the scores ---


def over_scores(law: Law) -> tuple[mp.mpf, float]:
    """Integrate piece by piece; the pieces end where something turns or changes its sign."""
    constant, m, spread, mean, slope, noise = (float(x) for x in law)
    values: list[float] = []
    level, finest = 2, 512 if m == 1 else 64
    while True:
        if m == 1:
            result = _given(np.array([constant]), np.zeros(1), spread, mean, slope, noise, level)[0]
        else:
            result = _outer(constant, spread, mean, slope, noise, level)
        values.append(float(result))
        if len(values) > 1:
            apart = abs(values[-1] - values[-2])
            if apart < 5e-15 or level == finest:
                return mp.mpf(values[-1]), apart + ROUNDING
        level *= 2


def _tanh_sinh(level: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return shares of an interval, from its left and from its right end, and weights."""
    x = np.linspace(-3.6, 3.6, 28 * level + 1)
    y = math.pi * np.sinh(x)
    return expit(y), expit(-y), expit(y) * expit(-y) * math.pi * np.cosh(x) * (x[1] - x[0])


def _turn(spread: float, mean: float, slope: float) -> float | None:
    """Return where exp(s g)(a + b g) turns."""
    return None if slope == 0 else -mean / slope - 1 / spread


def _outer(constant, spread, mean, slope, noise, level) -> float:
    """Average over the first of two scores: its pieces end where the second's window opens, closes or passes 0."""

    def rest(g):
        return constant + math.exp(spread * g) * (mean + slope * g)

    turn = _turn(spread, mean, slope)
    bottom = math.exp(spread * turn) * (mean + slope * turn) if turn is not None and abs(turn) < 30 else 0.0
    ends = sorted({-REACH, REACH, *([min(max(turn, -REACH), REACH)] if turn is not None else [])})
    cuts = set(ends)
    for first, last in pairwise(ends):
        for height in (0.0, bottom):
            at_ends = [rest(g) + height for g in (first, last)]
            if at_ends[0] * at_ends[1] < 0:
                cuts.add(brentq(lambda g, height=height: rest(g) + height, first, last, xtol=1e-15))
    share, _, weight = _tanh_sinh(level)
    total = 0.0
    for first, last in pairwise(sorted(cuts)):
        g = first + (last - first) * share
        scale = np.exp(spread * g)
        rest_of = constant + scale * (mean + slope * g)
        rows = max(1, 200_000 // len(g))
        parts = [slice(i, i + rows) for i in range(0, len(g), rows)]
        inner = np.concatenate([_given(rest_of[i], scale[i], spread, mean, slope, noise, level) for i in parts])
        total += (last - first) * float((weight * np.exp(-(g**2) / 2) / math.sqrt(2 * math.pi) * inner).sum())
    return total


def _given(rest, scale, spread, mean, slope, noise, level) -> np.ndarray:
    """Return P(rest + exp(sg)(a + bg) + v (scale^2 + exp(2sg))^(1/2) N < 0) for arrays rest and scale."""
    turn = _turn(spread, mean, slope)
    middle = np.clip(turn if turn is not None else 0.0, -REACH, REACH)
    ends = [np.full(rest.shape, -REACH), np.full(rest.shape, middle), np.full(rest.shape, REACH)]

    def height(g):
        return rest + np.exp(spread * g) * (mean + slope * g)

    cuts = [ends[0]]
    for first, last in pairwise(ends):
        low, high = first.copy(), last.copy()
        rising = height(high) > height(low)
        for _ in range(60):
            half = (low + high) / 2
            above = (height(half) > 0) == rising
            low, high = np.where(above, low, half), np.where(above, half, high)
        cuts += [high, last]
    share, other, weight = _tanh_sinh(level)
    total = np.zeros(rest.shape)
    for first, last in pairwise(cuts):
        width = (last - first)[:, None]
        g = np.where(share < 0.5, first[:, None] + width * share, last[:, None] - width * other)
        growth = np.exp(spread * g)
        centre = rest[:, None] + growth * (mean + slope * g)
        deviation = noise * np.hypot(scale[:, None], growth)
        below = ndtr(-centre / deviation) if noise > 0 else (1 - np.sign(centre)) / 2
        total += ((width * weight) * np.exp(-(g**2) / 2) * below).sum(axis=1) / math.sqrt(2 * math.pi)
    return total


# --- more terms: an inversion along two rays ---


class Contour:
    """The ray u = r exp(i theta) and the curve x + i (lift + height (x - x0)/(1 + (x - x0)^2)^(1/2))."""

    def __init__(self, law: Law, theta: float, height: float, lift: float = 0.0) -> None:
        """Keep the law's numbers in extended precision."""
        self.law = law
        self.numbers = [np.longdouble(mp.nstr(mp.mpf(x), 25)) for x in (law.constant, *law[2:])]
        self.theta, self.height, self.lift = theta, height, lift
        self.size = math.sqrt(law.terms) * float(law.noise + abs(law.slope) + abs(law.mean))
        self.upper = 0.0
        self.count = 160 + 80 * math.ceil(float(law.spread))  # coarse nodes in g; in log r as many suffice

    def scores(self, count: int, dtype: type) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return x, the real and imaginary part of the derivative, and the imaginary part of g."""
        x = np.linspace(dtype(-REACH), dtype(REACH), count + 1)
        law = self.law
        if law.slope == 0:
            return x, np.zeros_like(x), np.full_like(x, self.lift + self.height * float(mp.sign(law.mean)))
        distance = x - dtype(float(-law.mean / law.slope - 1 / law.spread))
        root = np.sqrt(1 + distance**2)
        sign = dtype(self.height * float(mp.sign(law.slope)))
        return x, sign / root**3, self.lift + sign * distance / root

    def phi(self, log_r: np.ndarray, count: int, dtype: type) -> np.ndarray:
        """Return exp(iuc) phi(u)^m as a complex array."""
        constant, spread, mean, slope, noise = (dtype(number) for number in self.numbers)
        x, derivative, y = self.scores(count, dtype)
        step = x[1] - x[0]
        # exp(-g^2/2) dg, exp(sg)(a + bg) e^{i theta}, exp(2sg) v^2/2 e^{2 i theta} by their parts
        turn = -x * y
        size = np.exp((y**2 - x**2) / 2) * step / np.sqrt(dtype(2) * dtype(np.pi) if dtype is float else 2 * PI)
        weight_re = size * (np.cos(turn) - derivative * np.sin(turn))
        weight_im = size * (np.sin(turn) + derivative * np.cos(turn))
        growth, angle = np.exp(spread * x), spread * y + dtype(self.theta)
        line_re = growth * (np.cos(angle) * (mean + slope * x) - np.sin(angle) * slope * y)
        line_im = growth * (np.sin(angle) * (mean + slope * x) + np.cos(angle) * slope * y)
        square_re, square_im = ((growth * noise) ** 2 / 2 * f(2 * angle) for f in (np.cos, np.sin))
        result = np.empty(log_r.shape, np.clongdouble if dtype is np.longdouble else complex)
        rows = max(1, 200_000 // len(x))
        for first in range(0, len(log_r), rows):
            r = np.exp(log_r[first : first + rows, None])
            real = -r * line_im - r**2 * square_re
            imaginary = r * line_re - r**2 * square_im
            size = np.exp(np.clip(real, -11000 if dtype is np.longdouble else -700, 600))
            cosine, sine = size * np.cos(imaginary), size * np.sin(imaginary)
            result[first : first + rows] = (cosine @ weight_re - sine @ weight_im) + 1j * (
                cosine @ weight_im + sine @ weight_re
            )
        r = np.exp(log_r)
        power = result**self.law.terms
        turn, fall = r * constant * np.cos(dtype(self.theta)), -r * constant * np.sin(dtype(self.theta))
        size = np.exp(np.clip(fall, -11000 if dtype is np.longdouble else -700, 600))
        return power * (size * np.cos(turn) + 1j * size * np.sin(turn))

    def find_upper(self) -> None:
        """Find where the integrand has died."""
        spread = float(self.law.spread)
        log_r = np.linspace(-5 - 9 * spread, 42 + 9 * spread, 120) - math.log(self.size)
        with np.errstate(all="ignore"):
            magnitude = np.abs(self.phi(log_r, self.count, float))
        alive = np.flatnonzero(~(magnitude < 1e-19))
        self.upper = float(log_r[min(alive[-1] + 1, len(log_r) - 1)]) if alive.size else float(log_r[0])

    def integral(self, nodes: int, count: int, dtype: type) -> float:
        """Return P(S < 0) with the steps given: log r = centre + 3 sinh t."""
        centre = self.upper - 3.0
        reach = 50 + 11 * float(self.law.spread) + max(0.0, math.log(float(abs(self.law.constant)) + 1e-9))
        t = np.linspace(dtype(-math.asinh(reach / 3)), dtype(math.asinh(1.0)), nodes + 1)
        phi = self.phi(dtype(centre) + 3 * np.sinh(t), count, dtype)
        total = (phi.imag * 3 * np.cosh(t)).sum() * (t[1] - t[0])
        return float(dtype(0.5) - (dtype(self.theta) + total) / (np.pi if dtype is float else PI))


PI = np.longdouble("3.14159265358979323846264338327950288")


def _apparent_error(contour: Contour) -> float:
    """Return the difference that shorter steps make, in double precision."""
    with np.errstate(all="ignore"):
        contour.find_upper()
        nodes = contour.count
        finer = round(1.4 * nodes)
        apart = abs(contour.integral(nodes, nodes, float) - contour.integral(finer, finer, float))
    return apart if math.isfinite(apart) else math.inf


def _refined(contour: Contour) -> tuple[float, float]:
    """Shorten both steps until that changes nothing; return the value and the last change."""
    nodes, value = contour.count, math.nan
    while nodes**2 < MOST:
        finer = contour.integral(nodes, nodes, np.longdouble)
        if abs(finer - value) < WANTED:
            return finer, abs(finer - value)
        nodes, value = round(1.4 * nodes), finer
    return value, math.inf


def two_contours(law: Law) -> tuple[mp.mpf, float]:
    """Return the mean of the two rays that converge first, and the larger of their distance and their own errors."""
    spread, side = float(law.spread), 1 if law.constant > 0 else -1
    candidates: list[tuple[float, float, float, Contour]] = []
    lifted = [(angle, angle) for angle in (1.1, 0.7, 1.4, -0.7) if abs(angle) < spread]
    straight = [(angle, 0.0) for angle in (0.25, 0.12, 0.0, 0.4, -0.12, -0.25, -0.4, 0.55, -0.55)]
    for theta, lift in lifted + straight if law.terms < mp.exp(law.spread) else straight + lifted:
        for height in (min(0.7, 0.2 / spread), 0.0, min(0.9, 0.45 / spread)):
            if abs(theta - lift) + spread * height < 0.76:
                contour = Contour(law, side * theta, height, -side * lift / spread)
                candidates.append((_apparent_error(contour), theta, height, contour))
        if len({candidate[1] for candidate in candidates if candidate[0] < 1e-7}) >= 2:
            break
    results: list[tuple[float, float]] = []
    used: set[float] = set()
    for apparent, theta, _, contour in candidates:
        if theta not in used and apparent < HOPELESS:
            used.add(theta)
            with np.errstate(all="ignore"):
                value, error = _refined(contour)
            if math.isfinite(value) and math.isfinite(error):
                results.append((value, error))
            if len(results) == 2:
                break
        if len(used) == 4:
            break
    if len(results) < 2:
        return mp.mpf(0.5), 1.0
    (first, one), (second, other) = results
    return mp.mpf((first + second) / 2), max(abs(first - second), one, other) + 1e-17 * law.terms
