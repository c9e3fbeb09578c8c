"""P(Σ_k Σ_t L_t (α_k + β_k g_t + ν_k N_t) < 0) over tokens of two kinds k, with log-normal L_t = e^{b_k + s_k g_t}.

The sum has independent terms, so that its characteristic function is a product of powers of

    φ_k(u) = E exp(i u L (α + β g) - u² L² ν²/2),

one trapezoidal sum over g each, and P = 1/2 - (1/π) ∫ Im Π φ_k(u)^{n_k} d log u (Gil-Pelaez 1951), another one.  The
difference to every second node of both bounds the error; where it is too large the steps in u are halved, and where all
ν are zero there is none to be had.  Source: derived here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from theory.arguments import FloatArray
from theory.attention.two_kinds import score_rule, with_every_second
from theory.risk.lognormal_sum import AccuracyError, Probability

LOG_STEPS = (0.07, 0.035)
ENOUGH = 1e-10
"""With a bound below it the wider step will do."""

BELOW, ABOVE = 9.0, 6.0
"""Of log u about the inverse deviation of the sum.  Below, the integrand is u times the mean, to a relative u²."""

RARE = 5.0
"""A normal number is larger with probability 3e-7: so far below, in spreads, the integrand is still computed."""

PROMISED = 1e-4


@dataclass(frozen=True)
class DecisionKind:
    """Terms of one kind.

    Attributes:
        count: how many.
        offset: b.
        spread: s ≥ 0.
        mean: α.
        slope: β.
        noise: ν > 0.
    """

    count: int
    offset: float
    spread: float
    mean: float
    slope: float
    noise: float


def two_kind_probability(kinds: Sequence[DecisionKind]) -> Probability:
    """Return the probability that the sum is negative.

    Raises:
        AccuracyError: it cannot be had to 1e-4.

    Example:
        >>> terms = [DecisionKind(2, 0.0, 0.0, 1.0, 0.0, 1.0), DecisionKind(2, 0.0, 0.0, 0.0, 0.0, 1.0)]
        >>> print(f"{two_kind_probability(terms).value:.6f}")  # Φ(-2/2)
        0.158655
    """
    return _probability(tuple(kinds))


@lru_cache(maxsize=1024)
def _probability(kinds: tuple[DecisionKind, ...]) -> Probability:
    """Return the same; labels and displacements that mirror each other ask for it twice."""
    for step in LOG_STEPS:
        fine, coarse = _probabilities(kinds, step)
        bound = abs(fine - coarse)
        if bound <= ENOUGH:
            break
    if not bound <= PROMISED:
        raise AccuracyError(f"the test error is known to {bound:.1g} only, not to {PROMISED:g}")
    return Probability(min(max(fine, 0.0), 1.0), bound)


def _probabilities(kinds: Sequence[DecisionKind], step: float) -> tuple[float, float]:
    """Return the same by sums with these steps of log u, and by sums over every second node."""
    size = max(kind.offset + 0.5 * np.log(kind.count) + np.log(np.hypot(kind.mean, kind.noise)) for kind in kinds)
    spread = max(kind.spread for kind in kinds)
    u = np.exp(np.arange(-BELOW - RARE * spread, ABOVE * max(1.0, spread), step) - size)
    fine, coarse = np.ones(len(u), dtype=complex), np.ones(len(u[::2]), dtype=complex)
    for kind in kinds:
        scores, density = score_rule(kind.spread)
        weights = np.exp(kind.offset + kind.spread * scores)
        logarithms = np.multiply.outer(u**2, -((weights * kind.noise) ** 2) / 2)
        halves = np.multiply.outer(u, weights * (kind.mean + kind.slope * scores) / 2)
        phi = _exponential_means(logarithms, halves, with_every_second(density))
        fine *= phi[:, 0] ** kind.count
        coarse *= phi[::2, 1] ** kind.count
    return _inverted(fine.imag, step), _inverted(coarse.imag, 2 * step)


def _exponential_means(x: FloatArray, half: FloatArray, weights: FloatArray) -> npt.NDArray[np.complex128]:
    """Return the sums of e^{x + iy} over the last axis with real weights; `half` is y/2.  Overwrites both.

    With t = tan(y/2) and p = e^x/(1 + t²) it is 2p - e^x + 2itp: real functions are vectorised where the complex
    exponential is not.
    """
    size, tangent = np.exp(x, out=x), np.tan(half, out=half)
    part = tangent * tangent
    part += 1
    np.divide(size, part, out=part)
    tangent *= part
    part *= 2
    part -= size
    return np.asarray(part @ weights + 2j * (tangent @ weights))


def _inverted(imaginary: FloatArray, step: float) -> float:
    """Return P from the imaginary parts; below the first node these are a geometric series."""
    below = float(imaginary[0]) / math.expm1(step)
    return 0.5 - (float(np.sum(imaginary)) + below) * step / math.pi
