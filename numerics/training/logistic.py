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
    weights, margins = np.zeros(features.shape[1]), np.zeros(len(features))
    loss = _loss(margins, penalty, weights)
    lengths = np.linalg.norm(features, axis=1)
    for _ in range(ITERATIONS):
        slopes = expit(-margins) / len(features)
        gradient = penalty * weights - slopes @ features
        size = slopes @ lengths + penalty * float(np.linalg.norm(weights))
        if size == 0 and features.any():
            return None  # all slopes have underflowed: the data are separable, and the loss has no minimum
        # The sum of absolute values bounds the norm, and does not underflow.
        if np.abs(gradient).sum() <= GRADIENT * size:
            return weights
        # A matrix times its own transpose takes half of a product.
        curved = np.sqrt(slopes * expit(margins))[:, None] * features
        hessian = curved.T @ curved
        hessian.flat[:: len(hessian) + 1] += penalty
        _, direction, failed = dposv(hessian, -gradient)
        if failed:  # the curvature has underflowed: the data are all but separable
            return None
        step = _step(features, penalty, (weights, margins, loss), direction, float(gradient @ direction))
        if step is None:
            return None
        weights, margins, loss = step
    return None


def _loss(margins: FloatArray, penalty: float, weights: FloatArray) -> float:
    """Return the penalised loss of weights that have these margins."""
    return float(np.logaddexp(0, -margins).sum() / len(margins) + penalty / 2 * (weights @ weights))


def _step(
    features: FloatArray,
    penalty: float,
    here: tuple[FloatArray, FloatArray, float],
    direction: FloatArray,
    slope: float,
) -> tuple[FloatArray, FloatArray, float] | None:
    """Return where the first of the steps 1, 1/2, 1/4, … leads that lowers the loss enough; None where none does.

    Places are weights, margins and the loss.
    """
    weights, _, loss = here
    rounding = 8 * np.finfo(np.float64).eps * loss
    step = 1.0
    while step >= SMALLEST_STEP:
        trial = weights + step * direction
        margins = features @ trial
        lower = _loss(margins, penalty, trial)
        if lower <= loss + ARMIJO * step * slope + rounding:
            return trial, margins, lower
        step /= 2
    return None
