"""What the four models can tell apart without noise: best accuracy against Δ, and the map of who succeeds where."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from figures.drawing import Drawing, Row
from figures.style import COLOURS, COLUMN_WIDTH, LINES, MARKERS
from numerics.executor import map_in_order
from numerics.expressivity.global_search import (
    Decisions,
    PlaneData,
    linear_attention_decisions,
    prompt_attention_decisions,
    search,
    self_attention_decisions,
    uniform_pooling_decisions,
)
from numerics.fingerprint import code_fingerprint
from numerics.streams import stream
from theory.expressivity.best_accuracy import best_accuracies
from theory.expressivity.separation import separation
from theory.risk.exact_risk import Delta

TOKENS, RELEVANT = 8, 2
MODELS = {
    "prompt_attention": "softmax-prompt-attention",
    "self_attention": "softmax-self-attention",
    "linear_attention": "linear-prompt-attention",
    "uniform_pooling": "uniform pooling",
}
FAMILIES = {
    "uniform_pooling": ((0.0, 1.0), r"$\delta = (0, \Delta)$"),
    "linear_attention": ((1.0, -1.0), r"$\delta = (\Delta, -\Delta)$"),
    "self_attention": ((1.0, 1.0), r"$\delta = (\Delta, \Delta)$"),
}
"""The model that fails in each panel, the direction of δ, and its title."""

LARGEST = {"uniform_pooling": 0.6, "linear_attention": 0.96, "self_attention": 5.0}
POINTS = {False: 9, True: 3}
CURVE_POINTS = 200
SEED = 9
KEY = 64

Task = tuple[str, str, float, int]


def decisions_of(model: str, data: PlaneData) -> tuple[Decisions, int]:
    """Return a model's decisions and the number of its weights."""
    found = {
        "prompt_attention": (prompt_attention_decisions, 4),
        "self_attention": (self_attention_decisions, 6),
        "linear_attention": (linear_attention_decisions, 4),
        "uniform_pooling": (uniform_pooling_decisions, 2),
    }
    make, size = found[model]
    return make(data), size


def threshold_of(family: str) -> float:
    """Return the Δ from which the model of a panel fails."""
    found = separation(TOKENS, RELEVANT)
    return {
        "uniform_pooling": found.uniform_pooling_delta,
        "linear_attention": found.linear_attention_delta,
        "self_attention": found.self_attention_threshold,
    }[family]


def searched(task: Task) -> float:
    """Return the best accuracy that a search over the weights of a model finds."""
    family, model, delta, index = task
    direction, _ = FAMILIES[family]
    deltas = [Delta(0.0, 0.0, 0.5), Delta(direction[0] * delta, direction[1] * delta, 0.5)]
    data = PlaneData.of(1.0, 1.0, math.pi / 2, TOKENS, RELEVANT, deltas)
    key = (list(FAMILIES).index(family), list(MODELS).index(model), index)
    return search(data, *decisions_of(model, data), rng=stream(SEED, KEY, *key), enough=1.0).accuracy


def compute(drawing: Drawing) -> list[Row]:
    """Return the best accuracies by theory and by search, and the borders of the map."""
    rows: list[Row] = []
    share = RELEVANT / TOKENS
    for family, (direction, _) in FAMILIES.items():
        threshold = threshold_of(family)
        spaced = (LARGEST[family] * (np.arange(CURVE_POINTS) + 0.5) / CURVE_POINTS).tolist()
        for model in MODELS:
            for delta in sorted([*spaced, threshold * (1 - 1e-9), threshold * (1 + 1e-9)]):
                best = best_accuracies(direction[0] * delta, direction[1] * delta, share)
                rows.append(_row("theory", family, model, delta, getattr(best, model)))
    tasks = _tasks(drawing.draft)
    identity = {
        "code": code_fingerprint("numerics.expressivity.global_search"),
        "tokens": (TOKENS, RELEVANT),
        "families": FAMILIES,
        "tasks": tasks,
        "seed": SEED,
        "stream": KEY,
    }
    found: Any = drawing.store.fetch(
        identity,
        lambda: list(map_in_order(searched, iter(tasks), len(tasks), drawing.executor, "separation, search")),
    )
    for (family, model, delta, _), accuracy in zip(tasks, found, strict=True):
        rows.append(_row("searched", family, model, delta, accuracy))
    return rows


def _tasks(draft: bool) -> list[Task]:
    """Return where to search: evenly spaced in Δ, for all models, none within one per cent of a threshold."""
    tasks: list[Task] = []
    for family in FAMILIES:
        spaced = np.linspace(0, LARGEST[family], POINTS[draft] + 1)[1:].tolist()
        spaced += [0.99 * threshold_of(family), 1.01 * threshold_of(family)]
        tasks += [(family, model, delta, index) for model in MODELS for index, delta in enumerate(sorted(spaced))]
    return tasks


def _row(how: str, family: str, model: str, delta: float, accuracy: float) -> Row:
    """Return one row of the figure's data."""
    direction, _ = FAMILIES[family]
    return {
        "kind": how,
        "panel": family,
        "model": model,
        "tokens": TOKENS,
        "relevant_tokens": RELEVANT,
        "delta": delta,
        "delta_context": direction[0] * delta,
        "delta_signal": direction[1] * delta,
        "accuracy": accuracy,
        "seed": SEED if how == "searched" else None,
    }


def draw(rows: list[Row]) -> Figure:
    """Draw the three ways to fail side by side, and the map below."""
    figure = Figure(figsize=(COLUMN_WIDTH, 5.4), layout="constrained")
    grid = figure.add_gridspec(2, 3, height_ratios=(1, 1.15))
    first = None
    for column, (family, (_, title)) in enumerate(FAMILIES.items()):
        panel = figure.add_subplot(grid[0, column], sharey=first)
        first = first or panel
        _draw_family(panel, family, [row for row in rows if row["panel"] == family])
        panel.set_title(rf"$(0, 0)$ or {title}", fontsize=8)
        panel.set_xlabel(r"$\Delta$")
    if first is not None:
        first.set_ylabel("best accuracy of any weights")
    _draw_map(figure.add_subplot(grid[1, :]))
    figure.suptitle(
        rf"no noise, $T = {TOKENS}$, $R = {RELEVANT}$, $q_\star \perp w_\star$; $\delta$ equally likely", fontsize=8
    )
    handles = [
        Line2D(
            [],
            [],
            color=COLOURS[style],
            linestyle=LINES[style],
            marker=MARKERS[style],
            markersize=4,
            markerfacecolor="white",
            label=name,
        )
        for style, name in enumerate(MODELS.values())
    ]
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=2,
        title="lines: theory; points: best found by a search; what coincides is moved apart",
        title_fontsize=8,
    )
    return figure


def _draw_family(panel: Axes, family: str, rows: list[Row]) -> None:
    """Draw the best accuracy of each model; lines that coincide are moved apart by a hair."""
    panel.axvline(threshold_of(family), color="0.75", linewidth=0.8, zorder=0)
    for style, model in enumerate(MODELS):
        shift = 0.008 * (1.5 - style)
        for how in ("theory", "searched"):
            mine = [row for row in rows if row["kind"] == how and row["model"] == model]
            panel.plot(
                [row["delta"] for row in mine],
                [row["accuracy"] + shift for row in mine],
                color=COLOURS[style],
                linestyle=LINES[style] if how == "theory" else "",
                marker="" if how == "theory" else MARKERS[style],
                markersize=3.5,
                markerfacecolor="white",
                zorder=2 if how == "theory" else 3,
            )
    panel.set_ylim(0.45, 1.05)
    panel.set_xlim(0, LARGEST[family] * 1.04)


def _draw_map(panel: Axes) -> None:
    """Draw where pooling, linear attention and self-attention fail in the plane of δ."""
    found, odds = separation(TOKENS, RELEVANT), RELEVANT / (TOKENS - RELEVANT)
    left, right, bottom, top = -1.0, 6.0, -1.0, 5.0
    panel.axhspan(odds, top, facecolor="0.9", edgecolor="none")
    for low, high in ((left, -1e-9), (odds, right)):
        context = np.linspace(low, high, 400)
        edge = -odds / context
        if low > 0:
            panel.fill_between(
                context, np.maximum(edge, bottom), bottom, facecolor="none", edgecolor=COLOURS[2], hatch="////"
            )
        else:
            inside = context <= -odds / top
            panel.fill_between(context[inside], edge[inside], top, facecolor="none", edgecolor=COLOURS[2], hatch="////")
    threshold = found.self_attention_threshold
    panel.plot([threshold, top], [threshold, top], color=COLOURS[1], linewidth=3, marker=MARKERS[1], markevery=[0])
    panel.set_xlim(left, right)
    panel.set_ylim(bottom, top)
    panel.set_xlabel(r"$\delta_q$")
    panel.set_ylabel(r"$\delta_w$")
    panel.set_title(r"where weights fail to reach accuracy 1 on $(0, 0)$ or $(\delta_q, \delta_w)$", fontsize=8)
    hatched = rf"linear attention: $\delta_q \delta_w \leq -{odds:.3g}$"
    ray = rf"self-attention: $\delta_q = \delta_w > {threshold:.3f}$"
    panel.legend(
        handles=[
            Patch(facecolor="0.9", label=rf"uniform pooling: $\delta_w \geq {odds:.3g}$"),
            Patch(facecolor="none", edgecolor=COLOURS[2], hatch="////", label=hatched),
            Line2D([], [], color=COLOURS[1], linewidth=3, label=ray),
            Line2D([], [], linestyle="", label="softmax-prompt-attention: nowhere"),
        ],
        loc="center",
        bbox_to_anchor=(0.38, 0.62),
        fontsize=7.5,
        frameon=True,
    )
