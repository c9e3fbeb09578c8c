"""Mean and variance of an attention feature along any direction, under any prompt."""

from __future__ import annotations

from sympy import Expr

from theory.derivations.attention_mean import P_2 as pairs
from theory.derivations.attention_mean import P_3 as triples
from theory.derivations.attention_mean import A as share
from theory.derivations.attention_mean import AttentionMean, N, TokenSum, g, p, s
from theory.derivations.derivation import Chain, Derivation, derivation
from theory.derivations.symbols import (
    along_gap,
    along_irrelevant,
    along_prompt,
    noise_along,
    pair,
    pair_square,
    score_spread,
    share_mean,
    share_pair,
    share_square,
    sigma,
    triple,
)

MEANS = {
    share_mean: AttentionMean(share),
    share_square: AttentionMean(share**2),
    pair: AttentionMean(pairs),
    share_pair: AttentionMean(share * pairs),
    triple: AttentionMean(triples),
    pair_square: AttentionMean(pairs**2),
    score_spread: s,
}
ASSUMPTIONS = (
    "under a prompt q, h = A D - δ_q q⋆ - y δ_w w⋆ + σ N n̂ + noise of covariance σ² P₂ across n̂, the direction of Σq",
    "D = (1+δ_q) q⋆ + y (1+δ_w) w⋆; y h is taken along any v, and D_v, b_v and n_v are the products of v with y D, "
    "with -y δ_q q⋆ - δ_w w⋆ and with y n̂",
    "N = Σ p_t g_t, with the attention p_t ∝ e^{s g_t} on irrelevant tokens, all of which are alike",
)
SCORE = score_spread * (1 - share_mean - pair)
"""E N."""


def _named(result: Expr) -> dict[Expr, Expr]:
    """Return what the moments in a result stand for."""
    return {symbol: mean for symbol, mean in MEANS.items() if result.has(symbol)}


def mean() -> Derivation:
    """Return E y vᵀh."""
    result = share_mean * along_gap + along_irrelevant + sigma * along_prompt * SCORE
    chain = (
        Chain(AttentionMean(share * along_gap + along_irrelevant + sigma * along_prompt * N))
        .to(
            AttentionMean(share * along_gap + along_irrelevant + TokenSum(sigma * along_prompt * p * g)),
            "The mean score",
            "N = Σ p_t g_t.",
        )
        .to(
            AttentionMean(share) * along_gap
            + along_irrelevant
            + sigma * along_prompt * s * AttentionMean(1 - share - pairs),
            "Stein's lemma",
            "dp_t/dg_t = s p_t(1 - p_t).",
        )
        .to(result, "Moments of attention", "By their names; s is the deviation of a score.", given=_named(result))
    )
    return derivation(
        "feature-mean",
        "Mean of a feature",
        "Noise along the prompt is picked up: E N = s E[1 - A - P₂].",
        r"\mathbb{E}\,y\langle v, h\rangle",
        chain,
        result,
        assumptions=ASSUMPTIONS,
        counterpart="theory.descent.step_law.feature_law",
    )


def variance() -> Derivation:
    """Return the variance of y vᵀh."""
    fluctuating = share * along_gap + sigma * along_prompt * N
    across = sigma**2 * pair * (noise_along - along_prompt**2)
    with_share = score_spread * (share_mean - share_square - 2 * share_pair)
    with_itself = pair + score_spread**2 * (
        1 - 2 * share_mean + share_square - pair + 4 * share_pair + 6 * pair_square - 6 * triple
    )

    def combined(square: Expr, crossed: Expr, own: Expr) -> Expr:
        return (
            along_gap**2 * square + 2 * along_gap * sigma * along_prompt * crossed + (sigma * along_prompt) ** 2 * own
        )

    result = combined(share_square - share_mean**2, with_share - share_mean * SCORE, with_itself - SCORE**2) + across
    chain = (
        Chain(
            AttentionMean(fluctuating**2)
            - AttentionMean(fluctuating) ** 2
            + AttentionMean(sigma**2 * pairs * (noise_along - along_prompt**2))
        )
        .to(
            combined(
                AttentionMean(share**2) - AttentionMean(share) ** 2,
                AttentionMean(share * N) - AttentionMean(share) * AttentionMean(N),
                AttentionMean(N**2) - AttentionMean(N) ** 2,
            )
            + across,
            "Three covariances",
            "Of A and N with themselves and with each other.",
            given={pair: AttentionMean(pairs)},
        )
        .to(
            result,
            "Stein's lemma",
            "E AN = s E[A(1-A-2P₂)], E N² = E P₂ + s² E[(1-A)² - P₂ + 4AP₂ + 6P₂² - 6P₃]: once for each g_t.",
            given=_named(result),
        )
    )
    return derivation(
        "feature-variance",
        "Variance of a feature",
        "Along any direction, exact at any number of tokens; covariances follow from that along sums of two.",
        r"\mathrm{Var}\,y\langle v, h\rangle",
        chain,
        result,
        assumptions=ASSUMPTIONS,
        counterpart="theory.descent.step_law.feature_law",
    )
