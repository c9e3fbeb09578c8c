"""Gradient descent on the mean logistic loss of an attention model, the step chosen by backtracking."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from numerics.simulators.sequences import TokenSequences
from numerics.training.attention_models import AttentionModel, Decisions
from theory.arguments import FloatArray

SUFFICIENT = 0.5
"""A step must lower the loss by this share of what its gradient promises: all that a parabola would allow."""

SMALLEST_STEP = 2.0**-40
FLAT = 1e-16
"""Squared gradient at which descent ends."""


@dataclass(frozen=True)
class Descent:
    """Where gradient descent came to.

    Attributes:
        weights: shape (size,).
        loss: mean logistic loss of the training sequences.
        accuracy: on them, ties counted as one half.
        steps: how many there were.
    """

    weights: FloatArray
    loss: float
    accuracy: float
    steps: int


def logistic_descent(
    model: AttentionModel, sequences: TokenSequences, start: FloatArray, *, steps: int = 200
) -> Descent:
    """Descend from a start: each step is twice the last one, halved until the loss falls by enough.

    Args:
        model: which one.
        sequences: the training set, labels ±1.
        start: weights, shape (size,).
        steps: at most so many.

    Example:
        >>> from numerics.training.attention_models import UniformPooling
        >>> sequences = TokenSequences(np.array([[[2.0]], [[2.0]], [[-2.0]], [[2.0]]]), np.array([1.0, 1, -1, -1]))
        >>> logistic_descent(UniformPooling(), sequences, np.zeros(1)).weights  # log(3)/2
        array([0.54930613])
    """
    weights, step, taken = start, 1.0, 0
    loss, found = _loss(model, weights, sequences)
    for taken in range(steps):
        slope = _slope(found, sequences.labels)
        square = float(slope @ slope)
        if square < FLAT:
            break
        while True:
            trial = weights - step * slope
            lower, there = _loss(model, trial, sequences)
            if lower <= loss - SUFFICIENT * step * square:
                break
            step /= 2
            if step < SMALLEST_STEP:
                return _ended(weights, loss, found, sequences.labels, taken)
        weights, loss, found = trial, lower, there
        step *= 2
    else:
        taken = steps
    return _ended(weights, loss, found, sequences.labels, taken)


def logistic_loss(found: Decisions, labels: FloatArray) -> tuple[float, FloatArray]:
    """Return the mean of log(1 + e^{-y f(X)}) and its gradient, shape (size,).

    Example:
        >>> from numerics.training.attention_models import UniformPooling
        >>> logistic_loss(UniformPooling().decide(np.zeros(1), np.array([[[2.0]]])), np.array([1.0]))
        (0.6931471805599453, array([-1.]))
    """
    return _mean_loss(found, labels), _slope(found, labels)


def _loss(model: AttentionModel, weights: FloatArray, sequences: TokenSequences) -> tuple[float, Decisions]:
    """Return the loss and the decisions."""
    found = model.decide(weights, sequences.tokens)
    return _mean_loss(found, sequences.labels), found


def _mean_loss(found: Decisions, labels: FloatArray) -> float:
    """Return the loss of decisions."""
    margins = labels * found.values
    # log(1 + e^{-y f}) by functions that are vectorised, where logaddexp is not.
    losses = np.log1p(np.exp(-np.abs(margins)))
    losses -= np.minimum(margins, 0.0)
    return float(losses.sum()) / len(losses)


def _slope(found: Decisions, labels: FloatArray) -> FloatArray:
    """Return the gradient of the loss."""
    margins = labels * found.values
    small = np.exp(-np.abs(margins))
    wrong = np.where(margins > 0, small, 1.0) / (1 + small)  # 1/(1 + e^{y f})
    return found.gradient(-labels * wrong / len(labels))


def _ended(weights: FloatArray, loss: float, found: Decisions, labels: FloatArray, steps: int) -> Descent:
    """Return the result."""
    return Descent(weights, loss, float(np.mean((1 + np.sign(labels * found.values)) / 2)), steps)
