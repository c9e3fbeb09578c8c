"""The mean squared signal-to-noise ratio of a feature of linear-prompt-attention, in closed form.

In units of τQ² the weight of an irrelevant token is z_t = (σ/Q) g_t - δ_q, so that Y = Σ z_t² is (σ/Q)² χ'²_m(λ) with
λ = m δ_q² Q²/σ².  The signal of a feature is M = (R - δ_w Σ z_t)/T and its noise S² = σ² Y/T².  Along the mean of a
normal vector x, a noncentral χ² of more degrees of freedom takes over, E[x h(‖x‖²)] = E[x] E h(χ'²_{m+2}), hence with
I_k = E 1/χ'²_k(λ)

    E κ² = (W²/σ²) [ (R² I_m + 2 m R δ_q δ_w I_{m+2}) Q²/σ² + m δ_w² (I_{m+2} + λ I_{m+4}) ],

    I_k = ∫_0^∞ e^{-(k/2-1)t - λ(1-e^{-t})/2} dt/2 = ₁F₁(1; k/2; -λ/2)/(k - 2).

Source: derived here; the noncentral χ² identity is Stein's lemma.
"""

from __future__ import annotations

import math

import numpy as np

from theory.arguments import single
from theory.mixture import ContextualMixture

STEP = 0.2
"""In log t: the integrand is analytic within π/2 of the real line, and the rule errs by e^{-π²/step} or so."""

NEGLIGIBLE = 40.0


def mean_inverse_chi_square(freedom: float, noncentrality: float) -> float:
    """Return E 1/χ'²_k(λ), to rounding; infinite for k ≤ 2.

    Args:
        freedom: k > 0.
        noncentrality: λ ≥ 0, finite.

    Example:
        >>> mean_inverse_chi_square(7.0, 0.0) * 5
        1.0
    """
    decay, shift = freedom / 2 - 1, noncentrality / 2
    if decay <= 0:
        return math.inf
    # Below its peak the integrand falls like t, and above it like e^{-(k/2-1)t}.
    first = math.floor((-math.log(decay + shift) - NEGLIGIBLE) / STEP)
    last = math.ceil(math.log(2 * NEGLIGIBLE / decay) / STEP)
    t = np.exp(STEP * np.arange(first, last + 1))
    return float(np.sum(t * np.exp(-decay * t + shift * np.expm1(-t)))) * STEP / 2


def linear_snr_square(mixture: ContextualMixture) -> float:
    """Return E κ² = W² E[M²/S²] of a feature of linear-prompt-attention, at any number of tokens.

    Args:
        mixture: isotropic noise σ > 0, at least one irrelevant token; single numbers.

    Returns:
        It is infinite for m ≤ 2 irrelevant tokens, where 1/χ² has no mean, and 0 for W = 0.

    Example:
        >>> print(f"{linear_snr_square(ContextualMixture(dimension=101, tokens=9, relevant_tokens=2)):.6f}")
        0.800000
    """
    terms, relevant = single(mixture.irrelevant_tokens), single(mixture.relevant_tokens)
    delta_context, delta_signal = single(mixture.delta_context), single(mixture.delta_signal)
    noise = single(mixture.noise)
    if single(mixture.signal_norm) == 0:
        return 0.0
    if terms <= 2:
        return math.inf
    ratio = single(mixture.context_norm) / noise
    noncentrality = terms * (delta_context * ratio) ** 2
    inverse = [mean_inverse_chi_square(terms + more, noncentrality) for more in (0, 2, 4)]
    from_relevant = relevant * (relevant * inverse[0] + 2 * terms * delta_context * delta_signal * inverse[1])
    from_others = terms * delta_signal**2 * (inverse[1] + noncentrality * inverse[2])
    return (single(mixture.signal_norm) / noise) ** 2 * max(from_relevant * ratio**2 + from_others, 0.0)
