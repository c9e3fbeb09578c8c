"""Logistic regression on label-signed features, by a damped Newton iteration."""

from __future__ import annotations

import numpy as np
from scipy.linalg.lapack import dposv
from scipy.special import expit

from numerics.training.row_space import in_row_space
from numerics.training.training_error import TrainingError
from theory.arguments import FloatArray

GRADIENT = 1e-10
"""Largest norm of the gradient, relative to the norms of the terms that cancel in it."""

ITERATIONS = 1000
"""A margin grows by about one a step, and no margin that a float can tell from infinity exceeds 745."""

ARMIJO = 1e-4
SMALLEST_STEP = 2.0**-40


def logistic_head(features: FloatArray, penalty: float) -> FloatArray:
    """Return argmin (1/n) Σ log(1 + e^{-wᵀxᵢ}) + (λ/2)‖w‖², the shortest one for λ = 0.

    Args:
        features: label-signed features xᵢ, shape (n, p); not separable where λ = 0, for there is no minimum then.
        penalty: λ ≥ 0, finite.

    Raises:
        TrainingError: the gradient did not come down to 1e-10 of the terms that cancel in it.

    Example:
        >>> logistic_head(np.array([[1.0], [1.0], [-1.0]]), 0.0)  # log(2/1)
        array([0.69314718])
    """
    samples, dimension = features.shape
    curved = penalty > 0 and samples >= dimension  # in every direction, and no smaller space to work in
    coordinates, basis = (features, np.eye(dimension)) if curved else in_row_space(features)
    weights = _newton(coordinates, penalty)
    if weights is None:
        raise TrainingError(
            f"the logistic head with ridge {penalty:g} did not converge on {samples} training features of dimension "
            f"{dimension}; a larger ridge may do"
        )
    return basis @ weights


def _newton(features: FloatArray, penalty: float) -> FloatArray | None:
    """Return the minimum, or None where the iteration does not come down to it."""
    weights = np.zeros(features.shape[1])
    lengths = np.linalg.norm(features, axis=1)
    margins = features @ weights
    for _ in range(ITERATIONS):
        slopes = expit(-margins) / len(features)
        gradient = penalty * weights - slopes @ features
        size = slopes @ lengths + penalty * float(np.linalg.norm(weights))
        if size == 0 and features.any():
            return None  # all slopes have underflowed: the data are separable, and the loss has no minimum
        # The sum of absolute values bounds the norm, and does not underflow.
        if np.abs(gradient).sum() <= GRADIENT * size:
            return weights
        curvatures = slopes * expit(margins)
        hessian = features.T @ (curvatures[:, None] * features)
        hessian[np.diag_indices_from(hessian)] += penalty
        _, direction, failed = dposv(hessian, -gradient)
        if failed:  # the curvature has underflowed: the data are all but separable
            return None
        step = _step(features, penalty, weights, direction, float(gradient @ direction))
        if step is None:
            return None
        weights = weights + step * direction
        margins = features @ weights
    return None


def _loss(features: FloatArray, penalty: float, weights: FloatArray) -> float:
    """Return the penalised loss."""
    return float(np.mean(np.logaddexp(0, -features @ weights)) + penalty / 2 * (weights @ weights))


def _step(
    features: FloatArray, penalty: float, weights: FloatArray, direction: FloatArray, slope: float
) -> float | None:
    """Return the first of 1, 1/2, 1/4, … that lowers the loss enough; None where none does."""
    here = _loss(features, penalty, weights)
    rounding = 8 * np.finfo(np.float64).eps * here
    step = 1.0
    while step >= SMALLEST_STEP:
        if _loss(features, penalty, weights + step * direction) <= here + ARMIJO * step * slope + rounding:
            return step
        step /= 2
    return None
