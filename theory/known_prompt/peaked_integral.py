"""Integrals of positive functions with one peak of unknown place and width, many at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from theory.arguments import FloatArray
from theory.quadrature import LogIntegral, support, trapezoid

CELLS, ZOOMS = 16, 4
"""The search for a peak looks at 17 points, four times, each time between the neighbours of the best."""

LARGEST_STEP = 0.12
"""In units of the peak's width; it is halved up to `MOST_HALVINGS` times, until the error is below `TOLERANCE`."""

TOLERANCE = 1e-10
MOST_HALVINGS = 3


def peaked_integral(log_integrand: Callable[[FloatArray], FloatArray], reach: FloatArray) -> LogIntegral:
    """Integrate e^{log_integrand(s)} over |s| < reach for each column, s = peak + width sinh x.

    The peak is found on ever finer grids, even in arsinh s at first; the width is that of the normal density that
    curves alike there, and at most 1, the scale of the tails.

    Example:
        >>> normal = peaked_integral(lambda s: -((s - 5) ** 2) / 2, np.array([50.0]))
        >>> print(f"{normal.log_value[0] - np.log(2 * np.pi) / 2:.9f}")
        0.000000000
    """
    column = np.arange(len(reach))
    lower, upper = -np.arcsinh(reach), np.arcsinh(reach)
    for _ in range(ZOOMS):
        grid = lower + (upper - lower) / CELLS * np.arange(CELLS + 1)[:, None]
        best = np.argmax(log_integrand(np.sinh(grid)), axis=0)
        lower, upper = grid[np.maximum(best - 1, 0), column], grid[np.minimum(best + 1, CELLS), column]
    peak = np.sinh(grid[best, column])
    step = np.maximum(np.abs(np.sinh(upper) - np.sinh(lower)) / 2, 1e-4)
    below, top, above = log_integrand(peak + step * np.array([-1.0, 0.0, 1.0])[:, None])
    width = np.clip(step / np.sqrt(np.maximum(2 * top - below - above, step**2 / 4)), 1e-6, 1.0)

    def stretched(x: FloatArray) -> FloatArray:
        return np.asarray(log_integrand(peak + width * np.sinh(x)) + np.log(width * np.cosh(x)))

    ends = np.arcsinh((reach + np.array([-1.0, 1.0])[:, None] * np.abs(peak) + 1) / width)
    lower, upper = support(stretched, -ends.max(axis=0), ends.max(axis=0))
    intervals = 2 * int(np.ceil((upper - lower).max() / (2 * LARGEST_STEP)))
    for halvings in range(MOST_HALVINGS + 1):
        integral = trapezoid(lambda x: (stretched(x), np.array(1.0)), lower, upper, intervals * 2**halvings)
        if (integral.relative_error < TOLERANCE).all():
            break
    return integral
