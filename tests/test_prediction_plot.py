"""The small pictures: every mark stands where its number is."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from figures.prediction_plot import LEFT, RIGHT, WIDTH, deviation_plot, value_plot
from figures.verification_record import read_record
from tests.verification_example import write_example


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    results = tmp_path_factory.mktemp("results")
    write_example(results)
    return read_record(results)


def checks_of(record, claim):
    return [check for check in record.checks if check.id == claim]


def number_at(plot, place, unit=1.0):
    """Read a number off the axis of a picture, by two of its ticks."""
    (one, first), *_, (other, last) = plot.ticks
    low, high = (float(text.removesuffix(" %").replace("−", "-")) * unit for text in (first, last))
    return low + (place - one) / (other - one) * (high - low)


# A place is rounded to a hundredth of a unit, and read off two ticks that are.
RESOLUTION = 0.03 / (RIGHT - LEFT)


@pytest.mark.parametrize("claim", ["averaging-known-prompt", "least-squares-known-prompt", "collapse-to-kappa"])
def test_values_stand_where_the_axis_says(record, claim):
    checks = checks_of(record, claim)
    plot = value_plot("claim", checks)
    assert len(plot.rows) == len(checks)
    width = abs(number_at(plot, RIGHT) - number_at(plot, LEFT))
    for row, check in zip(plot.rows, checks, strict=True):
        numbers = (check.predicted, check.simulated, *check.interval)
        for place, number in zip((row.theory, row.point, *row.interval), numbers, strict=True):
            assert number_at(plot, place) == pytest.approx(number, abs=4 * RESOLUTION * width)
        assert row.verdict == check.verdict


def test_deviations_stand_where_the_axis_says(record):
    checks = checks_of(record, "collapse-to-kappa")
    plot = deviation_plot("claim", checks)
    width = number_at(plot, RIGHT, 0.01) - number_at(plot, LEFT, 0.01)
    for row, check in zip(plot.rows, checks, strict=True):
        # Predicted is nothing at all, so the file gives the scale of the deviations.
        assert check.predicted == 0
        for place, number in (
            (row.point, check.simulated / check.scale),
            (row.theory, 0),
            (row.interval[0], check.interval[0] / check.scale),
            (row.detectable[0], -check.detectable),
            (row.detectable[1], check.detectable),
        ):
            assert number_at(plot, place, 0.01) == pytest.approx(number, abs=4 * RESOLUTION * width)


def test_a_refuted_point_lies_beyond_what_could_have_escaped(record):
    (row,) = [
        row
        for row in deviation_plot("claim", checks_of(record, "least-squares-known-prompt")).rows
        if row.verdict == "refuted"
    ]
    assert row.detectable[1] < row.point <= RIGHT


def test_a_deviation_is_written_as_exactly_as_it_is_known(record):
    check = replace(
        record.checks[0], predicted=0.2, scale=0.2, simulated=0.2001, standard_error=0.0004, detectable=0.02
    )
    assert deviation_plot("claim", [check]).rows[0].note == "+0.05 %, finds 2.0 %"
    assert deviation_plot("claim", [replace(check, detectable=None)]).rows[0].note == "+0.05 %"
    below = replace(check, simulated=0.1999, standard_error=4e-6)
    assert deviation_plot("claim", [below]).rows[0].note == "−0.0500 %, finds 2.0 %"


def test_an_inequality_allows_everything_on_one_side(record):
    checks = checks_of(record, "no-head-beats-the-limit")
    for plot in (value_plot("claim", checks), deviation_plot("claim", checks)):
        assert {row.open for row in plot.rows} == {(plot.rows[0].theory, RIGHT)}
    assert {row.detectable[1] for row in deviation_plot("claim", checks).rows} == {RIGHT}
    flipped = value_plot("claim", [replace(check, relation="<=") for check in checks])
    assert {row.open for row in flipped.rows} == {(LEFT, flipped.rows[0].theory)}


def test_an_allowance_is_drawn_at_its_width(record):
    plot = value_plot("claim", checks_of(record, "ridge-proportional"))
    for row in plot.rows:
        low, high = (number_at(plot, place) for place in row.open)
        assert high - low == pytest.approx(2 * 0.0004, rel=0.1)


def test_values_of_very_different_size_have_a_logarithmic_axis(record):
    checks = checks_of(record, "averaging-known-prompt")[:2]
    tiny = replace(checks[0], predicted=1e-7, simulated=1.2e-7, interval=(-1e-8, 2.2e-7))
    plain = value_plot("claim", [replace(tiny, interval=(1e-7, 1.5e-7)), checks[1]])
    assert plain.ticks[0][1].startswith("10⁻")
    # An interval that reaches below zero has no logarithm.
    assert value_plot("claim", [tiny, checks[1]]).rows[0].theory < LEFT + 0.1 * (RIGHT - LEFT)


ABSENT = {"predicted": None, "simulated": None, "standard_error": None, "interval": (None, None), "scale": None}


@pytest.mark.parametrize(
    "fields",
    [
        ABSENT,
        {**ABSENT, "predicted": 0.2, "scale": 0.2},
        {"predicted": 0.0, "scale": 0.0},
        {"simulated": 1e308, "interval": (-1e308, 1e308)},
        {"simulated": 0.2, "predicted": 0.2, "interval": (0.2, 0.2), "standard_error": 0.0, "detectable": None},
        {"detectable": 1e-300},
    ],
)
def test_whatever_the_numbers_are_every_place_is_inside_the_picture(record, fields):
    check = replace(record.checks[0], **fields)
    for plot in filter(None, (value_plot("claim", [check]), deviation_plot("claim", [check]))):
        places = [place for place, _ in plot.ticks]
        for row in plot.rows:
            places += [row.theory, row.point, *row.open, *row.detectable, *row.interval]
        for place in places:
            assert place is None or 0 < LEFT <= place <= RIGHT < WIDTH
            assert place is None or math.isfinite(place)
        assert plot.bottom < plot.height


def test_a_claim_without_any_scale_has_no_picture_of_deviations(record):
    check = replace(record.checks[0], predicted=0.0, scale=0.0)
    assert deviation_plot("claim", [check]) is None


def test_a_long_setting_is_cut(record):
    check = replace(record.checks[0], setting="n = 10, " * 20)
    (row,) = value_plot("claim", [check]).rows
    assert row.label.endswith("…")
    assert len(row.label) == 30


def test_the_alternative_text_tells_the_outcome(record):
    checks = checks_of(record, "least-squares-known-prompt")
    assert value_plot("Least squares", checks).alt == (
        "Predicted and simulated values of “Least squares”, 9 checks: 7 hold, 1 refuted, 1 undecided."
    )
