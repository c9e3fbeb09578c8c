"""Laplace integrals for means of ratios of log-normal sums: 1/D^k = ∫ t^{k-1} e^{-tD} dt/Γ(k).

With weights L_t = e^{s g_t} of m independent standard normal scores, every such mean is one integral over t of products
of means over a single score, E[L^p e^{-t L^r}], and all integrands are positive.
Source: derived here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from theory.arguments import FloatArray
from theory.quadrature import NEGLIGIBLE, trapezoid

SCORE_RANGE = 9.0
LARGEST_STEP = 1 / 8
"""Turning the ray of t by θ < π/2 changes no integral and divides its integrand's bound by cos²θ at most.  So the rule
in log t errs by a share of e^{-π²/step} times a few powers of 1/step, whatever c, m and s are: below 1e-30."""

DRAFT_STEP = 1.0
"""The same rule errs by 5e-5 or so."""

REMEMBERED = 2**13
"""Nodes on either side of 0, |log t| ≤ 1024, at which means over scores are remembered."""

CELLS = 32
"""Cells of the grids on which the integrands are seen to become negligible."""

CHUNK = 2**15
"""Terms of means over scores that are summed at once stay in the fast memory of a core."""

LARGEST_EXPONENT = 600.0
"""e^600 is large enough to kill any integrand, and still a float after a product with a million."""

SMALLEST_MEAN = 1e-100
"""A smaller mean is summed by logarithms: its terms come close to the smallest float."""

ROUNDINGS = 128.0
"""Rounding errors of one unit in sums over hundreds of scores and in powers with exponent m."""

ROUNDINGS_PER_EXPONENT = 4.0
"""The same for each unit of log c, and of the exponents of log-normal moments, 2s² and 4s²."""


class Scores:
    """Means over one standard normal score g, on a grid that covers the peaks of e^{±2sg} times its density.

    Args:
        spread: s > 0.

    Example:
        >>> (log_mean,) = Scores(0.5).log_means(np.array([-700.0]), (2,))  # e^{-t L} = 1: log E L² = 2s²
        >>> round(float(log_mean[0]), 12)
        0.5
    """

    def __init__(self, spread: float) -> None:
        """Lay the grid: features of width 1/s call for steps that shrink with s."""
        reach = SCORE_RANGE + 2 * spread
        half = math.ceil(reach * (3 + 4 * spread))
        # Not the distance of two nodes, which has lost two digits.
        step = reach / half
        g = step * np.arange(-half, half + 1)
        self.log_density = math.log(step / math.sqrt(2 * math.pi)) - g**2 / 2
        self.log_weight = spread * g
        self._tables: dict[tuple[tuple[int, ...], int], FloatArray] = {}

    def log_means(self, log_t: FloatArray, powers: tuple[int, ...], exponent: int = 1) -> list[FloatArray]:
        """Return log E[L^power e^{-t L^exponent}] for each of `powers` (0 to 4) and log t of shape (k,).

        At the nodes of `laplace_integrals`, multiples of 1/8, they are remembered: no other number of an integral
        enters them.
        """
        places = log_t / LARGEST_STEP
        if not ((places == np.rint(places)) & (np.abs(places) <= REMEMBERED)).all():
            return self._computed(log_t, powers, exponent)
        key = powers, exponent
        if key not in self._tables:
            self._tables[key] = np.full((len(powers), 2 * REMEMBERED + 1), np.nan)
        table = self._tables[key]
        index = places.astype(int) + REMEMBERED
        new = np.isnan(table[0, index])
        if new.any():
            table[:, index[new]] = self._computed(log_t[new], powers, exponent)
        return list(table[:, index])

    def _computed(self, log_t: FloatArray, powers: tuple[int, ...], exponent: int) -> list[FloatArray]:
        """Return the same, by a few t at a time."""
        rows = 1 + CHUNK // len(self.log_weight)
        parts = [self._log_means(log_t[first : first + rows], powers, exponent) for first in range(0, len(log_t), rows)]
        return [np.concatenate(part) for part in zip(*parts, strict=True)]

    def _log_means(self, log_t: FloatArray, powers: tuple[int, ...], exponent: int) -> list[FloatArray]:
        """Return the same for few t, all at once."""
        decay = np.exp(np.minimum(log_t[:, None] + exponent * self.log_weight, LARGEST_EXPONENT))
        means = np.exp(-decay) @ np.exp(self.log_density[:, None] + np.multiply.outer(self.log_weight, (0, *powers)))
        far = means[:, 0] < SMALLEST_MEAN
        results = []
        for power, mean in zip(powers, means[:, 1:].T, strict=True):
            result = np.log(np.where(far, 1.0, mean))
            result[far] = self._log_sum(np.asarray(power * self.log_weight - decay[far]))
            if power == 0:
                # Near 1 the logarithm, which is multiplied by m, is that of the distance from 1.
                near = mean > 0.5
                result[near] = np.log1p(np.expm1(-decay[near]) @ np.exp(self.log_density))
            results.append(np.asarray(result))
        return results

    def _log_sum(self, exponents: FloatArray) -> FloatArray:
        """Return the logarithm of the mean of e^exponents for each row, however small it is."""
        exponents = exponents + self.log_density
        peak = exponents.max(axis=1, keepdims=True)
        return np.asarray(np.log(np.exp(exponents - peak).sum(axis=1)) + peak[:, 0])

    def widest(self, terms: int) -> float:
        """Return how far from 0 log t may be: between the scales of 1/(m L) and 1/L² of any L that matters."""
        return float(3 * self.log_weight.max() + math.log(terms) + NEGLIGIBLE)


@lru_cache(maxsize=8)
def shared_scores(spread: float) -> Scores:
    """Return the scores of a spread, with what they remember.

    Example:
        >>> shared_scores(0.5) is shared_scores(0.5)
        True
    """
    return Scores(spread)


def laplace_integrals(
    log_integrands: Callable[[FloatArray], list[FloatArray]], widest: float, step: float = LARGEST_STEP
) -> tuple[FloatArray, float]:
    """Return the logarithms of ∫ e^{log_integrand(log t)} dt on one grid of log t, and the largest relative error.

    Args:
        log_integrands: maps log t of shape (k,) to the logarithms of positive integrands, each of that shape.
        widest: |log t| beyond which all of them are negligible.
        step: of log t, a power of 2; the default leaves nothing but rounding.

    Example:
        >>> logs, error = laplace_integrals(lambda v: [v - np.exp(np.minimum(v, 600))], 50.0)  # ∫ t e^{-t} dt = 1
        >>> bool(abs(logs[0]) < 1e-14 and error < 1e-14)
        True
    """

    def log_values(v: FloatArray) -> FloatArray:
        return np.stack(log_integrands(v), axis=1) + v[:, None]

    # All nodes are multiples of the step.
    last = math.ceil(widest / step)
    first, before = -last, math.inf
    while last - first < 0.8 * before:
        before = last - first
        stride = 2 ** max(0, math.ceil(math.log2(before / CELLS)))  # so that other integrals meet the same nodes
        nodes = stride * np.arange(first // stride, 1 - (-last // stride))
        values = log_values(nodes * step)
        alive = np.flatnonzero((values > values.max(axis=0) - NEGLIGIBLE).any(axis=1))
        first, last = int(nodes[max(alive[0] - 1, 0)]), int(nodes[min(alive[-1] + 1, len(nodes) - 1)])
    intervals = last - first + (last - first) % 2
    columns = np.full(values.shape[1], step)

    def integrand(v: FloatArray) -> tuple[FloatArray, FloatArray]:
        return log_values(step * np.rint(v[:, 0] / step)), np.array(1.0)

    integral = trapezoid(integrand, first * columns, (first + intervals) * columns, intervals)
    return integral.log_value, float(integral.relative_error.max())


def rounding_share(log_constant: float, spread: float) -> float:
    """Return the share that is lost to rounding: every exponent is a few times |log c| or s².

    Example:
        >>> bool(rounding_share(0.0, 0.0) == 128 * np.finfo(float).eps)
        True
    """
    exponent = abs(log_constant) + 4 * spread**2
    return float(np.finfo(np.float64).eps * (ROUNDINGS + ROUNDINGS_PER_EXPONENT * exponent))
