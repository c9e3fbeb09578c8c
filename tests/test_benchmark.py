"""The benchmark compares like with like, finds growth that is known, and writes what it measured."""

from __future__ import annotations

import json
import math
import time
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from numerics.benchmark import __main__ as benchmark
from numerics.benchmark import growth, pairs, solvers, time_to_precision
from numerics.benchmark.command import command_entries
from numerics.benchmark.exact_errors import exact_error_entries
from numerics.benchmark.pairs import Entry, Side, measured
from numerics.benchmark.solvers import risk_spread, solver_entries
from numerics.benchmark.time_to_precision import TOKEN_LEVEL, Size, floor_entries, precision_entries, variances
from numerics.simulators.overlap import simulate_overlaps
from tests.false_alarms import share
from theory import Head, known_prompt_error

SMALL = Size(dimension=20, tokens=8, relevant=2, samples=40)


@pytest.fixture(autouse=True)
def one_pair(monkeypatch):
    monkeypatch.setattr(pairs, "PAIRS", 1)
    monkeypatch.setattr(growth, "RUNS", 1)
    monkeypatch.setattr(solvers, "RISK_MODELS", 10)
    monkeypatch.setattr(
        time_to_precision,
        "REPETITIONS",
        {"scores": dict.fromkeys(time_to_precision.HEADS, 5)}
        | {"overlap": dict.fromkeys(time_to_precision.HEADS, 100)},
    )
    monkeypatch.setattr(time_to_precision, "PILOT", dict.fromkeys(time_to_precision.HEADS, 50))


def test_both_sides_agree():
    """`measured` refuses sides that differ, so that a table is proof of their agreement."""
    for entry in exact_error_entries(60):
        assert math.isfinite(entry.agreement)
        assert measured(entry).ratio > 0


def test_sides_that_differ_are_not_timed():
    entry = solver_entries()[0]
    wrong = replace(entry, plain=Side(lambda: 1.0001 * np.asarray(entry.plain.run())))
    with pytest.raises(ArithmeticError, match=r"ridge error in the proportional regime: .* by the toolkit"):
        measured(wrong)


def test_times_are_those_of_a_unit_and_goals_are_held_against_them():
    entry = Entry("", "", Side(lambda: time.sleep(0.02) or 0.0, 10, 2), Side(lambda: time.sleep(0.02) or 0.0), 0.0, 2.0)
    found = measured(entry)
    assert 0.004 <= found.toolkit_seconds < found.plain_seconds
    assert_allclose(found.ratio, found.plain_seconds / found.toolkit_seconds)
    assert found.reached
    assert not replace(found, goal=2 * found.ratio).reached
    assert not replace(found, goal_seconds=found.toolkit_seconds / 2).reached
    assert replace(found, goal=None).reached is None


@pytest.mark.parametrize("kind", time_to_precision.HEADS)
@pytest.mark.parametrize("name", TOKEN_LEVEL)
def test_every_way_at_token_level_has_the_predicted_error(name, kind):
    """Power: with 400 heads of 60 test sequences an error that is 16 % off is found with probability 99 %."""
    mixture, head = SMALL.mixture("prompt-orthogonal"), Head(SMALL.samples, kind=kind)
    rng = np.random.default_rng(5)
    errors = np.array([TOKEN_LEVEL[name](mixture, head, 60, rng) for _ in range(400)])
    deviation = (errors.mean() - known_prompt_error(mixture, head).error) / (errors.std(ddof=1) / 20)
    assert math.erfc(abs(deviation) / math.sqrt(2)) > share()


def test_the_variance_of_a_repetition_is_what_the_repetitions_are_counted_by():
    """V + e/m from scores, against counted mistakes of heads drawn by their overlaps."""
    mixture, head = SMALL.mixture("prompt-orthogonal"), Head(SMALL.samples)
    spread = variances(mixture, head, 4000)
    rng = np.random.default_rng(6)
    errors = simulate_overlaps(mixture, head, 40_000, rng).errors
    counted = rng.binomial(30, errors) / 30
    # Two sample variances of 4,000 and 40,000 draws differ by 7 % at most with probability 1 - 1e-6.
    assert_allclose(spread.repetitions(30) * time_to_precision.PRECISION**2, counted.var(), rtol=0.07)
    assert spread.tests(40) == round(math.sqrt(40 * spread.mistakes / spread.head))


def test_entries_of_the_simulators_run():
    entries = [*precision_entries(SMALL), *floor_entries(SMALL)]
    assert len({entry.name for entry in entries}) == len(entries) == 8
    for entry in entries:
        assert np.isfinite(entry.toolkit.run())
        assert np.isfinite(entry.plain.run())


def test_commands_come_to_an_end():
    for entry in command_entries()[:1]:
        assert measured(entry).toolkit_seconds > 0


@pytest.mark.parametrize("exponent", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_growth_that_is_known_is_found(exponent):
    """Arrays of size^exponent numbers: their memory exactly, their time to within what a short run allows."""
    series = growth.Series("", "", (300, 600, 1200), lambda size: lambda: np.ones(size**exponent), "", "")
    assert_allclose(growth.growth(series).memory, exponent, atol=0.15)


def test_every_series_can_be_made():
    for series in growth.all_series():
        assert len(series.sizes) == 3
        assert callable(series.make(series.sizes[0]))


def test_what_was_measured_is_printed_and_written(tmp_path, capsys, monkeypatch):
    series = growth.Series("ones", "n", (100, 200, 400), lambda size: lambda: np.ones(size), "1", "1")
    monkeypatch.setattr(benchmark, "GROUPS", {"solvers": solver_entries})
    monkeypatch.setattr(benchmark, "all_series", lambda: [series])
    benchmark.main(tmp_path)
    record = json.loads((tmp_path / "benchmark.json").read_text(encoding="utf-8"))
    assert [timing["name"] for timing in record["timings"]] == [entry.name for entry in solver_entries()]
    for timing in record["timings"]:
        assert timing["group"] == "solvers"
        assert timing["ratio"] == pytest.approx(timing["plain_seconds"] / timing["toolkit_seconds"])
        assert timing["reached"] == (timing["toolkit_seconds"] <= timing["goal_seconds"])
    (grown,) = record["growth"]
    assert grown["what"] == "ones"
    (spread,) = record["spreads"]
    assert spread["cases"] == 10
    assert 0 < spread["median_seconds"] <= spread["largest_seconds"]
    printed = capsys.readouterr().out
    assert all(timing["name"] in printed for timing in record["timings"])
    assert "ones" in printed


def test_the_exact_risk_of_random_models_is_timed():
    assert risk_spread().cases == 10
