"""Integrals and series that are not carried out, but compared by what is integrated or added up."""

from __future__ import annotations

from typing import Any

from sympy import Expr, Function, Integral, Mul, RisingFactorial, Sum, Symbol, exp, factorial, hyper, oo
from sympy import gamma as Gamma

VARIABLE = Symbol("t", positive=True)
"""Of Euler's integral."""

INDEX = Symbol("j", integer=True, nonnegative=True)
"""Counts the terms of a series."""


class KummerM(Function):  # type: ignore[misc]
    """Kummer's function M(a, b, x) = ₁F₁(a; b; x), the series Σ (a)_j x^j/((b)_j j!)."""

    nargs = 3

    @property
    def integral(self) -> Expr:
        """Euler's integral, for b > a > 0."""
        a, b, x = self.args
        density = VARIABLE ** (a - 1) * (1 - VARIABLE) ** (b - a - 1) * Gamma(b) / (Gamma(a) * Gamma(b - a))
        return Integral(density * exp(x * VARIABLE), (VARIABLE, 0, 1))

    @property
    def series_in_powers(self) -> Sum:
        """The series."""
        a, b, x = self.args
        term = RisingFactorial(a, INDEX) / RisingFactorial(b, INDEX) * x**INDEX / factorial(INDEX)
        return Sum(term, (INDEX, 0, oo))

    def _eval_evalf(self, prec: int) -> Any:
        a, b, x = self.args
        return hyper([a], [b], x)._eval_evalf(prec)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        arguments = ", ".join(printer._print(argument) for argument in self.args)
        power = "" if exp is None else f"^{{{exp}}}"
        return rf"M{power}\left({arguments}\right)"

    def _numpycode(self, printer: Any) -> str:
        return f"hyp1f1({', '.join(printer._print(argument) for argument in self.args)})"

    _mpmathcode = _numpycode


def put_in(side: Expr, symbol: Symbol, value: Expr) -> Expr:
    """Put a definition in; one of a variable of integration changes that variable, with its limits and its density."""

    def changed(integral: Integral) -> Integral:
        (variable,) = value.free_symbols - integral.free_symbols
        return integral.transform(symbol, (value, variable))

    side = side.replace(lambda part: isinstance(part, Integral) and symbol in part.variables, changed)
    return side.subs(symbol, value)


def termwise(before: Expr, after: Expr) -> tuple[Expr, Expr] | None:
    """Return what stands under the same integrals and sums of two products, the products themselves if there are none.

    Kummer's function counts as Euler's integral beside an integral and as its series beside a sum; a series of positive
    terms under an integral is integrated term by term.
    None where both products have an integral or a sum, but not the same: nothing is known of them then.
    """
    if after.has(KummerM):
        by_integral = _outer(before, Integral) is not None
        after = after.replace(KummerM, lambda *x: KummerM(*x).integral if by_integral else KummerM(*x).series_in_powers)
    if _outer(after, Sum) is not None:
        before = _exchanged(before)
    one, other = _stripped(before), _stripped(after)
    if one is None or other is None:
        return before, after
    return termwise(one[1], other[1]) if one[0] == other[0] else None


def _outer(side: Expr, kind: Any) -> Expr | None:
    """Return the one factor of a product that is of a kind."""
    found = [factor for factor in Mul.make_args(side) if isinstance(factor, kind)]
    return found[0] if len(found) == 1 else None


def _stripped(side: Expr) -> tuple[tuple[Any, ...], Expr] | None:
    """Return kind and limits of the one integral or sum in a product, and the product without its sign."""
    outer = _outer(side, (Integral, Sum))
    if outer is None or (side / outer).has(*outer.variables):
        return None
    return (outer.func, outer.limits), side / outer * outer.function


def _exchanged(side: Expr) -> Expr:
    """Return the integral of a series as the series of integrals."""
    integral = _outer(side, Integral)
    series = None if integral is None else _outer(integral.function, Sum)
    if integral is None or series is None:
        return side
    term = integral.function / series * series.function
    return side / integral * Sum(Integral(term, *integral.limits), *series.limits)
