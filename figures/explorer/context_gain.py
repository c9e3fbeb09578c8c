"""What the context is worth against τ: in the signal-to-noise ratio of a feature, and in the error of the head w⋆.

E κ² says how well a head can be learned.  Where attention fluctuates widely rare sequences carry it; the error of the
head w⋆, exact as well, tells when a prompt is too sharp.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import ndtr

from figures.explorer.setting import Setting
from theory.arguments import FloatArray, NotAvailableError, single
from theory.attention.deterministic import attention_fluctuates, deterministic_attention
from theory.attention.linear_snr import linear_snr_square
from theory.attention.moments import LARGEST_SPREAD, attention_snr_square, drafted_snr_square
from theory.known_prompt.proportional_prediction import unit_head_decision
from theory.mixture import ContextualMixture
from theory.risk.lognormal_sum import AccuracyError, probability_below_zero

LARGEST_TEMPERATURE = 3.0
SPREADS = LARGEST_SPREAD * np.linspace(0, 1, 29) ** 1.5
"""Values of τσQ, at which alone the law of the noise depends: kept from one setting to the next."""

DRAFTED = [0, 5, 11, 17, 23, 28]
"""Places in `SPREADS` at which alone a draft evaluates anything."""

SMALLEST_POOLED = 1e-24
"""A smaller κ² of uniform pooling is rounding."""


@dataclass(frozen=True)
class ContextGain:
    """Gains of a known prompt τ q⋆ over uniform pooling.

    Attributes:
        temperature: τ, shape (points,).
        snr: E κ²(τ)/κ²(0) under softmax attention, exact at this T; same shape.
        error: error of the head w⋆ under uniform pooling over that under the prompt, exact; same shape, NaN where there
            is no formula and, in a draft, at most points.
        many_tokens: the limit of `snr` for many tokens; same shape, NaN where there is none.
        linear: gain in E κ² of linear attention, which does not depend on τ > 0; NaN where there is none.
        here: gain in E κ² at the setting's τ with its attention; NaN beyond the range of the formula.
    """

    temperature: FloatArray
    snr: FloatArray
    error: FloatArray
    many_tokens: FloatArray
    linear: float
    here: float


def context_gain(setting: Setting, *, draft: bool = False) -> ContextGain:
    """Return the curves.

    Args:
        setting: with σ > 0, at least one irrelevant token, and attention that pooling does not blind.
        draft: whether to evaluate few points only: `snr` is a spline between them.

    Raises:
        NotAvailableError: there is no gain to speak of, and why.

    Example:
        >>> gain = context_gain(Setting(tokens=64, relevant_tokens=8, context_norm=2.0))
        >>> print(f"{gain.here:.4f} {gain.linear:.4f}")
        10.0115 4.1481
    """
    mixture = setting.mixture
    if setting.relevant_tokens == setting.tokens:
        raise NotAvailableError("every token is relevant: there is nothing that a prompt could single out")
    if setting.noise == 0:
        raise NotAvailableError("without noise the signal-to-noise ratio is infinite with a prompt and without one")
    pooled = single(deterministic_attention(mixture, 0.0).kappa) ** 2
    if not pooled > SMALLEST_POOLED:
        raise NotAvailableError("uniform pooling sees no signal at all here, so that no ratio to it exists")
    temperature = _temperatures(setting)
    linear = _linear_gain(mixture) / pooled
    here = linear if setting.attention == "linear" and setting.inverse_temperature > 0 else math.nan
    if setting.attention == "softmax" and setting.inverse_temperature <= _largest_temperature(setting):
        here = attention_snr_square(mixture, setting.inverse_temperature) / pooled
    seen = _drafted(len(temperature)) if draft else range(len(temperature))
    errors = np.full(len(temperature), math.nan)
    errors[seen] = [_known_head_error(mixture, value) for value in temperature[seen].tolist()]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = errors[0] / errors
    return ContextGain(
        temperature,
        snr=_snr_square(setting, temperature, draft) / pooled,
        error=np.where(np.isfinite(ratio), ratio, math.nan),
        many_tokens=_many_tokens(setting, temperature),
        linear=linear,
        here=here,
    )


def gain_evaluated(setting: Setting, seconds: float) -> bool:
    """Evaluate points of the curves for a while, and tell whether `context_gain` finds all of them kept.

    Example:
        >>> gain_evaluated(Setting(tokens=4, relevant_tokens=1), math.inf)
        True
    """
    ends, mixture = time.perf_counter() + seconds, setting.mixture
    for temperature in _temperatures(setting).tolist():
        attention_snr_square(mixture, temperature)
        _known_head_error(mixture, temperature)
        if time.perf_counter() > ends:
            return False
    return True


def _largest_temperature(setting: Setting) -> float:
    """Return the largest τ for which there are moments."""
    isotropic = setting.noise_kind == "isotropic"
    return LARGEST_SPREAD / (setting.noise * setting.context_norm) if isotropic else math.inf


def _temperatures(setting: Setting) -> FloatArray:
    """Return the τ of the curves: from 0 as far as there are moments, or as the slider goes."""
    temperature = SPREADS / (setting.noise * setting.context_norm)
    if setting.noise_kind == "isotropic" and temperature[-1] <= LARGEST_TEMPERATURE:
        return np.asarray(temperature)
    return np.append(temperature[temperature < LARGEST_TEMPERATURE], LARGEST_TEMPERATURE)


def _drafted(points: int) -> list[int]:
    """Return the places of the points that a draft evaluates, both ends among them."""
    return [*(place for place in DRAFTED if place < points - 1), points - 1]


def _snr_square(setting: Setting, temperature: FloatArray, draft: bool) -> FloatArray:
    """Return E κ² at each τ."""
    mixture = setting.mixture
    if draft and setting.noise_kind == "isotropic":
        widest = setting.noise * setting.context_norm * float(temperature[-1])
        # A cubic spline takes four points.
        needed = max(4, 1 + int(np.searchsorted(SPREADS[DRAFTED], widest)))
        return drafted_snr_square(mixture, temperature, SPREADS[DRAFTED[:needed]])
    return np.array([attention_snr_square(mixture, value) for value in temperature.tolist()])


def _many_tokens(setting: Setting, temperature: FloatArray) -> FloatArray:
    """Return exp(2τ(1+δ_q)Q² - 2τ²σ²Q²), without its second term where noise does not reach the scores."""
    if setting.delta_signal != 0:
        return np.full(len(temperature), math.nan)
    exponent = 2 * temperature * (1 + setting.delta_context) * setting.context_norm**2
    if setting.noise_kind == "isotropic":
        exponent -= 2 * (temperature * setting.noise * setting.context_norm) ** 2
    return np.exp(np.clip(exponent, -700.0, 700.0))


@lru_cache(maxsize=4096)
def _known_head_error(mixture: ContextualMixture, temperature: float) -> float:
    """Return the error of the head w⋆ or -w⋆, whichever errs less; NaN where there is no formula."""
    try:
        if attention_fluctuates(mixture, temperature).any():
            error = probability_below_zero(unit_head_decision(mixture, temperature, 1.0)).value
        else:
            error = float(ndtr(-single(deterministic_attention(mixture, temperature).kappa)))
    except (NotAvailableError, AccuracyError):
        return math.nan
    return min(error, 1 - error)


def _linear_gain(mixture: ContextualMixture) -> float:
    """Return E κ² under linear attention, NaN where it is infinite: so it is for one or two tokens of noisy scores."""
    if attention_fluctuates(mixture, 1.0).any():
        square = linear_snr_square(mixture)
    else:
        kappa = single(deterministic_attention(mixture, 1.0, "linear").kappa)
        square = kappa * kappa  # a power would raise beyond the largest float
    return square if math.isfinite(square) else math.nan
