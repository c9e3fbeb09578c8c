"""P(Σ_k Σ_t L_t (α_k + β_k g_t + ν_k N_t) < 0) over tokens of two kinds k, with log-normal L_t = e^{b_k + s_k g_t}.

The sum has independent terms, so that its characteristic function is a product of powers of

    φ_k(u) = E exp(i u L (α + β g) - u² L² ν²/2),

one trapezoidal sum over g each, and P = 1/2 - (1/π) ∫ Im Π φ_k(u)^{n_k} d log u (Gil-Pelaez 1951), another one.  The
difference to twice the steps bounds the error; where all ν are zero there is none to be had.  Source: derived here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from theory.attention.two_kinds import score_rule
from theory.risk.lognormal_sum import AccuracyError, Probability

LOG_STEP = 0.035
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
    fine, coarse = (_probability(kinds, factor) for factor in (1, 2))
    bound = abs(fine - coarse)
    if not bound <= PROMISED:
        raise AccuracyError(f"the test error is known to {bound:.1g} only, not to {PROMISED:g}")
    return Probability(min(max(fine, 0.0), 1.0), bound)


def _probability(kinds: Sequence[DecisionKind], factor: int) -> float:
    """Return the same by sums whose steps are so many times as wide."""
    size = max(kind.offset + 0.5 * np.log(kind.count) + np.log(np.hypot(kind.mean, kind.noise)) for kind in kinds)
    spread, step = max(kind.spread for kind in kinds), factor * LOG_STEP
    logs = np.arange(-BELOW - RARE * spread, ABOVE * max(1.0, spread), step)
    u = np.exp(logs - size)
    product = np.ones(len(u), dtype=complex)
    for kind in kinds:
        scores, density = score_rule(kind.spread, factor)
        weights = np.exp(kind.offset + kind.spread * scores)
        phase = np.multiply.outer(u, weights * (kind.mean + kind.slope * scores))
        decay = np.multiply.outer(u**2, (weights * kind.noise) ** 2 / 2)
        product *= (np.exp(1j * phase - decay) @ density) ** kind.count
    below = float(product[0].imag) / math.expm1(step)  # a geometric series
    return 0.5 - (float(np.sum(product.imag)) + below) * step / math.pi
