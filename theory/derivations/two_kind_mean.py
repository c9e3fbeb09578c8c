"""Means over the scores of a sequence whose relevant tokens are noisy, too, whatever the number of its tokens.

Token t has the indicator ι_t, 1 if it is relevant, noise of the deviation σ_t = σ_r or σ, and under a prompt of length
ℓ the attention p_t ∝ e^{b ι_t + ℓ σ_t g_t}.  A = Σ ι_t p_t, and R_k and P_k are the sums of p_t^k over relevant and
over irrelevant tokens, P_1 = 1 - A; N = Σ p_t σ_t g_t.  Tokens of a kind are alike: with ι_t and σ_t as symbols,
Stein's lemma for one token, and a sum over the two values that they have, reduce a mean as in `attention_mean`.
"""

from __future__ import annotations

from functools import cache

from sympy import Expr, Poly, S, Symbol, cancel, diff, exp, expand, symbols

from theory.derivations.attention_mean import A, AttentionMean, N, TokenSum, g, p
from theory.derivations.symbols import prompt_norm, relevant_noise, sigma

RELEVANT = symbols("R_2:5", positive=True)
IRRELEVANT = symbols("P_2:5", positive=True)
relevant = Symbol("iota_t", nonnegative=True)
noise = Symbol("sigma_t", positive=True)
KINDS = (
    ({relevant: S.One, noise: relevant_noise}, (A, *RELEVANT)),
    ({relevant: S.Zero, noise: sigma}, (1 - A, *IRRELEVANT)),
)
"""The values of ι_t and σ_t with the sums of p_t, p_t², … over such tokens."""


@cache
def two_kind_slopes() -> dict[Symbol, Expr]:
    """Return the derivatives of p, A, N, R_k and P_k by the score g of one token, from their definitions.

    Example:
        >>> two_kind_slopes()[A]
        -A*p_t*sigma_t*t_q + iota_t*p_t*sigma_t*t_q
    """
    D, score = symbols("D Z", positive=True)
    others = symbols("Y Y_2:5", positive=True), symbols("X X_2:5", positive=True)
    weight = exp(prompt_norm * noise * g)
    total = weight + others[0][0] + others[1][0]
    defined = {p: weight / total, N: (noise * g * weight + score) / total}
    back = {score: (N - noise * g * p) * D}
    for share, names, rests in zip((relevant, 1 - relevant), (KINDS[0][1], KINDS[1][1]), others, strict=True):
        for k, (name, rest) in enumerate(zip(names, rests, strict=True), start=1):
            back[rest] = (name - share * p**k) * D**k
            if name.is_Symbol:
                defined[name] = (share * weight**k + rest) / total**k
    back[weight] = p * D
    return {name: expand(cancel(diff(value, g).subs(back))) for name, value in defined.items()}


class TwoKindMean(AttentionMean):
    """E[expression] over the scores, for a polynomial in A, R_k, P_k, N and sums over all tokens."""

    sums = (A, *RELEVANT, *IRRELEVANT)
    one_token = (p, g, relevant, noise)
    score = p * noise * g

    @staticmethod
    def slopes() -> dict[Symbol, Expr]:
        """Return the derivatives by the score of one token."""
        return two_kind_slopes()

    @staticmethod
    def token_sum(term: Expr) -> Expr:
        """Return a sum over tokens in terms of A, P_k, I_k and N, if it is made of them."""
        of_score, alone = expand(term).coeff(g, 1), expand(term).coeff(g, 0)
        times = cancel(of_score / (p * noise))
        if expand(term - alone - of_score * g) != 0 or times.has(p, relevant, noise):
            return TokenSum(term)
        return TwoKindMean.over_tokens(alone) + times * N

    @staticmethod
    def over_tokens(term: Expr) -> Expr:
        """Return the sum over tokens of both kinds; what holds no p_t is a sum already."""
        powers = Poly(term, p).terms()
        total = sum(coefficient for (k,), coefficient in powers if not k)
        for values, names in KINDS:
            total += sum(coefficient.subs(values) * names[k - 1] for (k,), coefficient in powers if k)
        return expand(total)
