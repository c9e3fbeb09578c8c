"""What noise makes of the separation: the least population error of each model against σ, ζ, T and Q."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FormatStrFormatter, NullFormatter

from figures.drawing import Drawing, Row
from figures.points import draw_points, legend_entry
from figures.separation import MODELS
from figures.style import COLOURS, COLUMN_WIDTH, LINES
from numerics.estimate import binomial_interval
from numerics.executor import map_in_order
from numerics.expressivity.noisy_self_attention import TEST, train_noisy_self_attention
from numerics.fingerprint import code_fingerprint
from numerics.simulators.sequences import draw_sequences
from numerics.streams import stream
from numerics.training.attention_models import MODELS as TRAINABLE
from theory.expressivity.best_error import (
    BestError,
    best_linear_attention_error,
    best_pooling_error,
    best_prompt_attention_error,
)
from theory.mixture import ContextualMixture
from theory.risk.exact_risk import Delta

DELTA = 4.0
DELTAS = (Delta(0.0, 0.0, 0.5), Delta(DELTA, DELTA, 0.5))
BASE: dict[str, Any] = {
    "dimension": 8,
    "tokens": 8,
    "relevant_tokens": 2,
    "context_norm": 1.0,
    "signal_norm": 1.0,
    "noise": 0.7,
}
EXACT = {
    "prompt_attention": best_prompt_attention_error,
    "linear_attention": best_linear_attention_error,
    "uniform_pooling": best_pooling_error,
}
NAMES = {
    "prompt_attention": "prompt-attention",
    "linear_attention": "linear attention",
    "uniform_pooling": "uniform pooling",
}
"""Of the same models among those that are trained."""

SMALLEST = 1e-4
"""Below it errors are not drawn."""

SEED = 10
KEY = 65
CHECKED, PORTION = 20_000, 5000
"""Sequences on which the best weights of all models are tested, and how many at once."""

LEVEL = 0.95


@dataclass(frozen=True)
class Sweep:
    """One panel: what changes, over which values.

    Attributes:
        label: of the axis.
        values: in full.
        logarithmic: whether the axis is.
    """

    label: str
    values: tuple[float, ...]
    logarithmic: bool = False

    def chosen(self, draft: bool) -> tuple[float, ...]:
        """Return the values, or about three of them for a draft."""
        return self.values[:: max((len(self.values) - 1) // 2, 1)] if draft else self.values


SWEEPS = {
    "noise": Sweep(r"noise $\sigma$", tuple(np.geomspace(0.2, 3.2, 9).round(3).tolist()), True),
    "sparsity": Sweep(r"sparsity $\zeta = R/T$", tuple((np.arange(1, 8) / 8).tolist())),
    "tokens": Sweep(r"tokens $T$, $\zeta = 1/4$", (4.0, 8.0, 12.0, 16.0)),
    "context_norm": Sweep(r"context norm $Q$", (0.25, 0.5, 1.0, 1.5, 2.0, 3.0)),
}

Task = tuple[str, float, int]


def mixture_of(panel: str, value: float) -> ContextualMixture:
    """Return the data of one point."""
    changes: dict[str, Any] = {panel: value}
    if panel == "sparsity":
        changes = {"relevant_tokens": round(value * BASE["tokens"])}
    elif panel == "tokens":
        changes = {"tokens": int(value), "relevant_tokens": int(value) // 4}
    return ContextualMixture(**{**BASE, **changes})


def computed(task: Task) -> list[dict[str, Any]]:
    """Return the least errors at one point, exact ones with a test of their weights, and that of self-attention."""
    panel, value, index = task
    mixture = mixture_of(panel, value)
    key = (KEY, list(SWEEPS).index(panel), index)
    best = {model: least(mixture, DELTAS) for model, least in EXACT.items()}
    tested = _shares_of_errors(best, mixture, stream(SEED, *key, 0))
    found = [
        {"model": model, "exact": best[model].error, "error_bound": best[model].error_bound, **seen}
        for model, seen in tested.items()
    ]
    trained = train_noisy_self_attention(mixture, DELTAS, rng=stream(SEED, *key, 1))
    low, high = binomial_interval(trained.error * TEST, TEST, LEVEL)
    measured = {"error": trained.error, "interval_low": low, "interval_high": high, "sequences": TEST}
    found.append({"model": "self_attention", "exact": None, "error_bound": None, **measured})
    return found


def _shares_of_errors(
    best: dict[str, BestError], mixture: ContextualMixture, rng: np.random.Generator
) -> dict[str, dict[str, Any]]:
    """Test the weights of all models on the same fresh token sequences."""
    errors = dict.fromkeys(best, 0.0)
    for _ in range(CHECKED // PORTION):
        drawn = draw_sequences(mixture, PORTION, rng=rng, deltas=DELTAS)
        for model, chosen in best.items():
            weights = np.zeros((2, BASE["dimension"]))
            weights[0, :2], weights[1, :2] = chosen.head, chosen.prompt
            vector = weights.ravel() if model != "uniform_pooling" else weights[0]
            decisions = drawn.labels * TRAINABLE[NAMES[model]].decide(vector, drawn.tokens).values
            errors[model] += float(np.sum((1 - np.sign(decisions)) / 2))
    tested = {}
    for model, count in errors.items():
        low, high = binomial_interval(count, CHECKED, LEVEL)
        tested[model] = {"error": count / CHECKED, "interval_low": low, "interval_high": high, "sequences": CHECKED}
    return tested


def compute(drawing: Drawing) -> list[Row]:
    """Return the least errors, exact, tested on sequences, and trained."""
    tasks: list[Task] = [
        (panel, value, index)
        for panel, sweep in SWEEPS.items()
        for index, value in enumerate(sweep.values)
        if value in sweep.chosen(drawing.draft)
    ]
    identity = {
        "code": code_fingerprint("figures.separation_noise"),
        "base": BASE,
        "delta": DELTA,
        "tasks": tasks,
        "seed": SEED,
        "stream": KEY,
    }
    results: Any = drawing.store.fetch(
        identity,
        lambda: list(map_in_order(computed, iter(tasks), len(tasks), drawing.executor, "separation with noise")),
    )
    return [
        {"panel": panel, "value": value, "delta": DELTA, **found, "seed": SEED}
        for (panel, value, _), models in zip(tasks, results, strict=True)
        for found in models
    ]


def draw(rows: list[Row]) -> Figure:
    """Draw one panel for each parameter."""
    figure = Figure(figsize=(COLUMN_WIDTH, 5.2), layout="constrained")
    panels = figure.subplots(2, 2, sharey=True)
    for axes, (name, sweep) in zip(panels.flat, SWEEPS.items(), strict=True):
        _draw_panel(axes, sweep, [row for row in rows if row["panel"] == name])
    for axes in panels[:, 0]:
        axes.set_ylabel(r"least error $\mathbb{P}(y f < 0)$")
    base = rf"$T = {BASE['tokens']}$, $R = {BASE['relevant_tokens']}$, $Q = W = 1$, $\sigma = {BASE['noise']:g}$ "
    figure.suptitle(base + rf"where not on the axis; $\delta = (0, 0)$ or $({DELTA:g}, {DELTA:g})$", fontsize=8)
    figure.legend(
        handles=[legend_entry(style, name) for style, name in enumerate(MODELS.values())],
        loc="outside lower center",
        ncols=2,
        title="lines: exact error of the best weights; points: the same weights tested on sequences\n"
        "(self-attention: trained weights), 95 % intervals",
        title_fontsize=8,
    )
    return figure


def _draw_panel(axes: Axes, sweep: Sweep, rows: list[Row]) -> None:
    """Draw the error of each model."""
    for style, model in enumerate(MODELS):
        mine = [row for row in rows if row["model"] == model]
        exact = [(row["value"], row["exact"]) for row in mine if row["exact"] is not None]
        if exact:
            axes.plot(*zip(*exact, strict=True), color=COLOURS[style], linestyle=LINES[style], zorder=2)
        draw_points(axes, [row for row in mine if row["error"] > SMALLEST], lambda row: row["value"], style)
    axes.set_yscale("log")
    axes.set_ylim(SMALLEST, 0.7)
    axes.set_xlabel(sweep.label)
    if sweep.logarithmic:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator([0.2, 0.5, 1.0, 2.0]))
        axes.xaxis.set_major_formatter(FormatStrFormatter("%g"))
        axes.xaxis.set_minor_formatter(NullFormatter())
