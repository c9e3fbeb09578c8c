"""Exact moments of attention that the gradient of a squared loss needs, at any finite number of tokens.

Under the prompt τ q⋆ let p_t = L_t/D be the attention on irrelevant token t, A = c/D that on all relevant ones, and

    P_k = Σ p_t^k,   P_1 = 1 - A,   L_t = e^{s g_t},   s = |τ|σQ,   c = R e^{(1+δ_q)τQ²},   D = c + Σ L_t.

P_2 is the chance that two tokens drawn by attention are one and the same irrelevant token, P_3 that three are.  With
1/D^k = ∫ t^{k-1} e^{-tD} dt/Γ(k), ψ(t) = E e^{-tL} and ψ_j(t) = E[L^j e^{-tL}],

    E[A^i P_j]    = c^i m       ∫ t^{i+j-1}/(i+j-1)! e^{-ct} ψ_j ψ^{m-1} dt,
    E[(1 - A)²]   = E P_2 + m(m-1) ∫ t      e^{-ct} ψ_1² ψ^{m-2} dt,
    E[P_2²]       = m ∫ t³/6 e^{-ct} ψ_4 ψ^{m-1} dt + m(m-1) ∫ t³/6 e^{-ct} ψ_2² ψ^{m-2} dt.

No integrand changes its sign.  Where attention does not fluctuate p_t = (1 - A)/m, and the moments are products.
Source: derived here.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass, fields
from functools import lru_cache

import numpy as np
from scipy.special import log_expit

from theory.arguments import ArgumentError, FloatArray, Numbers, broadcast, plain, real, single
from theory.attention.laplace import LARGEST_EXPONENT, laplace_integrals, rounding_share, shared_scores
from theory.attention.moments import LARGEST_SPREAD
from theory.mixture import ContextualMixture

LARGEST_LOG_CONSTANT = 300.0
"""The moments are compared with exact ones up to here."""


@dataclass(frozen=True)
class MixedMoments:
    """Moments over the noise of one sequence (floats, or arrays of one shape).

    Attributes:
        share: E A, expected attention on the relevant tokens.
        share_square: E A².
        rest: E[1 - A].
        rest_square: E[(1 - A)²].
        share_rest: E[A(1 - A)].
        share_square_rest: E[A²(1 - A)].
        pair: E P_2.
        share_pair: E[A P_2].
        share_square_pair: E[A² P_2].
        triple: E P_3.
        pair_square: E[P_2²].
        relative_error: estimated bound on the relative numerical error of each.
    """

    share: float | FloatArray
    share_square: float | FloatArray
    rest: float | FloatArray
    rest_square: float | FloatArray
    share_rest: float | FloatArray
    share_square_rest: float | FloatArray
    pair: float | FloatArray
    share_pair: float | FloatArray
    share_square_pair: float | FloatArray
    triple: float | FloatArray
    pair_square: float | FloatArray
    relative_error: float | FloatArray


def mixed_moments(mixture: ContextualMixture, inverse_temperature: Numbers) -> MixedMoments:
    """Return the exact mixed moments of attention under the prompt τ q⋆: the formulas are at the head of this file.

    Args:
        mixture: the data; numbers or arrays.
        inverse_temperature: τ, of either sign, a number or an array.

    Raises:
        ArgumentError: τ is not finite; or, under isotropic noise, |τ|σQ exceeds 5 or |log c| exceeds 300.

    Example:
        >>> moments = mixed_moments(ContextualMixture(dimension=101, tokens=16, relevant_tokens=2), 1.0)
        >>> print(f"{moments.share:.6f} {moments.pair:.6f} {moments.share_pair:.6f} {moments.pair_square:.6f}")
        0.204112 0.096225 0.018161 0.011376
    """
    arrays = broadcast(
        inverse_temperature=real("inverse_temperature", inverse_temperature),
        tokens=np.asarray(mixture.tokens),
        relevant_tokens=np.asarray(mixture.relevant_tokens),
        context_norm=np.asarray(mixture.context_norm),
        noise=np.asarray(mixture.noise),
        delta_context=np.asarray(mixture.delta_context),
    )
    results = np.empty((len(fields(MixedMoments)), *arrays[0].shape))
    for index in np.ndindex(arrays[0].shape):
        law = AttentionScores.of(mixture.noise_kind, *(single(array[index]) for array in arrays))
        results[(slice(None), *index)] = astuple(law.moments())
    return MixedMoments(*(plain(np.asarray(values)) for values in results))


@dataclass(frozen=True)
class AttentionScores:
    """Single numbers that fix the law of attention: log c, m and s; s = 0 where attention does not fluctuate."""

    log_constant: float
    terms: int
    spread: float

    @staticmethod
    def of(
        noise_kind: str,
        temperature: float,
        tokens: float,
        relevant: float,
        context: float,
        noise: float,
        delta_context: float,
    ) -> AttentionScores:
        """Return them for a mixture's single numbers, or refuse them."""
        spread = abs(temperature) * noise * context if noise_kind == "isotropic" and relevant < tokens else 0.0
        log_constant = math.log(relevant) + (1 + delta_context) * temperature * context**2
        # A bound reached as a product with its own inverse may be exceeded by a rounding error.
        slack = 1 + 4 * np.finfo(np.float64).eps
        if spread > LARGEST_SPREAD * slack:
            requirement = f"keep |inverse_temperature| * noise * context_norm at most {LARGEST_SPREAD:g}"
            raise ArgumentError("inverse_temperature", requirement, f"{spread:.3g}")
        if spread > 0 and abs(log_constant) > LARGEST_LOG_CONSTANT * slack:
            requirement = (
                "keep |log(relevant_tokens) + inverse_temperature * (1 + delta_context) * context_norm**2| "
                f"at most {LARGEST_LOG_CONSTANT:g} under isotropic noise"
            )
            raise ArgumentError("inverse_temperature", requirement, f"{abs(log_constant):.3g}")
        return AttentionScores(log_constant, round(tokens - relevant), spread)

    def log_moments(self) -> tuple[FloatArray, float]:
        """Return the logarithms of the eleven moments in the order of `MixedMoments`, and their relative error."""
        if self.spread == 0:
            return self._constants(), rounding_share(self.log_constant, 0.0)
        logs, error = _fluctuating(self.log_constant, self.terms, self.spread)
        return np.array(logs), error + rounding_share(self.log_constant, self.spread)

    def moments(self) -> MixedMoments:
        """Return the moments themselves."""
        logs, error = self.log_moments()
        return MixedMoments(*(float(value) for value in (*np.exp(logs), error)))

    def _constants(self) -> FloatArray:
        """Return log A^i P_j of constants: P_j = (1 - A)^j/m^{j-1}."""
        if self.terms == 0:
            return np.array([0.0, 0.0, *[-np.inf] * 9])
        log_terms = math.log(self.terms)
        share, rest = (float(log_expit(sign * (self.log_constant - log_terms))) for sign in (1, -1))
        pair, triple = 2 * rest - log_terms, 3 * rest - 2 * log_terms
        shares = [share, 2 * share, rest, 2 * rest, share + rest, 2 * share + rest]
        return np.array([*shares, pair, share + pair, 2 * share + pair, triple, 2 * pair])


@lru_cache(maxsize=1024)
def _fluctuating(log_constant: float, terms: int, spread: float) -> tuple[tuple[float, ...], float]:
    """Return the logarithms of the moments and their relative error for log c, m ≥ 1 and s > 0."""
    scores = shared_scores(spread)
    log_terms = math.log(terms)

    def log_integrands(v: FloatArray) -> list[FloatArray]:
        killed = np.exp(np.minimum(v + log_constant, LARGEST_EXPONENT))
        log_psi, first, second, third, fourth = scores.log_means(v, (0, 1, 2, 3, 4))
        share = log_constant - killed + terms * log_psi
        one = log_terms - killed + (terms - 1) * log_psi
        factor = log_constant + v
        rest, pair, cube = one + first, one + second + v, 2 * v - math.log(6)
        values = [
            share,
            share + factor,
            rest,
            rest + factor,
            rest + 2 * factor - math.log(2),
            pair,
            pair + factor - math.log(2),
            pair + 2 * factor - math.log(6),
            one + third + 2 * v - math.log(2),
            one + fourth + v + cube,
        ]
        if terms > 1:
            two = log_terms + math.log(terms - 1) - killed + (terms - 2) * log_psi
            values += [two + 2 * first + v, two + 2 * second + v + cube]
        return values

    logs, error = laplace_integrals(log_integrands, abs(log_constant) + scores.widest(terms))
    share, share_square, rest, share_rest, share_square_rest, pair, *mixed, pair_square = logs[:10].tolist()
    rest_square = pair
    if terms > 1:
        rest_square, pair_square = float(np.logaddexp(pair, logs[10])), float(np.logaddexp(pair_square, logs[11]))
    head = (share, share_square, rest, rest_square, share_rest, share_square_rest, pair)
    return (*head, *mixed, pair_square), error
