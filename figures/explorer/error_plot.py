"""The plot of the test error over n."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from bokeh.models import HoverTool
from bokeh.models.annotations import Whisker

from figures.explorer.error_curves import LIMIT, Curve, DraftedCurves
from figures.explorer.logarithmic_axis import SMALLEST_ERROR, error_reach, reach
from figures.explorer.look import LIMIT_COLOUR, NAMES, head_look
from figures.explorer.plot import HERE_SIZE, INK, Plot, numbers
from figures.explorer.shown import Shown
from figures.explorer.smooth_line import smooth
from theory.arguments import FloatArray

BOKEH_MARKERS = {
    "o": "circle",
    "s": "square",
    "^": "triangle",
    "D": "diamond",
    "v": "inverted_triangle",
    "P": "plus",
    "X": "x",
}
WIDTHS = {"limit": 8.0, "chosen": 3.0, "other": 1.3}
FEW = 20
"""Points of a curve that are drawn as they are where they are more."""


class ErrorPlot(Plot):
    """Lines of theory, the place of the setting, and simulated points."""

    def __init__(self) -> None:
        """Lay out the plot."""
        super().__init__("error", "training sequences, n", "test error, P(y f(X) < 0)", ("log", "log"))
        self._lines = self.source("lines", "x", "y", "colour", "dash", "width", "head")
        self._nodes = self.source("nodes", "x", "y", "head")
        self._here = self.source("here", "x", "y")
        self._points = self.source("points", "x", "y", "low", "high", "colour", "marker", "text")
        self._line_here = self.across("height", line_dash=[2, 3])
        model = self.model
        model.multi_line(
            "x", "y", source=self._lines, line_color="colour", line_dash="dash", line_width="width", line_join="round"
        )
        nodes = model.scatter("x", "y", source=self._nodes, size=14, alpha=0)
        model.add_layout(Whisker(base="x", upper="high", lower="low", source=self._points, line_color="colour"))
        looks: dict[str, Any] = {"fill_color": "#ffffff", "line_color": "colour", "line_width": 1.8}
        points = model.scatter("x", "y", source=self._points, marker="marker", size=9, **looks)
        model.scatter("x", "y", source=self._here, size=HERE_SIZE, fill_color=INK, line_color="#ffffff")
        about_nodes = [("", "@head"), ("n", "@x{0}"), ("error", "@y{0.0000[00]}")]
        model.add_tools(HoverTool(renderers=[nodes], tooltips=about_nodes))
        model.add_tools(HoverTool(renderers=[points], tooltips=[("simulated", "@text"), ("n", "@x{0}")]))
        self._curves: DraftedCurves | None = None

    def show(self, shown: Shown) -> None:
        """Draw curves and points."""
        if shown.curves is None or shown.curves is not self._curves:
            self._curves = shown.curves
            self._show_curves(shown.curves.curves if shown.curves else (), shown.setting.kind)
        self.change(self._line_here, location=shown.setting.samples)
        drafted = shown.curves.error if shown.curves else math.nan
        here = float(shown.prediction.error) if shown.prediction else drafted
        self.fill(self._here, x=[shown.setting.samples], y=numbers([here]))
        self._show_points(shown)
        if shown.curves is not None:
            self.fit("y", *error_reach(shown))

    def _show_curves(self, curves: tuple[Curve, ...], kind: str) -> None:
        """Draw the lines, that of the chosen head strongest."""
        lines = [_line(curve) for curve in curves]
        looks = [None if curve.head == LIMIT else head_look(curve.head) for curve in curves]
        chosen = {LIMIT: WIDTHS["limit"], kind: WIDTHS["chosen"]}
        self.fill(
            self._lines,
            x=[numbers(x) for x, _ in lines],
            y=[numbers(y) for _, y in lines],
            colour=[one.colour if one else LIMIT_COLOUR for one in looks],
            dash=[one.dashes if one else [] for one in looks],
            width=[chosen.get(curve.head, WIDTHS["other"]) for curve in curves],
            head=[curve.head for curve in curves],
        )
        heads = [curve for curve in curves if curve.head != LIMIT]
        self.fill(
            self._nodes,
            x=[n for curve in heads for n in numbers(curve.samples)],
            y=[error for curve in heads for error in numbers(curve.error)],
            head=[NAMES[curve.head] for curve in heads for _ in curve.samples],
        )
        if curves:
            self.fit("x", *reach(np.concatenate([curve.samples for curve in curves]), 0.5))

    def _show_points(self, shown: Shown) -> None:
        """Draw the simulated points with their intervals."""
        points = [(point.setting, point.simulation, *point.simulation.interval) for point in shown.points]
        looks = [head_look(setting.kind) for setting, *_ in points]
        self.fill(
            self._points,
            x=[setting.samples for setting, *_ in points],
            y=numbers([simulation.error for _, simulation, *_ in points]),
            low=numbers([max(low, SMALLEST_ERROR) for *_, low, _ in points]),
            high=numbers([high for *_, high in points]),
            colour=[one.colour for one in looks],
            marker=[BOKEH_MARKERS[one.marker] for one in looks],
            text=[f"{simulation.error:.4g} ({low:.4g} to {high:.4g})" for _, simulation, low, high in points],
        )


def _line(curve: Curve) -> tuple[FloatArray, FloatArray]:
    """Return a curve as it is drawn."""
    drawn = np.where(curve.error > SMALLEST_ERROR, curve.error, math.nan)
    return smooth(curve.samples, drawn, logarithmic=True) if len(drawn) <= FEW else (curve.samples, drawn)
