"""How the attention on the relevant tokens is distributed over sequences: exact probabilities of its ranges.

With c = R e^{(1+δ_q)τQ²} and L_t = e^{τσQ g_t} the attention A = c/(c + Σ L_t) exceeds a exactly where
Σ L_t < c (1/a - 1): the law of a sum of log-normals (`theory.risk.lognormal_sum`).  Source: derived here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.interpolate import make_interp_spline
from scipy.special import expit, ndtr, ndtri

from figures.explorer.setting import Setting
from theory.arguments import FloatArray, NotAvailableError, single
from theory.attention.deterministic import attention_fluctuates, deterministic_attention
from theory.attention.moments import attention_moments
from theory.risk.lognormal_sum import LognormalSum, probability_below_zero

DEVIATIONS = 3.5
"""From so many deviations of log Σ L below its centre to as many above it the bins reach."""

NARROWEST = 1e-12
"""A law that is narrower, all attention being on one kind of token, is drawn as if it were a point."""

BINS = 30

DRAFTED = 7
"""Places at which a draft evaluates the law of Σ L.  It is nearly log-normal: its quantiles, as those of a normal law,
are all but linear in log Σ L: a cubic spline through 7 of them moves bins by 0.03 % of the highest, 7 % where τσQ is 2
and more."""

FURTHEST = 1e-15
"""Probabilities closer to 0 or 1 have no quantile that rounding leaves."""


@dataclass(frozen=True)
class AttentionHistogram:
    """Probabilities of the attention A on the relevant tokens, exact but for those of a draft.

    Attributes:
        edges: of the bins, ascending; shape (bins + 1,).  One bin of width 0 where attention does not fluctuate.
        probability: of each bin, shape (bins,).
        mean: E A.
        mean_error: bound on its numerical error.
        uniform: R/T, the attention of uniform pooling.
    """

    edges: FloatArray
    probability: FloatArray
    mean: float
    mean_error: float
    uniform: float

    @property
    def certain(self) -> bool:
        """Tell whether attention is the same in every sequence."""
        return bool(self.edges[0] == self.edges[-1])


def attention_histogram(setting: Setting, *, draft: bool = False) -> AttentionHistogram:
    """Return the histogram.

    Args:
        setting: softmax attention.
        draft: whether to evaluate few probabilities only, with a spline between them.

    Raises:
        NotAvailableError: attention is linear, or scores spread too widely.
        AccuracyError: a probability cannot be had to its promised accuracy.

    Example:
        >>> histogram = attention_histogram(Setting())
        >>> print(f"{histogram.mean:.4f} {histogram.probability.sum():.3f}")
        0.2565 0.999
    """
    if setting.attention == "linear":
        raise NotAvailableError("linear attention gives weights of either sign, which do not add up to 1")
    mixture, uniform = setting.mixture, setting.relevant_tokens / setting.tokens
    if not attention_fluctuates(mixture, setting.inverse_temperature).any():
        share = single(deterministic_attention(mixture, setting.inverse_temperature).relevant_share)
        return AttentionHistogram(np.array([share, share]), np.ones(1), share, 1e-15, uniform)
    moments = attention_moments(mixture, setting.inverse_temperature)
    terms, spread = setting.tokens - setting.relevant_tokens, setting.spread
    logit = math.log(setting.relevant_tokens)
    logit += (1 + setting.delta_context) * setting.inverse_temperature * setting.context_norm**2
    # Σ L is nearly log-normal (Fenton & Wilkinson): where it lies, not how likely it is to.
    variance = math.log1p(math.expm1(spread**2) / terms)
    centre, deviation = math.log(terms) + (spread**2 - variance) / 2, math.sqrt(variance)
    low, high = (float(expit(logit - centre + sign * DEVIATIONS * deviation)) for sign in (-1, 1))
    share = single(moments.share)
    error = single(moments.relative_error) * share
    if not high - low > NARROWEST:
        return AttentionHistogram(np.array([share, share]), np.ones(1), share, error, uniform)
    edges = np.linspace(low, high, BINS + 1)
    with np.errstate(divide="ignore"):
        log_sums = logit + np.log(1 / edges - 1)
    below = _below_drafted(log_sums, terms, spread) if draft else _below(log_sums, terms, spread)
    probability = np.maximum(below[:-1] - below[1:], 0.0)
    return AttentionHistogram(edges, probability, share, error, uniform)


def _below(log_sums: FloatArray, terms: int, spread: float) -> FloatArray:
    """Return P(log Σ L < x) for each x, of which those of A = 1 are -∞."""
    return np.array([_sum_below(value, terms, spread) if value > -math.inf else 0.0 for value in log_sums.tolist()])


def _below_drafted(log_sums: FloatArray, terms: int, spread: float) -> FloatArray:
    """Return the same from a few of the probabilities."""
    finite = np.isfinite(log_sums)
    nodes = np.linspace(log_sums[finite].min(), log_sums[finite].max(), DRAFTED)
    if not nodes[0] < nodes[-1]:
        return _below(log_sums, terms, spread)
    quantiles = ndtri(np.clip(_below(nodes, terms, spread), FURTHEST, 1 - FURTHEST))
    below = np.zeros(len(log_sums))
    below[finite] = ndtr(make_interp_spline(nodes, quantiles, k=3)(log_sums[finite]))
    return below


@lru_cache(maxsize=4096)
def _sum_below(log_value: float, terms: int, spread: float) -> float:
    """Return P(log Σ L < x)."""
    return probability_below_zero(LognormalSum(-math.exp(log_value), terms, spread, 1.0, 0.0, 0.0)).value
