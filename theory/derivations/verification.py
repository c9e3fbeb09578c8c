"""The check of a derivation: every step by itself, and that the steps make a chain."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from sympy import (
    Expr,
    Float,
    Symbol,
    erf,
    exp,
    expand,
    expand_log,
    factor,
    gammasimp,
    hyperexpand,
    lambdify,
    log,
    numer,
    powsimp,
    radsimp,
    simplify,
    together,
)

from theory.derivations.derivation import RATIONAL_POINTS, Derivation, Step
from theory.derivations.operators import Root
from theory.derivations.symbols import PARAMETERS, Parameter
from theory.derivations.termwise import put_in, termwise

POINTS = 50


@dataclass(frozen=True)
class StepCheck:
    """What came of one step.

    Attributes:
        step: its name.
        check: the kind of check.
        holds: whether it starts where the one before ends, and its two sides are equal.
        fault: what is wrong, or an empty text.
    """

    step: str
    check: str
    holds: bool
    fault: str


def verify(derivation: Derivation) -> tuple[StepCheck, ...]:
    """Check every step, and that they lead without a gap from the definition to the result.

    A derivation without steps proves nothing: it has a single check, which fails.

    Example:
        >>> from theory.derivations import derive
        >>> [check.holds for check in verify(derive("best-temperature"))]
        [True, True]
    """
    if not derivation.steps:
        return (StepCheck("none", "", False, "there is no step"),)
    return tuple(
        StepCheck(step.name, step.check, not fault, fault)
        for step, gap in zip(derivation.steps, _gaps(derivation), strict=True)
        for fault in [gap or ("" if equal(step) else "its two sides differ")]
    )


def _gaps(derivation: Derivation) -> list[str]:
    """Return, for each step, where the chain is broken, or an empty text."""
    gaps, end = [], derivation.definition
    for place, step in enumerate(derivation.steps):
        gap = ""
        if step.before != end:
            gap = "it does not start where the one before ends" if place else "it does not start from the definition"
        elif place == len(derivation.steps) - 1 and step.after != derivation.result:
            gap = "it does not end at the result"
        gaps.append(gap)
        end = step.after
    return gaps


def holds(derivation: Derivation) -> bool:
    """Tell whether every check of a derivation holds; the first fault ends the search."""
    return bool(derivation.steps) and not any(_gaps(derivation)) and all(map(equal, derivation.steps))


def equal(step: Step) -> bool:
    """Tell whether the two sides of a step are equal, once its definitions are put in."""
    before, after = step.before, step.after
    for symbol, value in step.given:
        before, after = put_in(before, symbol, value), put_in(after, symbol, value)
    if before == after:
        return True
    if before.has(Root) or after.has(Root):
        return isinstance(before, Root) and _same_root(before, after)
    if step.check == RATIONAL_POINTS:
        return all(_exactly_zero((before - after).subs(point).doit()) for point in rational_points(before - after))
    terms = termwise(before, after)
    if terms is None:
        return False
    before, after = map(_evaluated, terms)
    if _clearly_not_zero(before - after):
        return False
    before, after = (_powers_factored(hyperexpand(side)) for side in (before, after))
    if before.has(exp) and before.is_positive and after.is_positive:
        # A product of powers and exponentials becomes a sum.
        return _vanishes(expand_log(log(before) - log(after))) or _vanishes(before - after)
    return _vanishes(before - after)


@lru_cache(maxsize=64)
def _evaluated(side: Expr) -> Expr:
    """Carry out all that stands unevaluated."""
    return side.doit()


def _same_root(root: Root, other: Expr) -> bool:
    """Tell whether a value is the root, or another expression vanishes where that of the root does."""
    if isinstance(other, Root):
        return root.args[1] == other.args[1] and _proportional(root.args[0].doit(), other.args[0].doit())
    value = other.doit()
    return not value.has(Root) and _allowed(root.args[1], value) and _vanishes(root.residual(value))


def _proportional(one: Expr, other: Expr) -> bool:
    """Tell whether two expressions are equal up to a factor that is never 0: they vanish together."""
    if one == other:
        return True
    quotient = one / other
    if len({value > 0 for value in _numbers(quotient)}) > 1:
        return False
    factor_between = simplify(quotient)
    return bool(factor_between.is_positive or factor_between.is_negative)


def _vanishes(difference: Expr) -> bool:
    """Tell whether an expression is zero, exactly."""
    difference = difference.doit()
    if difference == 0:
        return True
    if _clearly_not_zero(difference):
        return False
    return any(form(difference) == 0 for form in FORMS)


def _clearly_not_zero(difference: Expr) -> bool:
    """Tell whether an expression differs from zero beyond doubt at a point: this only saves the time of simplifying."""
    value = difference.subs(rational_points(difference)[0]).evalf(30, maxn=60)
    return bool(value.is_number and value.is_comparable and abs(value) > Float("1e-15"))


def _powers_factored(expression: Expr) -> Expr:
    """Factor what stands in an exponential, under a root, or in a power that is not a whole number."""
    return expression.replace(
        lambda part: part.is_Pow and not part.exp.is_integer and part.base.is_rational_function(),
        lambda part: factor(together(part.base)) ** part.exp,
    ).replace(exp, lambda exponent: exp(factor(together(exponent))))


FORMS = (
    expand,
    lambda difference: expand(numer(together(difference))),
    lambda difference: expand(difference.rewrite(erf)),
    lambda difference: expand(powsimp(expand(difference))),
    radsimp,
    gammasimp,
    lambda difference: simplify(_powers_factored(difference)),
    simplify,
)
"""Rewritings, cheap ones first, of which one shows that a difference is zero."""


def _exactly_zero(number: Expr) -> bool:
    """Tell whether a number of rationals and roots is zero, without rounding."""
    return bool(expand(radsimp(number)) == 0)


def _allowed(symbol: Symbol, value: Expr) -> bool:
    """Tell whether a root lies where the assumptions of its symbol say, at 50 points if it has free symbols."""
    if not symbol.is_positive:
        return True
    return all(number > 0 for number in _numbers(value))


def _numbers(expression: Expr) -> list[Any]:
    """Return the values of a real expression at the 50 points, rounded."""
    symbols = sorted(expression.free_symbols, key=str)
    function = lambdify(symbols, expression, "mpmath")
    return [function(*map(float, point.values())).real for point in rational_points(expression)]


def rational_points(expression: Expr) -> list[dict[Symbol, Expr]]:
    """Return 50 points with rational coordinates inside the ranges of an expression's symbols; always the same."""
    symbols = sorted(expression.free_symbols, key=str)
    parameters = [PARAMETERS.get(symbol) or _parameter(symbol) for symbol in symbols]
    return [
        {parameter.symbol: parameter.point(index, place) for place, parameter in enumerate(parameters)}
        for index in range(POINTS)
    ]


def _parameter(symbol: Symbol) -> Parameter:
    """Return a parameter for a symbol that only steps use."""
    return Parameter(symbol, "", Fraction(0) if symbol.is_positive else None)
