"""Exact in law without a token: attention depends on the noise through one score a token alone.

For a prompt τ q⋆ the score of an irrelevant token depends on its noise along q̂ alone, σ g.  Given the scores, the
label-signed feature is (M W, y B, S ξ) in the directions of w⋆ and q̂ and the d - 2 others, ξ standard normal (and S ξ
along w⋆ too).  With the attention weights a_t and A = Σ_relevant a_t (derived here)

    softmax   a_t ∝ e^{τQ²} on relevant and e^{-δ_q τQ² + τσQ g_t} on irrelevant tokens,
    linear    a_t = τQ²/T on relevant and τQ (σ g_t - δ_q Q)/T on irrelevant tokens,

    M = A - δ_w Σ_irrelevant a_t,   S² = σ² Σ_irrelevant a_t²,   B = Q A + Σ_irrelevant a_t (σ g_t - δ_q Q).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr, softmax

from numerics.simulators.repetitions import Outcomes, Repetitions
from numerics.training.heads import TrainingSet, effective_kind, importance, refuse_infinite_samples, train_head
from theory.arguments import FloatArray, single
from theory.head import Head
from theory.mixture import ContextualMixture

TEST_SCORES = 512
CHUNK_SCORES = 2**20
"""Scores held at once: 8 MB, and as much again for each step of the softmax."""

TEST = f"exact given the head, and given {TEST_SCORES} fresh draws of scores where attention fluctuates"


@dataclass(frozen=True)
class AttentionDraws:
    """Draws of (M, M W, S, B), each of shape (samples,)."""

    gain: FloatArray
    signal: FloatArray
    noise: FloatArray
    context: FloatArray


def draw_attention(
    mixture: ContextualMixture,
    inverse_temperature: float,
    samples: int,
    rng: np.random.Generator,
    attention: str = "softmax",
) -> AttentionDraws:
    """Draw the scores of `samples` sequences, a chunk at a time, and return what they make of an attention feature.

    Example:
        >>> mixture = ContextualMixture(dimension=6, tokens=4, relevant_tokens=1)
        >>> draw_attention(mixture, 1.0, 3, np.random.default_rng(1)).noise.shape
        (3,)
    """
    irrelevant = int(single(mixture.tokens)) - int(single(mixture.relevant_tokens))
    given_scores = _softmax_given_scores if attention == "softmax" else _linear_given_scores
    if mixture.noise_kind == "prompt-orthogonal":
        constants = given_scores(mixture, inverse_temperature, np.zeros((1, irrelevant)))
        return AttentionDraws(*(np.repeat(constant, samples) for constant in constants))
    drawn = np.empty((4, samples))
    chunk = max(1, CHUNK_SCORES // max(1, irrelevant))
    for first in range(0, samples, chunk):
        scores = rng.standard_normal((min(chunk, samples - first), irrelevant))
        drawn[:, first : first + chunk] = given_scores(mixture, inverse_temperature, scores)
    return AttentionDraws(*drawn)


def _softmax_given_scores(mixture: ContextualMixture, inverse_temperature: float, scores: FloatArray) -> FloatArray:
    """Return the rows M, M W, S and B, each of shape (sequences,), for scores g of shape (sequences, m)."""
    context, noise = single(mixture.context_norm), single(mixture.noise)
    delta_context, delta_signal = single(mixture.delta_context), single(mixture.delta_signal)
    strength = inverse_temperature * context
    relevant_logit = np.full((len(scores), 1), strength * context + np.log(single(mixture.relevant_tokens)))
    weights = softmax(np.hstack([relevant_logit, strength * (noise * scores - delta_context * context)]), axis=1)
    share, rest = weights[:, 0], weights[:, 1:]
    others = rest.sum(axis=1)
    gain = share - delta_signal * others
    return np.stack(
        [
            gain,
            gain * single(mixture.signal_norm),
            noise * np.sqrt(np.einsum("nt,nt->n", rest, rest)),
            context * (share - delta_context * others) + noise * np.einsum("nt,nt->n", rest, scores),
        ]
    )


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
    """What the test error of a head depends on.

    Attributes:
        along: its part along w⋆.
        context: its part along q̂; 0 in the orthogonal space.
        rest: length of the rest.
    """

    along: float
    context: float
    rest: float

    @property
    def length(self) -> float:
        """Length of the head."""
        return float(np.sqrt(self.along**2 + self.context**2 + self.rest**2))


def draw_mean_head(
    draws: AttentionDraws, weights: FloatArray, labels: FloatArray, dimension: int, rng: np.random.Generator
) -> HeadParts:
    """Draw a weighted mean of label-signed features, weights of shape (n,), exact in law given the scores."""
    spread = np.sqrt(np.mean((weights * draws.noise) ** 2) / len(labels))
    along = np.mean(weights * draws.signal) + spread * rng.standard_normal()
    rest = spread * np.sqrt(rng.chisquare(dimension - 2)) if dimension > 2 else 0.0
    return HeadParts(float(along), float(np.mean(weights * labels * draws.context)), float(rest))


def draw_training_set(
    draws: AttentionDraws, labels: FloatArray, dimension: int, space: str, rng: np.random.Generator
) -> TrainingSet:
    """Draw label-signed features given the scores: along w⋆, d - 2 coordinates, and along q̂ in the full space."""
    features = draws.noise[:, None] * rng.standard_normal((len(labels), dimension - 1))
    features[:, 0] += draws.signal
    if space == "full":
        features = np.column_stack([features, labels * draws.context])
    return TrainingSet(features, draws.gain, draws.noise)


def parts_of(weights: FloatArray, dimension: int) -> HeadParts:
    """Return the parts of a head trained on such features, p = d - 1 of them, or p = d in the full space."""
    context = weights[-1] if len(weights) == dimension else 0.0
    return HeadParts(weights[0], context, float(np.linalg.norm(weights[1 : dimension - 1])))


def _train(
    draws: AttentionDraws, labels: FloatArray, dimension: int, head: Head, rng: np.random.Generator
) -> tuple[HeadParts | None, bool | None]:
    """Draw and train one head, None where the training data have none, and tell whether they are separable."""
    kind = effective_kind(head)
    if kind in ("averaging", "weighted-averaging"):
        weights = np.ones(len(labels)) if kind == "averaging" else importance(draws.gain, draws.noise)
        parts = draw_mean_head(draws, weights, labels, dimension, rng)
        return (parts if head.space == "full" else replace(parts, context=0.0)), None
    trained = train_head(draw_training_set(draws, labels, dimension, head.space, rng), head)
    return (None if trained.weights is None else parts_of(trained.weights, dimension)), trained.separable


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
    training, testing = rng.spawn(2)
    samples, dimension, temperature = (
        int(single(head.samples)),
        int(single(mixture.dimension)),
        single(head.inverse_temperature),
    )
    fluctuates = mixture.noise_kind == "isotropic" and (temperature > 0 or head.space == "full")
    outcomes = Outcomes(head)
    for _ in range(repetitions):
        labels = training.choice([-1.0, 1.0], size=samples)
        draws = draw_attention(mixture, temperature, samples, training, head.attention)
        parts, separable = _train(draws, labels, dimension, head, training)
        if parts is None:
            outcomes.drop()
            continue
        test = draw_attention(mixture, temperature, TEST_SCORES if fluctuates else 1, testing, head.attention)
        overlap = parts.along / parts.length if parts.length > 0 and single(mixture.signal_norm) > 0 else 0.0
        outcomes.keep(error_given_head(test, parts), overlap, separable)
    return outcomes.repetitions()


def error_given_head(test: AttentionDraws, head: HeadParts) -> float:
    """Return P(y f < 0), ties one half, averaged over both labels and the drawn scores."""
    spread = test.noise * np.hypot(head.along, head.rest)
    error = 0.0
    for label in (-1.0, 1.0):
        mean = test.signal * head.along + label * test.context * head.context
        with np.errstate(divide="ignore", invalid="ignore"):
            error += float(np.mean(np.where(spread > 0, ndtr(-mean / spread), (1 - np.sign(mean)) / 2))) / 2
    return error
