"""Features in the coordinates of their own row space, where a head trained on them lies."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.linalg import qr, svd

from theory.arguments import FloatArray


def in_row_space(features: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return coordinates C of shape (n, r) and an orthonormal basis V of shape (p, r) with features = C Vᵀ.

    r is the numerical rank.  A penalty on ‖w‖ and a loss of features w alone have their minimum at w = V c, with
    ‖w‖ = ‖c‖: training in r instead of p dimensions gives the same head, and without a penalty the shortest one.

    Args:
        features: shape (n, p).

    Example:
        >>> coordinates, basis = in_row_space(np.array([[3.0, 0.0, 4.0]]))
        >>> coordinates.shape, basis.shape
        ((1, 1), (3, 1))
    """
    samples, dimension = features.shape
    if samples < dimension:
        basis, triangle = qr(features.T, mode="economic", check_finite=False)
        left, rank = _leading(triangle, dimension)
        if rank < samples:
            basis = basis @ left[:, :rank]
    else:
        (triangle,) = qr(features, mode="r", check_finite=False)
        left, rank = _leading(triangle[:dimension].T, samples)
        if rank == dimension:
            return features, np.eye(dimension)
        basis = left[:, :rank]
    return features @ basis, np.asarray(basis, dtype=np.float64)


def _leading(square: npt.NDArray[np.floating], size: int) -> tuple[FloatArray, int]:
    """Return the left singular vectors of a matrix and how many singular values are not rounding."""
    left, values, _ = svd(square, check_finite=False)
    return np.asarray(left, dtype=np.float64), int(np.sum(values > size * np.finfo(np.float64).eps * values[0]))
