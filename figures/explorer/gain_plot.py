"""The plot of what the context is worth over τ."""

from __future__ import annotations

from typing import Any

from bokeh.models import HoverTool

from figures.explorer.context_gain import LARGEST_TEMPERATURE, ContextGain
from figures.explorer.logarithmic_axis import gain_reach
from figures.explorer.look import GAIN_LOOKS
from figures.explorer.plot import HERE_SIZE, INK, Plot, numbers
from figures.explorer.shown import Shown
from figures.explorer.smooth_line import smooth

NAMES = {"snr": "signal-to-noise ratio", "error": "error of the head w⋆", "many_tokens": "many tokens"}


class GainPlot(Plot):
    """Gains over uniform pooling, and the τ of the setting."""

    def __init__(self) -> None:
        """Lay out the plot."""
        super().__init__("gain", "inverse temperature, τ", "gain over uniform pooling", ("linear", "log"))
        self._lines = {name: self.source(name, "x", "y") for name in ("many_tokens", "error", "snr")}
        self._here = self.source("here", "x", "y")
        self._line_here = self.across("height", line_dash=[2, 3])
        linear = GAIN_LOOKS["linear"]
        self._linear = self.across("width", line_color=linear.colour, line_dash=linear.dashes, line_width=2.5)
        for name, source in self._lines.items():
            look = GAIN_LOOKS[name]
            width = 1.2 if name == "many_tokens" else 2.8
            looks: dict[str, Any] = {"line_color": look.colour, "line_dash": look.dashes, "line_width": width}
            line = self.model.line("x", "y", source=source, **looks)
            about = [("", NAMES[name]), ("τ", "@x{0.00}"), ("gain", "@y{0.000}")]
            self.model.add_tools(HoverTool(renderers=[line], tooltips=about))
        self.model.scatter("x", "y", source=self._here, size=HERE_SIZE, fill_color=INK, line_color="#ffffff")
        self.model.x_range.update(start=0, end=LARGEST_TEMPERATURE)
        self._gain: ContextGain | None = None

    def show(self, shown: Shown) -> None:
        """Draw the gains."""
        gain, temperature = shown.gain, shown.setting.inverse_temperature
        if gain is None or gain is self._gain:
            return
        self._gain = gain
        self.change(self._line_here, location=temperature)
        for name, source in self._lines.items():
            x, y = smooth(gain.temperature, getattr(gain, name), logarithmic=False)
            self.fill(source, x=numbers(x), y=numbers(y))
        self.fill(self._here, x=[temperature], y=numbers([gain.here]))
        self.change(self._linear, location=gain.linear if gain.linear > 0 else None)
        self.fit("y", *gain_reach(gain))
        self.fit("x", 0.0, 1.03 * max(float(gain.temperature[-1]), temperature))
