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
from dataclasses import astuple, dataclass, fields
from functools import lru_cache

import numpy as np
import scipy

from theory.arguments import ArgumentError, FloatArray, Numbers, broadcast, plain, real, single
from theory.attention.deterministic import DeterministicAttention, deterministic_attention
from theory.attention.laplace import (
    DRAFT_STEP,
    LARGEST_EXPONENT,
    LARGEST_STEP,
    laplace_integrals,
    rounding_share,
    shared_scores,
)
from theory.mixture import ContextualMixture

LARGEST_SPREAD = 5.0
LARGEST_LOGARITHM = 709.0
"""The logarithm of the largest float is 709.78."""


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
        relative_error: estimated bound on the relative numerical error of E A, E A², E S² and of each part of E κ².
        signal_error: estimated bound on the numerical error of `signal`, a difference of A and δ_w (1 - A).
        signal_square_error: the same for `signal_square`.
        snr_square_error: the same for `snr_square`; infinite where this is.
    """

    share: float | FloatArray
    share_square: float | FloatArray
    signal: float | FloatArray
    signal_square: float | FloatArray
    noise_square: float | FloatArray
    snr_square: float | FloatArray
    relative_error: float | FloatArray
    signal_error: float | FloatArray
    signal_square_error: float | FloatArray
    snr_square_error: float | FloatArray


@lru_cache(maxsize=1024)
def softmax_moments(log_constant: float, terms: int, spread: float) -> tuple[float, float, float, float]:
    """Return E A, E A², E ΣL²/D² and their relative error for log c, m ≥ 1 and s > 0."""
    scores = shared_scores(spread)

    def log_integrands(v: FloatArray) -> list[FloatArray]:
        killed = np.exp(np.minimum(v + log_constant, LARGEST_EXPONENT))
        log_psi, log_square = scores.log_means(v, (0, 2))
        share = log_constant - killed + terms * log_psi
        noise = math.log(terms) + v - killed + log_square + (terms - 1) * log_psi
        return [share, share + log_constant + v, noise]

    logs, error = laplace_integrals(log_integrands, abs(log_constant) + scores.widest(terms))
    share, share_square, noise = (math.exp(value) for value in logs)
    return share, share_square, noise, error


@lru_cache(maxsize=1024)
def _inverse_square_sums(terms: int, spread: float, step: float = LARGEST_STEP) -> tuple[float, float, float, float]:
    """Return the logarithms of E 1/ΣL², E ΣL/ΣL² and E (ΣL)²/ΣL², and their relative error."""
    scores = shared_scores(spread)
    log_terms = math.log(terms)

    def log_integrands(v: FloatArray) -> list[FloatArray]:
        log_psi, log_lambda, log_eta = scores.log_means(v, (0, 1, 2), exponent=2)
        others = log_terms + (terms - 1) * log_psi
        values = [terms * log_psi, others + log_lambda, others + log_eta]
        if terms > 1:
            values.append(log_terms + math.log(terms - 1) + 2 * log_lambda + (terms - 2) * log_psi)
        return values

    logs, error = laplace_integrals(log_integrands, scores.widest(terms), step)
    third = float(np.logaddexp.reduce(logs[2:]))
    return float(logs[0]), float(logs[1]), third, error


def attention_moments(mixture: ContextualMixture, inverse_temperature: Numbers) -> AttentionMoments:
    """Return the exact moments of attention under the known prompt τ q⋆.

    The formulas are at the head of this file; where attention does not fluctuate the moments are those of
    `attention.deterministic`'s constants.

    Against 630 settings known to 28 digits, with m up to a million, τσQ up to 5 and log c from -300 to 300, the
    relative error of E A, E A², E S² and of each part of E κ² is at most 1.1e-13, and 1e-14 where |log c| < 100; the
    rest is what c loses as a float.  Digits are lost only where δ_w > 0 makes M = A - δ_w (1 - A) cancel: with
    δ_w = 0.7, a relative error of up to 2e-13 in E M and 6e-12 in E M² and E κ² was seen, and more the closer A comes
    to δ_w/(1 + δ_w) in every sequence.  The bounds of the result say how much.  Beyond the range of floats E κ² is
    given as infinite, E A, E A² and E S² as 0.

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
    results = np.empty((len(fields(AttentionMoments)), *arrays[0].shape))
    for index in np.ndindex(arrays[0].shape):
        moments = _one_setting(mixture.noise_kind, *(single(array[index]) for array in arrays))
        results[(slice(None), *index)] = astuple(moments)
    return AttentionMoments(*(plain(np.asarray(values)) for values in results))


@dataclass(frozen=True)
class _Setting:
    """Single numbers: log c, m, s, σ, W, δ_w."""

    log_constant: float
    terms: int
    spread: float
    noise: float
    signal: float
    delta_signal: float

    def rounding(self) -> float:
        """Return the share that is lost to rounding."""
        return rounding_share(self.log_constant, self.spread)


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
) -> AttentionMoments:
    """Return the moments for single numbers."""
    setting = _setting(noise_kind, temperature, tokens, relevant, context, signal, noise, delta_context, delta_signal)
    if setting.spread > 0:
        return _fluctuating(setting)
    fixed = ContextualMixture(2, tokens, relevant, context, signal, noise, noise_kind, delta_context, delta_signal)
    return _constant(setting, deterministic_attention(fixed, temperature))


def attention_snr_square(mixture: ContextualMixture, inverse_temperature: float) -> float:
    """Return E κ² of `attention_moments` alone, for single numbers, in half the time.

    Raises:
        ArgumentError: as there.

    Example:
        >>> print("%.6f" % attention_snr_square(ContextualMixture(dimension=101, tokens=16, relevant_tokens=2), 1.0))
        0.602348
    """
    names = ("tokens", "relevant_tokens", "context_norm", "signal_norm", "noise", "delta_context", "delta_signal")
    temperature = single(real("inverse_temperature", inverse_temperature, least=0))
    setting = _setting(mixture.noise_kind, temperature, *(single(getattr(mixture, name)) for name in names))
    if setting.spread == 0:
        return single(attention_moments(mixture, temperature).snr_square)
    *log_sums, _ = _inverse_square_sums(setting.terms, setting.spread)
    return _snr_square(setting, *log_sums)[0]


def drafted_snr_square(mixture: ContextualMixture, inverse_temperatures: FloatArray, spreads: FloatArray) -> FloatArray:
    """Return E κ² at many τ for a picture drawn at once: its means over scores are computed at a few τσQ alone.

    Between these the logarithms of E 1/ΣL², E ΣL/ΣL² and E (ΣL)²/ΣL², smooth in s = τσQ, follow a cubic spline; what
    τ does to the weight c of the relevant tokens is exact.

    Args:
        mixture: isotropic noise σ > 0, at least one irrelevant token; single numbers.
        inverse_temperatures: τ ≥ 0, shape (k,).
        spreads: s, ascending from 0 to at least the largest τσQ and at most 5, four or more.

    Returns:
        E κ², shape (k,): for s = 0, 0.38, 1.2, 2.4, 3.7, 5 and up to 250 irrelevant tokens each mean is off by 3 % at
        most, E κ² by 5 % where δ_w makes it a difference of them.

    Raises:
        ArgumentError: s is out of range.

    Example:
        >>> mixture = ContextualMixture(dimension=101, tokens=16, relevant_tokens=2)
        >>> print(drafted_snr_square(mixture, np.array([0.5, 1.0]), np.array([0.0, 0.4, 1.2, 2.4])).round(2))
        [0.53 0.62]
    """
    names = ("tokens", "relevant_tokens", "context_norm", "signal_norm", "noise", "delta_context", "delta_signal")
    numbers = [single(getattr(mixture, name)) for name in names]
    settings = [_setting(mixture.noise_kind, temperature, *numbers) for temperature in inverse_temperatures.tolist()]
    log_terms = math.log(settings[0].terms)
    nodes = [
        _inverse_square_sums(settings[0].terms, spread, DRAFT_STEP)[:3] if spread > 0 else (-log_terms, 0.0, log_terms)
        for spread in spreads.tolist()
    ]
    log_sums = scipy.interpolate.make_interp_spline(spreads, np.array(nodes), k=3)(
        [setting.spread for setting in settings]
    )
    return np.array([_snr_square(setting, *row)[0] for setting, row in zip(settings, log_sums.tolist(), strict=True)])


def _setting(
    noise_kind: str,
    temperature: float,
    tokens: float,
    relevant: float,
    context: float,
    signal: float,
    noise: float,
    delta_context: float,
    delta_signal: float,
) -> _Setting:
    """Return the numbers that the moments depend on."""
    spread = temperature * noise * context if noise_kind == "isotropic" and relevant < tokens else 0.0
    if spread > LARGEST_SPREAD:
        requirement = f"keep inverse_temperature * noise * context_norm at most {LARGEST_SPREAD:g}"
        raise ArgumentError("inverse_temperature", requirement, f"{spread:.3g}")
    log_constant = math.log(relevant) + (1 + delta_context) * temperature * context**2
    return _Setting(log_constant, round(tokens - relevant), spread, noise, signal, delta_signal)


def _constant(setting: _Setting, law: DeterministicAttention) -> AttentionMoments:
    """Return the powers of attention's constants; A and 1 - A lose only what rounding takes."""
    share, gain, width, kappa = (single(x) for x in (law.relevant_share, law.signal, law.noise, law.kappa))
    rounding = setting.rounding()
    gain_error = rounding * setting.signal * (share + abs(setting.delta_signal) * (1 - share))
    kappa_error = rounding * kappa
    if gain_error > 0:
        kappa_error += gain_error / width if width > 0 else math.inf
    return AttentionMoments(
        share=share,
        share_square=share**2,
        signal=gain,
        signal_square=gain**2,
        noise_square=width**2,
        snr_square=kappa * kappa,  # a power would raise beyond the largest float
        relative_error=rounding,
        signal_error=gain_error,
        signal_square_error=(2 * abs(gain) + gain_error) * gain_error,
        snr_square_error=(2 * kappa + kappa_error) * kappa_error if kappa_error > 0 else 0.0,
    )


def _fluctuating(setting: _Setting) -> AttentionMoments:
    """Return the moments from Laplace integrals; what a difference loses is a share of the sum of its parts."""
    share, share_square, noise_part, error = softmax_moments(setting.log_constant, setting.terms, setting.spread)
    *log_sums, inverse_error = _inverse_square_sums(setting.terms, setting.spread)
    relative_error = max(error, inverse_error) + setting.rounding()
    delta, signal = setting.delta_signal, setting.signal
    linear = (1 + delta) * share
    parts = (1 + delta) ** 2 * share_square, -2 * delta * linear, delta**2
    snr_square, snr_parts = _snr_square(setting, *log_sums)
    return AttentionMoments(
        share=share,
        share_square=share_square,
        signal=signal * (linear - delta),
        signal_square=signal**2 * sum(parts),
        noise_square=setting.noise**2 * noise_part,
        snr_square=snr_square,
        relative_error=relative_error,
        signal_error=relative_error * signal * (abs(linear) + abs(delta)),
        signal_square_error=relative_error * signal**2 * sum(map(abs, parts)),
        snr_square_error=relative_error * snr_parts,
    )


def _snr_square(setting: _Setting, inverse: float, mean_ratio: float, square_ratio: float) -> tuple[float, float]:
    """Return E κ², from the logarithms of its means, and the sum of its parts without their signs."""
    delta, log_constant = setting.delta_signal, setting.log_constant
    if setting.signal == 0:
        return 0.0, 0.0
    exponents, signs = [inverse + 2 * log_constant], [1.0]
    if delta != 0:
        log_delta = math.log(abs(delta))
        exponents += [math.log(2) + log_delta + log_constant + mean_ratio, 2 * log_delta + square_ratio]
        signs += [-math.copysign(1.0, delta), 1.0]
    peak = max(exponents)
    parts = [math.exp(exponent - peak) for exponent in exponents]
    # A mean of squares; rounding alone could take it below 0.
    value = max(sum(sign * part for sign, part in zip(signs, parts, strict=True)), 0.0)
    log_unit = peak + 2 * math.log(setting.signal / setting.noise)
    return _scaled(value, log_unit), _scaled(sum(parts), log_unit)


def _scaled(value: float, log_unit: float) -> float:
    """Return value · e^{log_unit}, infinite beyond the largest float."""
    if value == 0:
        return 0.0
    exponent = math.log(value) + log_unit
    return math.exp(exponent) if exponent < LARGEST_LOGARITHM else math.inf
