"""The least-squares head in the full space: the law of Fisher's discriminant, and the error of a discriminant."""

from __future__ import annotations

from sympy import Expr, Integral, S, erfc, exp, pi, sqrt, symbols
from sympy import gamma as Gamma

from theory.derivations.derivation import Chain, Derivation, derivation
from theory.derivations.operators import GaussianMean
from theory.derivations.symbols import head_cosine as C
from theory.derivations.symbols import kappa, mean_label, n, p, split
from theory.derivations.symbols import reciprocal as X
from theory.derivations.termwise import VARIABLE as t
from theory.derivations.termwise import KummerM

r, q = symbols("r q", positive=True)
z, fresh, mean_noise = symbols("z N_1 N_0", real=True)
FEATURES = "prompt-orthogonal noise, features in units of their noise S, n ≥ p + 1 = d examples, κ = MW/S"


def _beta_density(x: Expr, one: Expr, other: Expr) -> Expr:
    """Return the density of Beta(one, other) at x."""
    return x ** (one - 1) * (1 - x) ** (other - 1) * Gamma(one + other) / (Gamma(one) * Gamma(other))


def density() -> Derivation:
    """Return f(C, X)."""
    length, shape = sqrt(split) * kappa, (n - p - 1) / 2
    uniform = (1 - C**2) ** ((p - 3) / 2) * Gamma(p / 2) / (sqrt(pi) * Gamma((p - 1) / 2))
    chi_square = q ** ((n - p) / 2 - 1) * exp(-q / 2) / (2 ** ((n - p) / 2) * Gamma((n - p) / 2))
    without_signal = uniform * _beta_density(r, p / 2, shape) * chi_square.subs(q, X**2 * r) * 2 * X * r
    along = sqrt(r) * (X * sqrt(r) * C + sqrt(1 - C**2) * z)
    D = X - length * C
    constant = 2 ** (1 - (n - p) / 2) * Gamma((n - 1) / 2) / (sqrt(pi) * Gamma((p - 1) / 2) * Gamma((n - p) / 2))
    front = constant * (1 - C**2) ** ((p - 3) / 2) * X ** (n - p - 1)
    kummer = KummerM(shape, shape + n / 2, (D**2 - length**2) / 2)
    result = front * Gamma(n / 2) / Gamma(shape + n / 2) * exp(-(D**2) / 2) * kummer
    chain = (
        Chain(Integral(without_signal * GaussianMean(exp(length * along - length**2 / 2), {(z, z): S.One}), (r, 0, 1)))
        .to(
            Integral(
                without_signal * exp(length * X * C * r + length**2 * (1 - C**2) * r / 2 - length**2 / 2), (r, 0, 1)
            ),
            "The likelihood ratio averaged over z",
            "By Wick's theorem with a tilt.",
        )
        .to(
            front
            / Gamma(shape)
            * Integral(
                r ** (n / 2 - 1) * (1 - r) ** (shape - 1) * exp(((length**2 - D**2) * r - length**2) / 2), (r, 0, 1)
            ),
            "Powers and exponents collected",
            "With D = X - √k κ C.",
        )
        .to(
            front
            / Gamma(shape)
            * exp(-(D**2) / 2)
            * Integral(t ** (shape - 1) * (1 - t) ** (n / 2 - 1) * exp((D**2 - length**2) / 2 * t), (t, 0, 1)),
            "Another variable",
            "t = 1 - r.",
            given={r: 1 - t},
        )
        .to(result, "Kummer's function", "By Euler's integral for it.")
    )
    return derivation(
        "discriminant-density",
        "Law of Fisher's discriminant",
        "Joint density of cosine and reciprocal length of the head that least squares finds in the full space.",
        "f(C, X)",
        chain,
        result,
        assumptions=(
            f"{FEATURES}; n > p + 1 (for n = p + 1 the limit), p ≥ 2, both labels among the examples",
            "the part of the head orthogonal to the prompt is Fisher's discriminant w = √k (A + GGᵀ)⁻¹G, A a Wishart "
            "matrix of n - 2 degrees of freedom, G ~ N(√k κ e, I)",
            "without signal r = Gᵀ(A + GGᵀ)⁻¹G is Beta(p/2, (n-1-p)/2), the direction ŵ of w uniform, k/‖w‖² = q/r for "
            "a χ²_{n-p} variable q, and G = √r (√q ŵ + z), z standard normal orthogonal to w, all independent",
            "X = √(q/r), so that q = X² r; signal multiplies the density by the likelihood ratio e^{√k κ eᵀG - kκ²/2}",
        ),
        counterpart="theory.known_prompt.discriminant.DiscriminantLaw",
    )


def decision_error() -> Derivation:
    """Return P(error | C, X, ȳ) of a positive test label."""
    noises = {(fresh, fresh): S.One, (mean_noise, mean_noise): 1 / n}
    feature, mean_feature = kappa * C + fresh, mean_label * kappa * C + mean_noise
    decision = feature - mean_feature + mean_label * X / sqrt(split)
    mean = kappa * (1 - mean_label) * C + mean_label * X / sqrt(split)
    result = erfc(mean / sqrt(2 * (1 + 1 / n))) / 2

    def tail(score: Expr) -> Expr:
        return erfc(score / sqrt(2)) / 2

    chain = (
        Chain(tail(GaussianMean(decision, noises) / sqrt(GaussianMean((decision - mean) ** 2, noises))))
        .to(tail(mean / sqrt(1 + 1 / n)), "Mean and variance", "Of the decision over S‖w‖, by Wick's theorem.")
        .to(result, "Collected", "One root.")
    )
    return derivation(
        "full-head-error-given",
        "Error of a discriminant with its intercept",
        "Given cosine and length, Φ(-(κ(1-ȳ)C + ȳX/√k)/√(1+1/n)): the intercept moves with the mean label.",
        r"\mathbb{P}(\mathrm{error} \mid C, X, \bar{y})",
        chain,
        result,
        assumptions=(
            f"{FEATURES}; a test example of positive label, its noise along w in units of S‖w‖ is N₁",
            "the coordinate along the prompt is constant, an unpenalised intercept: it adds ȳ - x̄ᵀw, x̄ the mean of the "
            "training features, whose noise N₀ along w has the variance 1/n and is independent of w",
            "1/(S‖w‖) = X/√k",
        ),
        counterpart="theory.full_head_least_squares_error",
    )
