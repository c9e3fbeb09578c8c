"""Test error of the least-squares head that is not kept orthogonal to the prompt, for n ≥ d."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import log_ndtr

from theory.arguments import ArgumentError, FloatArray, NotAvailableError, Numbers
from theory.known_prompt.discriminant import DiscriminantLaw
from theory.known_prompt.full_head import feature_arrays
from theory.known_prompt.label_imbalance import ALIASING, log_label_weight, mean_over_labels
from theory.known_prompt.least_squares import least_squares_error
from theory.probability import ErrorProbability, error_probability
from theory.quadrature import NEGLIGIBLE

CHUNK = 16
"""Label counts treated at once."""

LARGEST_EXPONENT = 1e7
"""Of n (1 + κ²): logarithms of that size are subtracted, and their rounding is 1e-8 by then."""


def feature_arrays_for_least_squares(
    samples: Numbers, dimension: Numbers, signal: Numbers, noise: Numbers, context: Numbers
) -> tuple[FloatArray, ...]:
    """Return n ≥ p + 1, p, |M W|, S and |B|, checked and broadcast."""
    n, p, gain, spread, along = feature_arrays(samples, dimension, signal, noise, context, noisy_context=False)
    if (n <= p).any():
        raise ArgumentError("samples", "be greater than dimension", f"{n[n <= p][0]:g} for {p[n <= p][0]:g}")
    noisy = np.isfinite(n) & (gain > 0) & (spread > 0) & (along > 0)
    exponent = n[noisy] * (1 + (gain[noisy] / spread[noisy]) ** 2)
    if (exponent > LARGEST_EXPONENT).any():
        raise NotAvailableError(
            f"least squares in the full space has no exact error where n (1 + κ²) is above {LARGEST_EXPONENT:g}, "
            f"got {exponent.max():.3g}; the proportional regime has one"
        )
    return n, p, gain, spread, along


def full_head_least_squares_error(
    samples: Numbers, dimension: Numbers, signal: Numbers, noise: Numbers, context: Numbers
) -> ErrorProbability:
    """Return the exact test error of the least-squares head that lives in the whole token space, n ≥ p + 1 = d.

    Features are h = y M W e + B q̂ + S ξ, ξ orthogonal to q̂: the constant coordinate B is an unpenalised intercept,
    and its value is of no account unless it is 0.  Given n₊ of n labels, ȳ = (n₊ - n₋)/n, k = 4n₊n₋/n, the part of
    the head orthogonal to q̂ is Fisher's linear discriminant w, and the decision for label y, over S‖w‖ and y,

        y wᵀh/(S‖w‖) = κ (1 - yȳ) C + yȳ X/√k + √(1 + 1/n) N,       N ~ N(0, 1),

    where the noise of the test feature and that of the mean of all training features add up to N, and the cosine C
    of w and w⋆ and X = √k/(S‖w‖) have the law of `known_prompt.discriminant`.  Both labels being alike,

        ERR = 2^{-n} + Σ_{0<n₊<n} P(n₊) E Φ( -(κ (1 - ȳ) C + ȳ X/√k) / √(1 + 1/n) ):

    where all n training labels agree the head is the intercept alone.  Without context (B = 0) it is the orthogonal
    head; without noise it errs only where all labels agree.  Source: derived here.

    Args:
        samples: n ≥ p + 1, whole, or `inf`.
        dimension: p ≥ 1, whole, the number of noisy coordinates, d - 1.
        signal: M W, of either sign, in the unit of a token's coordinates, as are the next two.
        noise: S ≥ 0.
        context: B, of either sign.

    Raises:
        ArgumentError: a parameter is out of range, or shapes do not broadcast.
        NotAvailableError: n (1 + κ²) is above 1e7 (and n finite): rounding would cost more than 1e-8 of the error.

    Example:
        >>> full_head_least_squares_error(12, 6, signal=2.0, noise=1.0, context=[0.0, 3.0]).error.round(6)
        array([0.086332, 0.107962])
    """
    n, p, gain, spread, along = feature_arrays_for_least_squares(samples, dimension, signal, noise, context)
    log_value, relative_error = np.empty(n.shape), np.zeros(n.shape)
    for index in np.ndindex(n.shape):
        size, width, strength, noise_size, shift = (float(array[index]) for array in (n, p, gain, spread, along))
        if strength == 0:
            log_value[index] = -np.log(2)
        elif noise_size == 0:
            log_value[index] = _log_noiseless_error(size, strength, shift)
        elif np.isinf(size):
            log_value[index] = log_ndtr(-strength / noise_size)
        elif shift == 0:
            orthogonal = least_squares_error(size, width, strength / noise_size)
            log_value[index], relative_error[index] = orthogonal.log_error, orthogonal.log_error_bound
        else:
            log_value[index], relative_error[index] = _log_error(size, width, strength / noise_size)
    return error_probability(log_value, relative_error)


def log_error_given(
    cosine: FloatArray, reciprocal: FloatArray, mean_label: FloatArray, samples: float, kappa: float
) -> FloatArray:
    """Return log P(error | C, X, ȳ) of a positive test label: the formula above, before its mean is taken.

    Example:
        >>> one = np.ones(1)
        >>> float(log_error_given(one, one, 0 * one, 8, 0.0).round(9)[0])
        -0.693147181
    """
    split = samples * (1 - mean_label**2)
    margin = kappa * (1 - mean_label) * cosine + mean_label * reciprocal / np.sqrt(split)
    return np.asarray(log_ndtr(-margin / np.sqrt(1 + 1 / samples)))


def _log_noiseless_error(samples: float, signal: float, context: float) -> float:
    """Return log( 2^{1-n} P(the other label errs)/2 ): where all labels agree w ∝ M W e + y B q̂."""
    if signal > context:
        return -np.inf
    return float(-samples * np.log(2) - (np.log(2) if signal == context else 0.0))


def _log_error(samples: float, dimension: float, kappa: float) -> tuple[float, float]:
    """Return log ERR and its relative error."""
    law = DiscriminantLaw(samples, dimension, kappa)
    worst = 0.0

    def log_error(mean_label: FloatArray) -> FloatArray:
        """Return log P(error | ȳ) for a positive test label; 1 or 0 where all training labels agree."""
        nonlocal worst
        split = samples * (1 - mean_label**2)

        def decision(setting: npt.NDArray[np.int_], cosine: FloatArray, reciprocal: FloatArray) -> FloatArray:
            return log_error_given(cosine, reciprocal, mean_label[setting], samples, kappa)

        mean = law.log_mean(split, decision)
        worst = max(worst, float(mean.relative_error.max()))
        return mean.log_value

    floor = float(log_error(np.zeros(1))[0]) + float(log_label_weight(samples, np.zeros(1))[0]) - NEGLIGIBLE

    def log_terms(mean_label: FloatArray) -> FloatArray:
        log_value = np.where(mean_label == -1, 0.0, -np.inf)
        # An error is at most 1: where the weight alone is negligible nothing need be integrated.
        weight = log_label_weight(samples, samples * mean_label / 2) + np.log(samples)
        counts = np.flatnonzero((np.abs(mean_label) < 1) & (weight > floor))
        for first in range(0, len(counts), CHUNK):
            part = counts[first : first + CHUNK]
            log_value[part] = log_error(mean_label[part])
        return log_value

    # As a function of √n ȳ an error is a mean of normal tails of slope (κ + 1/κ)/√n or so.
    frequency = (np.sqrt(2 * ALIASING) * (kappa + 2 / kappa + 2) + ALIASING) / np.sqrt(samples)
    return mean_over_labels(samples, float(frequency), log_terms), worst
