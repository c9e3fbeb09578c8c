"""Test error of the averaging head that is not kept orthogonal to the known prompt."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import betainc, log_ndtr, logsumexp

from theory.arguments import ArgumentError, FloatArray, Numbers, broadcast, real, whole
from theory.known_prompt.averaging import LARGEST_KAPPA
from theory.known_prompt.inner_product import log_inner_product_cdf
from theory.known_prompt.label_imbalance import ALIASING, log_label_weight, mean_over_labels
from theory.probability import ErrorProbability, error_probability
from theory.quadrature import LogIntegral

SMALLEST = 1e-290

Conditional = Callable[[FloatArray], LogIntegral]


def _given_exact_context(n: float, p: float, k: float, b: float) -> tuple[Conditional, float]:
    """Return log P(error | ȳ) and its bandwidth in √n ȳ where the coordinate along the prompt is constant."""

    def conditional(mean_label: FloatArray) -> LogIntegral:
        threshold = -(b**2) * np.sqrt(n) * mean_label
        shape = np.ones_like(threshold)
        return log_inner_product_cdf(p * shape, k**2 * np.sqrt(n) * shape, k**2 * (n + 1) / 2 * shape, threshold)

    # |E e^{iy xᵀy}| = (1 + y²)^{-p/2} e^{-C y²/(1 + y²)}, and the threshold is -b² √n ȳ.
    frequency = np.logspace(-8, 40, 481)
    decay = p / 2 * np.log1p(frequency**2) + k**2 * (n + 1) / 2 * (frequency**2 / (1 + frequency**2))
    first = min(int(np.searchsorted(decay, ALIASING)), len(frequency) - 1)
    return conditional, float(b**2 * frequency[first])


def _given_noisy_context(n: float, p: float, k: float, b: float) -> tuple[Conditional, float]:
    """Return the same where the coordinate along the prompt carries noise of the common standard deviation."""

    def conditional(mean_label: FloatArray) -> LogIntegral:
        product = np.sqrt(n) * (k**2 + b**2 * mean_label)
        square = (n * (k**2 + b**2 * mean_label**2) + k**2 + b**2) / 2
        return log_inner_product_cdf(np.full_like(product, p), product, square)

    # The mean label enters as √n b ȳ plus a standard normal number.
    return conditional, float(b * np.sqrt(2 * ALIASING))


def feature_arrays(
    samples: Numbers, dimension: Numbers, signal: Numbers, noise: Numbers, context: Numbers, noisy_context: bool
) -> tuple[FloatArray, ...]:
    """Return n, p, |M W|, S and |B|, checked and broadcast; with a noisy context coordinate p is at least 2."""
    return broadcast(
        samples=whole("samples", samples, least=1, infinite=True),
        dimension=whole("dimension", dimension, least=2 if noisy_context else 1),
        signal=np.abs(real("signal", signal)),
        noise=real("noise", noise, least=0),
        context=np.abs(real("context", context)),
    )


def full_head_averaging_error(
    samples: Numbers,
    dimension: Numbers,
    signal: Numbers,
    noise: Numbers,
    context: Numbers,
    *,
    noisy_context: bool = False,
) -> ErrorProbability:
    """Return the exact test error of the averaging head that lives in the whole token space.

    A label-signed feature is y h = M W e + y B q̂ + S ξ.  The head picks up B ȳ q̂ from the mean label ȳ of the training
    set, and the decision shifts.  With κ = M W/S and b = B/S it is exact given ȳ,

        constant context coordinate:  P( xᵀy < -√n b² ȳ ),   x ~ N(√n κ e, I_p), y ~ N(κ e, I_p),   p = d - 1,
        noisy context coordinate:     P( xᵀy < 0 ),   x ~ N(√n (κ e + b ȳ q̂), I_p), y ~ N(κ e + b q̂, I_p),   p = d,

    and it is averaged over ȳ (`label_imbalance`).  Without noise only the mean label can turn the decision, and
    ERR = P(ȳ < -r) + P(ȳ = -r)/2 with r = (M W/B)².  Source: derived here.

    The cost does not grow with n, but for p below about ten with hardly any signal: there the sum takes up to 40 √n
    terms.

    Args:
        samples: n ≥ 1, whole, or `inf`.
        dimension: p ≥ 1, whole, the number of noisy coordinates: d - 1, or d (then at least 2) with `noisy_context`.
        signal: M W, of either sign, in the unit of a token's coordinates, as are the next two.
        noise: S ≥ 0.
        context: B, of either sign.
        noisy_context: False for prompt-orthogonal noise, True for uniform pooling under isotropic noise.

    Raises:
        ArgumentError: a parameter is out of range, or shapes do not broadcast.

    Example:
        >>> full_head_averaging_error(60, 40, signal=2.0, noise=1.0, context=[0.0, 3.0]).error.round(6)
        array([0.031929, 0.051585])
        >>> full_head_averaging_error(3, 40, signal=1.0, noise=0.0, context=1.5).error  # three labels agree
        0.125
    """
    n, p, gain, spread, along = feature_arrays(samples, dimension, signal, noise, context, noisy_context)
    log_value, relative_error = np.empty(n.shape), np.zeros(n.shape)
    prepare = _given_noisy_context if noisy_context else _given_exact_context
    for index in np.ndindex(n.shape):
        size, strength, width, shift = (float(array[index]) for array in (n, gain, spread, along))
        if strength == 0:
            log_value[index] = -np.log(2)
        elif width == 0:
            log_value[index] = _log_noiseless_error(size, strength, shift)
        elif np.isinf(size):
            log_value[index] = log_ndtr(-strength / width)
        else:
            kappa, ratio = strength / width, shift / width
            if max(kappa, ratio) > LARGEST_KAPPA:
                requirement = (
                    f"be 0, or not below 1/{LARGEST_KAPPA:g} of a feature's signal or context, for the full head"
                )
                raise ArgumentError("noise", requirement, f"{1 / max(kappa, ratio):.3g} of it")
            conditional, frequency = prepare(size, float(p[index]), kappa, ratio)
            worst = [0.0]

            def log_error(
                mean_label: FloatArray, conditional: Conditional = conditional, worst: list[float] = worst
            ) -> FloatArray:
                integral = conditional(mean_label)
                worst.append(float(integral.relative_error.max()))
                return integral.log_value

            log_value[index] = mean_over_labels(size, frequency, log_error)
            relative_error[index] = max(worst)
    return error_probability(log_value, relative_error + 64 * np.finfo(np.float64).eps)


def _log_noiseless_error(samples: float, signal: float, context: float) -> float:
    """Return log( P(ȳ < -r) + P(ȳ = -r)/2 ), r = (signal/context)²; -inf where the mean label cannot reach r."""
    if np.isinf(samples) or signal > context:
        return -np.inf
    count = samples * (1 - (signal / context) ** 2) / 2
    nearest = round(count)
    tie = abs(count - nearest) <= 4 * np.finfo(np.float64).eps * samples
    below = nearest - 1 if tie else np.floor(count)
    parts = [-np.inf]
    if below >= 0:
        error = float(betainc(samples - below, below + 1, 0.5))
        # Where that underflows, the weights fall off geometrically from the largest.
        largest = below - samples / 2 - np.arange(min(below + 1, 2.0**17))
        parts.append(np.log(error) if error > SMALLEST else float(logsumexp(log_label_weight(samples, largest))))
    if tie:
        parts.append(float(log_label_weight(samples, np.array([nearest - samples / 2]))[0]) - np.log(2))
    return float(logsumexp(parts))
