"""The plot of the law of attention."""

from __future__ import annotations

import numpy as np
from bokeh.models import HoverTool

from figures.explorer.attention_histogram import AttentionHistogram
from figures.explorer.look import DENSITY, RELEVANT
from figures.explorer.plot import INK, Plot, numbers
from figures.explorer.shown import Shown


class AttentionPlot(Plot):
    """A histogram, or a spike where attention does not fluctuate."""

    def __init__(self) -> None:
        """Lay out the plot."""
        super().__init__(
            "attention", "attention on the relevant tokens, A", "probability density", ("linear", "linear")
        )
        self._bins = self.source("bins", "left", "right", "top", "probability")
        self._spike = self.source("spike", "x", "y")
        self._uniform = self.across("height", line_color=INK, line_dash=[6, 4])
        self._mean = self.across("height", line_color=RELEVANT, line_width=2.5, level="annotation")
        bins = self.model.quad(
            left="left", right="right", top="top", bottom=0, source=self._bins, fill_color=DENSITY, line_color="#ffffff"
        )
        self.model.segment("x", 0, "x", "y", source=self._spike, line_color=RELEVANT, line_width=6)
        about = [("A", "@left{0.0000} to @right{0.0000}"), ("probability", "@probability{0.0000}")]
        self.model.add_tools(HoverTool(renderers=[bins], tooltips=about))

        self._histogram: AttentionHistogram | None = None

    def show(self, shown: Shown) -> None:
        """Draw the law."""
        histogram = shown.histogram
        if histogram is None or histogram is self._histogram:
            return
        self._histogram = histogram
        self.change(self._mean, location=histogram.mean)
        self.change(self._uniform, location=histogram.uniform)
        label = "probability" if histogram.certain else "probability density"
        self.change(self.model.yaxis[0], axis_label=label)
        if histogram.certain:
            self.fill(self._spike, x=[histogram.mean], y=[1.0])
            self.fill(self._bins, left=[], right=[], top=[], probability=[])
            self.fit("x", 0, 1)
            self.fit("y", 0, 1.1)
            return
        density = histogram.probability / np.diff(histogram.edges)
        self.fill(self._spike, x=[], y=[])
        self.fill(
            self._bins,
            left=numbers(histogram.edges[:-1]),
            right=numbers(histogram.edges[1:]),
            top=numbers(density),
            probability=numbers(histogram.probability),
        )
        low, high = min(histogram.edges[0], histogram.uniform), max(histogram.edges[-1], histogram.uniform)
        self.fit("x", low - 0.04 * (high - low), high + 0.04 * (high - low))
        self.fit("y", 0, 1.1 * float(density.max()))
