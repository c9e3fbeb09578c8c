"""The README's commands print what it shows; its Python examples run as doctests."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from figures.double_descent import MIXTURE, SEED, heads, simulated_points
from tests.console_examples import EXAMPLE, assert_prints
from theory import Head, known_prompt_error

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = EXAMPLE.findall(README)


def test_there_are_examples():
    assert len(EXAMPLES) == 5


@pytest.mark.parametrize(("command", "shown"), EXAMPLES, ids=["theory", "numerics", "fluctuating", "descent", "derive"])
def test_commands_print_what_the_readme_shows(command, shown, capsys):
    assert_prints(command, shown, capsys)


def gallery_rows():
    with (ROOT / "figures" / "gallery" / "double-descent.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_the_pictured_curves_are_the_theory_of_today():
    for kind in ("averaging", "least-squares"):
        for temperature in (0.0, 1.0):
            rows = [
                row
                for row in gallery_rows()
                if (row["head"], row["kind"]) == (kind, "exact") and float(row["inverse_temperature"]) == temperature
            ]
            samples = np.array([float(row["samples"]) for row in rows])
            exact = known_prompt_error(MIXTURE, Head(samples, temperature, kind=kind))
            # Accuracy promised for least squares.
            assert_allclose([float(row["error"]) for row in rows], exact.error, rtol=1e-10)


def test_the_pictured_points_are_what_their_seeds_give():
    """The cheapest point of each head, simulated again."""
    rows = [row for row in gallery_rows() if row["kind"] == "simulated" and row["samples"] == "6"]
    assert {int(row["seed"]) for row in rows} == {SEED}
    for row, head, point in zip(rows, heads(6), simulated_points(6, int(rows[0]["repetitions"]), None), strict=True):
        assert (row["head"], float(row["inverse_temperature"])) == (head.kind, head.inverse_temperature)
        assert_allclose(float(row["error"]), point.error, rtol=1e-10)
