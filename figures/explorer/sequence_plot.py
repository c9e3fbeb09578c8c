"""The plot of one sequence with its attention."""

from __future__ import annotations

import numpy as np
from bokeh.models import HoverTool

from figures.explorer.look import IRRELEVANT, RELEVANT
from figures.explorer.plot import INK, Plot, numbers
from figures.explorer.sampled_sequence import SampledSequence
from figures.explorer.shown import Shown


class SequencePlot(Plot):
    """A bar for each token, relevant ones in another colour and marked."""

    def __init__(self) -> None:
        """Lay out the plot."""
        super().__init__("sequence", "token, t", "attention weight, aₜ", ("linear", "linear"))
        self._tokens = self.source("tokens", "x", "weight", "colour", "score", "kind")
        self._relevant = self.source("relevant", "x", "y")
        self._uniform = self.across("width", line_color=INK, line_dash=[6, 4], level="annotation")
        bars = self.model.vbar(
            x="x", top="weight", width=0.8, source=self._tokens, fill_color="colour", line_color=None
        )
        self.model.scatter(
            "x", "y", source=self._relevant, marker="inverted_triangle", size=8, fill_color=RELEVANT, line_color=None
        )
        about = [("token", "@x, @kind"), ("weight", "@weight{0.0000}"), ("context q⋆ᵀx/Q", "@score{0.00}")]
        self.model.add_tools(HoverTool(renderers=[bars], tooltips=about))

        self._sequence: SampledSequence | None = None

    def show(self, shown: Shown) -> None:
        """Draw the weight of each token."""
        sequence = shown.sequence
        if sequence is None or sequence is self._sequence:
            return
        self._sequence = sequence
        place, relevant = np.arange(1, len(sequence.weight) + 1), sequence.relevant
        self.fill(
            self._tokens,
            x=place.tolist(),
            weight=numbers(sequence.weight),
            colour=[RELEVANT if one else IRRELEVANT for one in relevant],
            score=numbers(sequence.score),
            kind=["relevant" if one else "irrelevant" for one in relevant],
        )
        self.change(self._uniform, location=1 / len(place))
        low, high = min(float(sequence.weight.min()), 0.0), max(float(sequence.weight.max()), 1e-9)
        above = 0.04 * (high - low)
        marks = np.maximum(sequence.weight[relevant], 0.0) + above
        self.fill(self._relevant, x=place[relevant].tolist(), y=numbers(marks))
        self.fit("y", 1.1 * low, high + 3 * above)
        self.fit("x", 0.3, len(place) + 0.7)
