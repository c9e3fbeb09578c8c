"""Ridge regression on attention features, min (1/2n) Σ (yᵢ - wᵀhᵢ)² + (λ/2)‖w‖², in the proportional regime.

V solves V (λ + E[S²/(1+VS²)]) = γ, whose left side grows with V.  With μ = V/γ and D = 1 + V S²,

    w₁ = μ W E[M/D]/(1 + μ W² E[M²/D]),      K₁ = γ μ² E[S⁴/D²],
    w_⊥² = (K₀ + K₁ w₁²)/(1 - K₁),           K₀ = γ μ² E[S² (1 - M W w₁)²/D²].

where 1 - K₁ is the derivative of log V (λ + E[S²/D]) by log V.  λ → 0 gives least squares for γ < 1.  For γ > 1 V grows
without bound, λV → γ - 1, and what is left is the minimum-norm interpolation: D/V → S² in all of it.  λ = ∞ gives the
direction of the averaging head.
Source: derived here; ridge with Gaussian-mixture features is treated in Mignacco et al. (2020), scale mixtures in
Adomaityte et al. (2023).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
import scipy

from theory.arguments import ArgumentError, FloatArray, Numbers, as_numbers, broadcast, plain
from theory.attention.law import AttentionLaw
from theory.proportional.averaging import averaging_head
from theory.proportional.overlap import ProportionalHead, certified, in_unit, ratio_argument, standardised

RANGE = -230.0, 230.0
"""log V in units of the noise: beyond, V is at its limit for all digits."""

SMALL_STEP = 1e-5
"""Halley's method errs by less than twice the third power of its step, for the first three derivatives of `excess` are
of one size."""

MOST_STEPS = 100

SEARCHED = np.linspace(-16.0, 16.0, 33)
"""Grid of log λ, in units of the noise, on which the best ridge is bracketed."""


def ridge_argument(ridge: Numbers) -> FloatArray:
    """Return λ ≥ 0, infinity included, as checked numbers."""
    values = as_numbers("ridge", ridge)
    if (values < 0).any():
        raise ArgumentError("ridge", "be at least 0", float(values.min()))
    return values


def ridge_head(law: AttentionLaw, ratio: Numbers, ridge: Numbers) -> ProportionalHead:
    """Return the limit of the ridge head, at single numbers or at arrays of them, which broadcast.

    Args:
        law: law of (M W, S), S > 0.
        ratio: γ = p/n ≥ 0.
        ridge: λ ≥ 0; 0 is least squares (minimum norm for γ ≥ 1), infinity the averaging head.

    Returns:
        The head; at γ = 1 without ridge its length across w⋆ is infinite, and c_w = 0.

    Raises:
        ArgumentError: an argument is out of range, or shapes do not broadcast.
        ConvergenceError: the fixed point was not found to its certified residual.

    Example:
        >>> law = AttentionLaw(np.array([1.0]), np.array([1.0]), np.array([1.0]))
        >>> ridge_head(law, ratio=0.5, ridge=[0.0, math.inf]).overlap.round(6)
        array([0.57735 , 0.816497])
    """
    ratios, ridges = broadcast(ratio=ratio_argument(ratio), ridge=ridge_argument(ridge))
    gamma, penalty = ratios.ravel(), ridges.ravel()
    averaging = (gamma == 0) | (penalty == math.inf)
    unpenalised = (penalty == 0) & (gamma >= 1)
    found = np.empty((3, gamma.size))
    for limit, where in (
        (_penalised, ~(averaging | unpenalised)),
        (_minimum_norm, unpenalised & (gamma > 1)),
        (_peak, unpenalised & (gamma == 1)),
        (_averaging, averaging),
    ):
        if np.count_nonzero(where):
            found[:, where] = limit(law, gamma[where], penalty[where])
    along, across, residual = found.reshape(3, *ratios.shape)
    head = ProportionalHead(plain(along), plain(across), plain(residual))
    return certified(head, "the ridge head", ratios, ridges)


def _averaging(law: AttentionLaw, gamma: FloatArray, _: FloatArray) -> FloatArray:
    """Return w₁, w_⊥ and residual in the limit λ → ∞, up to a factor; shape (3, points)."""
    head = averaging_head(law.mean(law.signal), max(law.mean(law.noise**2), 0.0), gamma)
    return np.array([head.along, head.across, head.residual])


def _peak(law: AttentionLaw, _: FloatArray, __: FloatArray) -> FloatArray:
    """Return the same at γ = 1 without ridge, where w_⊥ outgrows w₁: no more than the direction; shape (3, 1)."""
    standardised(law)  # refuses a feature without noise, as at every γ
    return np.array([[0.0], [1.0], [0.0]])


def _minimum_norm(law: AttentionLaw, gamma: FloatArray, _: FloatArray) -> FloatArray:
    """Return the same in the limit λ → 0 for γ > 1, where V/D → 1/S²."""
    scaled, unit = standardised(law)
    found = np.zeros((3, gamma.size))
    for part in law.blocks(gamma.size):
        inverse = 1 / gamma[part]
        found[0, part], found[1, part] = _means(scaled).lengths(
            gamma[part], inverse, scaled.noise[None] ** -2, inverse, 1 - inverse
        )
    found[:2] /= unit
    return found


def _penalised(law: AttentionLaw, gamma: FloatArray, penalty: FloatArray) -> FloatArray:
    """Return the same at γ > 0 and finite λ, where the equation for V has a solution."""
    scaled, unit = standardised(law)
    means, found = _means(scaled), np.empty((3, gamma.size))
    with np.errstate(all="ignore"):  # what is not finite is refused
        ridge = penalty / unit**2
        for part in law.blocks(gamma.size):
            log_v = _log_effective_ridge(means, gamma[part], ridge[part])
            at = _Equation(means, gamma[part], ridge[part], log_v)
            found[0, part], found[1, part] = means.lengths(gamma[part], at.scale, at.kept, at.shrinking(), at.remaining)
            found[2, part] = np.abs(np.expm1(at.excess))
        found[:2] /= unit
    return found


class _Means:
    """What means are taken of over a law with E S² = 1, its weights multiplied in."""

    def __init__(self, law: AttentionLaw) -> None:
        """Keep the powers of S² and, with m = W E M, the columns M W, (M W)² and M W (M W - m)."""
        self.weight, self.square = law.weight, law.noise**2
        self.weighted_square = law.weight * self.square
        self.weighted_fourth = self.weighted_square * self.square
        self.deviation = law.signal - law.mean(law.signal)
        signals = np.stack([law.signal, law.signal**2, law.signal * self.deviation], axis=1)
        self.weighted_signals = law.weight[:, None] * signals

    def lengths(
        self, gamma: FloatArray, scale: FloatArray, kept: FloatArray, shrinking: FloatArray, remaining: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return w₁ and w_⊥ from μ and 1/D, which share a factor as one likes, K₁ and 1 - K₁.

        1 - M W w₁ is taken as (1 - m w₁) - (M W - m) w₁, to have its digits where the signal outweighs the noise.
        """
        pull, own, uneven = (kept @ self.weighted_signals).T
        size = 1 + scale * own
        along = pull / size  # in units of μ
        missing = (scale * along)[:, None] * self.deviation
        np.subtract(((1 + scale * uneven) / size)[:, None], missing, out=missing)
        missing *= kept
        missing *= missing
        noise = gamma * (missing @ self.weighted_square)
        across = np.sqrt(np.maximum((noise + shrinking * along**2) / remaining, 0.0))
        return scale * along, np.asarray(scale * across)


_means = lru_cache(maxsize=64)(_Means)


class _Equation:
    """The equation for V at several points log V; only positive numbers are added where weights are positive.

    Attributes:
        scale: μ = V/γ, shape (points,).
        kept: 1/D, shape (points, nodes).
        excess: log V (λ + E[S²/D])/γ, which is 0 at the solution, shape (points,).
        remaining: (λ + E[S²/D²])/(λ + E[S²/D]), same shape: the derivative of `excess` by log V and, at the solution,
            1 - K₁ without cancellation where K₁ is all but 1.
    """

    def __init__(self, means: _Means, gamma: FloatArray, ridge: FloatArray, log_v: FloatArray) -> None:
        """Take γ > 0 and λ in units of the noise."""
        self._means, self._v = means, np.exp(log_v)
        self.scale = self._v / gamma
        self.kept = self._v[:, None] * means.square
        self.kept += 1
        np.divide(1, self.kept, out=self.kept)
        self._kept_square = self.kept * self.kept
        linear = ridge + self.kept @ means.weighted_square
        self._square_mean = self._kept_square @ means.weighted_square
        self._quadratic = ridge + self._square_mean
        self.excess = np.log(self.scale * linear)
        if np.count_nonzero(large := self._v > 1):
            # E[V S²/D] = 1 - E[1/D]: next to γ = 1 all but E[1/D] cancels.
            gap = ridge * self._v + (1 - gamma) - self.kept @ means.weight
            self.excess = np.where(large, np.log1p(gap / gamma), self.excess)
        self.remaining = self._quadratic / linear

    def step(self) -> FloatArray:
        """Return the step of log V to the solution: Halley's where it differs little from Newton's, else Newton's."""
        newton = -self.excess / self.remaining
        cubic_mean = (self._kept_square * self.kept) @ self._means.weighted_square
        bend = 1 - self.remaining - 2 * (self._square_mean - cubic_mean) / self._quadratic  # second by first derivative
        turn = newton * bend / 2
        return np.asarray(np.where(np.abs(turn) < 0.5, newton / (1 + turn), newton))

    def shrinking(self) -> FloatArray:
        """Return K₁."""
        return np.asarray(self.scale * self._v * (self._kept_square @ self._means.weighted_fourth))


def log_effective_ridge(law: AttentionLaw, gamma: float, ridge: float) -> float:
    """Return log V, with E S² = 1; the end of its range if it lies beyond."""
    with np.errstate(all="ignore"):
        return float(_log_effective_ridge(_means(law), np.array([gamma]), np.array([ridge]))[0])


def _log_effective_ridge(means: _Means, gamma: FloatArray, ridge: FloatArray) -> FloatArray:
    """Find log V by Halley's method, with bisection where it leads out of the bracket.

    It starts at the solution for S = 1, a quadratic equation; no other solution is smaller, for x/(1 + x) is concave.
    """
    slack = ridge + 1 - gamma
    length = np.hypot(slack, 2 * np.sqrt(ridge) * np.sqrt(gamma))
    start = np.log(np.where(slack > 0, 2 * gamma / (slack + length), (length - slack) / (2 * ridge)))
    lower, upper = np.minimum(start, RANGE[0]), np.full_like(start, RANGE[1])
    log_v, done = np.minimum(start, upper), np.zeros(gamma.shape, dtype=bool)
    for _ in range(MOST_STEPS):
        at = _Equation(means, gamma, ridge, log_v)
        step = at.step()
        settled, following = done | (np.abs(step) <= SMALL_STEP), log_v + step
        if settled.all():
            return np.asarray(np.where(done, log_v, following))
        high = at.excess > 0
        lower, upper = np.where(high, lower, log_v), np.where(high, log_v, upper)
        inside = (following >= lower) & (following <= upper)
        log_v = np.where(done, log_v, np.where(settled | inside, following, (lower + upper) / 2))
        done = settled
    return np.asarray(log_v)


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

    def overlap(log_ridge: Numbers) -> Any:
        return np.abs(ridge_head(scaled, ratio, np.exp(log_ridge)).overlap)

    best = int(np.argmax(overlap(SEARCHED)))
    candidates = [0.0, math.inf]
    if 0 < best < len(SEARCHED) - 1:
        found = scipy.optimize.minimize_scalar(
            lambda x: -overlap(x), bounds=(SEARCHED[best - 1], SEARCHED[best + 1]), method="bounded"
        )
        candidates.append(math.exp(float(found.x)))
    heads = [(ridge, ridge_head(scaled, ratio, ridge)) for ridge in candidates]
    ridge, head = max(heads, key=lambda pair: abs(pair[1].overlap))
    return ridge * unit**2, in_unit(head, unit)
