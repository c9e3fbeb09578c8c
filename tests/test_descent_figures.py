"""The figures of gradient descent: their data are the theory's and the simulators', and the pictures show them."""

from __future__ import annotations

import csv
import dataclasses
import math

import matplotlib as mpl
import pytest
from scipy.stats import t as student

from figures import FIGURES, Drawing, phase_portrait, sample_complexity, sparse_attention, write
from figures.style import COLUMN_WIDTH, SETTINGS, house_style
from numerics.store import ResultStore
from tests.false_alarms import CRITICAL_Z, assert_mean, share
from theory import fixed_points, population_error, population_flow, three_steps
from theory.descent.population_trajectory import gradient_descent

NAMES = ("phase-portrait", "sample-complexity", "sparse-attention")
POINTS = {"phase-portrait": 9 * 3, "sample-complexity": 2 * 4 * 2, "sparse-attention": 2 * 3 * 2}


def shrink(patch):
    """Make drafts that take a second or two."""
    for module, settings in (
        (phase_portrait, {"SAMPLES": 400, "STEPS": 20, "MARKS": (5, 10, 20), "RUNS": {True: 6}, "GRID": {True: 9}}),
        (
            sample_complexity,
            {
                "DIMENSIONS": (20, 40),
                "RATIOS": (2.0, 8.0),
                "CURVE_POINTS": {True: 2},
                "REPETITIONS": {True: {20: 60, 40: 60}},
            },
        ),
        (
            sparse_attention,
            {
                "TOKENS": (16, 64),
                "SAMPLES": 200,
                "STEPS": 60,
                "MARKS": (0, 15, 60),
                "RUNS": {True: 6},
                "EXAMPLE_TOKENS": 16,
                "EXAMPLES": 4,
            },
        ),
    ):
        for name, value in settings.items():
            patch.setattr(module, name, value)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Return a folder with the drafts, and their rows."""
    folder = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch, ResultStore(folder) as store:
        shrink(patch)
        drawing = Drawing(store, None, True)
        rows = {}
        for name in NAMES:
            rows[name] = FIGURES[name].compute(drawing)
            write([dataclasses.replace(FIGURES[name], compute=lambda _, name=name: rows[name])], drawing, folder)
        yield folder, rows


def of(rows, **wanted):
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def test_the_catalogue_lists_them_after_those_of_known_prompts():
    separations = ["separation", "separation-noise", "separation-trained"]
    real = ["real-data", "real-attention", "real-theory"]
    assert sorted(list(FIGURES)[4:]) == sorted([*NAMES, *separations, *real])
    assert all(FIGURES[name].description.endswith(".") for name in FIGURES)


@pytest.mark.parametrize("name", NAMES)
def test_a_csv_holds_every_row_and_the_pictures_are_whole(results, name):
    folder, rows = results
    with (folder / f"{name}-draft.csv").open(newline="", encoding="utf-8") as stream:
        _, *lines = csv.reader(stream)
    assert lines == [["" if value is None else str(value) for value in row.values()] for row in rows[name]]
    content = (folder / f"{name}-draft.pdf").read_bytes()
    assert content.rstrip().endswith(b"%%EOF")
    for unwanted in (b"/Subtype /Type3", b"/CreationDate"):
        assert unwanted not in content
    pixels = mpl.image.imread(folder / f"{name}-draft.png")[..., :3]
    assert pixels.shape[1] == round(COLUMN_WIDTH * SETTINGS["savefig.dpi"])
    assert min(edge.min() for edge in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1])) == 1


@pytest.mark.parametrize("name", NAMES)
def test_drawing_again_simulates_nothing(results, tmp_path, monkeypatch, name):
    shrink(monkeypatch)
    with ResultStore(results[0]) as store:
        for path in write([FIGURES[name]], Drawing(store, None, True), tmp_path):
            assert path.read_bytes() == (results[0] / path.name).read_bytes()
        assert store.computed == 0


@pytest.mark.parametrize("name", NAMES)
def test_panels_are_labelled_and_hold_every_point(results, monkeypatch, name):
    shrink(monkeypatch)
    with house_style():
        figure = FIGURES[name].draw(results[1][name])
        figure.draw_without_rendering()
    drawn = 0
    panels = [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]
    assert any(axes.get_xlabel() for axes in panels)
    assert panels[0].get_ylabel()
    for axes in panels:
        (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
        for bars in axes.containers:
            x, y = bars.lines[0].get_data()
            assert left <= min(x) <= max(x) <= right
            assert bottom <= min(y) <= max(y) <= top
            drawn += len(x)
    assert drawn == POINTS[name]


# --- the plane ---


def test_the_flow_and_its_fixed_points_are_the_theorys(results):
    rows = results[1]["phase-portrait"]
    for index, panel in enumerate(phase_portrait.PANELS):
        for row in of(rows, kind="gradient", panel=index)[::17]:
            flow = population_flow(panel.mixture, row["head_length"], row["inverse_temperature"])
            # Interpolated moments are good to 1e-11.
            assert row["head_gradient"] == pytest.approx(flow.head, rel=1e-9, abs=1e-11)
            assert row["prompt_gradient"] == pytest.approx(flow.prompt, rel=1e-9, abs=1e-11)
        drawn = [
            row["inverse_temperature"] for kind in ("minimum", "saddle") for row in of(rows, kind=kind, panel=index)
        ]
        assert sorted(drawn) == [
            point.inverse_temperature for point in fixed_points(panel.mixture, reach=phase_portrait.REACH)
        ]
    # One minimum; two, and the saddle that divides them; none.
    assert [len(of(rows, kind="minimum", panel=index)) for index in range(3)] == [1, 2, 0]
    assert [len(of(rows, kind="saddle", panel=index)) for index in range(3)] == [0, 1, 0]


def test_simulated_iterates_are_on_the_trajectories_of_the_population(results):
    rows = results[1]["phase-portrait"]
    points = of(rows, kind="simulated")
    assert len(points) == POINTS["phase-portrait"]
    for row in points:
        (path,) = of(rows, kind="population", panel=row["panel"], start=row["start"], step=row["step"])
        for name in ("head_length", "inverse_temperature"):
            assert row[f"{name}_low"] < row[name] < row[f"{name}_high"]
            error = (row[f"{name}_high"] - row[f"{name}_low"]) / 2 / student.isf(0.025, row["runs"] - 1)
            # At d/n = 1/20 the mean of finite samples is off the population's path by a few hundredths.
            off = max(abs(row[name] - path[name]) - 0.08, 0.0)
            assert 2 * student.sf(off / error, row["runs"] - 1) > share()


# --- overlaps ---


def test_lines_are_the_predictions_of_three_steps(results):
    rows = results[1]["sample-complexity"]
    for row in of(rows, kind="to order 1/n")[::3]:
        mixture = dataclasses.replace(sample_complexity.MIXTURE, dimension=row["dimension"])
        samples = round(row["samples_per_dimension"] * row["dimension"])
        steps = three_steps(mixture, samples, sample_complexity.PROMPT_NORM)
        assert row["value"] == pytest.approx(getattr(steps, row["quantity"]), rel=1e-12)
        (limit,) = of(rows, kind="limit", quantity=row["quantity"], samples_per_dimension=row["samples_per_dimension"])
        assert limit["value"] == pytest.approx(getattr(steps.limit, row["quantity"]), rel=1e-12)


def test_simulated_overlaps_are_those_predicted(results):
    rows = results[1]["sample-complexity"]
    for row in of(rows, kind="simulated"):
        known = {name: row[name] for name in ("quantity", "dimension", "samples_per_dimension")}
        (line,) = of(rows, kind="to order 1/n", **known)
        error = (row["interval_high"] - row["interval_low"]) / 2 / student.isf(0.025, row["repetitions"] - 1)
        # At n = 40 terms of order 1/n² may make 2 % of an overlap, and 10 % of an error.
        left_out = (0.1 if row["quantity"] == "error" else 0.02) * line["value"] / CRITICAL_Z
        assert_mean(row["value"], math.hypot(error, left_out), line["value"], detectable=1.0)


# --- attention ---


def test_curves_are_the_populations(results):
    rows = results[1]["sparse-attention"]
    for tokens in (16, 64):
        mixture = sparse_attention.mixture_of(tokens)
        rate = sparse_attention.PROMPT_RATES[tokens]
        path = gradient_descent(mixture, 60, head_rate=sparse_attention.HEAD_RATE, prompt_rate=rate)
        for row in of(rows, kind="population", quantity="attention", tokens=tokens):
            assert row["value"] == path.share[row["step"]]
        (last,) = of(rows, kind="population", quantity="error", tokens=tokens, step=60)
        assert last["value"] == pytest.approx(population_error(mixture, path.inverse_temperature[60]), rel=1e-12)


def test_simulated_attention_is_near_the_populations(results):
    rows = results[1]["sparse-attention"]
    for row in of(rows, kind="simulated", quantity="attention"):
        (line,) = of(rows, kind="population", quantity="attention", tokens=row["tokens"], step=row["step"])
        assert row["interval_low"] <= row["value"] <= row["interval_high"]
        if row["step"] == 0:
            assert row["value"] == pytest.approx(1 / row["tokens"], rel=1e-12)
            continue
        error = (row["interval_high"] - row["interval_low"]) / 2 / student.isf(0.025, row["runs"] - 1)
        off = max(abs(row["value"] - line["value"]) - 0.05, 0.0)
        assert 2 * student.sf(off / error, row["runs"] - 1) > share()


def test_attention_on_examples_adds_up_and_finds_the_relevant_token(results):
    rows = results[1]["sparse-attention"]
    for how in ("before", "after"):
        for example in range(4):
            mine = of(rows, kind=how, example=example)
            assert sum(row["value"] for row in mine) == pytest.approx(1, rel=1e-12)
            (relevant,) = of(mine, relevant=True)
            assert (
                relevant["value"] == pytest.approx(1 / 16, rel=1e-12) if how == "before" else relevant["value"] > 0.25
            )
