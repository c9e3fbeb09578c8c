"""Error of a head under a known prompt against n/p, through the double-descent peak of least squares.

All heads of one n learn from the same sequences, with a prompt and without, and are tested on the same ones: these are
drawn once.  The interval of each point is its own.
"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import asdict
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from figures.drawing import Drawing, Row
from figures.style import COLOURS, COLUMN_WIDTH, LINES, MARKERS
from numerics.fingerprint import code_fingerprint
from numerics.simulation import Simulation, simulate_together
from theory.arguments import FloatArray, single
from theory.head import Head
from theory.known_prompt.error import known_prompt_error
from theory.mixture import ContextualMixture

MIXTURE = ContextualMixture(dimension=61, tokens=16, relevant_tokens=2, noise_kind="prompt-orthogonal")
HEAD_DIMENSION = 60
TEMPERATURES = (0.0, 1.0)
KINDS = ("least-squares", "averaging")
NAMES = {"least-squares": "least squares", "averaging": "averaging"}
RATIOS = (0.1, 0.2, 0.35, 0.6, 0.8, 1.0, 1.25, 1.7, 2.5, 4.0, 6.5, 10.0)
REPETITIONS = {False: 200, True: 20}
SEED = 1


def curve_samples(draft: bool) -> FloatArray:
    """Return the training sizes of the exact curves: all whole numbers near the peak, evenly spaced in log n beyond."""
    spaced = np.geomspace(0.1, 10, 20 if draft else 120) * HEAD_DIMENSION
    near = HEAD_DIMENSION + np.arange(-12, 13)
    return np.unique(np.round(np.concatenate([spaced, near])))


def compute(drawing: Drawing) -> list[Row]:
    """Return the curves and the points, simulated from whole token sequences unless the store has them."""
    rows: list[Row] = []
    samples = curve_samples(drawing.draft)
    points = [_points(drawing, round(ratio * HEAD_DIMENSION), REPETITIONS[drawing.draft]) for ratio in RATIOS]
    for index, head in enumerate(heads(samples)):
        errors = np.atleast_1d(known_prompt_error(MIXTURE, head).error)
        rows.extend(_row(head, n, "exact", error) for n, error in zip(samples, errors, strict=True))
        for ratio, found in zip(RATIOS, points, strict=True):
            low, high = found[index]["interval"]
            n, error, repetitions = round(ratio * HEAD_DIMENSION), found[index]["error"], found[index]["repetitions"]
            rows.append(_row(head, n, "simulated", error, low, high, repetitions))
    return rows


def heads(samples: FloatArray | int) -> list[Head]:
    """Return the heads of the figure, at these numbers of samples."""
    return [Head(samples, temperature, kind=kind) for temperature in TEMPERATURES for kind in KINDS]


def _row(
    head: Head,
    samples: float,
    how: str,
    error: float,
    low: float | None = None,
    high: float | None = None,
    repetitions: int | None = None,
) -> Row:
    """Return one row of the figure's data."""
    return {
        "head": head.kind,
        "inverse_temperature": single(head.inverse_temperature),
        "samples": int(samples),
        "dimension": HEAD_DIMENSION,
        "kind": how,
        "error": float(error),
        "interval_low": low,
        "interval_high": high,
        "repetitions": repetitions,
        "seed": None if repetitions is None else SEED,
    }


def simulated_points(samples: int, repetitions: int, executor: Executor | None) -> list[Simulation]:
    """Simulate all heads of one n from whole token sequences."""
    return simulate_together(
        MIXTURE,
        heads(samples),
        simulator="tokens",
        repetitions=repetitions,
        seed=SEED,
        key=(samples,),
        executor=executor,
        progress=f"double-descent, n = {samples}",
    )


def _points(drawing: Drawing, samples: int, repetitions: int) -> Any:
    """Return the simulated points of one n from the store, or simulate them."""
    identity = {
        "code": code_fingerprint("numerics.simulation"),
        "mixture": repr(MIXTURE),
        "heads": [repr(head) for head in heads(samples)],
        "repetitions": repetitions,
        "seed": SEED,
        "simulator": "tokens",
        "stream": samples,
    }
    return drawing.store.fetch(
        identity, lambda: [asdict(point) for point in simulated_points(samples, repetitions, drawing.executor)]
    )


def draw(rows: list[Row]) -> Figure:
    """Draw theory as lines and simulation as points with 95 % intervals."""
    figure = Figure(figsize=(COLUMN_WIDTH, 3.6), layout="constrained")
    axes = figure.subplots(1, len(TEMPERATURES), sharey=True)
    for panel, temperature in zip(axes, TEMPERATURES, strict=True):
        for index, kind in enumerate(KINDS):
            mine = [row for row in rows if row["head"] == kind and row["inverse_temperature"] == temperature]
            exact = [row for row in mine if row["kind"] == "exact"]
            points = [row for row in mine if row["kind"] == "simulated"]
            panel.plot(
                [row["samples"] / row["dimension"] for row in exact],
                [row["error"] for row in exact],
                color=COLOURS[index],
                linestyle=LINES[index],
                label=f"{NAMES[kind]}, exact",
            )
            errors = np.array([row["error"] for row in points])
            ends = np.array([[row["interval_low"], row["interval_high"]] for row in points]).T
            panel.errorbar(
                [row["samples"] / row["dimension"] for row in points],
                errors,
                yerr=np.abs(ends - errors),
                fmt=MARKERS[index],
                color=COLOURS[index],
                markersize=4,
                markerfacecolor="white",
                capsize=2,
                linewidth=1,
                label=f"{NAMES[kind]}, simulated (95 % interval)",
            )
        panel.axvline(1, color="0.75", linewidth=0.8, zorder=0)
        panel.set_xscale("log")
        panel.set_xticks([0.1, 0.3, 1, 3, 10], ["0.1", "0.3", "1", "3", "10"])
        panel.minorticks_off()
        panel.set_xlabel("training sequences per head dimension, $n/p$")
        kappa = float(known_prompt_error(MIXTURE, Head(1, temperature)).kappa)
        factor = "" if temperature == 1 else rf"{temperature:g}\,"
        prompt = "no prompt (uniform pooling)" if temperature == 0 else rf"prompt $q = {factor}q_\star$"
        panel.set_title(rf"{prompt}, $\kappa = {kappa:.2f}$", fontsize=9)
    axes[0].set_ylabel("test error, $P(y\\,f(X) < 0)$")
    axes[0].set_ylim(0, 0.52)
    tokens, relevant = int(single(MIXTURE.tokens)), int(single(MIXTURE.relevant_tokens))
    figure.suptitle(
        rf"$d = {HEAD_DIMENSION + 1}$, $T = {tokens}$, $R = {relevant}$, "
        rf"$\|q_\star\| = \|w_\star\| = \sigma = 1$, prompt-orthogonal noise",
        fontsize=8,
    )
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure
