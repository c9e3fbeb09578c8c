"""Token sequences of the contextual mixture, drawn as its definition says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from numerics.streams import Random, as_generator
from theory.arguments import FloatArray, single
from theory.mixture import ContextualMixture
from theory.risk.exact_risk import Delta, check_deltas

CHUNK_NOISE = 2**15
"""Noise numbers drawn at once, so that they are still in the cache when they are put where they belong."""


@dataclass(frozen=True)
class TokenSequences:
    """Labelled sequences.

    Attributes:
        tokens: shape (n, T, d); the first R of the T tokens are relevant (attention does not see positions).
        labels: shape (n,), ±1.
    """

    tokens: FloatArray
    labels: FloatArray


def context_vector(mixture: ContextualMixture) -> FloatArray:
    """Return q⋆ = Q e₁, shape (d,)."""
    vector = np.zeros(int(single(mixture.dimension)))
    vector[0] = single(mixture.context_norm)
    return vector


def signal_vector(mixture: ContextualMixture) -> FloatArray:
    """Return w⋆ = W e₂, shape (d,).  The law of the data turns with q⋆ and w⋆, so that axes serve as well as any."""
    vector = np.zeros(int(single(mixture.dimension)))
    vector[1] = single(mixture.signal_norm)
    return vector


def draw_sequences(
    mixture: ContextualMixture,
    samples: int,
    *,
    rng: Random,
    labels: FloatArray | None = None,
    deltas: Sequence[Delta] | None = None,
) -> TokenSequences:
    """Draw independent labelled sequences.

    Relevant tokens are q⋆ + y w⋆, irrelevant ones -δ_q q⋆ - δ_w y w⋆ + z.  Memory: 8 n T d bytes.

    Args:
        mixture: the data; its parameters are single numbers.
        samples: n ≥ 0.
        rng: source of the random numbers.
        labels: ±1 for each sequence, shape (n,); None draws them.
        deltas: the values of (δ_q, δ_w), of which each sequence draws one by their probabilities; None for the
            mixture's own.

    Raises:
        ArgumentError: probabilities do not add up to 1.

    Example:
        >>> mixture = ContextualMixture(dimension=5, tokens=4, relevant_tokens=1)
        >>> draw_sequences(mixture, 3, rng=1).tokens.shape
        (3, 4, 5)
        >>> draw_sequences(mixture, 3, rng=1, deltas=[Delta(0, 0, 0.5), Delta(4, 4, 0.5)]).labels
        array([-1.,  1.,  1.])
    """
    generator = as_generator(rng)
    relevant, tokens, dimension = (
        int(single(mixture.relevant_tokens)),
        int(single(mixture.tokens)),
        int(single(mixture.dimension)),
    )
    context, signal = single(mixture.context_norm), single(mixture.signal_norm)
    if labels is None:
        labels = generator.choice([-1.0, 1.0], size=samples)
    sequences = np.empty((samples, tokens, dimension))
    sequences[:, :relevant] = 0
    _fill_with_noise(sequences[:, relevant:], single(mixture.noise), generator)
    # q⋆ and w⋆ lie along the first two axes, and no other coordinate is touched.
    along_context, along_signal = sequences[:, :, 0], sequences[:, :, 1]
    if mixture.noise_kind == "prompt-orthogonal":
        along_context[:] = 0
    delta_context, delta_signal = _drawn_deltas(mixture, deltas, samples, generator)
    along_context[:, :relevant] = context
    along_signal[:, :relevant] = signal * labels[:, None]
    along_context[:, relevant:] -= delta_context * context
    along_signal[:, relevant:] -= delta_signal * signal * labels[:, None]
    return TokenSequences(sequences, labels)


def _fill_with_noise(tokens: FloatArray, noise: float, rng: np.random.Generator) -> None:
    """Draw tokens of shape (n, m, d), Gaussian with deviation σ in each coordinate."""
    together = max(1, CHUNK_NOISE // max(1, math.prod(tokens.shape[1:])))
    drawn = np.empty((min(together, len(tokens)), *tokens.shape[1:]))
    for first in range(0, len(tokens), together):
        part = tokens[first : first + together]
        np.multiply(rng.standard_normal(out=drawn[: len(part)]), noise, out=part)


def _drawn_deltas(
    mixture: ContextualMixture, deltas: Sequence[Delta] | None, samples: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray] | tuple[float, float]:
    """Return δ_q and δ_w, numbers or arrays of shape (n, 1)."""
    if deltas is None:
        return single(mixture.delta_context), single(mixture.delta_signal)
    check_deltas(deltas)
    which = rng.choice(len(deltas), size=samples, p=[delta.probability for delta in deltas])
    values = np.array([(delta.context, delta.signal) for delta in deltas])[which]
    return values[:, 0, None], values[:, 1, None]
