"""The ridge head in the proportional regime under deterministic attention, by Marchenko and Pastur's transforms."""

from __future__ import annotations

from sympy import Derivative, Expr, Limit, S, erfc, oo, sqrt, symbols

from theory.derivations.derivation import Chain, Definitions, Derivation, derivation
from theory.derivations.operators import Root
from theory.derivations.symbols import gamma, kappa, ridge

V, x = symbols("V x", positive=True)
m_1, m_2, w_1, mu, K_0, K_1 = symbols("m_1 m_2 w_1 mu K_0 K_1", positive=True)

DISCRIMINANT = sqrt((1 - gamma + ridge) ** 2 + 4 * gamma * ridge)
FIRST = (gamma - 1 - ridge + DISCRIMINANT) / (2 * gamma * ridge)
SECOND = ((1 - gamma) ** 2 + (1 + gamma) * ridge - (1 - gamma) * DISCRIMINANT) / (2 * gamma * ridge**2 * DISCRIMINANT)
OVERLAP_SQUARE = kappa**2 * FIRST**2 / ((kappa**2 + gamma) * SECOND)

REGIME = "n, p → ∞ with p/n → γ; deterministic attention, features in units of their noise, S = 1 and MW = κ"


def first_transform() -> Derivation:
    """Return m₁ = ∫ (x+λ)⁻¹."""
    equation = V * (ridge + 1 / (1 + V)) - gamma
    quadratic = ridge * gamma * m_1**2 + (1 + ridge - gamma) * m_1 - 1
    chain = (
        Chain(Root(equation.subs(V, gamma * m_1), m_1))
        .to(
            Root(quadratic, m_1),
            "A quadratic",
            "The fixed point V(λ + 1/(1+V)) = γ with V = γ m₁, times (1 + γ m₁)/γ, which is positive.",
        )
        .to(FIRST, "Its positive root", "The product of the two roots is negative.")
    )
    return derivation(
        "marchenko-pastur-first",
        "Marchenko-Pastur transform m₁",
        "The trace of the regularised inverse of the sample covariance, per dimension.",
        r"m_1 = \int \frac{\mathrm{d}\mu(x)}{x + \lambda}",
        chain,
        FIRST,
        assumptions=(REGIME, "V = γ m₁ solves V(λ + E[S²/(1+VS²)]) = γ"),
        counterpart="theory.proportional.ridge.log_effective_ridge",
    )


def second_transform() -> Derivation:
    """Return m₂ = ∫ (x+λ)⁻²."""
    chain = (
        Chain(-Derivative(FIRST, ridge))
        .to(
            FIRST / ridge - ((1 + gamma + ridge) / DISCRIMINANT - 1) / (2 * gamma * ridge),
            "The derivative",
            "m₂ = -dm₁/dλ.",
        )
        .to(SECOND, "Over one denominator", "The roots collect.")
    )
    return derivation(
        "marchenko-pastur-second",
        "Marchenko-Pastur transform m₂",
        "The trace of the square of the regularised inverse of the sample covariance, per dimension.",
        r"m_2 = \int \frac{\mathrm{d}\mu(x)}{(x + \lambda)^2}",
        chain,
        SECOND,
        assumptions=(REGIME,),
    )


def overlap() -> Derivation:
    """Return c_w of the ridge head."""
    d = 1 + V
    ends = {
        K_0: gamma * mu**2 * (1 - kappa * w_1) ** 2 / d**2,
        K_1: gamma * mu**2 / d**2,
        w_1: (mu * kappa / d) / (1 + mu * kappa**2 / d),
        mu: V / gamma,
    }
    transforms = {m_2: 1 / (gamma * (gamma / V**2 - 1 / (1 + V) ** 2)), m_1: V / gamma}
    across = (K_0 + K_1 * w_1**2) / (1 - K_1)
    reduced = kappa**2 * (gamma * (1 + V) ** 2 - V**2) / (gamma * (1 + V) ** 2 * (kappa**2 + gamma))
    chain = (
        Chain(w_1**2 / (w_1**2 + across))
        .to(
            reduced,
            "One unknown",
            "Head along and across w⋆, w₁ and K₀ and K₁ by the fixed point V.",
            given=ends,
        )
        .to(
            kappa**2 * m_1**2 / ((kappa**2 + gamma) * m_2),
            "By the transforms",
            "V = γ m₁, and m₂ = -dm₁/dλ with λ = γ/V - 1/(1+V).",
            given=transforms,
        )
        .to(
            OVERLAP_SQUARE,
            "In closed form",
            "The results of marchenko-pastur-first and marchenko-pastur-second.",
            given={m_1: FIRST, m_2: SECOND},
        )
    )
    return derivation(
        "ridge-overlap",
        "Overlap of the ridge head",
        "c_w² = κ² m₁²/((κ²+γ) m₂): the test error is Q(κ c_w).",
        r"c_w^2",
        chain,
        OVERLAP_SQUARE,
        assumptions=(REGIME, "w₁, w_⊥, K₀ and K₁ as the proportional regime gives them, with D = 1 + V and μ = V/γ"),
        counterpart="theory.proportional.ridge_head",
    )


def _limit(
    name: str, title: str, head: str, factor: str, point: Expr, shrunk: Expr, given: Definitions, why: str
) -> Derivation:
    """Return the test error of a limit of the ridge head."""

    def tail(square: Expr) -> Expr:
        """Return Q(κ c_w) for c_w² = κ²/(κ²+γ) times a square."""
        return erfc(kappa**2 * sqrt(square / (kappa**2 + gamma)) / sqrt(2)) / 2

    chain = (
        Chain(tail(Limit(m_1**2 / m_2, ridge, point)))
        .to(
            tail(Limit(FIRST**2 / SECOND, ridge, point)),
            "The transforms",
            "The results of marchenko-pastur-first and marchenko-pastur-second.",
            given={m_1: FIRST, m_2: SECOND},
        )
        .to(tail(shrunk), "Their limit", why, given=given)
    )
    return derivation(
        name,
        title,
        f"The test error of {head} is Q(κ²√({factor}/(κ²+γ))).",
        r"\mathrm{ERR}",
        chain,
        tail(shrunk),
        assumptions=(REGIME, "c_w² of ridge-overlap"),
        counterpart="theory.proportional.ridge_head",
    )


def averaging_error() -> Derivation:
    """Return the error for λ → ∞."""
    return _limit(
        "averaging-error-limit",
        "Error of the averaging head, many examples and dimensions",
        "the averaging head, the limit of a large penalty,",
        "1",
        oo,
        S.One,
        {},
        "λ → ∞.",
    )


def least_squares_error() -> Derivation:
    """Return the error for λ → 0 and γ < 1."""
    return _limit(
        "least-squares-error-limit",
        "Error of least squares, many examples and dimensions",
        "the least-squares head, the limit without a penalty for γ < 1,",
        "(1-γ)",
        S.Zero,
        1 - gamma,
        {gamma: 1 / (1 + x)},
        "λ → 0 with γ = 1/(1+x) < 1.",
    )


def minimum_norm_error() -> Derivation:
    """Return the error for λ → 0 and γ > 1."""
    return _limit(
        "minimum-norm-error-limit",
        "Error of minimum-norm interpolation, many examples and dimensions",
        "minimum-norm interpolation, the limit without a penalty for γ > 1,",
        "(1-1/γ)",
        S.Zero,
        1 - 1 / gamma,
        {gamma: 1 + x},
        "λ → 0 with γ = 1 + x > 1.",
    )
