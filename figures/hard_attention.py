"""The transition of hard attention: error over Q/σ and ln m, and its sharpening as m grows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.drawing import Drawing, Row
from figures.points import draw_points, population_point
from figures.style import COLOURS, COLUMN_WIDTH, LINES
from theory.arguments import single
from theory.context.hard_attention import hard_attention_error, hard_attention_midpoint, hard_attention_threshold
from theory.mixture import ContextualMixture

LARGEST_CONTEXT = 6.0
SMALLEST_LOGARITHM, LARGEST_LOGARITHM = math.log(2), 14.0
MAP_POINTS = {False: 57, True: 29}
CURVE_POINTS = {False: 121, True: 31}
TERMS = (10, 100, 10_000, 100_000_000)
RATIOS = {
    10: (0.1, 0.4, 0.7, 1.0, 1.3, 1.6),
    100: (0.45, 0.6, 0.75, 0.9, 1.05, 1.2),
    10_000: (0.75, 0.82, 0.89, 0.96, 1.03, 1.1),
}
"""Multiples of the threshold at which curves are simulated: those at which both outcomes occur."""
LARGEST_RATIO = 1.7
SPREAD = 1e4
"""τσQ of the simulated points: the largest score takes all."""
SEQUENCES = {False: 2000, True: 200}
SEED = 4
LEVELS = 0.05 * np.arange(11)


def mixture_of(terms: int, context: float) -> ContextualMixture:
    """Return one relevant token among `terms` irrelevant ones; neither d nor W matters, and σ = 1."""
    return ContextualMixture(2, terms + 1, 1, context_norm=context)


def compute(drawing: Drawing) -> list[Row]:
    """Return the map, its two lines, the curves and the points."""
    rows: list[Row] = []
    count = MAP_POINTS[drawing.draft]
    logarithms = np.linspace(SMALLEST_LOGARITHM, LARGEST_LOGARITHM, count)
    # m is a whole number: the map's heights are the logarithms of those nearest to an even spacing.
    heights = [int(terms) for terms in np.unique(np.round(np.exp(logarithms)))]
    contexts = np.linspace(LARGEST_CONTEXT / count, LARGEST_CONTEXT, count)
    for terms in heights:
        errors = np.atleast_1d(hard_attention_error(ContextualMixture(2, terms + 1, 1, context_norm=contexts)))
        rows.extend(_row("map", terms, context, error) for context, error in zip(contexts, errors, strict=True))
        rows.append(_row("threshold", terms, float(hard_attention_threshold(terms)), None))
        rows.append(_row("midpoint", terms, float(hard_attention_midpoint(terms)), 0.25))
    for terms in TERMS:
        threshold = float(hard_attention_threshold(terms))
        contexts = np.linspace(0.01, LARGEST_RATIO, CURVE_POINTS[drawing.draft]) * threshold
        errors = np.atleast_1d(hard_attention_error(ContextualMixture(2, terms + 1, 1, context_norm=contexts)))
        rows.extend(_row("exact", terms, context, error) for context, error in zip(contexts, errors, strict=True))
        for ratio in RATIOS.get(terms, ()):
            rows.append(_row("simulated", terms, ratio * threshold, **_point(drawing, terms, ratio * threshold)))
    return rows


def _row(
    how: str,
    terms: int,
    context: float,
    error: float | None,
    interval: tuple[float, float] | tuple[None, None] = (None, None),
    sequences: int | None = None,
    seed: int | None = None,
    **_: Any,
) -> Row:
    """Return one row of the figure's data."""
    return {
        "kind": how,
        "irrelevant_tokens": terms,
        "context_over_noise": float(context),
        "error": None if error is None else float(error),
        "interval_low": interval[0],
        "interval_high": interval[1],
        "sequences": sequences,
        "seed": seed,
    }


def _point(drawing: Drawing, terms: int, context: float) -> Any:
    """Return one simulated error from the store, or simulate it."""
    mixture, sequences = mixture_of(terms, context), SEQUENCES[drawing.draft]
    temperature = SPREAD / context
    key = (terms, round(1000 * context))
    return population_point(drawing, mixture, temperature, sequences, SEED, key)


def draw(rows: list[Row]) -> Figure:
    """Draw the phase diagram, and beside it the error over Q/σ in units of the threshold."""
    figure = Figure(figsize=(COLUMN_WIDTH, 3.4), layout="constrained")
    diagram, curves = figure.subplots(1, 2)
    _draw_diagram(figure, diagram, rows)
    _draw_curves(curves, rows)
    figure.suptitle(
        r"one token of $m + 1$ is relevant, head $w_\star$, isotropic noise, prompt $\tau q_\star$, $\tau \to \infty$"
        "\n"
        rf"lines: exact; points: simulated at $\tau\sigma Q = 10^{{{round(math.log10(SPREAD))}}}$, "
        "95 % intervals where larger than the marker",
        fontsize=8,
    )
    return figure


def _draw_diagram(figure: Figure, panel: Axes, rows: list[Row]) -> None:
    """Draw the error over Q/σ and ln m, with the threshold and the finite-size midpoint."""
    cells = [row for row in rows if row["kind"] == "map"]
    contexts = sorted({row["context_over_noise"] for row in cells})
    heights = sorted({row["irrelevant_tokens"] for row in cells})
    errors = np.array([row["error"] for row in cells]).reshape(len(heights), len(contexts))
    filled = panel.contourf(contexts, np.log(heights), errors, LEVELS, cmap="cividis")
    # Without it, viewers show the page through the seams between the bands.
    filled.set_edgecolor("face")
    for how, line, label in (
        ("threshold", "-", r"$Q/\sigma = \sqrt{2 \ln m}$"),
        ("midpoint", (0, (4, 2)), "error 1/4, this $m$"),
    ):
        found = [row for row in rows if row["kind"] == how and 0 <= row["context_over_noise"] <= LARGEST_CONTEXT]
        panel.plot(
            [row["context_over_noise"] for row in found],
            [math.log(row["irrelevant_tokens"]) for row in found],
            color="white",
            linestyle=line,
            label=label,
        )
    panel.text(1.6, 10.5, "a noise token\ntakes all:\nerror → 1/2", color="black", ha="center", va="center", fontsize=8)
    panel.text(5.0, 6.8, "a relevant\ntoken does:\nerror → 0", color="white", ha="center", va="center", fontsize=8)
    panel.legend(loc="lower right", labelcolor="white", fontsize=7, borderaxespad=0.1)
    panel.set_xlim(contexts[0], LARGEST_CONTEXT)
    panel.set_ylim(SMALLEST_LOGARITHM, LARGEST_LOGARITHM)
    panel.set_xlabel(r"context over noise, $Q/\sigma$")
    panel.set_ylabel(r"irrelevant tokens, $\ln m$")
    bar = figure.colorbar(filled, ax=panel, ticks=LEVELS[::2], pad=0.02)
    bar.set_label("test error")


def _draw_curves(panel: Axes, rows: list[Row]) -> None:
    """Draw the error over Q/σ in units of the threshold for each m."""
    panel.axvline(1, color="0.75", linewidth=0.8, zorder=0)
    for style, terms in enumerate(TERMS):
        mine = [row for row in rows if row["irrelevant_tokens"] == terms]
        threshold = single(hard_attention_threshold(terms))
        exact = [row for row in mine if row["kind"] == "exact"]
        panel.plot(
            [row["context_over_noise"] / threshold for row in exact],
            [row["error"] for row in exact],
            color=COLOURS[style],
            linestyle=LINES[style],
            label=f"$m = {terms}$" if terms < 1000 else rf"$m = 10^{{{round(math.log10(terms))}}}$",
        )
        points = [row for row in mine if row["kind"] == "simulated"]
        draw_points(panel, points, lambda row, unit=threshold: row["context_over_noise"] / unit, style)  # type: ignore[misc]
    panel.set_xlim(0, LARGEST_RATIO)
    panel.set_ylim(-0.01, 0.52)
    panel.set_xlabel(r"context over noise, in units of $\sqrt{2 \ln m}$")
    panel.set_ylabel(r"test error, $P(y\,f(X) < 0)$")
    panel.legend(loc="upper right", handlelength=3.2)
