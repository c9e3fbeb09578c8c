"""Moments of attention for many tokens, to second order in 1/m."""

from __future__ import annotations

from sympy import Expr, S, Symbol, exp, sqrt, symbols

from theory.derivations.derivation import Chain, Derivation, derivation
from theory.derivations.operators import CumulantMean, Expanded, GaussianMean
from theory.derivations.symbols import Q, R, W, delta_q, m, sigma, tau

g, eta = symbols("g eta", real=True)
a, b, c, h, epsilon = symbols("a b c h epsilon", positive=True)
v_2, v_3, v_4 = symbols("v_2 v_3 v_4", real=True)

NORMAL = {(g, g): S.One}
LOGIT = (1 + delta_q) * tau * Q**2
SPREAD_SQUARE = (tau * sigma * Q) ** 2
MEAN_WEIGHT = exp(SPREAD_SQUARE / 2)
"""E L, with L the weight of a noisy irrelevant token relative to that of a noiseless one."""

SHARE = 1 / (1 + m / R * exp(SPREAD_SQUARE / 2 - LOGIT))
REST = 1 / (1 + R / m * exp(LOGIT - SPREAD_SQUARE / 2))
"""a = c/(c + m E L), attention on the relevant tokens in the limit, and b = 1 - a."""

ASSUMPTIONS = (
    "isotropic noise, a prompt τ q⋆, q⋆ and w⋆ orthogonal",
    "m → ∞ with R/m fixed; terms of order 1/m³ are left out, such as all moments of order five and more of η, the "
    "relative deviation of a sum over m independent tokens from its mean",
)


def central_moments(log_variance: Expr) -> tuple[Expr, Expr, Expr]:
    """Return the moments E (X - 1)^k, k = 2, 3, 4, of a log-normal X of mean 1, not yet carried out."""
    deviation = exp(sqrt(log_variance) * g - log_variance / 2) - 1
    two, three, four = (GaussianMean(deviation**k, NORMAL) for k in (2, 3, 4))
    return two, three, four - 3 * two**2


def _mean(function: Expr, cumulants: tuple[Expr, ...]) -> Expr:
    """Return the mean of a function of η to order ε²; ε stands for 1/m."""
    return Expanded(CumulantMean(Expanded(function, eta, 4), eta, cumulants), epsilon, 2)


OF_A_MEAN = (S.Zero, v_2 * epsilon, v_3 * epsilon**2, v_4 * epsilon**3)
"""Cumulants of a mean of m independent numbers whose own are v_k."""

TAYLOR = "In η, to fourth order; the mean of the rest is among the terms that are left out."
CUMULANTS = (
    "Cumulants of a mean of m independent numbers are those of one, over m^{k-1}; moments follow from cumulants."
)
LOG_NORMAL = "Means of e^{sg} under the normal law, by Wick's theorem with a tilt."


def share() -> Derivation:
    """Return E A."""
    first = (1 - a) ** 2 * v_2
    second = 3 * (1 - a) ** 4 * v_2**2 - (1 - a) ** 3 * v_3
    explicit = b**2 * (h - 1) / m + b**3 * (h - 1) ** 2 * (3 * b - h - 2) / m**2
    two, three, _ = central_moments(SPREAD_SQUARE)
    result = SHARE * (1 + explicit.subs({h: exp(SPREAD_SQUARE), b: REST}))
    chain = (
        Chain(_mean(c / (c + m * MEAN_WEIGHT * (1 + eta)), OF_A_MEAN))
        .to(
            _mean(a / (1 + (1 - a) * eta), OF_A_MEAN),
            "The limit in front",
            "a = c/(c + m E L) is what attention tends to.",
            given={c: m * MEAN_WEIGHT * a / (1 - a)},
        )
        .to(
            Expanded(CumulantMean(a * sum((-(1 - a) * eta) ** k for k in range(5)), eta, OF_A_MEAN), epsilon, 2),
            "Taylor's polynomial",
            TAYLOR,
        )
        .to(a * (1 + first * epsilon + second * epsilon**2), "Moments from cumulants", CUMULANTS)
        .to(
            a * (1 + explicit),
            "Cumulants of a log-normal number",
            LOG_NORMAL,
            given={v_2: two, v_3: three, h: exp(SPREAD_SQUARE), epsilon: 1 / m, b: 1 - a},
        )
        .to(
            result,
            "In the model's own symbols",
            "a = c/(c + m E L), b = 1 - a and h = e^{s²}, s = τσQ.",
            given={h: exp(SPREAD_SQUARE), a: SHARE, b: REST},
        )
    )
    return derivation(
        "share-many-tokens",
        "Attention on the relevant tokens, many tokens",
        "Expected attention exceeds its limit a = 1 - b by the share b²(e^{s²}-1)/m, and a known term of order 1/m².",
        r"\mathbb{E}A",
        chain,
        result,
        assumptions=(*ASSUMPTIONS, "A = c/(c + Σ L), c = R e^{(1+δ_q)τQ²}, Σ L = m E L (1 + η)"),
        counterpart="theory.large_tokens_moments",
    )


def noise_square() -> Derivation:
    """Return E S²."""
    cumulants = (
        b * (h**2 - 1) * epsilon,
        b**2 * v_2 * (epsilon * (1 - epsilon) + h**4 * epsilon**2),
        b**3 * v_3 * (epsilon**2 * (1 - epsilon) + h**6 * epsilon**3),
        b**4 * v_4 * (epsilon**3 * (1 - epsilon) + h**8 * epsilon**4),
    )
    front = sigma**2 * m * exp(2 * SPREAD_SQUARE)
    limit = front * b**2 / (m * MEAN_WEIGHT) ** 2
    first = (h - 1) * (3 * b**2 - 2 * b * (h + 1))
    second = b**2 * (h - 1) ** 2 * (15 * b**2 - 4 * b * (4 * h + 5) + 3 * (h + 1) * (h**2 + h + 2))
    two, three, _ = central_moments(SPREAD_SQUARE)
    polynomial = 1 - 2 * eta + 3 * eta**2 - 4 * eta**3 + 5 * eta**4
    result = (limit * (1 + first / m + second / m**2)).subs({h: exp(SPREAD_SQUARE), b: REST})
    general = (
        1
        + (3 * b**2 * v_2 - 2 * b * (h**2 - 1)) * epsilon
        + (
            3 * b**2 * (v_2 * (h**4 - 1) + (h**2 - 1) ** 2)
            - 4 * b**3 * (v_3 + 3 * v_2 * (h**2 - 1))
            + 15 * b**4 * v_2**2
        )
        * epsilon**2
    )
    chain = (
        Chain(front / (c + m * MEAN_WEIGHT) ** 2 * _mean((1 + eta) ** -2, cumulants))
        .to(
            limit * Expanded(CumulantMean(polynomial, eta, cumulants), epsilon, 2),
            "Taylor's polynomial",
            TAYLOR,
            given={c: m * MEAN_WEIGHT * (1 - b) / b},
        )
        .to(limit * general, "Moments from cumulants", CUMULANTS)
        .to(
            limit * (1 + first / m + second / m**2),
            "Cumulants of a log-normal number",
            LOG_NORMAL,
            given={v_2: two, v_3: three, h: exp(SPREAD_SQUARE), epsilon: 1 / m},
        )
        .to(
            result,
            "In the model's own symbols",
            "b = m E L/(c + m E L) and h = e^{s²}, s = τσQ.",
            given={h: exp(SPREAD_SQUARE), b: REST},
        )
    )
    return derivation(
        "noise-many-tokens",
        "Noise of a feature, many tokens",
        "The mean of S² with its corrections of order 1/m and 1/m².",
        r"\mathbb{E}S^2",
        chain,
        result,
        assumptions=(
            *ASSUMPTIONS,
            "S² = σ² Σ L²/D², D = c + Σ L; all tokens alike, and L² of one of them tilts its law to that of e^{2s²} L "
            "(Cameron and Martin), so that E S² = σ² m e^{2s²} E D⁻² with that token in D",
            "D = (c + m E L)(1 + η), whose cumulants are sums over m - 1 tokens and the tilted one",
        ),
        counterpart="theory.large_tokens_moments",
    )


def snr_square() -> Derivation:
    """Return E κ²."""
    total = Symbol("D", positive=True)
    limit = W**2 * c**2 / (sigma**2 * m * exp(2 * SPREAD_SQUARE))
    noise = sigma**2 * m * exp(2 * SPREAD_SQUARE) * (1 + eta) / total**2
    two, three, _ = central_moments(4 * SPREAD_SQUARE)
    excess = exp(4 * SPREAD_SQUARE) - 1
    explicit = 1 + excess / m - excess**3 / m**2
    front = W**2 * R**2 / (sigma**2 * m) * exp(2 * LOGIT - 2 * SPREAD_SQUARE)
    chain = (
        Chain(_mean((c / total) ** 2 * W**2 / noise, OF_A_MEAN))
        .to(
            limit * _mean(1 / (1 + eta), OF_A_MEAN),
            "The denominators cancel",
            "M = c/D and S² = σ² Σ L²/D², where Σ L² = m e^{2s²}(1 + η).",
        )
        .to(
            limit * Expanded(CumulantMean(1 - eta + eta**2 - eta**3 + eta**4, eta, OF_A_MEAN), epsilon, 2),
            "Taylor's polynomial",
            TAYLOR,
        )
        .to(limit * (1 + v_2 * epsilon + (3 * v_2**2 - v_3) * epsilon**2), "Moments from cumulants", CUMULANTS)
        .to(
            limit * explicit,
            "Cumulants of a log-normal number",
            "L² is log-normal with the variance 4s² of its logarithm.",
            given={v_2: two, v_3: three, epsilon: 1 / m},
        )
        .to(
            front * explicit,
            "In the model's own symbols",
            "c = R e^{(1+δ_q)τQ²}, s = τσQ.",
            given={c: R * exp(LOGIT)},
        )
    )
    return derivation(
        "snr-many-tokens",
        "Signal-to-noise ratio of a feature, many tokens",
        "E κ² is its limit times 1 + x/m - x³/m², x = e^{4τ²σ²Q²} - 1.",
        r"\mathbb{E}\kappa^2",
        chain,
        front * explicit,
        assumptions=(*ASSUMPTIONS, "δ_w = 0; κ = MW/S"),
        counterpart="theory.large_tokens_moments",
    )
