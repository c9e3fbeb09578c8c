"""What stands unevaluated in a derivation besides SymPy's own limits, derivatives and integrals."""

from __future__ import annotations

from collections.abc import Mapping
from math import comb
from typing import Any

from sympy import Expr, Poly, S, Symbol, Tuple, diff, factor, factorial, sympify

from theory.derivations.wick import gaussian_mean


class GaussianMean(Expr):  # type: ignore[misc]
    """E[expression] over Gaussian variables of mean 0: `wick.gaussian_mean`, not yet carried out."""

    def __new__(cls, expression: Expr, covariance: Mapping[tuple[Symbol, Symbol], Any] | Tuple) -> GaussianMean:
        """Take the covariances of pairs; pairs that are left out are independent."""
        pairs = covariance
        if isinstance(covariance, Mapping):
            pairs = Tuple(*(Tuple(one, other, sympify(value)) for (one, other), value in covariance.items()))
        return Expr.__new__(cls, sympify(expression), pairs)  # type: ignore[no-any-return]

    @property
    def variables(self) -> set[Symbol]:
        """The variables that the mean is taken over."""
        return {symbol for one, other, _ in self.args[1] for symbol in (one, other)}

    @property
    def free_symbols(self) -> set[Symbol]:
        """What the mean depends on."""
        inside = self.args[0].free_symbols.union(*(value.free_symbols for _, _, value in self.args[1]))
        return set(inside - self.variables)

    def doit(self, **hints: Any) -> Expr:
        """Carry the mean out."""
        return gaussian_mean(self.args[0].doit(**hints), {(one, other): value for one, other, value in self.args[1]})

    def _latex(self, printer: Any) -> str:
        return rf"\mathbb{{E}}\left[{printer._print(self.args[0])}\right]"

    def _sympystr(self, printer: Any) -> str:
        return f"E[{printer._print(self.args[0])}]"


class LabelMean(Expr):  # type: ignore[misc]
    """E[expression] over a label that is 1 or -1 with probability 1/2 each."""

    def __new__(cls, expression: Expr, label: Symbol) -> LabelMean:
        """Take an expression in the label."""
        return Expr.__new__(cls, sympify(expression), label)  # type: ignore[no-any-return]

    @property
    def free_symbols(self) -> set[Symbol]:
        """What the mean depends on."""
        return set(self.args[0].free_symbols - {self.args[1]})

    def doit(self, **hints: Any) -> Expr:
        """Carry the mean out."""
        inside, label = self.args[0].doit(**hints), self.args[1]
        return (inside.subs(label, 1) + inside.subs(label, -1)) / 2

    def _latex(self, printer: Any) -> str:
        return rf"\mathbb{{E}}_{{{printer._print(self.args[1])}}}\left[{printer._print(self.args[0])}\right]"

    def _sympystr(self, printer: Any) -> str:
        return f"E_{printer._print(self.args[1])}[{printer._print(self.args[0])}]"


class CumulantMean(Expr):  # type: ignore[misc]
    """E[polynomial in x] for a variable x whose first cumulants are given; higher ones would not enter."""

    def __new__(cls, polynomial: Expr, variable: Symbol, cumulants: tuple[Expr, ...] | Tuple) -> CumulantMean:
        """Take as many cumulants as the degree of the polynomial in the variable, or more."""
        return Expr.__new__(cls, sympify(polynomial), variable, Tuple(*cumulants))  # type: ignore[no-any-return]

    @property
    def free_symbols(self) -> set[Symbol]:
        """What the mean depends on."""
        polynomial, variable, cumulants = self.args
        return set((polynomial.free_symbols - {variable}) | cumulants.free_symbols)

    def doit(self, **hints: Any) -> Expr:
        """Carry the mean out: μ_k = Σ_j C(k-1, j-1) κ_j μ_{k-j} for the moments about 0."""
        polynomial, variable, cumulants = (argument.doit(**hints) for argument in self.args)
        coefficients = Poly(polynomial, variable).all_coeffs()[::-1]
        moments = [S.One]
        for k in range(1, len(coefficients)):
            moments.append(sum(comb(k - 1, j - 1) * cumulants[j - 1] * moments[k - j] for j in range(1, k + 1)))
        return sum(coefficient * moment for coefficient, moment in zip(coefficients, moments, strict=True))

    def _latex(self, printer: Any) -> str:
        return rf"\mathbb{{E}}_{{{printer._print(self.args[1])}}}\left[{printer._print(self.args[0])}\right]"

    def _sympystr(self, printer: Any) -> str:
        return f"E_{printer._print(self.args[1])}[{printer._print(self.args[0])}]"


class Expanded(Expr):  # type: ignore[misc]
    """Taylor's polynomial of an expression about 0 in a symbol, up to an order."""

    def __new__(cls, expression: Expr, symbol: Symbol, order: int) -> Expanded:
        """Take an expression that is regular at 0."""
        return Expr.__new__(cls, sympify(expression), symbol, sympify(order))  # type: ignore[no-any-return]

    def doit(self, **hints: Any) -> Expr:
        """Carry the expansion out."""
        expression, symbol, order = self.args[0].doit(**hints), self.args[1], int(self.args[2])
        if expression.is_polynomial(symbol):
            coefficients = Poly(expression, symbol).all_coeffs()[::-1]
            return sum(coefficient * symbol**k for k, coefficient in enumerate(coefficients[: order + 1]))
        expression, polynomial = factor(expression), S.Zero
        for k in range(order + 1):
            polynomial += expression.subs(symbol, 0) * symbol**k / factorial(k)
            expression = diff(expression, symbol)
        return polynomial

    def _latex(self, printer: Any) -> str:
        expression, symbol, order = (printer._print(argument) for argument in self.args)
        return rf"\left[{expression}\right]_{{\leq {symbol}^{{{order}}}}}"

    def _sympystr(self, printer: Any) -> str:
        expression, symbol, order = (printer._print(argument) for argument in self.args)
        return f"[{expression} up to {symbol}^{order}]"


class Root(Expr):  # type: ignore[misc]
    """The one value of a symbol, in the range that its assumptions allow, at which an expression vanishes.

    The machine checks that the expression vanishes there and that it is in the range; that there is no other is said in
    the step that solves it.
    """

    def __new__(cls, expression: Expr, symbol: Symbol) -> Root:
        """Take an expression in the symbol."""
        return Expr.__new__(cls, sympify(expression), symbol)  # type: ignore[no-any-return]

    @property
    def free_symbols(self) -> set[Symbol]:
        """What the root depends on."""
        return set(self.args[0].free_symbols - {self.args[1]})

    def residual(self, value: Expr) -> Expr:
        """Return what the expression is at a value of the symbol: 0 if that is the root."""
        return self.args[0].doit().subs(self.args[1], value)

    def _latex(self, printer: Any) -> str:
        expression, symbol = (printer._print(argument) for argument in self.args)
        return rf"\operatorname{{root}}_{{{symbol}}}\left[{expression} = 0\right]"

    def _sympystr(self, printer: Any) -> str:
        expression, symbol = (printer._print(argument) for argument in self.args)
        return f"the {symbol} with {expression} = 0"
