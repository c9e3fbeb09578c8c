"""Means over the scores of a sequence, whatever the number of its tokens.

Irrelevant token t has the weight L_t = e^{s g_t} and the attention p_t = L_t/D, all relevant tokens have A = c/D, with
D = c + Σ L_t; further P_k = Σ p_t^k, P_1 = 1 - A, and N = Σ p_t g_t.  Irrelevant tokens are alike: Stein's lemma for
one of them, and a sum over all, reduce a mean of such numbers to means of products of A, P_2 and P_3.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sympy import Dummy, Expr, Poly, S, Symbol, cancel, diff, exp, expand, symbols, sympify
from sympy.printing.precedence import PRECEDENCE

from theory.derivations.stein import mean_in_symbols, mean_symbol, without_number

A, *SUMS = symbols("A P_2:7", positive=True)
P_2, P_3 = SUMS[:2]
p, s = symbols("p_t s", positive=True)
g, N = symbols("g_t N", real=True)
POWERS = {1: 1 - A, **dict(enumerate(SUMS, start=2))}
"""Σ p_t^k, some more of them than any derivation needs."""


@cache
def attention_slopes() -> dict[Symbol, Expr]:
    """Return the derivatives of p, A, N and P_k by the score g of one token, from their definitions.

    Example:
        >>> attention_slopes()[A], attention_slopes()[p]
        (-A*p_t*s, -p_t**2*s + p_t*s)
    """
    D, c, others, score, *sums = symbols("D c Y Z Y_2:7", positive=True)
    weight = exp(s * g)
    total = c + weight + others
    defined = {p: weight / total, A: c / total, N: (g * weight + score) / total}
    back = {c: A * D, others: (1 - A - p) * D, score: (N - g * p) * D}
    for k, (power_sum, rest) in enumerate(zip(SUMS, sums, strict=True), start=2):
        defined[power_sum] = (weight**k + rest) / total**k
        back[rest] = (power_sum - p**k) * D**k
    back[weight] = p * D
    return {name: expand(cancel(diff(value, g).subs(back))) for name, value in defined.items()}


class TokenSum(Expr):  # type: ignore[misc]
    """The sum over irrelevant tokens of an expression in p_t and g_t, inside of a mean."""

    precedence = PRECEDENCE["Mul"]
    """A power of the sum is printed with brackets about it."""

    def __new__(cls, term: Expr) -> TokenSum:
        """Take the term of one token; each part of it holds p_t."""
        return Expr.__new__(cls, sympify(term))  # type: ignore[no-any-return]

    def doit(self, **hints: Any) -> Expr:
        """Carry out what stands in the term."""
        return TokenSum(self.args[0].doit(**hints))

    def _latex(self, printer: Any) -> str:
        return rf"\sum_{{t}} \left({printer._print(self.args[0])}\right)"

    def _sympystr(self, printer: Any) -> str:
        return f"sum_t({printer._print(self.args[0])})"


class AttentionMean(Expr):  # type: ignore[misc]
    """E[expression] over the scores, for a polynomial in A, P_2, P_3, N and sums over tokens."""

    sums: tuple[Symbol, ...] = (A, *SUMS)
    """What is left to take means of."""
    one_token: tuple[Symbol, ...] = (p, g)
    score: Expr = p * g
    """N is its sum over tokens."""

    def __new__(cls, expression: Expr) -> AttentionMean:
        """Take the expression."""
        return Expr.__new__(cls, sympify(expression))  # type: ignore[no-any-return]

    @property
    def free_symbols(self) -> set[Symbol]:
        """What the mean depends on."""
        return set(self.args[0].free_symbols - {*self.sums, *self.one_token, N})

    def doit(self, **hints: Any) -> Expr:
        """Reduce the mean to those of products of A, P_2 and P_3, each a symbol."""
        inside = self.args[0].doit(**hints).replace(TokenSum, self.token_sum)
        left = cancel(inside.replace(TokenSum, lambda term: term))
        if not left.is_polynomial(*self.sums, *self.one_token, N) or not _one_sum_at_most(inside):
            return mean_symbol(inside)
        done, left = S.Zero, expand(left)
        while left != 0:
            left = self.over_tokens(without_number(left, g, self.slopes()))
            alone = left.coeff(N, 0)
            # Another sum N over tokens is taken up.
            done, left = done + alone, expand((left - alone) / N * self.score)
        return mean_in_symbols(done, self.sums)

    @staticmethod
    def slopes() -> dict[Symbol, Expr]:
        """Return the derivatives by the score of one token."""
        return attention_slopes()

    @staticmethod
    def token_sum(term: Expr) -> Expr:
        """Return a sum over tokens by its name, if it has one."""
        return TokenSum(term)

    @staticmethod
    def over_tokens(term: Expr) -> Expr:
        """Return the sum over tokens, each power of p_t becoming P_k; what holds no p_t is a sum already."""
        powers = Poly(term, p).terms()
        return expand(sum(coefficient * (POWERS[k] if k else S.One) for (k,), coefficient in powers))

    def _latex(self, printer: Any) -> str:
        return rf"\mathbb{{E}}\left[{printer._print(self.args[0])}\right]"

    def _sympystr(self, printer: Any) -> str:
        return f"E[{printer._print(self.args[0])}]"


def _one_sum_at_most(expression: Expr) -> bool:
    """Tell whether sums over tokens are not multiplied with each other, and each part of one holds p_t."""
    marks = {one: Dummy() for one in expression.atoms(TokenSum)}
    if any(cancel(one.args[0]).subs(p, 0) != 0 for one in marks):
        return False
    return not marks or Poly(expression.xreplace(marks), *marks.values()).total_degree() == 1
