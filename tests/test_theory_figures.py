"""The figures of fluctuating attention: their data are the theory's and the simulators', and the pictures show them."""

from __future__ import annotations

import csv
import dataclasses
import math
from itertools import combinations, pairwise

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from scipy.special import stdtr, stdtrit
from scipy.stats import binomtest, norm

from figures import FIGURES, Drawing, benefit_of_context, hard_attention, heads, write
from figures.style import COLOURS, COLUMN_WIDTH, LINES, MARKERS, SETTINGS, house_style
from numerics.store import ResultStore
from tests.false_alarms import assert_mean, share
from theory import (
    Head,
    NotAvailableError,
    attention_moments,
    hard_attention_error,
    known_prompt_error,
    population_error,
)

NAMES = ("heads", "benefit-of-context", "hard-attention")
POINTS = {"heads": 2 * (6 * 2), "benefit-of-context": 3 * 4, "hard-attention": 7}
INTERVAL = ["interval_low", "interval_high"]
COLUMNS = {
    "heads": [
        *("kind", "head", "ridge", "tokens", "relevant_tokens", "inverse_temperature", "samples", "dimension"),
        *("error", *INTERVAL, "repetitions", "dropped", "seed"),
    ],
    "benefit-of-context": [
        *("panel", "kind", "attention", "tokens", "relevant_share", "context_norm", "inverse_temperature", "gain"),
        *("error", *INTERVAL, "sequences", "seed"),
    ],
    "hard-attention": ["kind", "irrelevant_tokens", "context_over_noise", "error", *INTERVAL, "sequences", "seed"],
}


def shrink(patch):
    """Make drafts that take a few seconds: fewer points on curves, and of simulation."""
    for module, settings in (
        (
            heads,
            {
                "TOKENS": (4, 16),
                "RATIOS": (0.6, 2.5),
                "CURVE_POINTS": {True: 6},
                "SLOW_CURVE_POINTS": {True: 2},
                "REPETITIONS": {True: 40},
            },
        ),
        (benefit_of_context, {"CURVE_POINTS": {True: 5}, "POINT_TEMPERATURES": (0.1, 0.5, 1.0, 1.8)}),
        (
            hard_attention,
            {
                "SEQUENCES": {True: 1000},
                "RATIOS": {10: (0.4, 0.7, 1.0), 100: (0.75, 0.9, 1.05), 10_000: (0.89,)},
                "MAP_POINTS": {True: 12},
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
        # What depends on chance, the six heads of one n together, and the slow curves of the heads.
        assert store.computed == POINTS["heads"] / 6 + 3 * 4 + 7 + 2 * 6
        yield folder, rows


@pytest.fixture(scope="module")
def pictures(results):
    _, rows = results
    with pytest.MonkeyPatch.context() as patch, house_style():
        shrink(patch)
        drawn = {name: FIGURES[name].draw(rows[name]) for name in NAMES}
        for figure in drawn.values():
            figure.draw_without_rendering()
        yield drawn


def of(rows, **wanted):
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


# --- files ---


def test_the_catalogue_lists_them():
    assert list(FIGURES)[:4] == ["double-descent", *NAMES]
    assert all(FIGURES[name].description.endswith(".") for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_csv_holds_every_row_under_its_columns(results, name):
    folder, rows = results
    with (folder / f"{name}-draft.csv").open(newline="", encoding="utf-8") as stream:
        header, *lines = csv.reader(stream)
    assert header == COLUMNS[name]
    assert lines == [["" if value is None else str(value) for value in row.values()] for row in rows[name]]


@pytest.mark.parametrize("name", NAMES)
def test_a_pdf_is_all_vectors_with_fonts_that_journals_take(results, name):
    content = (results[0] / f"{name}-draft.pdf").read_bytes()
    assert content.rstrip().endswith(b"%%EOF")
    for unwanted in (b"/Subtype /Image", b"/Subtype /Type3", b"/CreationDate"):
        assert unwanted not in content


@pytest.mark.parametrize("name", NAMES)
def test_a_png_is_as_wide_as_a_column_with_nothing_cut_off(results, name):
    pixels = mpl.image.imread(results[0] / f"{name}-draft.png")[..., :3]
    assert pixels.shape[1] == round(COLUMN_WIDTH * SETTINGS["savefig.dpi"])
    assert min(edge.min() for edge in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1])) == 1


def test_drawing_again_simulates_nothing_and_gives_the_same_bytes(results, tmp_path, monkeypatch):
    shrink(monkeypatch)
    with ResultStore(results[0]) as store:
        for path in write([FIGURES["hard-attention"]], Drawing(store, None, True), tmp_path):
            assert path.read_bytes() == (results[0] / path.name).read_bytes()
        assert (store.computed, store.taken) == (0, POINTS["hard-attention"])


@pytest.mark.parametrize("name", NAMES)
def test_every_point_has_its_interval_and_what_reproduces_it(results, name):
    points = of(results[1][name], kind="simulated")
    assert len(points) == POINTS[name]
    for row in points:
        assert 0 <= row["interval_low"] < row["error"] < row["interval_high"] <= 1
        assert row["seed"] in (heads.SEED, benefit_of_context.SEED, hard_attention.SEED)
    for row in results[1][name]:
        assert row["kind"] == "simulated" or {row[column] for column in (*INTERVAL, "seed")} == {None}


# --- every head ---


def head_of(row, samples=None):
    kind, temperature = row["head"], row["inverse_temperature"]
    return Head(row["samples"] if samples is None else samples, temperature, kind=kind, ridge=row["ridge"])


def predicted(row, regime):
    return known_prompt_error(heads.mixture_of(row["tokens"]), head_of(row), regime=regime)


def test_lines_are_the_proportional_regime(results):
    rows = of(results[1]["heads"], kind="proportional")
    assert {(row["head"], row["tokens"]) for row in rows} == {(kind, t) for kind in heads.KINDS for t in (4, 16)}
    for kind in heads.KINDS:
        row = of(rows, head=kind, tokens=16)[1]
        # The same computation, without a store between.
        assert row["error"] == pytest.approx(predicted(row, "proportional").error, rel=1e-13)


def test_no_line_is_below_the_limit_which_weighted_averaging_reaches(results):
    rows = results[1]["heads"]
    for tokens in (4, 16):
        limit = {row["samples"]: row["error"] for row in of(rows, kind="limit", tokens=tokens)}
        for row in of(rows, kind="proportional", tokens=tokens):
            if row["samples"] in limit:
                assert row["error"] >= limit[row["samples"]] * (1 - 1e-9)
        best = {row["samples"]: row["error"] for row in of(rows, head="weighted-averaging", tokens=tokens)}
        assert all(best[n] == pytest.approx(error, rel=1e-12) for n, error in limit.items())


def test_the_max_margin_line_ends_where_that_head_does(results):
    last = of(results[1]["heads"], kind="proportional", head="max-margin", tokens=4)[-1]
    assert 2 < last["samples"] / last["dimension"] < 10
    with pytest.raises(NotAvailableError, match="max-margin"):
        known_prompt_error(heads.mixture_of(4), head_of(last, last["samples"] + 1), regime="proportional")


def test_simulated_averaging_is_the_exact_error_of_its_n(results):
    points = [row for row in of(results[1]["heads"], kind="simulated") if "averaging" in row["head"]]
    assert len(points) == 8
    for row in points:
        freedom = row["repetitions"] - 1
        standard_error = (row["interval_high"] - row["interval_low"]) / 2 / stdtrit(freedom, 0.975)
        expected = predicted(row, "exact").error
        # Means over 512 draws of scores and a head: normal, with a standard error that is itself estimated.
        assert 2 * stdtr(freedom, -abs(row["error"] - expected) / standard_error) > share()
        assert standard_error < 0.03 * expected


def test_the_other_points_are_near_the_limit_of_many_dimensions(results):
    for row in of(results[1]["heads"], kind="simulated"):
        # At p = 100 corrections are of order 1/p, times a factor that grows towards the peak; chance adds 2 %.
        assert row["error"] == pytest.approx(predicted(row, "proportional").error, rel=0.12)
        assert row["dropped"] <= 0.1 * row["repetitions"]


# --- benefit of context ---


def test_gains_are_ratios_of_the_exact_moments(results):
    rows = of(results[1]["benefit-of-context"], kind="exact", attention="softmax", error=None)
    for row in rows[::4]:
        mixture = benefit_of_context.mixture_of(row["tokens"], row["context_norm"])
        moments = [attention_moments(mixture, t).snr_square for t in (row["inverse_temperature"], 0.0)]
        # Accuracy promised for the moments.
        assert row["gain"] == pytest.approx(moments[0] / moments[1], rel=1e-9)


def test_limits_of_the_gain_are_the_closed_forms(results):
    rows = of(results[1]["benefit-of-context"], kind="many tokens")
    assert {row["attention"] for row in rows} == {"softmax", "linear"}
    for row in rows:
        temperature, square = row["inverse_temperature"], row["context_norm"] ** 2
        expected = square if temperature is None else math.exp(2 * square * (temperature - temperature**2))
        assert row["gain"] == pytest.approx(expected, rel=1e-12)
    (best,) = of(results[1]["benefit-of-context"], kind="best, many tokens")
    assert (best["inverse_temperature"], best["gain"]) == (0.5, pytest.approx(math.exp(1.5**2 / 2), rel=1e-12))


def test_errors_are_exact_and_least_at_their_mark(results):
    rows = of(results[1]["benefit-of-context"], panel="error")
    for tokens in benefit_of_context.TOKENS:
        mixture = benefit_of_context.mixture_of(tokens, benefit_of_context.CONTEXT)
        curve = of(rows, kind="exact", tokens=tokens)
        assert curve[2]["error"] == population_error(mixture, curve[2]["inverse_temperature"])
        (best,) = of(rows, kind="best", tokens=tokens)
        assert best["error"] <= min(row["error"] for row in curve)
        assert 0.45 < best["inverse_temperature"] < benefit_of_context.LARGEST_TEMPERATURE


def test_simulated_errors_are_the_exact_ones(results):
    for row in of(results[1]["benefit-of-context"], kind="simulated"):
        mixture = benefit_of_context.mixture_of(row["tokens"], row["context_norm"])
        standard_error = (row["interval_high"] - row["interval_low"]) / 2 / stdtrit(row["sequences"] - 1, 0.975)
        expected = population_error(mixture, row["inverse_temperature"])
        assert_mean(row["error"], standard_error, expected, detectable=0.5)


# --- hard attention ---


def test_the_map_and_the_curves_are_half_the_sequences_that_noise_wins(results):
    rows = results[1]["hard-attention"]
    for row in [*of(rows, kind="map")[::5], *of(rows, kind="exact")[::10]]:
        lost = -math.expm1(row["irrelevant_tokens"] * norm.logcdf(row["context_over_noise"]))
        # The exponent is a product of m and a logarithm of 1e-16 relative error, plus what expm1 rounds.
        assert row["error"] == pytest.approx(lost / 2, rel=1e-12)


def test_the_lines_of_the_diagram_are_threshold_and_half_height(results):
    rows = results[1]["hard-attention"]
    for row in of(rows, kind="threshold"):
        assert row["context_over_noise"] == pytest.approx(math.sqrt(2 * math.log(row["irrelevant_tokens"])), rel=1e-13)
    for row in of(rows, kind="midpoint"):
        mixture = hard_attention.mixture_of(row["irrelevant_tokens"], row["context_over_noise"])
        assert hard_attention_error(mixture) == pytest.approx(row["error"], rel=1e-9)


def test_simulated_hard_attention_loses_as_many_sequences_as_it_should(results):
    for row in of(results[1]["hard-attention"], kind="simulated"):
        mixture = hard_attention.mixture_of(row["irrelevant_tokens"], row["context_over_noise"])
        # A sequence errs by 0 or 1/2, but for near ties, so that losses are counted.
        losses = round(2 * row["error"] * row["sequences"])
        assert binomtest(losses, row["sequences"], 2 * hard_attention_error(mixture)).pvalue > share()


# --- pictures ---


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_is_labelled(pictures, name):
    figure = pictures[name]
    panels = [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]
    assert figure.get_suptitle()
    shared = name == "heads"
    assert any(axes.get_xlabel() for axes in panels) if shared else all(axes.get_xlabel() for axes in panels)
    assert panels[0].get_ylabel() if shared else all(axes.get_ylabel() for axes in panels)


def test_the_colourbar_says_what_it_measures(pictures):
    bars = [axes for axes in pictures["hard-attention"].axes if axes.get_label() == "<colorbar>"]
    assert [bar.get_ylabel() for bar in bars] == ["test error"]


def test_every_head_and_the_limit_are_in_the_legend(pictures):
    (legend,) = pictures["heads"].legends
    assert {text.get_text() for text in legend.get_texts()} == {*heads.NAMES.values(), "limit of any head"}


@pytest.mark.parametrize("name", NAMES)
def test_every_point_is_inside_its_panel(pictures, name):
    drawn = 0
    for axes in pictures[name].axes:
        (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
        for bars in axes.containers:
            x, y = bars.lines[0].get_data()
            assert left <= min(x) <= max(x) <= right
            assert bottom <= min(y) <= max(y) <= top
            drawn += len(x)
    assert drawn == POINTS[name]


def grey(colour):
    """Return how light a colour prints without colours (ITU-R BT.601), from 0 to 1."""
    return float(np.dot(to_rgb(colour), (0.299, 0.587, 0.114)))


def test_styles_are_told_apart_in_grey():
    assert len(COLOURS) == len(set(COLOURS)) == len(set(MARKERS)) == len(set(LINES)) == 7
    assert max(map(grey, COLOURS)) < 0.75
    # A tenth of the way from black to white is told apart side by side.
    for one, other in [*combinations(COLOURS[:4], 2), *pairwise(COLOURS)]:
        assert abs(grey(one) - grey(other)) > 0.1
