"""The figures of expressivity with noise: exact lines, points that agree with them, and models after training."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from figures import FIGURES, Drawing, separation_noise, separation_trained, write
from figures.style import house_style
from numerics.expressivity import noisy_self_attention
from numerics.store import ResultStore
from theory import ContextualMixture, best_linear_attention_error


def drawn(name, module, folder):
    """Return the rows of a draft, its files, and the picture."""
    with ResultStore(folder) as store:
        drawing = Drawing(store, None, True)
        rows = module.compute(drawing)
        files = write([FIGURES[name]], drawing, folder)
    with house_style():
        figure = module.draw(rows)
        figure.draw_without_rendering()
    return rows, files, figure


@pytest.fixture(scope="module")
def noise(tmp_path_factory):
    """Two values of σ, and one point in one of the other panels: a second or more each."""
    with pytest.MonkeyPatch.context() as patch:
        chosen = {"noise": (0.7, 2.4), "sparsity": (0.5,), "tokens": (), "context_norm": ()}
        sweeps = {name: replace(sweep, values=chosen[name]) for name, sweep in separation_noise.SWEEPS.items()}
        patch.setattr(separation_noise, "SWEEPS", sweeps)
        for name, size in {"TRAINING": 500, "CHOICE": 1000, "TEST": 5000, "ITERATIONS": 20}.items():
            patch.setattr(noisy_self_attention, name, size)
        patch.setattr(separation_noise, "TEST", 5000)
        yield drawn("separation-noise", separation_noise, tmp_path_factory.mktemp("noise"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Two runs at Δ = 0.7 and 1.6."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(separation_trained, "VALUES", (0.7, 0.9, 1.1, 1.6))
        patch.setattr(separation_trained, "TEST", 1000)
        yield drawn("separation-trained", separation_trained, tmp_path_factory.mktemp("trained"))


def test_points_are_tests_of_the_weights_of_the_lines(noise):
    rows, _, _ = noise
    exact = [row for row in rows if row["exact"] is not None]
    for row in exact:
        # 20,000 sequences, fewer than 40 points at 5.5 standard errors: a false alarm in 1e6 runs at most.
        deviation = math.sqrt(row["exact"] * (1 - row["exact"]) / row["sequences"])
        assert abs(row["error"] - row["exact"]) <= 5.5 * deviation + 1e-12
        assert row["interval_low"] <= row["error"] <= row["interval_high"]
    (line,) = [row for row in exact if (row["panel"], row["value"], row["model"]) == ("noise", 2.4, "linear_attention")]
    mixture = ContextualMixture(8, 8, 2, noise=2.4)
    assert line["exact"] == best_linear_attention_error(mixture, separation_noise.DELTAS).error


@pytest.mark.parametrize(
    ("panel", "value", "changes"),
    [
        ("noise", 3.2, {"noise": 3.2}),
        ("sparsity", 0.875, {"relevant_tokens": 7}),
        ("tokens", 16.0, {"tokens": 16, "relevant_tokens": 4}),
        ("context_norm", 3.0, {"context_norm": 3.0}),
    ],
)
def test_every_panel_has_the_data_that_its_axis_says(panel, value, changes):
    base = {"dimension": 8, "tokens": 8, "relevant_tokens": 2, "noise": 0.7}
    assert separation_noise.mixture_of(panel, value) == ContextualMixture(**{**base, **changes})


def test_self_attention_loses_to_the_prompt_with_little_noise_and_wins_with_much(noise):
    errors = {(row["value"], row["model"]): row["error"] for row in noise[0] if row["panel"] == "noise"}
    assert errors[0.7, "self_attention"] > 2 * errors[0.7, "prompt_attention"]
    assert errors[2.4, "self_attention"] < errors[2.4, "prompt_attention"]


def test_trained_models_fail_where_their_thresholds_say(trained):
    rows, _, _ = trained
    errors = {(row["panel"], row["model"], row["delta"]): row["error"] for row in rows if row["kind"] == "trained"}
    for model in ("self_attention", "linear_attention", "uniform_pooling"):
        assert errors[model, model, 0.7] < 0.05
        assert errors[model, model, 1.6] > 0.35
        assert errors[model, "prompt_attention", 1.6] < 0.3
    assert all(row["least"] <= row["error"] <= row["largest"] for row in rows if row["kind"] == "trained")
    assert {row["error"] for row in rows if row["kind"] == "no noise"} == {0.0, 0.25, 0.5}


@pytest.mark.parametrize("figure", ["noise", "trained"])
def test_the_files_are_there_and_the_panels_are_labelled(figure, request):
    _, files, picture = request.getfixturevalue(figure)
    assert [path.suffix for path in files] == [".csv", ".pdf", ".png"]
    assert b"/Subtype /Type3" not in files[1].read_bytes()
    assert all(axes.get_xlabel() for axes in picture.axes)
    (legend,) = picture.legends
    assert {text.get_text() for text in legend.get_texts()} == set(separation_noise.MODELS.values())
