"""Where prompt-attention looks in photographs with digits: its share on the digits in training, and on examples."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from figures.drawing import Drawing, Row
from figures.points import legend_entry
from figures.style import COLOURS, COLUMN_WIDTH, LINES
from numerics.executor import map_in_order
from numerics.fingerprint import code_fingerprint
from numerics.real_data.attention_course import CourseTask, attention_course, attention_examples
from numerics.real_data.images import LARGEST_PIXEL, SIDE, shipped_by
from numerics.real_data.resampling import resampled_mean
from numerics.real_data.sources import ImageSource
from theory.arguments import FloatArray

TOKENS, RELEVANT, SAMPLES = 64, 4, 200
ACROSS = 8
"""Patches in a row of a picture."""

SPLITS = {False: 20, True: 2}
PANELS = {
    "embedded": "embedded in photographs",
    "partly-tiled": "among patches of noise",
    "fully-tiled": "among other digits",
}
COLUMNS = {"picture": "test sequence", "before": "attention before training", "after": "attention after training"}
LARGEST_ATTENTION = 0.5
ITERATES = (0, 1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 40, 50)
SEED = 11


def compute(drawing: Drawing) -> list[Row]:
    """Return the attention on the digits at iterates of training, and pictures patch by patch."""
    rows: list[Row] = []
    for arrangement in PANELS:
        courses = np.array(_courses(drawing, arrangement))
        for iterate in ITERATES:
            mean = resampled_mean(courses[:, iterate])
            low, high = mean.interval
            rows.append(_row("course", arrangement, iterate=iterate, attention=mean.mean, interval=(low, high)))
    for example, found in enumerate(_examples(drawing)):
        for place in range(TOKENS):
            for how in ("before", "after"):
                pixels = " ".join(str(pixel) for pixel in found["pixels"][place])
                rows.append(
                    _row(how, "embedded", attention=found[how][place])
                    | {
                        "example": example,
                        "quantile": found["quantile"],
                        "place": place,
                        "relevant": found["relevance"][place],
                        "pixels": pixels,
                    }
                )
    splits = SPLITS[drawing.draft]
    return [{**row, "splits": splits} for row in rows]


def _row(
    kind: str,
    arrangement: str,
    *,
    attention: float,
    iterate: int | None = None,
    interval: tuple[float | None, float | None] = (None, None),
) -> Row:
    """Return one row of the figure's data."""
    return {
        "kind": kind,
        "arrangement": arrangement,
        "tokens": TOKENS,
        "relevant_tokens": RELEVANT,
        "samples": SAMPLES,
        "iterate": iterate,
        "attention": attention,
        "interval_low": interval[0],
        "interval_high": interval[1],
        "example": None,
        "quantile": None,
        "place": None,
        "relevant": None,
        "pixels": None,
        "seed": SEED,
    }


def _identity(arrangement: str, splits: int) -> dict[str, Any]:
    """Return what stored results depend on."""
    return {
        "code": code_fingerprint("numerics.real_data.attention_course"),
        "images": shipped_by(),
        "setting": (arrangement, TOKENS, RELEVANT, SAMPLES),
        "splits": splits,
        "seed": SEED,
    }


def _courses(drawing: Drawing, arrangement: str) -> Any:
    """Return the attention at every iterate, split by split."""
    source, splits = ImageSource(arrangement, TOKENS, RELEVANT), SPLITS[drawing.draft]
    tasks = [CourseTask(source, SAMPLES, SEED, (index,)) for index in range(splits)]
    label = f"real-attention, {arrangement}"
    return drawing.store.fetch(
        _identity(arrangement, splits),
        lambda: list(map_in_order(attention_course, iter(tasks), splits, drawing.executor, label)),
    )


def _examples(drawing: Drawing) -> Any:
    """Return the examples of the first split of the photographs, their pixels from 0 to 255."""

    def make() -> Any:
        task = CourseTask(ImageSource("embedded", TOKENS, RELEVANT), SAMPLES, SEED, (0,))
        return [
            {
                "quantile": each.quantile,
                "pixels": np.round(each.pixels * LARGEST_PIXEL["photographs"]).astype(int).tolist(),
                "relevance": each.relevance.tolist(),
                "before": each.before.tolist(),
                "after": each.after.tolist(),
            }
            for each in attention_examples(task)
        ]

    return drawing.store.fetch(_identity("examples", 1), make)


def draw(rows: list[Row]) -> Figure:
    """Draw the course of training, and below it the examples in three columns."""
    figure = Figure(figsize=(COLUMN_WIDTH, 8.0), layout="constrained")
    top, bottom = np.ravel(np.asarray(figure.subfigures(2, 1, height_ratios=(1, 2.3)), dtype=object))
    _draw_course(top.subplots(), [row for row in rows if row["kind"] == "course"])
    handles = [legend_entry(style, label, points=False) for style, label in enumerate(PANELS.values())]
    top.legend(handles=handles, loc="outside lower center", ncols=len(PANELS))
    top.suptitle(
        rf"$T = {TOKENS}$ patches, {RELEVANT} of them relevant digits, $n = {SAMPLES}$; "
        f"mean of {rows[0]['splits']} splits, bands: 95 % intervals",
        fontsize=8,
    )
    examples = sorted({row["example"] for row in rows if row["kind"] == "after"})
    panels = np.asarray(bottom.subplots(len(examples), len(COLUMNS), squeeze=False), dtype=object)
    for example in examples:
        mine = {
            how: sorted(
                (row for row in rows if row["kind"] == how and row["example"] == example), key=lambda row: row["place"]
            )
            for how in ("before", "after")
        }
        image = _draw_example(panels[example], mine)
    for panel, title in zip(panels[0], COLUMNS.values(), strict=True):
        panel.set_title(title, fontsize=8)
    bottom.colorbar(image, ax=panels[:, 1:], shrink=0.6, pad=0.01, ticks=(0, 0.01, 0.05, 0.1, 0.2, 0.5)).set_label(
        "attention on a patch"
    )
    return figure


def _draw_course(panel: Axes, rows: list[Row]) -> None:
    """Draw the mean attention on the digits against iterates, with bands."""
    for style, arrangement in enumerate(PANELS):
        mine = [row for row in rows if row["arrangement"] == arrangement]
        steps = [row["iterate"] for row in mine]
        panel.plot(steps, [row["attention"] for row in mine], color=COLOURS[style], linestyle=LINES[style])
        low, high = ([row[end] for row in mine] for end in ("interval_low", "interval_high"))
        panel.fill_between(steps, low, high, color=COLOURS[style], alpha=0.15, linewidth=0)
    panel.axhline(RELEVANT / TOKENS, color="0.6", linewidth=0.8, zorder=0)
    panel.annotate(
        r"uniform, $\zeta$", (ITERATES[-1], RELEVANT / TOKENS), ha="right", va="bottom", fontsize=8, color="0.4"
    )
    panel.set_ylim(0, 1)
    panel.set_xlim(0, ITERATES[-1])
    panel.set_ylabel("attention on relevant patches", fontsize=8)
    panel.set_xlabel("iterates of training")


def _draw_example(panels: Any, rows: dict[str, list[Row]]) -> Any:
    """Draw the picture, and the attention on it before and after, the relevant patches framed."""
    patches = np.array([[int(pixel) for pixel in row["pixels"].split()] for row in rows["after"]])
    panels[0].imshow(_assembled(patches.reshape(-1, SIDE, SIDE)), cmap="gray", vmin=0, vmax=255)
    image = None
    for panel, how in zip(panels[1:], rows, strict=True):
        values = np.array([row["attention"] for row in rows[how]]).reshape(ACROSS, ACROSS)
        image = panel.imshow(
            values, cmap="cividis", norm=PowerNorm(0.4, 0, LARGEST_ATTENTION), extent=(-0.5, 63.5, 63.5, -0.5)
        )
    shares = {how: sum(row["attention"] for row in rows[how] if row["relevant"]) for how in rows}
    for panel in panels:
        for row in rows["after"]:
            if row["relevant"]:
                down, along = divmod(row["place"], ACROSS)
                corner = (SIDE * along - 0.5, SIDE * down - 0.5)
                panel.add_patch(Rectangle(corner, SIDE, SIDE, fill=False, edgecolor=COLOURS[1], linewidth=1.2))
        panel.set_xticks([])
        panel.set_yticks([])
        for spine in panel.spines.values():
            spine.set_visible(False)
    panels[0].set_ylabel(f"{100 * rows['after'][0]['quantile']:.0f} % rank", fontsize=8)
    for panel, how in zip(panels[1:], rows, strict=True):
        panel.set_xlabel(f"{shares[how]:.2f} on the digits", fontsize=8)
    return image


def _assembled(patches: FloatArray) -> FloatArray:
    """Return one picture made of patches row by row."""
    return patches.reshape(ACROSS, -1, SIDE, SIDE).transpose(0, 2, 1, 3).reshape(ACROSS * SIDE, -1)
