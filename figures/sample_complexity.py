"""What three steps of gradient descent learn from n sequences each: overlaps and error against n/d, for several d."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from figures.drawing import Drawing, Row
from figures.points import draw_points, legend_entry
from figures.style import COLOURS, COLUMN_WIDTH, LINES
from numerics.descent.three_steps import draw_three_steps
from numerics.estimate import Moments
from numerics.executor import map_in_order
from numerics.fingerprint import code_fingerprint
from numerics.streams import stream
from theory.arguments import single
from theory.descent.sample_complexity import sample_complexity
from theory.descent.three_steps import three_steps
from theory.mixture import ContextualMixture

MIXTURE = ContextualMixture(50, 8, 2, context_norm=1.5, signal_norm=1.5)
PROMPT_NORM = 0.8
DIMENSIONS = (50, 200, 800)
LIMIT = 0
"""Stands for d = ∞ in the data."""

RATIOS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
CURVE_POINTS = {False: 13, True: 5}
REPETITIONS = {False: {50: 200, 200: 100, 800: 50}, True: dict.fromkeys(DIMENSIONS, 20)}
"""Fewer in many dimensions: a repetition costs more there, and varies less, by 1/√d."""

QUANTITIES = {
    "head_overlap": r"head after step 1, $\cos\angle(\hat w_1, w_\star)$",
    "prompt_overlap": r"prompt after step 2, $\cos\angle(\hat q_1, q_\star)$",
    "final_overlap": r"head after step 3, $\cos\angle(\hat w_2, w_\star)$",
    "error": "test error after step 3",
}
STEPS = {"head_overlap": "head", "prompt_overlap": "prompt", "final_overlap": "final"}
EPSILON = 0.1
SEED = 5
KEY = 61
CONFIDENCE = 0.95

Values = dict[str, float]
Intervals = dict[str, tuple[float, float, float]]


def predicted(task: tuple[int, float]) -> tuple[Values, Values]:
    """Return the four numbers at finite d, and their limits."""
    dimension, ratio = task
    steps = three_steps(replace(MIXTURE, dimension=dimension), round(ratio * dimension), PROMPT_NORM)
    return {name: getattr(steps, name) for name in QUANTITIES}, {
        name: getattr(steps.limit, name) for name in QUANTITIES
    }


def simulated(task: tuple[int, float, int]) -> Intervals:
    """Return mean and confidence interval of each of the four numbers."""
    dimension, ratio, repetitions = task
    mixture, rng = replace(MIXTURE, dimension=dimension), stream(SEED, KEY, dimension, round(1000 * ratio))
    draws = draw_three_steps(mixture, round(ratio * dimension), PROMPT_NORM, repetitions, rng=rng)
    moments = {name: Moments.of(getattr(draws, name)) for name in QUANTITIES}
    lower = {name: 0.0 if name == "error" else -1.0 for name in QUANTITIES}
    return {name: (one.mean, *one.interval(CONFIDENCE, lower[name], 1.0)) for name, one in moments.items()}


def compute(drawing: Drawing) -> list[Row]:
    """Return the curves, the points, and the samples that cos² = 1 - ε takes."""
    rows: list[Row] = []
    ratios = np.geomspace(RATIOS[0], RATIOS[-1], CURVE_POINTS[drawing.draft]).tolist()
    for dimension in DIMENSIONS:
        for ratio, (finite, limit) in zip(ratios, _curve(drawing, dimension, ratios), strict=True):
            rows.extend(_row("to order 1/n", name, dimension, ratio, value) for name, value in finite.items())
            if dimension == DIMENSIONS[-1]:
                rows.extend(_row("limit", name, LIMIT, ratio, value) for name, value in limit.items())
        for ratio, point in zip(RATIOS, _points(drawing, dimension), strict=True):
            repetitions = REPETITIONS[drawing.draft][dimension]
            rows.extend(
                _row("simulated", name, dimension, ratio, value, (low, high), repetitions)
                for name, (value, low, high) in point.items()
            )
    needed = sample_complexity(MIXTURE, EPSILON, PROMPT_NORM)
    for name, step in STEPS.items():
        for how, samples in (("needed", getattr(needed, step).samples), ("lower limit", getattr(needed, step).limit)):
            ratio = samples / single(MIXTURE.dimension)
            rows.append(_row(how, name, LIMIT, ratio, (1 - EPSILON) ** 0.5))
    return rows


def _row(
    how: str,
    quantity: str,
    dimension: int,
    ratio: float,
    value: float,
    interval: tuple[float, float] | tuple[None, None] = (None, None),
    repetitions: int | None = None,
) -> Row:
    """Return one row of the figure's data."""
    return {
        "kind": how,
        "quantity": quantity,
        "dimension": dimension or None,
        "samples_per_dimension": ratio,
        "value": value,
        "interval_low": interval[0],
        "interval_high": interval[1],
        "repetitions": repetitions,
        "seed": None if repetitions is None else SEED,
    }


def _curve(drawing: Drawing, dimension: int, ratios: list[float]) -> Any:
    """Return a curve from the store, or compute it."""
    tasks = [(dimension, ratio) for ratio in ratios]
    identity = {"code": code_fingerprint("theory.descent.three_steps"), **_shared(), "tasks": tasks}
    progress = f"sample-complexity, curve, d = {dimension}"
    return drawing.store.fetch(
        identity, lambda: list(map_in_order(predicted, iter(tasks), len(tasks), drawing.executor, progress))
    )


def _points(drawing: Drawing, dimension: int) -> Any:
    """Return the simulated points of one d from the store, or simulate them."""
    tasks = [(dimension, ratio, REPETITIONS[drawing.draft][dimension]) for ratio in RATIOS]
    identity = {
        "code": code_fingerprint("numerics.descent.three_steps"),
        **_shared(),
        "tasks": tasks,
        "seed": SEED,
        "stream": KEY,
    }
    progress = f"sample-complexity, points, d = {dimension}"
    return drawing.store.fetch(
        identity, lambda: list(map_in_order(simulated, iter(tasks), len(tasks), drawing.executor, progress))
    )


def _shared() -> dict[str, Any]:
    """Return what curves and points depend on alike."""
    return {"mixture": repr(MIXTURE), "prompt_norm": PROMPT_NORM, "quantities": list(QUANTITIES)}


def draw(rows: list[Row]) -> Figure:
    """Draw one panel for each overlap and one for the error."""
    figure = Figure(figsize=(COLUMN_WIDTH, 5.4), layout="constrained")
    panels = figure.subplots(2, 2, sharex=True).ravel()
    for panel, (name, label) in zip(panels, QUANTITIES.items(), strict=True):
        _draw_panel(panel, [row for row in rows if row["quantity"] == name])
        panel.set_title(label, fontsize=9)
        panel.set_ylabel("error" if name == "error" else "overlap")
    for panel in panels[2:]:
        panel.set_xlabel("sequences per dimension, $n/d$")
    tokens, relevant = int(single(MIXTURE.tokens)), int(single(MIXTURE.relevant_tokens))
    figure.suptitle(
        rf"$T = {tokens}$, $R = {relevant}$, $Q = W = {single(MIXTURE.context_norm):g}$, $\sigma = 1$, "
        rf"isotropic noise, $\|q_1\| = {PROMPT_NORM:g}$, random labels; $n$ fresh sequences a step",
        fontsize=8,
    )
    handles = [
        Line2D([], [], color="0.6", linewidth=3, label=r"limit $n, d \to \infty$"),
        *(
            legend_entry(style, f"$d = {dimension}$: to order $1/n$, simulated")
            for style, dimension in enumerate(DIMENSIONS)
        ),
        Line2D([], [], color="black", marker="|", linestyle="", label=rf"$\cos^2 = {1 - EPSILON:g}$ needs so many"),
        Line2D(
            [],
            [],
            color="black",
            marker="<",
            markersize=4,
            linestyle="",
            label="lower limit for any estimator from the same vectors",
        ),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def _draw_panel(panel: Axes, rows: list[Row]) -> None:
    """Draw the limit, and for each d the prediction and the simulation; mark what ε takes."""

    def line(how: str, dimension: int | None) -> tuple[list[float], list[float]]:
        found = [row for row in rows if row["kind"] == how and row["dimension"] == dimension]
        return [row["samples_per_dimension"] for row in found], [row["value"] for row in found]

    panel.plot(*line("limit", None), color="0.75", linewidth=3, zorder=1)
    for style, dimension in enumerate(DIMENSIONS):
        panel.plot(*line("to order 1/n", dimension), color=COLOURS[style], linestyle=LINES[style])
        points = [row for row in rows if row["kind"] == "simulated" and row["dimension"] == dimension]
        draw_points(panel, points, lambda row: float(row["samples_per_dimension"]), style, value="value")
    for how, marker in (("needed", "|"), ("lower limit", "<")):
        size = 10 if marker == "|" else 4
        panel.plot(*line(how, None), marker=marker, color="black", markersize=size, linestyle="", zorder=4)
    panel.set_xscale("log", base=2)
    panel.set_xlim(RATIOS[0] / 1.15, RATIOS[-1] * 1.15)
    panel.set_xticks(RATIOS, [f"{ratio:g}" for ratio in RATIOS])
    panel.minorticks_off()
    values = [row["value"] for row in rows]
    if rows[0]["quantity"] == "error":
        panel.set_ylim(0, 1.1 * max(values))
    else:
        panel.set_ylim(np.floor(10 * min(values)) / 10, 1.02)
