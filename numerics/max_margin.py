"""The max-margin head (hard-margin support-vector machine), or a proof that there is none."""

from __future__ import annotations

import numpy as np
from scipy.linalg import lstsq
from scipy.optimize import nnls

from numerics.training_error import TrainingError
from theory.arguments import FloatArray

SMALLEST_MARGIN = 1e-9
"""A margin that is smaller, relative to the longest feature, is rounding: the data count as not separable."""

GAP = 1e-8
"""Largest relative distance between the margin reached and the margin that the dual proves unattainable."""


def max_margin_head(features: FloatArray) -> FloatArray | None:
    """Return argmin ‖w‖² subject to wᵀxᵢ ≥ 1 for all i, or None where no w has wᵀxᵢ > 0 for all i.

    Least-distance programming (Lawson & Hanson 1974, chapter 23): with Z the features divided by their largest length,
    u the non-negative least-squares solution of Zᵀu ≈ 0, 1ᵀu ≈ 1 makes v = Zᵀu the direction of ŵ.  Whatever rounding
    did to u ≥ 0,

        min zᵢᵀv/‖v‖  ≤  largest margin of any direction  ≤  ‖v‖/Σu,

    so that the two ends certify the answer: they agree to 1e-8, or the upper one is so small that the data are not
    separable.  Cost: about one QR factorisation of the features of the support.

    Args:
        features: label-signed features xᵢ, shape (n, p).

    Raises:
        TrainingError: the two ends do not meet.

    Example:
        >>> max_margin_head(np.array([[2.0, 0.0], [2.0, 1.0]])).round(12)
        array([0.5, 0. ])
        >>> max_margin_head(np.array([[1.0, 0.0], [-1.0, 0.0]])) is None
        True
    """
    samples, dimension = features.shape
    longest = np.linalg.norm(features, axis=1).max()
    if longest == 0:
        return None
    scaled = features / longest
    target = np.zeros(dimension + 1)
    target[-1] = 1.0
    try:
        multipliers = nnls(np.vstack([scaled.T, np.ones(samples)]), target, maxiter=30 * samples)[0]
    except RuntimeError:
        raise TrainingError(_failure(samples, dimension, "did not converge")) from None
    normal = scaled.T @ multipliers
    unattainable = float(np.linalg.norm(normal)) / float(multipliers.sum())
    if unattainable <= SMALLEST_MARGIN:
        return None
    # Of a small margin u knows few digits.  The head meets the constraints of its support with equality.
    support = scaled[multipliers > 0]
    polished = np.asarray(lstsq(support, np.ones(len(support)), lapack_driver="gelsy", check_finite=False)[0])
    directions = [each / np.linalg.norm(each) for each in (normal, polished)]
    margins = [float((scaled @ direction).min()) for direction in directions]
    margin = max(margins)
    if margin < (1 - GAP) * unattainable:
        raise TrainingError(
            _failure(samples, dimension, f"left its margin between {margin:.3g} and {unattainable:.3g}")
        )
    return np.asarray(directions[margins.index(margin)] / (margin * longest))


def _failure(samples: int, dimension: int, what: str) -> str:
    """Return the sentence that says where the solver failed."""
    return f"the max-margin solver {what} on {samples} training features of dimension {dimension}"
