"""Moments of fluctuating attention by Laplace integrals on one lattice, in fixed point with 154 decimals.

Nothing here imports the toolkit.  With L = e^{s g}, D = c + sum of m such L, the moments are

    E c/D, E c²/D², E sum(L²)/D², E 1/sum(L²), E sum(L)/sum(L²), E sum(L)²/sum(L²),

each an integral over t of means over one score, E L^k e^{-tL} or E L^k e^{-tL²}, and of their powers.  The logarithms
of t and of L both run over multiples of one step, so that e^{-tL} and e^{-tL²} are entries of the single list
exp(-e^{n step}), and a mean over the score is a dot product of integers.  None of the means depends on c or m.

Turning the ray of t by an angle a < pi/2 divides a moment by cos(a)^k at most.  So the trapezoidal rule in log t errs
by a share of about exp(-pi²/step), whatever c, m and s are; in g it errs by as much, or by exp(-2 pi²/step²).
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import mul
from typing import NamedTuple

import mpmath as mp

BITS = 512
PRECISION = BITS + 60
SILENT = 5.9  # exp(-e^5.9) is less than 2^-512


class Grid(NamedTuple):
    """Steps and ranges: largest steps of log t and of the score, largest score, and how far below 1/c t starts."""

    log_step: float
    score_step: float
    reach: int
    margin: int


COARSE = Grid(1 / 8, 1 / 2, 13, 75)  # rules err by 1e-31
FINE = Grid(1 / 9, 9 / 20, 14, 80)  # by 1e-35


class Moments(NamedTuple):
    """The six moments above, in their order."""

    share: mp.mpf
    share_square: mp.mpf
    noise_square: mp.mpf
    inverse: mp.mpf
    mean_ratio: mp.mpf
    square_ratio: mp.mpf


class _Decay(dict):
    """exp(-e^{n step}) in units of 2^-BITS, made when asked for."""

    def __init__(self, step: mp.mpf) -> None:
        self.step = step

    def __missing__(self, n: int) -> int:
        value = 0 if n * self.step > SILENT else int(mp.ldexp(mp.exp(-mp.exp(n * self.step)), BITS))
        self[n] = value
        return value


class Means(NamedTuple):
    """At each t: t dlog t, log E e^{-tL}, E L² e^{-tL}, log E e^{-tL²}, E L e^{-tL²}, E L² e^{-tL²}."""

    t: list[mp.mpf]
    weight: list[mp.mpf]
    log_plain: list[mp.mpf]
    plain_square: list[mp.mpf]
    log_squared: list[mp.mpf]
    squared_mean: list[mp.mpf]
    squared_square: list[mp.mpf]


def means(spread: mp.mpf, largest_log: mp.mpf, most_terms: int, grid: Grid) -> Means:
    """Return the means over one score for all t that matter to log c <= largest_log and m <= most_terms."""
    with mp.workprec(PRECISION):
        step = min(spread * grid.score_step, mp.mpf(grid.log_step))
        stride = int(grid.log_step / step)
        last = int((grid.reach + 2 * spread) * spread / step) + 1
        weights = _score_weights(spread, step, last)
        scale = max(largest_log, 2 * mp.log(most_terms) + 2 * spread**2 + 12 * spread + 1)
        first_node = int(-(grid.margin + scale) / step) // stride
        last_node = int((SILENT + 2 * spread * (grid.reach + 2 * spread)) / step) // stride
        decay, result = _Decay(step), Means(*([] for _ in Means._fields))
        for node in range(first_node, last_node + 1):
            centre = node * stride
            plain = [decay[n] for n in range(centre - last, centre + last + 1)]
            squared = [decay[n] for n in range(centre - 2 * last, centre + 2 * last + 1, 2)]
            t = mp.exp(centre * step)
            values = (
                t,
                t * stride * step,
                mp.log(_dot(weights[0], plain)),
                _dot(weights[2], plain),
                mp.log(_dot(weights[0], squared)),
                _dot(weights[1], squared),
                _dot(weights[2], squared),
            )
            for column, value in zip(result, values, strict=True):
                column.append(value)
    return result


def _score_weights(spread: mp.mpf, step: mp.mpf, last: int) -> list[list[int]]:
    """Return the weights of the scores times L^0, L^1 and L^2, in units of 2^-BITS."""
    distance = step / spread
    places = range(-last, last + 1)
    density = [mp.exp(-((i * distance) ** 2) / 2) * distance / mp.sqrt(2 * mp.pi) for i in places]
    return [
        [int(mp.ldexp(w * mp.exp(power * i * step), BITS)) for i, w in zip(places, density, strict=True)]
        for power in range(3)
    ]


def _dot(weights: Sequence[int], values: Sequence[int]) -> mp.mpf:
    """Return the sum of products; where all of it is below the last bit, e^{-ct} or the power m makes it nothing."""
    return mp.ldexp(mp.mpf(sum(map(mul, weights, values)) or 1), -2 * BITS)


def moments(mean: Means, log_constants: Sequence[mp.mpf], terms: int) -> list[Moments]:
    """Return the moments for each log c, and one m."""
    m = terms
    with mp.workdps(60):
        less_one = [(m - 1) * value for value in mean.log_plain]
        power = [mp.exp(value) for value in less_one]
        plain = [p * mp.exp(value) for p, value in zip(power, mean.log_plain, strict=True)]
        noise = [m * p * value for p, value in zip(power, mean.plain_square, strict=True)]
        inverses = _inverses(mean, m)
        result = []
        for log_constant in log_constants:
            c = mp.exp(log_constant)
            killed = [mp.exp(-c * t) * w for t, w in zip(mean.t, mean.weight, strict=True)]
            killed_t = [k * t for k, t in zip(killed, mean.t, strict=True)]
            result.append(
                Moments(
                    c * mp.fdot(killed, plain), c**2 * mp.fdot(killed_t, plain), mp.fdot(killed_t, noise), *inverses
                )
            )
    return result


def _inverses(mean: Means, m: int) -> tuple[mp.mpf, mp.mpf, mp.mpf]:
    """Return the three moments that know nothing of c."""
    power = [w * mp.exp((m - 1) * value) for w, value in zip(mean.weight, mean.log_squared, strict=True)]
    inverse = mp.fdot(power, map(mp.exp, mean.log_squared))
    mean_ratio = m * mp.fdot(power, mean.squared_mean)
    square_ratio = m * mp.fdot(power, mean.squared_square)
    if m > 1:
        pairs = [w * mp.exp((m - 2) * value) for w, value in zip(mean.weight, mean.log_squared, strict=True)]
        square_ratio += m * (m - 1) * mp.fdot(pairs, [value**2 for value in mean.squared_mean])
    return inverse, mean_ratio, square_ratio


def apart(first: Moments, second: Moments) -> float:
    """Return the largest relative difference of two results."""
    with mp.workdps(60):
        return float(max(abs(a / b - 1) for a, b in zip(first, second, strict=True)))
