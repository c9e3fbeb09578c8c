"""The report's section on speed: what the benchmark wrote, all of it, and refusals of what it did not write."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from figures.benchmark_record import FILE, read_benchmark
from figures.report import page
from figures.verification_record import read_record
from numerics.benchmark.growth import Growth
from numerics.benchmark.pairs import Timing
from numerics.benchmark.solvers import Spread
from tests.verification_example import write_example
from theory import ArgumentError

TIMING = Timing("an <error>", "plain & slow", 2.5e-5, 0.25, 10_000.0, 9000.0, 11_000.0, 1000.0, 1e-3)
SPREAD = Spread("<random> models", 200, 1.5e-3, 0.0123)
GROWTH = Growth("a simulator", "n", (100, 200), 0.987, "1", -0.001, "0")
RECORD = {
    "started": "2030-01-02T03:04:05+00:00",
    "machine": {"python": "3.11.7", "cores": 2},
    "pairs": 7,
    "timings": [{"group": "exact errors", **asdict(TIMING), "reached": True}],
    "spreads": [asdict(SPREAD)],
    "growth": [asdict(GROWTH)],
}


def write(folder, record):
    (folder / FILE).write_text(json.dumps(record), encoding="utf-8")


def page_of(folder, benchmark):
    write_example(folder)
    return page(read_record(folder), [], benchmark=benchmark)


def test_every_number_is_on_the_page(tmp_path):
    write(tmp_path, RECORD)
    found = read_benchmark(tmp_path)
    assert found.groups == {"exact errors": (TIMING,)}
    assert found.spreads == (SPREAD,)
    assert found.growth == (GROWTH,)
    text = page_of(tmp_path, found)
    for shown in ("an &lt;error&gt;", "plain &amp; slow", "25.0 µs", "250 ms", "python 3.11.7, cores 2", "✓ reached"):
        assert shown in text
    for shown in (
        "10000",
        "9000, 11000",
        "ratio 1000, 1.00 ms",
        "100; 200",
        "0.99",
        "2030-01-02, 03:04 UTC",
        "&lt;random&gt; models: 1.50 ms in the median of 200, 12.3 ms at most.",
        "7 times",
    ):
        assert shown in text


def test_without_a_benchmark_nothing_is_said(tmp_path):
    assert read_benchmark(tmp_path) is None
    assert 'id="speed"' not in page_of(tmp_path, None)


@pytest.mark.parametrize(
    "change",
    [
        {"timings": [{"group": "a"}]},
        {"timings": [{**RECORD["timings"][0], "ratio": float("nan")}]},
        {"timings": [{**RECORD["timings"][0], "ratio": "fast"}]},
        {"growth": None},
        {"spreads": [{**RECORD["spreads"][0], "largest_seconds": "long"}]},
        {"started": "yesterday"},
        {"pairs": "many"},
        {"machine": "large"},
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path, change):
    write(tmp_path, {**RECORD, **change})
    with pytest.raises(ArgumentError, match=r"benchmark\.json must be what make bench writes, got"):
        read_benchmark(tmp_path)


def test_a_goal_that_is_missed_is_said_to_be():
    assert not Timing("", "", 2e-3, 1.0, 500.0, 500.0, 500.0, None, 1e-3).reached
