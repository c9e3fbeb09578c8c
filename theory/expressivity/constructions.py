"""Weights that never err on data without noise, for softmax-prompt-attention and, below its threshold, self-attention.

With q_⊥ the part of q⋆ that is orthogonal to w⋆ and w_⊥ that of w⋆ orthogonal to q⋆, the prompt and the head

    q = t q_⊥/‖q_⊥‖²,   w = w_⊥/‖w_⊥‖²,    give    y f = A - δ_w (1 - A),   A/(1-A) = ζ/(1-ζ) e^{t(1+δ_q)},

whatever the angle between q⋆ and w⋆ is (y f is M, the gain of the signal).  It is positive for every δ with δ_q ≥ a,
a > -1, and δ_w ≤ C once t (1+a) > ln(C (1-ζ)/ζ), and at least μ once A (1+C) - C ≥ μ: a margin μ < 1 takes

    t = ln[(C + μ)/(1 - μ) (1-ζ)/ζ]/(1+a),   or t = 0 where that is negative.

Self-attention: K = k q_⊥q_⊥ᵀ/‖q_⊥‖⁴ and the same w, k = u/(1+Δ) with the u of `expressivity.self_attention`.
Source: derived here.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from theory.arguments import ArgumentError, FloatArray, NotAvailableError, real, single
from theory.expressivity.self_attention import largest_mean_attention
from theory.risk.trained_model import TrainedModel

PARALLEL = 1e-12
"""Vectors whose orthogonal parts are shorter than this share of their length count as parallel."""


def winning_prompt(
    context: npt.ArrayLike,
    signal: npt.ArrayLike,
    *,
    sparsity: float,
    least_delta_context: float = 0.0,
    largest_delta_signal: float = 0.0,
    margin: float = 0.5,
) -> TrainedModel:
    """Return the prompt and the head above: y f ≥ μ for every δ with δ_q ≥ a and δ_w ≤ C.

    Args:
        context: q⋆, shape (d,).
        signal: w⋆, shape (d,), not parallel to q⋆.
        sparsity: ζ, greater than 0 and at most 1.
        least_delta_context: a > -1.
        largest_delta_signal: C ≥ 0.
        margin: μ, at least 0 and less than 1; without noise 0 leaves ties at δ_w = C.

    Raises:
        ArgumentError: an argument is out of range, or the vectors are parallel.

    Example:
        >>> model = winning_prompt([1, 0.5, 0], [0, 2, 0], sparsity=0.25, largest_delta_signal=3)
        >>> model.prompt.round(4), model.head.round(4)
        (array([3.0445, 0.    , 0.    ]), array([-0.25,  0.5 ,  0.  ]))
    """
    share, least, largest, wanted = (
        single(real("sparsity", sparsity, above=0)),
        single(real("least_delta_context", least_delta_context, above=-1)),
        single(real("largest_delta_signal", largest_delta_signal, least=0)),
        single(real("margin", margin, least=0)),
    )
    if share > 1:
        raise ArgumentError("sparsity", "be at most 1", share)
    if wanted >= 1:
        raise ArgumentError("margin", "be less than 1", wanted)
    model = TrainedModel(
        np.asarray(context), np.asarray(signal), np.zeros(np.shape(context)), np.zeros(np.shape(signal))
    )
    across_context, across_signal = _across(model.context, model.signal), _across(model.signal, model.context)
    odds = (largest + wanted) / (1 - wanted) * (1 - share) / share
    length = max(math.log(odds), 0.0) / (1 + least) if odds > 0 else 0.0
    return TrainedModel(
        model.context,
        model.signal,
        length * across_context / (across_context @ across_context),
        across_signal / (across_signal @ across_signal),
    )


def winning_self_attention(
    context: npt.ArrayLike, signal: npt.ArrayLike, *, sparsity: float, delta: float
) -> tuple[FloatArray, FloatArray]:
    """Return K and w of a self-attention that never errs on δ = (0, 0) or (Δ, Δ).

    Args:
        context: q⋆, shape (d,).
        signal: w⋆, shape (d,), not parallel to q⋆.
        sparsity: ζ, greater than 0 and less than 1.
        delta: Δ > 0.

    Raises:
        ArgumentError: an argument is out of range, or the vectors are parallel.
        NotAvailableError: Δ is above the threshold: no self-attention does better than a coin.

    Example:
        >>> key, head = winning_self_attention([1, 0], [0, 2], sparsity=0.25, delta=3.0)
        >>> key.round(3)
        array([[-0.557,  0.   ],
               [ 0.   ,  0.   ]])
    """
    share = single(real("sparsity", sparsity, above=0))
    if share >= 1:
        raise ArgumentError("sparsity", "be less than 1", share)
    size = single(real("delta", delta, above=0))
    model = TrainedModel(
        np.asarray(context), np.asarray(signal), np.zeros(np.shape(context)), np.zeros(np.shape(signal))
    )
    across_context, across_signal = _across(model.context, model.signal), _across(model.signal, model.context)
    largest, score = largest_mean_attention(share, size)
    if largest <= size / (1 + size):
        raise NotAvailableError(f"no self-attention does better than a coin at Δ = {size:g}, ζ = {share:g}")
    # Where the largest attention is a limit, a score at which the rest is below e^-40 will do.
    score = math.copysign(min(abs(score), 80.0 / min(size, 1.0)), score)
    scale = score / (1 + size) / float(across_context @ across_context) ** 2
    return scale * np.outer(across_context, across_context) + 0.0, across_signal / float(across_signal @ across_signal)


def _across(vector: FloatArray, other: FloatArray) -> FloatArray:
    """Return the part of a vector that is orthogonal to the other."""
    square = float(other @ other)
    rest = vector - (vector @ other) / square * other if square > 0 else vector
    if not np.linalg.norm(rest) > PARALLEL * float(np.linalg.norm(vector)) or square == 0:
        raise ArgumentError("signal", "be neither 0 nor parallel to the context, which is not 0", "such a vector")
    return np.asarray(rest)
