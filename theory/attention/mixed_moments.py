"""Mixed moments of attention on relevant and irrelevant tokens, which the steps of gradient descent ask for.

With attention A = c/D on the relevant tokens and p_t = L_t/D on each irrelevant one, D = c + Σ L_t, L_t = e^{s g_t},
and P_k = Σ p_t^k, the integrals of `attention.moments` give, φ_k(t) = E[L^k e^{-tL}],

    E A^i        = c^i ∫ t^{i-1}/(i-1)! e^{-ct} ψ^m dt,
    E A^i P_k    = c^i m ∫ t^{i+k-1}/(i+k-1)! e^{-ct} φ_k ψ^{m-1} dt,
    E P_2²       = m ∫ t³/3! e^{-ct} (φ_4 ψ + (m-1) φ_2²) ψ^{m-2} dt,

all integrands positive.  Source: derived here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import expit, gammaln

from theory.arguments import ArgumentError, FloatArray
from theory.attention.moments import (
    LARGEST_EXPONENT,
    LARGEST_SPREAD,
    ROUNDINGS,
    ROUNDINGS_PER_EXPONENT,
    Scores,
    log_integrals,
    widest_search,
)


@dataclass(frozen=True)
class MixedMoments:
    """Means over the noise of one sequence.

    Attributes:
        share: E A.
        share_square: E A².
        share_cube: E A³.
        square_sum: E P_2.
        share_square_sum: E A P_2.
        share_square_square_sum: E A² P_2.
        square_sum_square: E P_2².
        cube_sum: E P_3.
        relative_error: estimated bound on the relative numerical error of each.
    """

    share: float
    share_square: float
    share_cube: float
    square_sum: float
    share_square_sum: float
    share_square_square_sum: float
    square_sum_square: float
    cube_sum: float
    relative_error: float


@lru_cache(maxsize=4096)
def softmax_mixed_moments(log_constant: float, terms: int, spread: float) -> MixedMoments:
    """Return the mixed moments; the formulas are at the head of this file.

    Args:
        log_constant: log c = log R + what the score of a relevant token exceeds that of a noiseless irrelevant one by.
        terms: m ≥ 0.
        spread: s ≥ 0, deviation of the score of an irrelevant token; at most 5.

    Raises:
        ArgumentError: the spread is larger.

    Example:
        >>> moments = softmax_mixed_moments(1.0, 14, 1.0)
        >>> print(f"{moments.share:.6f} {moments.square_sum:.6f} {moments.cube_sum:.6f}")
        0.114584 0.117608 0.026133
    """
    if not spread <= LARGEST_SPREAD:
        raise ArgumentError("the spread of the scores", f"be at most {LARGEST_SPREAD:g}", f"{spread:.3g}")
    rounding = float(
        np.finfo(np.float64).eps * (ROUNDINGS + ROUNDINGS_PER_EXPONENT * (abs(log_constant) + 8 * spread**2))
    )
    if spread == 0 or terms == 0:
        return _constant(log_constant, terms, rounding)
    scores, log_terms = Scores(spread), math.log(terms)

    def log_integrands(log_t: FloatArray) -> list[FloatArray]:
        killed = np.exp(np.minimum(log_t + log_constant, LARGEST_EXPONENT))
        log_psi = scores.log_mean(log_t, 0, 1)
        log_phi = {k: scores.log_mean(log_t, k, 1) for k in (2, 3, 4)}

        def part(shares: int, order: int, log_product: FloatArray) -> FloatArray:
            """Return the logarithm of c^shares t^(order-1)/(order-1)! e^{-ct} times a product."""
            return np.asarray(
                shares * log_constant + (order - 1) * log_t - float(gammaln(order)) - killed + log_product
            )

        others = log_terms + (terms - 1) * log_psi
        values = [part(i, i, terms * log_psi) for i in (1, 2, 3)]
        values += [part(i, i + 2, others + log_phi[2]) for i in (0, 1, 2)]
        values += [part(0, 4, others + log_phi[4]), part(0, 3, others + log_phi[3])]
        if terms > 1:
            pairs = log_terms + math.log(terms - 1) + (terms - 2) * log_psi
            values.append(part(0, 4, pairs + 2 * log_phi[2]))
        return values

    logs, error = log_integrals(log_integrands, abs(log_constant) + widest_search(scores, terms))
    share, square, cube, squares, mixed, more_mixed, fourth, third, *pairs = np.exp(logs).tolist()
    return MixedMoments(share, square, cube, squares, mixed, more_mixed, fourth + sum(pairs), third, error + rounding)


def _constant(log_constant: float, terms: int, rounding: float) -> MixedMoments:
    """Return the powers of attention that does not fluctuate."""
    if terms == 0:
        return MixedMoments(1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, rounding)
    logit = log_constant - math.log(terms)
    share, each = float(expit(logit)), float(expit(-logit)) / terms
    squares = terms * each**2
    return MixedMoments(
        share, share**2, share**3, squares, share * squares, share**2 * squares, squares**2, terms * each**3, rounding
    )
