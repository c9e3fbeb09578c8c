"""The benchmark compares like with like, and writes what it measured."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from numerics import benchmark


@pytest.fixture(autouse=True)
def one_pair(monkeypatch):
    monkeypatch.setattr(benchmark, "PAIRS", 1)
    monkeypatch.setattr(benchmark, "RISK_MODELS", 10)


def test_both_sides_of_every_entry_agree_and_are_written(tmp_path, capsys):
    """`measured` refuses sides that differ, so that a table is proof of their agreement."""
    benchmark.main(tmp_path)
    record = json.loads((tmp_path / "benchmark.json").read_text(encoding="utf-8"))
    names = [entry.name for entry in benchmark.entries()]
    assert [timing["name"] for timing in record["timings"]] == names
    for timing in record["timings"]:
        assert timing["ratio"] == pytest.approx(timing["plain_seconds"] / timing["toolkit_seconds"])
    (spread,) = record["spreads"]
    assert spread["cases"] == 10
    assert 0 < spread["median_seconds"] <= spread["largest_seconds"]
    printed = capsys.readouterr().out
    assert all(name in printed for name in names)


def test_sides_that_differ_are_not_timed():
    entry = benchmark.entries()[0]
    wrong = replace(entry, plain=lambda: 1.0001 * entry.plain())
    with pytest.raises(ArithmeticError, match=r"ridge error in the proportional regime: .* by the toolkit"):
        benchmark.measured(wrong)
