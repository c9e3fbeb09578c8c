"""The mean label ȳ of n balanced coin flips, and averages over it.

A head that is not kept orthogonal to the prompt picks up the mean label: K of n labels are +1, K ~ Binomial(n, 1/2),
ȳ = (2K - n)/n.  For n up to `FULL_SUM` averages are plain sums over K.  For larger n the summand is a band-limited
function of K, up to a share of e^-`ALIASING`, and a sum over every h-th K (K real) times h is the same number: the
step h follows from how fast the characteristic functions fall, and the cost does not grow with n.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import gammaln

from theory.arguments import FloatArray
from theory.quadrature import NEGLIGIBLE

FULL_SUM = 1024
ALIASING = 60.0
SEARCH_POINTS = 513


def stirling_remainder(x: FloatArray) -> FloatArray:
    """Return log Γ(x+1) - (x + ½) log x + x - ½ log 2π for x > 0, by its asymptotic series from 16 on."""
    large = np.maximum(x, 16.0)
    inverse = 1 / large**2
    series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse * (1 / 1680 - inverse / 1188)))) / large
    small = np.minimum(x, 16.0)
    direct = gammaln(small + 1) - (small + 0.5) * np.log(small) + small - 0.5 * np.log(2 * np.pi)
    return np.asarray(np.where(x < 16, direct, series))


def log_label_weight(samples: float, offset: FloatArray) -> FloatArray:
    """Return log P(K = n/2 + offset), K ~ Binomial(n, 1/2); real offsets are interpolated smoothly.

    Written so that nothing cancels for n = 10⁹ (Loader 2000): the Stirling remainders and the deviance of ȳ.
    """
    inside = np.clip(offset, 0.5 - samples / 2, samples / 2 - 0.5)
    inner, mean_label = samples / 2 + inside, 2 * inside / samples
    central = np.clip(mean_label, -0.5, 0.5)
    upper, lower = np.log(2 * inner / samples), np.log(2 * (samples - inner) / samples)
    log_product = np.where(central == mean_label, np.log1p(-(central**2)), upper + lower)
    deviance = np.where(
        central == mean_label,
        samples / 2 * (2 * central * np.arctanh(central) + log_product),
        inner * upper + (samples - inner) * lower,
    )
    remainder = stirling_remainder(np.array(samples)) - stirling_remainder(inner) - stirling_remainder(samples - inner)
    log_height = 0.5 * (np.log(2 / (np.pi * samples)) - log_product)
    at_end = np.abs(offset) == samples / 2
    return np.asarray(np.where(at_end, -samples * np.log(2.0), remainder - deviance + log_height))


def mean_over_labels(samples: float, frequency: float, log_function: Callable[[FloatArray], FloatArray]) -> float:
    """Return log E f(ȳ) for a positive f, given as log f.

    Args:
        samples: n ≥ 1, finite.
        frequency: number ω such that the Fourier transform of f(ȳ), as a function of √n ȳ, is below e^-60 of its peak
            beyond ω; infinite if unknown, and then the sum runs over every K.
        log_function: maps an array of ȳ to log f(ȳ).
    """
    step = 1.0
    if samples > FULL_SUM:
        spread = np.pi * np.sqrt(samples) / np.sqrt(8 * ALIASING)
        step = max(1.0, min(spread, np.pi * np.sqrt(samples) / (2 * max(frequency, 1e-9))))

    def log_terms(offset: FloatArray) -> tuple[FloatArray, FloatArray]:
        weights = log_label_weight(samples, offset)
        return weights, weights + log_function(2 * offset / samples)

    half = samples / 2
    widest = half if samples <= FULL_SUM else min(half, 20 * np.sqrt(samples))
    first, last = -widest, widest
    if 2 * widest / step > SEARCH_POINTS:
        search = np.linspace(-widest, widest, SEARCH_POINTS)
        alive = np.flatnonzero((terms := log_terms(search)[1]) > terms.max() - NEGLIGIBLE)
        first, last = search[max(alive[0] - 1, 0)], search[min(alive[-1] + 1, SEARCH_POINTS - 1)]
    # K is whole in steps of 1.  Wider steps count from the middle, where they keep their digits for n = 10¹⁵.
    origin = half if step == 1 else 0.0
    count = np.arange(np.ceil((first + origin) / step), np.floor((last + origin) / step) + 1)
    _, terms = log_terms(count * step - origin)
    peak = terms.max()
    return float(peak + np.log(np.exp(terms - peak).sum() * step))
