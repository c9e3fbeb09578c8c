"""The averaging heads: the law of their error, and their limits."""

from __future__ import annotations

from sympy import Derivative, Expr, Integral, Limit, S, Symbol, erf, erfc, exp, log, oo, pi, sqrt, symbols
from sympy import gamma as Gamma

from theory.derivations.derivation import Chain, Derivation, derivation
from theory.derivations.operators import GaussianMean, Root
from theory.derivations.symbols import (
    W,
    gain,
    gamma,
    kappa,
    mean_signal,
    n,
    noise_square,
    others_noise,
    others_signal,
    p,
    snr_square,
    spread,
    z,
)
from theory.derivations.termwise import KummerM

x, y, u, v = symbols("x y u v", real=True)
t = Symbol("t", positive=True)
BOTH = {(x, x): S.One, (y, y): S.One}
ROTATED = {(u, u): S.One, (v, v): S.One}
INSIDE = {z: (t - 1) / (t + 1)}
"""All of -1 < z < 1, for t > 0: powers of 1 - z and 1 + z are powers of positive numbers."""

FEATURES = "deterministic attention, features y h = κ e + ξ in p dimensions, in units of their noise"
REGIME = "n, p → ∞ with p/n → γ"


def law() -> Derivation:
    """Return E e^{z xᵀy}."""
    plus, minus = kappa * (sqrt(n) + 1) / sqrt(2), kappa * (sqrt(n) - 1) / sqrt(2)
    first, second = sqrt(n) * kappa + x, kappa + y

    def rotated(one: Expr, other: Expr) -> Expr:
        return exp(z / 4 * ((one + other) ** 2 - (one - other) ** 2))

    def separate(one: Expr, other: Expr) -> Expr:
        return GaussianMean(exp(z * (one + u) ** 2 / 2), {(u, u): S.One}) * GaussianMean(
            exp(-z * (other + v) ** 2 / 2), {(v, v): S.One}
        )

    def noncentral(square: Expr, sign: int) -> Expr:
        return exp(sign * z * square / (2 * (1 - sign * z))) / sqrt(1 - sign * z)

    result = (1 - z**2) ** (-p / 2) * exp(kappa**2 * (sqrt(n) * z + (n + 1) * z**2 / 2) / (1 - z**2))
    chain = (
        Chain(GaussianMean(exp(z * first * second), BOTH) * GaussianMean(exp(z * x * y), BOTH) ** (p - 1))
        .to(
            GaussianMean(rotated(first, second), BOTH) * GaussianMean(rotated(x, y), BOTH) ** (p - 1),
            "The product as a difference of squares",
            "aᵀb = (‖a+b‖² - ‖a-b‖²)/4.",
        )
        .to(
            separate(plus, minus) * separate(0, 0) ** (p - 1),
            "Independent parts",
            "(x+y)/√2 and (x-y)/√2 are independent normal variables u and v.",
            given=INSIDE,
        )
        .to(
            noncentral(plus**2, 1) * noncentral(minus**2, -1) * (1 / (sqrt(1 - z) * sqrt(1 + z))) ** (p - 1),
            "Two noncentral χ² laws",
            "The squared lengths have p degrees of freedom and noncentralities κ²(√n±1)²/2: "
            "ERR = P(χ'²_p(κ²(√n+1)²/2) < χ'²_p(κ²(√n-1)²/2)).",
            given=INSIDE,
        )
        .to(result, "Collected", "Powers and exponents of the two laws together.", given=INSIDE)
    )
    return derivation(
        "averaging-law",
        "Law of the averaging head's decision",
        "The decision is half the difference of two independent noncentral χ² variables: its generating function.",
        r"\mathbb{E}e^{z x^\top y}",
        chain,
        result,
        assumptions=(FEATURES, "x = √n ŵ ~ N(√n κ e, I), y ~ N(κ e, I) independent; -1 < z < 1"),
        counterpart="theory.averaging_error",
    )


def one_dimension() -> Derivation:
    """Return the error for p = 1."""
    one, other = sqrt(n) * kappa, kappa

    def below(mean: Expr) -> Expr:
        return Integral(exp(-((x - mean) ** 2) / 2) / sqrt(2 * pi), (x, -oo, 0))

    def tail(mean: Expr) -> Expr:
        return erfc(mean / sqrt(2)) / 2

    result = (1 - erf(sqrt(n) * kappa / sqrt(2)) * erf(kappa / sqrt(2))) / 2
    chain = (
        Chain(below(one) * (1 - below(other)) + (1 - below(one)) * below(other))
        .to(
            tail(one) * (1 - tail(other)) + (1 - tail(one)) * tail(other),
            "Gaussian tails",
            "P(N(μ, 1) < 0) = Q(μ) = erfc(μ/√2)/2.",
        )
        .to(result, "By the error function", "erfc = 1 - erf.")
    )
    return derivation(
        "averaging-error-one-dimension",
        "Error of the averaging head in one dimension",
        "With one dimension the head has the wrong sign or the feature has, but not both.",
        r"\mathrm{ERR}",
        chain,
        result,
        assumptions=(FEATURES, "p = 1"),
        counterpart="theory.averaging_error",
    )


def many_dimensions() -> Derivation:
    """Return the error for n, p → ∞, from mean and variance of the decision."""
    along, across = (sqrt(n) * kappa + x) * (kappa + y), x * y
    mean = GaussianMean(along, BOTH) + (p - 1) * GaussianMean(across, BOTH)
    variance = GaussianMean((along - sqrt(n) * kappa**2) ** 2, BOTH) + (p - 1) * GaussianMean(across**2, BOTH)

    def tail(score: Expr) -> Expr:
        return erfc(score / sqrt(2)) / 2

    result = tail(kappa**2 / sqrt(kappa**2 + gamma))
    chain = (
        Chain(tail(Limit(mean / sqrt(variance), n, oo)))
        .to(
            tail(Limit(sqrt(n) * kappa**2 / sqrt(p + (n + 1) * kappa**2), n, oo)),
            "Mean and variance",
            "Of xᵀy, a sum over p independent coordinates, by Wick's theorem.",
        )
        .to(result, "The limit", "p = γ n.", given={p: gamma * n})
    )
    return derivation(
        "averaging-error-central-limit",
        "Error of the averaging head from its mean and variance",
        "The decision is asymptotically normal: a second way to Q(κ²/√(κ²+γ)), without random matrices.",
        r"\mathrm{ERR}",
        chain,
        result,
        assumptions=(FEATURES, REGIME, "the central limit theorem: a sum over p coordinates is normal in the limit"),
        counterpart="theory.averaging_head",
    )


def overlap() -> Derivation:
    """Return c_w of the averaging head for any law of attention."""
    along = W * mean_signal
    result = along / sqrt(along**2 + gamma * noise_square)
    total = n * noise_square
    chain = (
        Chain(Limit(along / sqrt(along**2 + (p - 1) * GaussianMean(x**2, {(x, x): total}) / n**2), n, oo))
        .to(
            Limit(along / sqrt(along**2 + (gamma - 1 / n) * noise_square), n, oo),
            "Noise across the signal",
            "Each of p - 1 coordinates of Σ y_i h_i has the variance Σ S_i², n E S² in the limit.",
            given={p: gamma * n},
        )
        .to(result, "The limit", "p = γ n.")
    )
    return derivation(
        "averaging-overlap",
        "Overlap of the averaging head",
        "c_w² = W²(E M)²/(W²(E M)² + γ E S²), whatever the law of attention is.",
        r"c_w",
        chain,
        result,
        assumptions=(REGIME, "ŵ = (1/n) Σ y_i h_i, means over the examples are at their limits E M and E S²"),
        counterpart="theory.averaging_head",
    )


def cosine() -> Derivation:
    """Return E c₁ at any number of examples and any dimension."""
    a = sqrt(n) * kappa
    s, w = symbols("s w", positive=True)
    shape = S.Half + (p + 1) / 2
    result = a / sqrt(2) * Gamma((p + 1) / 2) / Gamma(shape) * KummerM(S.Half, shape, -(a**2) / 2)
    along, across = (
        GaussianMean((a + x) * exp(-s * (a + x) ** 2), {(x, x): S.One}),
        GaussianMean(exp(-s * y**2), {(y, y): S.One}),
    )
    chain = (
        Chain(Integral(along * across ** (p - 1) / sqrt(pi * s), (s, 0, oo)))
        .to(
            Integral(a * (1 + 2 * s) ** (-p / 2 - 1) * exp(-(a**2) * s / (1 + 2 * s)) / sqrt(pi * s), (s, 0, oo)),
            "Wick's theorem",
            "With a tilt, in each of p dimensions.",
        )
        .to(
            a / sqrt(2 * pi) * Integral(t ** (-S.Half) * (1 - t) ** ((p - 1) / 2) * exp(-(a**2) * t / 2), (t, 0, 1)),
            "Another variable",
            "t = 2s/(1 + 2s) goes from 0 to 1; the two sides are compared at t = w/(1 + w), w > 0.",
            given={s: t / (2 * (1 - t)), t: w / (1 + w)},
        )
        .to(result, "Kummer's function", "By Euler's integral for it.")
    )
    return derivation(
        "averaging-cosine",
        "Expected overlap of the averaging head",
        "The expected cosine between head and w⋆, exact for every number of examples and every dimension.",
        r"\mathbb{E}c_1",
        chain,
        result,
        assumptions=(FEATURES, "c₁ = U/√(U² + χ²_{p-1}), U ~ N(√n κ, 1); 1/‖x‖ = ∫ e^{-s‖x‖²}/√(πs) ds"),
        counterpart="theory.averaging_overlap",
    )


def best_weights() -> Derivation:
    """Return the weight of an example in the best weighted average."""
    weight = Symbol("a", positive=True)
    signal, noise = others_signal + weight * gain, others_noise + weight**2 * spread**2
    result = others_noise / others_signal * gain / spread**2
    chain = (
        Chain(Root(Derivative(log(signal**2 / noise), weight), weight))
        .to(
            Root(gain * others_noise - weight * spread**2 * others_signal, weight),
            "The slope",
            "The logarithm of the squared cosine changes in proportion to it: up before the root, down after.",
        )
        .to(result, "Where it vanishes", "Weights are in proportion to M/S², whatever the other examples are.")
    )
    return derivation(
        "best-weights",
        "Best weights of a weighted average",
        "An example of gain M and noise S is best given a weight in proportion to M/S².",
        "a",
        chain,
        result,
        assumptions=(
            "ŵ = Σ a_i y_i h_i aligns with w⋆ as (Σ a_i M_i)²/Σ a_i² S_i²; P and N are these sums over the others",
        ),
    )


def weighted_overlap() -> Derivation:
    """Return c_w² of the average with the best weights."""
    signal, noise, k = Symbol("P", positive=True), Symbol("N", positive=True), snr_square
    result = k / (k + gamma)
    chain = Chain((W * signal) ** 2 / ((W * signal) ** 2 + gamma * noise)).to(
        result,
        "The best weights",
        "With a = M/S² of best-weights, P = E[aM] and N = E[a²S²] are both E[M²/S²] = k/W².",
        given={signal: k / W**2, noise: k / W**2},
    )
    return derivation(
        "weighted-averaging-overlap",
        "Overlap of the best weighted average",
        "No head learned from the features aligns better: c_w² = k/(k+γ), k = E κ².",
        "c_w^2",
        chain,
        result,
        assumptions=(REGIME, "averaging-overlap with features weighted by a"),
        counterpart="theory.weighted_averaging_head",
    )
