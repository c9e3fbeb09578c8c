"""Where gradient descent on the population loss comes to rest in the plane w = c w⋆, q = τ q⋆.

The loss L(c, τ) is convex in c, with its minimum at c⋆(τ) = E M/G (`descent.population_flow`), where it is

    L⋆(τ) = [1 - W² (E M)²/G]/2,   dL⋆/dτ = -(W²/2) E M [2 (E M)' G - E M G']/G².

So the fixed points are

1. (c⋆(τ), τ) where 2 (E M)' G = E M G': a minimum of L where L⋆ has one, and a saddle where L⋆ has a maximum;
2. (0, τ₀) where E M(τ₀) = 0, which needs δ_w > 0: a saddle, for L⋆ has its maximum of 1/2 there.  It divides prompts
   that make the relevant tokens speak, with c > 0, from those that make the others speak, with c < 0.

What they mean: under isotropic noise a longer prompt picks out relevant tokens better, but noisy tokens with high
scores, too, so that the prompt stops at a finite τ.  Under prompt-orthogonal noise the signal-to-noise ratio grows with
τ without end: there is no fixed point of the first kind, and once attention is almost all on the relevant tokens the
prompt's speed falls in proportion to e^{-2(1+δ_q)Q²τ}, so that τ grows like a logarithm of the number of steps.
Source: derived here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import scipy

from theory.arguments import ArgumentError, FloatArray, real, single
from theory.attention.moments import LARGEST_SPREAD
from theory.descent.population_flow import FlowCoefficients, PopulationPlane, population_plane
from theory.mixture import ContextualMixture

CLOSE = 1e-14
"""Roots are bracketed this closely, as a share of the range of τ."""

SMALLEST_RATE = 1e-200

DIFFERENCE = 1e-5
"""Step of the difference that gives a slope for an error bound, as a share of the range of τ."""


@dataclass(frozen=True)
class FixedPoint:
    """A point where both gradients vanish.

    Attributes:
        head_length: c.
        inverse_temperature: τ.
        loss: L.
        share: E A, attention on the relevant tokens.
        kind: "minimum" or "saddle".
        error_bound: estimated bound on the numerical errors of c and τ.
        loss_error: the same for the loss.
    """

    head_length: float
    inverse_temperature: float
    loss: float
    share: float
    kind: str
    error_bound: float
    loss_error: float


def fixed_points(mixture: ContextualMixture, *, reach: float = LARGEST_SPREAD) -> tuple[FixedPoint, ...]:
    """Return all fixed points with |τ|σQ up to `reach`, ordered by τ; what they mean is said at the head of this file.

    Between 17 samples or more on each stretch of τ over which log c changes by 1 and s by 1/2 at most, every change of
    sign is followed to its root; two roots between neighbouring samples would go unseen.  Under prompt-orthogonal noise
    any τ counts, and there is a fixed point only where δ_w > 0: the saddle.

    Args:
        mixture: the data, single numbers, with signal, noise and irrelevant tokens; q⋆ and w⋆ are orthogonal.
        reach: largest |τ|σQ to look at under isotropic noise, greater than 0 and at most 5; a smaller one is faster.

    Raises:
        ArgumentError: a parameter is out of this range; or δ_q = -1 under prompt-orthogonal noise, where the prompt
            does not matter.

    Example:
        >>> for point in fixed_points(ContextualMixture(dimension=101, tokens=16, relevant_tokens=2, delta_signal=0.5)):
        ...     print(f"{point.kind}: c = {point.head_length:.4f}, tau = {point.inverse_temperature:.4f}")
        minimum: c = -1.8240, tau = -0.3434
        saddle: c = -0.4146, tau = 3.4991
    """
    plane = population_plane(mixture)
    signal, noise, terms = (single(value) for value in (mixture.signal_norm, mixture.noise, mixture.irrelevant_tokens))
    for name, wrong, requirement in (
        ("signal_norm", signal * signal == 0, "be greater than 0 for a fixed point of head and prompt"),
        ("noise", noise * noise == 0, "be greater than 0: without it every τ has a head that errs never"),
        ("relevant_tokens", terms == 0, "be less than tokens: without others every τ does the same"),
    ):
        if wrong:
            raise ArgumentError(name, requirement, single(getattr(mixture, name)))
    spread = single(real("reach", reach, above=0))
    if spread > LARGEST_SPREAD:
        raise ArgumentError("reach", f"be at most {LARGEST_SPREAD:g}", spread)
    return _fluctuating(plane, spread / LARGEST_SPREAD) if plane.moments.fluctuates else _constant(mixture)


def _constant(mixture: ContextualMixture) -> tuple[FixedPoint, ...]:
    """Return the saddle of attention that does not fluctuate, A = δ_w/(1 + δ_w), if there is one."""
    delta, relevant, rest = (
        single(value) for value in (mixture.delta_signal, mixture.relevant_tokens, mixture.irrelevant_tokens)
    )
    rate = (1 + single(mixture.delta_context)) * single(mixture.context_norm) ** 2
    if abs(rate) < SMALLEST_RATE:
        requirement = "keep |1 + δ_q| Q² above 1e-200 where attention does not fluctuate: every τ does the same"
        raise ArgumentError("delta_context", requirement, single(mixture.delta_context))
    if delta <= 0:
        return ()
    logs = math.log(delta), math.log(rest), math.log(relevant)
    temperature = (logs[0] + logs[1] - logs[2]) / rate
    error = 4 * float(np.finfo(np.float64).eps) * sum(map(abs, logs)) / abs(rate)
    return (FixedPoint(0.0, temperature, 0.5, delta / (1 + delta), "saddle", error, 0.0),)


def _fluctuating(plane: PopulationPlane, part: float) -> tuple[FixedPoint, ...]:
    """Return all fixed points in a part of the range, by changes of sign between the samples of the moments."""
    end = plane.largest * part
    nodes = np.concatenate([plane.moments.nodes(index) for index in plane.moments.panels])
    samples = np.unique(np.clip(nodes, -end, end))
    points = []
    for low, high in _brackets(plane, _signal, samples):
        temperature, error = _root(plane, _signal, low, high)
        here = plane.at(temperature)
        slope = abs(here.signal_slope / here.power)
        points.append(
            FixedPoint(0.0, temperature, 0.5, here.share, "saddle", error + slope * error, here.loss_error(0.0))
        )
    for low, high in _brackets(plane, _balance, samples):
        temperature, error = _root(plane, _balance, low, high)
        here = plane.at(temperature)
        c = here.best_head_length
        slope = (abs(here.signal_slope) + abs(c * here.power_slope)) / here.power
        c_error = slope * error + here.head_error(c) / here.power
        # L⋆ falls towards a minimum: there E M times the balance goes from plus to minus.
        falls = _balance(plane.at(low))[0] * here.signal > 0
        kind = "minimum" if falls else "saddle"
        points.append(
            FixedPoint(
                c, temperature, max(here.loss(c), 0.0), here.share, kind, max(error, c_error), here.loss_error(c)
            )
        )
    return tuple(sorted(points, key=lambda point: point.inverse_temperature))


Condition = Callable[[FlowCoefficients], tuple[float, float]]
"""A function of τ that vanishes at a fixed point, with the bound on its error."""


def _signal(here: FlowCoefficients) -> tuple[float, float]:
    """Return E M."""
    return here.signal, here.signal_error


def _balance(here: FlowCoefficients) -> tuple[float, float]:
    """Return 2 (E M)' G - E M G'."""
    value = 2 * here.signal_slope * here.power - here.signal * here.power_slope
    error = 2 * (here.signal_slope_error * here.power + abs(here.signal_slope) * here.power_error)
    return value, error + here.signal_error * abs(here.power_slope) + abs(here.signal) * here.power_slope_error


def _brackets(plane: PopulationPlane, condition: Condition, samples: FloatArray) -> Iterator[tuple[float, float]]:
    """Yield neighbouring samples between which the condition changes its sign for certain, in spite of its error."""
    before, sign_before = 0.0, 0.0
    for temperature in samples.tolist():
        value, error = condition(plane.at(temperature))
        if abs(value) <= error:
            continue
        sign = math.copysign(1.0, value)
        if sign * sign_before < 0:
            yield before, temperature
        before, sign_before = temperature, sign


def _root(plane: PopulationPlane, condition: Condition, low: float, high: float) -> tuple[float, float]:
    """Return the root between two samples, and the error that the condition's own error leaves."""
    close = CLOSE * plane.largest
    root = float(scipy.optimize.brentq(lambda temperature: condition(plane.at(temperature))[0], low, high, xtol=close))
    step = DIFFERENCE * plane.largest
    ends = max(root - step, -plane.largest), min(root + step, plane.largest)
    values = [condition(plane.at(end))[0] for end in ends]
    slope = abs(values[1] - values[0]) / (ends[1] - ends[0])
    error = condition(plane.at(root))[1]
    # Where the condition is too flat for its error the whole bracket is in doubt.
    doubt = error / slope if slope * (high - low) > error else high - low
    return root, doubt + close
