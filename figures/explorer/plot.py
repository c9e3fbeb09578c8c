"""What the plots on the page have in common: quiet axes, lines across, and changes that go to the browser at once."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from bokeh.model import Model
from bokeh.models import ColumnDataSource, CustomJSTickFormatter, FixedTicker, Range1d
from bokeh.models.annotations import Span
from bokeh.plotting import figure
from numpy.typing import ArrayLike

from figures.explorer.logarithmic_axis import ticks

FONT = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', 'Noto Sans', 'DejaVu Sans', Arial, sans-serif"
INK, QUIET, RULE = "#1f1e1b", "#5b574e", "#eeebe3"
HEIGHT = 300
HERE_SIZE = 11

TICK_LABEL = """
if (tick >= 1e-4 && tick < 1e5) return String(Number(tick.toPrecision(3)));
return "10" + String(Math.round(Math.log10(tick))).replace(/./g, (sign) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(sign)]);
"""

Scale = Literal["linear", "log"]


class Plot:
    """An empty plot, to be filled by a subclass.

    What is drawn lives in the browser alone: all changes of a move go there in one message, where Bokeh would send one
    for each property and paint in between.

    Attributes:
        model: Bokeh's plot, as it is before anything is drawn.
    """

    def __init__(self, name: str, x: str, y: str, scales: tuple[Scale, Scale]) -> None:
        """Lay out the axes."""
        self._name = name
        self._drawn: dict[str, dict[str, Any]] = {}
        self._changes: dict[str, dict[str, Any]] = {}
        self.model = figure(
            name=f"{name}-plot",
            height=HEIGHT,
            sizing_mode="stretch_width",
            x_axis_type=scales[0],
            y_axis_type=scales[1],
            x_range=Range1d(start=1, end=10),
            y_range=Range1d(start=0.1, end=1),
            tools="",
            toolbar_location=None,
            x_axis_label=x,
            y_axis_label=y,
            outline_line_color=None,
            min_border_right=14,
            min_border_top=10,
            min_border_left=64,
        )
        for axis in self.model.axis:
            axis.update(
                axis_line_color=INK,
                minor_tick_line_color=None,
                major_tick_in=0,
                major_label_text_color=QUIET,
                major_label_text_font=FONT,
                major_label_text_font_size="12px",
                axis_label_text_color=INK,
                axis_label_text_font=FONT,
                axis_label_text_font_size="12.5px",
                axis_label_text_font_style="normal",
            )
        self.model.grid.grid_line_color = RULE
        # A change of what models refer to would have Bokeh look through all of them, which takes a tenth of a second.
        self._tickers = {name: FixedTicker() for name, scale in zip("xy", scales, strict=True) if scale == "log"}
        for index, name in enumerate("xy"):
            if name in self._tickers:
                formatter = CustomJSTickFormatter(code=TICK_LABEL)
                self.model.axis[index].update(ticker=self._tickers[name], formatter=formatter)
                self.model.grid[index].ticker = self._tickers[name]

    def source(self, name: str, *columns: str) -> ColumnDataSource:
        """Return new data without a row, whose name in the browser begins with that of the plot."""
        return ColumnDataSource({column: [] for column in columns}, name=f"{self._name}-{name}")

    def across(self, dimension: Literal["width", "height"], **looks: Any) -> Span:
        """Add a straight line across the plot, which has no place yet."""
        settings = {"line_width": 1, "line_color": QUIET, "level": "underlay", "location": math.nan, **looks}
        span = Span(dimension=dimension, **settings)
        self.model.add_layout(span)
        return span

    def change(self, model: Model, **properties: Any) -> None:
        """Note properties that a model in the browser is to have, as JSON has them, unless it has them already."""
        drawn = self._drawn.setdefault(model.id, {})
        changed = {name: value for name, value in properties.items() if name not in drawn or drawn[name] != value}
        if changed:
            drawn |= changed
            self._changes.setdefault(model.id, {}).update(changed)

    def fill(self, source: ColumnDataSource, **columns: list[Any]) -> None:
        """Note the columns of data; NaN is null in JSON."""
        self.change(source, data=columns)

    def taken_changes(self) -> dict[str, dict[str, Any]]:
        """Return what has been noted since this was asked for last, by the identifier of the model."""
        changes, self._changes = self._changes, {}
        return changes

    def fit(self, axis: Literal["x", "y"], low: float, high: float) -> None:
        """Have an axis reach from one end to the other; a logarithmic one gets its ticks."""
        index = 0 if axis == "x" else 1
        self.change((self.model.x_range, self.model.y_range)[index], start=float(low), end=float(high))
        if (ticker := self._tickers.get(axis)) is not None:
            self.change(ticker, ticks=list(ticks(low, high)))


def numbers(values: ArrayLike) -> list[float | None]:
    """Return numbers as JSON has them, those that are not finite as null.

    Example:
        >>> numbers(np.array([1.0, np.nan]))
        [1.0, None]
    """
    return [value if math.isfinite(value) else None for value in np.asarray(values, dtype=float).tolist()]
