"""Accuracy of linear-prompt-attention and of self-attention on data without noise, exactly, for any weights.

A sequence then has two kinds of tokens, R of r = q⋆ + y w⋆ and m of s = -δ_q q⋆ - δ_w y w⋆, and there are finitely many
sequences: one for each label and each value of δ.  (Softmax-prompt-attention: `risk.exact_risk` with noise 0.)
Source: derived here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from theory.arguments import ArgumentError, FloatArray, as_numbers
from theory.risk.exact_risk import Delta, check_deltas
from theory.risk.trained_model import TrainedModel

TIE = 1e-13
"""A decision that is smaller, relative to the sum of the sizes of its parts, is a rounding error: a tie."""


def linear_attention_accuracy(
    model: TrainedModel, *, tokens: int, relevant_tokens: int, deltas: Sequence[Delta] = (Delta(0.0, 0.0),)
) -> float:
    """Return P(y f > 0) for f(X) = wᵀ Xᵀ X q/T, ties counted as one half.

    Args:
        model: the vectors q⋆, w⋆, q and w.
        tokens: T.
        relevant_tokens: R, between 1 and T.
        deltas: the values of (δ_q, δ_w) with probabilities that add up to 1.

    Raises:
        ArgumentError: an argument is out of range.

    Example:
        >>> model = TrainedModel(context=[1, 0], signal=[0, 1], prompt=[1, 0], head=[0, 1])
        >>> linear_attention_accuracy(model, tokens=4, relevant_tokens=2, deltas=[Delta(1, -1)])
        0.5
    """

    def parts(r: FloatArray, s: FloatArray) -> FloatArray:
        counts = np.array([relevant_tokens, tokens - relevant_tokens])
        return np.asarray(counts * [(model.head @ x) * (model.prompt @ x) for x in (r, s)])

    return _accuracy(parts, model.context, model.signal, tokens, relevant_tokens, deltas)


def self_attention_accuracy(
    key: npt.ArrayLike,
    head: npt.ArrayLike,
    *,
    context: npt.ArrayLike,
    signal: npt.ArrayLike,
    tokens: int,
    relevant_tokens: int,
    deltas: Sequence[Delta] = (Delta(0.0, 0.0),),
) -> float:
    """Return P(y f > 0) for f(X) = (1/T) 1ᵀ softmax_rows(X K Xᵀ) X w, ties counted as one half.

    Args:
        key: K, shape (d, d).
        head: w, shape (d,).
        context: q⋆, shape (d,).
        signal: w⋆, shape (d,).
        tokens: T.
        relevant_tokens: R, between 1 and T.
        deltas: the values of (δ_q, δ_w) with probabilities that add up to 1.

    Raises:
        ArgumentError: an argument is out of range.

    Example:
        >>> data = {"context": [1, 0], "signal": [0, 1], "tokens": 4, "relevant_tokens": 1}
        >>> deltas = [Delta(0, 0, 0.5), Delta(4, 4, 0.5)]
        >>> self_attention_accuracy([[2.0, 0], [0, 0]], [0, 1], deltas=deltas, **data)
        0.5
    """
    model = TrainedModel(np.asarray(context), np.asarray(signal), np.zeros(np.shape(context)), np.asarray(head))
    matrix = as_numbers("key", key)
    if matrix.shape != (len(model.head), len(model.head)) or not np.isfinite(matrix).all():
        raise ArgumentError("key", f"be a finite matrix of shape {(len(model.head),) * 2}", f"shape {matrix.shape}")
    with np.errstate(divide="ignore"):
        log_counts = np.log(np.array([relevant_tokens, tokens - relevant_tokens], dtype=float))

    def parts(r: FloatArray, s: FloatArray) -> FloatArray:
        kinds = np.stack([r, s])
        attention = softmax(kinds @ matrix @ kinds.T + log_counts, axis=1)
        return np.asarray(np.exp(log_counts) @ attention * (kinds @ model.head))

    return _accuracy(parts, model.context, model.signal, tokens, relevant_tokens, deltas)


def _accuracy(
    parts: Callable[[FloatArray, FloatArray], FloatArray],
    context: FloatArray,
    signal: FloatArray,
    tokens: int,
    relevant_tokens: int,
    deltas: Sequence[Delta],
) -> float:
    """Average over labels and δ the sign of a decision that is the sum of the parts."""
    if not 1 <= relevant_tokens <= tokens:
        raise ArgumentError("relevant_tokens", f"lie between 1 and tokens = {tokens}", relevant_tokens)
    check_deltas(deltas)
    right = []
    for delta in deltas:
        for label in (1.0, -1.0):
            found = parts(context + label * signal, -delta.context * context - delta.signal * label * signal)
            decision = label * float(found.sum())
            tie = abs(decision) <= TIE * float(np.abs(found).sum())
            right.append(delta.probability / 2 * (0.5 if tie else float(decision > 0)))
    return math.fsum(right)
