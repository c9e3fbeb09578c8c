"""What a known prompt is worth: the gain in the features' signal-to-noise ratio, and the error of the best head."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from figures.drawing import Drawing, Row
from figures.points import draw_points, legend_entry, population_point
from figures.style import COLOURS, COLUMN_WIDTH, LINES, MARKERS
from theory.arguments import single
from theory.context.benefit import best_inverse_temperature, context_benefit, population_error
from theory.mixture import ContextualMixture

SHARE = 16
"""One token in sixteen is relevant."""
TOKENS = (16, 64, 256)
GAIN_TOKENS = 64
CONTEXT = 1.5
TEMPERATURES = (0.25, 0.5, 1.0)
"""Below, at and above τ* = 1/(2σ²), for the panel over Q."""
LARGEST_TEMPERATURE = 2.0
CURVE_POINTS = {False: 61, True: 17}
POINT_TEMPERATURES = (0.1, 0.25, 0.5, 0.75, 1.0, 1.4, 1.8)
SEQUENCES = {False: 40_000, True: 1000}
SEED = 3

CONTEXT_RANGE = (0.3, 2.2)
GAIN_RANGE = (0.25, 40.0)
GAIN_TICKS = (0.3, 1, 3, 10, 30)
LIMIT: dict[str, Any] = {"color": "0", "linestyle": (0, (3, 2)), "linewidth": 0.8}
STAR: dict[str, Any] = {"color": "0.75", "linewidth": 0.8}
TOKEN_STYLES = (0, 1, 3)
TEMPERATURE_STYLES = (4, 5, 6)
LINEAR_STYLE = 2


def mixture_of(tokens: int, context: float) -> ContextualMixture:
    """Return the data; the dimension does not matter to a known head."""
    return ContextualMixture(2, tokens, tokens // SHARE, context_norm=context)


def compute(drawing: Drawing) -> list[Row]:
    """Return curves and marks of the three panels, and the simulated points of the third."""
    count = CURVE_POINTS[drawing.draft]
    rows: list[Row] = []
    for context in np.linspace(*CONTEXT_RANGE, count):
        mixture = mixture_of(GAIN_TOKENS, context)
        for temperature in TEMPERATURES:
            benefit = context_benefit(mixture, temperature)
            rows.append(_row("context", "exact", mixture, temperature, gain=benefit.prompt))
            rows.append(_row("context", "many tokens", mixture, temperature, gain=benefit.prompt_many_tokens))
        rows.append(_row("context", "exact", mixture, None, gain=benefit.linear))
        rows.append(_row("context", "many tokens", mixture, None, gain=benefit.linear_many_tokens))
    for tokens in TOKENS:
        mixture = mixture_of(tokens, CONTEXT)
        for temperature in np.linspace(0, LARGEST_TEMPERATURE, count):
            gain, error = context_benefit(mixture, temperature).prompt, population_error(mixture, temperature)
            rows.append(_row("temperature", "exact", mixture, temperature, gain=gain))
            rows.append(_row("error", "exact", mixture, temperature, error=error))
        best = best_inverse_temperature(mixture)
        gain = context_benefit(mixture, best.inverse_temperature).prompt
        rows.append(_row("temperature", "best", mixture, best.inverse_temperature, gain=gain))
        rows.append(_row("error", "best", mixture, best.inverse_temperature, error=best.error))
        rows.extend(
            _row("error", "simulated", mixture, temperature, **_point(drawing, tokens, temperature))
            for temperature in POINT_TEMPERATURES
        )
    for temperature in np.linspace(0, LARGEST_TEMPERATURE, count):
        benefit = context_benefit(mixture, temperature)
        rows.append(_row("temperature", "many tokens", mixture, temperature, gain=benefit.prompt_many_tokens))
    star, gain = benefit.best_temperature_many_tokens, benefit.best_many_tokens
    rows.append(_row("temperature", "best, many tokens", mixture, star, gain=gain))
    return rows


def _row(
    panel: str,
    how: str,
    mixture: ContextualMixture,
    temperature: float | None,
    *,
    gain: float | None = None,
    error: float | None = None,
    interval: tuple[float, float] | tuple[None, None] = (None, None),
    sequences: int | None = None,
    seed: int | None = None,
    **_: Any,
) -> Row:
    """Return one row of the figure's data; a limit has no number of tokens, linear attention no temperature."""
    many = "many tokens" in how
    return {
        "panel": panel,
        "kind": how,
        "attention": "linear" if temperature is None else "softmax",
        "tokens": None if many else int(single(mixture.tokens)),
        "relevant_share": 1 / SHARE,
        "context_norm": single(mixture.context_norm),
        "inverse_temperature": None if temperature is None else float(temperature),
        "gain": gain,
        "error": error,
        "interval_low": interval[0],
        "interval_high": interval[1],
        "sequences": sequences,
        "seed": seed,
    }


def _point(drawing: Drawing, tokens: int, temperature: float) -> Any:
    """Return one simulated error from the store, or simulate it."""
    mixture, sequences = mixture_of(tokens, CONTEXT), SEQUENCES[drawing.draft]
    key = (tokens, round(1000 * temperature))
    return population_point(drawing, mixture, temperature, sequences, SEED, key)


def draw(rows: list[Row]) -> Figure:
    """Draw the gain over Q, the gain over τ, and the error over τ."""
    figure = Figure(figsize=(COLUMN_WIDTH, 3.5), layout="constrained")
    over_context, over_temperature, errors = figure.subplots(1, 3)
    _draw_contexts(over_context, [row for row in rows if row["panel"] == "context"])
    stars = [row for row in rows if row["kind"] == "best, many tokens"]
    _draw_temperatures(over_temperature, [row for row in rows if row["panel"] == "temperature"], "gain", stars)
    _draw_temperatures(errors, [row for row in rows if row["panel"] == "error"], "error", stars)
    for panel in (over_context, over_temperature):
        panel.set_ylim(*GAIN_RANGE)
        panel.set_ylabel(r"gain $\mathrm{E}\,\kappa^2(\tau)\,/\,\kappa^2(0)$")
    errors.set_ylim(0.03, 0.53)
    errors.set_ylabel(r"test error of the head $w_\star$")
    for panel, ticks in (
        (over_context, GAIN_TICKS),
        (over_temperature, GAIN_TICKS),
        (errors, (0.03, 0.1, 0.3)),
    ):
        panel.set_yscale("log")
        panel.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        panel.minorticks_off()
    for panel in (over_temperature, errors):
        panel.set_xlabel(r"inverse temperature, $\tau$")
        panel.set_title(rf"$Q = {CONTEXT:g}$", fontsize=9)
    figure.suptitle(
        rf"$R/T = 1/{SHARE}$, $W = \sigma = 1$, isotropic noise, prompt $q = \tau q_\star$, head along $w_\star$"
        "\nlines: exact at each $T$; hollow points: simulated, 95 % intervals where larger than the marker",
        fontsize=8,
    )
    figure.legend(handles=_legend(), loc="outside lower center", ncols=3, handlelength=3.2)
    return figure


def _draw_contexts(panel: Axes, rows: list[Row]) -> None:
    """Draw the gain over Q for each τ, and for linear attention."""
    settings = zip((*TEMPERATURES, None), (*TEMPERATURE_STYLES, LINEAR_STYLE), strict=True)
    for temperature, style in settings:
        label = "linear attention" if temperature is None else rf"softmax, $\tau = {temperature:g}$"
        of_setting = [row for row in rows if row["inverse_temperature"] == temperature]
        for how, looks in (("exact", {"color": COLOURS[style], "linestyle": LINES[style]}), ("many tokens", LIMIT)):
            line = [row for row in of_setting if row["kind"] == how]
            panel.plot(
                [row["context_norm"] for row in line],
                [row["gain"] for row in line],
                label=label if how == "exact" else None,
                **looks,
            )
    panel.set_xlabel(r"context norm, $Q = \|q_\star\|$")
    panel.set_title(rf"$T = {GAIN_TOKENS}$", fontsize=9)
    panel.legend(loc="upper left", fontsize=7, handlelength=3.2, borderaxespad=0.1)


def _draw_temperatures(panel: Axes, rows: list[Row], quantity: str, stars: list[Row]) -> None:
    """Draw the gain or the error over τ for each T, with the marks of the best τ."""

    def of_kind(how: str, tokens: int | None) -> list[Row]:
        return [row for row in rows if row["kind"] == how and row["tokens"] == tokens]

    def line(found: list[Row]) -> tuple[list[float], list[float]]:
        return [row["inverse_temperature"] for row in found], [row[quantity] for row in found]

    for row in stars:
        panel.axvline(row["inverse_temperature"], zorder=0, **STAR)
    panel.plot(*line(of_kind("many tokens", None)), **LIMIT)
    for tokens, style in zip(TOKENS, TOKEN_STYLES, strict=True):
        panel.plot(*line(of_kind("exact", tokens)), color=COLOURS[style], linestyle=LINES[style])
        draw_points(panel, of_kind("simulated", tokens), lambda row: float(row["inverse_temperature"]), style)
        panel.plot(*line(of_kind("best", tokens)), MARKERS[style], color=COLOURS[style], markersize=6, zorder=4)


def _legend() -> list[Line2D]:
    """Return what the lines and marks of the panels over τ mean."""
    return [
        *(legend_entry(style, f"$T = {tokens}$") for tokens, style in zip(TOKENS, TOKEN_STYLES, strict=True)),
        Line2D([], [], label=r"limit $T \to \infty$", **LIMIT),
        Line2D([], [], label=r"best $\tau$ of the limit, $\tau_\star = 1/(2\sigma^2)$", **STAR),
        Line2D([], [], color="0.4", marker="o", linestyle="", label=r"filled: $\tau$ of least error at this $T$"),
    ]
