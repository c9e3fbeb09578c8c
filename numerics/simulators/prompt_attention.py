"""The model itself: attention weights, attention features h = Xᵀ a, and what the weights make of signal and noise."""

from __future__ import annotations

import numpy as np

from numerics.softmax import softmax
from theory.arguments import FloatArray, single
from theory.mixture import ContextualMixture


def attention_weights(tokens: FloatArray, prompt: FloatArray, attention: str = "softmax") -> FloatArray:
    """Return the weight a_t of each token: softmax(X q), or X q / T for linear attention.

    Args:
        tokens: X, shape (n, T, d).
        prompt: q, shape (d,).
        attention: "softmax" or "linear".

    Returns:
        Shape (n, T).

    Example:
        >>> attention_weights(np.array([[[1.0, 0.0], [3.0, 1.0]]]), np.array([1.0, 0.0]), "linear")
        array([[0.5, 1.5]])
    """
    scores = tokens @ prompt
    return softmax(scores) if attention == "softmax" else np.asarray(scores / tokens.shape[1])


def attention_features(tokens: FloatArray, prompt: FloatArray, attention: str = "softmax") -> FloatArray:
    """Return h = Xᵀ softmax(X q), or Xᵀ X q / T for linear attention, shape (n, d); arguments as above.

    Example:
        >>> tokens = np.array([[[1.0, 0.0], [0.0, 1.0]]])
        >>> attention_features(tokens, np.zeros(2))
        array([[0.5, 0.5]])
    """
    return weighted_tokens(attention_weights(tokens, prompt, attention), tokens)


def weighted_tokens(weights: FloatArray, tokens: FloatArray) -> FloatArray:
    """Return Xᵀ a for each sequence, shape (n, d), for weights of shape (n, T) and tokens of shape (n, T, d)."""
    return np.asarray(np.einsum("nt,ntd->nd", weights, tokens))


def gain_and_spread(weights: FloatArray, mixture: ContextualMixture) -> tuple[FloatArray, FloatArray]:
    """Return M and S of y h = M w⋆ + S ξ (+ y B q̂), each of shape (n,), for known attention weights.

    M = Σ_relevant a_t - δ_w Σ_irrelevant a_t and S² = σ² Σ_irrelevant a_t², the first R tokens being the relevant ones.

    Example:
        >>> mixture = ContextualMixture(dimension=5, tokens=3, relevant_tokens=1, delta_signal=0.5)
        >>> gain_and_spread(np.array([[0.2, 0.4, 0.3]]), mixture)
        (array([-0.15]), array([0.5]))
    """
    relevant = int(single(mixture.relevant_tokens))
    rest = weights[:, relevant:]
    gains = weights[:, :relevant].sum(axis=1) - single(mixture.delta_signal) * rest.sum(axis=1)
    return gains, single(mixture.noise) * np.sqrt(np.einsum("nt,nt->n", rest, rest))
