"""Gain and power of a feature for many tokens where irrelevant tokens carry signal, too: to first order in 1/m."""

from __future__ import annotations

from sympy import Expr, Subs, exp, symbols

from theory.derivations.derivation import Chain, Derivation, derivation
from theory.derivations.many_tokens import (
    LOG_NORMAL,
    LOGIT,
    MEAN_WEIGHT,
    NORMAL,
    OF_A_MEAN,
    SHARE,
    SPREAD_SQUARE,
    TAYLOR,
    a,
    central_moments,
    epsilon,
    eta,
    g,
    h,
    v_2,
)
from theory.derivations.operators import CumulantMean, Expanded, GaussianMean
from theory.derivations.symbols import Q, R, W, delta_w, m, sigma, tau


def _gain(function: Expr) -> Expr:
    """Return the mean of a function of η to order ε."""
    return Expanded(CumulantMean(Expanded(function, eta, 2), eta, OF_A_MEAN[:2]), epsilon, 1)


FIRST_ORDER = (
    "isotropic noise, a prompt τ q⋆, q⋆ and w⋆ orthogonal, any δ_w",
    "m → ∞ with R/m fixed; terms of order 1/m² are left out",
    "M = A - δ_w(1-A), A = a/(1 + (1-a)η), η being the relative deviation of Σ L from its mean",
)
SIGNAL = (1 + delta_w) * a - delta_w
"""M in the limit."""


def signal() -> Derivation:
    """Return E M."""
    share = a / (1 + (1 - a) * eta)
    two, _, _ = central_moments(SPREAD_SQUARE)
    explicit = SIGNAL + (1 + delta_w) * a * (1 - a) ** 2 * (exp(SPREAD_SQUARE) - 1) / m
    result = explicit.subs(a, SHARE)
    chain = (
        Chain(_gain(share - delta_w * (1 - share)))
        .to(SIGNAL + (1 + delta_w) * a * (1 - a) ** 2 * v_2 * epsilon, "Moments from cumulants", TAYLOR)
        .to(explicit, "Cumulants of a log-normal number", LOG_NORMAL, given={v_2: two, epsilon: 1 / m})
        .to(result, "In the model's own symbols", "a is share-many-tokens in the limit.", given={a: SHARE})
    )
    return derivation(
        "signal-many-tokens",
        "Gain of the signal, many tokens",
        "E M and its first correction, for any δ_w.",
        r"\mathbb{E}M",
        chain,
        result,
        assumptions=FIRST_ORDER,
        counterpart="theory.large_tokens_flow",
    )


def power() -> Derivation:
    """Return G = W² E M² + E S²."""
    share = a / (1 + (1 - a) * eta)
    two, _, _ = central_moments(SPREAD_SQUARE)
    b = 1 + delta_w
    spread = W**2 * b * a * (2 * SIGNAL + b * a)
    noise = sigma**2 * (1 - a) ** 2 * exp(SPREAD_SQUARE)
    explicit = W**2 * SIGNAL**2 + (1 - a) ** 2 * (spread * (exp(SPREAD_SQUARE) - 1) + sigma**2 * exp(SPREAD_SQUARE)) / m
    result = explicit.subs(a, SHARE)
    chain = (
        Chain(W**2 * _gain((share - delta_w * (1 - share)) ** 2) + noise * epsilon)
        .to(
            W**2 * SIGNAL**2 + ((1 - a) ** 2 * spread * v_2 + noise) * epsilon,
            "Moments from cumulants",
            TAYLOR,
        )
        .to(explicit, "Cumulants of a log-normal number", LOG_NORMAL, given={v_2: two, epsilon: 1 / m})
        .to(result, "In the model's own symbols", "a is share-many-tokens in the limit.", given={a: SHARE})
    )
    return derivation(
        "power-many-tokens",
        "Power of a feature, many tokens",
        "G = W² E M² + E S², which the loss and the flow of gradient descent are made of, and its first correction.",
        "G",
        chain,
        result,
        assumptions=(*FIRST_ORDER, "E S² is noise-many-tokens in the limit, σ²(1-a)² e^{s²}/m"),
        counterpart="theory.large_tokens_flow",
    )


def snr_square_with_signal() -> Derivation:
    """Return E κ² to order 1/m for any δ_w."""
    eta_1, eta_2, t = symbols("eta_1 eta_2 t", real=True)
    c_11, c_12, c_22, P, d = symbols("c_11 c_12 c_22 P d", real=True)
    covariance = {(eta_1, eta_1): c_11, (eta_1, eta_2): c_12, (eta_2, eta_2): c_22}
    front = W**2 / (sigma**2 * m * exp(2 * SPREAD_SQUARE))
    taylor = P**2 - 2 * P * d * eta_1 - P**2 * eta_2 + d**2 * eta_1**2 + 2 * P * d * eta_1 * eta_2 + P**2 * eta_2**2
    spread = tau * sigma * Q
    one, square = (exp(k * spread * g - k**2 * SPREAD_SQUARE / 2) - 1 for k in (1, 2))
    short = P**2 * (1 + (h**4 - 1) / m) + 2 * P * d * (h**2 - 1) / m + d**2 * (h - 1) / m
    weights = {d: delta_w * m * MEAN_WEIGHT, P: R * exp(LOGIT) - delta_w * m * MEAN_WEIGHT, h: exp(SPREAD_SQUARE)}
    result = front * short.subs(weights)
    ratio = (P - d * t * eta_1) ** 2 / (1 + t * eta_2)
    chain = (
        Chain(front * GaussianMean(Subs(Expanded(ratio, t, 2), t, 1), covariance))
        .to(front * GaussianMean(taylor, covariance), "Taylor's polynomial", "In both deviations, to second order.")
        .to(
            front * (P**2 * (1 + c_22) + 2 * P * d * c_12 + d**2 * c_11),
            "Wick's theorem",
            "Means of squares and products.",
        )
        .to(
            front * short,
            "Covariances of log-normal numbers",
            "Of L and of L², over m; h = e^{s²}.",
            given={
                c_11: GaussianMean(one**2, NORMAL) / m,
                c_12: GaussianMean(one * square, NORMAL) / m,
                c_22: GaussianMean(square**2, NORMAL) / m,
                h: exp(SPREAD_SQUARE),
            },
        )
        .to(result, "In the model's own symbols", "P = c - δ_w m E L and d = δ_w m E L.", given=weights)
    )
    return derivation(
        "snr-many-tokens-any-signal",
        "Signal-to-noise ratio of a feature, many tokens and any δ_w",
        "E κ² to order 1/m where irrelevant tokens carry signal, too; also where the two signals cancel.",
        r"\mathbb{E}\kappa^2",
        chain,
        result,
        assumptions=(
            "isotropic noise, a prompt τ q⋆, q⋆ and w⋆ orthogonal, any δ_w",
            "m → ∞ with R/m fixed; terms of order 1/m² are left out: only covariances of the relative deviations η₁ of "
            "Σ L and η₂ of Σ L² enter, so that these may be taken for normal",
            "κ² = W²(c - δ_w Σ L)²/(σ² Σ L²), c = R e^{(1+δ_q)τQ²}",
        ),
        counterpart="theory.attention_moments",
    )
