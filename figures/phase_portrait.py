"""Population gradient descent in its plane of head and prompt, with trajectories simulated on finite samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from figures.drawing import Drawing, Row
from figures.style import COLOURS, COLUMN_WIDTH, MARKERS
from numerics.descent.gradient_descent import descend
from numerics.estimate import Moments
from numerics.executor import map_in_order
from numerics.fingerprint import code_fingerprint
from numerics.streams import stream
from theory.arguments import FloatArray, single
from theory.descent.fixed_points import fixed_points
from theory.descent.population_flow import population_plane
from theory.descent.population_trajectory import gradient_descent
from theory.mixture import ContextualMixture

DIMENSION, SAMPLES = 20, 2000
RATE = 0.1
STEPS = 200
MARKS = (5, 10, 20, 40, 100, 200)
"""Steps after which the simulated iterates are drawn."""

RUNS = {False: 4, True: 2}
REACH = 2.5
"""Largest |τ|σQ at which fixed points are sought: 1.67 in τ, beyond what is drawn."""

GRID = {False: 61, True: 21}
SEED = 7
KEY = 62
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Panel:
    """One mixture, what part of its plane is drawn, and where gradient descent starts."""

    title: str
    mixture: ContextualMixture
    head_range: tuple[float, float]
    temperature_range: tuple[float, float]
    starts: tuple[tuple[float, float], ...]


def _mixture(**changes: Any) -> ContextualMixture:
    """Return the mixture of a panel."""
    return ContextualMixture(DIMENSION, 16, 2, context_norm=1.5, signal_norm=1.5, **changes)


PANELS = (
    Panel("isotropic noise", _mixture(), (-1.6, 2.0), (-0.8, 1.6), ((0.0, 0.0), (1.8, 1.4), (-1.2, 0.9))),
    Panel(
        r"isotropic noise, $\delta_w = 0.3$",
        _mixture(delta_signal=0.3),
        (-1.6, 2.0),
        (-0.8, 1.6),
        ((0.0, 0.0), (0.4, 0.4), (1.6, 0.6)),
    ),
    Panel(
        "prompt-orthogonal noise",
        _mixture(noise_kind="prompt-orthogonal"),
        (-1.6, 2.0),
        (-0.8, 1.6),
        ((0.0, 0.0), (1.8, -0.5), (-1.2, 0.9)),
    ),
)

Task = tuple[int, int, int]


def simulated(task: Task) -> list[tuple[float, float]]:
    """Return (c, τ) of one run at each of the marks."""
    panel, start = PANELS[task[0]], task[1]
    path = descend(
        panel.mixture,
        STEPS,
        samples=SAMPLES,
        head_rate=RATE,
        prompt_rate=RATE,
        start=panel.starts[start],
        rng=stream(SEED, KEY, *task),
    )
    coordinates = zip(path.head_coordinate, path.prompt_coordinate, strict=True)
    iterates = [(float(c), float(temperature)) for c, temperature in coordinates]
    return [iterates[mark] for mark in MARKS]


def compute(drawing: Drawing) -> list[Row]:
    """Return gradients on a grid, the curve of best heads, fixed points, and trajectories, predicted and simulated."""
    rows: list[Row] = []
    runs = _runs(drawing)
    for index, panel in enumerate(PANELS):
        plane = population_plane(panel.mixture)
        lengths = np.linspace(*panel.head_range, GRID[drawing.draft])
        for temperature in np.linspace(*panel.temperature_range, GRID[drawing.draft]).tolist():
            here = plane.at(temperature)
            flow = here.equations(lengths)
            rows.extend(
                _row("gradient", index, c, temperature, head=head, prompt=prompt)
                for c, head, prompt in zip(lengths, np.atleast_1d(flow.head), np.atleast_1d(flow.prompt), strict=True)
            )
            rows.append(_row("best head", index, here.best_head_length, temperature))
        rows.extend(
            _row(point.kind, index, point.head_length, point.inverse_temperature)
            for point in fixed_points(panel.mixture, reach=REACH)
        )
        for start, place in enumerate(panel.starts):
            path = gradient_descent(panel.mixture, STEPS, head_rate=RATE, prompt_rate=RATE, start=place)
            points = zip(path.head_length, path.inverse_temperature, strict=True)
            rows.extend(
                _row("population", index, c, temperature, start=start, step=step)
                for step, (c, temperature) in enumerate(points)
            )
            mine = np.array([values for task, values in runs if task[:2] == (index, start)])
            rows.extend(_mark(index, start, mark, mine[:, k]) for k, mark in enumerate(MARKS))
    return rows


def _runs(drawing: Drawing) -> list[tuple[Task, Any]]:
    """Return all simulated runs, from the store or newly made."""
    tasks: list[Task] = [
        (panel, start, run)
        for panel in range(len(PANELS))
        for start in range(len(PANELS[panel].starts))
        for run in range(RUNS[drawing.draft])
    ]
    identity = {
        "code": code_fingerprint("numerics.descent.gradient_descent"),
        "panels": [(repr(panel.mixture), panel.starts) for panel in PANELS],
        "samples": SAMPLES,
        "rate": RATE,
        "steps": MARKS,
        "runs": RUNS[drawing.draft],
        "seed": SEED,
        "stream": KEY,
    }
    found = drawing.store.fetch(
        identity,
        lambda: list(map_in_order(simulated, iter(tasks), len(tasks), drawing.executor, "phase-portrait, simulated")),
    )
    return list(zip(tasks, found, strict=True))


def _mark(panel: int, start: int, step: int, points: FloatArray) -> Row:
    """Return the mean of the runs after so many steps, with Student's intervals for c and τ."""
    intervals = [Moments.of(column).interval(CONFIDENCE, -np.inf, np.inf) for column in points.T]
    c, temperature = points.mean(axis=0)
    return _row("simulated", panel, c, temperature, start=start, step=step, intervals=intervals, runs=len(points))


def _row(
    how: str,
    panel: int,
    head_length: float,
    temperature: float,
    *,
    head: float | None = None,
    prompt: float | None = None,
    start: int | None = None,
    step: int | None = None,
    intervals: Sequence[tuple[float, float] | tuple[None, None]] = ((None, None), (None, None)),
    runs: int | None = None,
) -> Row:
    """Return one row of the figure's data."""
    (c_low, c_high), (low, high) = intervals
    return {
        "kind": how,
        "panel": panel,
        "noise_kind": PANELS[panel].mixture.noise_kind,
        "delta_signal": single(PANELS[panel].mixture.delta_signal),
        "head_length": float(head_length),
        "inverse_temperature": float(temperature),
        "head_gradient": None if head is None else float(head),
        "prompt_gradient": None if prompt is None else float(prompt),
        "start": start,
        "step": step,
        "head_length_low": c_low,
        "head_length_high": c_high,
        "inverse_temperature_low": low,
        "inverse_temperature_high": high,
        "runs": runs,
        "seed": None if runs is None else SEED,
    }


def draw(rows: list[Row]) -> Figure:
    """Draw the flow, its fixed points, and trajectories on top."""
    figure = Figure(figsize=(COLUMN_WIDTH, 3.5), layout="constrained")
    axes = figure.subplots(1, len(PANELS), sharey=True)
    for index, (axis, panel) in enumerate(zip(axes, PANELS, strict=True)):
        _draw_panel(axis, panel, [row for row in rows if row["panel"] == index])
        axis.set_title(panel.title, fontsize=8)
        axis.set_xlabel(r"head, $c = w^\top w_\star / W^2$")
    axes[0].set_ylabel(r"prompt, $\tau = q^\top q_\star / Q^2$")
    figure.suptitle(
        rf"$T = 16$, $R = 2$, $Q = W = 1.5$, $\sigma = 1$; simulated: $d = {DIMENSION}$, $n = {SAMPLES}$ fresh "
        rf"sequences a step, rates {RATE:g}, steps {', '.join(map(str, MARKS))}",
        fontsize=7.5,
    )
    handles = [
        Line2D([], [], color="0.75", linewidth=1, label="gradient flow of the population loss"),
        Line2D([], [], color="0.3", linestyle=(0, (4, 2)), linewidth=1, label=r"best head at this $\tau$"),
        Line2D([], [], color="black", marker="o", linestyle="", markersize=6, label="minimum"),
        Line2D([], [], color="black", marker="X", linestyle="", markersize=6, label="saddle"),
        Line2D([], [], color=COLOURS[0], marker=MARKERS[0], markersize=3.5, markerfacecolor="white", label="from zero"),
        Line2D(
            [], [], color=COLOURS[1], marker=MARKERS[1], markersize=3.5, markerfacecolor="white", label="from elsewhere"
        ),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=7.5)
    return figure


def _draw_panel(axis: Axes, panel: Panel, rows: list[Row]) -> None:
    """Draw one plane."""
    cells = [row for row in rows if row["kind"] == "gradient"]
    size = round(len(cells) ** 0.5)
    c, temperature, head, prompt = (
        np.array([row[name] for row in cells]).reshape(size, size)
        for name in ("head_length", "inverse_temperature", "head_gradient", "prompt_gradient")
    )
    axis.streamplot(c[0], temperature[:, 0], head, prompt, color="0.75", linewidth=0.6, arrowsize=0.6, density=0.9)
    best = [row for row in rows if row["kind"] == "best head"]
    axis.plot(*_columns(best), color="0.3", linestyle=(0, (4, 2)), linewidth=1)
    for start in range(len(panel.starts)):
        style = 0 if start == 0 else 1
        mine = [row for row in rows if row["start"] == start]
        axis.plot(*_columns([row for row in mine if row["kind"] == "population"]), color=COLOURS[style], linewidth=1.2)
        points = [row for row in mine if row["kind"] == "simulated"]
        axis.errorbar(
            *_columns(points),
            xerr=_lengths(points, "head_length"),
            yerr=_lengths(points, "inverse_temperature"),
            fmt=MARKERS[style],
            color=COLOURS[style],
            markersize=3.5,
            markerfacecolor="white",
            markeredgewidth=0.8,
            linewidth=0.8,
            zorder=4,
        )
    for kind, marker in (("minimum", "o"), ("saddle", "X")):
        axis.plot(
            *_columns([row for row in rows if row["kind"] == kind]), marker, color="black", markersize=6, zorder=5
        )
    axis.set_xlim(panel.head_range)
    axis.set_ylim(panel.temperature_range)


def _columns(rows: list[Row]) -> tuple[list[float], list[float]]:
    """Return c and τ of some rows."""
    return [row["head_length"] for row in rows], [row["inverse_temperature"] for row in rows]


def _lengths(rows: list[Row], name: str) -> FloatArray:
    """Return how far the ends of the intervals are from the points, shape (2, rows)."""
    middle = np.array([row[name] for row in rows])
    ends = np.array([[row[f"{name}_low"], row[f"{name}_high"]] for row in rows]).T
    return np.asarray(np.abs(ends - middle))
