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
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr

from numerics.simulators.repetitions import Repetitions
from numerics.training.heads import TrainingSet, effective_kind, importance, refuse_infinite_samples, train_head
from theory.arguments import FloatArray, single
from theory.head import Head
from theory.mixture import ContextualMixture

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

    def of(self, repetition: int) -> AttentionDraws:
        """Return the draws of one repetition."""
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


def _train(
    draws: AttentionDraws, labels: FloatArray, dimension: int, head: Head, rng: np.random.Generator
) -> tuple[HeadParts, int | None]:
    """Draw and train a head for each row of labels; return those there are, and how many have separable data."""
    kind = effective_kind(head)
    if kind in ("averaging", "weighted-averaging"):
        weights = np.ones(labels.shape) if kind == "averaging" else importance(draws.gain, draws.noise)
        parts = draw_mean_heads(draws, weights, labels, dimension, rng)
        return (parts if head.space == "full" else replace(parts, context=np.zeros(len(labels)))), None
    trained = [
        train_head(draw_training_set(draws.of(index), each, dimension, head.space, rng), head)
        for index, each in enumerate(labels)
    ]
    found = [one.weights for one in trained if one.weights is not None]
    separable = None if trained[0].separable is None else sum(bool(one.separable) for one in trained)
    return parts_of(np.reshape(found, (len(found), dimension - (head.space == "orthogonal"))), dimension), separable


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
    refuse_infinite_samples(head)
    labelling, scoring, training, testing = rng.spawn(4)
    samples, dimension, temperature = (
        int(single(head.samples)),
        int(single(mixture.dimension)),
        single(head.inverse_temperature),
    )
    fluctuates = mixture.noise_kind == "isotropic" and (temperature > 0 or head.space == "full")
    tests = TEST_SCORES if fluctuates else 1
    together = max(1, CHUNK_SCORES // (samples * max(1, int(single(mixture.irrelevant_tokens)))))
    parts = []
    for first in range(0, repetitions, together):
        count = min(together, repetitions - first)
        labels = labelling.choice([-1.0, 1.0], size=(count, samples))
        draws = draw_attention(mixture, temperature, (count, samples), scoring, head.attention)
        heads, separable = _train(draws, labels, dimension, head, training)
        kept = len(heads.along)
        test = draw_attention(mixture, temperature, (kept, tests), testing, head.attention)
        overlaps = heads.overlap(single(mixture.signal_norm))
        parts.append(Repetitions(errors_given_heads(test, heads), overlaps, count - kept, separable))
    return Repetitions.joined(parts)


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
