"""A derivation as the report shows it: checked, with its formulas as MathML."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup
from sympy import Expr

from figures.derivations import stored_checks
from figures.mathml import mathml
from theory.derivations import derive
from theory.derivations.derivation import Derivation
from theory.derivations.formula import formula
from theory.derivations.verification import StepCheck


@dataclass(frozen=True)
class ShownStep:
    """One equality.

    Attributes:
        name: what is done.
        why: what allows it.
        given: MathML of the definitions that are put in.
        formula: MathML of what the step arrives at.
        check: the kind of check.
        holds: whether it holds.
    """

    name: str
    why: str
    given: tuple[Markup, ...]
    formula: Markup
    check: str
    holds: bool


@dataclass(frozen=True)
class ShownDerivation:
    """A derivation.

    Attributes:
        name: for the shell.
        title: a few words.
        statement: a sentence.
        assumptions: what it holds for.
        formula: MathML of the result.
        definition: MathML of what it starts from.
        steps: from there to the result.
    """

    name: str
    title: str
    statement: str
    assumptions: tuple[str, ...]
    formula: Markup
    definition: Markup
    steps: tuple[ShownStep, ...]

    @property
    def holds(self) -> bool:
        """Whether every step holds."""
        return all(step.holds for step in self.steps)

    @property
    def checks(self) -> str:
        """The kinds of check, in words."""
        return " and ".join(dict.fromkeys(step.check for step in self.steps))


def _shown(expression: Expr, left: str = "") -> Markup:
    """Return MathML of an expression, after "left =" where that is given."""
    return Markup(mathml(f"{left} = {formula(expression)}" if left else formula(expression)))


def _arrived(expression: Expr) -> Markup:
    """Return MathML of what a step arrives at."""
    return Markup(mathml(f"= {formula(expression)}"))


def shown_derivation(derivation: Derivation, checks: tuple[StepCheck, ...]) -> ShownDerivation:
    """Return a derivation with what its check found, one of each step.

    Example:
        >>> from theory.derivations import derive
        >>> from theory.derivations.verification import verify
        >>> shown = shown_derivation(derive("best-temperature"), verify(derive("best-temperature")))
        >>> shown.title, shown.holds, len(shown.steps)
        ('Best inverse temperature', True, 2)
    """
    steps = tuple(
        ShownStep(
            step.name,
            step.why,
            tuple(_shown(value, formula(symbol)) for symbol, value in step.given),
            _arrived(step.after),
            check.check,
            check.holds,
        )
        for step, check in zip(derivation.steps, checks, strict=True)
    )
    return ShownDerivation(
        derivation.name,
        derivation.title,
        derivation.statement,
        derivation.assumptions,
        _shown(derivation.result, derivation.quantity),
        _shown(derivation.definition),
        steps,
    )


def stored_derivation(name: str, results: Path) -> ShownDerivation:
    """Return a derivation of the catalogue with its checks, made unless the store of a results folder has them.

    Raises:
        ArgumentError: there is no such derivation.
        StoreError: the store cannot be used.

    Example:
        >>> import tempfile
        >>> stored_derivation("best-temperature", Path(tempfile.mkdtemp())).checks
        'exact simplification to zero'
    """
    return shown_derivation(derive(name), stored_checks(name, results))
