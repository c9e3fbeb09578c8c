"""The attention models as functions of one vector of weights, with the gradient of their loss (1/2n) Σ (y - f(X))².

    prompt-attention   f(X) = wᵀ Xᵀ softmax(X q)
    linear attention   f(X) = wᵀ Xᵀ X q / T
    self-attention     f(X) = (1/T) 1ᵀ softmax(X K Xᵀ) X w, the softmax row by row
    uniform pooling    f(X) = wᵀ Xᵀ 1 / T

The weights are w, then q or K row by row.  With S = softmax(X K Xᵀ), v = X w, u = S v and residual e = y - f,

    -∇_w = (1/n) Σ e Xᵀ Sᵀ 1 / T,        -∇_K = (1/n) Σ (e/T) Xᵀ [S ∘ (1 vᵀ - u 1ᵀ)] X.

Source: derived here.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from scipy.special import softmax

from numerics.descent.gradients import token_gradients
from numerics.simulators.prompt_attention import attention_features, attention_weights
from numerics.simulators.sequences import TokenSequences
from theory.arguments import FloatArray

START = 0.1
"""Standard deviation of random weights to start from, where zero is a stationary point."""


class AttentionModel(Protocol):
    """A model; weights have the shape (size,), tokens (n, T, d)."""

    name: str

    def start(self, dimension: int, rng: np.random.Generator) -> FloatArray:
        """Return the weights that training starts from."""
        ...

    def decisions(self, weights: FloatArray, tokens: FloatArray) -> FloatArray:
        """Return f(X), shape (n,)."""
        ...

    def attention(self, weights: FloatArray, tokens: FloatArray) -> FloatArray | None:
        """Return the attention on each token, shape (n, T), adding up to 1; None where a model has none such."""
        ...

    def loss(self, weights: FloatArray, sequences: TokenSequences) -> tuple[float, FloatArray]:
        """Return the loss and its gradient, shape (size,)."""
        ...


class PromptAttention:
    """A prompt q and a head w, from zero."""

    name = "prompt-attention"

    def start(self, dimension: int, rng: np.random.Generator) -> FloatArray:  # noqa: ARG002
        """Return zero."""
        return np.zeros(2 * dimension)

    def decisions(self, weights: FloatArray, tokens: FloatArray) -> FloatArray:
        """Return f(X)."""
        head, prompt = np.split(weights, 2)
        return np.asarray(attention_features(tokens, prompt) @ head)

    def attention(self, weights: FloatArray, tokens: FloatArray) -> FloatArray:
        """Return softmax(X q)."""
        return attention_weights(tokens, np.split(weights, 2)[1])

    def loss(self, weights: FloatArray, sequences: TokenSequences) -> tuple[float, FloatArray]:
        """Return the loss and its gradient."""
        found = token_gradients(sequences, *np.split(weights, 2))
        return found.loss, -np.concatenate([found.head, found.prompt])


class UniformPooling:
    """A head w on the mean token, from zero."""

    name = "uniform pooling"

    def start(self, dimension: int, rng: np.random.Generator) -> FloatArray:  # noqa: ARG002
        """Return zero."""
        return np.zeros(dimension)

    def decisions(self, weights: FloatArray, tokens: FloatArray) -> FloatArray:
        """Return f(X)."""
        return np.asarray(tokens.mean(axis=1) @ weights)

    def attention(self, weights: FloatArray, tokens: FloatArray) -> FloatArray:  # noqa: ARG002
        """Return 1/T."""
        return np.full(tokens.shape[:2], 1 / tokens.shape[1])

    def loss(self, weights: FloatArray, sequences: TokenSequences) -> tuple[float, FloatArray]:
        """Return the loss and its gradient."""
        features = sequences.tokens.mean(axis=1)
        residuals = sequences.labels - features @ weights
        return float(np.mean(residuals**2) / 2), -residuals @ features / len(residuals)


class LinearAttention:
    """A prompt q and a head w that attend without a softmax, from small random weights: zero is a saddle."""

    name = "linear attention"

    def start(self, dimension: int, rng: np.random.Generator) -> FloatArray:
        """Return random weights."""
        return START * rng.standard_normal(2 * dimension)

    def decisions(self, weights: FloatArray, tokens: FloatArray) -> FloatArray:
        """Return f(X)."""
        along_head, along_prompt = (tokens @ vector for vector in np.split(weights, 2))
        return np.asarray(np.mean(along_head * along_prompt, axis=1))

    def attention(self, weights: FloatArray, tokens: FloatArray) -> None:  # noqa: ARG002
        """Return nothing: X q / T has either sign."""
        return

    def loss(self, weights: FloatArray, sequences: TokenSequences) -> tuple[float, FloatArray]:
        """Return the loss and its gradient."""
        tokens, (size, length) = sequences.tokens, sequences.tokens.shape[:2]
        along_head, along_prompt = (tokens @ vector for vector in np.split(weights, 2))
        residuals = sequences.labels - np.mean(along_head * along_prompt, axis=1)
        flat = tokens.reshape(size * length, -1)
        slopes = [(residuals[:, None] * along).ravel() @ flat for along in (along_prompt, along_head)]
        return float(np.mean(residuals**2) / 2), -np.concatenate(slopes) / (size * length)


class SelfAttention:
    """Queries and keys joined in one matrix K, and a head w, from zero."""

    name = "self-attention"

    def start(self, dimension: int, rng: np.random.Generator) -> FloatArray:  # noqa: ARG002
        """Return zero."""
        return np.zeros(dimension + dimension**2)

    def decisions(self, weights: FloatArray, tokens: FloatArray) -> FloatArray:
        """Return f(X)."""
        head = weights[: tokens.shape[2]]
        return np.asarray(np.einsum("nt,nt->n", self.attention(weights, tokens), tokens @ head))

    def attention(self, weights: FloatArray, tokens: FloatArray) -> FloatArray:
        """Return the mean of softmax(X K Xᵀ) over its rows."""
        return np.asarray(self._rows(weights, tokens).mean(axis=1))

    def loss(self, weights: FloatArray, sequences: TokenSequences) -> tuple[float, FloatArray]:
        """Return the loss and its gradient."""
        tokens, (size, length, dimension) = sequences.tokens, sequences.tokens.shape
        rows, flat = self._rows(weights, tokens), tokens.reshape(size * length, dimension)
        along = tokens @ weights[:dimension]
        outputs = (rows @ along[:, :, None])[:, :, 0]
        residuals = sequences.labels - outputs.mean(axis=1)
        per_row = residuals / (size * length)
        head = (rows.sum(axis=1) * per_row[:, None]).ravel() @ flat
        slopes = rows * (along[:, None, :] - outputs[:, :, None])
        slopes *= per_row[:, None, None]
        key = flat.T @ (slopes @ tokens).reshape(size * length, dimension)
        return float(np.mean(residuals**2) / 2), -np.concatenate([head, key.ravel()])

    def _rows(self, weights: FloatArray, tokens: FloatArray) -> FloatArray:
        """Return softmax(X K Xᵀ), shape (n, T, T)."""
        dimension = tokens.shape[2]
        queries = tokens @ weights[dimension:].reshape(dimension, dimension)
        return np.asarray(softmax(queries @ tokens.transpose(0, 2, 1), axis=2))


MODELS: tuple[AttentionModel, ...] = (PromptAttention(), LinearAttention(), SelfAttention(), UniformPooling())
