"""Ridge regression on attention features, min (1/2n) Σ (yᵢ - wᵀhᵢ)² + (λ/2)‖w‖², in the proportional regime.

V solves V (λ + E[S²/(1+VS²)]) = γ, whose left side grows with V.  With μ = V/γ and D = 1 + V S²,

    w₁ = μ W E[M/D]/(1 + μ W² E[M²/D]),      K₁ = γ μ² E[S⁴/D²],
    w_⊥² = (K₀ + K₁ w₁²)/(1 - K₁),           K₀ = γ μ² E[S² (1 - M W w₁)²/D²].

λ → 0 gives least squares for γ < 1.  For γ > 1 V grows without bound, λV → γ - 1, and what is left is the
minimum-norm interpolation: D/V → S² in all of it.  λ = ∞ gives the direction of the averaging head.
Source: derived here; ridge with Gaussian-mixture features is treated in Mignacco et al. (2020), scale mixtures in
Adomaityte et al. (2023).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from theory.arguments import ArgumentError, FloatArray, as_numbers, single
from theory.attention.law import AttentionLaw
from theory.proportional.averaging import averaging_head
from theory.proportional.overlap import ProportionalHead, certified, in_unit, ratio_argument, standardised

LARGEST_LOG = 230.0
"""V is looked for between e^-230 and e^230 in units of the noise: beyond, it is at its limit for all digits."""

SEARCHED = np.linspace(-16.0, 16.0, 33)
"""Grid of log λ, in units of the noise, on which the best ridge is bracketed."""


def ridge_argument(ridge: float) -> float:
    """Return λ ≥ 0, infinity included, as a checked number."""
    value = single(as_numbers("ridge", ridge))
    if value < 0:
        raise ArgumentError("ridge", "be at least 0", value)
    return value


def increasing_root(function: Callable[[float], float], guess: float) -> float:
    """Return the root of an increasing function of log V by bracketing from a guess; an end of the range if none."""
    step, lower, upper = 1.0, guess, guess
    while function(lower) > 0:
        if lower <= -LARGEST_LOG:
            return -LARGEST_LOG
        lower, step = max(lower - step, -LARGEST_LOG), 2 * step
    step = 1.0
    while function(upper) < 0:
        if upper >= LARGEST_LOG:
            return LARGEST_LOG
        upper, step = min(upper + step, LARGEST_LOG), 2 * step
    if lower == upper:
        return lower
    return float(brentq(function, lower, upper, xtol=1e-14, rtol=1e-14))


def ridge_head(law: AttentionLaw, ratio: float, ridge: float) -> ProportionalHead:
    """Return the limit of the ridge head.

    Args:
        law: law of (M W, S), S > 0.
        ratio: γ = p/n ≥ 0.
        ridge: λ ≥ 0; 0 is least squares (minimum norm for γ ≥ 1), infinity the averaging head.

    Returns:
        The head; at γ = 1 without ridge its length across w⋆ is infinite, and c_w = 0.

    Raises:
        ArgumentError: an argument is out of range.
        ConvergenceError: the fixed point was not found to its certified residual.

    Example:
        >>> law = AttentionLaw(np.array([1.0]), np.array([1.0]), np.array([1.0]))
        >>> round(ridge_head(law, ratio=0.5, ridge=0.0).overlap, 6), round(ridge_head(law, 0.5, math.inf).overlap, 6)
        (0.57735, 0.816497)
    """
    gamma, penalty = ratio_argument(ratio), ridge_argument(ridge)
    if penalty == math.inf or gamma == 0:
        return averaging_head(law.mean(law.signal), max(law.mean(law.noise**2), 0.0), gamma)
    scaled, unit = standardised(law)
    square, signal, penalty = scaled.noise**2, scaled.signal, penalty / unit**2
    if penalty == 0 and gamma == 1:
        return ProportionalHead(0.0, 1.0, 0.0)
    if penalty == 0 and gamma > 1:
        interpolating = in_unit(_minimum_norm(scaled, gamma), unit)
        return certified(interpolating, f"the minimum-norm head at p/n = {gamma:g}")
    log_v = log_effective_ridge(scaled, gamma, penalty)
    v = math.exp(log_v)
    mu, d = v / gamma, 1 + v * square
    along = mu * scaled.mean(signal / d) / (1 + mu * scaled.mean(signal**2 / d))
    missing = _missing_margin(scaled, mu / d)
    shrinking = mu * v * scaled.mean((square / d) ** 2)
    noise = mu * v * scaled.mean(square * (missing / d) ** 2)
    # 1 - K₁ = (λ + E[S²/D²])/(λ + E[S²/D]): no cancellation where K₁ is all but 1.
    remaining = (penalty + scaled.mean(square / d**2)) / (penalty + scaled.mean(square / d))
    across = math.sqrt(max((noise + shrinking * along**2) / remaining, 0.0))
    head = ProportionalHead(along, across, abs(math.expm1(_excess(scaled, gamma, penalty)(log_v))))
    return certified(in_unit(head, unit), f"the ridge head at p/n = {gamma:g} and ridge {ridge:g}")


def _excess(law: AttentionLaw, gamma: float, ridge: float) -> Callable[[float], float]:
    """Return log of V (λ + E[S²/D])/γ, in which only positive numbers are added, as a function of log V."""
    square, weight, log_gamma = law.noise**2, law.weight, math.log(gamma)

    def excess(log_v: float) -> float:
        v = math.exp(log_v)
        change = v * square
        return math.log(ridge * v + float(weight @ (change / (1 + change)))) - log_gamma

    return excess


def log_effective_ridge(law: AttentionLaw, gamma: float, ridge: float) -> float:
    """Return log V, with E S² = 1."""
    guess = math.log(gamma) - math.log1p(ridge)
    return increasing_root(_excess(law, gamma, ridge), guess)


def _missing_margin(law: AttentionLaw, factor: FloatArray) -> FloatArray:
    """Return 1 - M W w₁ for w₁ = E[f M W]/(1 + E[f M² W²]), with its digits where the signal outweighs the noise.

    It is (1 + E[f M W (M - m) W] - (M - m) W E[f M W])/(1 + E[f M² W²]) for any m.
    """
    deviation = law.signal - law.mean(law.signal)
    pull = law.mean(factor * law.signal)
    missing = 1 + law.mean(factor * law.signal * deviation) - deviation * pull
    return np.asarray(missing / (1 + law.mean(factor * law.signal**2)))


def _minimum_norm(law: AttentionLaw, gamma: float) -> ProportionalHead:
    """Return the limit λ → 0 for γ > 1."""
    inverse = law.noise**-2
    along = law.mean(law.signal * inverse) / (gamma + law.mean(law.signal**2 * inverse))
    noise = law.mean(_missing_margin(law, inverse / gamma) ** 2 * inverse) / gamma
    return ProportionalHead(along, math.sqrt(max((noise + along**2 / gamma) / (1 - 1 / gamma), 0.0)), 0.0)


def best_ridge_head(law: AttentionLaw, ratio: float) -> tuple[float, ProportionalHead]:
    """Return the ridge λ ∈ [0, ∞] whose head aligns best with w⋆, and that head.

    A grid brackets the best λ, which is then found to eight digits of the overlap.  Under deterministic attention it is
    ∞, the averaging head; where attention fluctuates a finite ridge may do better.

    Raises:
        ArgumentError: an argument is out of range.

    Example:
        >>> law = AttentionLaw(np.array([1.0]), np.array([1.0]), np.array([1.0]))
        >>> best_ridge_head(law, ratio=0.5)[0]
        inf
    """
    scaled, unit = standardised(law)

    def overlap(log_ridge: float) -> float:
        return abs(ridge_head(scaled, ratio, math.exp(log_ridge)).overlap)

    values = [overlap(x) for x in SEARCHED]
    best = int(np.argmax(values))
    candidates = [0.0, math.inf]
    if 0 < best < len(SEARCHED) - 1:
        found = minimize_scalar(
            lambda x: -overlap(x), bounds=(SEARCHED[best - 1], SEARCHED[best + 1]), method="bounded"
        )
        candidates.append(math.exp(float(found.x)))
    heads = [(ridge, ridge_head(scaled, ratio, ridge)) for ridge in candidates]
    ridge, head = max(heads, key=lambda pair: abs(pair[1].overlap))
    return ridge * unit**2, in_unit(head, unit)
