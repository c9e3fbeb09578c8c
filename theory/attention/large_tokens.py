"""Attention moments for many tokens: the limit and two corrections in 1/m.

With ℓ = e^{s²/2} the mean of L, a = c/(c + m ℓ), b = 1 - a, h = e^{s²} and x = h⁴ - 1, expanding about the means of
Σ L and Σ L², as m → ∞ with c/m fixed,

    E A  = a                          · (1 + b² (h-1)/m + b³ (h-1)² (3b - h - 2)/m²),
    E S² = σ² m e^{2s²}/(c + m ℓ)²     · (1 + b (h-1) [3b - 2(h+1)]/m + b² (h-1)² y/m²),
    E κ² = W² c²/(σ² m e^{2s²})        · (1 + x/m - x³/m²)        for δ_w = 0,

y = 15b² - 4b(4h+5) + 3(h+1)(h²+h+2), each up to a share of order 1/m³ (`theory.derivations.many_tokens`).  The last
limit is T ζ² W²/((1-ζ) σ²) · e^{2τ(1+δ_q)Q² - 2τ²σ²Q²}: the prompt gains most at τ = (1+δ_q)/(2σ²).  The corrections
grow as e^{4s²}: for s = τσQ above 2 only very many tokens are many.
Source: derived here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theory.arguments import ArgumentError, FloatArray, Numbers, plain, real
from theory.mixture import ContextualMixture

LARGEST_EXPONENT = 300.0


@dataclass(frozen=True)
class Expansion:
    """A limit and its corrections: the moment is limit · (1 + correction + second), up to a share of order 1/m³.

    Attributes:
        limit: what the moment tends to.
        correction: the first one, of order 1/m.
        second: the next one, of order 1/m²; of use where it is well below the first.
    """

    limit: float | FloatArray
    correction: float | FloatArray
    second: float | FloatArray


@dataclass(frozen=True)
class LargeTokensMoments:
    """Expansions of E A, E S² and E κ² for many irrelevant tokens."""

    share: Expansion
    noise_square: Expansion
    snr_square: Expansion


def large_tokens_moments(mixture: ContextualMixture, inverse_temperature: Numbers) -> LargeTokensMoments:
    """Return the expansions at the head of this file, for isotropic noise.

    Args:
        mixture: the data, with at least one irrelevant token, noise and δ_w = 0; numbers or arrays.
        inverse_temperature: τ ≥ 0.

    Raises:
        ArgumentError: a parameter is out of this range.

    Example:
        >>> mixture = ContextualMixture(dimension=101, tokens=1600, relevant_tokens=200)
        >>> expansion = large_tokens_moments(mixture, 0.5).snr_square
        >>> print(f"{expansion.limit:.4f} (1 + {expansion.correction:.4f})")
        47.1063 (1 + 0.0012)
    """
    temperature = real("inverse_temperature", inverse_temperature, least=0)
    sigma, context = np.asarray(mixture.noise), np.asarray(mixture.context_norm)
    terms = mixture.irrelevant_tokens
    if mixture.noise_kind != "isotropic":
        raise ArgumentError("noise_kind", "be isotropic", mixture.noise_kind)
    for name, wrong in (
        ("delta_signal", np.any(np.asarray(mixture.delta_signal) != 0)),
        ("noise", np.any(sigma == 0)),
        ("relevant_tokens", np.any(terms == 0)),
    ):
        if wrong:
            needed = {"delta_signal": "be 0", "noise": "be greater than 0", "relevant_tokens": "be less than tokens"}
            raise ArgumentError(name, f"{needed[name]} in an expansion for many tokens", getattr(mixture, name))
    exponent = np.abs(1 + np.asarray(mixture.delta_context)) * temperature * context**2
    if np.any(np.maximum(exponent, 4 * (temperature * sigma * context) ** 2) > LARGEST_EXPONENT):
        requirement = f"keep τ |1 + δ_q| Q² and 4 τ² σ² Q² below {LARGEST_EXPONENT:g}"
        raise ArgumentError("inverse_temperature", requirement, inverse_temperature)
    spread_square = (temperature * sigma * context) ** 2
    constant = np.asarray(mixture.relevant_tokens) * np.exp(
        (1 + np.asarray(mixture.delta_context)) * temperature * context**2
    )
    total = constant + terms * np.exp(spread_square / 2)
    share = constant / total
    rest = terms * np.exp(spread_square / 2) / total
    h, excess = np.exp(spread_square), np.expm1(spread_square)
    noise_limit = sigma**2 * terms * np.exp(2 * spread_square) / total**2
    snr_limit = (np.asarray(mixture.signal_norm) * constant / sigma) ** 2 / (terms * np.exp(2 * spread_square))
    first = rest * excess / terms
    bend = 15 * rest**2 - 4 * rest * (4 * h + 5) + 3 * (h + 1) * (h**2 + h + 2)
    snr_first = np.expm1(4 * spread_square) / terms
    return LargeTokensMoments(
        share=_expansion(share, rest * first, rest * first**2 * (3 * rest - h - 2)),
        noise_square=_expansion(noise_limit, first * (3 * rest - 2 * (h + 1)), first**2 * bend),
        snr_square=_expansion(snr_limit, snr_first, -terms * snr_first**3),
    )


def _expansion(limit: FloatArray, correction: FloatArray, second: FloatArray) -> Expansion:
    """Wrap arrays, as floats where they hold one number."""
    return Expansion(*(plain(array) for array in np.broadcast_arrays(limit, correction, second)))
