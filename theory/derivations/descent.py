"""Three steps of gradient descent in the limit n, d → ∞, and the plane of head and prompt."""

from __future__ import annotations

from sympy import Derivative, Expr, Symbol, exp, log, sqrt, symbols

from theory.derivations.derivation import Chain, Derivation, derivation
from theory.derivations.operators import GaussianMean, Root
from theory.derivations.symbols import (
    Q,
    R,
    T,
    W,
    along,
    delta_q,
    delta_w,
    epsilon,
    gamma,
    head_length,
    kappa_0_square,
    m,
    mean_signal,
    power_of_feature,
    sigma,
    tau,
    zeta,
)

g = symbols("g", real=True)
u = symbols("u", positive=True)
REGIME = "n, d → ∞ with d/n → γ, small learning rates, fresh sequences at each step, q⋆ and w⋆ orthogonal"
SIGNAL = (zeta - (1 - zeta) * delta_w) * W
KAPPA_0_SQUARE = T * SIGNAL**2 / ((1 - zeta) * sigma**2)

z_v, z_w, other_v, other_w, mean_v, mean_w = symbols(r"z_v z_w z'_v z'_w \bar{z}_v \bar{z}_w", real=True)
TOKENS = {
    (one, other): sigma**2 / (m if one != other or one in (mean_v, mean_w) else 1)
    for group in ((z_v, other_v, mean_v), (z_w, other_w, mean_w))
    for place, one in enumerate(group)
    for other in group[place:]
    if {one, other} not in ({z_v, other_v}, {z_w, other_w})
}
"""Two tokens z and z' and the mean z̄ of all m, along two orthogonal directions of length 1."""


def head_overlap() -> Derivation:
    """Return cos²(ŵ₁, w⋆)."""
    noise = (1 - zeta) ** 2 * GaussianMean(g**2, {(g, g): sigma**2 / m})
    result = KAPPA_0_SQUARE / (KAPPA_0_SQUARE + gamma)
    chain = (
        Chain(SIGNAL**2 / (SIGNAL**2 + gamma * noise))
        .to(
            SIGNAL**2 / (SIGNAL**2 + gamma * (1 - zeta) * sigma**2 / T),
            "Noise of the mean token",
            "(1-ζ) z̄ in each of d coordinates, over n sequences; m = (1-ζ)T.",
            given={m: (1 - zeta) * T},
        )
        .to(result, "As a signal-to-noise ratio", "κ₀² = T(ζ-(1-ζ)δ_w)²W²/((1-ζ)σ²).")
    )
    return derivation(
        "head-step-overlap",
        "Overlap of the head after one step",
        "cos² = κ₀²/(κ₀² + γ), κ₀ being the signal-to-noise ratio of the mean token.",
        r"\cos^2(\hat{w}_1, w_\star)",
        chain,
        result,
        assumptions=(REGIME, "ŵ₁ is the mean of y x̄ over n sequences"),
        counterpart="theory.three_steps",
    )


def head_complexity() -> Derivation:
    """Return d/n at which the head's step reaches 1 - ε."""
    result = KAPPA_0_SQUARE * epsilon / (1 - epsilon)
    chain = (
        Chain(Root(head_overlap().result - (1 - epsilon), gamma))
        .to(
            Root(epsilon * KAPPA_0_SQUARE - (1 - epsilon) * gamma, gamma),
            "Without a fraction",
            "Times κ₀² + γ, which is positive.",
            given={KAPPA_0_SQUARE: kappa_0_square},
        )
        .to(result, "Solved", "It is linear in γ.")
    )
    return derivation(
        "head-sample-complexity",
        "Sample complexity of the head's step",
        "cos² = 1 - ε takes n = d/γ sequences with this γ: in proportion to d.",
        r"d/n",
        chain,
        result,
        assumptions=(REGIME,),
        counterpart="theory.sample_complexity",
    )


def prompt_noise() -> Derivation:
    """Return the variance of y vᵀCw across both vectors."""
    inside, outside = zeta * (1 - zeta), 1 - zeta
    within, mixed, average = z_v * z_w, other_v * other_w, mean_v * mean_w
    between = -mean_v * (along - mean_w)

    def mean(expression: Expr) -> Expr:
        return GaussianMean(expression, TOKENS)

    square = mean(within**2) / m + (1 - 1 / m) * mean(within * mixed) - 2 * mean(within * average) + mean(average**2)
    crossed = mean(within * between) - mean(average * between)
    definition = outside**2 * square + 2 * outside * inside * crossed + inside**2 * mean(between**2)
    result = outside**2 * sigma**4 * (m - 1) / m**2 + inside**2 * (along**2 + sigma**2 / m) * sigma**2 / m
    chain = Chain(definition).to(
        result, "Wick's theorem", "Means of up to eight factors over two tokens and the mean of all."
    )
    return derivation(
        "prompt-step-noise",
        "Noise of the prompt's step",
        "The variance of a coordinate of y C w across q⋆, w⋆ and w, for a head w of length 1.",
        r"\mathbb{E}(v^\top C w)^2",
        chain,
        result,
        assumptions=(
            "C = (1-ζ)S_z + ζ(1-ζ)(D-z̄)(D-z̄)ᵀ is the covariance of the tokens of a sequence, S_z that of m noises",
            "v and w orthogonal, of length 1, vᵀD = 0, Dᵀw as named; all tokens of noise are alike, so that a mean "
            "over pairs of them is 1/m of one token and 1 - 1/m of two",
        ),
        counterpart="theory.descent.step_law.prompt_gradient_law",
    )


def _prompt_coefficients(snr_square: Expr) -> tuple[Expr, Expr]:
    """Return g₁ and g₂ for κ₀²."""
    square, gap_square = sigma**2 / ((1 - zeta) * T), (1 + delta_q) ** 2 * Q**2
    within = (1 - zeta) ** 2 * sigma**2 * (1 - 1 / ((1 - zeta) * T)) * square
    between = (zeta * (1 - zeta)) ** 2 * square**2
    first = (within + between) / ((zeta * (1 - zeta)) ** 2 * (1 + delta_w) ** 2 * W**2 * gap_square * snr_square)
    return first, snr_square * first + square / gap_square


def prompt_overlap() -> Derivation:
    """Return cos²(q̂₁, q⋆)."""
    c_square = symbols("C_1", positive=True)
    signal_square = (1 + delta_w) ** 2 * W**2
    mean_square = (zeta * (1 - zeta)) ** 2 * signal_square * c_square * (1 + delta_q) ** 2 * Q**2
    noise = prompt_noise().result.subs(along, sqrt(signal_square * c_square))
    first, second = _prompt_coefficients(kappa_0_square)
    square = sigma**2 / ((1 - zeta) * T)
    short = 1 / (1 + second * gamma + first * gamma**2)
    result = short.subs(kappa_0_square, KAPPA_0_SQUARE)
    chain = (
        Chain(mean_square / (mean_square + gamma * noise))
        .to(
            1 / (1 + gamma * (kappa_0_square * first / c_square + square / ((1 + delta_q) ** 2 * Q**2))),
            "Divided by the signal",
            "m = (1-ζ)T.",
            given={m: (1 - zeta) * T},
        )
        .to(
            short,
            "The head's overlap",
            "C₁ = κ₀²/(κ₀² + γ) of head-step-overlap: two powers of γ.",
            given={c_square: kappa_0_square / (kappa_0_square + gamma)},
        )
        .to(result, "In the model's own symbols", "κ₀² of head-step-overlap.", given={kappa_0_square: KAPPA_0_SQUARE})
    )
    return derivation(
        "prompt-step-overlap",
        "Overlap of the prompt after its step",
        "cos² = 1/(1 + g₂γ + g₁γ²): the errors of the head before it enter as the second power.",
        r"\cos^2(\hat{q}_1, q_\star)",
        chain,
        result,
        assumptions=(
            REGIME,
            "the mean of y Cŵ₁ is ζ(1-ζ)(1+δ_w)W√C₁ (1+δ_q)q⋆ for a head of length 1 and squared overlap C₁ with w⋆; "
            "its noise is that of prompt-step-noise",
        ),
        counterpart="theory.three_steps",
    )


def prompt_complexity() -> Derivation:
    """Return d/n at which the prompt's step reaches 1 - ε."""
    g_1, g_2 = symbols("g_1 g_2", positive=True)
    coefficients = dict(zip((g_1, g_2), _prompt_coefficients(KAPPA_0_SQUARE), strict=True))
    odds = epsilon / (1 - epsilon)
    root = 2 * odds / (g_2 + sqrt(g_2**2 + 4 * g_1 * odds))
    result = root.subs(coefficients)
    chain = (
        Chain(Root(prompt_overlap().result - (1 - epsilon), gamma))
        .to(
            Root(1 / (1 + g_2 * gamma + g_1 * gamma**2) - (1 - epsilon), gamma),
            "Powers of γ",
            "g₁ and g₂ of prompt-step-overlap.",
            given=coefficients,
        )
        .to(
            Root(odds - g_2 * gamma - g_1 * gamma**2, gamma),
            "A quadratic",
            "Times (1 + g₂γ + g₁γ²)/(1-ε), which is positive; ε = u/(1+u).",
            given={epsilon: u / (1 + u)},
        )
        .to(root, "Its positive root", "Without the difference of two nearly equal numbers.")
        .to(result, "In the model's own symbols", "g₁ and g₂.", given=coefficients)
    )
    return derivation(
        "prompt-sample-complexity",
        "Sample complexity of the prompt's step",
        "cos² = 1 - ε takes n = d/γ sequences with this γ, the head's step before it having as many.",
        r"d/n",
        chain,
        result,
        assumptions=(REGIME,),
        counterpart="theory.sample_complexity",
    )


def best_head() -> Derivation:
    """Return c⋆."""
    c = head_length
    loss = (1 - 2 * c * W**2 * mean_signal + c**2 * W**2 * power_of_feature) / 2
    result = mean_signal / power_of_feature
    chain = (
        Chain(Root(Derivative(loss, c), c))
        .to(Root(c * power_of_feature - mean_signal, c), "The slope", "Divided by W² > 0.")
        .to(result, "Solved", "It is linear in c, and grows: a minimum.")
    )
    return derivation(
        "best-head-length",
        "Best length of the head",
        "Under a prompt τ q⋆ the population loss is least for the head c⋆ w⋆ with c⋆ = E M/G.",
        r"c^\star",
        chain,
        result,
        assumptions=("w = c w⋆, q = τ q⋆, q⋆ and w⋆ orthogonal; G = W² E M² + E S²",),
        counterpart="theory.FlowCoefficients",
    )


def best_loss() -> Derivation:
    """Return L⋆."""
    c = head_length
    loss = (1 - 2 * c * W**2 * mean_signal + c**2 * W**2 * power_of_feature) / 2
    result = (1 - W**2 * mean_signal**2 / power_of_feature) / 2
    chain = Chain(loss).to(result, "At the best head", "c of best-head-length.", given={c: best_head().result})
    return derivation(
        "best-loss",
        "Least population loss under a prompt",
        "L⋆ = (1 - W²(E M)²/G)/2: gradient flow in τ follows it where the head is fast.",
        r"L^\star",
        chain,
        result,
        assumptions=("w = c w⋆, q = τ q⋆, q⋆ and w⋆ orthogonal; G = W² E M² + E S²",),
        counterpart="theory.FlowCoefficients",
    )


def saddle() -> Derivation:
    """Return τ at which attention that is constant finds no signal."""
    weight, other = R * exp(tau * Q**2), m * exp(-delta_q * tau * Q**2)
    share = weight / (weight + other)
    inverse = Symbol("tau_0", real=True)
    odds = R / m * exp((1 + delta_q) * inverse * Q**2)
    result = log(delta_w * m / R) / ((1 + delta_q) * Q**2)
    chain = (
        Chain(Root((share - delta_w * (1 - share)).subs(tau, inverse), inverse))
        .to(
            Root(odds - delta_w, inverse),
            "Odds",
            "A/(1-A) = (R/m) e^{(1+δ_q)τQ²}; the signal is (1-A) times their excess over δ_w.",
        )
        .to(result, "Solved", "The odds grow with τ.")
    )
    return derivation(
        "saddle-temperature",
        "Where the tokens cancel",
        "At this τ relevant and irrelevant tokens cancel: a saddle of the loss at c = 0 divides heads of either sign.",
        r"\tau_0",
        chain,
        result,
        assumptions=("prompt-orthogonal noise, δ_w > 0, q⋆ and w⋆ orthogonal",),
        counterpart="theory.fixed_points",
    )
