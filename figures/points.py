"""Simulated points on the lines of theory, computed and drawn the same way in every figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from figures.drawing import Drawing, Row
from figures.style import COLOURS, LINES, MARKERS
from numerics.fingerprint import code_fingerprint
from numerics.simulators.population import simulate_population_error
from theory.mixture import ContextualMixture


def draw_points(panel: Axes, points: list[Row], x: Callable[[Row], float], style: int, value: str = "error") -> None:
    """Draw points with their 95 % intervals, hollow so that the line of theory shows through them.

    Args:
        panel: where to draw.
        points: rows with the value, `interval_low` and `interval_high`.
        x: the coordinate of a row.
        style: which colour and marker of the house to take.
        value: name of the column that is drawn.
    """
    if not points:
        return
    errors = np.array([row[value] for row in points])
    ends = np.array([[row["interval_low"], row["interval_high"]] for row in points]).T
    panel.errorbar(
        [x(row) for row in points],
        errors,
        yerr=np.abs(ends - errors),
        fmt=MARKERS[style],
        color=COLOURS[style],
        markersize=4,
        markerfacecolor="white",
        markeredgewidth=1,
        capsize=2,
        linewidth=1,
        zorder=3,
    )


def population_point(
    drawing: Drawing,
    mixture: ContextualMixture,
    temperature: float,
    sequences: int,
    seed: int,
    key: tuple[int, ...],
) -> Any:
    """Return one simulated population error from the store, or simulate it; `key` names its random stream."""
    identity = {
        "code": code_fingerprint("numerics.simulators.population"),
        "mixture": repr(mixture),
        "inverse_temperature": temperature,
        "sequences": sequences,
        "seed": seed,
        "stream": key,
    }
    return drawing.store.fetch(
        identity,
        lambda: asdict(simulate_population_error(mixture, temperature, sequences=sequences, seed=seed, key=key)),
    )


def interval_columns(name: str, mean: Mapping[str, Any] | None) -> Row:
    """Return three columns: a mean, as a mapping that has its `interval`, and the ends of that; None for no mean.

    Example:
        >>> interval_columns("error", {"mean": 0.2, "interval": (0.1, 0.3)})
        {'error': 0.2, 'error_low': 0.1, 'error_high': 0.3}
    """
    low, high = (None, None) if mean is None else mean["interval"]
    return {name: None if mean is None else mean["mean"], f"{name}_low": low, f"{name}_high": high}


def legend_entry(style: int, label: str, *, line: bool = True, points: bool = True) -> Line2D:
    """Return one entry of a legend for a line and the points on it, or one of them."""
    return Line2D(
        [],
        [],
        color=COLOURS[style],
        linestyle=LINES[style] if line else "",
        marker=MARKERS[style] if points else "",
        markersize=4,
        markerfacecolor="white",
        label=label,
    )
