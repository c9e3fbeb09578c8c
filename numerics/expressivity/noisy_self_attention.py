"""The least population error of self-attention with noise, from above: the best weights that training finds.

There is no exact risk for it.  By the symmetry of the noise around the plane of q⋆ and w⋆, the seven numbers of
`plane_attention` are trained by L-BFGS on the logistic loss of many sequences, from several starts, and chosen and
tested on fresh ones.

The coin above Δ⋆ is a statement about no noise, or about bounded weights and noise that goes to 0.  For weights may
read the noise: w = -w⋆, B = -b w⋆w⋆ᵀ and κ ≫ b/σ, both huge.  Then irrelevant tokens attend to themselves, and each
relevant one to the irrelevant token that lies farthest against it, so that with a_t = -y w⋆ᵀz_t/(σW) ~ N(0, 1)

    δ = (0, 0):  y f ∝ R max_t a_t + Σ_t a_t,        δ = (Δ, Δ):  y f > 0 for small σ,

and the error is P(R max a + Σ a < 0)/2, 0.115 for R = 2 and m = 6, however small σ is.  Source: derived here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from numerics.expressivity.plane_attention import PlaneSequences, plane_decisions, plane_sequences
from numerics.simulators.sequences import TokenSequences, draw_sequences
from numerics.streams import Random, as_generator
from numerics.training.logistic_descent import logistic_loss
from theory.arguments import ArgumentError, FloatArray, single
from theory.mixture import ContextualMixture
from theory.risk.exact_risk import Delta

TRAINING, CHOICE, TEST = 2000, 10_000, 60_000
"""Sequences to train on, to choose a start by, and to test on."""

PORTION = 5000
"""Sequences drawn at once for the test."""

TOGETHER = 500
"""Sequences decided on at once, so that their products stay in the cache; a divisor of those to train on."""

ITERATIONS = 60


@dataclass(frozen=True)
class NoisySelfAttention:
    """Trained weights and their error.

    Attributes:
        error: share of fresh sequences that they err on, an estimate of the population error, unbiased.
        standard_error: its standard error.
        weights: w along q⋆ and w⋆, B row by row, κ; shape (7,).
        start: index of the start that led there.
    """

    error: float
    standard_error: float
    weights: FloatArray
    start: int


def reading_weights(mixture: ContextualMixture, strength: float = 1e4) -> FloatArray:
    """Return the seven numbers of weights that read the noise, which err as often for any small σ.

    Args:
        mixture: the data, σ > 0, W > 0.
        strength: b σ² W²; the larger, the sharper is attention.

    Example:
        >>> reading_weights(ContextualMixture(6, 8, 2, noise=0.1), 1.0)
        array([   0.,   -1.,    0.,    0.,    0., -100., 5000.])
    """
    signal, noise = single(mixture.signal_norm), single(mixture.noise)
    along = strength / (noise * signal) ** 2
    return np.array([0.0, -1 / signal, 0.0, 0.0, 0.0, -along / signal**2, 5 * along / noise])


def starts(mixture: ContextualMixture) -> list[FloatArray]:
    """Return where training starts: pooling, ways that win without noise, and ways that read the noise."""
    context, signal, noise = (single(getattr(mixture, name)) for name in ("context_norm", "signal_norm", "noise"))
    by_context, by_signal = context**-2, signal**-2
    reading = 1 / (noise * signal)
    across = 1 / (noise**2 * single(mixture.dimension))
    # w along w⋆, K along q⋆ and along w⋆, κ.
    chosen = (
        (1.0, 0.0, 0.0, 0.0),
        (1.0, -3 * by_context, 0.0, 0.0),
        (1.0, 0.0, -4 * by_signal, 0.0),
        (-1.0, 0.0, -3 * reading, across),
        (-1.0, 0.0, -10 * reading, 3 * across),
    )
    return [
        np.array([0.02 / context, head / signal, along_context, 0.0, 0.0, along_signal, kappa])
        for head, along_context, along_signal, kappa in chosen
    ]


def train_noisy_self_attention(
    mixture: ContextualMixture, deltas: Sequence[Delta], *, rng: Random
) -> NoisySelfAttention:
    """Return the best self-attention found, and its error on fresh sequences.

    Args:
        mixture: the data, d ≥ 3, σ > 0, W > 0; its own δ is of no account.
        deltas: the values of (δ_q, δ_w) with probabilities that add up to 1.
        rng: source of the random numbers.

    Raises:
        ArgumentError: an argument is out of range.

    Example:
        >>> both = Delta(0.0, 0.0, 0.5), Delta(4.0, 4.0, 0.5)
        >>> found = train_noisy_self_attention(ContextualMixture(6, 4, 1, noise=0.5), both, rng=1)
        >>> 0.1 < found.error < 0.2
        True
    """
    generator = as_generator(rng)
    for name, least in (("dimension", 3), ("noise", 0), ("signal_norm", 0)):
        value = single(getattr(mixture, name))
        if value < least or value == 0:
            raise ArgumentError(name, f"be at least {least}" if least else "be greater than 0", value)
    relevant = int(single(mixture.relevant_tokens))
    training, choice = (draw_sequences(mixture, size, rng=generator, deltas=deltas) for size in (TRAINING, CHOICE))
    parts = list(_parts(training, relevant))

    def loss(weights: FloatArray) -> tuple[float, FloatArray]:
        found = [logistic_loss(plane_decisions(weights, part), part.labels) for part in parts]
        return float(np.mean([value for value, _ in found])), np.mean([slope for _, slope in found], axis=0)

    def descended(start: FloatArray) -> FloatArray:
        return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": ITERATIONS}).x)

    trained = [descended(start) for start in starts(mixture)]
    index = int(np.argmin(_errors(trained, choice, relevant).mean(axis=1)))
    errors = np.concatenate(
        [
            _errors(
                trained[index : index + 1], draw_sequences(mixture, PORTION, rng=generator, deltas=deltas), relevant
            )[0]
            for _ in range(TEST // PORTION)
        ]
    )
    return NoisySelfAttention(
        float(errors.mean()), float(errors.std(ddof=1)) / math.sqrt(len(errors)), trained[index], index
    )


def _errors(candidates: Sequence[FloatArray], sequences: TokenSequences, relevant: int) -> FloatArray:
    """Return 1 for an error, 1/2 for a tie, 0 for what is right, shape (candidates, n)."""
    margins = [
        [part.labels * plane_decisions(weights, part).values for weights in candidates]
        for part in _parts(sequences, relevant)
    ]
    return np.asarray((1 - np.sign(np.concatenate(margins, axis=1))) / 2)


def _parts(sequences: TokenSequences, relevant: int) -> Iterator[PlaneSequences]:
    """Return the sequences in portions, made ready."""
    for first in range(0, len(sequences.labels), TOGETHER):
        part = slice(first, first + TOGETHER)
        yield plane_sequences(TokenSequences(sequences.tokens[part], sequences.labels[part]), relevant)
