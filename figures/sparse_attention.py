"""Gradient descent finds one relevant token among many: attention and error over its steps, attention on examples."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from figures.drawing import Drawing, Row
from figures.points import draw_points, legend_entry
from figures.style import COLOURS, COLUMN_WIDTH, LINES
from numerics.descent.gradient_descent import descend, model_error
from numerics.estimate import Moments
from numerics.executor import map_in_order
from numerics.fingerprint import code_fingerprint
from numerics.simulators.prompt_attention import attention_weights
from numerics.simulators.sequences import draw_sequences
from numerics.streams import stream
from theory.arguments import FloatArray
from theory.attention.prompt_share import prompt_share
from theory.context.benefit import population_error
from theory.descent.population_trajectory import gradient_descent
from theory.mixture import ContextualMixture

TOKENS = (16, 64, 256)
CONTEXT, SIGNAL = 4.0, 2.0
DIMENSION, SAMPLES = 20, 500
HEAD_RATE = 0.1
PROMPT_RATES = {tokens: tokens / 128 for tokens in TOKENS}
"""The prompt's first gradient falls as 1/T: its rate grows with T, so that all find their token in as many steps."""

STEPS = 150
MARKS = (0, 15, 30, 45, 60, 75, 90, 105, 125, 150)
RUNS = {False: 8, True: 2}
EXAMPLES, EXAMPLE_TOKENS = 16, 64
SEED = 8
KEY = 63
CONFIDENCE = 0.95
QUANTITIES = {"attention": "attention on the relevant token", "error": r"test error, $P(y\,f(X) < 0)$"}

Task = tuple[int, int]


def mixture_of(tokens: int) -> ContextualMixture:
    """Return one relevant token among so many."""
    return ContextualMixture(DIMENSION, tokens, 1, context_norm=CONTEXT, signal_norm=SIGNAL)


def simulated(task: Task) -> tuple[list[tuple[float, float]], list[float]]:
    """Return attention and exact test error of one run at each of the marks, and the prompt at its end."""
    tokens, _run = task
    mixture = mixture_of(tokens)
    path = descend(
        mixture,
        STEPS,
        samples=SAMPLES,
        head_rate=HEAD_RATE,
        prompt_rate=PROMPT_RATES[tokens],
        rng=stream(SEED, KEY, *task),
    )
    values = [
        (prompt_share(mixture, path.prompt[mark]), model_error(mixture, path.head[mark], path.prompt[mark]))
        for mark in MARKS
    ]
    return values, path.prompt[-1].tolist()


def compute(drawing: Drawing) -> list[Row]:
    """Return the predicted curves, the simulated points, and attention on examples before and after."""
    rows: list[Row] = []
    tasks: list[Task] = [(tokens, run) for tokens in TOKENS for run in range(RUNS[drawing.draft])]
    runs = dict(zip(tasks, _runs(drawing, tasks), strict=True))
    for tokens in TOKENS:
        mixture = mixture_of(tokens)
        path = gradient_descent(mixture, STEPS, head_rate=HEAD_RATE, prompt_rate=PROMPT_RATES[tokens])
        for step in range(0, STEPS + 1, 5 if drawing.draft else 1):
            share, temperature = float(path.share[step]), float(path.inverse_temperature[step])
            rows.append(_row("population", "attention", tokens, step, share))
            # At the start the head is zero; it points along w⋆ ever after.
            error = population_error(mixture, temperature) if step > 0 else 0.5
            rows.append(_row("population", "error", tokens, step, error))
        for k, mark in enumerate(MARKS):
            for column, quantity in enumerate(QUANTITIES):
                moments = Moments.of(np.array([runs[task][0][k][column] for task in tasks if task[0] == tokens]))
                rows.append(_mark(quantity, tokens, mark, moments))
    rows.extend(_examples(np.array(runs[EXAMPLE_TOKENS, 0][1])))
    return rows


def _runs(drawing: Drawing, tasks: list[Task]) -> Any:
    """Return the simulated runs from the store, or make them."""
    identity = {
        "code": code_fingerprint("numerics.descent.gradient_descent"),
        "mixtures": [repr(mixture_of(tokens)) for tokens in TOKENS],
        "samples": SAMPLES,
        "rates": (HEAD_RATE, list(PROMPT_RATES.values())),
        "steps": MARKS,
        "tasks": tasks,
        "seed": SEED,
        "stream": KEY,
    }
    progress = "sparse-attention, simulated"
    return drawing.store.fetch(
        identity, lambda: list(map_in_order(simulated, iter(tasks), len(tasks), drawing.executor, progress))
    )


def _examples(prompt: FloatArray) -> list[Row]:
    """Return the attention on each token of some fresh sequences, the relevant token at a random place."""
    rng = stream(SEED, KEY, 0)
    sequences = draw_sequences(mixture_of(EXAMPLE_TOKENS), EXAMPLES, rng=rng)
    orders = [rng.permutation(EXAMPLE_TOKENS) for _ in range(EXAMPLES)]
    rows: list[Row] = []
    for how, vector in (("before", np.zeros_like(prompt)), ("after", prompt)):
        weights = attention_weights(sequences.tokens, vector)
        for example, order in enumerate(orders):
            rows.extend(
                _row(
                    how,
                    "attention",
                    EXAMPLE_TOKENS,
                    None,
                    float(weights[example, token]),
                    place=(example, place, token == 0),
                )
                for place, token in enumerate(order.tolist())
            )
    return rows


def _mark(quantity: str, tokens: int, step: int, moments: Moments) -> Row:
    """Return the mean of the runs after so many steps, with Student's interval."""
    # At the start all runs are alike, and nothing is random.
    interval = (moments.mean, moments.mean) if step == 0 else moments.interval(CONFIDENCE, 0.0, 1.0)
    return _row("simulated", quantity, tokens, step, moments.mean, interval=interval, runs=moments.count)


def _row(
    how: str,
    quantity: str,
    tokens: int,
    step: int | None,
    value: float,
    *,
    interval: tuple[float, float] | tuple[None, None] = (None, None),
    runs: int | None = None,
    place: tuple[int, int, bool] | tuple[None, None, None] = (None, None, None),
) -> Row:
    """Return one row of the figure's data."""
    return {
        "kind": how,
        "quantity": quantity,
        "tokens": tokens,
        "step": step,
        "value": value,
        "interval_low": interval[0],
        "interval_high": interval[1],
        "runs": runs,
        "example": place[0],
        "position": place[1],
        "relevant": place[2],
        "seed": None if how == "population" else SEED,
    }


def draw(rows: list[Row]) -> Figure:
    """Draw attention and error against steps, and below them attention on examples."""
    figure = Figure(figsize=(COLUMN_WIDTH, 5.6), layout="constrained")
    curves, maps = np.ravel(np.asarray(figure.subfigures(2, 1, height_ratios=(1.5, 1)), dtype=object))
    panels = curves.subplots(1, 2)
    for panel, (quantity, label) in zip(panels, QUANTITIES.items(), strict=True):
        _draw_curves(panel, [row for row in rows if row["quantity"] == quantity])
        panel.set_ylabel(label)
        panel.set_xlabel("steps of gradient descent")
    handles = [legend_entry(style, f"$T = {tokens}$") for style, tokens in enumerate(TOKENS)]
    curves.legend(handles=handles, loc="outside lower center", ncols=len(TOKENS))
    curves.suptitle(
        rf"one relevant token of $T$, $Q = {CONTEXT:g}$, $W = {SIGNAL:g}$, $\sigma = 1$, isotropic noise"
        "\n"
        rf"lines: population; points: simulated, $d = {DIMENSION}$, $n = {SAMPLES}$ fresh sequences a step, "
        "mean of runs, 95 % intervals",
        fontsize=7.5,
    )
    axes = maps.subplots(1, 2, sharey=True)
    for axis, how in zip(axes, ("before", "after"), strict=True):
        image = _draw_map(axis, [row for row in rows if row["kind"] == how])
        axis.set_title(f"{how} training, $T = {EXAMPLE_TOKENS}$", fontsize=8)
        axis.set_xlabel("token")
    axes[0].set_ylabel("example")
    maps.colorbar(image, ax=axes, ticks=(0, 0.01, 0.1, 0.3, 0.6, 1), pad=0.01).set_label("attention")
    return figure


def _draw_curves(panel: Axes, rows: list[Row]) -> None:
    """Draw prediction and simulation for each T."""
    for style, tokens in enumerate(TOKENS):
        mine = [row for row in rows if row["tokens"] == tokens]
        line = [row for row in mine if row["kind"] == "population"]
        panel.plot(
            [row["step"] for row in line], [row["value"] for row in line], color=COLOURS[style], linestyle=LINES[style]
        )
        points = [row for row in mine if row["kind"] == "simulated"]
        draw_points(panel, points, lambda row: float(row["step"]), style, value="value")
    panel.set_ylim(-0.02, None)


def _draw_map(axis: Axes, rows: list[Row]) -> Any:
    """Draw attention, an example a row, and ring the relevant token."""
    values = np.empty((EXAMPLES, EXAMPLE_TOKENS))
    for row in rows:
        values[row["example"], row["position"]] = row["value"]
    image = axis.pcolormesh(values, norm=PowerNorm(0.4, 0, 1), cmap="cividis", edgecolors="face", linewidth=0.2)
    relevant = [row for row in rows if row["relevant"]]
    axis.scatter(
        [row["position"] + 0.5 for row in relevant],
        [row["example"] + 0.5 for row in relevant],
        s=22,
        facecolors="none",
        edgecolors="#d55e00",
        linewidths=1.0,
    )
    return image
