"""Attention in the limit of a large inverse temperature, and the margins of the max-margin head: Gaussian integrals."""

from __future__ import annotations

from sympy import Expr, Integral, Rational, erf, erfinv, exp, log, oo, pi, sqrt, symbols

from theory.derivations.derivation import Chain, Derivation, derivation
from theory.derivations.operators import Root
from theory.derivations.symbols import Q, W, delta_q, delta_w, level, m, sigma

x = symbols("x", real=True)
a = symbols("a", positive=True)
DENSITY = exp(-(x**2) / 2) / sqrt(2 * pi)
SETTING = "isotropic noise, δ_q > -1, τ → ∞: the token of the largest score takes all attention"


def _below(limit: Expr) -> Expr:
    """Return P(Z < limit) as an integral."""
    return Integral(DENSITY, (x, -oo, limit))


def _cdf(limit: Expr) -> Expr:
    """Return Φ."""
    return (1 + erf(limit / sqrt(2))) / 2


def error() -> Derivation:
    """Return the population error of hard attention."""
    advantage, turned = (1 + delta_q) * Q / sigma, delta_w * W / sigma
    result = (1 - _cdf(advantage) ** m) * _cdf(turned)
    chain = Chain((1 - _below(advantage) ** m) * _below(turned)).to(
        result, "Gaussian integrals", "Φ(x) = (1 + erf(x/√2))/2."
    )
    return derivation(
        "hard-attention-error",
        "Error of hard attention",
        "An error needs an irrelevant token of the largest score, and its noise to outweigh its signal.",
        r"\mathrm{ERR}",
        chain,
        result,
        assumptions=(
            SETTING,
            "an irrelevant token wins if one of m independent scores exceeds (1+δ_q)Q/σ; the head is w⋆, and the noise "
            "along it is independent of the scores",
        ),
        counterpart="theory.hard_attention_error",
    )


def midpoint() -> Derivation:
    """Return Q/σ at which every second sequence is lost."""
    result = sqrt(2) * erfinv(2 * 2 ** (-1 / m) - 1) / (1 + delta_q)
    chain = (
        Chain(Root(_below((1 + delta_q) * level) ** m - Rational(1, 2), level))
        .to(
            Root(_cdf((1 + delta_q) * level) ** m - Rational(1, 2), level),
            "Gaussian integrals",
            "By the error function.",
        )
        .to(result, "Solved", "Φ grows.")
    )
    return derivation(
        "hard-attention-midpoint",
        "Where hard attention loses every second sequence",
        "At this Q/σ hard attention picks an irrelevant token with probability 1/2.",
        r"Q/\sigma",
        chain,
        result,
        assumptions=(SETTING,),
        counterpart="theory.hard_attention_midpoint",
    )


def threshold() -> Derivation:
    """Return the Q/σ of the transition."""
    result = sqrt(2 * log(m)) / (1 + delta_q)
    chain = (
        Chain(Root(log(m * exp(-(((1 + delta_q) * level) ** 2) / 2)), level))
        .to(Root(log(m) - ((1 + delta_q) * level) ** 2 / 2, level), "The exponent", "Of the number of larger scores.")
        .to(result, "Solved", "The positive root, for m > 1.")
    )
    return derivation(
        "hard-attention-threshold",
        "The transition of hard attention",
        "For many tokens the error falls from 1/2 to 0 where Q/σ crosses √(2 ln m)/(1+δ_q).",
        r"Q/\sigma",
        chain,
        result,
        assumptions=(
            SETTING,
            "m → ∞: on average m e^{-(1+δ_q)²Q²/(2σ²)} irrelevant tokens have a larger score, but for a factor of "
            "order √(ln m), and that number goes to 0 or ∞ on either side",
        ),
        counterpart="theory.hard_attention_threshold",
    )


def hinge() -> Derivation:
    """Return E (t - Z)₊."""
    t = level
    result = t * _cdf(t) + exp(-(t**2) / 2) / sqrt(2 * pi)
    chain = Chain(Integral((t - x) * DENSITY, (x, -oo, t))).to(result, "Integrated", "Z φ(Z) is the derivative of -φ.")
    return derivation(
        "hinge-mean",
        "Mean of the positive part of a margin",
        "E (t - Z)₊ = t Φ(t) + φ(t).",
        r"\mathbb{E}(t - Z)_+",
        chain,
        result,
        assumptions=("Z standard normal",),
        counterpart="theory.proportional.max_margin._hinge",
    )


def hinge_square() -> Derivation:
    """Return E (t - Z)₊²."""
    t = level
    result = (1 + t**2) * _cdf(t) + t * exp(-(t**2) / 2) / sqrt(2 * pi)
    chain = Chain(Integral((t - x) ** 2 * DENSITY, (x, -oo, t))).to(result, "Integrated", "By parts, twice.")
    return derivation(
        "hinge-mean-square",
        "Mean square of the positive part of a margin",
        "E (t - Z)₊² = (1 + t²) Φ(t) + t φ(t): the max-margin head and the threshold of separability rest on it.",
        r"\mathbb{E}(t - Z)_+^2",
        chain,
        result,
        assumptions=("Z standard normal",),
        counterpart="theory.proportional.max_margin._hinge",
    )


def separability() -> Derivation:
    """Return γ* without signal."""
    result = Rational(1, 2)
    chain = Chain(Integral(x**2 * DENSITY, (x, 0, oo))).to(result, "Integrated", "Half of the variance of Z.")
    return derivation(
        "separability-without-signal",
        "Separability without a signal",
        "Without a signal data are separable in many dimensions where p/n exceeds 1/2 (Cover 1965).",
        r"\gamma^\star",
        chain,
        result,
        assumptions=("γ* is the least value over c of E[(-cκ - Z)₊²] + γ*c², at κ = 0 that for c = 0: E[(-Z)₊²]",),
        counterpart="theory.separability_threshold",
    )
