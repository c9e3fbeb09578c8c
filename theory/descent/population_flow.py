"""The population loss and its gradients in the plane w = c w⋆, q = τ q⋆, where gradient descent from zero stays.

For q⋆ ⟂ w⋆ the law of the data stays the same when y and the direction of w⋆ are both reversed, and under rotations of
what is orthogonal to both vectors: gradients in the plane lie in the plane.  Given the scores, y h·w⋆ is normal with
mean W²M and variance W²S², M = A - δ_w (1 - A), S² = σ² P_2, so that with G = W² E M² + E S² and ' = d/dτ

    L(c, τ) = E (y - f(X))²/2 = [1 - 2c W² E M + c² W² G]/2,
    -∇_w L = (E M - c G) w⋆,   -∇_q L = (W²/Q²) [c (E M)' - c² G'/2] q⋆.

With u = (1+δ_q)Q² and v = τσ²Q² (0 for prompt-orthogonal noise), Stein's lemma turns scores into further attention:

    (E A)'   = (u - v) E[A(1-A)] + 2v E[A P_2],
    (E A²)'  = 2(u - v) E[A²(1-A)] + 6v E[A² P_2],
    (E P_2)' = -2u E[A P_2] + 2v E[(1+A) P_2 - 4 P_3 + 3 P_2²].

Source: derived here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np

from theory.arguments import ArgumentError, FloatArray, Numbers, plain, real, single
from theory.attention.mixed_moments import MixedMoments
from theory.attention.moment_interpolation import InterpolatedMoments
from theory.mixture import ContextualMixture, single_numbers

ROUNDING = 16 * float(np.finfo(np.float64).eps)
"""Rounding errors in a sum of a few products, as a share of what it adds up."""

Number = TypeVar("Number", float, FloatArray)
"""A float, or an array of them, of which the result is one as well."""


@dataclass(frozen=True)
class PopulationFlow:
    """Loss and negative gradients in the plane (floats, or arrays of the shape of c).

    Attributes:
        loss: L, between 0 and any size.
        head: coefficient of w⋆ in -∇_w L, so that gradient flow has dc/dt = head.
        prompt: coefficient of q⋆ in -∇_q L, so that gradient flow has dτ/dt = prompt.
        share: E A, attention on the relevant tokens.
        loss_error: estimated bound on the numerical error of `loss`.
        head_error: the same for `head`.
        prompt_error: the same for `prompt`.
    """

    loss: float | FloatArray
    head: float | FloatArray
    prompt: float | FloatArray
    share: float
    loss_error: float | FloatArray
    head_error: float | FloatArray
    prompt_error: float | FloatArray


@dataclass(frozen=True)
class FlowCoefficients:
    """What loss and equations take from τ; they are polynomials in c.

    Attributes:
        share: E A.
        signal: E M.
        power: G = W² E M² + E S².
        signal_slope: (E M)'.
        power_slope: G'.
        signal_weight: W².
        prompt_weight: W²/Q².
        signal_error, power_error, signal_slope_error, power_slope_error: estimated bounds on the numerical errors.
    """

    share: float
    signal: float
    power: float
    signal_slope: float
    power_slope: float
    signal_weight: float
    prompt_weight: float
    signal_error: float
    power_error: float
    signal_slope_error: float
    power_slope_error: float

    def loss(self, c: Number) -> Number:
        """Return L at c."""
        return 0.5 + self.signal_weight * c * (c / 2 * self.power - self.signal)

    def head(self, c: Number) -> Number:
        """Return the head equation's right side E M - c G."""
        return self.signal - c * self.power

    def prompt(self, c: Number) -> Number:
        """Return the prompt equation's right side (W²/Q²) [c (E M)' - c² G'/2]."""
        return self.prompt_weight * c * (self.signal_slope - c / 2 * self.power_slope)

    def loss_error(self, c: Number) -> Number:
        """Return the bound on the error of L."""
        size = abs(c)
        parts = 0.5 + self.signal_weight * size * (size / 2 * self.power + abs(self.signal))
        return ROUNDING * parts + self.signal_weight * size * (size / 2 * self.power_error + self.signal_error)

    def head_error(self, c: Number) -> Number:
        """Return the bound on the error of the head equation."""
        parts = abs(self.signal) + abs(c) * self.power
        return ROUNDING * parts + self.signal_error + abs(c) * self.power_error

    def prompt_error(self, c: Number) -> Number:
        """Return the bound on the error of the prompt equation."""
        signal_error = self.signal_slope_error + ROUNDING * abs(self.signal_slope)
        power_error = self.power_slope_error + ROUNDING * abs(self.power_slope)
        return self.prompt_weight * abs(c) * (signal_error + abs(c) / 2 * power_error)

    @property
    def best_head_length(self) -> float:
        """The head length c⋆ = E M/G that has the least loss at this τ; 0 where the signal vanishes."""
        return self.signal / self.power if self.signal else 0.0

    def equations(self, head_length: Numbers) -> PopulationFlow:
        """Return loss and equations at c, a number or an array.

        Raises:
            ArgumentError: c is not finite, or so large that the loss is not.
        """
        c = real("head_length", head_length)
        with np.errstate(over="ignore", invalid="ignore"):
            loss, head, prompt = np.maximum(self.loss(c), 0.0), self.head(c), self.prompt(c)
            values = (loss, head, prompt, self.loss_error(c), self.head_error(c), self.prompt_error(c))
        finite = np.all([np.isfinite(value) for value in values], axis=0)
        if not finite.all():
            raise ArgumentError(
                "head_length", "keep loss and gradients within the range of floats", float(c[~finite][0])
            )
        loss, head, prompt, *bounds = (plain(np.asarray(value)) for value in values)
        return PopulationFlow(loss, head, prompt, self.share, *bounds)


class PopulationPlane:
    """The plane of one mixture, for many points: moments are interpolated in τ, at tens of microseconds a point.

    Args:
        mixture: the data, single numbers.

    Attributes:
        mixture: the data.
        moments: the interpolated moments of attention.
        largest: |τ| up to which the plane is known: 5/(σQ) under isotropic noise, less where |log c| would exceed 300.

    Raises:
        ArgumentError: a parameter is an array.

    Example:
        >>> plane = PopulationPlane(ContextualMixture(dimension=101, tokens=16, relevant_tokens=2))
        >>> flow = plane.at(0.5).equations([0.0, 1.0])
        >>> flow.head.round(6), flow.prompt.round(6)
        (array([0.17445 , 0.082777]), array([0.      , 0.047144]))
    """

    def __init__(self, mixture: ContextualMixture) -> None:
        """Take the mixture's numbers."""
        self.mixture = mixture
        self.moments = InterpolatedMoments(mixture)
        self.largest = self.moments.largest
        names = ("signal_norm", "delta_signal", "context_norm", "noise", "delta_context")
        self._signal, self._delta, self._context, self._noise, self._delta_context = single_numbers(mixture, names)

    def at(self, inverse_temperature: float) -> FlowCoefficients:
        """Return the coefficients at τ from interpolated moments.

        Raises:
            ArgumentError: |τ| exceeds `largest`, or a coefficient the range of floats.
        """
        return self._coefficients(inverse_temperature, self.moments(inverse_temperature))

    def exactly_at(self, inverse_temperature: float) -> FlowCoefficients:
        """Return the coefficients at τ from the moments' integrals, milliseconds each; raises as `at` does."""
        return self._coefficients(inverse_temperature, self.moments.exact(inverse_temperature).moments())

    def _coefficients(self, temperature: float, moments: MixedMoments) -> FlowCoefficients:
        """Combine moments; errors are shares of the sums of all parts without their signs."""
        a, b, w = 1 + self._delta, self._delta, self._signal**2
        variance = self._noise**2
        u = (1 + self._delta_context) * self._context**2
        v = temperature * variance * self._context**2 if self.moments.fluctuates else 0.0
        m = moments
        share_slope = (u - v) * m.share_rest + 2 * v * m.share_pair
        square_slope = 2 * (u - v) * m.share_square_rest + 6 * v * m.share_square_pair
        pair_slope = -2 * u * m.share_pair + 2 * v * (m.pair + m.share_pair - 4 * m.triple + 3 * m.pair_square)
        # What the slopes are made of, without signs.
        drift, v_size = abs(u) + abs(v), abs(v)
        share_parts = drift * m.share_rest + 2 * v_size * m.share_pair
        square_parts = 2 * drift * m.share_square_rest + 6 * v_size * m.share_square_pair
        pair_parts = 2 * abs(u) * m.share_pair
        pair_parts += 2 * v_size * (m.pair + m.share_pair + 4 * m.triple + 3 * m.pair_square)
        error = m.relative_error + ROUNDING
        ratio = self._signal / self._context
        cross, rest = 2 * b * m.share_rest, b * b * m.rest_square
        power_slope_parts = w * abs(a) * (abs(a) * square_parts + 2 * abs(b) * share_parts) + variance * pair_parts
        values = {
            "share": m.share,
            "signal": m.share - b * m.rest,
            "power": w * (m.share_square - cross + rest) + variance * m.pair,
            "signal_slope": a * share_slope,
            "power_slope": w * a * (a * square_slope - 2 * b * share_slope) + variance * pair_slope,
            "signal_weight": w,
            "prompt_weight": ratio * ratio,  # a power would raise beyond the largest float
            "signal_error": error * (m.share + abs(b) * m.rest),
            "power_error": error * (w * (m.share_square + 2 * abs(b) * m.share_rest + rest) + variance * m.pair),
            "signal_slope_error": error * abs(a) * share_parts,
            "power_slope_error": error * power_slope_parts,
        }
        if not all(math.isfinite(value) for value in values.values()):
            raise ArgumentError("the mixture", "keep loss and gradients within the range of floats", self.mixture)
        return FlowCoefficients(**{name: float(value) for name, value in values.items()})


@lru_cache(maxsize=32)
def population_plane(mixture: ContextualMixture) -> PopulationPlane:
    """Return the plane of a mixture; asked again it is the same object, with the panels that it has computed.

    Example:
        >>> mixture = ContextualMixture(dimension=101, tokens=16, relevant_tokens=2)
        >>> population_plane(mixture) is population_plane(mixture)
        True
    """
    return PopulationPlane(mixture)


def population_flow(mixture: ContextualMixture, head_length: Numbers, inverse_temperature: float) -> PopulationFlow:
    """Return the population loss and its negative gradients at w = c w⋆, q = τ q⋆: the formulas are above.

    For many inverse temperatures of one mixture, `population_plane` is faster.

    Args:
        mixture: the data, single numbers; q⋆ and w⋆ are orthogonal.
        head_length: c, of either sign, a number or an array.
        inverse_temperature: τ, a number of either sign.

    Raises:
        ArgumentError: an argument is out of range; or, under isotropic noise, |τ|σQ exceeds 5 or |log c| of the head of
            `attention.mixed_moments` exceeds 300; or loss and gradients exceed the range of floats.

    Example:
        >>> mixture = ContextualMixture(dimension=101, tokens=16, relevant_tokens=2)
        >>> flow = population_flow(mixture, head_length=1.0, inverse_temperature=0.5)
        >>> print(f"{flow.loss:.6f} {flow.head:.6f} {flow.prompt:.6f}")
        0.371387 0.082777 0.047144
    """
    plane = population_plane(mixture)
    return plane.exactly_at(single(real("inverse_temperature", inverse_temperature))).equations(head_length)
