"""The softmax along the last axis, fast where rows are short."""

from __future__ import annotations

import math

import numpy as np

from theory.arguments import FloatArray

WIDEST = 700.0
"""e^-700 is a normal number, with all its digits."""

TAME = 600.0
"""e^600 is a float after a product with any number of tokens."""


def exponentials(scores: FloatArray) -> FloatArray:
    """Return e^{s_t} along the last axis, where scores are large up to a factor that the exponentials of a row share.

    Where all scores of all rows lie within 700 of each other one shift serves every row, and none needs a maximum of
    its own, which costs more than the exponentials where a row has eight tokens.

    Example:
        >>> exponentials(np.array([[0.0, np.log(3.0)]]))
        array([[1., 3.]])
    """
    shift, least = scores.max(initial=-np.inf), scores.min(initial=np.inf)
    if max(shift, -least) <= TAME:
        return np.asarray(np.exp(scores))
    if not shift - least <= WIDEST:
        shift = scores.max(axis=-1, keepdims=True)
    weights = np.asarray(scores - shift)
    np.exp(weights, out=weights)
    return weights


def row_sums(weights: FloatArray) -> FloatArray:
    """Return the sums over the last axis.

    Example:
        >>> row_sums(np.array([[1.0, 2.0], [3.0, 4.0]]))
        array([3., 7.])
    """
    # One product for all rows; of more than two axes NumPy would make one for each matrix.
    *outer, length = weights.shape
    return np.asarray((weights.reshape(math.prod(outer), length) @ np.ones(length)).reshape(outer))


def softmax(scores: FloatArray) -> FloatArray:
    """Return e^{s_t} / Σ e^{s_t} along the last axis.

    Example:
        >>> softmax(np.array([[0.0, np.log(3.0)], [1000.0, 0.0]]))
        array([[0.25, 0.75],
               [1.  , 0.  ]])
    """
    weights = exponentials(scores)
    weights /= row_sums(weights)[..., None]
    return weights
