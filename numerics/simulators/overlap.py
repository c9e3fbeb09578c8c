"""Exact in law from a handful of random numbers a repetition, where attention is deterministic.

Up to scale a trained head is the direction of a training vector x ~ N(√n κ e, I_p), turned for least squares by a
random angle; its test error needs only the overlap with e, and that only a normal, a chi-square and, for the angle, a
beta number.  Least squares in the full space: `numerics.simulators.intercept`.  Source: derived here.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from numerics.simulators.intercept import draw_intercept_heads
from numerics.simulators.repetitions import Repetitions
from numerics.training.heads import effective_kind, refuse_infinite_samples
from theory.arguments import FloatArray, NotAvailableError, single
from theory.attention.deterministic import deterministic_attention
from theory.head import Head
from theory.mixture import ContextualMixture

TEST = "exact given the head"


def draw_turn(
    samples: int, dimension: int, repetitions: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Draw cos θ and sin θ · u of the least-squares head about the averaging direction.

    cos²θ ~ Beta((|n-p|+1)/2, (min(n,p)-1)/2), and u is a coordinate of a uniform direction in the p - 1 others.
    """
    if min(samples, dimension) == 1:
        return np.ones(repetitions), np.zeros(repetitions)
    square = rng.beta((abs(samples - dimension) + 1) / 2, (min(samples, dimension) - 1) / 2, repetitions)
    sign = rng.choice([-1.0, 1.0], size=repetitions)
    part = rng.beta(0.5, (dimension - 2) / 2, repetitions) if dimension > 2 else np.ones(repetitions)
    return np.sqrt(square), sign * np.sqrt((1 - square) * part)


def simulate_overlaps(
    mixture: ContextualMixture, head: Head, repetitions: int, rng: np.random.Generator
) -> Repetitions:
    """Draw the overlap of a trained head and its exact test error, `repetitions` times, at a cost free of n and d.

    Raises:
        NotAvailableError: no such law is known: attention fluctuates or is linear, the head is another one than
            averaging or least squares, or it is least squares in the full space without a constant coordinate there.

    Example:
        >>> mixture = ContextualMixture(dimension=101, tokens=4, relevant_tokens=1, noise_kind="prompt-orthogonal")
        >>> simulate_overlaps(mixture, Head(samples=10), 3, np.random.default_rng(1)).errors.shape
        (3,)
    """
    refuse_infinite_samples(head)
    kind = effective_kind(head)
    if kind not in ("averaging", "least-squares"):
        raise NotAvailableError(f"the overlap simulator has no law for the {kind} head; take the scores simulator")
    if head.attention == "linear":
        raise NotAvailableError("the overlap simulator has no law for linear attention; take the scores simulator")
    try:
        law = deterministic_attention(mixture, head.inverse_temperature)
    except NotAvailableError:
        raise NotAvailableError(
            "the overlap simulator has no law for fluctuating attention (isotropic noise with an inverse temperature "
            "above 0); take the scores simulator"
        ) from None
    if head.space == "full" and kind == "least-squares" and law.noisy_context:
        raise NotAvailableError(
            "the overlap simulator has no law for the least-squares head in the full space where the coordinate along "
            "the prompt is noisy; take the scores simulator"
        )
    signal, noise, context = float(law.signal), float(law.noise), float(law.context)
    samples, dimension = int(single(head.samples)), int(single(mixture.dimension))
    if noise == 0 or signal == 0:
        raise NotAvailableError("the overlap simulator needs both noise and signal; take the scores simulator")
    turned_round = np.sign(signal)  # δ_w may turn the signal of a feature round, and the head follows
    kappa, root, ratio = abs(signal) / noise, np.sqrt(samples), abs(context) / noise
    if head.space == "full" and kind == "least-squares" and ratio > 0:
        drawn = draw_intercept_heads(samples, dimension - 1, kappa, ratio, repetitions, rng)
        return Repetitions(drawn.errors, turned_round * drawn.overlaps)
    along = root * kappa + rng.standard_normal(repetitions)
    if head.space == "orthogonal" or kind == "least-squares":
        rest = rng.chisquare(dimension - 2, repetitions) if dimension > 2 else np.zeros(repetitions)
        overlaps = along / np.sqrt(along**2 + rest)
        if kind == "least-squares":
            cosine, turned = draw_turn(samples, dimension - 1, repetitions, rng)
            overlaps = overlaps * cosine + np.sqrt(1 - overlaps**2) * turned
        return Repetitions(ndtr(-kappa * overlaps), turned_round * overlaps)
    shift = root * ratio * (2 * rng.binomial(samples, 0.5, repetitions) - samples) / samples
    if law.noisy_context:
        shift += rng.standard_normal(repetitions)
    rest = rng.chisquare(dimension - 2, repetitions) if dimension > 2 else np.zeros(repetitions)
    length = np.sqrt(along**2 + rest + shift**2)
    spread = length if law.noisy_context else np.sqrt(along**2 + rest)
    errors = (ndtr(-(kappa * along + ratio * shift) / spread) + ndtr(-(kappa * along - ratio * shift) / spread)) / 2
    return Repetitions(errors, turned_round * along / length)
