"""Expected overlap of the least-squares head in the full space with the signal, for n ≥ d."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy

from theory.arguments import FloatArray, Numbers, plain
from theory.known_prompt.discriminant import DiscriminantLaw
from theory.known_prompt.full_head_least_squares import CHUNK, feature_arrays_for_least_squares
from theory.known_prompt.label_imbalance import log_label_weight, mean_over_labels
from theory.known_prompt.overlap import least_squares_overlap
from theory.known_prompt.peaked_integral import peaked_integral
from theory.quadrature import NEGLIGIBLE

STEP = 1 / 40
ALIASING_OF_OVERLAP = 20.0
"""A sum over label counts in steps is accurate to e^-20, 2e-9: no error rests on an overlap."""

LARGEST_RATIO = 1e12
"""The table ends where the intercept is 1e12 times as long as the rest of the head: no cosine is left to count."""


def full_head_least_squares_overlap(
    samples: Numbers, dimension: Numbers, signal: Numbers, noise: Numbers, context: Numbers
) -> float | FloatArray:
    """Return the expected cosine between M w⋆ and the least-squares head that is not kept orthogonal to the prompt.

    The coordinate along the prompt, (ȳ - x̄ᵀw)/B for the mean x̄ of the training features, makes the head longer.  With
    C and X of `known_prompt.discriminant`, g standard normal and b = B/S,

        E C / √(1 + μ²/b²),     μ = ȳ (X/√k - κ C) - g/√n,

    averaged over ȳ; it is 0 where all labels agree.

    Args and errors as for `known_prompt.full_head_least_squares.full_head_least_squares_error`.  Source: derived here.

    Example:
        >>> full_head_least_squares_overlap(12, 6, signal=2.0, noise=1.0, context=[0.0, 3.0]).round(4)
        array([0.7152, 0.6807])
    """
    n, p, gain, spread, along = feature_arrays_for_least_squares(samples, dimension, signal, noise, context)
    overlap = np.where(gain > 0, 1.0, 0.0)
    for index in np.ndindex(n.shape):
        size, width, strength, noise_size, shift = (float(array[index]) for array in (n, p, gain, spread, along))
        if strength == 0 or np.isinf(size):
            continue
        if noise_size == 0:
            overlap[index] = 1 - 2 ** (1 - size) * (1 - 1 / np.hypot(1, shift / strength))
        elif shift == 0:
            overlap[index] = least_squares_overlap(size, width, strength / noise_size)
        else:
            overlap[index] = _overlap(size, width, strength / noise_size, shift / noise_size)
    return plain(np.minimum(overlap, 1.0))  # type: ignore[no-any-return]


class _Shortening:
    """log E (1 + (m - g/√n)²/b²)^{-1/2} as a function of m, an even spline in arsinh(m/√(b² + 1/n)).

    From 1/√(1+y²) = √(2/π) ∫ e^{-s²(1+y²)/2} ds, and the mean over g under the integral.
    """

    def __init__(self, samples: float, context: float) -> None:
        """Tabulate for n and b."""
        self.scale = np.hypot(context, 1 / np.sqrt(samples))
        nodes = np.arange(-8, np.arcsinh(LARGEST_RATIO) / STEP) * STEP
        square = (self.scale * np.sinh(nodes) / context) ** 2
        variance = 1 / (samples * context**2)

        def log_integrand(log_s: FloatArray) -> FloatArray:
            s_square = np.exp(2 * np.minimum(log_s, 300))
            widened = 1 + s_square * variance
            return np.asarray(log_s - np.log(widened) / 2 - s_square * (1 + square / widened) / 2)

        reach = np.full_like(nodes, NEGLIGIBLE + 5 + np.log(1 + LARGEST_RATIO * self.scale / context))
        self.spline = scipy.interpolate.make_interp_spline(
            nodes, peaked_integral(log_integrand, reach).log_value + np.log(2 / np.pi) / 2, k=7
        )

    def log_value(self, shift: FloatArray) -> FloatArray:
        """Return the logarithm at m = `shift`."""
        return np.asarray(self.spline(np.arcsinh(np.minimum(np.abs(shift) / self.scale, LARGEST_RATIO / 2))))


def _overlap(samples: float, dimension: float, kappa: float, context: float) -> float:
    """Return the expected cosine for one setting."""
    law, shortening = DiscriminantLaw(samples, dimension, kappa), _Shortening(samples, context)

    def log_overlap(mean_label: FloatArray) -> FloatArray:
        """Return log E[(1 + C) f] - E[f] given ȳ, for f the shortening."""
        split = samples * (1 - mean_label**2)

        def log_shortening(setting: npt.NDArray[np.int_], cosine: FloatArray, reciprocal: FloatArray) -> FloatArray:
            shift = mean_label[setting] * (reciprocal / np.sqrt(split[setting]) - kappa * cosine)
            return shortening.log_value(shift)

        def log_tilted(setting: npt.NDArray[np.int_], cosine: FloatArray, reciprocal: FloatArray) -> FloatArray:
            return np.asarray(np.log1p(np.maximum(cosine, -1 + 1e-16)) + log_shortening(setting, cosine, reciprocal))

        both = np.exp(law.log_mean(split, log_tilted).log_value), np.exp(law.log_mean(split, log_shortening).log_value)
        return np.asarray(np.log(np.maximum(both[0] - both[1], 1e-300)))

    floor = float(log_label_weight(samples, np.zeros(1))[0]) - NEGLIGIBLE

    def log_terms(mean_label: FloatArray) -> FloatArray:
        """Return the same for many ȳ: it is even in ȳ, and 0 where all labels agree."""
        sizes, position = np.unique(np.abs(mean_label), return_inverse=True)
        log_value = np.full_like(sizes, -np.inf)
        counts = np.flatnonzero((sizes < 1) & (log_label_weight(samples, samples * sizes / 2) > floor))
        for first in range(0, len(counts), CHUNK):
            part = counts[first : first + CHUNK]
            log_value[part] = log_overlap(sizes[part])
        return np.asarray(log_value[position])

    frequency = np.sqrt(2 * ALIASING_OF_OVERLAP) * (kappa + 1 / kappa)
    return float(np.exp(mean_over_labels(samples, float(frequency), log_terms)))
