"""The plain truth: whole token sequences, a head trained on their attention features, tested on fresh sequences."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from numerics.simulators.prompt_attention import attention_weights, gain_and_spread, weighted_tokens
from numerics.simulators.repetitions import Outcomes, Repetitions, cosine
from numerics.simulators.sequences import context_vector, draw_sequences, signal_vector
from numerics.training.heads import TrainingSet, refuse_infinite_samples, train_head
from theory.arguments import single
from theory.head import Head
from theory.mixture import ContextualMixture

TEST_SEQUENCES = 150
"""Fresh sequences for each trained head: more of them would cost more than they gain, for heads differ."""

CHUNK_BYTES = 2**21
"""Token sequences held at once, so that they stay in the cache; features are kept for the whole training set."""

TEST = f"a fresh test set of {TEST_SEQUENCES} sequences for each head"


def draw_features(mixture: ContextualMixture, head: Head, samples: int, rng: np.random.Generator) -> TrainingSet:
    """Draw sequences chunk by chunk and return their label-signed attention features, with p = d, and M and S.

    In the orthogonal space the coordinate along the prompt is there, and 0.
    """
    context = context_vector(mixture)
    prompt = single(head.inverse_temperature) * context
    chunk = max(1, CHUNK_BYTES // (8 * int(single(mixture.tokens)) * int(single(mixture.dimension))))
    direction = context / np.linalg.norm(context)
    features, gains, spreads = np.empty((samples, len(context))), np.empty(samples), np.empty(samples)
    for first in range(0, samples, chunk):
        part = slice(first, min(first + chunk, samples))
        sequences = draw_sequences(mixture, part.stop - first, rng=rng)
        weights = attention_weights(sequences.tokens, prompt, head.attention)
        drawn = weighted_tokens(weights, sequences.tokens)
        if head.space == "orthogonal":
            drawn -= np.outer(drawn @ direction, direction)
        features[part] = sequences.labels[:, None] * drawn
        gains[part], spreads[part] = gain_and_spread(weights, mixture)
    return TrainingSet(features, gains, spreads)


def draw_feature_sets(
    mixture: ContextualMixture, head: Head, samples: int, count: int, rng: np.random.Generator
) -> Iterator[TrainingSet]:
    """Draw so many sets of features, as many at once as a chunk of sequences holds."""
    together = max(1, CHUNK_BYTES // (8 * samples * int(single(mixture.tokens)) * int(single(mixture.dimension))))
    for first in range(0, count, together):
        sets = min(together, count - first)
        drawn = draw_features(mixture, head, sets * samples, rng)
        for begin in range(0, sets * samples, samples):
            part = slice(begin, begin + samples)
            yield TrainingSet(drawn.features[part], drawn.gains[part], drawn.spreads[part])


def simulate_tokens(
    mixture: ContextualMixture,
    head: Head,
    repetitions: int,
    rng: np.random.Generator,
    test_sequences: int = TEST_SEQUENCES,
) -> Repetitions:
    """Train and test from scratch, `repetitions` times; training and test sequences come from separate streams.

    Each error is the share of wrong signs on so many fresh sequences, ties counted as one half.
    Every head, attention, noise and inverse temperature.

    Raises:
        ArgumentError: the number of samples is infinite.
        TrainingError: a solver failed.

    Example:
        >>> mixture = ContextualMixture(dimension=6, tokens=4, relevant_tokens=1)
        >>> simulate_tokens(mixture, Head(samples=10), 3, np.random.default_rng(1)).errors.shape
        (3,)
    """
    refuse_infinite_samples(head)
    training, testing = rng.spawn(2)
    signal, outcomes = signal_vector(mixture), Outcomes(head)
    tests = draw_feature_sets(mixture, head, test_sequences, repetitions, testing)
    for drawn in draw_feature_sets(mixture, head, int(single(head.samples)), repetitions, training):
        trained = train_head(drawn, head)
        if trained.weights is None:
            outcomes.drop()
            continue
        decisions = next(tests).features @ trained.weights
        error = float(np.mean((1 - np.sign(decisions)) / 2))
        outcomes.keep(error, cosine(trained.weights, signal), trained.separable)
    return outcomes.repetitions()
