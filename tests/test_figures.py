"""A figure from the command to its files: the data say what the theory says, and the pictures can be read."""

from __future__ import annotations

import csv
from itertools import combinations

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from figures import FIGURES, Drawing, double_descent, write
from figures import __main__ as command
from figures.style import COLUMN_WIDTH, SETTINGS, house_style
from numerics.store import ResultStore
from theory import Head, known_prompt_error

REPETITIONS = 3
"""Enough for intervals, few enough for a second: whether simulation and theory agree is tested elsewhere."""

NAMES = [f"double-descent-draft.{suffix}" for suffix in ("csv", "pdf", "png")]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Return a results folder into which the command has drawn a draft."""
    folder = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(double_descent, "REPETITIONS", {True: REPETITIONS})
        assert command.main(["double-descent", "--draft", "--results", str(folder), "--jobs", "1"]) == 0
    return folder


@pytest.fixture
def few_repetitions(monkeypatch):
    monkeypatch.setattr(double_descent, "REPETITIONS", {True: REPETITIONS})


@pytest.fixture(scope="module")
def rows(results):
    with (results / "figures" / NAMES[0]).open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def picture(rows):
    """Return the figure drawn from its data file alone."""
    numbers = ("inverse_temperature", "error", "interval_low", "interval_high")
    whole = ("samples", "dimension")
    typed = [
        {**row, **{name: float(row[name] or "nan") for name in numbers}, **{name: int(row[name]) for name in whole}}
        for row in rows
    ]
    with house_style():
        figure = double_descent.draw(typed)
        figure.draw_without_rendering()
        yield figure


def of_kind(rows, kind):
    return [row for row in rows if row["kind"] == kind]


def head_of(row):
    return Head(int(row["samples"]), float(row["inverse_temperature"]), kind=row["head"])


# --- files ---


def test_a_figure_is_three_files_and_nothing_else(results):
    assert sorted(path.name for path in results.iterdir()) == ["figures", "results.sqlite"]
    assert sorted(path.name for path in (results / "figures").iterdir()) == NAMES


@pytest.mark.usefixtures("few_repetitions")
def test_drawing_again_computes_nothing_and_gives_the_same_bytes(results, tmp_path):
    with ResultStore(results) as store:
        again = write([FIGURES["double-descent"]], Drawing(store, None, True), tmp_path)
        assert store.computed == 0
        assert store.taken == len(double_descent.RATIOS)
    assert [path.name for path in again] == NAMES
    for path in again:
        assert path.read_bytes() == (results / "figures" / path.name).read_bytes()


@pytest.mark.usefixtures("few_repetitions")
def test_a_user_s_own_matplotlib_settings_neither_change_a_figure_nor_are_changed(results, tmp_path):
    with mpl.rc_context({"font.size": 30, "savefig.dpi": 50, "lines.linewidth": 9}), ResultStore(results) as store:
        before = dict(mpl.rcParams)
        again = write([FIGURES["double-descent"]], Drawing(store, None, True), tmp_path)
        assert dict(mpl.rcParams) == before
    assert again[2].read_bytes() == (results / "figures" / NAMES[2]).read_bytes()


def test_the_pdf_is_all_vectors_with_embedded_fonts(results):
    content = (results / "figures" / NAMES[1]).read_bytes()
    assert content.startswith(b"%PDF-")
    assert content.rstrip().endswith(b"%%EOF")
    assert b"/Subtype /Image" not in content
    assert b"/FontFile2" in content
    # Journals refuse type 3 fonts.
    assert b"/Subtype /Type3" not in content
    assert b"/CreationDate" not in content


def test_the_png_is_large_and_not_blank(results):
    pixels = mpl.image.imread(results / "figures" / NAMES[2])[..., :3]
    height, width = pixels.shape[:2]
    assert width >= 1500
    assert width == round(COLUMN_WIDTH * SETTINGS["savefig.dpi"])
    assert height >= 900
    ink = (pixels.min(axis=-1) < 0.9).mean()
    # Lines and letters on paper: neither an empty page nor a dark one.
    assert 0.01 < ink < 0.3
    # Nothing is cut off at an edge.
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    assert border.min() == 1


# --- data ---


def test_every_line_is_the_exact_error(rows):
    exact = of_kind(rows, "exact")
    assert {row["head"] for row in exact} == {"averaging", "least-squares"}
    assert {float(row["inverse_temperature"]) for row in exact} == {0, 1}
    for row in exact:
        assert not row["interval_low"] + row["interval_high"] + row["repetitions"] + row["seed"]
        # Both are the same function's, once of an array and once of a number: a few roundings apart at most.
        expected = known_prompt_error(double_descent.MIXTURE, head_of(row)).error
        assert float(row["error"]) == pytest.approx(expected, rel=1e-13)


def test_every_line_passes_through_the_peak_of_least_squares(rows):
    for temperature in ("0.0", "1.0"):
        curves = {
            kind: {
                int(row["samples"]): float(row["error"])
                for row in of_kind(rows, "exact")
                if named(row, kind, temperature)
            }
            for kind in ("averaging", "least-squares")
        }
        least_squares = curves["least-squares"]
        peak = max(least_squares, key=least_squares.get)
        assert least_squares.keys() == curves["averaging"].keys()
        assert min(least_squares) == 6
        assert max(least_squares) == 600
        assert peak == double_descent.HEAD_DIMENSION
        # With n = 600 or fewer of them, averaging is the better head everywhere.
        assert all(curves["averaging"][n] < error for n, error in least_squares.items() if n > 1)


def named(row, kind, temperature):
    return (row["head"], row["inverse_temperature"]) == (kind, temperature)


def test_every_point_has_its_interval_and_what_reproduces_it(rows):
    points = of_kind(rows, "simulated")
    assert len(points) == 4 * len(double_descent.RATIOS)
    for row in points:
        low, error, high = (float(row[name]) for name in ("interval_low", "error", "interval_high"))
        assert 0 <= low < error < high <= 1
        assert error < 0.7
        assert (int(row["repetitions"]), int(row["seed"])) == (REPETITIONS, double_descent.SEED)
        assert int(row["dimension"]) == double_descent.HEAD_DIMENSION


# --- the picture ---


def test_axes_are_labelled_and_every_curve_is_in_the_legend(picture):
    for axes in picture.axes:
        assert "n/p" in axes.get_xlabel()
        assert axes.get_title()
    assert "error" in picture.axes[0].get_ylabel()
    (legend,) = picture.legends
    assert sorted(text.get_text() for text in legend.get_texts()) == sorted(
        f"{head}, {how}" for head in ("least squares", "averaging") for how in ("exact", "simulated (95 % interval)")
    )


def grey(colour):
    """Return how light a colour prints without colours (ITU-R BT.601), from 0 to 1."""
    return float(np.dot(to_rgb(colour), (0.299, 0.587, 0.114)))


def test_curves_differ_in_grey_and_in_their_dashes(picture):
    # Two curves, whatever else a panel holds: the grey line at the peak, and points with their error bars.
    curves = [line for line in picture.axes[0].get_lines() if line.get_label().endswith("exact")]
    assert len(curves) == 2
    for one, other in combinations(curves, 2):
        # A tenth of the way from black to white is told apart side by side.
        assert abs(grey(one.get_color()) - grey(other.get_color())) > 0.1
        assert one._dash_pattern != other._dash_pattern
    for curve in curves:
        # And none of them is lost on white paper.
        assert grey(curve.get_color()) < 0.75


def test_points_differ_in_their_markers(picture):
    markers = [bars.lines[0].get_marker() for bars in picture.axes[0].containers]
    assert len(set(markers)) == len(markers) == 2


def test_every_point_is_inside_its_panel(picture):
    for axes in picture.axes:
        (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
        for line in axes.get_lines():
            if line.get_label().endswith("exact"):
                x, y = line.get_data()
                assert left <= min(x) <= max(x) <= right
                assert bottom <= min(y) <= max(y) <= top
