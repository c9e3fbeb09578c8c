"""The attention models as functions of one vector of weights, with the gradient of Σ s_n f(X_n) for any slopes s.

    prompt-attention   f(X) = wᵀ Xᵀ softmax(X q)                        weights w, q
    linear attention   f(X) = wᵀ Xᵀ X q / T                             weights w, q
    self-attention     f(X) = (1/T) 1ᵀ softmax(X K Xᵀ) X w, by rows     weights w, K row by row
    uniform pooling    f(X) = wᵀ Xᵀ 1 / T                               weights w

With a = softmax(X q), v = X w:  ∇_w f = Xᵀa,  ∇_q f = Xᵀ[a ∘ (v - f)];  with S = softmax(X K Xᵀ), u = S v:
∇_w f = Xᵀ Sᵀ 1/T,  ∇_K f = (1/T) Xᵀ [S ∘ (1 vᵀ - u 1ᵀ)] X.  Source: derived here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from numerics.simulators.prompt_attention import attention_weights
from numerics.softmax import exponentials, row_sums, softmax
from theory.arguments import FloatArray

ROWS = 64
"""Products of matrices with so many rows need no copies of them in another order, which take as long again."""

START = 0.1
"""Standard deviation of random weights to start from."""


@dataclass(frozen=True)
class Decisions:
    """What a model makes of sequences.

    Attributes:
        values: f(X), shape (n,).
        gradient: called with slopes s of shape (n,), returns the gradient of Σ s_n f(X_n), shape (size,).
    """

    values: FloatArray
    gradient: Callable[[FloatArray], FloatArray]


class AttentionModel(Protocol):
    """A model; weights have the shape (size,), tokens (n, T, d)."""

    name: str

    def size(self, dimension: int) -> int:
        """Return how many weights there are for tokens of d numbers."""
        ...

    def start(self, dimension: int, rng: np.random.Generator) -> FloatArray:
        """Return weights to start from: zero, or small random ones where zero is a stationary point."""
        ...

    def attention(self, weights: FloatArray, tokens: FloatArray) -> FloatArray | None:
        """Return the attention on each token, shape (n, T), adding up to 1; None where a model has none such."""
        ...

    def decide(self, weights: FloatArray, tokens: FloatArray) -> Decisions:
        """Return f(X) and its gradient."""
        ...


class PromptAttention:
    """A head and a prompt.

    Example:
        >>> PromptAttention().decide(np.array([1.0, 0, 0, 0]), np.array([[[1.0, 0], [0, 1.0]]])).values
        array([0.5])
    """

    name = "prompt-attention"

    def size(self, dimension: int) -> int:
        """Return 2 d."""
        return 2 * dimension

    def start(self, dimension: int, rng: np.random.Generator) -> FloatArray:  # noqa: ARG002
        """Return zero."""
        return np.zeros(self.size(dimension))

    def attention(self, weights: FloatArray, tokens: FloatArray) -> FloatArray:
        """Return softmax(X q)."""
        return attention_weights(tokens, np.split(weights, 2)[1])

    def decide(self, weights: FloatArray, tokens: FloatArray) -> Decisions:
        """Return f(X) and its gradient."""
        along, scores = _along(weights, tokens)
        attention = softmax(scores)
        values = np.einsum("nt,nt->n", attention, along)

        def gradient(slopes: FloatArray) -> FloatArray:
            by_head = attention * slopes[:, None]
            return _combined([by_head, by_head * (along - values[:, None])], tokens)

        return Decisions(values, gradient)


class LinearAttention:
    """A head and a prompt that attend without a softmax.

    Example:
        >>> LinearAttention().decide(np.array([1.0, 0, 1, 0]), np.array([[[1.0, 0], [3.0, 1.0]]])).values
        array([5.])
    """

    name = "linear attention"

    def size(self, dimension: int) -> int:
        """Return 2 d."""
        return 2 * dimension

    def start(self, dimension: int, rng: np.random.Generator) -> FloatArray:
        """Return small random weights: zero is a saddle."""
        return START * rng.standard_normal(self.size(dimension))

    def attention(self, weights: FloatArray, tokens: FloatArray) -> None:  # noqa: ARG002
        """Return nothing: X q / T has either sign."""
        return

    def decide(self, weights: FloatArray, tokens: FloatArray) -> Decisions:
        """Return f(X) and its gradient."""
        along_head, along_prompt = _along(weights, tokens)

        def gradient(slopes: FloatArray) -> FloatArray:
            share = slopes[:, None] / tokens.shape[1]
            return _combined([share * along_prompt, share * along_head], tokens)

        return Decisions(np.einsum("nt,nt->n", along_head, along_prompt) / tokens.shape[1], gradient)


class SelfAttention:
    """A head, and queries and keys joined in one matrix K.

    Example:
        >>> SelfAttention().decide(np.array([1.0, 0, 0, 0, 0, 0]), np.array([[[1.0, 0], [0, 1.0]]])).values
        array([0.5])
    """

    name = "self-attention"

    def size(self, dimension: int) -> int:
        """Return d + d²."""
        return dimension + dimension**2

    def start(self, dimension: int, rng: np.random.Generator) -> FloatArray:  # noqa: ARG002
        """Return zero."""
        return np.zeros(self.size(dimension))

    def attention(self, weights: FloatArray, tokens: FloatArray) -> FloatArray:
        """Return the mean of softmax(X K Xᵀ) over its rows."""
        powers = self._powers(weights, tokens)
        return np.asarray((powers / row_sums(powers)[..., None]).mean(axis=1))

    def decide(self, weights: FloatArray, tokens: FloatArray) -> Decisions:
        """Return f(X) and its gradient."""
        length, dimension = tokens.shape[1:]
        powers = self._powers(weights, tokens)
        totals = row_sums(powers)
        (along,) = _along(weights[:dimension], tokens)
        outputs = (powers @ along[:, :, None])[:, :, 0] / totals

        def gradient(slopes: FloatArray) -> FloatArray:
            share = slopes[:, None] / (length * totals)
            # s_t (v_u - f_t) is a product of two columns and two rows.
            by_score = np.stack([share, -share * outputs], axis=2) @ np.stack([along, np.ones_like(along)], axis=1)
            by_score *= powers
            head = _combined([share[:, None] @ powers], tokens)
            return np.concatenate([head, _sum_of_products(tokens, by_score @ tokens).ravel()])

        return Decisions(np.asarray(outputs.mean(axis=1)), gradient)

    def _powers(self, weights: FloatArray, tokens: FloatArray) -> FloatArray:
        """Return the exponentials of X K Xᵀ, up to a factor for each row, shape (n, T, T)."""
        dimension = tokens.shape[2]
        queries = tokens.reshape(-1, dimension) @ weights[dimension:].reshape(dimension, dimension)
        return exponentials(queries.reshape(tokens.shape) @ tokens.transpose(0, 2, 1))


class UniformPooling:
    """A head on the mean token.

    Example:
        >>> UniformPooling().decide(np.array([1.0, 0]), np.array([[[1.0, 0], [3.0, 1.0]]])).values
        array([2.])
    """

    name = "uniform pooling"

    def size(self, dimension: int) -> int:
        """Return d."""
        return dimension

    def start(self, dimension: int, rng: np.random.Generator) -> FloatArray:  # noqa: ARG002
        """Return zero."""
        return np.zeros(self.size(dimension))

    def attention(self, weights: FloatArray, tokens: FloatArray) -> FloatArray:  # noqa: ARG002
        """Return 1/T."""
        return np.full(tokens.shape[:2], 1 / tokens.shape[1])

    def decide(self, weights: FloatArray, tokens: FloatArray) -> Decisions:
        """Return f(X) and its gradient."""
        features = tokens.mean(axis=1)
        return Decisions(np.asarray(features @ weights), lambda slopes: np.asarray(slopes @ features))


def _along(vectors: FloatArray, tokens: FloatArray) -> list[FloatArray]:
    """Return X v for each of the vectors that follow each other in an array, shape (n, T) each."""
    *shape, dimension = tokens.shape
    flat = tokens.reshape(-1, dimension)
    return [(flat @ vector).reshape(shape) for vector in vectors.reshape(-1, dimension)]


def _combined(weights: Sequence[FloatArray], tokens: FloatArray) -> FloatArray:
    """Return sums of all tokens with weights of shape (n, T), one after another: d numbers each."""
    return np.asarray((np.stack(weights).reshape(len(weights), -1) @ tokens.reshape(-1, tokens.shape[2])).ravel())


def _sum_of_products(left: FloatArray, right: FloatArray) -> FloatArray:
    """Return Σ_n A_nᵀ B_n of matrices of shape (n, T, d), shape (d, d)."""
    (size, length, dimension), together = left.shape, max(1, ROWS // left.shape[1])
    whole = size - size % together
    shape = whole // together, together * length, dimension
    blocks = left[:whole].reshape(shape).transpose(0, 2, 1) @ right[:whole].reshape(shape)
    rest = left[whole:].reshape(-1, dimension).T @ right[whole:].reshape(-1, dimension)
    return np.asarray(blocks.sum(axis=0) + rest)


MODELS: dict[str, AttentionModel] = {
    model.name: model for model in (PromptAttention(), LinearAttention(), SelfAttention(), UniformPooling())
}
