"""What one sequence adds to the steps of the head and of the prompt where relevant tokens are noisy, too."""

from __future__ import annotations

from collections.abc import Callable

from sympy import Expr, Symbol, symbols

from theory.derivations.derivation import Chain, Derivation, derivation
from theory.derivations.operators import GaussianMean
from theory.derivations.symbols import R, T, along, along_gap, along_irrelevant, m, noise_along, sigma, test_noise
from theory.derivations.symbols import relevant_noise as sigma_r

RELEVANT = one, other, mean_r = symbols(r"z_r z'_r \bar{z}_r")
IRRELEVANT = third, fourth, mean_i = symbols(r"z_i z'_i \bar{z}_i")
"""Noise of two tokens of each kind, and the mean of all of the kind."""

ALONG_V, ALONG_W = (
    {token: Symbol(f"{token}{direction}", real=True) for token in RELEVANT + IRRELEVANT} for direction in "vw"
)
"""Each along v and along w."""


def _covariance() -> dict[tuple[Symbol, Symbol], Expr]:
    """Return those of the noise of tokens and means; that of a mean with its tokens is its own variance."""
    found = {}
    for group, count, square in ((RELEVANT, R, sigma_r**2), (IRRELEVANT, m, sigma**2)):
        for place, first in enumerate(group):
            for second in group[place:]:
                if {first, second} == set(group[:2]):
                    continue
                inside = square if first == second != group[2] else square / count
                found[ALONG_V[first], ALONG_V[second]] = inside * noise_along
                found[ALONG_W[first], ALONG_W[second]] = inside
                found[ALONG_V[first], ALONG_W[second]] = inside * test_noise
                found[ALONG_V[second], ALONG_W[first]] = inside * test_noise
    return found


COVARIANCE = _covariance()
TOKENS = (
    "relevant tokens q⋆ + y w⋆ + σ_r z, irrelevant ones -δ_q q⋆ - y δ_w w⋆ + σ z, z ~ N(0, I) independent: isotropic "
    "noise; R + m = T tokens",
    "D = (1+δ_q) q⋆ + y (1+δ_w) w⋆; D_v, b_v are the products of any v with y D and with -y δ_q q⋆ - δ_w w⋆; y z has "
    "the law of z",
)
ALIKE = "tokens of a kind are alike: a sum over pairs of R of them is R times one and R(R-1) times two different ones"


def _mean(expression: Expr) -> GaussianMean:
    return GaussianMean(expression, COVARIANCE)


def _over_tokens(term: Callable[[Symbol], Expr]) -> Expr:
    """Return the mean of a sum over all tokens."""
    return R * _mean(term(one)) + m * _mean(term(third))


def _over_pairs(term: Callable[[Symbol], Expr]) -> Expr:
    """Return the mean square of a sum over all tokens."""
    first, second, irrelevant, last = map(term, (one, other, third, fourth))
    return (
        R * _mean(first**2)
        + R * (R - 1) * _mean(first * second)
        + 2 * R * m * _mean(first * irrelevant)
        + m * _mean(irrelevant**2)
        + m * (m - 1) * _mean(irrelevant * last)
    )


def _token(token: Symbol) -> Expr:
    """Return a token along v."""
    return along_irrelevant + (along_gap if token in RELEVANT else 0) + ALONG_V[token]


def mean_token_mean() -> Derivation:
    """Return E y vᵀx̄."""
    result = R / T * along_gap + along_irrelevant
    chain = (
        Chain(_over_tokens(_token) / T)
        .to(
            (R * (along_gap + along_irrelevant) + m * along_irrelevant) / T,
            "Noise has no mean",
            "Wick's theorem for one factor.",
        )
        .to(result, "Relative to an irrelevant token", "R + m = T.", given={T: R + m})
    )
    return derivation(
        "noisy-mean-token",
        "Mean of the mean token, relevant tokens noisy",
        "Noise of relevant tokens moves no mean of the head's step.",
        r"\mathbb{E}\,y\langle v, \bar x\rangle",
        chain,
        result,
        assumptions=TOKENS,
        counterpart="theory.noisy_relevant_steps",
    )


def mean_token_variance() -> Derivation:
    """Return the variance of y vᵀx̄."""
    result = (R * sigma_r**2 + m * sigma**2) / T**2 * noise_along
    chain = (
        Chain(_over_pairs(_token) / T**2 - (_over_tokens(_token) / T) ** 2)
        .to(
            (_over_pairs(ALONG_V.__getitem__)) / T**2,
            "The mean taken off",
            "A mean square less the square of the mean is that of the noise.",
        )
        .to(result, "Wick's theorem", "Noise of different tokens is independent.")
    )
    return derivation(
        "noisy-mean-token-variance",
        "Variance of the mean token, relevant tokens noisy",
        "tr S/T² in every direction, S the diagonal matrix of the variances of the tokens' noise.",
        r"\mathrm{Var}\,y\langle v, \bar x\rangle",
        chain,
        result,
        assumptions=(*TOKENS, ALIKE),
        counterpart="theory.noisy_relevant_steps",
    )


def _product(token: Symbol) -> Expr:
    """Return the product of a token along v and along w, both relative to a noiseless irrelevant one."""
    relevant = int(token in RELEVANT)
    return (relevant * along_gap + ALONG_V[token]) * (relevant * along + ALONG_W[token])


MEANS = ((R * (along_gap + ALONG_V[mean_r]) + m * ALONG_V[mean_i]) / T) * (
    (R * (along + ALONG_W[mean_r]) + m * ALONG_W[mean_i]) / T
)
"""Product of the means of all tokens along v and along w, relative to the same."""

COVARIANCE_OF_TOKENS = (
    "C = (1/T) Σ x_t x_tᵀ - x̄ x̄ᵀ is the covariance of the tokens of a sequence, which a shift of all of them leaves as "
    "it is; w of length 1, D_w = y Dᵀw"
)
BETWEEN = sigma_r**2 / R + sigma**2 / m
"""Variance of the difference of the mean noises of both kinds."""


def prompt_step_mean() -> Derivation:
    """Return E vᵀCw."""
    within = ((R - 1) * sigma_r**2 + (m - 1) * sigma**2) * test_noise / T
    between = R * m / T**2
    result = between * along_gap * along + (1 - 1 / T) * (R * sigma_r**2 + m * sigma**2) / T * test_noise
    chain = (
        Chain(_over_tokens(_product) / T - _mean(MEANS))
        .to(
            within + between * (along_gap * along + BETWEEN * test_noise),
            "Wick's theorem",
            "Within both kinds of tokens, and between their means.",
            given={T: R + m},
        )
        .to(result, "As a trace", "tr H S = (1 - 1/T) tr S for H = I - 11ᵀ/T.", given={T: R + m})
    )
    return derivation(
        "noisy-prompt-step",
        "Mean of the prompt's step, relevant tokens noisy",
        "Noise adds tr(H S)/T times the head to what the gap between the tokens gives.",
        r"\mathbb{E}\,\langle v, C w\rangle",
        chain,
        result,
        assumptions=(*TOKENS, COVARIANCE_OF_TOKENS),
        counterpart="theory.noisy_relevant_steps",
    )


def prompt_step_variance() -> Derivation:
    """Return the variance of vᵀCw."""
    square = (1 - 2 / T) * (R * sigma_r**4 + m * sigma**4) + (R * sigma_r**2 + m * sigma**2) ** 2 / T**2
    spread = R * (1 - R / T) ** 2 * sigma_r**2 + m * (R / T) ** 2 * sigma**2
    crossed = along_gap**2 + 2 * along_gap * along * test_noise + along**2 * noise_along
    pairs = noise_along + test_noise**2
    result = (spread * crossed + square * pairs) / T**2
    mean_square = _over_pairs(_product) / T**2 - 2 * _over_tokens(lambda t: _product(t) * MEANS) / T + _mean(MEANS**2)
    chain = (
        Chain(mean_square - (_over_tokens(_product) / T - _mean(MEANS)) ** 2)
        .to(
            ((R - 1) * sigma_r**4 + (m - 1) * sigma**4) * pairs / T**2
            + (R * m / T**2) ** 2 * (BETWEEN * crossed + BETWEEN**2 * pairs),
            "Wick's theorem",
            "Within both kinds of tokens, and between their means.",
            given={T: R + m},
        )
        .to(
            result,
            "As traces",
            "tr (H S)² = (1 - 2/T) tr S² + (tr S)²/T², and (Hμ)ᵀ S Hμ for the tokens' means μ.",
            given={T: R + m},
        )
    )
    return derivation(
        "noisy-prompt-step-variance",
        "Variance of the prompt's step, relevant tokens noisy",
        "Along any direction; covariances follow from that along sums of two.",
        r"\mathrm{Var}\,\langle v, C w\rangle",
        chain,
        result,
        assumptions=(*TOKENS, COVARIANCE_OF_TOKENS, ALIKE),
        counterpart="theory.noisy_relevant_steps",
    )
