"""Attention in the limit of a large inverse temperature: one token takes all, and the error has a transition.

As τ → ∞ softmax picks the token of the largest score: a relevant one, of score Q², or the irrelevant one of the largest
noise, of score -δ_q Q² + σ Q max_t g_t.  With a = (1+δ_q) Q/σ and N standard normal the population error is

    ERR → (1 - Φ(a)^m) · P(σ N < δ_w W),        which is (1 - Φ(a)^m)/2 for δ_w = 0.

The largest of m normal numbers is about √(2 ln m).  So for many irrelevant tokens the error falls from 1/2 to 0 where
Q/σ crosses √(2 ln m)/(1+δ_q), the threshold of the random energy model (Derrida 1981); for finite m it passes half its
height where Φ(a)^m = 1/2.

It approaches the limit as 1/τ: with ω = R W/σ, δ_w = 0 and s = τσQ, a score near the advantage a decides, and

    ERR(τ) - ERR → (m/s) φ(a) Φ(a)^{m-1} · [ ∫_ω^∞ Q(v)/v dv - ∫_0^ω (1/2 - Q(v))/v dv ].

The bracket is negative for ω above 0.5298: there a finite τ does better than hard attention on either side of the
transition.  Source: derived here.
"""

from __future__ import annotations

import numpy as np
from scipy.special import log_ndtr, ndtr, ndtri_exp

from theory.arguments import ArgumentError, FloatArray, Numbers, broadcast, plain, real, whole
from theory.mixture import ContextualMixture


def hard_attention_error(mixture: ContextualMixture) -> float | FloatArray:
    """Return the population error of the head w⋆ as τ → ∞ under isotropic noise, exact for every m.

    Args:
        mixture: the data, of isotropic noise; numbers or arrays.

    Raises:
        ArgumentError: the noise is not isotropic, or δ_q ≤ -1, where the prompt -q⋆ would be the one to know.

    Example:
        >>> mixture = ContextualMixture(dimension=11, tokens=65, relevant_tokens=1, context_norm=[1.0, 3.0])
        >>> hard_attention_error(mixture).round(6)
        array([0.499992, 0.04141 ])
    """
    if mixture.noise_kind != "isotropic":
        raise ArgumentError("noise_kind", "be isotropic for scores to fluctuate", mixture.noise_kind)
    _refuse_inverted(np.asarray(mixture.delta_context))
    terms, context, signal, noise, delta_context, delta_signal = broadcast(
        irrelevant_tokens=mixture.irrelevant_tokens,
        context_norm=np.asarray(mixture.context_norm),
        signal_norm=np.asarray(mixture.signal_norm),
        noise=np.asarray(mixture.noise),
        delta_context=np.asarray(mixture.delta_context),
        delta_signal=np.asarray(mixture.delta_signal),
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        advantage = np.where(noise > 0, (1 + delta_context) * context / noise, np.inf)
        turned = np.where(noise > 0, delta_signal * signal / noise, 0.0)
    lost = -np.expm1(terms * log_ndtr(advantage))
    return plain(np.asarray(np.where(signal > 0, lost * ndtr(turned) + 0.0, 0.5)))  # type: ignore[no-any-return]


def _refuse_inverted(delta_context: FloatArray) -> None:
    """Refuse δ_q ≤ -1: irrelevant tokens would carry as much context as relevant ones, or more."""
    if np.any(delta_context <= -1):
        raise ArgumentError("delta_context", "be greater than -1 for hard attention", float(np.min(delta_context)))


def _terms_and_advantage(irrelevant_tokens: Numbers, delta_context: Numbers) -> tuple[FloatArray, FloatArray]:
    """Return m and 1 + δ_q, checked."""
    delta = real("delta_context", delta_context)
    _refuse_inverted(delta)
    return whole("irrelevant_tokens", irrelevant_tokens, least=1), np.asarray(1 + delta)


def hard_attention_threshold(irrelevant_tokens: Numbers, delta_context: Numbers = 0.0) -> float | FloatArray:
    """Return Q/σ = √(2 ln m)/(1+δ_q), where for many tokens the error of hard attention falls from 1/2 to 0.

    Args:
        irrelevant_tokens: m ≥ 1.
        delta_context: δ_q > -1.

    Raises:
        ArgumentError: an argument is out of range.

    Example:
        >>> print("%.4f" % hard_attention_threshold(1000))
        3.7169
    """
    terms, advantage = _terms_and_advantage(irrelevant_tokens, delta_context)
    return plain(np.asarray(np.sqrt(2 * np.log(terms)) / advantage))  # type: ignore[no-any-return]


def hard_attention_midpoint(irrelevant_tokens: Numbers, delta_context: Numbers = 0.0) -> float | FloatArray:
    """Return Q/σ at which hard attention loses every second sequence to an irrelevant token: Φ((1+δ_q) Q/σ)^m = 1/2.

    It approaches the threshold from below, slowly: their ratio differs from 1 by ln ln m/(4 ln m).

    Args:
        irrelevant_tokens: m ≥ 1.
        delta_context: δ_q > -1.

    Raises:
        ArgumentError: an argument is out of range.

    Example:
        >>> print("%.4f" % hard_attention_midpoint(1000))
        3.1976
    """
    terms, advantage = _terms_and_advantage(irrelevant_tokens, delta_context)
    return plain(np.asarray(ndtri_exp(-np.log(2) / terms) / advantage))  # type: ignore[no-any-return]
