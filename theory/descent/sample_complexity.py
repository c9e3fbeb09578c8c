"""Sample complexity: how many sequences each step needs for an overlap of cos² = 1 - ε, and how many at least.

In the limit n, d → ∞ at fixed γ = d/n (`descent.step_law`), with κ₀² = T a_w² W²/((1-ζ) σ²), P = (1+δ_q) Q and
r = (1+δ_w) W,

    head:     cos²(ŵ₁, w⋆) = κ₀²/(κ₀² + γ),                     so that  n = d (1-ε)/(ε κ₀²),
    prompt:   cos²(q̂₁, q⋆) = 1/(1 + g₂ γ + g₁ γ²),              and      g₁ γ² + g₂ γ = ε/(1-ε),
              g₁ = (V₀ + ζ²(1-ζ)² s⁴)/(A κ₀²),  g₂ = κ₀² g₁ + s²/P²,
              A = ζ²(1-ζ)² r² P²,  V₀ = (1-ζ)² σ⁴ (m-1)/m²,  s² = σ²/m,
    final:    cos²(ŵ₂, w⋆) = (W E M)²/((W E M)² + γ E S²) under q̂₁, a bracketed root in γ.

for either kind of noise.  Beside each stands a lower limit of the same form, linear in d, n = d (1-ε)/(ε k).  It is the
best that vectors of known signal and noise allow: for a direction that is uniformly random before the data are seen,
weights signal/noise² align with it best, cos² = k/(k + γ), k the mean of (signal/noise)² (`proportional.averaging`).

    head:     from the mean tokens y x̄,              k = κ₀²: no head learned from them does better than the step,
    prompt:   from y C w⋆, with w⋆ known,            k = P² E[x²/(s² x² + σ⁴ χ²_{m-1}/(m ζ)²)],  x ~ N(r, s²),
    final:    from the features under the prompt t q̂⋆, with q̂⋆ known,            k = E κ².

k of the prompt is one integral, by 1/c = ∫ e^{-ct} dt.  Source: derived here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy

from theory.arguments import ArgumentError, FloatArray, single
from theory.attention.moments import attention_moments
from theory.descent.step_law import Geometry, mean_token_law
from theory.descent.step_path import PARTS, STEPS, StepPath
from theory.descent.three_steps import checked_geometry, checked_length
from theory.mixture import ContextualMixture
from theory.quadrature import support, trapezoid

SMALLEST_RATIO, LARGEST_RATIO = 1e-9, 1e9
"""Between these the final step's d/n is sought."""

LONGEST, INTERVALS = 200.0, 400
"""The range of log t that is searched for the integrand, and the steps in what is left of it."""

SCAN = 73
"""Four values of d/n a decade: the overlap falls with d/n but where a stronger prompt does harm."""


@dataclass(frozen=True)
class StepComplexity:
    """Sequences that a step needs.

    Attributes:
        samples: n of this step and each before it, not rounded; infinite where no n suffices.
        limit: n below which no estimator from the same vectors, and told what is said above, reaches the overlap.
        ratio: samples/limit.
    """

    samples: float
    limit: float
    ratio: float


@dataclass(frozen=True)
class SampleComplexity:
    """Sequences for cos² = 1 - ε.

    Attributes:
        head: of the head's step.
        prompt: of the prompt's step, the head's before it having as many.
        final: of the last step, both before it having as many.
        whole: all three steps together: three times `final.samples`, against the limit of the last.
    """

    head: StepComplexity
    prompt: StepComplexity
    final: StepComplexity
    whole: StepComplexity


def sample_complexity(mixture: ContextualMixture, epsilon: float, prompt_norm: float) -> SampleComplexity:
    """Return how many sequences bring each step to cos² = 1 - ε, and the lower limits; the formulas are above.

    Args:
        mixture: the data, as for `three_steps`, with noise.
        epsilon: ε, between 0 and 1.
        prompt_norm: t = ‖q₁‖ ≥ 0; σt at most 5.

    Raises:
        ArgumentError: an argument is out of range.

    Example:
        >>> mixture = ContextualMixture(dimension=200, tokens=16, relevant_tokens=2, context_norm=1.5, signal_norm=1.5)
        >>> needed = sample_complexity(mixture, epsilon=0.1, prompt_norm=0.8)
        >>> for step in (needed.head, needed.prompt, needed.final, needed.whole):
        ...     print(f"{step.samples:.0f} = {step.ratio:.2f} x {step.limit:.0f}")
        2800 = 1.00 x 2800
        1826 = 1.39 x 1314
        953 = 1.55 x 617
        2860 = 4.64 x 617
    """
    geometry = checked_geometry(mixture)
    if not 0 < epsilon < 1:
        raise ArgumentError("epsilon", "lie between 0 and 1", epsilon)
    if geometry.noise == 0:
        raise ArgumentError("noise", "be greater than 0: without it two sequences suffice", "0")
    length = checked_length(geometry, prompt_norm)
    dimension, odds = single(mixture.dimension), epsilon / (1 - epsilon)
    pooled = mean_token_law(geometry, 1.0)
    kappa_square = float(pooled.mean[1] ** 2 / pooled.elsewhere)
    known = single(attention_moments(mixture, length / geometry.context).snr_square)
    head = _step(dimension, kappa_square * odds, kappa_square * odds)
    prompt = _step(dimension, _prompt_ratio(geometry, kappa_square, odds), prompt_snr_square(geometry) * odds)
    final = _step(dimension, _final_ratio(geometry, length, odds), known * odds)
    return SampleComplexity(head, prompt, final, _compared(3 * final.samples, final.limit))


def _step(dimension: float, ratio: float, largest_ratio: float) -> StepComplexity:
    """Return n = d/γ for the γ that suffices, and for the largest γ that could."""
    return _compared(*(dimension / value if value > 0 else math.inf for value in (ratio, largest_ratio)))


def _compared(samples: float, limit: float) -> StepComplexity:
    """Return both with their ratio; without noise under the prompt the limit is 0, and the ratio infinite."""
    if math.isinf(limit):
        return StepComplexity(samples, limit, 1.0)
    return StepComplexity(samples, limit, samples / limit if limit > 0 else math.inf)


def _prompt_ratio(geometry: Geometry, kappa_square: float, odds: float) -> float:
    """Return γ that solves g₁ γ² + g₂ γ = ε/(1-ε)."""
    terms = geometry.tokens - geometry.relevant
    square, share = geometry.noise**2 / terms, geometry.share
    gap = float(geometry.gap(1.0)[0]) ** 2
    signal = float(geometry.gap(1.0)[1]) ** 2
    first = (geometry.noise**2 * (1 - 1 / terms) / share**2 + square) * square / (signal * gap * kappa_square)
    second = kappa_square * first + square / gap
    # The root of a quadratic without the difference of two nearly equal numbers.
    return 2 * odds / (second + math.sqrt(second**2 + 4 * first * odds))


def prompt_snr_square(geometry: Geometry) -> float:
    """Return k of the prompt's step: the mean squared signal-to-noise ratio of y C w⋆ in one sequence.

    With α = σ⁴/(m ζ)²,  E[x²/(s² x² + α χ²)] = ∫ E[x² e^{-t s² x²}] (1 + 2 α t)^{-(m-1)/2} dt, and for x ~ N(r, s²)
    with b = 1 + 2 t s⁴:  E[x² e^{-t s² x²}] = (r²/b + s²) b^{-3/2} e^{-t s² r²/b}.

    Example:
        >>> mixture = ContextualMixture(dimension=200, tokens=16, relevant_tokens=2, context_norm=1.5, signal_norm=1.5)
        >>> print(f"{prompt_snr_square(Geometry.of(mixture)):.6f}")
        1.369512
    """
    terms = geometry.tokens - geometry.relevant
    square = geometry.noise**2 / terms
    gap, signal, _ = geometry.gap(1.0)
    if terms == 1:
        return float(gap**2 / square)
    alpha = (geometry.noise**2 / (terms * geometry.share)) ** 2
    unit = 1 / (square * (signal**2 + square) + alpha * (terms - 1))

    def log_integrand(log_t: FloatArray) -> FloatArray:
        t = unit * np.exp(log_t)
        wide = 1 + 2 * t * square**2
        log_mean = np.log(signal**2 / wide + square) - 1.5 * np.log(wide) - t * square * signal**2 / wide
        return np.asarray(log_mean - (terms - 1) / 2 * np.log1p(2 * alpha * t) + np.log(t))

    lower, upper = support(log_integrand, np.array([-LONGEST]), np.array([LONGEST]))
    integral = trapezoid(lambda x: (log_integrand(x), np.array(1.0)), lower, upper, INTERVALS)
    return float(gap**2 * np.exp(integral.log_value[0]))


def _final_ratio(geometry: Geometry, prompt_norm: float, odds: float) -> float:
    """Return the largest γ up to which the last step's overlap is large enough, or 0 if there is none."""
    still = np.zeros((STEPS, PARTS))

    def excess(log_ratio: float) -> float:
        path = StepPath(geometry, math.exp(log_ratio), 1.0, prompt_norm, True, limiting=True)
        cosine = path.vectors(0.0, still).final[1]
        return float((1 - cosine**2) / cosine**2 / odds - 1)

    scan = np.linspace(math.log(SMALLEST_RATIO), math.log(LARGEST_RATIO), SCAN)
    if excess(float(scan[0])) > 0:
        return 0.0
    for low, high in pairwise(map(float, scan)):
        if excess(high) > 0:
            return math.exp(float(scipy.optimize.brentq(excess, low, high, xtol=1e-12, rtol=1e-14)))
    return LARGEST_RATIO
