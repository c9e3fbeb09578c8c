"""The softmax along the last axis, fast where rows are short."""

from __future__ import annotations

import math

import numpy as np

from theory.arguments import FloatArray

WIDEST = 700.0
"""e^-700 is a normal number, with all its digits."""


def softmax(scores: FloatArray) -> FloatArray:
    """Return e^{s_t} / Σ e^{s_t} along the last axis.

    Where all scores of all rows lie within 700 of each other one shift serves every row, and none needs a maximum of
    its own, which costs more than the exponentials where a row has eight tokens.

    Example:
        >>> softmax(np.array([[0.0, np.log(3.0)], [1000.0, 0.0]]))
        array([[0.25, 0.75],
               [1.  , 0.  ]])
    """
    shift = scores.max(initial=-np.inf)
    if not shift - scores.min(initial=np.inf) <= WIDEST:
        shift = scores.max(axis=-1, keepdims=True)
    weights = np.asarray(scores - shift)
    np.exp(weights, out=weights)
    # One product for all rows; of more than two axes NumPy would make one for each matrix.
    *outer, length = weights.shape
    weights /= (weights.reshape(math.prod(outer), length) @ np.ones(length)).reshape(*outer, 1)
    return weights
