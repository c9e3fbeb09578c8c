"""Digits among other patches: test accuracy of all models against ζ in three arrangements, and against n."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.drawing import Drawing, Row
from figures.points import draw_points, interval_columns, legend_entry
from figures.style import COLOURS, COLUMN_WIDTH, LINES
from numerics.fingerprint import code_fingerprint
from numerics.real_data.comparison import compare
from numerics.real_data.images import shipped_by
from numerics.real_data.sources import ImageSource

TOKENS = 16
SAMPLES = 100
SPLITS = {False: 20, True: 2}
PANELS = {
    "embedded": "embedded in photographs",
    "partly-tiled": "among patches of noise",
    "fully-tiled": "among other digits",
}
RELEVANT = {"embedded": (1, 2, 4), "partly-tiled": (1, 2, 4), "fully-tiled": (1, 2, 4)}
SIZES = (25, 50, 100, 200)
RELEVANT_OF_SIZES = 2
MODELS = {
    "prompt-attention": "prompt-attention",
    "uniform pooling": "uniform pooling",
    "linear attention": "linear-prompt-attention",
    "ceiling": "ceiling: told the relevant patches",
    "self-attention": "self-attention",
    "three steps": "prompt-attention, three steps",
}
"""In the order of the house's colours."""

SEED = 10


def settings(draft: bool) -> list[tuple[str, int, int]]:
    """Return arrangement, R and n of every comparison, each once."""
    found = [(arrangement, relevant, SAMPLES) for arrangement in PANELS for relevant in RELEVANT[arrangement]]
    found += [("embedded", RELEVANT_OF_SIZES, samples) for samples in SIZES]
    if draft:
        found = [("embedded", 2, 50), ("embedded", 2, 100), ("embedded", 4, 100), *((each, 2, 100) for each in PANELS)]
    return list(dict.fromkeys(found))


def compared(drawing: Drawing, arrangement: str, relevant: int, samples: int) -> Any:
    """Return the comparison at one setting from the store, or make it."""
    splits = SPLITS[drawing.draft]
    identity = {
        "code": code_fingerprint("numerics.real_data.comparison"),
        "images": shipped_by(),
        "setting": (arrangement, TOKENS, relevant, samples),
        "splits": splits,
        "seed": SEED,
    }
    source = ImageSource(arrangement, TOKENS, relevant)
    label = f"real-data, {arrangement}, R = {relevant}, n = {samples}"

    def make() -> Any:
        found = compare(source, samples, splits=splits, seed=SEED, executor=drawing.executor, progress=label)
        return list(map(asdict, found))

    return drawing.store.fetch(identity, make)


def compute(drawing: Drawing) -> list[Row]:
    """Return a row for each model and setting, measured, and predicted where there is a prediction."""
    rows: list[Row] = []
    for arrangement, relevant, samples in settings(drawing.draft):
        for model in compared(drawing, arrangement, relevant, samples):
            row = {
                "kind": "measured",
                "arrangement": arrangement,
                "model": model["model"],
                "tokens": TOKENS,
                "relevant_tokens": relevant,
                "sparsity": relevant / TOKENS,
                "samples": samples,
                **interval_columns("accuracy", model["accuracy"]),
                **interval_columns("advantage", model["advantage"]),
                **interval_columns("attention", model["share_after"]),
                "splits": SPLITS[drawing.draft],
                "seed": SEED,
            }
            rows.append(row)
            if model["predicted_accuracy"] is not None:
                accuracy = interval_columns("accuracy", model["predicted_accuracy"])
                attention = interval_columns("attention", model["predicted_share"])
                rows.append({**row, "kind": "theory", **accuracy, **interval_columns("advantage", None), **attention})
    return rows


def draw(rows: list[Row]) -> Figure:
    """Draw the arrangements side by side, and n below the first."""
    figure = Figure(figsize=(COLUMN_WIDTH, 5.6), layout="constrained")
    panels = figure.subplots(2, 2, sharey=True)
    for panel, (arrangement, title) in zip(panels.flat, PANELS.items(), strict=False):
        mine = [row for row in rows if row["arrangement"] == arrangement and row["samples"] == SAMPLES]
        _draw_panel(panel, mine, "sparsity")
        panel.set_title(f"{title}, $n = {SAMPLES}$", fontsize=8)
        panel.set_xlabel(r"share of relevant patches, $\zeta$")
    mine = [row for row in rows if row["arrangement"] == "embedded" and row["relevant_tokens"] == RELEVANT_OF_SIZES]
    last = panels[1, 1]
    _draw_panel(last, mine, "samples")
    last.set_title(rf"embedded in photographs, $\zeta = {RELEVANT_OF_SIZES}/{TOKENS}$", fontsize=8)
    last.set_xlabel("training sequences, $n$")
    for panel in panels[:, 0]:
        panel.set_ylabel("test accuracy")
    splits = rows[0]["splits"]
    figure.suptitle(
        rf"$T = {TOKENS}$ patches, $d = 64$; mean of {splits} splits and 95 % intervals; "
        "line: theory of the three steps",
        fontsize=8,
    )
    handles = [
        legend_entry(style, label, line=model == "three steps") for style, (model, label) in enumerate(MODELS.items())
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def _draw_panel(panel: Axes, rows: list[Row], x: str) -> None:
    """Draw all models against ζ or n, moved apart by a few per cent so that all are seen."""
    places = sorted({row[x] for row in rows})
    panel.set_xscale("log", base=2)
    for style, model in enumerate(MODELS):
        mine = sorted((row for row in rows if row["model"] == model), key=lambda row: row[x])
        shift = 2 ** (0.09 * (style - (len(MODELS) - 1) / 2))
        points = [
            {**row, "interval_low": row["accuracy_low"], "interval_high": min(row["accuracy_high"], 1.0)}
            for row in mine
            if row["kind"] == "measured"
        ]
        draw_points(
            panel, [{**row, "x": shift * row[x]} for row in points], lambda row: float(row["x"]), style, "accuracy"
        )
        line = [row for row in mine if row["kind"] == "theory"]
        panel.plot(
            [row[x] for row in line], [row["accuracy"] for row in line], color=COLOURS[style], linestyle=LINES[style]
        )
    labels = [f"1/{1 / place:.0f}" if x == "sparsity" else str(place) for place in places]
    panel.set_xticks(places, labels)
    panel.minorticks_off()
    panel.axhline(0.5, color="0.75", linewidth=0.8, zorder=0)
    panel.set_ylim(0.45, 1.02)
