"""Formulas that are wrong in a stated way, as predictions: what a slip in a derivation or in code would claim."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtr
from scipy.stats import beta, binom

from numerics.simulators.sequences import context_vector, signal_vector
from theory import (
    AttentionLaw,
    ContextualMixture,
    Head,
    attention_law,
    attention_moments,
    averaging_error,
    deterministic_attention,
    error_given_overlap,
    full_head_averaging_error,
    known_prompt_error,
    least_squares_error,
)
from theory.arguments import FloatArray, single
from theory.known_prompt.averaging import log_head_error
from theory.known_prompt.discriminant import DiscriminantLaw
from theory.known_prompt.fluctuating_averaging import training_lengths
from theory.known_prompt.inner_product import log_inner_product_cdf
from theory.risk.lognormal_sum import LognormalSum, probability_below_zero

Predict = Callable[..., float]

ANGLES = 4000
"""Quantiles of cos²θ that stand for its law: for the right exponents they give the right error to 3e-6."""


def size(mixture: ContextualMixture, head: Head) -> tuple[int, int]:
    """Return n and p of a head kept orthogonal to the prompt."""
    return int(single(head.samples)), int(single(mixture.dimension)) - 1


def law_of(mixture: ContextualMixture, head: Head) -> AttentionLaw:
    """Return the law of (M W, S)."""
    return attention_law(mixture, single(head.inverse_temperature), head.attention)


def kappa_of(mixture: ContextualMixture, head: Head) -> float:
    """Return κ of deterministic attention."""
    return float(deterministic_attention(mixture, head.inverse_temperature).kappa)


# --- deterministic attention ---


def by_kappa(kappa: Callable[[float, ContextualMixture], float]) -> Predict:
    """Return the exact error with another κ."""
    formulas = {"averaging": averaging_error, "least-squares": least_squares_error}

    def predict(mixture: ContextualMixture, head: Head) -> float:
        return float(formulas[head.kind](*size(mixture, head), kappa(kappa_of(mixture, head), mixture)).error)

    return predict


def by_angle(exponents: Callable[[int, int], tuple[float, float]]) -> Predict:
    """Return the error of least squares with cos²θ ~ Beta of other exponents."""

    def predict(mixture: ContextualMixture, head: Head) -> float:
        n, p = size(mixture, head)
        square = beta.ppf((np.arange(ANGLES) + 0.5) / ANGLES, *exponents(n, p))
        arrays = np.broadcast_arrays(float(n), float(p), kappa_of(mixture, head), np.sqrt(square))
        return float(np.exp(log_head_error(*arrays).log_value).mean())

    return predict


def full_head(
    *, extra_dimension: int = 0, noisy: bool | None = None, context: float = 1.0, noise: float = 1.0
) -> Predict:
    """Return the error of the averaging head in the full space with another p, noise along the prompt, B or S."""

    def predict(mixture: ContextualMixture, head: Head) -> float:
        law = deterministic_attention(mixture, head.inverse_temperature)
        n, p = size(mixture, head)
        along = law.noisy_context if noisy is None else noisy
        numbers = n, p + along + extra_dimension, law.signal, noise * law.noise, context * law.context
        return float(full_head_averaging_error(*numbers, noisy_context=along).error)

    return predict


def full_head_least_squares(
    *, kappa: float = 1.0, noisy_mean: bool = True, moved: bool = True, shift: bool = True, balanced: bool = False
) -> Predict:
    """Return the error of least squares in the full space with a switch for each part; the defaults give the right one.

    Args:
        kappa: factor on κ.
        noisy_mean: whether the mean of the training features has noise, 1/n.
        moved: whether it has a mean, κȳC.
        shift: whether the intercept holds the mean label.
        balanced: whether there are as many labels of either sign.
    """

    def predict(mixture: ContextualMixture, head: Head) -> float:
        n, p = size(mixture, head)
        ratio = kappa * kappa_of(mixture, head)
        label = np.zeros(1) if balanced else 2 * np.arange(1.0, n) / n - 1
        splits = n * (1 - label**2)

        def log_error(place: NDArray[np.int_], cosine: FloatArray, reciprocal: FloatArray) -> FloatArray:
            margin = ratio * (1 - moved * label[place]) * cosine
            margin = margin + shift * label[place] * reciprocal / np.sqrt(splits[place])
            return np.asarray(log_ndtr(-margin / math.sqrt(1 + noisy_mean / n)))

        errors = np.exp(DiscriminantLaw(float(n), float(p), ratio).log_mean(splits, log_error).log_value)
        if balanced:
            return float(errors[0])
        return float(binom.pmf(np.arange(1, n), n, 0.5) @ errors + 0.5**n)

    return predict


def gaussian_tail(mixture: ContextualMixture, head: Head) -> float:
    """Return Q(κ), the error of a head that has learned w⋆."""
    return float(ndtr(-kappa_of(mixture, head)))


# --- fluctuating attention ---


def _mean_error(dimension: int, lengths: tuple[FloatArray, FloatArray], kappas: tuple[FloatArray, FloatArray]) -> float:
    """Return E P(xᵀy < 0) over nodes and weights of the two lengths."""
    a, k = np.meshgrid(lengths[0], kappas[0], indexing="ij")
    log_error = log_inner_product_cdf(np.full(a.size, float(dimension)), (a * k).ravel(), (a**2 + k**2).ravel() / 2)
    return float(lengths[1] @ np.exp(log_error.log_value).reshape(a.shape) @ kappas[1])


def _constant(value: float) -> tuple[FloatArray, FloatArray]:
    """Return the nodes and weights of a number that does not fluctuate."""
    return np.array([value]), np.ones(1)


def one_test_kappa(mixture: ContextualMixture, head: Head) -> float:
    """Return the error of an averaging head if test features all had κ² = E κ²."""
    law, (n, p) = law_of(mixture, head), size(mixture, head)
    lengths = training_lengths(law, n, head.kind == "weighted-averaging")
    return _mean_error(p, lengths, _constant(math.sqrt(law.mean((law.signal / law.noise) ** 2))))


def one_training_length(mixture: ContextualMixture, head: Head) -> float:
    """Return the error of an averaging head if the n training features all had their mean laws."""
    law, (n, p) = law_of(mixture, head), size(mixture, head)
    kappa = law.signal / law.noise
    mean = math.sqrt(law.mean(kappa**2))
    if head.kind == "averaging":
        mean = law.mean(law.signal) / math.sqrt(law.mean(law.noise**2))
    return _mean_error(p, _constant(math.sqrt(n) * mean), (kappa, law.weight))


def mean_signal_and_noise(mixture: ContextualMixture, head: Head) -> float:
    """Return the error if all features, of training and test, had M = E M and S² = E S²."""
    law = law_of(mixture, head)
    kappa = law.mean(law.signal) / math.sqrt(law.mean(law.noise**2))
    return float(averaging_error(*size(mixture, head), kappa).error)


def mean_square_kappa(mixture: ContextualMixture, head: Head) -> float:
    """Return the error if all features, of training and test, had κ² = E κ²."""
    law = law_of(mixture, head)
    return float(averaging_error(*size(mixture, head), math.sqrt(law.mean((law.signal / law.noise) ** 2))).error)


# --- proportional regime ---


def by_overlap(overlap: Callable[[float, float], float]) -> Predict:
    """Return the limit with another overlap, a function of c_w and γ."""

    def predict(mixture: ContextualMixture, head: Head, regime: str) -> float:
        n, p = size(mixture, head)
        cosine = float(known_prompt_error(mixture, head, regime=regime).overlap)
        return error_given_overlap(law_of(mixture, head), overlap(cosine, p / n))

    return predict


def one_kappa_in_the_limit(mixture: ContextualMixture, head: Head, regime: str) -> float:
    """Return Q(√(E κ²) c_w) for E Q(κ c_w)."""
    prediction = known_prompt_error(mixture, head, regime=regime)
    return float(ndtr(-prediction.kappa * prediction.overlap))


def with_exponent(exponent: float) -> Predict:
    """Return the mean of E_n - 2 E_2n if E_n - L fell as n^-exponent from its true value at n."""

    def predict(mixture: ContextualMixture, head: Head) -> float:
        limit = float(known_prompt_error(mixture, head, regime="proportional").error)
        distance = float(known_prompt_error(mixture, head).error) - limit
        return -limit + distance * (1 - 2 ** (1 - exponent))

    return predict


# --- attention, population error, hard attention ---


def share_at_mean_score(mixture: ContextualMixture, inverse_temperature: float) -> float:
    """Return c/(c + m E L) for E c/(c + Σ L)."""
    spread = inverse_temperature * single(mixture.noise) * single(mixture.context_norm)
    c = single(mixture.relevant_tokens) * math.exp(inverse_temperature * single(mixture.context_norm) ** 2)
    return c / (c + single(mixture.irrelevant_tokens) * math.exp(spread**2 / 2))


def share_square(mixture: ContextualMixture, inverse_temperature: float) -> float:
    """Return E A² for E A."""
    return float(attention_moments(mixture, inverse_temperature).share_square)


def tail_without_fluctuation(mixture: ContextualMixture, inverse_temperature: float) -> float:
    """Return Q(κ) with L = 1 for every irrelevant token."""
    fixed = replace(mixture, noise_kind="prompt-orthogonal")
    return float(ndtr(-deterministic_attention(fixed, inverse_temperature).kappa))


def tail_at_mean_square(mixture: ContextualMixture, inverse_temperature: float) -> float:
    """Return Q(√E κ²) for E Q(κ)."""
    return float(ndtr(-math.sqrt(single(attention_moments(mixture, inverse_temperature).snr_square))))


def tail_of_means(mixture: ContextualMixture, inverse_temperature: float) -> float:
    """Return Q(E M W/√E S²) for E Q(M W/S)."""
    moments = attention_moments(mixture, inverse_temperature)
    return float(ndtr(-single(moments.signal) / math.sqrt(single(moments.noise_square))))


def hard(*, advantage: float = 1.0, turned: float = 1.0, more_terms: int = 0, union: bool = False) -> Predict:
    """Return (1 - Φ(a)^m) Φ(δ_w W/σ) with factors on a and on δ_w W/σ, with more terms, or as a union bound."""

    def predict(mixture: ContextualMixture) -> float:
        m = single(mixture.irrelevant_tokens) + more_terms
        a = advantage * single(mixture.context_norm) / single(mixture.noise)
        lost = m * float(ndtr(-a)) if union else -math.expm1(m * float(log_ndtr(a)))
        return lost * float(ndtr(turned * single(mixture.delta_signal * mixture.signal_norm / mixture.noise)))

    return predict


# --- the exact risk, written anew with a switch for every part ---


def risk(
    *,
    relevant: float | None = None,
    more_terms: int = 0,
    slope: float = 1.0,
    whole_head_is_noise: bool = False,
    signal_in_score: bool = True,
    context_in_decision: bool = True,
    labels: Sequence[int] = (-1, 1),
    prompt_length: float = 1.0,
    delta_context: float = 0.0,
    delta_signal: float = 0.0,
) -> Predict:
    """Return the error of a given model with isotropic noise; the defaults give the right one."""

    def predict(mixture: ContextualMixture, prompt: tuple[float, ...], head: tuple[float, ...]) -> float:
        context, signal = context_vector(mixture), signal_vector(mixture)
        q, w, noise = prompt_length * np.array(prompt), np.array(head), single(mixture.noise)
        along = float(w @ q) / float(np.linalg.norm(q))
        across = math.sqrt(float(w @ w) - (0.0 if whole_head_is_noise else along**2))
        count = single(mixture.relevant_tokens) if relevant is None else relevant
        total = 0.0
        for label in labels:
            outside = -delta_context * context - delta_signal * label * signal
            score = float(q @ (context + signal_in_score * label * signal - outside))
            law = LognormalSum(
                constant=count * math.exp(score) * float(w @ (context_in_decision * label * context + signal)),
                terms=int(single(mixture.irrelevant_tokens)) + more_terms,
                spread=noise * float(np.linalg.norm(q)),
                mean=label * float(w @ outside),
                slope=slope * label * noise * along,
                noise=noise * across,
            )
            total += probability_below_zero(law).value
        return total / len(labels)

    return predict
