"""Derivations: every step is verified, and a step deleted, changed or moved makes the verification fail."""

from __future__ import annotations

import ast
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
import sympy
from sympy import Rational

from theory.arguments import ArgumentError
from theory.derivations import ENTRIES, derive
from theory.derivations.derivation import CHECKS
from theory.derivations.verification import equal, holds, rational_points, verify

every = pytest.mark.parametrize("name", ENTRIES)
A_LITTLE_MORE = Rational(105, 100)


COSTLY = {
    *(
        "averaging-cosine",
        "averaging-law",
        "discriminant-density",
        "hard-attention-midpoint",
        "least-squares-error-limit",
    ),
    *("linear-attention-gain-kummer", "linear-attention-law", "noisy-feature-variance", "power-slope"),
    *("prompt-gradient", "prompt-step-overlap"),
}
"""A second or more each, half of the time of all."""


# SymPy before 1.14 multiplies the limits of an integral within its own radsimp, and warns of it.
@pytest.mark.filterwarnings(
    "ignore:\\s+Using non-Expr arguments in Mul:sympy.utilities.exceptions.SymPyDeprecationWarning"
)
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in COSTLY else name for name in ENTRIES]
)
def test_every_step_holds_and_none_that_arrives_at_five_per_cent_more(name):
    """The step itself is at fault, also where the rest of the chain starts from the changed expression."""
    derivation = derive(name)
    checks = verify(derivation)
    assert [check.fault for check in checks if not check.holds] == []
    assert {check.check for check in checks} <= set(CHECKS)
    for step in derivation.steps:
        assert not equal(replace(step, after=A_LITTLE_MORE * step.after))


def test_the_catalogue_names_what_it_builds():
    for name, entry in ENTRIES.items():
        built = derive(name)
        assert (built.name, built.title) == (name, entry.title)
        assert built.statement.endswith(".")
        assert built.source == "derived here"


def without(derivation, place):
    return replace(derivation, steps=derivation.steps[:place] + derivation.steps[place + 1 :])


@every
def test_a_step_deleted_makes_it_fail(name):
    derivation = derive(name)
    for place in range(len(derivation.steps)):
        assert not holds(without(derivation, place))


@every
def test_another_definition_or_result_is_found(name):
    """The steps at both ends are at fault, or, if they are changed with it, their two sides differ (above)."""
    derivation = derive(name)
    assert not holds(replace(derivation, result=A_LITTLE_MORE * derivation.result))
    assert not holds(replace(derivation, definition=A_LITTLE_MORE * derivation.definition))


def test_no_result_is_its_own_definition_and_no_step_stands_still():
    for name in ENTRIES:
        derivation = derive(name)
        assert derivation.definition != derivation.result
        assert all(step.before != step.after for step in derivation.steps)


def test_a_derivation_without_steps_proves_nothing():
    assert not holds(replace(derive("best-gain"), steps=()))
    assert not holds(replace(derive("best-gain"), steps=(), definition=derive("best-gain").result))


FEW = {"best-gain", "benefit-of-context", "ridge-overlap", "averaging-overlap", "self-attention-output"}


@pytest.mark.parametrize(
    "name", [name if name in FEW else pytest.param(name, marks=pytest.mark.slow) for name in ENTRIES]
)
def test_a_step_without_one_of_its_definitions_is_found(name):
    """None is idle: each that a step takes as given is needed for its two sides to be equal.

    To find that two sides cannot be made equal takes up to twenty seconds.
    """
    for step in derive(name).steps:
        for place in range(len(step.given)):
            assert not equal(replace(step, given=step.given[:place] + step.given[place + 1 :]))


@every
def test_every_symbol_of_a_result_has_a_meaning_and_rational_points(name):
    derivation = derive(name)
    assert all(parameter.meaning for parameter in derivation.parameters.values())
    points = rational_points(derivation.result)
    assert len(points) == 50
    for point in points:
        for symbol, value in point.items():
            assert value.is_Rational
            assert derivation.parameters[str(symbol)].admits(value)
    if derivation.parameters:
        assert len({tuple(point.values()) for point in points}) > 40


def test_every_counterpart_is_there():
    for counterpart in filter(None, (derive(name).counterpart for name in ENTRIES)):
        module, function = counterpart.rsplit(".", 1)
        assert hasattr(import_module(module), function)


def test_symbols_are_named_once():
    from theory.derivations.symbols import PARAMETERS

    names = [str(symbol) for symbol in PARAMETERS]
    assert len(names) == len(set(names))
    # A name with another assumption would be another symbol, that no definition replaces.
    assert all(isinstance(symbol, sympy.Symbol) for symbol in PARAMETERS)


def test_an_unknown_name_is_refused_with_what_is_alike():
    with pytest.raises(ArgumentError, match="benefit-of-context"):
        derive("benefit-of-contexts")


def test_the_catalogue_is_read_without_sympy():
    """Names and titles are data of a module that imports SymPy inside of functions alone."""
    for file in ("__init__", "catalogue", "command_line"):
        path = Path(import_module("theory.derivations").__file__).parent / f"{file}.py"
        tree = ast.parse(path.read_text(encoding="utf-8"))
        top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        assert not [node for node in top if "sympy" in ast.dump(node)]
