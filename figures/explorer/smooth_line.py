"""A smooth line through the few points of a curve that takes long."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import PchipInterpolator

from theory.arguments import FloatArray

POINTS = 90


def smooth(x: FloatArray, y: FloatArray, *, logarithmic: bool) -> tuple[FloatArray, FloatArray]:
    """Return a line through a few points that bends instead of breaking, y on a logarithmic axis.

    Example:
        >>> x, y = smooth(np.array([1.0, 2.0, 4.0, 8.0]), np.array([1.0, 4.0, 16.0, 64.0]), logarithmic=True)
        >>> bool(np.allclose(y, x**2))
        True
    """
    good = np.isfinite(y) & (y > 0)
    x, y = x[good], y[good]
    if len(x) < 3:
        return x, y
    scale = np.log if logarithmic else np.asarray
    space = np.geomspace if logarithmic else np.linspace
    fine = np.unique(np.concatenate([space(x[0], x[-1], POINTS), x]))
    fine = fine[(fine >= x[0]) & (fine <= x[-1])]
    return fine, np.exp(PchipInterpolator(scale(x), np.log(y))(scale(fine)))
