"""Prediction against simulation, check by check: where everything stands in a small picture of a claim."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from matplotlib.ticker import LogLocator, MaxNLocator

from figures.number_text import measured_number, percent, plain_number
from figures.verification_record import Check

WIDTH = 340
"""Units of a picture across: as many pixels as fit on a phone, so that its letters are not made smaller there."""

LEFT, RIGHT = 6.0, WIDTH - 6.0
ROW, AXIS = 34.0, 40.0
LABEL = 30
"""Letters of a setting that fit beside its numbers."""

LOGARITHMIC = 30.0
"""Values whose largest is as many times the smallest are drawn on a logarithmic axis."""

LARGEST = 1e100
"""Larger numbers are not drawn: the length of an axis must be a float."""

Span = tuple[float | None, float | None]


@dataclass(frozen=True)
class Row:
    """One check: places from the left and the top, None for what cannot be drawn.

    Attributes:
        y: the middle of the marks.
        label: the setting, cut to its place.
        note: numbers to it.
        verdict: of the check.
        theory: where the prediction stands.
        open: from where to where the claim allows the simulated number to lie.
        detectable: a number outside would have been found.
        point: the simulated number.
        interval: its confidence interval.
    """

    y: float
    label: str
    note: str
    verdict: str
    theory: float | None
    open: Span
    detectable: Span
    point: float | None
    interval: Span


@dataclass(frozen=True)
class Plot:
    """A picture of WIDTH by `height` units.

    Attributes:
        title: what is drawn.
        alt: the same and the outcome, for who does not see it.
        height: in units.
        bottom: where the rows end and the axis is.
        rows: the checks.
        ticks: places on the axis with their numbers.
    """

    title: str
    alt: str
    height: float
    bottom: float
    rows: tuple[Row, ...]
    ticks: tuple[tuple[float, str], ...]


def _finite(values: Iterable[float | None]) -> list[float]:
    """Return the numbers that an axis can hold."""
    return [value for value in values if value is not None and abs(value) <= LARGEST]


@dataclass(frozen=True)
class Axis:
    """An axis from `low` to `high`, linear or logarithmic."""

    low: float
    high: float
    logarithmic: bool = False

    def place(self, value: float | None) -> float | None:
        """Return where a value stands, at an end if it lies beyond."""
        if value is None:
            return None
        if self.logarithmic:
            share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        place = LEFT + min(1.0, max(0.0, share)) * (RIGHT - LEFT)
        return round(place, 2) if math.isfinite(place) else None

    def span(self, low: float | None, high: float | None) -> Span:
        """Return where an interval stands."""
        return self.place(low), self.place(high)

    def ticks(self) -> list[float]:
        """Return a few round numbers on the axis."""
        if self.logarithmic and self.high / self.low > 1e3:
            found = LogLocator(numticks=5).tick_values(self.low, self.high)
        else:
            found = MaxNLocator(4, steps=[1, 2, 5, 10]).tick_values(self.low, self.high)
        return [float(value) for value in found if self.low <= value <= self.high]


def _ticks(axis: Axis, unit: float = 1.0, suffix: str = "") -> tuple[tuple[float, str], ...]:
    """Return the places of round numbers, written with as many decimals as tell them apart."""
    values = axis.ticks()
    step = min((later - former for former, later in pairwise(values)), default=0.0) * unit
    small = 0 < step < 1e-4 or any(abs(value * unit) >= 1e5 for value in values)
    decimals = 0 if step <= 0 or step >= 1 else math.ceil(-math.log10(step) - 1e-9)
    found = []
    for value in values:
        number = value * unit
        if small or axis.logarithmic:
            text = plain_number(number, 2)
        else:
            text = f"{round(number, decimals) + 0.0:.{decimals}f}".replace("-", "−")  # zero has no sign
        place = axis.place(value)
        if place is not None:
            found.append((place, text + suffix))
    return tuple(found)


def _axis(values: Sequence[float]) -> Axis:
    """Return the axis that holds all these values, with a margin."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    if low > 0 and high / low > LOGARITHMIC:
        margin = (high / low) ** 0.05
        return Axis(low / margin, high * margin, True)
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return Axis(low - margin, high + margin)


def _cut(text: str) -> str:
    return text if len(text) <= LABEL else f"{text[: LABEL - 1]}…"


def _claimed(check: Check, centre: float | None) -> tuple[float | None, float | None]:
    """Return from where to where the claim allows the simulated number to lie; infinite where it sets no limit."""
    if centre is None:
        return None, None
    allowance = check.allowance or 0.0
    low = -math.inf if check.relation == "<=" else centre - allowance
    return low, math.inf if check.relation == ">=" else centre + allowance


def outcome(checks: Sequence[Check]) -> str:
    """Return the verdicts in words."""
    counts = {word: sum(check.verdict == word for check in checks) for word in ("holds", "refuted", "undecided")}
    words = {"holds": "hold"} if counts["holds"] != 1 else {}
    return ", ".join(f"{count} {words.get(word, word)}" for word, count in counts.items() if count)


def _frame(count: int) -> tuple[float, float]:
    """Return the height of a picture and where its axis is."""
    bottom = count * ROW + 4.0
    return bottom + AXIS, bottom


def value_plot(title: str, checks: Sequence[Check]) -> Plot:
    """Return the picture of predicted and simulated values, each row on the same axis.

    Args:
        title: of the claim.
        checks: of the claim, at least one.
    """
    axis = _axis(_finite(number for check in checks for number in (check.predicted, check.simulated, *check.interval)))
    rows = [
        Row(
            y=place * ROW + 24,
            label=_cut(check.setting),
            note=measured_number(check.simulated, check.standard_error),
            verdict=check.verdict,
            theory=axis.place(check.predicted),
            open=axis.span(*_claimed(check, check.predicted)),
            detectable=(None, None),
            point=axis.place(check.simulated),
            interval=axis.span(*check.interval),
        )
        for place, check in enumerate(checks)
    ]
    height, bottom = _frame(len(checks))
    alt = f"Predicted and simulated values of “{title}”, {len(checks)} checks: {outcome(checks)}."
    return Plot("Value", alt, height, bottom, tuple(rows), _ticks(axis))


def _deviation(check: Check, value: float | None) -> float | None:
    """Return by how much a number differs from the prediction, as a share of the check's scale."""
    if value is None or check.predicted is None or not check.scale:
        return None
    deviation = (value - check.predicted) / check.scale
    return deviation if math.isfinite(deviation) else None


def _reach(checks: Sequence[Check]) -> float:
    """Return how far the axis of deviations reaches: over every interval, and over most of what is detectable."""
    ends = _finite(_deviation(check, number) for check in checks for number in (check.simulated, *check.interval))
    detectable = sorted(_finite(check.detectable for check in checks))
    usual = detectable[len(detectable) // 2] if detectable else 0.0
    return 1.1 * max(max(map(abs, ends), default=0.0), usual) or 1.0


def deviation_plot(title: str, checks: Sequence[Check]) -> Plot | None:
    """Return the picture of deviations from the prediction, or None if no check has a scale.

    Args:
        title: of the claim.
        checks: of the claim.
    """
    shown = [check for check in checks if _deviation(check, check.simulated) is not None]
    if not shown:
        return None
    axis = Axis(-_reach(shown), _reach(shown))
    rows = [_deviation_row(place, check, axis) for place, check in enumerate(shown)]
    height, bottom = _frame(len(shown))
    alt = (
        f"Deviation of the simulation from the prediction of “{title}”, with the smallest that each check would have "
        f"found, {len(shown)} checks: {outcome(shown)}."
    )
    return Plot("Deviation from theory", alt, height, bottom, tuple(rows), _ticks(axis, 100.0, " %"))


def _in_per_cent(deviation: float | None, check: Check, scale: float) -> str:
    """Write a deviation as exactly as it is known, with its sign."""
    hundredth = scale / 100
    uncertainty = None if check.standard_error is None else check.standard_error / hundredth
    text = measured_number(None if deviation is None else 100 * deviation, uncertainty)
    return f"{'+' if deviation and deviation > 0 else ''}{text} %"


def _deviation_row(place: int, check: Check, axis: Axis) -> Row:
    deviation = _deviation(check, check.simulated)
    scale = check.scale or 1.0
    low, high = _claimed(check, 0.0)
    found = check.detectable
    note = _in_per_cent(deviation, check, scale)
    return Row(
        y=place * ROW + 24,
        label=_cut(check.setting),
        note=f"{note}, finds {percent(found)}" if found else note,
        verdict=check.verdict,
        theory=axis.place(0.0),
        open=axis.span(None if low is None else low / scale, None if high is None else high / scale),
        detectable=axis.span(
            None if found is None else -math.inf if check.relation == "<=" else -found,
            None if found is None else math.inf if check.relation == ">=" else found,
        ),
        point=axis.place(deviation),
        interval=axis.span(*(_deviation(check, end) for end in check.interval)),
    )
