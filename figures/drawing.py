"""A figure from its data to its files: PDF, PNG and CSV beside each other, each whole or not there."""

from __future__ import annotations

import csv
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from figures.style import house_style
from numerics.atomic_file import replaced_file
from numerics.extras import Extra
from numerics.store import ResultStore

Row = dict[str, Any]
"""One point of a curve or of a simulation: a row of the CSV, by its columns."""

DETERMINISTIC = {"pdf": {"CreationDate": None}, "png": {"Software": None}}
"""Nothing in a file depends on when or where it was drawn."""


@dataclass(frozen=True)
class Drawing:
    """What a figure needs to compute its data.

    Attributes:
        store: where simulated results are taken from and put.
        executor: spreads simulations over processes; None computes here.
        draft: whether a quick, coarse picture will do.
    """

    store: ResultStore
    executor: Executor | None
    draft: bool


@dataclass(frozen=True)
class NamedFigure:
    """A figure that can be asked for by name.

    Attributes:
        name: as typed at the shell and used for the files.
        description: what it shows, in one sentence.
        compute: makes its data, one row for each point of a curve or of a simulation.
        draw: draws these rows, and nothing else.
        extra: what it needs that not everybody has; without it, it is left out of a run that draws all.
    """

    name: str
    description: str
    compute: Callable[[Drawing], list[Row]]
    draw: Callable[[list[Row]], Figure]
    extra: Extra | None = None


def write(figure: NamedFigure, drawing: Drawing, folder: Path) -> list[Path]:
    """Compute and draw one figure and return its files.

    Raises:
        OSError: the folder cannot be written.
    """
    rows = figure.compute(drawing)
    stem = f"{figure.name}-draft" if drawing.draft else figure.name
    files = [folder / f"{stem}.{suffix}" for suffix in ("csv", "pdf", "png")]
    with replaced_file(files[0]) as path, path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    with house_style():
        picture = figure.draw(rows)
        for file in files[1:]:
            with replaced_file(file) as path:
                picture.savefig(path, format=file.suffix[1:], metadata=DETERMINISTIC[file.suffix[1:]])
    return files
