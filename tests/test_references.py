"""Every exact error against 504 settings computed to 50 digits by a zonal-harmonic series (tests/references)."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import mpmath as mp
import numpy as np
import pytest

from tests.references.zonal_series import reference_error
from theory import averaging_error, least_squares_error

TABLE = Path(__file__).parent / "references" / "known_prompt_errors.csv"
HEADS = {"averaging": averaging_error, "least_squares": least_squares_error}
# The accuracy that the toolkit promises; it measures 2e-13 for both.
PROMISED = 1e-12


@cache
def table():
    with TABLE.open(newline="") as stream:
        return list(csv.DictReader(stream))


def column(name):
    return np.array([float(row[name]) for row in table()])


@cache
def relative_errors(name):
    """Return the code's relative errors and those of its logarithms, against 50 digits, and its result."""
    result = HEADS[name](column("samples"), column("dimension"), column("kappa"))
    with mp.workdps(50):
        exact = [mp.mpf(row[name]) for row in table()]
        errors = [float(mp.mpf(float(got)) / want - 1) for got, want in zip(result.error, exact, strict=True)]
        logs = [float(mp.mpf(float(got)) - mp.log(want)) for got, want in zip(result.log_error, exact, strict=True)]
    return np.abs(errors), np.abs(logs), result


def test_the_table_covers_the_promised_ranges():
    samples, dimension, kappa = column("samples"), column("dimension"), column("kappa")
    assert len(table()) >= 500
    assert samples.min() == dimension.min() == 1
    assert min(samples.max(), dimension.max()) > 9e5
    assert kappa.min() < 2e-6
    assert kappa.max() > 30
    assert column("averaging").min() < 1e-290
    assert (samples == dimension).sum() >= 10


@pytest.mark.parametrize("name", HEADS)
def test_errors_have_the_promised_accuracy(name):
    errors, logs, _ = relative_errors(name)
    assert errors.max() <= PROMISED
    assert logs.max() <= PROMISED


@pytest.mark.parametrize("name", HEADS)
def test_error_bounds_are_never_exceeded_and_not_empty(name):
    errors, logs, result = relative_errors(name)
    assert np.all(errors <= result.error_bound / result.error)
    assert np.all(logs <= result.log_error_bound)
    # A bound that says nothing would pass the lines above.
    assert result.log_error_bound.max() <= PROMISED


@pytest.mark.parametrize("name", HEADS)
def test_these_checks_would_see_a_formula_that_is_wrong(name):
    """n - 1 for n, p + 1 for p, κ off by 1e-11: all leave the promised accuracy, somewhere in a third of the table."""
    n, p, k = (column(name)[::3] for name in ("samples", "dimension", "kappa"))
    right = HEADS[name](n, p, k).error
    for wrong in (
        HEADS[name](np.maximum(n - 1, 1), p, k),
        HEADS[name](n, p + 1, k),
        HEADS[name](n, p, k * (1 + 1e-11)),
    ):
        assert np.abs(wrong.error / right - 1).max() > PROMISED


@pytest.mark.parametrize("index", [3, 244, 333])
@pytest.mark.parametrize("name", HEADS)
def test_rows_of_the_table_are_what_the_series_gives(name, index):
    row = table()[index]
    value = reference_error(
        int(row["samples"]), int(row["dimension"]), float(row["kappa"]), least_squares=name == "least_squares"
    )
    with mp.workdps(50):
        # The series stops at a relative change of 1e-50; the table's last digit is rounded.
        assert abs(value / mp.mpf(row[name]) - 1) < mp.mpf(10) ** -48


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("start", range(0, 500, 50))
def test_the_whole_table_is_what_the_series_gives(start):
    for row in table()[start : start + 50]:
        for name in HEADS:
            arguments = int(row["samples"]), int(row["dimension"]), float(row["kappa"])
            value = reference_error(*arguments, least_squares=name == "least_squares")
            with mp.workdps(50):
                assert abs(value / mp.mpf(row[name]) - 1) < mp.mpf(10) ** -48


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize(
    ("n", "p", "k"),
    [
        (10**9, 10**9, 1.0),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in (
                (10**9, 10**9, 1e-6),
                (10**9, 10**9 + 1, 3.0),
                (2 * 10**9, 10**9, 2.0),
                (2, 10**9, 20.0),
                (10**9, 2, 5.0),
            )
        ),
        (10**9, 2 * 10**9, 1.0),
    ],
)
def test_a_billion_examples_or_dimensions(name, n, p, k):
    value = reference_error(n, p, k, least_squares=name == "least_squares")
    result = HEADS[name](n, p, k)
    error = abs(float(mp.mpf(result.error) / value) - 1)
    assert error <= result.error_bound / result.error + 2**-52 <= PROMISED
