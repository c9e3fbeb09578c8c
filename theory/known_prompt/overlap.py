"""Expected overlap of a trained head with the signal: E cos∠(ŵ, w⋆)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from theory.arguments import FloatArray, Numbers, broadcast, plain, whole
from theory.known_prompt.averaging import signal_to_noise
from theory.known_prompt.beta_angle import log_expected_cosine
from theory.known_prompt.full_head import feature_arrays
from theory.known_prompt.label_imbalance import ALIASING, mean_over_labels
from theory.quadrature import NEGLIGIBLE, support, trapezoid

INTERVALS = 96

LogDamping = Callable[[FloatArray], FloatArray]


def _log_expected_cosine(norm: FloatArray, dimension: FloatArray, log_damping: LogDamping) -> FloatArray:
    """Return log E[ x₁/‖x‖ ], x ~ N(norm e, I_p), all norms positive, with a further factor under the integral.

    From 1/r = √(2/π) ∫ e^{-r²s²/2} ds and s = sinh u:
    E[x₁/‖x‖] = norm √(2/π) ∫_0^∞ cosh(u)^{-p-1} e^{-norm² tanh(u)²/2} du.
    """
    width = 1 / np.sqrt(dimension + 1 + norm**2)

    def log_integrand(x: FloatArray) -> FloatArray:
        u = width * np.sinh(x)
        log_cosh = np.logaddexp(u, -u) - np.log(2)
        exact = np.where(u < 1, np.log1p(np.sinh(np.minimum(u, 1)) ** 2) / 2, log_cosh)
        decay = (dimension + 1) * exact + norm**2 * np.tanh(u) ** 2 / 2
        return np.asarray(log_damping(u) - decay + np.log(width * np.cosh(x)))

    zero = np.zeros_like(norm)
    _, end = support(log_integrand, zero, np.arcsinh(1.5 * NEGLIGIBLE / (dimension + 1) / width + 12))
    integral = trapezoid(lambda x: (log_integrand(x), np.array(1.0)), zero, end, INTERVALS)
    return np.asarray(np.log(norm) + 0.5 * np.log(2 / np.pi) + integral.log_value)


def averaging_overlap(samples: Numbers, dimension: Numbers, kappa: Numbers) -> float | FloatArray:
    """Return the expected cosine between the averaging head and w⋆, both in the p dimensions that the head lives in.

    Args and errors as for `known_prompt.averaging.averaging_error`.  Source: derived here.

    Example:
        >>> print(f"{averaging_overlap(samples=100, dimension=50, kappa=1.0):.6f}")
        0.817858
    """
    n, p, k = broadcast(
        samples=whole("samples", samples, least=1, infinite=True),
        dimension=whole("dimension", dimension, least=1),
        kappa=signal_to_noise(kappa),
    )
    norm = np.where(k > 0, np.sqrt(n) * np.where(k > 0, k, 1.0), 0.0)
    overlap = np.where(norm > 0, 1.0, 0.0)
    random = (norm > 0) & (norm < 1e100)
    if random.any():
        log_mean = _log_expected_cosine(norm[random], p[random], lambda u: np.zeros_like(u))
        overlap[random] = np.minimum(np.exp(log_mean), 1.0)
    return plain(overlap)  # type: ignore[no-any-return]


def least_squares_overlap(samples: Numbers, dimension: Numbers, kappa: Numbers) -> float | FloatArray:
    """Return E cos∠(ŵ, w⋆) for the least-squares head: that of the averaging head times E cos θ (`beta_angle`).

    Args and errors as for `known_prompt.least_squares.least_squares_error`.  Source: derived here.

    Example:
        >>> least_squares_overlap(samples=[25, 50, 100], dimension=50, kappa=1.0).round(4)
        array([0.4144, 0.0803, 0.5827])
    """
    n, p, _ = broadcast(
        samples=whole("samples", samples, least=1, infinite=True),
        dimension=whole("dimension", dimension, least=1),
        kappa=signal_to_noise(kappa),
    )
    cosine = np.exp(log_expected_cosine(n, p))
    return plain(np.asarray(averaging_overlap(samples, dimension, kappa) * cosine))  # type: ignore[no-any-return]


def full_head_averaging_overlap(
    samples: Numbers,
    dimension: Numbers,
    signal: Numbers,
    noise: Numbers,
    context: Numbers,
    *,
    noisy_context: bool = False,
) -> float | FloatArray:
    """Return the expected cosine between M w⋆ and the averaging head that is not kept orthogonal to the prompt.

    The coordinate B ȳ along the prompt makes the head longer: with b = B/S the factor e^{-n b² ȳ² s²/2}, averaged over
    ȳ, joins the integral (s = sinh u, or tanh u where that coordinate is noisy and already counts among the p).

    Args and errors as for `known_prompt.full_head.full_head_averaging_error`.  Source: derived here.

    Example:
        >>> full_head_averaging_overlap(60, 40, signal=2.0, noise=1.0, context=[0.0, 3.0]).round(4)
        array([0.9271, 0.913 ])
    """
    n, p, gain, spread, along = feature_arrays(samples, dimension, signal, noise, context, noisy_context)
    overlap = np.where(gain > 0, 1.0, 0.0)
    for index in np.ndindex(n.shape):
        size, strength, width, shift = (float(array[index]) for array in (n, gain, spread, along))
        if strength == 0 or np.isinf(size):
            continue
        if width == 0:
            overlap[index] = _noiseless_overlap(size, shift / strength)
            continue

        def log_damping(u: FloatArray, size: float = size, ratio: float = shift / width) -> FloatArray:
            scales = ratio * (np.tanh(u) if noisy_context else np.sinh(np.minimum(u, 300)))
            values = [_log_gaussian_mean(size, float(scale)) for scale in scales.ravel()]
            return np.asarray(values).reshape(u.shape)

        norm = np.array([np.sqrt(size) * strength / width])
        overlap[index] = np.exp(_log_expected_cosine(norm, np.array([p[index]]), log_damping))[0]
    return plain(np.minimum(overlap, 1.0))  # type: ignore[no-any-return]


def _log_gaussian_mean(samples: float, scale: float) -> float:
    """Return log E e^{-scale² n ȳ²/2}."""
    if scale == 0:
        return 0.0
    return mean_over_labels(samples, scale * np.sqrt(2 * ALIASING), lambda y: -(scale**2) * samples * y**2 / 2)


def _noiseless_overlap(samples: float, ratio: float) -> float:
    """Return E (1 + ratio² ȳ²)^{-1/2}; as a function of √n ȳ its singularities are √n/ratio from the real axis."""
    frequency = ALIASING * ratio / np.sqrt(samples)
    return float(np.exp(mean_over_labels(samples, frequency, lambda y: -np.log1p((ratio * y) ** 2) / 2)))
