"""The plain truth: whole token sequences, a head trained on their attention features, tested on fresh sequences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from numerics.simulators.prompt_attention import attention_weights, gain_and_spread, weighted_tokens
from numerics.simulators.repetitions import Outcomes, Repetitions, cosine
from numerics.simulators.sequences import context_vector, draw_sequences, signal_vector
from numerics.training.heads import TrainingSet, refuse_infinite_samples, train_head
from theory.arguments import ArgumentError, single
from theory.head import Head
from theory.mixture import ContextualMixture

TEST_SEQUENCES = 150
"""Fresh sequences for each trained head: more of them would cost more than they gain, for heads differ."""

CHUNK_BYTES = 2**21
"""Token sequences held at once, so that they stay in the cache; features are kept for the whole training set."""

TEST = f"a fresh test set of {TEST_SEQUENCES} sequences for each head"


def draw_features(
    mixture: ContextualMixture, heads: Sequence[Head], samples: int, rng: np.random.Generator
) -> list[TrainingSet]:
    """Draw sequences chunk by chunk and return what each head reads of them: label-signed features, p = d, and M and S.

    In the orthogonal space the coordinate along the prompt is there, and 0.  Heads that read alike share their arrays.
    """
    context = context_vector(mixture)
    chunk = max(1, CHUNK_BYTES // (8 * int(single(mixture.tokens)) * int(single(mixture.dimension))))
    direction = context / np.linalg.norm(context)
    readings = [(single(head.inverse_temperature), head.attention, head.space) for head in heads]
    read = {
        reading: TrainingSet(np.empty((samples, len(context))), np.empty(samples), np.empty(samples))
        for reading in readings
    }
    for first in range(0, samples, chunk):
        part = slice(first, min(first + chunk, samples))
        sequences = draw_sequences(mixture, part.stop - first, rng=rng)
        for (temperature, attention, space), made in read.items():
            weights = attention_weights(sequences.tokens, temperature * context, attention)
            drawn = weighted_tokens(weights, sequences.tokens)
            if space == "orthogonal":
                drawn -= np.outer(drawn @ direction, direction)
            made.features[part] = sequences.labels[:, None] * drawn
            made.gains[part], made.spreads[part] = gain_and_spread(weights, mixture)
    return [read[reading] for reading in readings]


def draw_feature_sets(
    mixture: ContextualMixture, heads: Sequence[Head], samples: int, count: int, rng: np.random.Generator
) -> Iterator[list[TrainingSet]]:
    """Draw so many sets of features for each head, as many at once as a chunk of sequences holds."""
    together = max(1, CHUNK_BYTES // (8 * samples * int(single(mixture.tokens)) * int(single(mixture.dimension))))
    for first in range(0, count, together):
        sets = min(together, count - first)
        drawn = draw_features(mixture, heads, sets * samples, rng)
        for begin in range(0, sets * samples, samples):
            part = slice(begin, begin + samples)
            yield [TrainingSet(read.features[part], read.gains[part], read.spreads[part]) for read in drawn]


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
    return simulate_tokens_together(mixture, [head], repetitions, rng, test_sequences)[0]


def simulate_tokens_together(
    mixture: ContextualMixture,
    heads: Sequence[Head],
    repetitions: int,
    rng: np.random.Generator,
    test_sequences: int = TEST_SEQUENCES,
) -> list[Repetitions]:
    """Return what `simulate_tokens` returns for each head with the same stream, but draw the sequences once.

    Args:
        mixture: the data.
        heads: at least one; all have the number of samples of the first.
        repetitions: training sets to draw.
        rng: source of the random numbers.
        test_sequences: size of each test set.

    Raises:
        ArgumentError: the number of samples is infinite, or heads differ in it.
        TrainingError: a solver failed.

    Example:
        >>> mixture = ContextualMixture(dimension=6, tokens=4, relevant_tokens=1)
        >>> heads = [Head(samples=10, kind=kind) for kind in ("averaging", "least-squares")]
        >>> both = simulate_tokens_together(mixture, heads, 3, np.random.default_rng(1))
        >>> alone = simulate_tokens(mixture, heads[1], 3, np.random.default_rng(1))
        >>> bool((both[1].errors == alone.errors).all())
        True
    """
    for head in heads:
        refuse_infinite_samples(head)
    sizes = {int(single(head.samples)) for head in heads}
    if len(sizes) != 1:
        raise ArgumentError("samples", "be the same for all heads that share sequences", sorted(sizes))
    training, testing = rng.spawn(2)
    signal, outcomes = signal_vector(mixture), [Outcomes(head) for head in heads]
    sets = draw_feature_sets(mixture, heads, sizes.pop(), repetitions, training)
    tests = draw_feature_sets(mixture, heads, test_sequences, repetitions, testing)
    for drawn, fresh in zip(sets, tests, strict=True):
        for head, outcome, features, test in zip(heads, outcomes, drawn, fresh, strict=True):
            trained = train_head(features, head)
            if trained.weights is None:
                outcome.drop()
                continue
            error = float(np.mean((1 - np.sign(test.features @ trained.weights)) / 2))
            outcome.keep(error, cosine(trained.weights, signal), trained.separable)
    return [outcome.repetitions() for outcome in outcomes]
