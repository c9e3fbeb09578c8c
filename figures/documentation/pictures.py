"""Pictures of the model, drawn from sampled sequences whenever the site is built."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import softmax

from figures.style import COLOURS, COLUMN_WIDTH, house_style
from numerics import draw_sequences
from theory import ContextualMixture
from theory.arguments import FloatArray, single

MIXTURE = ContextualMixture(
    dimension=24, tokens=12, relevant_tokens=3, context_norm=2.0, signal_norm=1.5, noise=0.8, delta_context=0.25
)
TEMPERATURE = 0.6
SEED = 3
RELEVANT, IRRELEVANT, POSITIVE, NEGATIVE = COLOURS[1], COLOURS[0], COLOURS[1], COLOURS[0]


def attention(tokens: FloatArray, inverse_temperature: float) -> FloatArray:
    """Return softmax(Xq) of sequences under the prompt τ q⋆, shape (n, T)."""
    prompt = np.zeros(tokens.shape[-1])
    prompt[0] = inverse_temperature * single(MIXTURE.context_norm)
    return np.asarray(softmax(tokens @ prompt, axis=-1))


def sequence() -> Figure:
    """Draw one sequence X, its tokens in a shuffled order, beside what attention does with it."""
    drawn = draw_sequences(MIXTURE, 1, rng=SEED, labels=np.array([1.0]))
    order = np.random.default_rng(SEED).permutation(drawn.tokens.shape[1])
    tokens = drawn.tokens[0, order]
    relevant = order < single(MIXTURE.relevant_tokens)
    figure = Figure(figsize=(COLUMN_WIDTH, 2.9), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.9, 1), sharey=True)
    places = np.arange(len(tokens))
    largest = np.abs(tokens).max()
    image = left.imshow(tokens, cmap="RdBu_r", vmin=-largest, vmax=largest, aspect="auto", interpolation="none")
    figure.colorbar(image, ax=left, label="entry of $X$", location="left", shrink=0.8)
    left.set(
        xlabel="coordinate: $q_\\star$ is the first, $w_\\star$ the second",
        title="A sequence $X$ with label $y = +1$",
        yticks=places,
    )
    left.set_yticklabels(["relevant" if kind else "irrelevant" for kind in relevant])
    left.spines[:].set_visible(False)
    left.tick_params(length=0)
    for label, kind in zip(left.get_yticklabels(), relevant, strict=True):
        label.set_color(RELEVANT if kind else "#555555")
    share = attention(tokens[None], TEMPERATURE)[0]
    right.barh(places, share, color=[RELEVANT if kind else IRRELEVANT for kind in relevant], height=0.7)
    right.axvline(1 / len(tokens), color="black", linewidth=0.9, linestyle="--")
    right.set(xlabel="attention, softmax$(Xq)$", title="under $q = \\tau q_\\star$")
    right.annotate("without\na prompt", (1 / len(tokens), -0.4), (0.14, 0.15), fontsize=8, va="center")
    right.tick_params(axis="y", length=0)
    return figure


def plane() -> Figure:
    """Draw the tokens of many sequences in the plane of q⋆ and w⋆."""
    drawn = draw_sequences(MIXTURE, 60, rng=SEED)
    relevant = int(single(MIXTURE.relevant_tokens))
    figure = Figure(figsize=(COLUMN_WIDTH, 3.3), layout="constrained")
    axes = figure.subplots()
    for label, marker, colour in ((1.0, "o", POSITIVE), (-1.0, "^", NEGATIVE)):
        tokens = drawn.tokens[drawn.labels == label][..., :2]
        name = "+1" if label > 0 else "-1"
        outside = tokens[:, relevant:].reshape(-1, 2)
        axes.scatter(outside[:, 0], outside[:, 1], s=9, marker=marker, color=colour, alpha=0.35, linewidths=0)
        x, y = tokens[0, 0]
        axes.scatter(x, y, s=110, marker=marker, color=colour, edgecolors="black", label=f"$y = {name}$", zorder=3)
    context, signal = single(MIXTURE.context_norm), single(MIXTURE.signal_norm)
    for x, y, name, place in (
        (context, 0, "$q_\\star$", (context - 0.25, -0.28)),
        (0, signal, "$w_\\star$", (0.1, signal - 0.1)),
    ):
        axes.annotate(
            "", (x, y), (0, 0), arrowprops={"arrowstyle": "-|>", "color": "black", "shrinkA": 0, "shrinkB": 0}
        )
        axes.text(*place, name, fontsize=11)
    axes.text(context - 0.45, 0.75, "relevant:\n$q_\\star + y\\,w_\\star$", fontsize=9, va="center")
    axes.text(-2.4, -2.4, "irrelevant: $-\\delta_q q_\\star + z_t$", fontsize=9)
    axes.set(
        xlabel="along the context $q_\\star$",
        ylabel="along the signal $w_\\star$",
        xlim=(-3.1, 2.7),
        ylim=(-2.6, 2.6),
        aspect="equal",
    )
    axes.legend(loc="upper left", title="label", markerscale=0.7)
    return figure


def _features(axes: Axes, inverse_temperature: float, title: str) -> None:
    """Draw features along w⋆ and along a direction of noise, for either label."""
    drawn = draw_sequences(MIXTURE, 400, rng=SEED + 1)
    features = np.einsum("nt,ntd->nd", attention(drawn.tokens, inverse_temperature), drawn.tokens)
    for label, marker, colour in ((1.0, "o", POSITIVE), (-1.0, "^", NEGATIVE)):
        own = features[drawn.labels == label]
        axes.scatter(own[:, 1], own[:, 2], s=8, marker=marker, color=colour, alpha=0.5, linewidths=0)
    axes.axvline(0, color="black", linewidth=0.8, linestyle="--")
    axes.set(xlabel="feature $h$ along $w_\\star$", title=title)


def features() -> Figure:
    """Draw what the head sees, without a prompt and with it."""
    figure = Figure(figsize=(COLUMN_WIDTH, 2.6), layout="constrained")
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    _features(left, 0.0, "uniform pooling")
    _features(right, TEMPERATURE, "under the prompt")
    left.set(ylabel="along another direction")
    return figure


PICTURES: dict[str, Callable[[], Figure]] = {"sequence": sequence, "plane": plane, "features": features}


def draw_pictures(folder: Path) -> None:
    """Draw all pictures into a folder, as SVG that says nothing of when it was drawn."""
    folder.mkdir(parents=True, exist_ok=True)
    with house_style():
        for name, picture in PICTURES.items():
            picture().savefig(folder / f"{name}.svg", metadata={"Date": None})
