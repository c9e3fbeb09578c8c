"""What the context is worth: the signal-to-noise ratio that a known prompt adds, and the best inverse temperature.

κ² is the squared signal-to-noise ratio of an attention feature; where attention fluctuates its mean E κ² says how well
a head can be learned (weighted averaging reaches c_w² = k/(k + γ), k = E κ²).  For many tokens, isotropic noise and
δ_w = 0,

    prompt over uniform pooling:             exp(2τ(1+δ_q)Q² - 2τ²σ²Q²),
    best at τ* = (1+δ_q)/(2σ²):              exp((1+δ_q)²Q²/(2σ²)),
    linear attention over uniform pooling:   1/(δ_q² + σ²/Q²), which is Q²/σ² for δ_q = 0.

At finite T the exact moments replace these limits.  What a known head does with a feature is the population error: the
best inverse temperature minimises that.  Source: derived here; that context has a precise benefit is the abstract's
claim.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy

from theory.arguments import ArgumentError, single
from theory.attention.deterministic import deterministic_attention
from theory.attention.linear_snr import linear_snr_square
from theory.attention.moments import attention_moments
from theory.context.hard_attention import hard_attention_error
from theory.known_prompt.proportional_prediction import unit_head_decision
from theory.mixture import ContextualMixture
from theory.risk.lognormal_sum import AccuracyError, probability_below_zero

GRID = 33
"""Values of τσQ, from 0 to the largest searched, that bracket the best one."""

LARGEST_SEARCHED = 10.0


@dataclass(frozen=True)
class ContextBenefit:
    """Gain of the known prompt τ q⋆, as ratios of E κ² to κ² of uniform pooling.

    Attributes:
        prompt: E κ²(τ)/κ²(0), exact at this T.
        linear: E κ² of linear-prompt-attention over κ²(0), exact; infinite for m ≤ 2 irrelevant tokens.
        prompt_many_tokens: the limit of `prompt` for many tokens.
        linear_many_tokens: the limit of `linear`.
        best_temperature_many_tokens: τ* = (1+δ_q)/(2σ²), at least 0.
        best_many_tokens: the limit of `prompt` at τ*.
    """

    prompt: float
    linear: float
    prompt_many_tokens: float
    linear_many_tokens: float
    best_temperature_many_tokens: float
    best_many_tokens: float


@dataclass(frozen=True)
class BestTemperature:
    """Inverse temperature at which a head along w⋆ errs least.

    Attributes:
        inverse_temperature: τ, infinite where hard attention is best.
        error: population error there.
        pooling_error: population error at τ = 0.
        hard_attention_error: population error as τ → ∞.
    """

    inverse_temperature: float
    error: float
    pooling_error: float
    hard_attention_error: float


def context_benefit(mixture: ContextualMixture, inverse_temperature: float) -> ContextBenefit:
    """Return what a known prompt, and linear attention with it, gain over uniform pooling.

    Args:
        mixture: isotropic noise σ > 0, W > 0, at least one irrelevant token, δ_w = 0; single numbers.
        inverse_temperature: τ ≥ 0 with τσQ ≤ 5.

    Raises:
        ArgumentError: an argument is out of this range.

    Example:
        >>> benefit = context_benefit(ContextualMixture(101, 64, 8, context_norm=2.0), 0.5)
        >>> print(f"{benefit.prompt:.4f} {benefit.prompt_many_tokens:.4f} {benefit.linear:.4f}")
        10.0115 7.3891 4.1481
    """
    _refuse_other_mixtures(mixture)
    context, noise, delta = (single(getattr(mixture, name)) for name in ("context_norm", "noise", "delta_context"))
    pooled = single(deterministic_attention(mixture, 0.0).kappa) ** 2
    best = max((1 + delta) / (2 * noise**2), 0.0)

    def many_tokens(temperature: float) -> float:
        exponent = 2 * temperature * (1 + delta) * context**2 - 2 * (temperature * noise * context) ** 2
        return math.exp(exponent) if exponent < 709 else math.inf

    return ContextBenefit(
        prompt=single(attention_moments(mixture, inverse_temperature).snr_square) / pooled,
        linear=linear_snr_square(mixture) / pooled,
        prompt_many_tokens=many_tokens(inverse_temperature),
        linear_many_tokens=1 / (delta**2 + (noise / context) ** 2),
        best_temperature_many_tokens=best,
        best_many_tokens=many_tokens(best),
    )


def _refuse_other_mixtures(mixture: ContextualMixture) -> None:
    """Refuse what has no fluctuating attention, no signal to gain, or no simple limit."""
    if mixture.noise_kind != "isotropic":
        raise ArgumentError("noise_kind", "be isotropic", mixture.noise_kind)
    for name, good, requirement in (
        ("noise", single(mixture.noise) > 0, "be greater than 0"),
        ("signal_norm", single(mixture.signal_norm) > 0, "be greater than 0"),
        ("delta_signal", single(mixture.delta_signal) == 0, "be 0"),
        ("relevant_tokens", single(mixture.irrelevant_tokens) > 0, "be less than tokens"),
    ):
        if not good:
            raise ArgumentError(name, f"{requirement} for the benefit of context", single(getattr(mixture, name)))


def population_error(mixture: ContextualMixture, inverse_temperature: float) -> float:
    """Return the exact error of the head w⋆ under the prompt τ q⋆, isotropic noise, single numbers.

    Raises:
        AccuracyError: τσQ is so large that the error cannot be had to 1e-10.

    Example:
        >>> mixture = ContextualMixture(dimension=11, tokens=16, relevant_tokens=2)
        >>> print("%.6f" % population_error(mixture, 1.0))
        0.244774
    """
    return probability_below_zero(unit_head_decision(mixture, inverse_temperature, 1.0)).value


def best_inverse_temperature(mixture: ContextualMixture) -> BestTemperature:
    """Return the τ ≥ 0 at which the head w⋆ errs least, at this finite number of tokens.

    Values of τσQ up to 10 are searched on a grid, the best of them refined, and compared with hard attention, which is
    best only for a weak signal above its transition (`theory.context.hard_attention`).

    Args:
        mixture: isotropic noise σ > 0, W > 0, δ_w = 0, δ_q > -1, at least one irrelevant token; single numbers.

    Raises:
        ArgumentError: an argument is out of this range.

    Example:
        >>> best = best_inverse_temperature(ContextualMixture(dimension=11, tokens=64, relevant_tokens=4))
        >>> print(f"{best.inverse_temperature:.3f} {best.error:.4f} {best.pooling_error:.4f}")
        0.530 0.2516 0.3028
    """
    _refuse_other_mixtures(mixture)
    hard = float(hard_attention_error(mixture))
    unit = single(mixture.noise) * single(mixture.context_norm)

    def error(spread: float) -> float:
        try:
            return population_error(mixture, spread / unit)
        except AccuracyError:
            return math.inf

    grid = LARGEST_SEARCHED * np.linspace(0, 1, GRID) ** 2
    values = [error(float(spread)) for spread in grid]
    best = int(np.argmin(values))
    spread, value = float(grid[best]), values[best]
    lower, upper = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, GRID - 1)])
    found = scipy.optimize.minimize_scalar(error, bounds=(lower, upper), method="bounded", options={"xatol": 1e-6})
    if found.fun < value:
        spread, value = float(found.x), float(found.fun)
    if hard < value:
        spread, value = math.inf, hard
    return BestTemperature(spread / unit, value, values[0], hard)
