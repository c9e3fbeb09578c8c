"""The law of what an irrelevant token adds to the decision of linear-prompt-attention."""

from __future__ import annotations

from sympy import S, Symbol, exp, sqrt, symbols

from theory.derivations.derivation import Chain, Derivation, derivation
from theory.derivations.operators import GaussianMean
from theory.derivations.symbols import correlation as r
from theory.derivations.symbols import head_mean as beta
from theory.derivations.symbols import prompt_mean as alpha
from theory.derivations.symbols import z

g, h, u, v = symbols("g h u v", real=True)
s, t = symbols("s t", positive=True)
INSIDE: dict[Symbol, object] = {z: (t - 1) / (t + 1), r: (s - 1) / (s + 1)}
"""All of -1 < z < 1 and -1 < r < 1, for t > 0 and s > 0: what stands under a root is positive."""


def law() -> Derivation:
    """Return E e^{z q·x w·x/2} for a token x, in units of the deviations of q·x and w·x."""
    plus, minus = 2 - (1 + r) * z, 2 + (1 - r) * z
    squares = z / 4 * ((alpha + beta) ** 2 / plus - (alpha - beta) ** 2 / minus)
    result = 2 * exp(squares) / sqrt(plus * minus)
    chain = (
        Chain(
            GaussianMean(exp(z * (alpha + g) * (beta + h) / 2), {(g, g): S.One, (h, h): S.One, (g, h): r}),
        )
        .to(
            GaussianMean(exp(z * (alpha + beta + u) ** 2 / 8), {(u, u): 2 * (1 + r)})
            * GaussianMean(exp(-z * (alpha - beta + v) ** 2 / 8), {(v, v): 2 * (1 - r)}),
            "The product as a difference of squares",
            "u = g + h and v = g - h are independent, of variances 2(1+r) and 2(1-r).",
            given=INSIDE,
        )
        .to(
            sqrt(2 / plus)
            * exp(z * (alpha + beta) ** 2 / (4 * plus))
            * sqrt(2 / minus)
            * exp(-z * (alpha - beta) ** 2 / (4 * minus)),
            "Two noncentral χ² laws",
            "A square of a Gaussian number has the generating function of a noncentral χ² variable.",
            given=INSIDE,
        )
        .to(result, "Collected", "Roots and exponents together.", given=INSIDE)
    )
    return derivation(
        "linear-attention-law",
        "Law of linear attention's decision",
        "Each irrelevant token adds a product of two correlated Gaussian numbers: its generating function, whose m-th "
        "power the exact error inverts.",
        r"\mathbb{E}e^{z (\alpha + g)(\beta + h)/2}",
        chain,
        result,
        assumptions=(
            "isotropic or prompt-orthogonal noise; qᵀx and wᵀx of an irrelevant token x in units of their deviations",
            "-1 < z < 1, and q and w are not parallel, -1 < r < 1",
        ),
        counterpart="theory.linear_attention_risk",
    )
