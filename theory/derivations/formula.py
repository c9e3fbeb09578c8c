"""Expressions as LaTeX, with the products of vectors in their own notation."""

from __future__ import annotations

from sympy import Expr, latex

from theory.derivations.symbols import PARAMETERS

NAMES = {symbol: parameter.latex for symbol, parameter in PARAMETERS.items() if parameter.latex}


def formula(expression: Expr) -> str:
    r"""Return LaTeX without dollar signs.

    Example:
        >>> from theory.derivations.symbols import head_signal, sigma
        >>> print(formula(sigma * head_signal))
        \sigma \langle w_\star, w\rangle
    """
    return str(latex(expression, symbol_names=NAMES))
