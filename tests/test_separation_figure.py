"""The figure of expressivity: its lines are the theory's, its points a search's, and they agree."""

from __future__ import annotations

import pytest

from figures import FIGURES, Drawing, separation, write
from figures.style import house_style
from numerics.expressivity import global_search
from numerics.store import ResultStore
from theory.expressivity.best_accuracy import best_accuracies


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Return the rows of a small draft, a folder with its files, and the picture."""
    folder = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch, ResultStore(folder) as store:
        patch.setattr(separation, "POINTS", {True: 0})
        # One per cent from a threshold a short search will do.
        for name, value in {"RANDOM_STARTS": 1000, "POLISHED": 2, "GENERATIONS": 5}.items():
            patch.setattr(global_search, name, value)
        drawing = Drawing(store, None, True)
        rows = separation.compute(drawing)
        files = write([FIGURES["separation"]], drawing, folder)
        with house_style():
            figure = separation.draw(rows)
            figure.draw_without_rendering()
        yield rows, files, figure


def test_lines_are_the_theory_of_the_best_weights(drawn):
    rows, _, _ = drawn
    for row in rows:
        best = best_accuracies(row["delta_context"], row["delta_signal"], 0.25)
        assert row["accuracy"] == getattr(best, row["model"])
    assert {row["kind"] for row in rows} == {"theory", "searched"}
    assert {row["accuracy"] for row in rows} == {0.5, 0.75, 1.0}


def test_the_files_are_there_and_the_panels_are_labelled(drawn):
    _, files, figure = drawn
    assert [path.suffix for path in files] == [".csv", ".pdf", ".png"]
    assert b"/Subtype /Type3" not in files[1].read_bytes()
    assert all(axes.get_xlabel() for axes in figure.axes)
    (legend,) = figure.legends
    assert {text.get_text() for text in legend.get_texts()} == set(separation.MODELS.values())
