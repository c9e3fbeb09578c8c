"""Every head under a known prompt whose attention fluctuates: test error against n/p at three numbers of tokens.

All heads of one n are trained on the same draws, each of which is made once; the interval of each point is its own.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from figures.drawing import Drawing, Row
from figures.points import draw_points, legend_entry
from figures.style import COLOURS, COLUMN_WIDTH, LINES
from numerics.executor import map_in_order
from numerics.fingerprint import code_fingerprint
from numerics.simulation import simulate_together
from theory.attention.law import attention_law
from theory.head import Head
from theory.known_prompt.error import known_prompt_error
from theory.mixture import ContextualMixture
from theory.proportional import separability_threshold

TOKENS = (4, 16, 64)
SHARE = 4
"""One token in four is relevant."""
DIMENSION = 101
HEAD_DIMENSION = DIMENSION - 1
TEMPERATURE = 2.0
PENALTIES = {"ridge": 0.1, "logistic": 0.01}
NAMES = {
    "weighted-averaging": "weighted averaging",
    "averaging": "averaging",
    "ridge": rf"ridge, $\lambda = {PENALTIES['ridge']:g}$",
    "least-squares": "least squares",
    "logistic": rf"logistic, $\lambda = {PENALTIES['logistic']:g}$",
    "max-margin": "max-margin",
}
KINDS = tuple(NAMES)

SMALLEST, LARGEST = 0.3, 20.0
RATIOS = (0.3, 0.6, 1.25, 2.5, 6.0, 16.0)
SAFELY_SEPARABLE = 0.8
"""Up to this share of the largest n/p that has a max-margin head, nearly all training sets of this d have one."""
CURVE_POINTS = {False: 80, True: 14}
SLOW_CURVE_POINTS = {False: 24, True: 5}
"""For the logistic head, whose equations take longest, and whose curve bends little."""
REPETITIONS = {False: 80, True: 8}
SEED = 2


def mixture_of(tokens: int) -> ContextualMixture:
    """Return the data with this many tokens."""
    return ContextualMixture(DIMENSION, tokens, tokens // SHARE)


def head_of(kind: str, samples: float) -> Head:
    """Return a head of this kind."""
    return Head(samples, TEMPERATURE, kind=kind, ridge=PENALTIES.get(kind))


def largest_separable(mixture: ContextualMixture) -> float:
    """Return the n/p below which training data are separable."""
    return 1 / separability_threshold(attention_law(mixture, TEMPERATURE))


def curve_samples(kind: str, mixture: ContextualMixture, draft: bool) -> list[int]:
    """Return the training sizes of a curve: evenly spaced in log n, and close together near the peak."""
    end = LARGEST * HEAD_DIMENSION
    if kind == "max-margin":
        # The largest training set below the threshold, at which there is no such head any more.
        end = min(end, math.ceil(largest_separable(mixture) * HEAD_DIMENSION) - 1)
    count = (SLOW_CURVE_POINTS if kind == "logistic" else CURVE_POINTS)[draft]
    samples = np.round(np.geomspace(SMALLEST * HEAD_DIMENSION, end, count))
    if kind == "least-squares":
        samples = np.concatenate([samples, HEAD_DIMENSION + np.arange(-16, 17, 4 if draft else 1)])
    return [int(n) for n in np.unique(samples)]


def prediction(task: tuple[str, int, int]) -> tuple[float, float]:
    """Return a head's error in the proportional regime, and that of the best head."""
    kind, tokens, samples = task
    found = known_prompt_error(mixture_of(tokens), head_of(kind, samples), regime="proportional")
    return float(found.error), float(found.limit)


def compute(drawing: Drawing) -> list[Row]:
    """Return curves and points, from the store where it has them."""
    rows: list[Row] = []
    for tokens in TOKENS:
        mixture = mixture_of(tokens)
        largest = dict.fromkeys(KINDS, LARGEST) | {"max-margin": SAFELY_SEPARABLE * largest_separable(mixture)}
        points = {}
        for ratio in RATIOS:
            kinds, n = [kind for kind in KINDS if ratio <= largest[kind]], round(ratio * HEAD_DIMENSION)
            for kind, point in zip(kinds, _points(drawing, kinds, tokens, n), strict=True):
                points[kind, n] = point
        for kind in KINDS:
            samples = curve_samples(kind, mixture, drawing.draft)
            for n, (error, limit) in zip(samples, _curve(drawing, kind, tokens, samples), strict=True):
                rows.append(_row("proportional", kind, tokens, n, error))
                if kind == "averaging":
                    rows.append(_row("limit", "any", tokens, n, limit))
            rows.extend(
                _row("simulated", kind, tokens, n, **point) for (mine, n), point in points.items() if mine == kind
            )
    return rows


def _row(
    how: str,
    kind: str,
    tokens: int,
    samples: int,
    error: float,
    interval: tuple[float, float] | tuple[None, None] = (None, None),
    repetitions: int | None = None,
    dropped: int | None = None,
    seed: int | None = None,
    **_: Any,
) -> Row:
    """Return one row of the figure's data."""
    return {
        "kind": how,
        "head": kind,
        "ridge": PENALTIES.get(kind),
        "tokens": tokens,
        "relevant_tokens": tokens // SHARE,
        "inverse_temperature": TEMPERATURE,
        "samples": samples,
        "dimension": HEAD_DIMENSION,
        "error": error,
        "interval_low": interval[0],
        "interval_high": interval[1],
        "repetitions": repetitions,
        "dropped": dropped,
        "seed": seed,
    }


def _curve(drawing: Drawing, kind: str, tokens: int, samples: list[int]) -> Any:
    """Return a curve from the store, or compute it."""
    identity = {
        "code": code_fingerprint("theory.known_prompt.error"),
        "mixture": repr(mixture_of(tokens)),
        "head": repr(head_of(kind, 1)),
        "samples": samples,
    }
    tasks = [(kind, tokens, n) for n in samples]
    progress = f"heads, {kind} curve, T = {tokens}"
    return drawing.store.fetch(
        identity, lambda: list(map_in_order(prediction, iter(tasks), len(tasks), drawing.executor, progress))
    )


def _points(drawing: Drawing, kinds: list[str], tokens: int, samples: int) -> Any:
    """Return the simulated points of some heads at one n from the store, or simulate them on the same training sets."""
    mixture, heads = mixture_of(tokens), [head_of(kind, samples) for kind in kinds]
    key = (tokens, samples)
    identity = {
        "code": code_fingerprint("numerics.simulation"),
        "mixture": repr(mixture),
        "heads": [repr(head) for head in heads],
        "repetitions": REPETITIONS[drawing.draft],
        "seed": SEED,
        "simulator": "scores",
        "stream": key,
    }
    return drawing.store.fetch(
        identity,
        lambda: [
            asdict(point)
            for point in simulate_together(
                mixture,
                heads,
                repetitions=REPETITIONS[drawing.draft],
                seed=SEED,
                key=key,
                executor=drawing.executor,
                progress=f"heads, T = {tokens}, n = {samples}",
            )
        ],
    )


def draw(rows: list[Row]) -> Figure:
    """Draw a panel for each number of tokens: the limit of any head below the heads, and points on their lines."""
    figure = Figure(figsize=(COLUMN_WIDTH, 3.9), layout="constrained")
    axes = figure.subplots(1, len(TOKENS), sharey=True)
    for panel, tokens in zip(axes, TOKENS, strict=True):
        mine = [row for row in rows if row["tokens"] == tokens]
        limit = [row for row in mine if row["kind"] == "limit"]
        panel.plot(*_line(limit), color="0.8", linewidth=5, solid_capstyle="butt", zorder=1)
        for index, kind in enumerate(KINDS):
            of_head = [row for row in mine if row["head"] == kind]
            line = _line([row for row in of_head if row["kind"] == "proportional"])
            panel.plot(*line, color=COLOURS[index], linestyle=LINES[index], label=NAMES[kind])
            draw_points(panel, [row for row in of_head if row["kind"] == "simulated"], _ratio, index)
        panel.set_xscale("log")
        panel.set_xticks([0.3, 1, 3, 10], ["0.3", "1", "3", "10"])
        panel.set_yscale("log")
        panel.set_yticks([0.15, 0.2, 0.3, 0.4, 0.5], ["0.15", "0.2", "0.3", "0.4", "0.5"])
        panel.minorticks_off()
        panel.set_title(rf"$T = {tokens}$, $R = {tokens // SHARE}$", fontsize=9)
    axes[0].set_ylabel(r"test error, $P(y\,f(X) < 0)$")
    axes[0].set_ylim(0.14, 0.53)
    axes[1].set_xlabel("training sequences per head dimension, $n/p$")
    figure.suptitle(
        rf"$d = {DIMENSION}$, $p = d - 1$, $Q = W = \sigma = 1$, isotropic noise, prompt $q = {TEMPERATURE:g}\,q_\star$"
        "\n"
        r"lines: the limit $n, p \to \infty$ at fixed $n/p$; points: simulated, "
        "95 % intervals where larger than the marker",
        fontsize=8,
    )
    heads = [legend_entry(index, NAMES[kind]) for index, kind in enumerate(KINDS)]
    bound = Line2D([], [], color="0.8", linewidth=5, label="limit of any head")
    figure.legend(handles=[*heads, bound], loc="outside lower center", ncols=4, handlelength=3.2)
    return figure


def _ratio(row: Row) -> float:
    """Return n/p."""
    return float(row["samples"] / row["dimension"])


def _line(rows: list[Row]) -> tuple[list[float], list[float]]:
    """Return the coordinates of a line."""
    return [_ratio(row) for row in rows], [row["error"] for row in rows]
