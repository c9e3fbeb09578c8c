"""Small errors by importance sampling whose relative precision does not depend on how small they are.

Up to scale a head trained under deterministic attention and the feature of a fresh sequence are x ~ N(a u, I_p) and
y ~ N(b v, I_p), a = √n κ, b = κ, with an angle θ between the unit vectors u and v, and the error is P(xᵀy < 0)
(`theory.known_prompt.least_squares`; θ = 0 for averaging).  Tilted by e^{-s xᵀy}, 0 < s < 1, x and y stay Gaussian, and

    (x + y)/√2 ~ N((a u + b v)/(√2 (1+s)), I/(1+s)),   (x - y)/√2 ~ N((a u - b v)/(√2 (1-s)), I/(1-s))

are independent.  An error weighs e^{s xᵀy} B(θ), B(θ) = (1-s²)^{-p/2} e^{[s²(a² + b²)/2 - s a b cos θ]/(1-s²)}.  For
least squares cos θ is tilted too, by e^{-t cos θ} with t = s a b/(1-s²).  Every weight lies between 0 and E B(θ), which
is Chernoff's bound of the error and larger than it by a power of n only: the spread is of the order of the mean.
Source: derived here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from numerics.simulators.repetitions import Repetitions
from theory.arguments import FloatArray, NotAvailableError, single
from theory.attention.deterministic import deterministic_attention
from theory.head import Head
from theory.mixture import ContextualMixture

BINS = 4096
"""Of the angle: its density hardly changes within one, so that hardly a draw is rejected."""

LARGEST_LOG_BOUND = -1e-3


@dataclass(frozen=True)
class Tilt:
    """The measure that is drawn from.

    Attributes:
        samples: n.
        dimension: p.
        kappa: κ > 0.
        turned: whether the head is turned by a random angle (least squares).
        strength: s.
    """

    samples: int
    dimension: int
    kappa: float
    turned: bool
    strength: float

    @property
    def lengths(self) -> tuple[float, float]:
        """Return a and b."""
        return math.sqrt(self.samples) * self.kappa, self.kappa

    def log_largest(self, cosine: FloatArray | float) -> FloatArray:
        """Return log B at an angle of this cosine."""
        (a, b), s = self.lengths, self.strength
        exponent = (s**2 * (a**2 + b**2) / 2 - s * a * b * np.asarray(cosine)) / (1 - s**2)
        return np.asarray(exponent - self.dimension / 2 * math.log1p(-(s**2)))

    def log_bound(self) -> float:
        """Return log E B(θ), the largest weight."""
        if not self.turned:
            return float(self.log_largest(1.0))
        angle = np.asarray((np.arange(BINS) + 0.5) * (math.pi / 2 / BINS), dtype=float)
        # The midpoint rule leaves h²/24 times the slopes at the ends, 1e-8 of the whole for a tilt of the order of 1.
        density = self._log_angle_density(angle)
        return float(logsumexp(density + self.log_largest(np.cos(angle))) - logsumexp(density))

    def _log_angle_density(self, angle: FloatArray) -> FloatArray:
        """Return the logarithm of the untilted density of θ, without its constant."""
        along, across = self._powers()
        with np.errstate(divide="ignore"):
            return np.asarray(along * np.log(np.cos(angle)) + (across * np.log(np.sin(angle)) if across else 0.0))

    def _powers(self) -> tuple[int, int]:
        """Return the powers of cos θ and sin θ in the density of θ: cos²θ ~ Beta((|n-p|+1)/2, (min(n,p)-1)/2)."""
        return abs(self.samples - self.dimension), min(self.samples, self.dimension) - 2

    def draw_cosines(self, repetitions: int, rng: np.random.Generator) -> FloatArray:
        """Draw cos θ from its tilted law, exactly, by rejection from a staircase above its density."""
        if not self.turned:
            return np.ones(repetitions)
        along, across = self._powers()
        (a, b), s = self.lengths, self.strength
        tilt = s * a * b / (1 - s**2)
        edges = np.linspace(0, math.pi / 2, BINS + 1)
        left, right = edges[:-1], edges[1:]
        with np.errstate(divide="ignore"):
            # cos falls, sin and e^{-t cos} rise: each factor is largest at an end of its own.
            ceiling = along * np.log(np.cos(left)) - tilt * np.cos(right)
            ceiling += across * np.log(np.sin(right)) if across else 0.0
        share = np.exp(ceiling - logsumexp(ceiling))
        cosines = np.empty(0)
        while len(cosines) < repetitions:
            bins = rng.choice(BINS, size=repetitions, p=share)
            angle = left[bins] + (right - left)[bins] * rng.random(repetitions)
            height = self._log_angle_density(angle) - tilt * np.cos(angle)
            kept = np.log(rng.random(repetitions)) < height - ceiling[bins]
            cosines = np.concatenate([cosines, np.cos(angle[kept])])
        return cosines[:repetitions]

    def draw(self, repetitions: int, rng: np.random.Generator) -> FloatArray:
        """Draw weighted errors, each divided by the largest weight: between 0 and 1."""
        cosine = self.draw_cosines(repetitions, rng)
        (a, b), s, p = self.lengths, self.strength, self.dimension
        product = _noncentral(p, (a**2 + b**2 + 2 * a * b * cosine) / (2 * (1 + s)), rng) / (1 + s)
        product -= _noncentral(p, (a**2 + b**2 - 2 * a * b * cosine) / (2 * (1 - s)), rng) / (1 - s)
        return np.where(product < 0, np.exp(s * np.minimum(product, 0) / 2), 0.0)


def _noncentral(dimension: int, noncentrality: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Draw χ'²_p of each noncentrality."""
    along = np.sqrt(noncentrality) + rng.standard_normal(len(noncentrality))
    rest = rng.chisquare(dimension - 1, len(noncentrality)) if dimension > 1 else 0.0
    return np.asarray(along**2 + rest)


@lru_cache(maxsize=64)
def best_tilt(samples: int, dimension: int, kappa: float, turned: bool) -> Tilt:
    """Return the tilt with the smallest bound of the weights, which is Chernoff's."""

    def log_bound(strength: float) -> float:
        return Tilt(samples, dimension, kappa, turned, strength).log_bound()

    found = minimize_scalar(log_bound, bounds=(1e-6, 1 - 1e-6), method="bounded", options={"xatol": 1e-6})
    return Tilt(samples, dimension, kappa, turned, float(found.x))


def tilt_of(mixture: ContextualMixture, head: Head) -> Tilt:
    """Return the measure that the small error of a head is drawn under.

    Raises:
        NotAvailableError: attention fluctuates or is linear, the head is neither averaging nor least squares in the
            orthogonal space, or p = 1; or its error is not small.
    """
    if head.kind not in ("averaging", "least-squares") or head.space != "orthogonal" or head.attention != "softmax":
        raise NotAvailableError("small errors are drawn for averaging and least squares in the orthogonal space alone")
    kappa = float(abs(deterministic_attention(mixture, head.inverse_temperature).kappa))
    samples, dimension = int(single(head.samples)), int(single(mixture.dimension)) - 1
    if dimension < 2:
        raise NotAvailableError("small errors are drawn for heads of two and more dimensions")
    turned = head.kind == "least-squares" and samples > 1
    tilt = best_tilt(samples, dimension, kappa, turned)
    if tilt.log_bound() > LARGEST_LOG_BOUND:
        raise NotAvailableError("the error is not small: plain simulators serve as well")
    return tilt


def simulate_small_errors(
    mixture: ContextualMixture, head: Head, repetitions: int, rng: np.random.Generator
) -> Repetitions:
    """Draw numbers whose mean is the test error, between 0 and Chernoff's bound; they say nothing of overlaps.

    Raises:
        NotAvailableError: as for `tilt_of`.

    Example:
        >>> mixture = ContextualMixture(21, 6, 3, signal_norm=4.0, noise_kind="prompt-orthogonal")
        >>> drawn = simulate_small_errors(mixture, Head(samples=100), 10_000, np.random.default_rng(1)).errors
        >>> from theory import known_prompt_error
        >>> bool(abs(drawn.mean() / known_prompt_error(mixture, Head(samples=100)).error - 1) < 0.1)
        True
    """
    tilt = tilt_of(mixture, head)
    return Repetitions(math.exp(tilt.log_bound()) * tilt.draw(repetitions, rng), np.full(repetitions, np.nan))
