"""The separation after training: test error of all four models, trained by gradient descent, against Δ."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.drawing import Drawing, Row
from figures.points import draw_points, legend_entry
from figures.separation import FAMILIES, MODELS
from figures.style import COLOURS, COLUMN_WIDTH, LINES
from numerics.executor import map_in_order
from numerics.expressivity.trained_error import trained_error
from numerics.fingerprint import code_fingerprint
from numerics.streams import stream
from theory.expressivity.best_accuracy import best_accuracies
from theory.expressivity.separation import separation
from theory.mixture import ContextualMixture
from theory.risk.exact_risk import Delta

TOKENS, RELEVANT, NOISE = 8, 4, 0.3
DIMENSION = 6
MIXTURE = ContextualMixture(dimension=DIMENSION, tokens=TOKENS, relevant_tokens=RELEVANT, noise=NOISE)
SAMPLES, TEST = 400, 4000
NAMES = {
    "prompt_attention": "prompt-attention",
    "self_attention": "self-attention",
    "linear_attention": "linear attention",
    "uniform_pooling": "uniform pooling",
}
"""Of the same models among those that are trained."""

LARGEST = 1.9
"""Descent from small weights turns away from the relevant tokens where (1-ζ) Δ/2 > ζ, that is Δ > 2 here."""

VALUES = (0.4, 0.7, 0.9, 1.1, 1.3, 1.6, LARGEST)
RUNS = {False: 6, True: 2}
SEED = 12
KEY = 66

Task = tuple[str, str, float, int]


def deltas_of(family: str, delta: float) -> tuple[Delta, Delta]:
    """Return the values of δ of a panel."""
    (along_context, along_signal), _ = FAMILIES[family]
    return Delta(0.0, 0.0, 0.5), Delta(along_context * delta, along_signal * delta, 0.5)


def trained(task: Task) -> float:
    """Return the test error of one run."""
    family, model, delta, run = task
    key = (list(FAMILIES).index(family), list(MODELS).index(model), VALUES.index(delta), run)
    rng = stream(SEED, KEY, *key)
    return trained_error(NAMES[model], MIXTURE, deltas_of(family, delta), samples=SAMPLES, test=TEST, rng=rng)


def compute(drawing: Drawing) -> list[Row]:
    """Return the test errors after training, and the least errors without noise."""
    values = VALUES[::3] if drawing.draft else VALUES
    runs = RUNS[drawing.draft]
    places = [(family, model, delta) for family in FAMILIES for model in MODELS for delta in values]
    tasks: list[Task] = [(*place, run) for place in places for run in range(runs)]
    identity = {
        "code": code_fingerprint("figures.separation_trained"),
        "mixture": repr(MIXTURE),
        "sizes": (SAMPLES, TEST),
        "tasks": tasks,
        "seed": SEED,
        "stream": KEY,
    }
    errors: Any = drawing.store.fetch(
        identity, lambda: list(map_in_order(trained, iter(tasks), len(tasks), drawing.executor, "separation, training"))
    )
    rows = []
    for index, (family, model, delta) in enumerate(places):
        mine = errors[index * runs : (index + 1) * runs]
        rows.append(_row("trained", family, model, delta, float(np.mean(mine)), (min(mine), max(mine)), runs))
    for family in FAMILIES:
        for delta in sorted([*np.linspace(0.02, LARGEST, 60).tolist(), 1 - 1e-9, 1 + 1e-9]):
            best = best_accuracies(*[(d.context, d.signal) for d in deltas_of(family, delta)][1], RELEVANT / TOKENS)
            rows += [_row("no noise", family, model, delta, 1 - getattr(best, model)) for model in MODELS]
    return rows


def _row(
    kind: str,
    family: str,
    model: str,
    delta: float,
    error: float,
    ends: tuple[float | None, float | None] = (None, None),
    runs: int | None = None,
) -> Row:
    """Return one row of the figure's data."""
    return {
        "kind": kind,
        "panel": family,
        "model": model,
        "delta": delta,
        "error": error,
        "least": ends[0],
        "largest": ends[1],
        "runs": runs,
        "seed": SEED if runs else None,
    }


def draw(rows: list[Row]) -> Figure:
    """Draw one panel for each family of data."""
    figure = Figure(figsize=(COLUMN_WIDTH, 3.3), layout="constrained")
    panels = figure.subplots(1, 3, sharey=True)
    for axes, (family, (_, title)) in zip(panels, FAMILIES.items(), strict=True):
        _draw_panel(axes, family, [row for row in rows if row["panel"] == family])
        axes.set_title(rf"$(0, 0)$ or {title}", fontsize=8)
    panels[0].set_ylabel("test error")
    runs = next(row["runs"] for row in rows if row["runs"])
    figure.suptitle(
        rf"$T = {TOKENS}$, $R = {RELEVANT}$, $Q = W = 1$, $\sigma = {NOISE:g}$, $d = {DIMENSION}$, "
        rf"{SAMPLES} training sequences",
        fontsize=8,
    )
    figure.legend(
        handles=[legend_entry(style, name) for style, name in enumerate(MODELS.values())],
        loc="outside lower center",
        ncols=2,
        title=f"points: after gradient descent, mean of {runs} runs; bars: the least and the largest of them\n"
        "lines: best weights without noise, moved apart where they coincide",
        title_fontsize=8,
    )
    return figure


def _draw_panel(axes: Axes, family: str, rows: list[Row]) -> None:
    """Draw the error of each model, and the threshold of the one that fails."""
    found = separation(TOKENS, RELEVANT)
    threshold = {
        "uniform_pooling": found.uniform_pooling_delta,
        "linear_attention": found.linear_attention_delta,
        "self_attention": found.self_attention_threshold,
    }[family]
    axes.axvline(threshold, color="0.75", linewidth=0.8, zorder=0)
    for style, model in enumerate(MODELS):
        mine = [row for row in rows if row["model"] == model]
        line = [(row["delta"], row["error"] + 0.006 * style) for row in mine if row["kind"] == "no noise"]
        axes.plot(*zip(*line, strict=True), color=COLOURS[style], linestyle=LINES[style], linewidth=1, zorder=2)
        _draw_runs(axes, [row for row in mine if row["kind"] == "trained"], style)
    axes.set_ylim(-0.02, 0.72)
    axes.set_xlim(0, 2)
    axes.set_xlabel(r"$\Delta$")


def _draw_runs(axes: Axes, points: list[Row], style: int) -> None:
    """Draw means of a few runs, and from where to where they lie."""
    ends = [{**row, "interval_low": row["least"], "interval_high": row["largest"]} for row in points]
    draw_points(axes, ends, lambda row: row["delta"], style)
