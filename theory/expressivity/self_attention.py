"""The threshold of self-attention, f(X) = (1/T) 1ᵀ softmax_rows(X K Xᵀ) X w, on data without noise.

Let δ be (0, 0) or (Δ, Δ) with probability 1/2 each, Δ > 0.  All tokens are multiples of r = q⋆ + y w⋆: relevant ones
are r, the others 0 or -Δ r.  With k = rᵀKr, u = (1+Δ) k and ζ = R/T, a relevant and an irrelevant token attend to the
relevant ones, for δ = (Δ, Δ), with

    A_r = ζ e^u/(ζ e^u + 1 - ζ),   A_s = ζ e^{-Δu}/(ζ e^{-Δu} + 1 - ζ),   Ā = ζ A_r + (1-ζ) A_s,

and f = wᵀr [(1+Δ) Ā - Δ]; for δ = (0, 0) f = wᵀr times a positive number.  So where Ā(u) < Δ/(1+Δ) for every u, f turns
its sign with δ whatever K and w are, and the accuracy is 1/2 for each of them.  Where Ā(u) > Δ/(1+Δ) for some u, a
multiple of q⋆q⋆ᵀ as K, with rᵀKr = u/(1+Δ), and w = w⋆ reach the accuracy 1 (`expressivity.constructions`).  Hence the
sharp threshold Δ⋆(ζ): above it Δ/(1+Δ) exceeds the supremum of Ā, just below it does not.

For ζ ≥ 1/2 the threshold is ζ/(1-ζ) = o, that of uniform pooling: with x = e^u, Ā ≤ ζ at Δ = o says that
x^o - o x + o - 1 ≥ 0, which is true for o ≥ 1, with equality at u = 0 alone.  For ζ < 1/2 it is larger, and the best u
is negative: irrelevant tokens attend to relevant ones.  There the supremum is certified: |dĀ/du| ≤ (ζ + (1-ζ)Δ)/4, and
cells in u that by this slope, or by the curvature at their middle, cannot exceed what was found are discarded; beyond
the cells Ā is within e^-40 of its limits ζ and 1-ζ.  Source: derived here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy
from scipy.special import expit, logit

from theory.arguments import ArgumentError, FloatArray, real, single

TOLERANCE = 1e-12
"""To which the supremum is certified."""

TAIL = 40.0
"""Where every exponent is at least so far beyond its turn Ā is within e^-40 of its limit."""

FIRST_CELLS = 256


@dataclass(frozen=True)
class SelfAttentionThreshold:
    """Δ⋆ for one sparsity.

    Attributes:
        threshold: Δ⋆; for Δ above it every self-attention has the accuracy 1/2.
        error_bound: bound on its numerical error.
        score: u = (1+Δ⋆) rᵀKr at which Ā is largest there.
        sufficient: Δ from which on failure follows without a computation: 1 + Δ = 1/min((1-ζ)², ζ(1-ζ)).
    """

    threshold: float
    error_bound: float
    score: float
    sufficient: float


def self_attention_threshold(sparsity: float) -> SelfAttentionThreshold:
    """Return the sharp threshold Δ⋆(ζ), the largest Δ at which some self-attention does better than a coin.

    Args:
        sparsity: ζ = R/T, greater than 0 and less than 1.

    Raises:
        ArgumentError: ζ is out of range.

    Example:
        >>> found = self_attention_threshold(0.25)
        >>> print(f"{found.threshold:.6f} < {found.sufficient:.6f}")
        3.107345 < 4.333333
    """
    share = single(real("sparsity", sparsity, above=0))
    if share >= 1:
        raise ArgumentError("sparsity", "be less than 1", share)
    return _threshold(share)


@lru_cache(maxsize=1024)
def _threshold(share: float) -> SelfAttentionThreshold:
    """Return the threshold for a checked ζ."""
    sufficient = 1 / min((1 - share) ** 2, share * (1 - share)) - 1
    if share >= 0.5:
        odds = share / (1 - share)
        return SelfAttentionThreshold(odds, 8 * float(np.finfo(np.float64).eps) * odds / (1 - share), 0.0, sufficient)

    def excess(log_delta: float) -> float:
        delta = math.exp(log_delta)
        return delta / (1 + delta) - largest_mean_attention(share, delta)[0]

    # Ā is at least 1-ζ, a limit, and below 1 - 1/(1 + sufficient).
    low, high = math.log((1 - share) / share), math.log(sufficient) + 1e-9
    root = float(scipy.optimize.brentq(excess, low - 1e-9, high, xtol=1e-14, rtol=1e-14))
    threshold = math.exp(root)
    # The derivative of Δ/(1+Δ) less that of the supremum, by a difference.
    step = 1e-4
    slope = (excess(root + step) - excess(root - step)) / (2 * step)
    bound = threshold * (TOLERANCE / abs(slope) + 4e-15 * (1 + abs(root)))
    return SelfAttentionThreshold(threshold, bound, largest_mean_attention(share, threshold)[1], sufficient)


def mean_attention(sparsity: float, delta: float, score: FloatArray) -> FloatArray:
    """Return Ā(u), the mean attention of all tokens on the relevant ones, for u of any shape.

    Example:
        >>> mean_attention(0.25, 2.0, np.array([0.0]))
        array([0.25])
    """
    offset = logit(sparsity)
    return np.asarray(sparsity * expit(offset + score) + (1 - sparsity) * expit(offset - delta * score))


def largest_mean_attention(sparsity: float, delta: float) -> tuple[float, float]:
    """Return the supremum of Ā over u, certified to 1e-12, and where it is taken (infinite for a limit).

    Args:
        sparsity: ζ, between 0 and 1.
        delta: Δ > 0.

    Example:
        >>> value, score = largest_mean_attention(0.25, 2.0)
        >>> print(f"{value:.6f} at {score:.3f}")
        0.750763 at -3.999
    """
    offset = abs(float(logit(sparsity)))
    reach = (TAIL + offset) / min(delta, 1.0)
    limits = {math.inf: sparsity, -math.inf: 1 - sparsity}
    place = max(limits, key=lambda end: limits[end])
    best = limits[place]
    width = 2 * reach / FIRST_CELLS
    middles = np.asarray(-reach + width * (np.arange(FIRST_CELLS) + 0.5), dtype=np.float64)
    while True:
        values = mean_attention(sparsity, delta, middles)
        top = int(np.argmax(values))
        if values[top] > best:
            best, place = float(values[top]), float(middles[top])
        alive = values + rise_within(sparsity, delta, middles, width) > best + TOLERANCE / 2
        if not alive.any():
            return best, place
        middles = np.asarray((middles[alive][:, None] + width * np.array([-0.25, 0.25])).ravel(), dtype=np.float64)
        width /= 2


def rise_within(sparsity: float, delta: float, middles: FloatArray, width: float) -> FloatArray:
    """Return by how much Ā may rise within half a cell of its middle: by Taylor's bound, or by the largest slope.

    The second derivative of a logistic function is at most 1/(6√3), and at most e^-|x|.
    """
    half = width / 2
    first, second = float(logit(sparsity)) + middles, float(logit(sparsity)) - delta * middles
    one, other = expit(first), expit(second)
    derivative = sparsity * one * (1 - one) - (1 - sparsity) * delta * other * (1 - other)
    curvature = sparsity * _bend(first, half) + (1 - sparsity) * delta**2 * _bend(second, delta * half)
    slope = (sparsity + (1 - sparsity) * delta) / 4
    return np.asarray(np.minimum(np.abs(derivative) * half + curvature * half**2 / 2, slope * half))


def _bend(middle: FloatArray, half: float) -> FloatArray:
    """Return a bound on the second derivative of the logistic function within `half` of the middle."""
    return np.asarray(np.minimum(1 / (6 * math.sqrt(3)), np.exp(-np.maximum(np.abs(middle) - half, 0.0))))
