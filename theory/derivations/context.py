"""What the context is worth for many tokens, and the best inverse temperature."""

from __future__ import annotations

from sympy import Derivative, Limit, exp, log, symbols

from theory.derivations.derivation import Chain, Derivation, derivation
from theory.derivations.many_tokens import LOGIT, SPREAD_SQUARE, snr_square
from theory.derivations.operators import Root
from theory.derivations.symbols import Q, delta_q, m, sigma, tau

g = symbols("g", real=True)
k, k_0, x = symbols("k k_0 x", positive=True)

BENEFIT = exp(2 * LOGIT - 2 * SPREAD_SQUARE)
BEST = (1 + delta_q) / (2 * sigma**2)
MANY = "isotropic noise, δ_w = 0, q⋆ and w⋆ orthogonal; m → ∞ with R/m fixed"


def benefit() -> Derivation:
    """Return κ²(τ)/κ²(0)."""
    snr = snr_square().result.subs(m, 1 / x)
    excess = exp(4 * SPREAD_SQUARE) - 1
    chain = (
        Chain(Limit(k / k_0, x, 0))
        .to(
            Limit(BENEFIT * (1 + excess * x - excess**3 * x**2), x, 0),
            "The tokens cancel",
            "k and k₀ are E κ² of snr-many-tokens at τ and at 0, with x = 1/m.",
            given={k: snr, k_0: snr.subs(tau, 0)},
        )
        .to(BENEFIT, "Many tokens", "The corrections vanish.")
    )
    return derivation(
        "benefit-of-context",
        "Benefit of context",
        "For many tokens a known prompt multiplies κ² of uniform pooling by exp(2τ(1+δ_q)Q² - 2τ²σ²Q²).",
        r"\lim \mathbb{E}\kappa^2(\tau)/\kappa^2(0)",
        chain,
        BENEFIT,
        assumptions=(MANY,),
        counterpart="theory.context_benefit",
    )


def best_temperature() -> Derivation:
    """Return τ*."""
    slope = 2 * (1 + delta_q) * Q**2 - 4 * tau * sigma**2 * Q**2
    chain = (
        Chain(Root(Derivative(log(BENEFIT), tau), tau))
        .to(Root(slope, tau), "The slope", "The logarithm is a quadratic in τ, with a negative square.")
        .to(BEST, "Where it vanishes", "A concave function is largest there.")
    )
    return derivation(
        "best-temperature",
        "Best inverse temperature",
        "For many tokens the benefit is largest at τ = (1+δ_q)/(2σ²), whatever Q is.",
        r"\tau^\star",
        chain,
        BEST,
        assumptions=(MANY, "δ_q > -1"),
        counterpart="theory.context_benefit",
    )


def best_gain() -> Derivation:
    """Return the benefit at τ*."""
    result = exp((1 + delta_q) ** 2 * Q**2 / (2 * sigma**2))
    chain = Chain(BENEFIT).to(
        result, "At the best temperature", "τ of best-temperature.", given={tau: best_temperature().result}
    )
    return derivation(
        "best-gain",
        "Largest benefit of context",
        "At the best temperature the benefit is exp((1+δ_q)²Q²/(2σ²)).",
        r"\max_\tau \lim \mathbb{E}\kappa^2(\tau)/\kappa^2(0)",
        chain,
        result,
        assumptions=(MANY, "δ_q > -1"),
        counterpart="theory.context_benefit",
    )
