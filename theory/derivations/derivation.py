"""A derivation: a chain of equalities from a definition to a closed form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sympy import Expr, exp, gamma, lambdify, loggamma, powsimp, sympify

from theory.derivations.symbols import PARAMETERS, Parameter

SIMPLIFICATION = "exact simplification to zero"
RATIONAL_POINTS = "exact rational evaluation at 50 points"
CHECKS = (SIMPLIFICATION, RATIONAL_POINTS)

Definitions = Mapping[Expr, Any]


@dataclass(frozen=True)
class Step:
    """One equality of a chain.

    Attributes:
        name: what is done.
        why: what allows it, in a sentence.
        before: the expression that it starts from.
        after: the one that it arrives at.
        given: definitions that turn symbols of the two into what they stand for, put in one after the other.
        check: how the machine verifies that both are equal, one of `CHECKS`.
    """

    name: str
    why: str
    before: Expr
    after: Expr
    given: tuple[tuple[Expr, Expr], ...] = ()
    check: str = SIMPLIFICATION


class Chain:
    """Steps in the making: each starts from where the last one ended."""

    def __init__(self, definition: Expr) -> None:
        """Start from a definition."""
        self.definition = self._end = sympify(definition)
        self.steps: tuple[Step, ...] = ()

    def to(
        self, after: Expr, name: str, why: str, *, given: Definitions | None = None, check: str = SIMPLIFICATION
    ) -> Chain:
        """Add the step to an equal expression."""
        definitions = tuple((symbol, sympify(value)) for symbol, value in (given or {}).items())
        self.steps += (Step(name, why, self._end, sympify(after), definitions, check),)
        self._end = self.steps[-1].after
        return self


@dataclass(frozen=True)
class Derivation:
    r"""A result with the steps that lead to it.

    Attributes:
        name: in lower case with hyphens.
        title: a few words.
        statement: what the result says, a sentence.
        quantity: LaTeX of what is derived, the left side of the result.
        assumptions: what it holds for, and what the machine does not check.
        definition: the expression that defines the quantity.
        steps: from the definition to the result.
        result: the closed form.
        counterpart: the function of the toolkit, by its dotted name, that computes the same number; empty if none does.
        source: where it is from.
    """

    name: str
    title: str
    statement: str
    quantity: str
    assumptions: tuple[str, ...]
    definition: Expr
    steps: tuple[Step, ...]
    result: Expr
    counterpart: str = ""
    source: str = "derived here"

    @property
    def parameters(self) -> dict[str, Parameter]:
        """The symbols that the result depends on, by name."""
        symbols = sorted(self.result.free_symbols, key=str)
        return {str(symbol): PARAMETERS[symbol] for symbol in symbols}

    @cached_property
    def _function(self) -> Any:
        # Quotients of Γ functions are of moderate size where they themselves overflow.
        expression = self.result
        if expression.has(gamma):
            expression = powsimp(expression.replace(gamma, lambda u: exp(loggamma(u))))
        return lambdify([parameter.symbol for parameter in self.parameters.values()], expression, ["scipy", "numpy"])

    def value(self, **numbers: Any) -> Any:
        """Return the result at numbers, or arrays of them, given by the names of `parameters`.

        Raises:
            TypeError: a parameter is missing, or another one given.
        """
        if numbers.keys() != self.parameters.keys():
            raise TypeError(f"value() of {self.name} takes {', '.join(self.parameters)}, got {', '.join(numbers)}")
        return self._function(*(numbers[name] for name in self.parameters))


def derivation(
    name: str,
    title: str,
    statement: str,
    quantity: str,
    chain: Chain,
    result: Expr,
    *,
    assumptions: tuple[str, ...] = (),
    counterpart: str = "",
) -> Derivation:
    """Return a derivation whose definition and steps are those of a chain."""
    return Derivation(
        name, title, statement, quantity, assumptions, chain.definition, chain.steps, sympify(result), counterpart
    )
