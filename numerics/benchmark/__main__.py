"""Measure everything, print it as tables and write it to results/benchmark.json: `python -m numerics.benchmark`."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import numpy as np
import scipy

from numerics.atomic_file import replaced_file
from numerics.benchmark import pairs
from numerics.benchmark.command import command_entries
from numerics.benchmark.exact_errors import exact_error_entries
from numerics.benchmark.growth import Growth, all_series, growth
from numerics.benchmark.pairs import Entry, Timing, measured
from numerics.benchmark.solvers import Spread, risk_spread, solver_entries
from numerics.benchmark.time_to_precision import floor_entries, precision_entries

FILE = "benchmark.json"
GROUPS: dict[str, Callable[[], list[Entry]]] = {
    "exact errors": exact_error_entries,
    "solvers": solver_entries,
    "whole commands": command_entries,
    "the floor": floor_entries,
    "time to precision": precision_entries,
}
Thing = TypeVar("Thing")


def _with_progress(things: Iterable[Thing], name: Callable[[Thing], str]) -> Iterator[Thing]:
    """Name on standard error what is being measured."""
    for thing in things:
        print(f"{name(thing)} ...", file=sys.stderr)
        yield thing


def machine() -> dict[str, object]:
    """Return what the times were measured on."""
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "machine": platform.machine(),
        "system": platform.system(),
        "cores": os.cpu_count(),
        "threads": os.environ.get("OPENBLAS_NUM_THREADS", "as many as cores"),
    }


def goal_of(timing: Timing) -> str:
    """Return what was aimed at, and whether it is reached."""
    goals = [] if timing.goal is None else [f"{timing.goal:,g}x"]
    goals += [] if timing.goal_seconds is None else [f"{milliseconds(timing.goal_seconds)} ms"]
    return f"{' and '.join(goals)}: {'reached' if timing.reached else 'not reached'}" if goals else ""


def milliseconds(seconds: float) -> str:
    """Return a time in milliseconds, three digits.

    Example:
        >>> milliseconds(0.000123456), milliseconds(12.0)
        ('0.123', '12,000')
    """
    value = 1e3 * seconds
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def print_timings(timings: list[Timing]) -> None:
    """Print the comparisons."""
    for one in timings:
        print(f"{one.name}\n    against {one.alternative}")
        spread = f"{one.smallest_ratio:,.3g} to {one.largest_ratio:,.3g}"
        times = f"{milliseconds(one.toolkit_seconds)} ms for {milliseconds(one.plain_seconds)} ms"
        print(f"    {one.ratio:,.4g}x ({spread}), {times}   {goal_of(one)}".rstrip())


def print_growth(found: list[Growth]) -> None:
    """Print the exponents."""
    print(f"{'exponents':42} {'in':>11} {'time':>6} {'expected':>9} {'memory':>7}  expected")
    for one in found:
        print(
            f"{one.what:42} {one.parameter:>11} {one.time:6.2f} {one.expected_time:>9} {one.memory:7.2f}  "
            f"{one.expected_memory}"
        )


def main(results: Path = Path("results")) -> None:
    """Measure, print and write."""
    timings = {
        group: [measured(one) for one in _with_progress(make(), lambda one: one.name)] for group, make in GROUPS.items()
    }
    print("exact risk of random models ...", file=sys.stderr)
    spread: Spread = risk_spread()
    grown = [growth(one) for one in _with_progress(all_series(), lambda one: f"{one.what} in {one.parameter}")]
    for group, found in timings.items():
        print(f"\n--- {group} ---")
        print_timings(found)
    print(
        f"\n{spread.name}: {milliseconds(spread.median_seconds)} ms (median of {spread.cases}), "
        f"{milliseconds(spread.largest_seconds)} ms at most\n"
    )
    print_growth(grown)
    record = {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "pairs": pairs.PAIRS,
        "timings": [
            {"group": group, **asdict(one), "reached": one.reached} for group, found in timings.items() for one in found
        ],
        "spreads": [asdict(spread)],
        "growth": [asdict(one) for one in grown],
    }
    results.mkdir(parents=True, exist_ok=True)
    with replaced_file(results / FILE) as path:
        path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
