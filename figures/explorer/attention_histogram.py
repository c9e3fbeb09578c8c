"""How the attention on the relevant tokens is distributed over sequences: exact probabilities of its ranges.

With c = R e^{(1+δ_q)τQ²} and L_t = e^{τσQ g_t} the attention A = c/(c + Σ L_t) exceeds a exactly where
Σ L_t < c (1/a - 1): the law of a sum of log-normals (`theory.risk.lognormal_sum`).  Source: derived here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.interpolate import make_interp_spline
from scipy.special import expit, ndtr, ndtri

from figures.explorer.setting import Setting
from theory.arguments import FloatArray, NotAvailableError, single
from theory.attention.deterministic import attention_fluctuates, deterministic_attention
from theory.attention.moments import attention_moments
from theory.risk.lognormal_sum import LognormalSum, probabilities_below_zero

DEVIATIONS = 3.5
"""From so many deviations of log Σ L below its centre to as many above it the bins reach."""

NARROWEST = 1e-12
"""A law that is narrower, all attention being on one kind of token, is drawn as if it were a point."""

BINS = 30

DRAFTED = 7
"""Places at which a draft evaluates the law of Σ L.  It is nearly log-normal: its quantiles, as those of a normal law,
are all but linear in log Σ L: a cubic spline through 7 of them moves bins by 0.03 % of the highest, 7 % where τσQ is 2
and more."""

TOGETHER = 4
"""So many probabilities of the final histogram are evaluated together, sooner than one by one and in 15 ms at most."""

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
    share = single(moments.share)
    error = single(moments.relative_error) * share
    edges, log_sums = _edges(setting)
    if len(edges) == 2:
        return AttentionHistogram(np.array([share, share]), np.ones(1), share, error, uniform)
    below = _below_drafted(log_sums, setting) if draft else np.concatenate([*_below(log_sums, setting)])
    probability = np.maximum(below[:-1] - below[1:], 0.0)
    return AttentionHistogram(edges, probability, share, error, uniform)


def histogram_evaluated(setting: Setting, seconds: float) -> bool:
    """Evaluate some of the final histogram for a while, and tell whether `attention_histogram` finds all of it kept.

    Raises:
        AccuracyError: as there.

    Example:
        >>> histogram_evaluated(Setting(tokens=4, relevant_tokens=1), math.inf)
        True
    """
    if setting.attention == "linear" or not attention_fluctuates(setting.mixture, setting.inverse_temperature).any():
        return True
    ends = time.perf_counter() + seconds
    return all(time.perf_counter() < ends for _ in _below(_edges(setting)[1], setting))


def _edges(setting: Setting) -> tuple[FloatArray, FloatArray]:
    """Return the edges of the bins and log Σ L at each, -∞ where A = 1; of one bin where the law is too narrow."""
    terms, spread = setting.tokens - setting.relevant_tokens, setting.spread
    logit = math.log(setting.relevant_tokens)
    logit += (1 + setting.delta_context) * setting.inverse_temperature * setting.context_norm**2
    # Σ L is nearly log-normal (Fenton & Wilkinson): where it lies, not how likely it is to.
    variance = math.log1p(math.expm1(spread**2) / terms)
    centre, deviation = math.log(terms) + (spread**2 - variance) / 2, math.sqrt(variance)
    low, high = (float(expit(logit - centre + sign * DEVIATIONS * deviation)) for sign in (-1, 1))
    edges = np.linspace(low, high, (BINS if high - low > NARROWEST else 1) + 1)
    with np.errstate(divide="ignore"):
        return edges, logit + np.log(1 / edges - 1)


def _below(log_sums: FloatArray, setting: Setting) -> Iterator[FloatArray]:
    """Yield P(log Σ L < x) of each x, some at a time."""
    terms, spread = setting.tokens - setting.relevant_tokens, setting.spread
    for first in range(0, len(log_sums), TOGETHER):
        yield _sums_below(tuple(log_sums[first : first + TOGETHER].tolist()), terms, spread)


def _below_drafted(log_sums: FloatArray, setting: Setting) -> FloatArray:
    """Return the same from a few of the probabilities."""
    finite = np.isfinite(log_sums)
    nodes = np.linspace(log_sums[finite].min(), log_sums[finite].max(), DRAFTED)
    if not nodes[0] < nodes[-1]:
        return np.concatenate([*_below(log_sums, setting)])
    exact = np.concatenate([*_below(nodes, setting)])
    quantiles = ndtri(np.clip(exact, FURTHEST, 1 - FURTHEST))
    below = np.zeros(len(log_sums))
    below[finite] = ndtr(make_interp_spline(nodes, quantiles, k=3)(log_sums[finite]))
    return below


@lru_cache(maxsize=1024)
def _sums_below(log_values: tuple[float, ...], terms: int, spread: float) -> FloatArray:
    """Return P(log Σ L < x) of each x; Σ L < 0 never happens."""
    laws = [LognormalSum(-math.exp(value), terms, spread, 1.0, 0.0, 0.0) for value in log_values]
    return np.array([probability.value for probability in probabilities_below_zero(laws)])
