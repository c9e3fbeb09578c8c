"""The square loss (1/2n) Σ (y - f(X))² of an attention model."""

from __future__ import annotations

import numpy as np

from numerics.simulators.sequences import TokenSequences
from numerics.training.attention_models import AttentionModel
from theory.arguments import FloatArray


def square_loss(model: AttentionModel, weights: FloatArray, sequences: TokenSequences) -> tuple[float, FloatArray]:
    """Return the loss and its gradient, shape (size,).

    Example:
        >>> from numerics.training.attention_models import UniformPooling
        >>> square_loss(UniformPooling(), np.zeros(1), TokenSequences(np.array([[[2.0]]]), np.array([1.0])))
        (0.5, array([-2.]))
    """
    found = model.decide(weights, sequences.tokens)
    residuals = sequences.labels - found.values
    return float(np.mean(residuals**2) / 2), found.gradient(-residuals / len(residuals))
