"""The derivations on the page of the report."""

from __future__ import annotations

from dataclasses import replace

import pytest

from figures import report
from figures.mathml import mathml
from figures.report import page
from figures.shown_derivation import shown_derivation
from figures.verification_record import read_record
from tests.test_report import DERIVED, Document
from tests.verification_example import CLAIMS, write_example
from theory.derivations import ENTRIES, derive
from theory.derivations.formula import formula
from theory.derivations.verification import verify


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    write_example(folder)
    return read_record(folder)


def shown(name):
    return shown_derivation(derive(name), verify(derive(name)))


def test_derivations_stand_there_in_steps_with_the_kind_of_their_checks(record):
    document = Document(page(record, [], [shown(name) for name in DERIVED]))
    articles = document.all("article", class_="derivation")
    assert [attributes["aria-labelledby"] for attributes, _ in articles] == [f"derivation-{name}" for name in DERIVED]
    for name, (_, words) in zip(DERIVED, articles, strict=True):
        derivation = derive(name)
        assert derivation.statement in words
        assert f"python -m theory derive {name}" in words
        assert "Exact simplification to zero" in words
        assert "✓ every step holds" in words
        assert all(f"{step.name}. {step.why}" in words for step in derivation.steps)
        assert all(assumption in words for assumption in derivation.assumptions)
    # The result, the definition, each step and each definition that it puts in.
    steps = [step for name in DERIVED for step in derive(name).steps]
    formulas = 2 * len(DERIVED) + sum(1 + len(step.given) for step in steps)
    assert len(document.all("math")) == len(CLAIMS) + formulas


def test_a_step_that_fails_is_shown(record):
    whole = derive("best-temperature")
    wrong = replace(whole, steps=(whole.steps[0], replace(whole.steps[1], after=2 * whole.result)))
    article = Document(page(record, [], [shown_derivation(wrong, verify(wrong))])).all("article", class_="derivation")[
        0
    ][1]
    assert "✗ a step fails" in article
    assert article.count("✗ fails") == 1


@pytest.mark.parametrize("name", ENTRIES)
def test_every_derivation_can_be_shown_as_mathml(name):
    """Converted here without the checks, which take longer."""
    derivation = derive(name)
    formulas = [derivation.quantity, formula(derivation.result), formula(derivation.definition)]
    formulas += [f"= {formula(step.after)}" for step in derivation.steps]
    formulas += [f"{formula(symbol)} = {formula(value)}" for step in derivation.steps for symbol, value in step.given]
    assert all(mathml(formula).startswith("<math ") for formula in formulas)


def test_the_page_shows_every_derivation_of_the_catalogue():
    assert tuple(ENTRIES) == report.SHOWN
