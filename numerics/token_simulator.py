"""The plain truth: whole token sequences, a head trained on their attention features, tested on fresh sequences."""

from __future__ import annotations

import numpy as np

from numerics.prompt_attention import attention_features, refuse_untrainable, train_head
from numerics.repetitions import Repetitions, cosine
from numerics.sequences import context_vector, draw_sequences, signal_vector
from theory.arguments import FloatArray, single
from theory.head import Head
from theory.mixture import ContextualMixture

TEST_SEQUENCES = 250
"""Fresh sequences for each trained head: more of them would cost more than they gain, for heads differ."""

CHUNK_BYTES = 2**25
"""Token sequences held at once; features, T times smaller, are kept for the whole training set."""

TEST = f"a fresh test set of {TEST_SEQUENCES} sequences for each head"


def draw_features(
    mixture: ContextualMixture, head: Head, samples: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Draw sequences chunk by chunk and return their attention features, shape (samples, d), and labels."""
    context = context_vector(mixture)
    prompt = single(head.inverse_temperature) * context
    chunk = max(1, CHUNK_BYTES // (8 * int(single(mixture.tokens)) * int(single(mixture.dimension))))
    direction = context / np.linalg.norm(context)
    features, labels = np.empty((samples, len(context))), np.empty(samples)
    for first in range(0, samples, chunk):
        part = slice(first, min(first + chunk, samples))
        sequences = draw_sequences(mixture, part.stop - first, rng=rng)
        drawn = attention_features(sequences.tokens, prompt)
        if head.space == "orthogonal":
            drawn -= np.outer(drawn @ direction, direction)
        features[part], labels[part] = drawn, sequences.labels
    return features, labels


def simulate_tokens(mixture: ContextualMixture, head: Head, repetitions: int, rng: np.random.Generator) -> Repetitions:
    """Train and test from scratch, `repetitions` times; training and test sequences come from separate streams.

    Each error is the share of wrong signs on `TEST_SEQUENCES` fresh sequences, ties counted as one half.
    Any noise, any inverse temperature.

    Raises:
        NotAvailableError: the head is one that the simulators cannot train.

    Example:
        >>> mixture = ContextualMixture(dimension=6, tokens=4, relevant_tokens=1)
        >>> simulate_tokens(mixture, Head(samples=10), 3, np.random.default_rng(1)).errors.shape
        (3,)
    """
    refuse_untrainable(head)
    training, testing = rng.spawn(2)
    signal = signal_vector(mixture)
    errors, overlaps = np.empty(repetitions), np.empty(repetitions)
    for repetition in range(repetitions):
        features, labels = draw_features(mixture, head, int(single(head.samples)), training)
        weights = train_head(features, labels, head.kind)
        features, labels = draw_features(mixture, head, TEST_SEQUENCES, testing)
        errors[repetition] = np.mean((1 - np.sign(labels * (features @ weights))) / 2)
        overlaps[repetition] = cosine(weights, signal)
    return Repetitions(errors, overlaps)
