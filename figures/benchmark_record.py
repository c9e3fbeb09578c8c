"""What `python -m numerics.benchmark` measured, read from its file and checked."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from numerics.benchmark.growth import Growth
from numerics.benchmark.pairs import Timing
from numerics.benchmark.solvers import Spread
from theory.arguments import ArgumentError

FILE = "benchmark.json"
Row = TypeVar("Row", Timing, Spread, Growth)


@dataclass(frozen=True)
class BenchmarkRecord:
    """A whole run.

    Attributes:
        started: when.
        machine: on what, in words.
        pairs: of runs behind each ratio.
        groups: comparisons by group.
        spreads: times over random cases.
        growth: exponents.
    """

    started: datetime
    machine: str
    pairs: int
    groups: dict[str, tuple[Timing, ...]]
    spreads: tuple[Spread, ...]
    growth: tuple[Growth, ...]


def read_benchmark(results: Path) -> BenchmarkRecord | None:
    """Return what is in a results folder, None if nothing was measured.

    Raises:
        ArgumentError: the file is not what the benchmark writes.
        OSError: it cannot be read.
    """
    path = results / FILE
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        groups: dict[str, list[Timing]] = {}
        for each in content["timings"]:
            groups.setdefault(str(each["group"]), []).append(_row(Timing, each))
        return BenchmarkRecord(
            datetime.fromisoformat(content["started"]),
            ", ".join(f"{name} {value}" for name, value in content["machine"].items()),
            int(content["pairs"]),
            {group: tuple(timings) for group, timings in groups.items()},
            tuple(_row(Spread, each) for each in content["spreads"]),
            tuple(_row(Growth, each) for each in content["growth"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArgumentError(str(path), "be what make bench writes", f"{type(error).__name__}: {error}") from None


def _row(kind: type[Row], values: dict[str, Any]) -> Row:
    """Return a row of a table, its numbers finite or, where there is none, None."""
    found = {field.name: values[field.name] for field in fields(kind)}
    texts = ("name", "alternative", "what", "parameter", "expected_time", "expected_memory")
    for name, value in found.items():
        if name == "sizes":
            found[name] = tuple(map(int, value))
        elif name in texts:
            found[name] = str(value)
        elif value is not None and not math.isfinite(float(value)):
            raise ValueError(f"{name} is {value}")
    return kind(**found)
