"""The population flow in the plane w = c w⋆, q = τ q⋆ for many tokens, in closed form.

As T → ∞ with ζ = R/T fixed, isotropic noise, u = (1+δ_q)Q², v = τσ²Q² and s² = τ²σ²Q², attention tends to

    a = ζ e^{uτ}/(ζ e^{uτ} + (1-ζ) e^{s²/2}),   a' = a (1-a)(u - v),   M = a - δ_w (1-a),

and, each up to order 1/m², m = T - R,

    E M = M + (1+δ_w) a (1-a)² (e^{s²} - 1)/m,
    G   = W² M² + (1-a)² {W² (1+δ_w) a [2M + (1+δ_w) a] (e^{s²} - 1) + σ² e^{s²}}/m.

To leading order the equations are dc/dt ∝ M (1 - c W² M), dτ/dt ∝ c M' (1 - c W² M): the curve c W² M = 1 attracts.
Along it the loss is Φ(τ)/(2m) with

    Φ = (1-a)²/M² · [(1+δ_w)² a² (e^{s²} - 1) + (σ²/W²) e^{s²}],

and a drift of order 1/m goes on to where Φ is least:

    Φ'/Φ = (d/dτ) log [...] - 2a (u - v)/M = 0.

The second part of Φ is 1/κ², the first is what attention itself fluctuates from sequence to sequence: the head cannot
follow that.  Where it counts little, for δ_w = 0 and W a/σ → 0, the prompt stops where κ² is largest, at
τ = (1+δ_q)/(2σ²); otherwise earlier.
Source: derived here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy
from scipy.special import expit

from theory.arguments import ArgumentError, FloatArray, Numbers, real, single
from theory.descent.population_flow import FlowCoefficients
from theory.mixture import ContextualMixture, single_numbers

LARGEST_SPREAD_SQUARE = 300.0
"""e^300 is a float, and so is a product with a few numbers."""

SAMPLES = 400
"""Points between 0 and the far end among which the first change of sign is looked for."""

LARGEST_RATIO = 200.0
"""Of |1 + δ_q| Q/σ: attention's exponent changes by at most 9 between two of these points."""


@dataclass(frozen=True)
class LargeTokensFlow:
    """Loss and negative gradients, each with its first correction: exact up to order 1/m² (floats, or arrays like c).

    Attributes:
        loss: L.
        head: coefficient of w⋆ in -∇_w L.
        prompt: coefficient of q⋆ in -∇_q L.
        share: a, the limit of attention on the relevant tokens.
    """

    loss: float | FloatArray
    head: float | FloatArray
    prompt: float | FloatArray
    share: float


@dataclass(frozen=True)
class LargeTokensFixedPoint:
    """Where gradient flow from zero ends, to leading order: c and τ up to order 1/m, the loss up to order 1/m².

    Attributes:
        head_length: c = E M/G from the expansions above, 1/(W² M) in the limit.
        inverse_temperature: τ.
        loss: L from the same, Φ/(2m) to leading order.
        share: a.
    """

    head_length: float
    inverse_temperature: float
    loss: float
    share: float


class _Limit:
    """The formulas at the head of this file for one mixture."""

    def __init__(self, mixture: ContextualMixture) -> None:
        """Take single numbers."""
        if mixture.noise_kind != "isotropic":
            raise ArgumentError("noise_kind", "be isotropic", mixture.noise_kind)
        names = ("tokens", "relevant_tokens", "context_norm", "signal_norm", "noise", "delta_context", "delta_signal")
        tokens, relevant, self.context, self.signal, self.noise, delta_context, self.delta = single_numbers(
            mixture, names
        )
        self.terms = tokens - relevant
        for name, wrong, requirement in (
            ("relevant_tokens", self.terms == 0, "be less than tokens in an expansion for many tokens"),
            ("signal_norm", self.signal * self.signal == 0, "be greater than 0 in an expansion for many tokens"),
        ):
            if wrong:
                raise ArgumentError(name, requirement, single(getattr(mixture, name)))
        self.u = (1 + delta_context) * self.context**2
        self.spread = self.noise * self.context
        self.log_odds = math.log(relevant) - math.log(self.terms)

    def spread_square(self, temperature: float) -> float:
        """Return s²; a power would raise beyond the largest float."""
        return (self.spread * temperature) * (self.spread * temperature)

    def check(self, temperature: float) -> None:
        """Refuse a τ at which e^{s²} is out of reach."""
        if self.spread_square(temperature) > LARGEST_SPREAD_SQUARE:
            requirement = f"keep τ²σ²Q² at most {LARGEST_SPREAD_SQUARE:g}"
            raise ArgumentError("inverse_temperature", requirement, temperature)

    def at(self, temperature: float) -> tuple[float, float, float, float]:
        """Return a, 1 - a, M and u - v."""
        logit = self.log_odds + self.u * temperature - self.spread_square(temperature) / 2
        share, rest = float(expit(logit)), float(expit(-logit))
        return share, rest, share - self.delta * rest, self.u - temperature * self.spread**2

    def coefficients(self, temperature: float) -> FlowCoefficients:
        """Return what loss and equations take from τ; they are exact in c."""
        a, rest, m, drift = self.at(temperature)
        b, w, variance = 1 + self.delta, self.signal**2, self.noise**2
        self.check(temperature)
        grown, excess = math.exp(self.spread_square(temperature)), math.expm1(self.spread_square(temperature))
        growth = 2 * temperature * self.spread**2 * grown
        ratio = self.signal / self.context
        a_slope = a * rest * drift
        m_slope = b * a_slope
        # E M = M + b k (e^{s²} - 1)/m with k = a (1-a)², and G as above with the bracket's parts x and y.
        k, k_slope = a * rest**2, a_slope * rest * (rest - 2 * a)
        x, x_slope = w * b * a * (2 * m + b * a), w * b * (a_slope * (2 * m + b * a) + a * (2 * m_slope + b * a_slope))
        bracket = x * excess + variance * grown
        bracket_slope = x_slope * excess + x * growth + variance * growth
        return FlowCoefficients(
            share=a,
            signal=m + b * k * excess / self.terms,
            power=w * m**2 + rest**2 * bracket / self.terms,
            signal_slope=m_slope + b * (k_slope * excess + k * growth) / self.terms,
            power_slope=2 * w * m * m_slope + (rest**2 * bracket_slope - 2 * rest * a_slope * bracket) / self.terms,
            signal_weight=w,
            prompt_weight=ratio * ratio,
            signal_error=0.0,
            power_error=0.0,
            signal_slope_error=0.0,
            power_slope_error=0.0,
        )

    def bracket(self, temperature: float) -> tuple[float, float]:
        """Return the bracket of Φ and its slope, both times e^{-s²}."""
        a, rest, _, drift = self.at(temperature)
        damped = -math.expm1(-self.spread_square(temperature))
        v, b, ratio = temperature * self.spread**2, 1 + self.delta, self.noise / self.signal
        ratio *= ratio
        value = (b * a) ** 2 * damped + ratio
        return value, 2 * (b * a) ** 2 * (rest * drift * damped + v) + 2 * v * ratio

    def slope(self, temperature: float) -> float:
        """Return Φ'/Φ."""
        a, _, m, drift = self.at(temperature)
        value, slope = self.bracket(temperature)
        return slope / value - 2 * a * drift / m


def large_tokens_flow(mixture: ContextualMixture, head_length: Numbers, inverse_temperature: float) -> LargeTokensFlow:
    """Return loss and equations for many tokens at (c, τ): the formulas are at the head of this file.

    Args:
        mixture: the data, single numbers, with isotropic noise, signal and irrelevant tokens.
        head_length: c, a number or an array.
        inverse_temperature: τ, a number of either sign.

    Raises:
        ArgumentError: an argument is out of range, or τ²σ²Q² exceeds 300.

    Example:
        >>> mixture = ContextualMixture(dimension=101, tokens=1600, relevant_tokens=200)
        >>> flow = large_tokens_flow(mixture, head_length=1.0, inverse_temperature=0.5)
        >>> print(f"{flow.loss:.6f} {flow.head:.6f} {flow.prompt:.6f}")
        0.343017 0.141856 0.058799
    """
    limit = _Limit(mixture)
    temperature = single(real("inverse_temperature", inverse_temperature))
    flow = limit.coefficients(temperature).equations(head_length)
    return LargeTokensFlow(flow.loss, flow.head, flow.prompt, flow.share)


def large_tokens_fixed_point(mixture: ContextualMixture) -> LargeTokensFixedPoint:
    """Return where the flow from (0, 0) ends for many tokens: the nearest minimum of Φ downhill from τ = 0.

    Where ζ > (1-ζ) δ_w the head grows with c > 0 and the prompt towards the relevant tokens.  Where it is smaller the
    irrelevant tokens speak louder: c < 0, and the prompt turns to them.

    Args:
        mixture: the data, single numbers, with isotropic noise σ > 0, signal and irrelevant tokens.

    Raises:
        ArgumentError: a parameter is out of range; or ζ = (1-ζ) δ_w, where zero is a fixed point; or |1 + δ_q| Q/σ
            exceeds 200; or the minimum has τ²σ²Q² > 300.

    Example:
        >>> point = large_tokens_fixed_point(ContextualMixture(dimension=101, tokens=1600, relevant_tokens=200))
        >>> print(f"c = {point.head_length:.4f}, tau = {point.inverse_temperature:.4f}")
        c = 5.7053, tau = 0.4930
    """
    limit = _Limit(mixture)
    if not 0 < limit.bracket(0.0)[0] < math.inf or limit.spread**2 == 0:
        raise ArgumentError(
            "noise",
            "be greater than 0, and (σ/W)² and σ²Q² floats: without noise every τ has a head that errs never",
            limit.noise,
        )
    if abs(limit.u) > LARGEST_RATIO * limit.spread:
        ratio = f"{abs(limit.u) / limit.spread:.3g}"
        raise ArgumentError("the mixture", f"keep |1 + δ_q| Q/σ at most {LARGEST_RATIO:g}", ratio)
    m = limit.at(0.0)[2]
    if abs(m) <= 4 * np.finfo(np.float64).eps:
        raise ArgumentError("delta_signal", "differ from R/m: a flow from zero does not start there", limit.delta)
    temperature = 0.0
    if limit.u != 0:
        # Φ falls from 0 towards the relevant tokens if they speak louder, and away from them if they do not.
        end = math.copysign(math.sqrt(LARGEST_SPREAD_SQUARE) / limit.spread, limit.u * m)
        slopes = [(point, limit.slope(point)) for point in np.linspace(0.0, end, SAMPLES + 1).tolist()]
        # The slope at 0 is -2 ζ u/M: from there to the minimum it has the sign of -end.
        high = next((index for index, (_, slope) in enumerate(slopes) if slope * end > 0), 0)
        if high == 0:
            requirement = f"have a minimum of Φ within τ²σ²Q² ≤ {LARGEST_SPREAD_SQUARE:g}"
            raise ArgumentError("the mixture", requirement, mixture)
        temperature = float(
            scipy.optimize.brentq(
                limit.slope, slopes[high - 1][0], slopes[high][0], xtol=1e-15 * abs(end), maxiter=1000
            )
        )
    there = limit.coefficients(temperature)
    c = there.best_head_length
    return LargeTokensFixedPoint(c, temperature, max(there.loss(c), 0.0), there.share)
