"""Self-attention on data without noise, δ = (0, 0) or (Δ, Δ): the threshold and its bounds."""

from __future__ import annotations

from sympy import Derivative, Expr, Limit, S, Subs, Sum, Symbol, exp, oo, symbols

from theory.derivations.derivation import RATIONAL_POINTS, Chain, Derivation, derivation
from theory.derivations.operators import Root
from theory.derivations.symbols import Delta, head_token, odds, score, whole_odds, zeta
from theory.derivations.symbols import weight as x

u = score
A_r, A_s, A_bar = symbols(r"A_r A_s \bar{A}", positive=True)

SETTING = "no noise; δ = (Δ, Δ): relevant tokens are r = q⋆ + y w⋆, the others -Δ r; u = (1+Δ) rᵀKr"
ROW_RELEVANT = zeta * exp(u) / (zeta * exp(u) + 1 - zeta)
ROW_OTHER = zeta * exp(-Delta * u) / (zeta * exp(-Delta * u) + 1 - zeta)
MEAN_ATTENTION = zeta * ROW_RELEVANT + (1 - zeta) * ROW_OTHER
FAILS = Delta / (1 + Delta)


def output() -> Derivation:
    """Return f for δ = (Δ, Δ)."""
    k = Symbol("kappa_r", real=True)
    rows = [
        zeta * exp(first * k) / (zeta * exp(first * k) + (1 - zeta) * exp(-Delta * first * k)) for first in (1, -Delta)
    ]
    values = [head_token * (row - Delta * (1 - row)) for row in rows]
    result = head_token * ((1 + Delta) * MEAN_ATTENTION - Delta)
    chain = (
        Chain(zeta * values[0] + (1 - zeta) * values[1])
        .to(
            zeta * head_token * ((1 + Delta) * A_r - Delta) + (1 - zeta) * head_token * ((1 + Delta) * A_s - Delta),
            "Rows of softmax",
            "A row attends to relevant tokens by A, to the others by 1 - A; its scores are rᵀKr times 1 or -Δ twice.",
            given={A_r: ROW_RELEVANT, A_s: ROW_OTHER, u: (1 + Delta) * k},
        )
        .to(
            head_token * ((1 + Delta) * A_bar - Delta),
            "The mean attention",
            "Ā = ζ A_r + (1-ζ) A_s.",
            given={A_bar: zeta * A_r + (1 - zeta) * A_s},
        )
        .to(result, "In the score u", "Ā with A_r and A_s put in.", given={A_bar: MEAN_ATTENTION})
    )
    return derivation(
        "self-attention-output",
        "What self-attention says of the label",
        "f = wᵀr [(1+Δ)Ā - Δ]: it turns its sign with δ unless the mean attention Ā exceeds Δ/(1+Δ) for some score.",
        r"f(X)",
        chain,
        result,
        assumptions=(SETTING,),
        counterpart="theory.expressivity.self_attention.mean_attention",
    )


def excess() -> Derivation:
    """Return Δ/(1+Δ) - Ā at Δ = ζ/(1-ζ)."""
    o = odds
    result = o * (x**o - o * x + o - 1) / ((1 + o) * (1 + o * x) * (o + x**o))
    result = result.subs(x, exp(u))
    chain = (
        Chain(FAILS - MEAN_ATTENTION)
        .to(
            o / (1 + o) * (1 / (1 + o * x) - 1 / (o + x**o)),
            "With x = e^u",
            "ζ = o/(1+o), Δ = o.",
            given={zeta: o / (1 + o), Delta: o, u: Symbol("L", real=True), x: exp(Symbol("L", real=True))},
        )
        .to(result, "Over one denominator", "x = e^u.", given={x: exp(u)})
    )
    return derivation(
        "self-attention-excess",
        "By how much self-attention falls short at Δ = ζ/(1-ζ)",
        "Its sign is that of x^o - o x + o - 1, x = e^u, o = ζ/(1-ζ).",
        r"\frac{\Delta}{1+\Delta} - \bar{A}",
        chain,
        result,
        assumptions=(SETTING, "Δ = ζ/(1-ζ) = o"),
        counterpart="theory.expressivity.self_attention.mean_attention",
    )


def tangent() -> Derivation:
    """Return where x^o - o x + o - 1 is least."""
    o = odds
    function = x**o - o * x + o - 1
    chain = (
        Chain(Root(Derivative(function, x), x))
        .to(Root(o * (x ** (o - 1) - 1), x), "The slope", "For o > 1 it grows with x: the function is convex.")
        .to(S.One, "Where it vanishes", "There the function itself is 0.")
    )
    return derivation(
        "self-attention-tangent",
        "Where self-attention falls least short at Δ = ζ/(1-ζ)",
        "x^o - o x + o - 1 is least, and 0, at x = 1 for o > 1: Bernoulli's inequality.",
        r"\operatorname{argmin}_x \left(x^o - o x + o - 1\right)",
        chain,
        S.One,
        assumptions=(SETTING, "o = ζ/(1-ζ) > 1"),
        counterpart="theory.self_attention_threshold",
    )


def square() -> Derivation:
    """Return x^o - o x + o - 1 as a square times a positive number, for whole o."""
    j, k = whole_odds, Symbol("k", integer=True)
    result = x**j - j * x + j - 1
    chain = Chain((x - 1) ** 2 * Sum((j - 1 - k) * x**k, (k, 0, j - 2))).to(
        result, "Summed", "Powers telescope.", check=RATIONAL_POINTS
    )
    return derivation(
        "self-attention-square",
        "Why self-attention falls short where ζ/(1-ζ) is a whole number",
        "There x^o - o x + o - 1 is a square times a sum of positive terms, without analysis.",
        r"(x - 1)^2 \sum_{k=0}^{o-2} (o - 1 - k) x^k",
        chain,
        result,
        assumptions=(SETTING, "o = ζ/(1-ζ) is a whole number of at least 2, j"),
        counterpart="theory.self_attention_threshold",
    )


def threshold() -> Derivation:
    """Return Δ⋆ for ζ ≥ 1/2."""
    result = zeta / (1 - zeta)
    chain = (
        Chain(Root(Subs(MEAN_ATTENTION, u, 0) - FAILS, Delta))
        .to(
            Root(zeta - FAILS, Delta), "Uniform attention", "Ā is largest at u = 0 at this Δ, by self-attention-excess."
        )
        .to(result, "Solved", "Δ/(1+Δ) grows with Δ.")
    )
    return derivation(
        "self-attention-threshold",
        "The sharp threshold of self-attention for ζ ≥ 1/2",
        "Above Δ⋆ = ζ/(1-ζ) every self-attention has the accuracy 1/2, just below it some have 1.",
        r"\Delta^\star",
        chain,
        result,
        assumptions=(SETTING, "ζ ≥ 1/2: x^o - o x + o - 1 ≥ 0 is Bernoulli's inequality, with equality at u = 0 alone"),
        counterpart="theory.self_attention_threshold",
    )


def _sufficient(name: str, sign: str, bound: Expr, values: dict[Symbol, Expr], why: str) -> Derivation:
    """Return Δ from which on Ā cannot reach Δ/(1+Δ) for scores of one sign."""
    result = 1 / (1 - bound) - 1
    chain = (
        Chain(Root(zeta * A_r + (1 - zeta) * A_s - FAILS, Delta))
        .to(Root(bound - FAILS, Delta), "A bound on Ā", why, given=values)
        .to(result, "Solved", "Δ/(1+Δ) = 1 - 1/(1+Δ).")
    )
    return derivation(
        name,
        f"A sufficient bound for {sign} scores",
        f"No score u of this sign, {sign}, makes Ā reach Δ/(1+Δ) for a larger Δ.",
        r"\Delta",
        chain,
        result,
        assumptions=(SETTING, "the larger of both bounds is enough: 1 + Δ ≥ 1/min((1-ζ)², ζ(1-ζ))"),
        counterpart="theory.separation",
    )


def sufficient_positive() -> Derivation:
    """Return the bound for u ≥ 0."""
    return _sufficient(
        "self-attention-sufficient-positive",
        "positive",
        zeta + (1 - zeta) * zeta,
        {A_r: Limit(ROW_RELEVANT, u, oo), A_s: Subs(ROW_OTHER, u, 0)},
        "For u ≥ 0 A_r is below its limit as u → ∞, and A_s, which falls, at most what it is at u = 0.",
    )


def sufficient_negative() -> Derivation:
    """Return the bound for u ≤ 0."""
    return _sufficient(
        "self-attention-sufficient-negative",
        "negative",
        zeta * zeta + (1 - zeta),
        {A_r: Subs(ROW_RELEVANT, u, 0), A_s: Limit(ROW_OTHER, u, -oo)},
        "For u ≤ 0 A_s is below its limit as u → -∞, and A_r, which grows, at most what it is at u = 0.",
    )
