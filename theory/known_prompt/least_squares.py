"""Test error of the least-squares head and of minimum-norm interpolation, exact for every n and p."""

from __future__ import annotations

import numpy as np

from theory.arguments import FloatArray, Numbers, broadcast, whole
from theory.known_prompt.averaging import log_head_error, signal_to_noise
from theory.known_prompt.beta_angle import BetaAngle
from theory.probability import ErrorProbability, error_probability
from theory.quadrature import LogIntegral

CHUNK = 64
"""Settings treated at once: each asks for about a hundred probabilities."""


def _log_mean_error(samples: FloatArray, dimension: FloatArray, kappa: FloatArray) -> LogIntegral:
    """Average the error over the angle for one chunk of settings with random angle."""
    angle = BetaAngle(samples, dimension)
    worst = np.zeros_like(samples)

    def log_error(u: FloatArray) -> FloatArray:
        arrays = np.broadcast_arrays(samples, dimension, kappa, np.exp(angle.log_cosine_at(u)))
        integral = log_head_error(*arrays)
        np.maximum(worst, integral.relative_error.max(axis=0), out=worst)
        return integral.log_value

    mean = angle.log_mean(log_error)
    return LogIntegral(mean.log_value, mean.relative_error + worst)


def least_squares_error(samples: Numbers, dimension: Numbers, kappa: Numbers) -> ErrorProbability:
    """Return the exact test error of min Σ (yᵢ - wᵀhᵢ)² on n features y h = κ e + ξ in p dimensions.

    For n > p it is ordinary least squares, for n ≤ p the interpolating solution of minimum norm; at n = p the error
    peaks (double descent).  The head lies at a random angle θ from the averaging direction (`known_prompt.beta_angle`).
    Turning the training vector by a fixed θ turns its mean by θ, so that

        ERR = E_θ P(xᵀy < 0),   x ~ N(√n κ v, I_p), y ~ N(κ e, I_p), vᵀe = cos θ,
        cos²θ ~ Beta((|n-p|+1)/2, (min(n,p)-1)/2),

    one integral over θ of the probability that gives the averaging head.  Relative error below 1e-10 down to errors of
    1e-300.  Source: derived here.

    Args:
        samples: n ≥ 1, whole, or `inf`.
        dimension: p ≥ 1, whole.
        kappa: κ ≥ 0, signal-to-noise ratio of a feature, `inf` included.

    Raises:
        ArgumentError: a parameter is out of range, or shapes do not broadcast.

    Example:
        >>> least_squares_error(samples=[25, 50, 100], dimension=50, kappa=1.0).error.round(6)
        array([0.340177, 0.468228, 0.280611])
    """
    arrays = broadcast(
        samples=whole("samples", samples, least=1, infinite=True),
        dimension=whole("dimension", dimension, least=1),
        kappa=signal_to_noise(kappa),
    )
    shape = arrays[0].shape
    n, p, k = (array.ravel() for array in arrays)
    fixed = log_head_error(n, p, k, np.ones_like(k))
    log_value, relative_error = fixed.log_value, fixed.relative_error
    random = np.flatnonzero(np.isfinite(n) & np.isfinite(k) & (k > 0) & (np.minimum(n, p) > 1))
    for part in np.array_split(random, max(1, -(-len(random) // CHUNK))):
        if part.size:
            mean = _log_mean_error(n[part], p[part], k[part])
            log_value[part], relative_error[part] = mean.log_value, mean.relative_error
    return error_probability(log_value.reshape(shape), relative_error.reshape(shape))
