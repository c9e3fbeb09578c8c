"""Test error against n: at once from a sketch or draft of the law of attention, exactly, point by point, when idle."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from figures.explorer.setting import Setting
from theory.arguments import ArgumentError, FloatArray, NotAvailableError, single
from theory.attention.deterministic import attention_fluctuates
from theory.attention.law import LARGEST_SPREAD, AttentionLaw, attention_law, compact_law, lognormal_sums
from theory.head import Head
from theory.known_prompt.error import known_prompt_error
from theory.known_prompt.fluctuating_averaging import error_given_overlap
from theory.known_prompt.fluctuating_prediction import mean_snr_square, noiseless_prediction
from theory.known_prompt.proportional_prediction import head_overlap
from theory.proportional.overlap import ConvergenceError

LIMIT = "limit"
COMPANIONS = ("averaging", "least-squares")
"""Heads that are drawn, thinner, whatever head is chosen; those that cost next to nothing."""

RATIOS = np.array(
    [*np.geomspace(0.1, 0.8, 9), 0.86, 0.91, 0.95, 0.98, 1, 1.02, 1.05, 1.1, 1.18, *np.geomspace(1.3, 50, 14)]
)
"""n/p at which curves are drawn, close together around the peak of least squares."""

SLOW_RATIOS = np.array([1, 50, 0.1, 7, 0.3, 2, 20, 0.6, 3.5, 0.17, 1.4, 12, 0.8])
"""The same, the most telling first, for curves that bend little and take tens of milliseconds a point."""

SLOW_HEADS = ("logistic", "max-margin")

AT_ONCE, AT_LEAST = 0.03, 2
"""Seconds after which the points of a slow head that are there are shown, and how many that must be."""

DRAFT_ERROR = 1e-2
"""Relative; what a drafted curve is mostly known to: where scores spread widely, one in some dozen was 5 % off."""

WIDE = 1.0
"""Where scores spread more widely, τσQ, a draft of the law of attention may take a tenth of a second: a sketch comes
first."""

LOGISTIC_TOLERANCE = 1e-4
"""To which the law behind the logistic head of a draft is made compact; it moved errors by 0.13 % at most."""

Unavailable = (ArgumentError, NotAvailableError, ConvergenceError, ArithmeticError)


@dataclass(frozen=True)
class Curve:
    """Test error of one head against n.

    Attributes:
        head: its kind, or `LIMIT` for the limit of any head.
        samples: n, ascending; shape (points,).
        error: same shape; NaN where there is no such head.
    """

    head: str
    samples: FloatArray
    error: FloatArray


@dataclass(frozen=True)
class DraftedCurves:
    """All curves of a setting as they are drawn at once.

    Attributes:
        curves: of the limit, of the companions and, last, of the chosen head.
        error: of the chosen head at the setting's n; NaN where there is no such head.
        complete: whether all points are there, and as drafts; if not, ask again.
        sketched: whether they rest on a sketch of the law of attention, which leaves errors uncertain by 1e-3.
    """

    curves: tuple[Curve, ...]
    error: float
    complete: bool
    sketched: bool


def curve_samples(setting: Setting, ratios: FloatArray = RATIOS) -> FloatArray:
    """Return the training sizes of a curve; the setting's own n is among them, and the curve reaches to it.

    Example:
        >>> curve_samples(Setting(samples=200, dimension=101))[[0, -1]]
        array([  10., 5000.])
    """
    return np.sort(worth_having(setting, ratios))


def worth_having(setting: Setting, ratios: FloatArray) -> FloatArray:
    """Return the same in the order of the ratios, the setting's own n first, each once."""
    sizes = np.maximum(np.round(np.asarray(ratios) * setting.head_dimension), 1.0)
    return np.array(list(dict.fromkeys([float(setting.samples), *sizes.tolist()])))


def _fluctuates(setting: Setting) -> bool:
    """Tell whether attention does."""
    return bool(attention_fluctuates(setting.mixture, setting.inverse_temperature).any())


@lru_cache(maxsize=32)
def _law(setting: Setting, resolution: str) -> tuple[AttentionLaw, float]:
    """Return the law of attention and E κ²."""
    if setting.spread > LARGEST_SPREAD and _fluctuates(setting):
        raise NotAvailableError(
            f"the curves need noise × inverse temperature × context norm, τσQ, of at most {LARGEST_SPREAD:g}; "
            f"here it is {setting.spread:.3g}"
        )
    law = attention_law(setting.mixture, setting.inverse_temperature, setting.attention, resolution)
    noisy = bool(np.all(law.noise > 0))
    return law, mean_snr_square(setting.mixture, setting.head, law) if noisy else math.inf


def law_evaluated(setting: Setting, seconds: float) -> bool:
    """Work on the draft of the law of attention for a while, and tell whether `drafted_curves` finds it kept.

    Example:
        >>> law_evaluated(Setting(tokens=4, relevant_tokens=1).of_attention, math.inf)
        True
    """
    if setting.attention == "linear" or not _fluctuates(setting) or setting.spread > LARGEST_SPREAD:
        return True
    ends, terms = time.perf_counter() + seconds, setting.tokens - setting.relevant_tokens
    for halvings in reversed(range(terms.bit_length())):
        lognormal_sums(setting.spread, terms >> halvings, "draft")
        if time.perf_counter() > ends:
            return False
    return True


@lru_cache(maxsize=4096)
def _drafted_errors(law: AttentionLaw, head: Head, ratios: tuple[float, ...], snr_square: float) -> FloatArray:
    """Return the error in the limit n, p → ∞ at each γ = p/n; NaN where there is no such head."""
    if not np.all(law.noise > 0):
        return np.full(len(ratios), noiseless_prediction(law, head, "proportional").error)
    try:
        training = compact_law(law, LOGISTIC_TOLERANCE) if head.kind == "logistic" else law
        return np.asarray(error_given_overlap(law, head_overlap(training, head, ratios, snr_square)[0]))
    except Unavailable:
        alone = (_drafted_errors(law, head, (ratio,), snr_square) for ratio in ratios)
        return np.concatenate([*alone]) if len(ratios) > 1 else np.array([math.nan])


def drafted_curves(setting: Setting, *, sketch: bool = False) -> DraftedCurves:
    """Return every curve within a tenth of a second or so, mostly to `DRAFT_ERROR`: the limit n, p → ∞ at each p/n.

    Where the averaging head is exact in one formula, it is exact here, too.

    Args:
        setting: any.
        sketch: whether a sketch will do where a draft takes long.

    Raises:
        ArgumentError: the numbers of the setting do not go together.
        NotAvailableError: the law of attention spreads too widely.

    Example:
        >>> drafted = drafted_curves(Setting(kind="ridge"))
        >>> [curve.head for curve in drafted.curves]
        ['limit', 'averaging', 'least-squares', 'ridge']
        >>> print(f"{drafted.error:.3f}")
        0.205
    """
    head = setting.head
    sketched = sketch and setting.attention == "softmax" and setting.spread > WIDE and _fluctuates(setting)
    law, snr_square = _law(setting.of_attention, "sketch" if sketched else "draft")
    ridge = None if head.ridge is None else single(head.ridge)
    started = time.perf_counter()

    def curve(kind: str, ridge: float | None = None) -> Curve:
        one, slow = Head(1, kind=kind, ridge=ridge), kind in SLOW_HEADS
        found: dict[float, float] = {}
        wanted = _draft_ratios(setting, SLOW_RATIOS if slow else RATIOS)
        for ratios in [(ratio,) for ratio in wanted] if slow else [tuple(wanted)]:
            if slow and len(found) >= AT_LEAST and time.perf_counter() - started > AT_ONCE:
                break
            found.update(zip(ratios, _drafted_errors(law, one, ratios, snr_square).tolist(), strict=True))
        ascending = sorted(found, reverse=True)
        samples = setting.head_dimension / np.array(ascending)
        return Curve(kind, samples, np.array([found[ratio] for ratio in ascending]))

    best = curve("weighted-averaging")
    limit = Curve(LIMIT, best.samples, np.minimum(best.error, 1 - best.error))
    others = [curve(kind) for kind in COMPANIONS if kind != setting.kind]
    mine = curve(setting.kind, ridge)
    complete = setting.kind not in SLOW_HEADS or len(mine.samples) == len(_draft_ratios(setting, SLOW_RATIOS))
    curves = tuple(_exact_averaging(one, setting) for one in (limit, *others, mine))
    error = float(curves[-1].error[np.argmin(np.abs(curves[-1].samples - setting.samples))])
    return DraftedCurves(curves, error, complete and not sketched, sketched)


def _draft_ratios(setting: Setting, ratios: FloatArray) -> list[float]:
    """Return γ = p/n of a draft, the setting's own first; n need not be whole, so that γ stays the same as d moves."""
    inverse = [float(1 / ratio) for ratio in ratios if ratio * setting.head_dimension >= 1]
    return list(dict.fromkeys([setting.head_dimension / setting.samples, *inverse]))


def _exact_averaging(curve: Curve, setting: Setting) -> Curve:
    """Return the exact curve where it is one cheap formula, and the curve itself elsewhere."""
    if curve.head not in (LIMIT, "averaging") or setting.space != "orthogonal" or _fluctuates(setting):
        return curve
    samples = curve_samples(setting)
    exact = known_prompt_error(setting.mixture, Head(samples, setting.inverse_temperature, setting.attention))
    return Curve(curve.head, samples, np.asarray(exact.limit if curve.head == LIMIT else exact.error))


def exact_tasks(setting: Setting) -> list[FloatArray]:
    """Return the training sizes of the exact curve, in portions in the order in which they are worth having.

    The setting's own n comes first, alone and of shape (); where attention does not fluctuate many cost as much as one.
    """
    together = not _fluctuates(setting) and setting.space == "orthogonal" and setting.kind not in SLOW_HEADS
    here, *others = worth_having(setting, RATIOS if together else SLOW_RATIOS).tolist()
    return [np.array(here), *([np.array(others)] if together else [np.array([n]) for n in others])]
