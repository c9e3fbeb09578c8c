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
from theory.quadrature import NEGLIGIBLE, support, trapezoid

SCORE_RANGE = 9.0
LARGEST_STEP = 1 / 8
"""Turning the ray of t by θ < π/2 changes no integral and divides its integrand's bound by cos²θ at most.  So the rule
in log t errs by a share of e^{-π²/step} times a few powers of 1/step, whatever c, m and s are: below 1e-30."""

DRAFT_STEP = 1.0
"""The same rule errs by 5e-5 or so."""

CHUNK = 2**15
"""Terms of means over scores that are summed at once stay in the fast memory of a core."""

LARGEST_EXPONENT = 600.0
"""e^600 is large enough to kill any integrand, and still a float after a product with a million."""

BLOCK = 64
"""So many nodes of the lattice log t = k/8 are filled at once."""

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

    def log_means(self, log_t: FloatArray, powers: tuple[int, ...], exponent: int = 1) -> list[FloatArray]:
        """Return log E[L^power e^{-t L^exponent}] for each of `powers` (0 to 4) and log t of shape (k,)."""
        rows = 1 + CHUNK // len(self.log_weight)
        parts = [self._log_means(log_t[first : first + rows], powers, exponent) for first in range(0, len(log_t), rows)]
        return [np.concatenate(part) for part in zip(*parts, strict=True)]

    def _log_means(self, log_t: FloatArray, powers: tuple[int, ...], exponent: int) -> list[FloatArray]:
        """Return the same for few t."""
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


def laplace_integrals(
    log_integrands: Callable[[FloatArray], list[FloatArray]], widest: float, step: float = LARGEST_STEP
) -> tuple[FloatArray, float]:
    """Return the logarithms of ∫ e^{log_integrand(log t)} dt on one grid of log t, and the largest relative error.

    Args:
        log_integrands: maps log t of shape (k,) to the logarithms of positive integrands, each of that shape.
        widest: |log t| beyond which all of them are negligible.
        step: largest step in log t; the default leaves nothing but rounding.

    Example:
        >>> logs, error = laplace_integrals(lambda v: [v - np.exp(np.minimum(v, 600))], 50.0)  # ∫ t e^{-t} dt = 1
        >>> bool(abs(logs[0]) < 1e-14 and error < 1e-14)
        True
    """

    def log_values(v: FloatArray) -> FloatArray:
        return np.stack(log_integrands(v[:, 0]), axis=1) + v

    columns = np.ones(len(log_integrands(np.zeros(1))))
    lower, upper, before = -widest, widest, math.inf
    while upper - lower < 0.8 * before:
        before = upper - lower
        first, last = support(log_values, lower * columns, upper * columns)
        lower, upper = float(first.min()), float(last.max())
    intervals = 2 * math.ceil((upper - lower) / step / 2)
    integral = trapezoid(lambda v: (log_values(v), np.array(1.0)), lower * columns, upper * columns, intervals)
    return integral.log_value, float(integral.relative_error.max())


def lattice(block: int) -> FloatArray:
    """Return the nodes of a block: log t = k/8 for 64 whole numbers k."""
    return np.asarray(LARGEST_STEP * (BLOCK * block + np.arange(BLOCK)))


@lru_cache(maxsize=256)
def lattice_means(spread: float, block: int) -> tuple[FloatArray, ...]:
    """Return log E[L^power e^{-t L}] for the powers 0 to 4 at the nodes of a block: the same for every c and m."""
    return tuple(_scores(spread).log_means(lattice(block), (0, 1, 2, 3, 4)))


@lru_cache(maxsize=8)
def _scores(spread: float) -> Scores:
    """Return the grid of scores of a spread."""
    return Scores(spread)


def lattice_integrals(log_integrands: Callable[[int], list[FloatArray]], near: float) -> tuple[FloatArray, float]:
    """Return what `laplace_integrals` does, from as many blocks of the lattice as are not negligible.

    Args:
        log_integrands: maps a block to the logarithms of positive integrands at its nodes.
        near: a log t from which every integrand rises to its only peak.

    Example:
        >>> logs, _ = lattice_integrals(lambda block: [lattice(block) - np.exp(lattice(block))], 0.0)  # ∫ t e^{-t} dt
        >>> bool(abs(logs[0]) < 1e-14)
        True
    """

    def log_values(block: int) -> FloatArray:
        return np.stack(log_integrands(block), axis=1) + lattice(block)[:, None]

    first = last = math.floor(near / (BLOCK * LARGEST_STEP))
    blocks = [log_values(first)]
    peak = blocks[0].max(axis=0)
    while (blocks[0][0] > peak - NEGLIGIBLE).any():
        first -= 1
        blocks.insert(0, log_values(first))
        peak = np.maximum(peak, blocks[0].max(axis=0))
    while (blocks[-1][-1] > peak - NEGLIGIBLE).any():
        last += 1
        blocks.append(log_values(last))
        peak = np.maximum(peak, blocks[-1].max(axis=0))
    values = np.exp(np.concatenate(blocks) - peak)
    fine, coarse = values.sum(axis=0) * LARGEST_STEP, values[::2].sum(axis=0) * 2 * LARGEST_STEP
    return np.log(fine) + peak, float(np.max(np.abs(coarse / fine - 1) ** 1.25))


def rounding_share(log_constant: float, spread: float) -> float:
    """Return the share that is lost to rounding: every exponent is a few times |log c| or s².

    Example:
        >>> bool(rounding_share(0.0, 0.0) == 128 * np.finfo(float).eps)
        True
    """
    exponent = abs(log_constant) + 4 * spread**2
    return float(np.finfo(np.float64).eps * (ROUNDINGS + ROUNDINGS_PER_EXPONENT * exponent))
