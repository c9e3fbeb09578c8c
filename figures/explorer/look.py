"""How heads look, on the page and in the saved picture: the colours, lines and markers of every figure here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from figures.style import COLOURS, LINES, MARKERS

NAMES = {
    "weighted-averaging": "weighted averaging",
    "averaging": "averaging",
    "ridge": "ridge",
    "least-squares": "least squares",
    "logistic": "logistic",
    "max-margin": "max-margin",
}
"""In the order of their looks, which is that of the figure `heads`."""

LIMIT_NAME = "limit of any head"
LIMIT_COLOUR = "#cccccc"
RELEVANT, IRRELEVANT, DENSITY = COLOURS[0], "#b9b4a8", "#b3d5ea"


@dataclass(frozen=True)
class Look:
    """One line and its points: a colour, a dash pattern as Matplotlib takes it, and a marker."""

    colour: str
    line: Any
    marker: str

    @property
    def dashes(self) -> list[int]:
        """Return the lengths of dashes and gaps in pixels; none for a full line."""
        return [] if self.line == "-" else [round(3 * length) for length in self.line[1]]


def look(index: int) -> Look:
    """Return one look of the house.

    Example:
        >>> look(1).dashes
        [15, 4]
    """
    return Look(COLOURS[index], LINES[index], MARKERS[index])


def head_look(kind: str) -> Look:
    """Return the look of a head."""
    return look(list(NAMES).index(kind))


GAIN_LOOKS = {"snr": look(0), "error": look(1), "linear": look(2), "many_tokens": look(3)}
"""Looks of the lines of the gain."""
