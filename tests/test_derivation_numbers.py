"""Closed forms of the derivations are what the numeric functions of the theory compute, at 1,000 random points each.

Tolerance: 1e-12 relative, some thousand roundings.  The symbolic side is evaluated in 50 digits, so that what is left
is the rounding of the numeric functions alone; `value`, its evaluation in floats, is held against that.
"""

from __future__ import annotations

import inspect

import mpmath
import numpy as np
import pytest
import sympy
from numpy.testing import assert_allclose

import theory
from tests import closed_forms
from tests.random_parameters import ANY, drawn
from theory.derivations import ENTRIES, derive

POINTS = 1000
COMPARED = {*closed_forms.COUNTERPARTS, *closed_forms.BENEFITS}
TOLERANCE = 1e-12


def in_fifty_digits(derivation, numbers, count):
    """Return the result at each point."""
    symbols = [parameter.symbol for parameter in derivation.parameters.values()]
    function = sympy.lambdify(symbols, derivation.result, "mpmath")
    columns = [numbers[name] for name in derivation.parameters]
    with mpmath.workdps(50):
        rows = [[mpmath.mpf(float(value)) for value in row] for row in zip(*columns, strict=True)] or [[]] * count
        return np.array([float(function(*row)) for row in rows])


@pytest.mark.parametrize("name", sorted(COMPARED))
def test_the_symbolic_result_is_what_the_numeric_function_computes(name):
    derivation = derive(name)
    numbers, expected = closed_forms.numeric(name, POINTS)
    assert derivation.parameters.keys() <= numbers.keys()
    exact = in_fifty_digits(derivation, numbers, POINTS)
    assert exact.shape == expected.shape == (POINTS,)
    assert_allclose(expected, exact, rtol=TOLERANCE, atol=closed_forms.SMALLEST.get(name, 0.0))


@pytest.mark.parametrize("name", ENTRIES)
def test_the_value_in_floats_is_that_in_fifty_digits(name):
    """To 1e-9: a formula written for reading may cancel where the numeric function does not."""
    derivation = derive(name)
    numbers, _ = closed_forms.numeric(name, 20) if name in COMPARED else (drawn(name, 20), None)
    numbers = ANY | numbers
    chosen = {symbol: numbers[symbol][:20] for symbol in derivation.parameters}
    value = np.broadcast_to(derivation.value(**chosen), 20)
    assert_allclose(value, in_fifty_digits(derivation, numbers, 20), rtol=1e-9, atol=1e-14)


def test_a_value_needs_all_symbols_and_no_others():
    with pytest.raises(TypeError, match="takes delta_q, sigma, got sigma"):
        derive("best-temperature").value(sigma=1.0)


def test_every_derivation_is_compared_or_it_is_said_why_not():
    assert set(ENTRIES) == COMPARED | set(closed_forms.NOT_COMPUTED)
    assert not COMPARED & set(closed_forms.NOT_COMPUTED)


def test_every_function_of_the_theory_has_its_closed_forms_derived():
    functions = {name for name in theory.__all__ if inspect.isfunction(getattr(theory, name))}
    assert functions == set(closed_forms.NUMERIC_FUNCTIONS) | closed_forms.INTEGRALS_AND_ROOTS
    derived = {name for names in closed_forms.NUMERIC_FUNCTIONS.values() for name in names}
    assert derived <= set(ENTRIES)
