"""Exact moments of attention at any finite number of tokens, where it fluctuates with the noise.

With scores σ g_t along the prompt τ q⋆, s = τσQ and c = R e^{(1+δ_q)τQ²}, weights relative to those of a noiseless
irrelevant token are L_t = e^{s g_t}, and

    A = c/D,   1 - A = Σ L_t/D,   S² = σ² Σ L_t²/D²,   D = c + Σ L_t,   M = A - δ_w (1 - A).

1/D^k = ∫ t^{k-1} e^{-tD} dt/Γ(k) makes products of m equal factors ψ(t) = E e^{-tL} of their means:

    E A = ∫ c e^{-ct} ψ^m dt,   E A² = ∫ c² t e^{-ct} ψ^m dt,   E S² = σ² m ∫ t e^{-ct} E[L² e^{-tL}] ψ^{m-1} dt,

and the parts of M²/S² = (c - δ_w Σ L)²/(σ² Σ L²), with ψ₂(t) = E e^{-tL²}, λ(t) = E[L e^{-tL²}] and
η(t) = E[L² e^{-tL²}], are

    E 1/ΣL² = ∫ ψ₂^m dt,   E ΣL/ΣL² = m ∫ λ ψ₂^{m-1} dt,   E (ΣL)²/ΣL² = m ∫ (η ψ₂ + (m-1) λ²) ψ₂^{m-2} dt.

All integrands are positive: the means of sums of log-normals, which rare draws carry, come out with all their digits.
Source: derived here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from theory.arguments import ArgumentError, FloatArray, Numbers, broadcast, plain, real, single
from theory.attention.deterministic import deterministic_attention
from theory.mixture import ContextualMixture
from theory.quadrature import NEGLIGIBLE, LogIntegral, support, trapezoid

INTERVALS = 512
LARGEST_SPREAD = 5.0
SCORE_RANGE = 9.0
LARGEST_EXPONENT = 700.0


@dataclass(frozen=True)
class AttentionMoments:
    """Moments over the noise of one sequence (floats, or arrays of one shape).

    Attributes:
        share: E A, expected attention on the relevant tokens.
        share_square: E A².
        signal: E M W.
        signal_square: E M² W².
        noise_square: E S².
        snr_square: E κ² = W² E[M²/S²]; infinite without noise or beyond the largest float.
        relative_error: estimated bound on the relative numerical error of E A, E A², E S² and of each part of E κ²;
            M is a difference of A and δ_w (1 - A), and loses what these lose by cancelling.
    """

    share: float | FloatArray
    share_square: float | FloatArray
    signal: float | FloatArray
    signal_square: float | FloatArray
    noise_square: float | FloatArray
    snr_square: float | FloatArray
    relative_error: float | FloatArray


class _Scores:
    """Means over one standard normal score g, on a grid that covers the peaks of e^{±2sg} times its density."""

    def __init__(self, spread: float) -> None:
        """Lay the grid: features of width 1/s call for steps that shrink with s."""
        reach = SCORE_RANGE + 2 * spread
        g = np.linspace(-reach, reach, 2 * math.ceil(reach * (3 + 4 * spread)) + 1)
        self.weights = np.exp(-(g**2) / 2) * (g[1] - g[0]) / math.sqrt(2 * math.pi)
        self.log_weight = spread * g

    def log_mean(self, log_t: FloatArray, power: int, exponent: int) -> FloatArray:
        """Return log E[L^power e^{-t L^exponent}] for log t of shape (k,)."""
        decay = np.exp(np.minimum(log_t[:, None] + exponent * self.log_weight, 700.0))
        if power == 0:
            change = np.expm1(-decay) @ self.weights
            direct = np.exp(-decay) @ self.weights
            near_one = np.log1p(np.maximum(change, -0.5))
            return np.asarray(np.where(change > -0.5, near_one, np.log(np.maximum(direct, 1e-300))))
        peak = power * self.log_weight.max()
        total = np.exp(power * self.log_weight - peak - decay) @ self.weights
        return np.asarray(np.log(np.maximum(total, 1e-300)) + peak)


class _FluctuatingAttention:
    """The Laplace integrals for one setting."""

    def __init__(self, log_constant: float, terms: int, spread: float) -> None:
        """Take log c, m ≥ 1 and s > 0."""
        self.log_constant, self.terms, self.scores = log_constant, terms, _Scores(spread)
        self.worst = 0.0

    def _integral(self, log_integrand: Callable[[FloatArray], FloatArray]) -> float:
        """Return log ∫ e^{log_integrand(log t)} t dlog t, remembering its relative error."""

        def log_values(v: FloatArray) -> FloatArray:
            return np.asarray(log_integrand(v[:, 0]) + v[:, 0])[:, None]

        # Both Laplace variables live between the scales 1/(c + m L) and 1/L² of any L that matters.
        widest = abs(self.log_constant) + 3 * self.scores.log_weight.max() + math.log(self.terms) + NEGLIGIBLE
        lower, upper = np.array([-widest]), np.array([widest])
        for _ in range(3):
            lower, upper = support(log_values, lower, upper)
        integral: LogIntegral = trapezoid(lambda v: (log_values(v), np.array(1.0)), lower, upper, INTERVALS)
        self.worst = max(self.worst, float(integral.relative_error[0]))
        return float(integral.log_value[0])

    def share(self, order: int) -> float:
        """Return E A^order for order 1 or 2."""

        def log_integrand(v: FloatArray) -> FloatArray:
            killed = np.exp(np.minimum(v + self.log_constant, 700.0))
            return order * self.log_constant + (order - 1) * v - killed + self.terms * self.scores.log_mean(v, 0, 1)

        return math.exp(self._integral(log_integrand))

    def noise(self) -> float:
        """Return E Σ L²/D²."""

        def log_integrand(v: FloatArray) -> FloatArray:
            killed = np.exp(np.minimum(v + self.log_constant, 700.0))
            others = (self.terms - 1) * self.scores.log_mean(v, 0, 1)
            return math.log(self.terms) + v - killed + self.scores.log_mean(v, 2, 1) + others

        return math.exp(self._integral(log_integrand))

    def inverse_square_sums(self) -> tuple[float, float, float]:
        """Return the logarithms of E 1/ΣL², E ΣL/ΣL² and E (ΣL)²/ΣL²."""
        m, mean = self.terms, self.scores.log_mean
        first = self._integral(lambda v: m * mean(v, 0, 2))
        second = self._integral(lambda v: math.log(m) + mean(v, 1, 2) + (m - 1) * mean(v, 0, 2))
        third = self._integral(lambda v: math.log(m) + mean(v, 2, 2) + (m - 1) * mean(v, 0, 2))
        if m > 1:
            pairs = math.log(m) + math.log(m - 1)
            cross = self._integral(lambda v: pairs + 2 * mean(v, 1, 2) + (m - 2) * mean(v, 0, 2))
            third = float(np.logaddexp(third, cross))
        return first, second, third


def attention_moments(mixture: ContextualMixture, inverse_temperature: Numbers) -> AttentionMoments:
    """Return the exact moments of attention under the known prompt τ q⋆.

    The formulas are at the head of this file; where attention does not fluctuate the moments are those of
    `attention.deterministic`'s constants.  Relative error below 1e-10 for τσQ ≤ 5 and up to a million tokens.

    Args:
        mixture: the data; numbers or arrays.
        inverse_temperature: τ ≥ 0, a number or an array.

    Raises:
        ArgumentError: τ is out of range, or τσQ exceeds 5 under isotropic noise.

    Example:
        >>> moments = attention_moments(ContextualMixture(dimension=101, tokens=16, relevant_tokens=2), 1.0)
        >>> print(f"{moments.share:.6f} {moments.noise_square:.6f} {moments.snr_square:.6f}")
        0.204112 0.096225 0.602348
    """
    names = ("tokens", "relevant_tokens", "context_norm", "signal_norm", "noise", "delta_context", "delta_signal")
    arrays = broadcast(
        inverse_temperature=real("inverse_temperature", inverse_temperature, least=0),
        **{name: np.asarray(getattr(mixture, name)) for name in names},
    )
    results = np.empty((7, *arrays[0].shape))
    for index in np.ndindex(arrays[0].shape):
        results[(slice(None), *index)] = _one_setting(mixture.noise_kind, *(single(array[index]) for array in arrays))
    return AttentionMoments(*(plain(np.asarray(values)) for values in results))


@lru_cache(maxsize=1024)
def _one_setting(
    noise_kind: str,
    temperature: float,
    tokens: float,
    relevant: float,
    context: float,
    signal: float,
    noise: float,
    delta_context: float,
    delta_signal: float,
) -> tuple[float, ...]:
    """Return the fields of `AttentionMoments` for single numbers."""
    spread = temperature * noise * context if noise_kind == "isotropic" and relevant < tokens else 0.0
    if spread == 0:
        fixed = ContextualMixture(2, tokens, relevant, context, signal, noise, noise_kind, delta_context, delta_signal)
        law = deterministic_attention(fixed, temperature)
        share, gain, width = single(law.relevant_share), single(law.signal), single(law.noise)
        return share, share**2, gain, gain**2, width**2, single(law.kappa) ** 2, 1e-15
    if spread > LARGEST_SPREAD:
        requirement = f"keep inverse_temperature * noise * context_norm at most {LARGEST_SPREAD:g}"
        raise ArgumentError("inverse_temperature", requirement, f"{spread:.3g}")
    log_constant = math.log(relevant) + (1 + delta_context) * temperature * context**2
    laplace = _FluctuatingAttention(log_constant, round(tokens - relevant), spread)
    first, second, third = laplace.inverse_square_sums()
    # (c - δ ΣL)²/ΣL², in units of E c²/ΣL² to keep the exponents small.
    ratio = 1 - 2 * delta_signal * math.exp(second - first - log_constant)
    ratio += delta_signal**2 * math.exp(third - first - 2 * log_constant)
    log_snr = first + 2 * log_constant
    snr_square = (signal / noise) ** 2 * (math.exp(log_snr) if log_snr < LARGEST_EXPONENT else math.inf) * ratio
    share, share_square = laplace.share(1), laplace.share(2)
    gain = (1 + delta_signal) * share - delta_signal
    gain_square = (
        (1 + delta_signal) ** 2 * share_square - 2 * delta_signal * (1 + delta_signal) * share + delta_signal**2
    )
    noise_square = noise**2 * laplace.noise()
    return share, share_square, signal * gain, signal**2 * gain_square, noise_square, snr_square, laplace.worst + 1e-13
