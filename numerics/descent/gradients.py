"""Gradients of the training loss (1/2n) Σ (y - f(X))², f(X) = wᵀ Xᵀ softmax(X q), with respect to head and prompt.

With the attention a_t of a sequence, h = Σ a_t x_t and f = wᵀh,

    -∇_w = (1/n) Σ (y - f) h,        -∇_q = (1/n) Σ (y - f) Σ_t a_t (x_tᵀw - f) x_t.

For a small head, the first steps of gradient descent from zero, the residual y - f is y itself.  Source: derived here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from numerics.simulators.prompt_attention import attention_weights, weighted_tokens
from numerics.simulators.sequences import TokenSequences
from theory.arguments import ArgumentError, FloatArray, one_of

LABELS = ("random", "balanced")


@dataclass(frozen=True)
class Gradients:
    """Negative gradients of the loss.

    Attributes:
        head: -∇_w, shape (d,).
        prompt: -∇_q, shape (d,).
        loss: the loss itself.
    """

    head: FloatArray
    prompt: FloatArray
    loss: float


def draw_labels(samples: int, labels: str, rng: np.random.Generator) -> FloatArray:
    """Return n labels ±1: fair coins, or "balanced": n/2 of each, an odd one by a coin.

    Example:
        >>> float(draw_labels(10, "balanced", np.random.default_rng(1)).sum())
        0.0
    """
    one_of("labels", labels, LABELS)
    if not isinstance(samples, int) or isinstance(samples, bool) or samples < 1:
        raise ArgumentError("samples", "be a whole number of at least 1", repr(samples))
    if labels == "random":
        return rng.choice([-1.0, 1.0], size=samples)
    drawn = np.where(np.arange(samples) % 2 == 0, 1.0, -1.0)
    if samples % 2:
        drawn[-1] = rng.choice([-1.0, 1.0])
    return drawn


def token_gradients(
    sequences: TokenSequences, head: FloatArray, prompt: FloatArray, *, small_head: bool = False
) -> Gradients:
    """Return the gradients on given sequences: the formulas are above.

    Args:
        sequences: tokens of shape (n, T, d) and their labels.
        head: w, shape (d,).
        prompt: q, shape (d,).
        small_head: whether residuals are the labels.

    Example:
        >>> sequences = TokenSequences(np.array([[[1.0, 0.0], [0.0, 1.0]]]), np.array([1.0]))
        >>> token_gradients(sequences, np.array([1.0, 0.0]), np.zeros(2)).prompt
        array([ 0.125, -0.125])
    """
    tokens, labels = sequences.tokens, sequences.labels
    weights = attention_weights(tokens, prompt)
    along = tokens @ head
    decisions = np.einsum("nt,nt->n", weights, along)
    residuals = labels if small_head else labels - decisions
    size = len(labels)
    features = weighted_tokens(weights, tokens)
    slopes = residuals[:, None] * weights * (along - decisions[:, None])
    return Gradients(
        head=residuals @ features / size,
        prompt=np.einsum("nt,ntd->d", slopes, tokens) / size,
        loss=float(np.mean((labels - decisions) ** 2) / 2),
    )
