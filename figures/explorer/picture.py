"""The picture as a file: the four panels of the page in the style of every figure here."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from figures.explorer.error_curves import LIMIT
from figures.explorer.logarithmic_axis import error_reach, gain_reach, reach, ticks
from figures.explorer.look import (
    DENSITY,
    GAIN_LOOKS,
    IRRELEVANT,
    LIMIT_COLOUR,
    LIMIT_NAME,
    NAMES,
    RELEVANT,
    head_look,
)
from figures.explorer.shown import Shown
from figures.explorer.smooth_line import smooth
from figures.style import COLUMN_WIDTH, house_style

METADATA = {"svg": {"Date": None}, "png": {"Software": None}}
"""Nothing in a file depends on when it was drawn."""


def picture(shown: Shown, suffix: str) -> bytes:
    """Return the picture as a file.

    Args:
        shown: what is on screen.
        suffix: "svg" or "png".

    Example:
        >>> from figures.explorer.setting import Setting
        >>> picture(Shown(Setting()), "png")[1:4]
        b'PNG'
    """
    stream = io.BytesIO()
    with house_style():
        figure = Figure(figsize=(COLUMN_WIDTH, 5.6), layout="constrained")
        panels: tuple[Callable[[Axes, Shown], None], ...] = (_error, _gain, _attention, _sequence)
        for axes, name, draw in zip(
            figure.subplots(2, 2).ravel(), ("error", "gain", "attention", "sequence"), panels, strict=True
        ):
            if reason := shown.refused.get(name):
                axes.text(0.5, 0.5, reason, ha="center", va="center", wrap=True, transform=axes.transAxes, fontsize=7)
            draw(axes, shown)
        figure.suptitle(_title(shown), fontsize=8)
        figure.savefig(stream, format=suffix, metadata=METADATA[suffix])
    return stream.getvalue()


def _title(shown: Shown) -> str:
    """Return the setting in symbols."""
    s = shown.setting
    lines = (
        rf"$T = {s.tokens}$, $R = {s.relevant_tokens}$, $d = {s.dimension}$, $Q = {s.context_norm:g}$, "
        rf"$W = {s.signal_norm:g}$, $\sigma = {s.noise:g}$, $\delta_q = {s.delta_context:g}$, "
        rf"$\delta_w = {s.delta_signal:g}$, $n = {s.samples}$, $\tau = {s.inverse_temperature:g}$",
        f"{s.noise_kind} noise, {s.attention} attention, {NAMES[s.kind]} head in the {s.space} space"
        + (rf", $\lambda = {s.ridge:g}$" if s.kind in ("ridge", "logistic") else ""),
        _provenance(shown),
    )
    return "\n".join(lines)


def _provenance(shown: Shown) -> str:
    """Return what lines and points are."""
    how = (
        "exact"
        if shown.exact and shown.prediction and shown.prediction.regime == "exact"
        else "the limit of large n and d"
    )
    return f"lines: theory ({how}); points: simulated, 95 % intervals"


def _error(axes: Axes, shown: Shown) -> None:
    """Draw the error over n."""
    axes.set(xscale="log", yscale="log", xlabel="training sequences, $n$", ylabel=r"test error, $P(y\,f(X) < 0)$")
    handles = []
    for curve in shown.curves.curves if shown.curves else ():
        positive = np.where(curve.error > 0, curve.error, np.nan)
        if curve.head == LIMIT:
            axes.plot(curve.samples, positive, color=LIMIT_COLOUR, linewidth=5, solid_capstyle="butt", zorder=1)
            handles.append(Line2D([], [], color=LIMIT_COLOUR, linewidth=5, label=LIMIT_NAME))
            continue
        mine, chosen = head_look(curve.head), curve.head == shown.setting.kind
        axes.plot(
            curve.samples, positive, color=mine.colour, linestyle=mine.line, linewidth=2 if chosen else 0.9, zorder=2
        )
        handles.append(Line2D([], [], color=mine.colour, linestyle=mine.line, label=NAMES[curve.head]))
    axes.axvline(shown.setting.samples, color="0.5", linewidth=0.6, zorder=0)
    for point in shown.points:
        error, (low, high), mine = point.simulation.error, point.simulation.interval, head_look(point.setting.kind)
        axes.errorbar(
            [point.setting.samples],
            [error],
            yerr=[[max(error - low, 0)], [max(high - error, 0)]],
            fmt=mine.marker,
            color=mine.colour,
            markersize=4,
            markerfacecolor="white",
            capsize=2,
            linewidth=1,
            zorder=3,
        )
    if shown.curves is not None:
        here = float(shown.prediction.error) if shown.prediction else shown.curves.error
        axes.plot([shown.setting.samples], [here], "o", color="0", markersize=5, zorder=4)
        _fit(axes.set_xlim, axes.set_xticks, reach(shown.curves.curves[0].samples, 0.5))
        _fit(axes.set_ylim, axes.set_yticks, error_reach(shown))
        _legend(axes, handles)


def _gain(axes: Axes, shown: Shown) -> None:
    """Draw the gains over τ."""
    axes.set(yscale="log", xlabel=r"inverse temperature, $\tau$", ylabel="gain over uniform pooling")
    if shown.gain is None:
        return
    gain = shown.gain
    names = {"snr": r"$\mathrm{E}\,\kappa^2$", "error": r"error of $w_\star$", "many_tokens": "many tokens"}
    for name, label in names.items():
        mine = GAIN_LOOKS[name]
        line = smooth(gain.temperature, getattr(gain, name), logarithmic=False)
        width = 0.8 if name == "many_tokens" else 1.4
        axes.plot(*line, color=mine.colour, linestyle=mine.line, linewidth=width, label=label)
    if gain.linear > 0:
        linear = GAIN_LOOKS["linear"]
        axes.axhline(gain.linear, color=linear.colour, linestyle=linear.line, label="linear attention")
    axes.axvline(shown.setting.inverse_temperature, color="0.5", linewidth=0.6, zorder=0)
    axes.plot([shown.setting.inverse_temperature], [gain.here], "o", color="0", markersize=5, zorder=4)
    _fit(axes.set_ylim, axes.set_yticks, gain_reach(gain))
    _legend(axes)


def _fit(set_ends: Callable[..., object], set_ticks: Callable[..., object], ends: tuple[float, float]) -> None:
    """Have a logarithmic axis reach from one end to the other, with the ticks of the page."""
    labels = ticks(*ends)
    set_ticks(list(labels), list(labels.values()))
    set_ticks([], minor=True)
    set_ends(*ends)


def _legend(axes: Axes, handles: list[Line2D] | None = None) -> None:
    """Put the legend above the panel, where it hides nothing."""
    place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (-0.02, 1.0), "ncols": 2, "fontsize": 7}
    place |= {"handlelength": 2.6, "columnspacing": 1.2, "borderaxespad": 0.2}
    axes.legend(handles=handles or axes.get_legend_handles_labels()[0], **place)


def _attention(axes: Axes, shown: Shown) -> None:
    """Draw the histogram of the attention."""
    axes.set(xlabel="attention on the relevant tokens, $A$", ylabel="probability density")
    if shown.histogram is None:
        return
    histogram = shown.histogram
    if histogram.certain:
        axes.set(ylabel="probability", ylim=(0, 1.1), xlim=(0, 1))
        axes.vlines([histogram.mean], 0, 1, color=RELEVANT, linewidth=3)
    else:
        axes.stairs(histogram.probability / np.diff(histogram.edges), histogram.edges, fill=True, color=DENSITY)
    axes.axvline(histogram.mean, color=RELEVANT, linewidth=1.4, label=rf"mean, $\mathrm{{E}}A = {histogram.mean:.4g}$")
    axes.axvline(histogram.uniform, color="0", linestyle=(0, (3, 2)), linewidth=0.8, label="uniform, $R/T$")
    _legend(axes)


def _sequence(axes: Axes, shown: Shown) -> None:
    """Draw the weight of each token."""
    axes.set(xlabel="token, $t$", ylabel="attention weight, $a_t$")
    if shown.sequence is None:
        return
    sequence = shown.sequence
    place = np.arange(1, len(sequence.weight) + 1)
    for wanted, colour, label in ((True, RELEVANT, "relevant"), (False, IRRELEVANT, "irrelevant")):
        mine = sequence.relevant == wanted
        axes.bar(place[mine], sequence.weight[mine], color=colour, width=0.8, label=label)
    relevant = sequence.relevant
    above = 0.03 * float(np.ptp([0.0, *sequence.weight]))
    axes.plot(place[relevant], np.maximum(sequence.weight[relevant], 0) + above, "v", color=RELEVANT, markersize=3)
    axes.axhline(1 / len(place), color="0", linestyle=(0, (3, 2)), linewidth=0.8, label="uniform, $1/T$")
    _legend(axes)
