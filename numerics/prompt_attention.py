"""The model itself: attention features Xᵀ softmax(X q), and heads trained on them."""

from __future__ import annotations

import numpy as np
from scipy.linalg import lstsq
from scipy.special import softmax

from theory.arguments import ArgumentError, FloatArray, NotAvailableError, single
from theory.head import Head

TRAINABLE_HEADS = ("averaging", "least-squares")


def attention_features(tokens: FloatArray, prompt: FloatArray, attention: str = "softmax") -> FloatArray:
    """Return h = Xᵀ softmax(X q), or Xᵀ X q / T for linear attention.

    Args:
        tokens: X, shape (n, T, d).
        prompt: q, shape (d,).
        attention: "softmax" or "linear".

    Returns:
        Shape (n, d).

    Example:
        >>> tokens = np.array([[[1.0, 0.0], [0.0, 1.0]]])
        >>> attention_features(tokens, np.zeros(2))
        array([[0.5, 0.5]])
    """
    scores = tokens @ prompt
    weights = softmax(scores, axis=1) if attention == "softmax" else scores / tokens.shape[1]
    return np.asarray(np.einsum("nt,ntd->nd", weights, tokens))


def refuse_untrainable(head: Head) -> None:
    """Raise for the heads that the simulators cannot train: `NotAvailableError`, or `ArgumentError` for n = ∞."""
    if head.kind not in TRAINABLE_HEADS:
        raise NotAvailableError(
            f"simulating the {head.kind} head is not available yet; available are {' and '.join(TRAINABLE_HEADS)}"
        )
    if head.attention == "linear":
        raise NotAvailableError("simulating linear-prompt-attention is not available yet")
    if not np.isfinite(single(head.samples)):
        raise ArgumentError("samples", "be finite in a simulation", "inf")


def train_head(features: FloatArray, labels: FloatArray, kind: str) -> FloatArray:
    """Return the head ŵ, shape (d,), that the training features give.

    Args:
        features: h, shape (n, d).
        labels: y, shape (n,).
        kind: "averaging" for (1/n) Σ yᵢ hᵢ, "least-squares" for the minimum-norm solution of min Σ (yᵢ - wᵀhᵢ)².

    Example:
        >>> train_head(np.array([[2.0, 0.0], [0.0, 1.0]]), np.array([1.0, -1.0]), "averaging")
        array([ 1. , -0.5])
    """
    if kind == "averaging":
        return np.asarray(labels @ features / len(labels))
    return minimum_norm_solution(features, labels)


def minimum_norm_solution(features: FloatArray, targets: FloatArray) -> FloatArray:
    """Return the shortest w that minimises ‖targets - features w‖, by a pivoted QR factorisation.

    Example:
        >>> minimum_norm_solution(np.array([[3.0, 4.0]]), np.array([25.0])).round(12)
        array([3., 4.])
    """
    return np.asarray(lstsq(features, targets, lapack_driver="gelsy", check_finite=False)[0])
