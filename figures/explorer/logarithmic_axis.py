"""Logarithmic axes of the page and of the saved picture: from where to where, and with which ticks."""

from __future__ import annotations

import math
import sys

import numpy as np

from figures.explorer.context_gain import ContextGain
from figures.explorer.shown import Shown
from theory.arguments import FloatArray

SMALLEST_ERROR = 1e-12
"""Nothing smaller is drawn: the axis would be all floor."""

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
THIN_SPACE = "\u202f"


def ticks(low: float, high: float) -> dict[float, str]:
    """Return ticks with their labels: powers of ten, and digits between them where these are few.

    Example:
        >>> ticks(0.04, 0.6)
        {0.05: '0.05', 0.1: '0.1', 0.2: '0.2', 0.5: '0.5'}
    """
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    step, width = 1 + len(decades) // 7, math.log10(high / low)
    digits = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0) if width < 1 else (1.0, 2.0, 5.0) if width < 2.5 else (1.0,)
    values = [float(f"{digit}e{power}") for power in decades if power % step == 0 for digit in digits]
    return {value: _label(value) for value in values if low <= value <= high}


def _label(value: float) -> str:
    """Write a tick."""
    if 1e-4 <= value < 1e5:
        return f"{value:g}" if value < 1e4 else f"{value:,.0f}".replace(",", THIN_SPACE)
    return f"10{str(round(math.log10(value))).translate(SUPERSCRIPTS)}"


def reach(values: FloatArray, lowest: float) -> tuple[float, float]:
    """Return the ends of an axis that holds all values above `lowest`, with a margin.

    Example:
        >>> reach(np.array([0.0, 1.0, 10.0, np.nan]), 1e-12) == (1 / 10**0.06, 10 * 10**0.06)
        True
    """
    positive = values[np.isfinite(values) & (values > lowest)]
    if not len(positive):
        return 0.1, 1.0
    low, high = float(positive.min()), float(positive.max())
    margin = max((high / low) ** 0.06, 1.1)
    return low / margin, min(high * margin, sys.float_info.max)


def error_reach(shown: Shown) -> tuple[float, float]:
    """Return the ends of the axis of errors."""
    curves = [curve.error for curve in shown.curves.curves] if shown.curves else []
    low, high = reach(np.concatenate([*curves, _simulated(shown)]), SMALLEST_ERROR)
    return low, min(high, 1.0)


def _simulated(shown: Shown) -> FloatArray:
    """Return the simulated errors."""
    return np.array([point.simulation.error for point in shown.points])


def gain_reach(gain: ContextGain) -> tuple[float, float]:
    """Return the ends of the axis of gains, which the limit for many tokens may leave."""
    return reach(np.concatenate([gain.snr, gain.error, [1.0, gain.here, gain.linear]]), 1e-9)
