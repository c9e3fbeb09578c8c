"""The data behind the picture as CSV, with all that is needed to draw it again in comment lines."""

from __future__ import annotations

import csv
import io
import json
import platform
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version

from figures.explorer.error_curves import DRAFT_ERROR
from figures.explorer.recipe import error_command
from figures.explorer.shown import Shown
from theory.arguments import FloatArray

COLUMNS = ("panel", "series", "x", "y", "interval_low", "interval_high", "repetitions", "seed", "simulator")
LIBRARIES = ("prompt-attention-theory", "numpy", "scipy")

Row = tuple[object, ...]


def data_csv(shown: Shown) -> str:
    """Return the data of all panels, one row a point; comment lines begin with `#`.

    Example:
        >>> from figures.explorer.setting import Setting
        >>> text = data_csv(Shown(Setting()))
        >>> print(text.splitlines()[-1])
        panel,series,x,y,interval_low,interval_high,repetitions,seed,simulator
    """
    stream = io.StringIO()
    for line in _comments(shown):
        stream.write(f"# {line}\n")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((*row, *[""] * (len(COLUMNS) - len(row))) for row in _rows(shown))
    return stream.getvalue()


def _comments(shown: Shown) -> Iterator[str]:
    """Yield what tells how the data came about."""
    yield "prompt-attention explorer"
    yield f"setting: {json.dumps(asdict(shown.setting))}"
    yield f"seed: {shown.setting.seed}"
    yield f"versions: python {platform.python_version()}, {', '.join(map(_versioned, LIBRARIES))}"
    yield f"command: {error_command(shown.setting)}"
    if shown.prediction is not None:
        prediction = shown.prediction
        yield f"error: {prediction.error!r}, numerical error at most {prediction.error_bound:.1g}"
        yield f"regime: {prediction.regime}; source: {prediction.source}"
    if shown.curves is not None:
        how = f"drafts in the proportional regime, mostly to {DRAFT_ERROR:g} of their size"
        if shown.exact:
            how = "of theory.known_prompt_error"
        elif shown.curves.sketched:
            how = "sketches in the proportional regime, errors but for 0.001 or so"
        yield f"curves of the chosen head and of the limit: {how}"
    for panel, reason in shown.refused.items():
        yield f"no {panel}: {reason}"


def _versioned(library: str) -> str:
    """Return a library with its version."""
    try:
        return f"{library} {version(library)}"
    except PackageNotFoundError:
        return f"{library} (not installed)"


def _rows(shown: Shown) -> Iterator[Row]:
    """Yield the rows of all panels."""
    if shown.curves is not None:
        for curve in shown.curves.curves:
            yield from (("error", curve.head, *pair) for pair in _pairs(curve.samples, curve.error))
    for point in shown.points:
        simulation = point.simulation
        yield (
            "error",
            f"simulated {point.setting.kind}",
            point.setting.samples,
            simulation.error,
            *simulation.interval,
            simulation.repetitions,
            simulation.seed,
            simulation.simulator,
        )
    if (gain := shown.gain) is not None:
        lines = {"signal-to-noise ratio": gain.snr, "error of w*": gain.error, "many tokens": gain.many_tokens}
        for name, line in lines.items():
            yield from (("gain", name, *pair) for pair in _pairs(gain.temperature, line))
        yield ("gain", "linear", "", gain.linear)
    if (histogram := shown.histogram) is not None:
        yield ("attention", "mean", histogram.mean, "")
        yield ("attention", "uniform pooling", histogram.uniform, "")
        for low, high, probability in zip(
            histogram.edges[:-1], histogram.edges[1:], histogram.probability, strict=True
        ):
            yield ("attention", "probability", (low + high) / 2, probability, low, high)
    if (sequence := shown.sequence) is not None:
        for place, (weight, relevant) in enumerate(zip(sequence.weight, sequence.relevant, strict=True), start=1):
            yield ("sequence", "relevant" if relevant else "irrelevant", place, weight)


def _pairs(x: FloatArray, y: FloatArray) -> Iterator[tuple[float, float]]:
    """Yield the points of a line as plain floats."""
    return zip(x.tolist(), y.tolist(), strict=True)
