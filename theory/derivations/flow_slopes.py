"""How attention changes with the inverse temperature: gradient descent in the plane of head and prompt."""

from __future__ import annotations

from sympy import Derivative, Expr, Function, symbols

from theory.derivations.attention_mean import P_2 as pairs
from theory.derivations.attention_mean import P_3 as triples
from theory.derivations.attention_mean import A as share
from theory.derivations.attention_mean import AttentionMean, TokenSum, g, p, s
from theory.derivations.derivation import Chain, Derivation, derivation
from theory.derivations.symbols import (
    Q,
    W,
    delta_q,
    delta_w,
    head_length,
    mean_signal,
    pair,
    pair_square,
    power_of_feature,
    power_slope,
    share_pair,
    share_rest,
    share_square_pair,
    share_square_rest,
    sigma,
    signal_slope,
    tau,
    triple,
)

c, L, D, first, second = symbols("c_0 L D Y_1 Y_2", positive=True)
u, v = (1 + delta_q) * Q**2, tau * sigma**2 * Q**2
SHARE, PAIRS = c / (c + L + first), (L**2 + second) / (c + L + first) ** 2
IN_ATTENTION = {
    first: (1 - share - p) * D,
    second: (pairs - p**2) * D**2,
    c: share * D,
    L: p * D,
}
"""Weights as shares of their sum D; that of one token stands apart, Y_k are sums over the others."""

MEANS = {
    share_rest: AttentionMean(share * (1 - share)),
    share_square_rest: AttentionMean(share**2 * (1 - share)),
    pair: AttentionMean(pairs),
    share_pair: AttentionMean(share * pairs),
    share_square_pair: AttentionMean(share**2 * pairs),
    triple: AttentionMean(triples),
    pair_square: AttentionMean(pairs**2),
}
ASSUMPTIONS = (
    "isotropic noise (for prompt-orthogonal noise terms with τσ² are left out), a prompt τ q⋆, q⋆ and w⋆ orthogonal",
    "weights: c₀ = R e^{τ(1+δ_q)Q²} of all relevant tokens, L = e^{τσQ g_t} of an irrelevant one, D of all tokens",
    "irrelevant tokens are alike: p_t = L/D is the attention on one of them, P_k = Σ p_t^k",
)


def _named(result: Expr) -> dict[Expr, Expr]:
    """Return what the moments in a result stand for."""
    return {symbol: mean for symbol, mean in MEANS.items() if result.has(symbol)}


def _of_attention(quantity: Expr, share_slope: Expr, token_slope: Expr) -> Chain:
    """Return the derivative by τ of a mean of attention, led to attention alone.

    Args:
        quantity: a function of the weights c₀ and L, the latter of one token.
        share_slope: its derivative by log c₀, in A and P₂.
        token_slope: that by log L, in A, P₂ and p_t.
    """
    by_token = TokenSum(sigma * Q * g * L * Derivative(quantity, L))
    return Chain(AttentionMean(u * c * Derivative(quantity, c) + by_token)).to(
        AttentionMean(u * share_slope + TokenSum(sigma * Q * g * token_slope)),
        "Slopes of attention",
        "dc₀/dτ = (1+δ_q)Q² c₀ and dL/dτ = σQ g_t L; weights are A D and p_t D.",
        given={symbol: share for symbol, share in IN_ATTENTION.items() if quantity.has(symbol)},
    )


def signal() -> Derivation:
    """Return dE M/dτ."""
    a = 1 + delta_w
    result = a * ((u - v) * share_rest + 2 * v * share_pair)
    chain = (
        _of_attention(SHARE - delta_w * (1 - SHARE), a * share * (1 - share), -a * share * p)
        .to(
            a * ((u - v) * AttentionMean(share * (1 - share)) + 2 * v * AttentionMean(share * pairs)),
            "Stein's lemma",
            "E[g_t F] = E[dF/dg_t] for each token, s = τσQ; sums over tokens of p_t and p_t² are 1-A and P₂.",
            given={sigma: s / (tau * Q)},
        )
        .to(result, "Moments of attention", "By their names.", given=_named(result))
    )
    return derivation(
        "signal-slope",
        "How the signal grows with the inverse temperature",
        "(E M)' = (1+δ_w)[(u-v) E A(1-A) + 2v E A P₂], u = (1+δ_q)Q², v = τσ²Q²: exact at any number of tokens.",
        r"\frac{\mathrm{d}}{\mathrm{d}\tau}\mathbb{E}M",
        chain,
        result,
        assumptions=(*ASSUMPTIONS, "M = A - δ_w(1-A)"),
        counterpart="theory.population_flow",
    )


def power() -> Derivation:
    """Return dG/dτ."""
    a = 1 + delta_w
    gain = a * share - delta_w
    square = W**2 * (SHARE - delta_w * (1 - SHARE)) ** 2 + sigma**2 * PAIRS
    of_square = a * (2 * (u - v) * share_square_rest + 6 * v * share_square_pair)
    of_share = (u - v) * share_rest + 2 * v * share_pair
    of_pairs = -2 * u * share_pair + 2 * v * (pair + share_pair - 4 * triple + 3 * pair_square)
    result = W**2 * a * (of_square - 2 * delta_w * of_share) + sigma**2 * of_pairs
    chain = (
        _of_attention(
            square,
            2 * W**2 * a * gain * share * (1 - share) - 2 * sigma**2 * share * pairs,
            -2 * W**2 * a * gain * share * p + 2 * sigma**2 * (p**2 - pairs * p),
        )
        .to(
            result.subs(_named(result)),
            "Stein's lemma",
            "E[g_t F] = E[dF/dg_t] for each token, s = τσQ; sums over tokens of p_t, p_t² and p_t³ are 1-A, P₂ and P₃.",
            given={sigma: s / (tau * Q)},
        )
        .to(result, "Moments of attention", "By their names.", given=_named(result))
    )
    return derivation(
        "power-slope",
        "How the power of a feature changes with the inverse temperature",
        "G' for G = W² E M² + E S²: with (E M)' all that the prompt's equation is made of.",
        "G'",
        chain,
        result,
        assumptions=(*ASSUMPTIONS, "M = A - δ_w(1-A), S² = σ² P₂"),
        counterpart="theory.population_flow",
    )


def _loss(signal: Expr, power: Expr) -> Expr:
    """Return E (y - f)²/2 for the head c w⋆."""
    return (1 - 2 * head_length * W**2 * signal + head_length**2 * W**2 * power) / 2


def prompt_equation() -> Derivation:
    """Return the coefficient of q⋆ in -∇_q L."""
    mean, square = (Function(name)(tau) for name in ("mu", "G"))
    loss = _loss(mean, square)
    slope_1, slope_2 = Derivative(mean, tau), Derivative(square, tau)
    in_slopes = W**2 / Q**2 * (head_length * slope_1 - head_length**2 / 2 * slope_2)
    result = W**2 / Q**2 * (head_length * signal_slope - head_length**2 / 2 * power_slope)
    chain = (
        Chain(-Derivative(loss, tau) / Q**2)
        .to(in_slopes, "The slope of the loss", "dq = q⋆ dτ, of length Q dτ.")
        .to(
            result,
            "By their names",
            "As signal-slope and power-slope.",
            given={signal_slope: slope_1, power_slope: slope_2},
        )
    )
    return derivation(
        "prompt-equation",
        "The equation of the prompt",
        "In the plane w = c w⋆, q = τ q⋆ gradient flow has dτ/dt = (W²/Q²)[c (E M)' - c² G'/2].",
        r"-q_\star^\top\nabla_q L/Q^2",
        chain,
        result,
        assumptions=(
            "w = c w⋆, q = τ q⋆, q⋆ and w⋆ orthogonal: the gradient is along q⋆",
            "μ = E M, G = W² E M² + E S²",
        ),
        counterpart="theory.population_flow",
    )


def head_equation() -> Derivation:
    """Return the coefficient of w⋆ in -∇_w L."""
    loss = _loss(mean_signal, power_of_feature)
    result = mean_signal - head_length * power_of_feature
    chain = Chain(-Derivative(loss, head_length) / W**2).to(
        result, "The slope of the loss", "dw = w⋆ dc, of length W dc."
    )
    return derivation(
        "head-equation",
        "The equation of the head",
        "In the plane w = c w⋆, q = τ q⋆ gradient flow has dc/dt = E M - c G.",
        r"-w_\star^\top\nabla_w L/W^2",
        chain,
        result,
        assumptions=("w = c w⋆, q = τ q⋆, q⋆ and w⋆ orthogonal: the gradient is along w⋆", "G = W² E M² + E S²"),
        counterpart="theory.population_flow",
    )
