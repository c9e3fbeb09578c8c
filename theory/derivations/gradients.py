"""Population gradients at a prompt of zero along any direction v: any head, angle and δ, finite T, by Wick's theorem.

Nothing is needed of the vectors but their products with v and w: noise enters through wᵀz and vᵀz alone.  All tokens of
noise are alike, so that a mean over them has the mean of one: z stands for one of them, z̄ for the mean of all m, and
their covariances are σ²/m times those of z.
"""

from __future__ import annotations

from sympy import Derivative, Expr, Subs, Symbol, symbols

from theory.derivations.derivation import Chain, Derivation, derivation
from theory.derivations.operators import GaussianMean, LabelMean
from theory.derivations.symbols import (
    Q,
    T,
    W,
    delta_q,
    delta_w,
    head_context,
    head_length,
    head_noise,
    head_signal,
    rho,
    sigma,
    test_context,
    test_noise,
    test_signal,
    zeta,
)

y, t = symbols("y t", real=True)
m = Symbol("m", positive=True)
z_v, z_w, mean_v, mean_w = symbols(r"z_v z_w \bar{z}_v \bar{z}_w", real=True)
alpha, beta, product = symbols("alpha beta pi", real=True)
p_v, p_w, r_v, r_w, fit, offset = symbols("p_v p_w r_v r_w s b", real=True)

NOISE = {
    (z_w, z_w): sigma**2 * head_noise,
    (z_w, z_v): sigma**2 * test_noise,
    (z_w, mean_w): sigma**2 * head_noise / m,
    (z_w, mean_v): sigma**2 * test_noise / m,
    (z_v, mean_w): sigma**2 * test_noise / m,
    (mean_w, mean_w): sigma**2 * head_noise / m,
    (mean_w, mean_v): sigma**2 * test_noise / m,
}
"""Covariances of wᵀz, vᵀz, wᵀz̄ and vᵀz̄; no mean below has two factors along v."""

IRRELEVANT = {m: (1 - zeta) * T}
SHORT = {
    fit: (zeta - (1 - zeta) * delta_w) * head_signal,
    offset: (zeta - (1 - zeta) * delta_q) * head_context,
    p_v: (1 + delta_q) * test_context,
    p_w: (1 + delta_q) * head_context,
    r_v: (1 + delta_w) * test_signal,
    r_w: (1 + delta_w) * head_signal,
}
ASSUMPTIONS = (
    "loss E(y - f(X))²/2, f(X) = wᵀXᵀ softmax(Xq), at q = 0; y = ±1 with probability 1/2 each",
    "noise of covariance σ²Σ; v is any direction, q⋆ᵀv, w⋆ᵀv, wᵀΣw and vᵀΣw its products",
    "all tokens of noise are alike: z is one of them, z̄ their mean",
)


def _mean(expression: Expr) -> Expr:
    """Return the mean over the noise and the label."""
    return LabelMean(GaussianMean(expression, NOISE), y)


def _token(label: Expr, context: Expr, signal: Expr, noise: Expr, relevant: bool) -> Expr:
    """Return the product of a token with a direction."""
    if relevant:
        return context + label * signal
    return -delta_q * context - delta_w * label * signal + noise


def _mean_token(context: Expr, signal: Expr, noise: Expr) -> Expr:
    """Return the product of the mean token with a direction."""
    return zeta * _token(y, context, signal, noise, True) + (1 - zeta) * _token(y, context, signal, noise, False)


ALONG_HEAD = _mean_token(head_context, head_signal, mean_w)
ALONG_TEST = _mean_token(test_context, test_signal, mean_v)


def head_gradient() -> Derivation:
    """Return -vᵀ∇_w."""
    mean_signal, mean_context = zeta - (1 - zeta) * delta_w, zeta - (1 - zeta) * delta_q
    result = (
        mean_signal * (1 - mean_signal * head_signal) * test_signal
        - mean_context**2 * head_context * test_context
        - (1 - zeta) * sigma**2 / T * test_noise
    )
    loss = (y - beta - t * alpha) ** 2 / 2
    chain = (
        Chain(_mean(-Subs(Derivative(loss, t), t, 0)))
        .to(
            _mean((y - beta) * alpha),
            "The slope of the loss",
            "f(X) = (w + tv)ᵀx̄ at a prompt of zero: β = wᵀx̄, α = vᵀx̄.",
        )
        .to(
            _mean((y - ALONG_HEAD) * ALONG_TEST),
            "In tokens",
            "x̄ is the mean of R relevant tokens and m others.",
            given={alpha: ALONG_TEST, beta: ALONG_HEAD},
        )
        .to(
            mean_signal * test_signal
            - mean_signal**2 * head_signal * test_signal
            - mean_context**2 * head_context * test_context
            - (1 - zeta) ** 2 * sigma**2 / m * test_noise,
            "Wick's theorem",
            "The mean over correlated Gaussian variables and both labels.",
        )
        .to(result, "In the number of tokens", "m = (1-ζ)T.", given=IRRELEVANT)
    )
    return derivation(
        "head-gradient",
        "Population gradient of the head",
        "For w = 0 it is a multiple of w⋆, ζ - (1-ζ)δ_w, in every mixture.",
        r"-v^\top\nabla_w",
        chain,
        result,
        assumptions=ASSUMPTIONS,
        counterpart="theory.population_gradients",
    )


def _mean_product() -> Expr:
    """Return the mean over the tokens of vᵀx wᵀx, with one irrelevant token in the place of all."""
    relevant, other = (
        _token(y, test_context, test_signal, z_v, kind) * _token(y, head_context, head_signal, z_w, kind)
        for kind in (True, False)
    )
    return zeta * relevant + (1 - zeta) * other


def prompt_gradient() -> Derivation:
    """Return -vᵀ∇_q."""
    f = (beta + t * product) / (1 + t * alpha)
    noise = sigma**2
    inside = zeta * (1 - zeta)
    short = (
        inside * (1 - fit) * (r_w * p_v + p_w * r_v)
        - inside * offset * (p_w * p_v + r_w * r_v)
        + inside * noise / T * (head_noise * p_v + p_w * test_noise)
        - offset * (1 - zeta) * (1 - 1 / T) * noise * test_noise
    )
    result = short.subs(SHORT)
    chain = (
        Chain(_mean(-Subs(Derivative((y - f) ** 2 / 2, t), t, 0)))
        .to(
            _mean((y - beta) * (product - alpha * beta)),
            "The slope of the loss",
            "Weights e^{t vᵀx} to first order in t give f = (β + tπ)/(1 + tα), with the means α of vᵀx, β of wᵀx and π "
            "of their product over the tokens.",
        )
        .to(
            _mean((y - ALONG_HEAD) * (_mean_product() - ALONG_TEST * ALONG_HEAD)),
            "In tokens",
            "R relevant tokens and m others; a mean over those may be replaced by one of them.",
            given={product: _mean_product(), alpha: ALONG_TEST, beta: ALONG_HEAD},
        )
        .to(
            short,
            "Wick's theorem",
            "The mean over four correlated Gaussian variables and both labels, with m = (1-ζ)T; p = (1+δ_q)q⋆, "
            "r = (1+δ_w)w⋆, s = (ζ-(1-ζ)δ_w) w⋆ᵀw, b = (ζ-(1-ζ)δ_q) q⋆ᵀw.",
            given={**SHORT, **IRRELEVANT},
        )
        .to(result, "In the model's own symbols", "p, r, s and b as above.", given=SHORT)
    )
    return derivation(
        "prompt-gradient",
        "Population gradient of the prompt",
        "At a prompt of zero, for any head, any angle between q⋆ and w⋆, any δ and any finite T.",
        r"-v^\top\nabla_q",
        chain,
        result,
        assumptions=ASSUMPTIONS,
        counterpart="theory.population_gradients",
    )


def first_step() -> Derivation:
    """Return -vᵀ∇_q for w = c w⋆, δ = 0 and orthogonal q⋆ and w⋆."""
    c = head_length
    before = prompt_gradient().result.subs({delta_q: 0, delta_w: 0})
    special = {head_signal: c * W**2, head_context: 0, head_noise: c**2 * W**2}
    result = c * zeta * (1 - zeta) * W**2 * (1 - c * (zeta * W**2 - sigma**2 / T)) * test_context
    chain = Chain(before).to(
        result,
        "Head along w⋆",
        "w⋆ᵀw = cW², q⋆ᵀw = 0, wᵀΣw = c²W²: all that is left is along q⋆.",
        given=special,
    )
    return derivation(
        "prompt-gradient-first-step",
        "The prompt step finds the context",
        "For orthogonal vectors, δ = 0 and a head along w⋆ the prompt moves along q⋆ and in no other direction.",
        r"-v^\top\nabla_q",
        chain,
        result,
        assumptions=(*ASSUMPTIONS, "q⋆ and w⋆ orthogonal, δ = 0, w = c w⋆, Σ = I"),
        counterpart="theory.population_gradients",
    )


def any_angle() -> Derivation:
    """Return -vᵀ∇_q for w = c w⋆ and δ = 0 at any angle."""
    c = head_length
    before = prompt_gradient().result.subs({delta_q: 0, delta_w: 0})
    special = {
        head_signal: c * W**2,
        head_context: c * rho * Q * W,
        head_noise: c**2 * W**2,
        test_noise: c * test_signal,
    }
    fitted = 1 - c * zeta * W**2
    along_context = c * W**2 * (fitted - c * zeta * rho**2 * Q**2 + c * sigma**2 / T)
    along_signal = c * rho * Q * W * (fitted - c * zeta * W**2 + c * sigma**2 / T - c * sigma**2 * (1 - 1 / T))
    result = zeta * (1 - zeta) * (along_context * test_context + along_signal * test_signal)
    chain = Chain(before).to(
        result,
        "Head along w⋆",
        "w⋆ᵀw = cW², q⋆ᵀw = cρQW, wᵀΣw = c²W², vᵀΣw = c w⋆ᵀv.",
        given=special,
    )
    return derivation(
        "prompt-gradient-any-angle",
        "The prompt step at any angle",
        "With a cosine ρ between q⋆ and w⋆ the prompt moves along both: by ρ times a known number along w⋆.",
        r"-v^\top\nabla_q",
        chain,
        result,
        assumptions=(*ASSUMPTIONS, "δ = 0, w = c w⋆, Σ = I, any cosine ρ"),
        counterpart="theory.population_gradients",
    )
