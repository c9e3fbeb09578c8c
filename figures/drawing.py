"""A figure from its data to its files: PDF, PNG and CSV beside each other, each whole or not there."""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from figures.style import house_style
from numerics.atomic_file import replaced_file
from numerics.executor import Workers, result_of
from numerics.extras import Extra
from numerics.store import ResultStore

Row = dict[str, Any]
"""One point of a curve or of a simulation: a row of the CSV, by its columns."""

PICTURES: dict[str, dict[str, str | None]] = {"pdf": {"CreationDate": None}, "png": {"Software": None}}
"""Formats, with what takes out of a file when and where it was drawn."""


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


def write(figures: Iterable[NamedFigure], drawing: Drawing, folder: Path) -> list[Path]:
    """Compute and draw figures and return their files; while the executor draws one, the next is computed.

    Raises:
        OSError: the folder cannot be written, or a worker process was killed; the store keeps what was computed.
    """
    written: list[Path] = []
    drawn: deque[tuple[list[Path], Future[list[bytes]]]] = deque()
    with Workers(drawing.executor) as workers:
        for figure in figures:
            rows = figure.compute(drawing)
            stem = f"{figure.name}-draft" if drawing.draft else figure.name
            files = [folder / f"{stem}.{suffix}" for suffix in ("csv", *PICTURES)]
            drawn.append((files, workers.submit(_contents, (figure.draw, rows))))
            if len(drawn) > 1:
                written.extend(_put(*drawn.popleft()))
        while drawn:
            written.extend(_put(*drawn.popleft()))
    return written


def _put(files: list[Path], drawn: Future[list[bytes]]) -> list[Path]:
    """Write what was drawn into its files."""
    contents = result_of(drawn)
    for file, content in zip(files, contents, strict=True):
        with replaced_file(file) as path:
            path.write_bytes(content)
    return files


def _contents(task: tuple[Callable[[list[Row]], Figure], list[Row]]) -> list[bytes]:
    """Return the table of the rows and the pictures that are drawn of them, as bytes."""
    draw, rows = task
    table = io.StringIO()
    writer = csv.DictWriter(table, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    contents = [table.getvalue().encode()]
    with house_style():
        picture = draw(rows)
        for suffix, metadata in PICTURES.items():
            stream = io.BytesIO()
            picture.savefig(stream, format=suffix, metadata=metadata)
            contents.append(stream.getvalue())
    return contents
