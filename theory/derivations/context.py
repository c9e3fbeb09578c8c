"""What the context is worth for many tokens, and the best inverse temperature."""

from __future__ import annotations

from sympy import Derivative, Expr, Integral, Limit, S, Sum, exp, factorial, log, oo, sqrt, symbols
from sympy import gamma as Gamma

from theory.derivations.derivation import Chain, Derivation, derivation
from theory.derivations.many_tokens import LOGIT, SPREAD_SQUARE, snr_square
from theory.derivations.operators import GaussianMean, Root
from theory.derivations.symbols import Q, R, W, delta_q, delta_w, m, sigma, tau
from theory.derivations.termwise import INDEX, KummerM

g = symbols("g", real=True)
k, k_0, t, u, x, x_0 = symbols("k k_0 t u x x_0", positive=True)

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


def no_gain() -> Derivation:
    """Return the benefit at τ = σ = 1, δ = 0."""
    chain = Chain(BENEFIT).to(
        S.One, "Put in", "τ = 1, σ = 1, δ_q = 0, for every Q.", given={tau: S.One, sigma: S.One, delta_q: S.Zero}
    )
    return derivation(
        "no-benefit",
        "A prompt that gains nothing",
        "At τ = 1, σ = 1 and δ = 0 a known prompt gains exactly nothing for many tokens, however long q⋆ is.",
        r"\lim \mathbb{E}\kappa^2(1)/\kappa^2(0)",
        chain,
        S.One,
        assumptions=(MANY,),
        counterpart="theory.context_benefit",
    )


def _linear_ratio(mean_weight_square: Expr) -> Expr:
    """Return κ² of linear attention, whose weights are xᵀq⋆, over that of uniform pooling."""
    return (W**2 * R**2 * Q**4 / (sigma**2 * m * mean_weight_square)) / (W**2 * R**2 / (sigma**2 * m))


def linear_gain() -> Derivation:
    """Return what linear attention gains for many tokens."""
    result = 1 / (delta_q**2 + sigma**2 / Q**2)
    weight = -delta_q * Q**2 + sigma * Q * g
    chain = (
        Chain(_linear_ratio(GaussianMean(weight**2, {(g, g): S.One})))
        .to(
            _linear_ratio(delta_q**2 * Q**4 + sigma**2 * Q**2),
            "The mean square of a weight",
            "By Wick's theorem; a sum over many tokens is at its mean.",
        )
        .to(result, "Divided by Q⁴", "Weights of relevant tokens are Q².")
    )
    return derivation(
        "linear-attention-gain",
        "What linear attention gains",
        "For many tokens linear attention gains the factor 1/(δ_q² + σ²/Q²), which is Q²/σ² for δ_q = 0.",
        r"\lim \mathbb{E}\kappa^2_{\mathrm{linear}}/\kappa^2(0)",
        chain,
        result,
        assumptions=(MANY, "weights xᵀq⋆: Q² of a relevant token, -δ_q Q² + σ Q g of another"),
        counterpart="theory.context_benefit",
    )


def linear_gain_exact() -> Derivation:
    """Return what linear attention gains at any number of tokens, for δ_q = 0."""
    density = x ** (m / 2 - 1) * exp(-x / 2) / (2 ** (m / 2) * Gamma(m / 2))
    front = _linear_ratio(sigma**2 * Q**2 / m)
    result = Q**2 / sigma**2 * m / (m - 2)
    chain = Chain(front * Integral(density / x, (x, 0, oo))).to(
        result,
        "The mean of 1/χ²",
        "Euler's integral, for m > 2: Γ(m/2 - 1)/(2Γ(m/2)) = 1/(m-2).",
        given={m: 2 + x_0},
    )
    return derivation(
        "linear-attention-gain-exact",
        "What linear attention gains at any number of tokens",
        "For δ_q = 0 and m > 2 irrelevant tokens linear attention gains exactly (Q²/σ²) m/(m-2).",
        r"\mathbb{E}\kappa^2_{\mathrm{linear}}/\kappa^2(0)",
        chain,
        result,
        assumptions=(
            "isotropic noise, δ = 0, q⋆ and w⋆ orthogonal, m > 2",
            "weights of irrelevant tokens are σQg, and the sum of their squares is σ²Q²χ²_m",
        ),
        counterpart="theory.context_benefit",
    )


def linear_gain_kummer() -> Derivation:
    """Return what linear attention gains at any number of tokens and any δ_q."""
    weight = sigma * Q * g - delta_q * Q**2
    half = {x: m * delta_q**2 * Q**2 / (2 * sigma**2)}
    front = Q**2 / sigma**2 * m
    series = Sum(x**INDEX * u**INDEX / factorial(INDEX), (INDEX, 0, oo))
    short = front / (m - 2) * exp(-x) * KummerM(m / 2 - 1, m / 2, x)
    result = short.subs(half)
    chain = (
        Chain(m * Q**4 * Integral(GaussianMean(exp(-t * weight**2), {(g, g): S.One}) ** m, (t, 0, oo)))
        .to(
            m
            * Q**4
            * Integral(
                (1 + 2 * t * sigma**2 * Q**2) ** (-m / 2)
                * exp(-m * t * delta_q**2 * Q**4 / (1 + 2 * t * sigma**2 * Q**2)),
                (t, 0, oo),
            ),
            "Wick's theorem",
            "The mean of the exponential of a square; 1/Y = ∫ e^{-tY} dt for the sum Y of m of them.",
        )
        .to(
            front / 2 * Integral(u ** (m / 2 - 2) * exp(-x * (1 - u)), (u, 0, 1)),
            "Another variable",
            "u = 1/(1 + 2tσ²Q²) goes from 1 to 0; x = mδ_q²Q²/(2σ²).",
            given={t: (1 / u - 1) / (2 * sigma**2 * Q**2), **half},
        )
        .to(
            front / 2 * exp(-x) * Integral(u ** (m / 2 - 2) * series, (u, 0, 1)),
            "A series",
            "That of the exponential function.",
        )
        .to(
            front * exp(-x) * Sum(x**INDEX / factorial(INDEX) / (m - 2 + 2 * INDEX), (INDEX, 0, oo)),
            "Term by term",
            "Powers of u, for m > 2: the mean of 1/(m - 2 + 2j) over Poisson's law.",
            given={m: 2 + x_0},
        )
        .to(short, "Kummer's function", "M(a, a + 1, x) = Σ a/(a + j) x^j/j!.")
        .to(result, "In the model's own symbols", "x as above.", given=half)
    )
    return derivation(
        "linear-attention-gain-kummer",
        "What linear attention gains at any number of tokens and any δ_q",
        "For m > 2 irrelevant tokens linear attention gains exactly (Q²/σ²) m/(m-2) e^{-x} M(m/2-1, m/2, x), "
        "x = mδ_q²Q²/(2σ²), with Kummer's function M.",
        r"\mathbb{E}\kappa^2_{\mathrm{linear}}/\kappa^2(0)",
        chain,
        result,
        assumptions=(
            "isotropic noise, δ_w = 0, q⋆ and w⋆ orthogonal, m > 2",
            "weights of irrelevant tokens are σQg - δ_q Q², and Y is the sum of their squares",
        ),
        counterpart="theory.context_benefit",
    )


def constant_attention() -> Derivation:
    """Return κ² where attention does not fluctuate."""
    A, D, L, c, M, S_ = symbols("A D L c M_0 S_0", positive=True)
    result = W**2 * (R * exp(LOGIT) - delta_w * m) ** 2 / (sigma**2 * m)
    chain = (
        Chain(M**2 * W**2 / S_**2)
        .to(
            W**2 * (c - delta_w * m * L) ** 2 / (sigma**2 * m * L**2),
            "The denominators cancel",
            "M = A - δ_w(1-A) and S² = σ² m L²/D² with A = c/D, D = c + mL.",
            given={M: A - delta_w * (1 - A), S_: sigma * sqrt(m) * L / D, A: c / D, D: c + m * L},
        )
        .to(
            result,
            "In the model's own symbols",
            "c = R e^{τQ²} and L = e^{-δ_q τQ²}.",
            given={c: R * exp(tau * Q**2), L: exp(-delta_q * tau * Q**2)},
        )
    )
    return derivation(
        "constant-attention-snr",
        "Signal-to-noise ratio where attention is constant",
        "With noise orthogonal to the prompt κ grows with the inverse temperature without end.",
        r"\kappa^2",
        chain,
        result,
        assumptions=("prompt-orthogonal noise, a prompt τ q⋆, q⋆ and w⋆ orthogonal; any T, κ = MW/S",),
        counterpart="theory.deterministic_attention",
    )
