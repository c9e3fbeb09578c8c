"""What one sequence adds to the last step, a feature, where relevant tokens are noisy, too."""

from __future__ import annotations

from sympy import Expr, S, symbols

from theory.derivations.attention_mean import A, N, TokenSum, g, p
from theory.derivations.derivation import Chain, Derivation, derivation
from theory.derivations.operators import GaussianMean
from theory.derivations.symbols import (
    along_gap,
    along_irrelevant,
    along_prompt,
    noise_along,
    noise_pair,
    noise_pair_square,
    noise_triple,
    relevant_pair,
    score_mean,
    score_square,
    share_mean,
    share_noise_pair,
    share_score,
    share_square,
    sigma,
)
from theory.derivations.symbols import prompt_norm as length
from theory.derivations.symbols import relevant_noise as sigma_r
from theory.derivations.two_kind_mean import IRRELEVANT, RELEVANT, TwoKindMean, noise, relevant

h = symbols("h_t", real=True)
across = symbols("c", positive=True)
"""Length of the part of v across the prompt."""

R_2, R_3, *_ = RELEVANT
P_2, P_3, *_ = IRRELEVANT
VARIANCE = sigma**2 * (1 - A) + sigma_r**2 * A
SECOND = sigma_r**2 * R_2 + sigma**2 * P_2
"""V₁ = Σ σ_t² p_t and V₂ = Σ σ_t² p_t²."""

MEANS = {
    share_mean: TwoKindMean(A),
    share_square: TwoKindMean(A**2),
    score_mean: TwoKindMean(N),
    share_score: TwoKindMean(A * N),
    score_square: TwoKindMean(N**2),
    relevant_pair: TwoKindMean(R_2),
    noise_pair: TwoKindMean(SECOND),
    share_noise_pair: TwoKindMean(A * SECOND),
    noise_pair_square: TwoKindMean(SECOND**2),
    noise_triple: TwoKindMean(sigma_r**4 * R_3 + sigma**4 * P_3),
}
ATTENTION = (
    "isotropic noise, of deviation σ_t = σ_r for relevant tokens and σ for the others; g_t is the noise of a token "
    "along the prompt q, in units of σ_t",
    "log p_t is b ι_t + ‖q‖ σ_t g_t but for a constant, ι_t = 1 for relevant tokens and 0 for the others, and the p_t "
    "add up to 1",
    "A = Σ ι_t p_t, N = Σ p_t σ_t g_t, V₁ = Σ σ_t² p_t, V₂ = Σ σ_t² p_t², V₃ = Σ σ_t⁴ p_t³; R₂ is the sum of p_t² over "
    "relevant tokens; tokens of a kind are alike, and means of products of these sums are integrals",
)
FEATURE = (
    "h = Σ p_t x_t, relevant tokens q⋆ + y w⋆ + σ_r z, irrelevant ones -δ_q q⋆ - y δ_w w⋆ + σ z, all z ~ N(0, I)",
    "D = (1+δ_q) q⋆ + y (1+δ_w) w⋆; D_v, b_v and n_v are the products of v with y D, with -y δ_q q⋆ - δ_w w⋆ and with "
    "the direction of y q; y z has the law of z",
    "along v the noise of a token is σ_t(n_v g_t + c h_t), h_t its noise across the prompt, on which attention "
    "does not depend; n_v² + c² = vᵀv, and inner means are over h_t",
)
TOKEN = along_irrelevant + relevant * along_gap + noise * (along_prompt * g + across * h)
"""Product of v and a token."""


def _named(result: Expr) -> dict[Expr, Expr]:
    """Return what the moments in a result stand for."""
    return {symbol: mean for symbol, mean in MEANS.items() if result.has(symbol)}


def _given_scores(expression: Expr) -> GaussianMean:
    """Return the mean over the noise of a token across the prompt."""
    return GaussianMean(expression, {(h, h): S.One})


def score() -> Derivation:
    """Return E N."""
    result = length * (sigma**2 * (1 - share_mean) + sigma_r**2 * share_mean - noise_pair)
    chain = (
        Chain(TwoKindMean(TokenSum(p * noise * g)))
        .to(
            length * TwoKindMean(VARIANCE - SECOND),
            "Stein's lemma",
            "dp_t/dg_t = ‖q‖ σ_t p_t(1 - p_t) for each token.",
        )
        .to(result, "Moments of attention", "By their names.", given=_named(result))
    )
    return derivation(
        "noisy-score",
        "Noise along the prompt, relevant tokens noisy",
        "Attention picks up noise of both kinds of tokens: E N = ‖q‖ E[V₁ - V₂].",
        r"\mathbb{E}N",
        chain,
        result,
        assumptions=ATTENTION,
        counterpart="theory.attention.two_kinds.two_kind_moments",
    )


def share_and_score() -> Derivation:
    """Return E A N."""
    result = length * (
        sigma**2 * (share_mean - share_square) + sigma_r**2 * (share_square + relevant_pair) - 2 * share_noise_pair
    )
    chain = (
        Chain(TwoKindMean(A * N))
        .to(TwoKindMean(A * TokenSum(p * noise * g)), "The mean score", "N = Σ p_t σ_t g_t.")
        .to(
            length * TwoKindMean(A * VARIANCE + sigma_r**2 * R_2 - 2 * A * SECOND),
            "Stein's lemma",
            "dA/dg_t = ‖q‖ σ_t p_t(ι_t - A).",
        )
        .to(result, "Moments of attention", "By their names.", given=_named(result))
    )
    return derivation(
        "noisy-share-score",
        "Attention and noise along the prompt, relevant tokens noisy",
        "E A N = ‖q‖ E[A V₁ + σ_r² R₂ - 2 A V₂].",
        r"\mathbb{E}AN",
        chain,
        result,
        assumptions=ATTENTION,
        counterpart="theory.attention.two_kinds.two_kind_moments",
    )


def score_squared() -> Derivation:
    """Return E N²."""
    more = sigma_r**2 - sigma**2
    square = sigma**4 + 2 * sigma**2 * more * share_mean + more**2 * share_square
    crossed = sigma**2 * noise_pair + more * share_noise_pair
    fourth = sigma**2 * noise_pair + more * sigma_r**2 * relevant_pair
    result = noise_pair + length**2 * (square - 4 * crossed + 6 * noise_pair_square + 3 * fourth - 6 * noise_triple)
    second_weighted, third = (sigma_r**4 * one + sigma**4 * other for one, other in ((R_2, P_2), (R_3, P_3)))
    chain = (
        Chain(TwoKindMean(N**2))
        .to(TwoKindMean(N * TokenSum(p * noise * g)), "The mean score", "N = Σ p_t σ_t g_t.")
        .to(
            TwoKindMean(SECOND)
            + length**2
            * TwoKindMean(VARIANCE**2 - 4 * VARIANCE * SECOND + 6 * SECOND**2 + 3 * second_weighted - 6 * third),
            "Stein's lemma",
            "Once for each g_t: dN/dg_t = σ_t p_t(1 + ‖q‖(σ_t g_t - N)).",
        )
        .to(
            result,
            "Moments of attention",
            "By their names; V₁ = σ² + (σ_r² - σ²) A, and Σ σ_t⁴ p_t² = σ² V₂ + (σ_r² - σ²) σ_r² R₂.",
            given=_named(result),
        )
    )
    return derivation(
        "noisy-score-square",
        "Mean square of the noise along the prompt, relevant tokens noisy",
        "E N² = E V₂ + ‖q‖² E[V₁² - 4V₁V₂ + 6V₂² + 3 Σ σ_t⁴p_t² - 6V₃].",
        r"\mathbb{E}N^2",
        chain,
        result,
        assumptions=ATTENTION,
        counterpart="theory.attention.two_kinds.two_kind_moments",
    )


def mean() -> Derivation:
    """Return E y vᵀh."""
    result = share_mean * along_gap + along_irrelevant + along_prompt * score_mean
    chain = (
        Chain(TwoKindMean(TokenSum(p * _given_scores(TOKEN))))
        .to(
            TwoKindMean(TokenSum(p * (along_irrelevant + relevant * along_gap + noise * along_prompt * g))),
            "Noise across the prompt",
            "Given the scores it has the mean 0.",
        )
        .to(
            TwoKindMean(A * along_gap + along_irrelevant + along_prompt * N),
            "Sums over tokens",
            "Attention adds up to 1, and A and N are sums.",
        )
        .to(result, "Moments of attention", "By their names.", given=_named(result))
    )
    return derivation(
        "noisy-feature-mean",
        "Mean of a feature, relevant tokens noisy",
        "Attention moves the mean along the gap between the tokens, and along the prompt by the noise it picks up.",
        r"\mathbb{E}\,y\langle v, h\rangle",
        chain,
        result,
        assumptions=(*ATTENTION, *FEATURE),
        counterpart="theory.noisy_relevant_steps",
    )


def variance() -> Derivation:
    """Return the variance of y vᵀh."""
    given = _given_scores(TOKEN)
    within = TwoKindMean(TokenSum(p**2 * (_given_scores(TOKEN**2) - given**2)))
    fluctuating = A * along_gap + along_irrelevant + along_prompt * N

    def combined(square: Expr, crossed: Expr, own: Expr) -> Expr:
        return along_gap**2 * square + 2 * along_gap * along_prompt * crossed + along_prompt**2 * own

    result = (
        combined(share_square - share_mean**2, share_score - share_mean * score_mean, score_square - score_mean**2)
        + (noise_along - along_prompt**2) * noise_pair
    )
    chain = (
        Chain(TwoKindMean(TokenSum(p * given) ** 2) - TwoKindMean(TokenSum(p * given)) ** 2 + within)
        .to(
            TwoKindMean(fluctuating**2) - TwoKindMean(fluctuating) ** 2 + TwoKindMean(across**2 * SECOND),
            "Given the scores",
            "The mean is made of A and N; the noise of each token across the prompt has the variance c² σ_t².",
        )
        .to(
            combined(
                TwoKindMean(A**2) - TwoKindMean(A) ** 2,
                TwoKindMean(A * N) - TwoKindMean(A) * TwoKindMean(N),
                TwoKindMean(N**2) - TwoKindMean(N) ** 2,
            )
            + (noise_along - along_prompt**2) * TwoKindMean(SECOND),
            "Three covariances",
            "Of A and N with themselves and with each other.",
            given={noise_along: along_prompt**2 + across**2},
        )
        .to(result, "Moments of attention", "By their names.", given=_named(result))
    )
    return derivation(
        "noisy-feature-variance",
        "Variance of a feature, relevant tokens noisy",
        "Along any direction, exact at any number of tokens; covariances follow from that along sums of two.",
        r"\mathrm{Var}\,y\langle v, h\rangle",
        chain,
        result,
        assumptions=(
            *ATTENTION,
            *FEATURE,
            "the variance is that of the mean given the scores, and the mean of the variance given them, to which each "
            "token adds by itself",
        ),
        counterpart="theory.noisy_relevant_steps",
    )
