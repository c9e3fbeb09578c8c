"""Means of functions of normal numbers that are no polynomials: Stein's lemma, until no normal number stands alone.

For a standard normal g, E[g F] = E[dF/dg] (Stein 1981): Wick's theorem for any function.  What is left are means of
products of functions of g.  Each of these becomes a symbol, so that two means are compared product by product.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from sympy import Add, Expr, Poly, S, Symbol, Tuple, diff, expand, sympify

Slopes = Mapping[Symbol, Expr]
"""Functions of g, each a symbol, with their derivatives."""


def without_number(expression: Expr, g: Symbol, slopes: Slopes) -> Expr:
    """Return a polynomial of the same mean in which g does not stand alone: Stein's lemma, once for each power.

    Example:
        >>> from sympy import symbols
        >>> g, s, f = symbols("g s f")
        >>> without_number(g**2 * f, g, {f: s * f})
        f*s**2 + f
    """
    done, left = S.Zero, expand(expression)
    while left != 0:
        alone = left.coeff(g, 0)
        done, rest = done + alone, expand((left - alone) / g)
        left = expand(diff(rest, g) + sum(diff(rest, name) * slope for name, slope in slopes.items()))
    return expand(done)


def mean_symbol(expression: Expr) -> Expr:
    """Return the symbol that stands for a mean; 1 for the mean of 1."""
    return S.One if expression == 1 else Symbol(f"E[{expression}]", real=True)


def mean_in_symbols(polynomial: Expr, functions: Sequence[Symbol]) -> Expr:
    """Return the mean of a polynomial in functions of g, with a symbol for the mean of each of their products.

    Example:
        >>> from sympy import symbols
        >>> f, c = symbols("f c")
        >>> mean_in_symbols(c * f**2 - 2, [f])
        E[f**2]*c - 2
    """
    terms = Poly(polynomial, *functions).terms()
    products = [(prod(map(pow, functions, powers), start=S.One), coefficient) for powers, coefficient in terms]
    return Add(*(coefficient * mean_symbol(product) for product, coefficient in products))


class SteinMean(Expr):  # type: ignore[misc]
    """E[expression] over a standard normal number and functions of it, as far as Stein's lemma carries it out."""

    def __new__(
        cls, expression: Expr, number: Symbol, slopes: Slopes | Tuple, functions: Sequence[Symbol]
    ) -> SteinMean:
        """Take a polynomial in the number and its functions, with the derivatives of those that stand beside it."""
        pairs = Tuple(*(Tuple(*pair) for pair in slopes.items())) if isinstance(slopes, Mapping) else slopes
        return Expr.__new__(cls, sympify(expression), number, pairs, Tuple(*functions))  # type: ignore[no-any-return]

    @property
    def free_symbols(self) -> set[Symbol]:
        """What the mean depends on."""
        expression, number, slopes, functions = self.args
        inside = expression.free_symbols.union(*(slope.free_symbols for _, slope in slopes))
        return set(inside - {number, *functions})

    def doit(self, **hints: Any) -> Expr:
        """Carry the mean out."""
        expression, number, slopes, functions = self.args
        inside = expand(expression.doit(**hints))
        if not inside.is_polynomial(number, *functions):
            return mean_symbol(inside)
        return mean_in_symbols(without_number(inside, number, dict(slopes)), functions)

    def _latex(self, printer: Any) -> str:
        return rf"\mathbb{{E}}\left[{printer._print(self.args[0])}\right]"

    def _sympystr(self, printer: Any) -> str:
        return f"E[{printer._print(self.args[0])}]"
