"""Exact in law without a token: attention depends on the noise through one score a token alone.

For a prompt along q⋆ the score of an irrelevant token is its noise along q̂, σ g.  Given the scores, the label-signed
feature is (M W, y B, S ξ) in the directions of w⋆ and q̂ and the d - 2 others, ξ standard normal (and S ξ along w⋆ too):

    c = R e^{τQ²},  L_t = e^{-δ_q τQ² + τσQ g_t},  D = c + Σ L_t,  A = c/D,
    M = A - δ_w (1-A),  S = σ √(Σ L_t²)/D,  B = Q (A - δ_q (1-A)) + σ Σ L_t g_t/D          (derived here).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, softmax

from numerics.prompt_attention import minimum_norm_solution, refuse_untrainable
from numerics.repetitions import Repetitions
from theory.arguments import FloatArray, single
from theory.head import Head
from theory.mixture import ContextualMixture

TEST_SCORES = 512
CHUNK_SCORES = 2**20
"""Scores held at once: 8 MB, and as much again for each step of the softmax."""

TEST = f"exact given the head, and given {TEST_SCORES} fresh draws of scores where attention fluctuates"


@dataclass(frozen=True)
class AttentionDraws:
    """Draws of (M W, S, B), each of shape (samples,)."""

    signal: FloatArray
    noise: FloatArray
    context: FloatArray


def draw_attention(
    mixture: ContextualMixture, inverse_temperature: float, samples: int, rng: np.random.Generator
) -> AttentionDraws:
    """Draw the scores of `samples` sequences, a chunk at a time, and return what they make of an attention feature.

    Example:
        >>> mixture = ContextualMixture(dimension=6, tokens=4, relevant_tokens=1)
        >>> draw_attention(mixture, 1.0, 3, np.random.default_rng(1)).noise.shape
        (3,)
    """
    irrelevant = int(single(mixture.tokens)) - int(single(mixture.relevant_tokens))
    if mixture.noise_kind == "prompt-orthogonal":
        signal, noise, context = _attention_given_scores(mixture, inverse_temperature, np.zeros((1, irrelevant)))
        return AttentionDraws(*(np.repeat(constant, samples) for constant in (signal, noise, context)))
    drawn = np.empty((3, samples))
    chunk = max(1, CHUNK_SCORES // max(1, irrelevant))
    for first in range(0, samples, chunk):
        scores = rng.standard_normal((min(chunk, samples - first), irrelevant))
        drawn[:, first : first + chunk] = _attention_given_scores(mixture, inverse_temperature, scores)
    return AttentionDraws(*drawn)


def _attention_given_scores(mixture: ContextualMixture, inverse_temperature: float, scores: FloatArray) -> FloatArray:
    """Return the rows M W, S and B, each of shape (sequences,), for scores g of shape (sequences, m)."""
    context, noise = single(mixture.context_norm), single(mixture.noise)
    delta_context, delta_signal = single(mixture.delta_context), single(mixture.delta_signal)
    strength = inverse_temperature * context
    relevant_logit = np.full((len(scores), 1), strength * context + np.log(single(mixture.relevant_tokens)))
    weights = softmax(np.hstack([relevant_logit, strength * (noise * scores - delta_context * context)]), axis=1)
    share, rest = weights[:, 0], weights[:, 1:]
    others = rest.sum(axis=1)
    return np.stack(
        [
            (share - delta_signal * others) * single(mixture.signal_norm),
            noise * np.sqrt(np.einsum("nt,nt->n", rest, rest)),
            context * (share - delta_context * others) + noise * np.einsum("nt,nt->n", rest, scores),
        ]
    )


def _averaging_head(draws: AttentionDraws, labels: FloatArray, dimension: int, rng: np.random.Generator) -> FloatArray:
    """Return (along w⋆, along q̂, length of the rest) of the averaging head, exact in law given the scores."""
    samples = len(labels)
    spread = np.sqrt(np.mean(draws.noise**2) / samples)
    along = np.mean(draws.signal) + spread * rng.standard_normal()
    rest = spread * np.sqrt(rng.chisquare(dimension - 2)) if dimension > 2 else 0.0
    return np.array([along, np.mean(labels * draws.context), rest])


def _least_squares_head(
    draws: AttentionDraws, labels: FloatArray, dimension: int, space: str, rng: np.random.Generator
) -> FloatArray:
    """Return the same of the least-squares head, from drawn features."""
    samples = len(labels)
    features = draws.noise[:, None] * rng.standard_normal((samples, dimension - 1))
    features[:, 0] += draws.signal
    if space == "full":
        features = np.column_stack([features, labels * draws.context])
    weights = minimum_norm_solution(features, np.ones(samples))
    along_context = weights[-1] if space == "full" else 0.0
    return np.array([weights[0], along_context, np.linalg.norm(weights[1 : dimension - 1])])


def simulate_scores(mixture: ContextualMixture, head: Head, repetitions: int, rng: np.random.Generator) -> Repetitions:
    """Train by drawing scores and features, `repetitions` times; test exactly given the head, or given fresh scores.

    Given head and scores, y f is Gaussian with mean M W w₁ + y B w_q and standard deviation S √(w₁² + w_⊥²), so a test
    draw contributes its exact error and not a sign.  Cost O(n T) a repetition for averaging, plus a QR factorisation of
    the n × p features for least squares.

    Raises:
        NotAvailableError: the head is one that the simulators cannot train.

    Example:
        >>> mixture = ContextualMixture(dimension=6, tokens=4, relevant_tokens=1)
        >>> simulate_scores(mixture, Head(samples=10), 3, np.random.default_rng(1)).errors.shape
        (3,)
    """
    refuse_untrainable(head)
    training, testing = rng.spawn(2)
    samples, dimension, temperature = (
        int(single(head.samples)),
        int(single(mixture.dimension)),
        single(head.inverse_temperature),
    )
    fluctuates = mixture.noise_kind == "isotropic" and (temperature > 0 or head.space == "full")
    errors, overlaps = np.empty(repetitions), np.empty(repetitions)
    for repetition in range(repetitions):
        labels = training.choice([-1.0, 1.0], size=samples)
        draws = draw_attention(mixture, temperature, samples, training)
        if head.kind == "averaging":
            along, context, rest = _averaging_head(draws, labels, dimension, training)
        else:
            along, context, rest = _least_squares_head(draws, labels, dimension, head.space, training)
        if head.space == "orthogonal":
            context = 0.0
        test = draw_attention(mixture, temperature, TEST_SCORES if fluctuates else 1, testing)
        errors[repetition] = _error_given_head(test, along, context, rest)
        length = np.sqrt(along**2 + context**2 + rest**2)
        overlaps[repetition] = along / length if length > 0 and single(mixture.signal_norm) > 0 else 0.0
    return Repetitions(errors, overlaps)


def _error_given_head(test: AttentionDraws, along: float, context: float, rest: float) -> float:
    """Return P(y f < 0), ties one half, averaged over both labels and the drawn scores."""
    spread = test.noise * np.hypot(along, rest)
    error = 0.0
    for label in (-1.0, 1.0):
        mean = test.signal * along + label * test.context * context
        with np.errstate(divide="ignore", invalid="ignore"):
            error += float(np.mean(np.where(spread > 0, ndtr(-mean / spread), (1 - np.sign(mean)) / 2))) / 2
    return error
