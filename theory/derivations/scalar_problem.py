"""Logistic and max-margin heads in the proportional regime: the equations of Gordon's scalar problems.

Gordon's comparison turns min (1/n) Σ ℓ(wᵀyᵢhᵢ) + (λ/2)‖w‖², for a head of components w₁ along w⋆ and w_⊥ across, into

    max_V min_{w₁, w_⊥} E min_u { ℓ(u) + (x - u)²/(2VS²) } - γ w_⊥²/(2V) + (λ/2)(w₁² + w_⊥²),
    x = M W w₁ + S √(w₁² + w_⊥²) Z.

Where the least u is found a derivative need not follow it: the slopes are those at fixed u.
"""

from __future__ import annotations

from sympy import Derivative, Expr, Integral, exp, log, oo, sqrt, symbols

from theory.derivations.derivation import Chain, Derivation, derivation
from theory.derivations.hard_attention import DENSITY, hinge, hinge_square
from theory.derivations.hard_attention import x as normal
from theory.derivations.operators import Root
from theory.derivations.stein import SteinMean
from theory.derivations.symbols import (
    W,
    bending,
    bent,
    effective_ridge,
    force,
    gamma,
    head_across,
    head_along,
    kappa,
    least_margin,
    level,
    margin_of_example,
    overlap,
    pull,
    ridge,
    spread,
)

Z, u, x = symbols("Z u x", real=True)
f, b, b_1, gain, noise = symbols("f b b_1 M_i S_i", positive=True)
LENGTH = sqrt(head_along**2 + head_across**2)
DECISION = gain * W * head_along + noise * LENGTH * Z
LOSS = log(1 + exp(-u)) + (DECISION - u) ** 2 / (2 * effective_ridge * noise**2)
MARGIN = {u: DECISION + effective_ridge * noise**2 * f}

SCALAR = (
    "n, p → ∞ with p/n → γ; Gordon's comparison (convex Gaussian min-max theorem): the head is that of the scalar "
    "problem max over V, min over w₁ and w_⊥ of E min_u {ℓ(u) + (x-u)²/(2VS²)} - γw_⊥²/(2V) + λ(w₁²+w_⊥²)/2"
)
EXAMPLE = (
    "x = MWw₁ + S√(w₁²+w_⊥²) Z, Z standard normal, M and S of any law; ℓ(u) = log(1 + e^{-u}), f = -ℓ'(u); u is the "
    "least one, so that slopes are those at fixed u = x + VS²f (logistic-margin), and b = -df/dx (logistic-slope)"
)


def _mean(expression: Expr) -> SteinMean:
    """Return the mean over Z and the law of (M, S)."""
    slopes = {f: -noise * LENGTH * b, b: -noise * LENGTH * b_1}
    return SteinMean(expression, Z, slopes, (f, b, b_1, gain, noise))


def margin() -> Derivation:
    """Return the x at which u is the margin."""
    q, at = bending, margin_of_example
    result = at - q / (1 + exp(at))
    chain = (
        Chain(Root(Derivative(log(1 + exp(-at)) + (x - at) ** 2 / (2 * q), at), x))
        .to(Root(at - x - q / (1 + exp(at)), x), "The slope", "Times q > 0.")
        .to(result, "Solved", "It is linear in x; and u grows with x, so that there is one u for each x.")
    )
    return derivation(
        "logistic-margin",
        "The margin of an example of the logistic head",
        "The margin u of an example solves u = x + q/(1 + e^u), q = VS²: here x as a function of u.",
        "x",
        chain,
        result,
        assumptions=("u makes log(1 + e^{-u}) + (x-u)²/(2q) least",),
        counterpart="theory.proportional.logistic.margins",
    )


def slope() -> Derivation:
    """Return b = -df/dx."""
    q, at = bending, margin_of_example
    pushing = 1 / (1 + exp(at))
    curvature = exp(at) / (1 + exp(at)) ** 2
    result = curvature / (1 + q * curvature)
    chain = Chain(-Derivative(pushing, at) / Derivative(margin().result, at)).to(
        curvature / (1 + q * curvature), "Both slopes", "dx/du = 1 + q ℓ''(u) by logistic-margin, df/du = -ℓ''(u)."
    )
    return derivation(
        "logistic-slope",
        "How the force on an example falls with its decision",
        "b = ℓ''/(1 + qℓ'') for f = -ℓ'(u), q = VS².",
        "b",
        chain,
        result,
        assumptions=("u is the margin at x, f = 1/(1 + e^u) the force on the head",),
        counterpart="theory.logistic_head",
    )


def logistic_ridge() -> Derivation:
    """Return V (λ + a), which is γ."""
    slope = _mean(Derivative(LOSS, head_across)) - gamma * head_across / effective_ridge + ridge * head_across
    result = effective_ridge * (ridge + bent)
    chain = (
        Chain(Root(slope, gamma))
        .to(
            Root(
                -_mean(f * noise * head_across / LENGTH * Z)
                - gamma * head_across / effective_ridge
                + ridge * head_across,
                gamma,
            ),
            "The slope at fixed u",
            "u - x = VS²f.",
            given=MARGIN,
        )
        .to(
            Root(bent - gamma / effective_ridge + ridge, gamma),
            "Stein's lemma",
            "E[f Z] = E[df/dZ] = -E[Sνb], ν² = w₁²+w_⊥²; divided by w_⊥ > 0.",
            given={bent: _mean(noise**2 * b)},
        )
        .to(result, "Solved", "It is linear in γ.")
    )
    return derivation(
        "logistic-effective-ridge",
        "The effective ridge of the logistic head",
        "V(λ + a) = γ: stationary across w⋆.",
        r"\gamma",
        chain,
        result,
        assumptions=(SCALAR, EXAMPLE, "w_⊥ > 0"),
        counterpart="theory.logistic_head",
    )


def logistic_along() -> Derivation:
    """Return w₁."""
    result = effective_ridge * W * pull / gamma
    chain = (
        Chain(Root(_mean(Derivative(LOSS, head_along)) + ridge * head_along, head_along))
        .to(
            Root(-_mean(f * (gain * W + noise * head_along / LENGTH * Z)) + ridge * head_along, head_along),
            "The slope at fixed u",
            "u - x = VS²f.",
            given=MARGIN,
        )
        .to(
            Root((ridge + bent) * head_along - W * pull, head_along),
            "Stein's lemma",
            "E[f Z] = E[df/dZ] = -E[Sνb], ν² = w₁²+w_⊥².",
            given={bent: _mean(noise**2 * b), pull: _mean(gain * f)},
        )
        .to(result, "Solved", "λ + a = γ/V by logistic-effective-ridge.", given={ridge: gamma / effective_ridge - bent})
    )
    return derivation(
        "logistic-along",
        "The logistic head along w⋆",
        "w₁(λ + a) = W E[M f]: stationary along w⋆.",
        "w_1",
        chain,
        result,
        assumptions=(SCALAR, EXAMPLE),
        counterpart="theory.logistic_head",
    )


def logistic_across() -> Derivation:
    """Return w_⊥."""
    objective = -gamma * head_across**2 / (2 * effective_ridge)
    result = effective_ridge * sqrt(force / gamma)
    chain = (
        Chain(Root(_mean(Derivative(LOSS, effective_ridge)) + Derivative(objective, effective_ridge), head_across))
        .to(
            Root(-_mean(noise**2 * f**2) / 2 + gamma * head_across**2 / (2 * effective_ridge**2), head_across),
            "The slope at fixed u",
            "u - x = VS²f.",
            given=MARGIN,
        )
        .to(
            Root(gamma * head_across**2 - effective_ridge**2 * force, head_across),
            "By its name",
            "Times 2V² > 0.",
            given={force: _mean(noise**2 * f**2)},
        )
        .to(result, "Solved", "The positive root.")
    )
    return derivation(
        "logistic-across",
        "The logistic head across w⋆",
        "w_⊥² = V² E[S²f²]/γ: stationary in V.",
        r"w_\perp",
        chain,
        result,
        assumptions=(SCALAR, EXAMPLE),
        counterpart="theory.logistic_head",
    )


MARGIN_SCALAR = (
    "n, p → ∞ with p/n → γ; Gordon's comparison: a head of length 1 and overlap c keeps the margin r if and only if "
    "√E[(r/S - cκ - Z)₊²], the most that positive weights of length 1 make of what is missing, is at most √γ √(1-c²)"
)
KEPT = least_margin / spread - overlap * kappa


def max_margin_excess() -> Derivation:
    """Return F(r, c)."""
    closed = hinge_square().result
    result = closed.subs(level, KEPT) - gamma * (1 - overlap**2)
    missing = Integral((level - normal) ** 2 * DENSITY, (normal, -oo, level))
    chain = (
        Chain(missing - gamma * (1 - overlap**2))
        .to(closed - gamma * (1 - overlap**2), "A Gaussian integral", "As hinge-mean-square.")
        .to(
            result,
            "In margin and overlap",
            "r/S - cκ may have either sign: both sides are analytic.",
            given={level: KEPT},
        )
    )
    return derivation(
        "max-margin-excess",
        "Whether a margin can be kept",
        "F(r, c) = E[(r/S - cκ - Z)₊²] - γ(1-c²) ≤ 0 allows the margin r at overlap c; the head has F = 0.",
        "F(r, c)",
        chain,
        result,
        assumptions=(MARGIN_SCALAR, "one κ and one S; for any law of both F is the mean over it"),
        counterpart="theory.max_margin_head",
    )


def max_margin_slope() -> Derivation:
    """Return ∂F/∂c/2."""
    result = gamma * overlap - kappa * hinge().result.subs(level, KEPT)
    chain = Chain(Derivative(max_margin_excess().result, overlap) / 2).to(
        result, "The slope", "d/dt E(t - Z)₊² = 2 E(t - Z)₊, of hinge-mean."
    )
    return derivation(
        "max-margin-slope",
        "The overlap of the max-margin head",
        "γc = E[κ(r/S - cκ - Z)₊] at the overlap that keeps the largest margin.",
        r"\frac{1}{2}\frac{\partial F}{\partial c}",
        chain,
        result,
        assumptions=(MARGIN_SCALAR, "one κ and one S; for any law of both it is the mean over it"),
        counterpart="theory.max_margin_head",
    )
