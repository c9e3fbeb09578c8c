"""Exact in law without a token: attention depends on the noise through one score a token alone.

For a prompt τ q⋆ the score of an irrelevant token depends on its noise along q̂ alone, σ g.  Given the scores, the
label-signed feature is (M W, y B, S ξ) in the directions of w⋆ and q̂ and the d - 2 others, ξ standard normal (and S ξ
along w⋆ too).  With the attention weights a_t and A = Σ_relevant a_t (derived here)

    softmax   a_t ∝ e^{τQ²} on relevant and e^{-δ_q τQ² + τσQ g_t} on irrelevant tokens,
    linear    a_t = τQ²/T on relevant and τQ (σ g_t - δ_q Q)/T on irrelevant tokens,

    M = A - δ_w Σ_irrelevant a_t,   S² = σ² Σ_irrelevant a_t²,   B = Q A + Σ_irrelevant a_t (σ g_t - δ_q Q).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from numerics.simulators.repetitions import Repetitions
from numerics.training.heads import TrainingSet, effective_kind, importance, refuse_infinite_samples, train_head
from theory.arguments import ArgumentError, FloatArray, single
from theory.head import Head
from theory.mixture import ContextualMixture

IntArray = npt.NDArray[np.int64]

MEANS = ("averaging", "weighted-averaging")
"""Heads that are means of features, whose law given the scores takes a few numbers."""

TEST_SCORES = 512
"""Sequences whose scores test a head where attention fluctuates; heads differ, so that more would gain little."""

CHUNK_SCORES = 2**16
"""Scores held at once: half a megabyte, so that the steps of the softmax find them in the cache."""

TAME = 300.0
"""Logits up to which neither e^logit nor the sum of its squares overflows or vanishes."""

TEST = f"exact given the head, and given {TEST_SCORES} fresh draws of scores where attention fluctuates"


@dataclass(frozen=True)
class AttentionDraws:
    """Draws of (M, M W, S, B), each of the shape that was asked for, such as (repetitions, n)."""

    gain: FloatArray
    signal: FloatArray
    noise: FloatArray
    context: FloatArray

    def of(self, repetition: int | IntArray) -> AttentionDraws:
        """Return the draws of one repetition, or of several."""
        return AttentionDraws(*(each[repetition] for each in (self.gain, self.signal, self.noise, self.context)))


def draw_attention(
    mixture: ContextualMixture,
    inverse_temperature: float,
    samples: int | tuple[int, ...],
    rng: np.random.Generator,
    attention: str = "softmax",
) -> AttentionDraws:
    """Draw the scores of `samples` sequences, a chunk at a time, and return what they make of an attention feature.

    Example:
        >>> mixture = ContextualMixture(dimension=6, tokens=4, relevant_tokens=1)
        >>> draw_attention(mixture, 1.0, 3, np.random.default_rng(1)).noise.shape
        (3,)
    """
    shape = (samples,) if isinstance(samples, int) else samples
    total, irrelevant = math.prod(shape), int(single(mixture.tokens)) - int(single(mixture.relevant_tokens))
    given_scores = _softmax_given_scores if attention == "softmax" else _linear_given_scores
    if mixture.noise_kind == "prompt-orthogonal":
        constants = given_scores(mixture, inverse_temperature, np.zeros((1, irrelevant)))
        return AttentionDraws(*(np.broadcast_to(constant, shape) for constant in constants))
    drawn = np.empty((4, total))
    chunk = max(1, CHUNK_SCORES // max(1, irrelevant))
    for first in range(0, total, chunk):
        scores = rng.standard_normal((min(chunk, total - first), irrelevant))
        drawn[:, first : first + chunk] = given_scores(mixture, inverse_temperature, scores)
    return AttentionDraws(*drawn.reshape(4, *shape))


def _softmax_given_scores(mixture: ContextualMixture, inverse_temperature: float, scores: FloatArray) -> FloatArray:
    """Return the rows M, M W, S and B, each of shape (sequences,), for scores g of shape (sequences, m)."""
    context, noise = single(mixture.context_norm), single(mixture.noise)
    delta_context, delta_signal = single(mixture.delta_context), single(mixture.delta_signal)
    strength = inverse_temperature * context
    # Relative to a noiseless irrelevant token; the weights are divided by their sum at the very end.
    relevant_logit = strength * context * (1 + delta_context) + math.log(single(mixture.relevant_tokens))
    weights = scores * (strength * noise)
    largest = np.zeros(len(scores))
    if max(weights.max(initial=0), -weights.min(initial=0), abs(relevant_logit)) > TAME:
        # Elsewhere no maximum of each row is needed, which costs as much as the exponentials.
        largest = np.maximum(weights.max(axis=1, initial=-np.inf), relevant_logit)
        weights -= largest[:, None]
    np.exp(weights, out=weights)
    share, others = np.exp(relevant_logit - largest), weights.sum(axis=1)
    gain = share - delta_signal * others
    rows = np.stack(
        [
            gain,
            gain * single(mixture.signal_norm),
            noise * np.sqrt(np.einsum("nt,nt->n", weights, weights)),
            context * (share - delta_context * others) + noise * np.einsum("nt,nt->n", weights, scores),
        ]
    )
    rows /= share + others
    return rows


def _linear_given_scores(mixture: ContextualMixture, inverse_temperature: float, scores: FloatArray) -> FloatArray:
    """Return the same for linear attention."""
    context, noise, tokens = single(mixture.context_norm), single(mixture.noise), single(mixture.tokens)
    strength = inverse_temperature * context / tokens
    share = single(mixture.relevant_tokens) * strength * context
    along = noise * scores - single(mixture.delta_context) * context
    rest = strength * along
    gain = share - single(mixture.delta_signal) * rest.sum(axis=1)
    return np.stack(
        [
            gain,
            gain * single(mixture.signal_norm),
            noise * np.sqrt(np.einsum("nt,nt->n", rest, rest)),
            context * share + np.einsum("nt,nt->n", rest, along),
        ]
    )


@dataclass(frozen=True)
class HeadParts:
    """What the test errors of heads depend on, arrays of shape (heads,) or numbers.

    Attributes:
        along: their parts along w⋆.
        context: their parts along q̂; 0 in the orthogonal space.
        rest: lengths of the rest.
    """

    along: FloatArray
    context: FloatArray
    rest: FloatArray

    @property
    def length(self) -> FloatArray:
        """Lengths of the heads."""
        return np.asarray(np.sqrt(self.along**2 + self.context**2 + self.rest**2))

    def overlap(self, signal_norm: float) -> FloatArray:
        """Return cos∠(ŵ, w⋆), 0 for a head or a signal of length 0."""
        length = self.length
        found = (length > 0) & (signal_norm > 0)
        return np.asarray(np.where(found, self.along / np.where(found, length, 1.0), 0.0))


def draw_mean_heads(
    draws: AttentionDraws, weights: FloatArray, labels: FloatArray, dimension: int, rng: np.random.Generator
) -> HeadParts:
    """Draw weighted means of label-signed features, exact in law given the scores.

    Args:
        draws: of shape (heads, n).
        weights: shape (heads, n).
        labels: shape (heads, n).
        dimension: d.
        rng: source of randomness.
    """
    heads, samples = labels.shape
    spread = np.sqrt(np.mean((weights * draws.noise) ** 2, axis=-1) / samples)
    # A normal and a chi-square number a head, in turn, so that the numbers of a head do not depend on how many follow.
    drawn = np.array([(rng.standard_normal(), rng.chisquare(max(dimension - 2, 1))) for _ in range(heads)])
    along = np.mean(weights * draws.signal, axis=-1) + spread * drawn[:, 0]
    rest = spread * np.sqrt(drawn[:, 1]) * (dimension > 2)
    return HeadParts(along, np.mean(weights * labels * draws.context, axis=-1), rest)


def draw_training_set(
    draws: AttentionDraws, labels: FloatArray, dimension: int, space: str, rng: np.random.Generator
) -> TrainingSet:
    """Draw label-signed features given the scores: along w⋆, d - 2 coordinates, and along q̂ in the full space."""
    features = rng.standard_normal((len(labels), dimension - 1))
    features *= draws.noise[:, None]
    features[:, 0] += draws.signal
    if space == "full":
        features = np.column_stack([features, labels * draws.context])
    return TrainingSet(features, draws.gain, draws.noise)


def parts_of(weights: FloatArray, dimension: int) -> HeadParts:
    """Return the parts of heads trained on such features, shape (heads, p): p = d - 1, or p = d in the full space."""
    context = weights[..., -1] if weights.shape[-1] == dimension else np.zeros(weights.shape[:-1])
    return HeadParts(weights[..., 0], context, np.linalg.norm(weights[..., 1 : dimension - 1], axis=-1))


@dataclass(frozen=True)
class _Trained:
    """Heads of one kind: the repetitions that have one, their parts, and how many repetitions have separable data."""

    kept: IntArray
    parts: HeadParts
    separable: int | None


def _mean_heads(
    draws: AttentionDraws, labels: FloatArray, dimension: int, head: Head, rng: np.random.Generator
) -> _Trained:
    """Draw an averaging head, weighted or not, for each row of labels."""
    weighted = effective_kind(head) == "weighted-averaging"
    weights = importance(draws.gain, draws.noise) if weighted else np.ones(labels.shape)
    parts = draw_mean_heads(draws, weights, labels, dimension, rng)
    if head.space == "orthogonal":
        parts = replace(parts, context=np.zeros(len(labels)))
    return _Trained(np.arange(len(labels)), parts, None)


def _fitted_heads(
    draws: AttentionDraws, labels: FloatArray, dimension: int, heads: Sequence[Head], rng: np.random.Generator
) -> list[_Trained]:
    """Draw features for each row of labels, and train each of the heads on them."""
    if not heads:
        return []
    sets = (
        draw_training_set(draws.of(index), each, dimension, heads[0].space, rng) for index, each in enumerate(labels)
    )
    found = []
    for trained in zip(*[[train_head(features, head) for head in heads] for features in sets], strict=True):
        kept = np.array([index for index, one in enumerate(trained) if one.weights is not None], dtype=int)
        weights = np.array([one.weights for one in trained if one.weights is not None])
        weights = weights.reshape(len(kept), dimension - (heads[0].space == "orthogonal"))
        separable = None if trained[0].separable is None else sum(bool(one.separable) for one in trained)
        found.append(_Trained(kept, parts_of(weights, dimension), separable))
    return found


def simulate_scores(mixture: ContextualMixture, head: Head, repetitions: int, rng: np.random.Generator) -> Repetitions:
    """Train by drawing scores and features, `repetitions` times; test exactly given the head, or given fresh scores.

    Given head and scores, y f is Gaussian with mean M W w₁ + y B w_q and standard deviation S √(w₁² + w_⊥²), so a test
    draw contributes its exact error and not a sign.  Cost O(n T) a repetition for averaging, weighted or not, plus the
    training on n × p features for the other heads.

    Raises:
        ArgumentError: the number of samples is infinite.
        TrainingError: a solver failed.

    Example:
        >>> mixture = ContextualMixture(dimension=6, tokens=4, relevant_tokens=1)
        >>> simulate_scores(mixture, Head(samples=10), 3, np.random.default_rng(1)).errors.shape
        (3,)
    """
    return simulate_scores_together(mixture, [head], repetitions, rng)[0]


def simulate_scores_together(
    mixture: ContextualMixture, heads: Sequence[Head], repetitions: int, rng: np.random.Generator
) -> list[Repetitions]:
    """Return what `simulate_scores` returns for each head with the same stream, but draw scores and features once.

    Args:
        mixture: the data.
        heads: at least one; they differ in their kind and ridge alone.
        repetitions: training sets to draw.
        rng: source of the random numbers.

    Raises:
        ArgumentError: the number of samples is infinite, or heads differ in more.
        TrainingError: a solver failed.

    Example:
        >>> mixture = ContextualMixture(dimension=6, tokens=4, relevant_tokens=1)
        >>> heads = [Head(samples=10, kind=kind) for kind in ("averaging", "least-squares")]
        >>> both = simulate_scores_together(mixture, heads, 3, np.random.default_rng(1))
        >>> alone = simulate_scores(mixture, heads[1], 3, np.random.default_rng(1))
        >>> bool((both[1].errors == alone.errors).all())
        True
    """
    for head in heads:
        refuse_infinite_samples(head)
    laws = {(single(head.samples), single(head.inverse_temperature), head.attention, head.space) for head in heads}
    if len(laws) != 1:
        raise ArgumentError("heads", "differ in kind and ridge alone to share their training sets", sorted(laws))
    ((size, temperature, attention, space),) = laws
    labelling, scoring, training, testing = rng.spawn(4)
    samples, dimension = int(size), int(single(mixture.dimension))
    fluctuates = mixture.noise_kind == "isotropic" and (temperature > 0 or space == "full")
    tests = TEST_SCORES if fluctuates else 1
    together = max(1, CHUNK_SCORES // (samples * max(1, int(single(mixture.irrelevant_tokens)))))
    # Mean heads need no features: each reads the stream from its beginning, as it does alone.
    streams = {place: deepcopy(training) for place, head in enumerate(heads) if effective_kind(head) in MEANS}
    fitted = [head for place, head in enumerate(heads) if place not in streams]
    outcomes: list[list[Repetitions]] = [[] for _ in heads]
    for first in range(0, repetitions, together):
        count = min(together, repetitions - first)
        labels = labelling.choice([-1.0, 1.0], size=(count, samples))
        draws = draw_attention(mixture, temperature, (count, samples), scoring, attention)
        others = iter(_fitted_heads(draws, labels, dimension, fitted, training))
        test = draw_attention(mixture, temperature, (count, tests), testing, attention)
        for place, head in enumerate(heads):
            own = streams.get(place)
            trained = next(others) if own is None else _mean_heads(draws, labels, dimension, head, own)
            errors = errors_given_heads(test.of(trained.kept), trained.parts)
            overlaps = trained.parts.overlap(single(mixture.signal_norm))
            outcomes[place].append(Repetitions(errors, overlaps, count - len(trained.kept), trained.separable))
    return [Repetitions.joined(parts) for parts in outcomes]


def errors_given_heads(test: AttentionDraws, heads: HeadParts) -> FloatArray:
    """Return P(y f < 0) of each head, ties one half, averaged over both labels and its drawn scores, the last axis."""
    along, context, rest = (np.asarray(part)[..., None] for part in (heads.along, heads.context, heads.rest))
    spread, signal = test.noise * np.hypot(along, rest), test.signal * along
    noisy = spread > 0
    divisor = np.where(noisy, spread, 1.0)
    # Without a part along the prompt both labels have one error.
    shifts = (-test.context * context, test.context * context) if context.any() else (np.zeros(()),)
    errors = [
        np.where(noisy, ndtr(-(signal + shift) / divisor), (1 - np.sign(signal + shift)) / 2).mean(axis=-1)
        for shift in shifts
    ]
    return np.asarray(np.mean(errors, axis=0))
