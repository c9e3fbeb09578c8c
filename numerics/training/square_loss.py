"""The square loss (1/2n) Σ (y - f(X))² of an attention model."""

from __future__ import annotations

import math

import numpy as np

from numerics.simulators.sequences import TokenSequences
from numerics.training.attention_models import AttentionModel
from theory.arguments import FloatArray

CHUNK = 2**17
"""Numbers of the tokens that are looked at together: they stay in a core's memory between a value and its gradient."""


def square_loss(model: AttentionModel, weights: FloatArray, sequences: TokenSequences) -> tuple[float, FloatArray]:
    """Return the loss and its gradient, shape (size,).

    Example:
        >>> from numerics.training.attention_models import UniformPooling
        >>> square_loss(UniformPooling(), np.zeros(1), TokenSequences(np.array([[[2.0]]]), np.array([1.0])))
        (0.5, array([-2.]))
    """
    size = len(sequences.labels)
    together = max(1, CHUNK // math.prod(sequences.tokens.shape[1:]))
    loss, gradient = 0.0, np.zeros_like(weights)
    for first in range(0, size, together):
        part = slice(first, first + together)
        found = model.decide(weights, sequences.tokens[part])
        residuals = sequences.labels[part] - found.values
        loss += float(residuals @ residuals) / (2 * size)
        gradient += found.gradient(-residuals / size)
    return loss, gradient
