"""How far the theory carries on digits in photographs: predicted, on surrogates, and measured; and where it stops."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.drawing import Drawing, Row
from figures.points import draw_points, interval_columns, legend_entry
from figures.style import COLOURS, COLUMN_WIDTH, LINES, MARKERS
from numerics.fingerprint import code_fingerprint
from numerics.real_data.discrepancy import PROMPT_LENGTH, PROPERTIES, RUNGS, discrepancy
from numerics.real_data.images import shipped_by
from numerics.real_data.sources import ImageSource

TOKENS = 16
SAMPLES, RELEVANT = 300, 2
SIZES = (75, 150, 300, 600)
SHARES = (1, 2, 4)
SPLITS = {False: 20, True: 2}
SHOWN = {
    "theory": "theory, fitted to the training data",
    "mixture": "surrogate: the fitted mixture",
    "noisy-mixture": "surrogate: relevant tokens vary, too",
    "data": "digits in photographs",
    "two-moment": "surrogate: Gaussian, all means and covariances",
    "noisy theory": "theory of relevant tokens that vary",
}
"""In the order of the house's colours."""

THEORIES = {"theory": "theory", "noisy theory": "noisy-mixture"}
"""What is drawn as a line, and the rung of the ladder that it predicts."""

PANELS = {"samples": "training sequences, $n$", "sparsity": r"share of relevant patches, $\zeta$"}
QUANTITIES = {"error": "test error", "attention": "attention on digits"}
SEED = 12


def settings(draft: bool) -> list[tuple[int, int]]:
    """Return R and n of every ladder, each once."""
    if draft:
        return [(RELEVANT, 150), (RELEVANT, SAMPLES), (4, SAMPLES)]
    found = [(RELEVANT, samples) for samples in SIZES] + [(relevant, SAMPLES) for relevant in SHARES]
    return list(dict.fromkeys(found))


def ladder(drawing: Drawing, relevant: int, samples: int) -> Any:
    """Return the ladder at one setting from the store, or climb it."""
    splits = SPLITS[drawing.draft]
    identity = {
        "code": code_fingerprint("numerics.real_data.discrepancy"),
        "images": shipped_by(),
        "setting": ("embedded", TOKENS, relevant, samples),
        "splits": splits,
        "seed": SEED,
    }
    source = ImageSource("embedded", TOKENS, relevant)
    label = f"real-theory, R = {relevant}, n = {samples}"

    def climb() -> Any:
        return asdict(discrepancy(source, samples, splits=splits, seed=SEED, executor=drawing.executor, progress=label))

    return drawing.store.fetch(identity, climb)


def compute(drawing: Drawing) -> list[Row]:
    """Return a row for each rung and setting."""
    rows: list[Row] = []
    for relevant, samples in settings(drawing.draft):
        found = ladder(drawing, relevant, samples)
        for rung in (*found["rungs"], found["noisy_theory"]):
            rows.append(
                {
                    "rung": rung["name"],
                    "tokens": TOKENS,
                    "relevant_tokens": relevant,
                    "sparsity": relevant / TOKENS,
                    "samples": samples,
                    "prompt_norm": PROMPT_LENGTH,
                    **interval_columns("error", rung["error"]),
                    **interval_columns("step", rung["step"]),
                    **interval_columns("attention", rung["attention"]),
                    **found["parameters"],
                    "cosine": found["cosine"],
                    "within_label": found["within_label"],
                    "splits": SPLITS[drawing.draft],
                    "seed": SEED,
                }
            )
    return rows


def draw(rows: list[Row]) -> Figure:
    """Draw error and attention against n and ζ, and the ladder at one setting below."""
    figure = Figure(figsize=(COLUMN_WIDTH, 7.4), layout="constrained")
    top, bottom = np.ravel(np.asarray(figure.subfigures(2, 1, height_ratios=(2.1, 1)), dtype=object))
    panels = top.subplots(2, 2, sharey="row")
    for line, (quantity, name) in enumerate(QUANTITIES.items()):
        for column, (x, label) in enumerate(PANELS.items()):
            panel = panels[line, column]
            fixed = ("relevant_tokens", RELEVANT) if x == "samples" else ("samples", SAMPLES)
            _draw_panel(panel, [row for row in rows if row[fixed[0]] == fixed[1]], x, quantity)
            if column == 0:
                panel.set_ylabel(name)
            if line == 1:
                panel.set_xlabel(label)
            else:
                title = rf"$\zeta = {RELEVANT}/{TOKENS}$" if x == "samples" else f"$n = {SAMPLES}$"
                panel.set_title(title, fontsize=8)
    panels[0, 0].set_ylim(-0.01, max(row["error_high"] for row in rows if row["rung"] in SHOWN) + 0.01)
    panels[1, 0].set_ylim(0.0, 1.0)
    at_setting = [row for row in rows if (row["relevant_tokens"], row["samples"]) == (RELEVANT, SAMPLES)]
    _draw_ladder(bottom.subplots(), at_setting)
    top.suptitle(
        rf"three steps of gradient descent, $\|q_1\| = {PROMPT_LENGTH:g}$, $T = {TOKENS}$; "
        f"mean of {rows[0]['splits']} splits and 95 % intervals",
        fontsize=8,
    )
    handles = [
        legend_entry(style, label, line=rung in THEORIES, points=rung not in THEORIES)
        for style, (rung, label) in enumerate(SHOWN.items())
    ]
    top.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def _draw_panel(panel: Axes, rows: list[Row], x: str, quantity: str) -> None:
    """Draw theory as a line and the others as points, moved apart by a few per cent."""
    places = sorted({row[x] for row in rows})
    panel.set_xscale("log", base=2)
    for style, rung in enumerate(SHOWN):
        mine = sorted((row for row in rows if row["rung"] == rung), key=lambda row: row[x])
        if rung in THEORIES:
            values = [row[quantity] for row in mine]
            panel.plot([row[x] for row in mine], values, color=COLOURS[style], linestyle=LINES[style])
            continue
        shift = 2 ** (0.09 * (style - 2.5))
        points = [{**row, "x": shift * row[x]} for row in _points(mine, quantity)]
        draw_points(panel, points, lambda row: float(row["x"]), style, quantity)
    panel.set_xticks(places, [f"1/{1 / place:.0f}" if x == "sparsity" else str(place) for place in places])
    panel.minorticks_off()


def _points(rows: list[Row], quantity: str) -> list[Row]:
    """Return rows with the interval of one quantity, cut to its range."""
    return [
        {
            **row,
            "interval_low": max(row[f"{quantity}_low"], 0.0),
            "interval_high": min(row[f"{quantity}_high"], 1.0),
        }
        for row in rows
    ]


def _draw_ladder(panel: Axes, rows: list[Row]) -> None:
    """Draw the error on every rung, from the theory above to the data below, and say what comes in."""
    labels = []
    for level, rung in enumerate(RUNGS):
        points = _points([row for row in rows if row["rung"] == rung], "error")
        style = list(SHOWN).index(rung) if rung in SHOWN else len(SHOWN)
        ends = [points[0]["interval_low"], points[0]["interval_high"]]
        panel.plot(ends, [level, level], color=COLOURS[style], linewidth=1, marker="|", markersize=5)
        panel.plot(
            points[0]["error"],
            level,
            color=COLOURS[style],
            marker=MARKERS[style],
            markersize=5,
            markerfacecolor="white",
        )
        labels.append(f"+ {PROPERTIES[rung]}" if rung in PROPERTIES else "theory")
        if points[0]["step"] is not None:
            text = f"{points[0]['step']:+.3f}"
            panel.text(1.01, level, text, transform=panel.get_yaxis_transform(), fontsize=8, va="center")
    for style, theory in enumerate(SHOWN):
        if theory in THEORIES:
            (error,) = (row["error"] for row in rows if row["rung"] == theory)
            level = RUNGS.index(THEORIES[theory])
            panel.plot(error, level, color=COLOURS[style], marker="|", markersize=16, markeredgewidth=1.6)
    panel.set_yticks(range(len(RUNGS)), labels, fontsize=8)
    panel.invert_yaxis()
    panel.set_xlabel("test error (bars: theory); right: what it adds")
    panel.set_title(rf"where the error comes from, $n = {SAMPLES}$, $\zeta = {RELEVANT}/{TOKENS}$", fontsize=8)
