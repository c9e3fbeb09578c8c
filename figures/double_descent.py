"""Error of a head under a known prompt against n/p, through the double-descent peak of least squares."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import asdict
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from figures.drawing import Drawing, Row
from figures.style import COLOURS, COLUMN_WIDTH, LINES, MARKERS
from numerics.fingerprint import code_fingerprint
from numerics.simulation import Simulation, simulate
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
    repetitions = REPETITIONS[drawing.draft]
    for temperature in TEMPERATURES:
        for kind in KINDS:
            exact = known_prompt_error(MIXTURE, Head(samples, temperature, kind=kind))
            rows.extend(
                _row(kind, temperature, n, "exact", error)
                for n, error in zip(samples, np.atleast_1d(exact.error), strict=True)
            )
            for ratio in RATIOS:
                head = Head(round(ratio * HEAD_DIMENSION), temperature, kind=kind)
                point = _point(drawing, head, repetitions)
                low, high = point["interval"]
                rows.append(
                    _row(kind, temperature, single(head.samples), "simulated", point["error"], low, high, repetitions)
                )
    return rows


def _row(
    kind: str,
    temperature: float,
    samples: float,
    how: str,
    error: float,
    low: float | None = None,
    high: float | None = None,
    repetitions: int | None = None,
) -> Row:
    """Return one row of the figure's data."""
    return {
        "head": kind,
        "inverse_temperature": temperature,
        "samples": int(samples),
        "dimension": HEAD_DIMENSION,
        "kind": how,
        "error": float(error),
        "interval_low": low,
        "interval_high": high,
        "repetitions": repetitions,
        "seed": None if repetitions is None else SEED,
    }


def stream_key(head: Head) -> tuple[int, ...]:
    """Return the numbers that name the random streams of one point."""
    return KINDS.index(head.kind), round(1000 * single(head.inverse_temperature)), int(single(head.samples))


def simulated_point(head: Head, repetitions: int, executor: Executor | None) -> Simulation:
    """Simulate one point from whole token sequences."""
    return simulate(
        MIXTURE,
        head,
        simulator="tokens",
        repetitions=repetitions,
        seed=SEED,
        key=stream_key(head),
        executor=executor,
        progress=f"double-descent, {head.kind}, n = {int(single(head.samples))}",
    )


def _point(drawing: Drawing, head: Head, repetitions: int) -> Any:
    """Return one simulated point from the store, or simulate it."""
    identity = {
        "code": code_fingerprint("numerics.simulation"),
        "mixture": repr(MIXTURE),
        "head": repr(head),
        "repetitions": repetitions,
        "seed": SEED,
        "simulator": "tokens",
        "stream": stream_key(head),
    }
    return drawing.store.fetch(identity, lambda: asdict(simulated_point(head, repetitions, drawing.executor)))


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
        prompt = "no prompt (uniform pooling)" if temperature == 0 else rf"prompt $q = {temperature:g}\,q_\star$"
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
