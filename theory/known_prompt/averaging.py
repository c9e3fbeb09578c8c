"""Test error of the averaging head, ŵ = (1/n) Σ yᵢ hᵢ, exact for every n and p."""

from __future__ import annotations

import numpy as np
from scipy.special import log_ndtr

from theory.arguments import ArgumentError, FloatArray, Numbers, as_numbers, broadcast, whole
from theory.known_prompt.inner_product import log_inner_product_cdf
from theory.probability import ErrorProbability, error_probability
from theory.quadrature import LogIntegral

LARGEST_KAPPA = 1e12
"""Beyond it (for p ≤ 1e12) log P is proportional to κ² to all digits, and is scaled; the contour meets rounding."""


def signal_to_noise(kappa: Numbers) -> FloatArray:
    """Return κ ≥ 0, infinity included, as a checked array."""
    values = as_numbers("kappa", kappa)
    if (values < 0).any():
        raise ArgumentError("kappa", "be at least 0", float(values[values < 0].flat[0]))
    return values


def log_head_error(samples: FloatArray, dimension: FloatArray, kappa: FloatArray, cosine: FloatArray) -> LogIntegral:
    """Return log P(xᵀy < 0) for means √n κ and κ long whose angle has the given cosine ≥ 0, by shape-equal arrays.

    The averaging head is the case of cosine 1.  At n = ∞ the head is exact, and at κ = ∞ nothing errs.
    """
    inside = np.isfinite(samples) & np.isfinite(kappa) & (kappa > 0)
    n, k = np.where(inside, samples, 1.0), np.where(inside, kappa, 1.0)
    scale = np.maximum(k / LARGEST_KAPPA, 1.0)
    k = k / scale
    interior = log_inner_product_cdf(dimension, k**2 * np.sqrt(n) * cosine, k**2 * (n + 1) / 2)
    outside = np.where(kappa == 0, -np.log(2.0), log_ndtr(-kappa * cosine))
    with np.errstate(over="ignore"):
        log_value = np.where(inside, interior.log_value * scale**2, outside)
    return LogIntegral(log_value, np.where(inside, interior.relative_error, 0.0))


def averaging_error(samples: Numbers, dimension: Numbers, kappa: Numbers) -> ErrorProbability:
    """Return the exact test error of the averaging head on n features y h = κ e + ξ in p dimensions.

        ERR = P( χ'²_p(κ²(√n+1)²/2) < χ'²_p(κ²(√n-1)²/2) )

    for √n ŵ and a test feature are independent Gaussian vectors x, y with xᵀy = (‖x+y‖² - ‖x-y‖²)/4.  It is evaluated
    as P(xᵀy < 0) on a contour (`known_prompt.inner_product`), to a relative error of 1e-12 down to errors of 1e-300.
    Source: derived here; the law is that of Sitgreaves (1952) and Moran (1975) for a linear discriminant.

    Args:
        samples: n ≥ 1, whole, or `inf`.
        dimension: p ≥ 1, whole; d - 1 for a head kept orthogonal to the prompt.
        kappa: κ ≥ 0, signal-to-noise ratio of a feature, `inf` included.

    Raises:
        ArgumentError: a parameter is out of range, or shapes do not broadcast.

    Example:
        >>> print(f"{averaging_error(samples=100, dimension=50, kappa=1.0).error:.12f}")
        0.206893377642
        >>> averaging_error(10, 5, [1.0, 2.0]).error.round(6)
        array([0.205218, 0.028795])
    """
    n, p, k = broadcast(
        samples=whole("samples", samples, least=1, infinite=True),
        dimension=whole("dimension", dimension, least=1),
        kappa=signal_to_noise(kappa),
    )
    integral = log_head_error(n, p, k, np.ones_like(k))
    return error_probability(integral.log_value, integral.relative_error)
