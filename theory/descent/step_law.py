"""Mean and covariance of what one sequence adds to a step of gradient descent.

Three steps are made, each on n fresh sequences: the head ŵ₁ = -∇_w(0, 0), the prompt q₁ = t q̂₁, q̂₁ the direction of
-∇_q(ŵ₁, 0), and the head ŵ₂ = -∇_w(0, q₁).  With small learning rates the residual y - f is the label itself, and one
sequence of label y adds

    y x̄   to ŵ₁,        y C ŵ₁   to q₁,        y h   to ŵ₂,

x̄ the mean of its tokens, C their covariance and h = Xᵀ softmax(X q₁).  Coordinates are along q̂⋆, along ŵ⋆, and along
the part of the vector that the step starts from (ŵ₁ or q̂₁) that is orthogonal to both; all others are alike: noise of
mean zero and of one variance.  Orthogonal q⋆ and w⋆; Σ is I, or for prompt-orthogonal noise I - q̂⋆q̂⋆ᵀ.

The mean tokens:  x̄ = a_q q⋆ + y a_w w⋆ + noise of covariance (1-ζ)(σ²/T) Σ,  a = ζ - (1-ζ) δ.

The prompt's gradient:  C = (1-ζ) S_z + ζ(1-ζ) u uᵀ, u = D - z̄ and D = (1+δ_q) q⋆ + y (1+δ_w) w⋆, the mean z̄ and the
covariance S_z of m noises independent, m S_z/σ² of Wishart's law with m - 1 degrees of freedom.  With w = ŵ₁, v = Σw,
ω = wᵀv, a = Dᵀw and s² = σ²/m,

    E S_z w = σ²(1 - 1/m) v,          E S_z w wᵀS_z = σ⁴ (m-1)/m² (m v vᵀ + ω Σ),
    E (uᵀw) u = a D + s² v,
    E (uᵀw)² u uᵀ = (a² + s² ω)(D Dᵀ + s² Σ) + 2 s² a (D vᵀ + v Dᵀ) + 2 s⁴ v vᵀ.

The feature:  h = A D - δ_q q⋆ - y δ_w w⋆ + σ N n̂ + noise of covariance σ² P₂ in the directions orthogonal to n̂ (and to
q̂⋆ for prompt-orthogonal noise), n̂ the direction of Σq₁, N = Σ p_t g_t and P₂ = Σ p_t² with the attention p_t on
irrelevant tokens; the score of a relevant token exceeds that of a noiseless irrelevant one by Dᵀq₁.  By Stein's lemma,
with s = σ‖Σq₁‖,

    E N = s E[1 - A - P₂],     E A N = s E[A (1 - A - 2 P₂)],
    E N² = E P₂ + s² E[1 - A - P₂ - A (1 - A - 2 P₂) - 2 P₂ (1 - A - 3 P₂) + 2 P₂ - 6 P₃].

Source: derived here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from theory.arguments import FloatArray, single
from theory.attention.mixed_moments import AttentionScores
from theory.mixture import ContextualMixture

THIRD = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class StepLaw:
    """What one sequence of a label adds to a step.

    Attributes:
        mean: shape (3,), in the coordinates above.
        covariance: shape (3, 3).
        elsewhere: variance of every other coordinate.
        relevant_share: E A, for the feature; 0 for the other two.
    """

    mean: FloatArray
    covariance: FloatArray
    elsewhere: float
    relevant_share: float = 0.0


@dataclass(frozen=True)
class Geometry:
    """The numbers of a mixture, and its noise's directions.

    Attributes:
        tokens: T.
        relevant: R.
        share: ζ.
        context: Q.
        signal: W.
        noise: σ.
        delta_context: δ_q.
        delta_signal: δ_w.
        projection: Σ in the three coordinates, shape (3, 3).
    """

    tokens: float
    relevant: float
    share: float
    context: float
    signal: float
    noise: float
    delta_context: float
    delta_signal: float
    projection: FloatArray

    @classmethod
    def of(cls, mixture: ContextualMixture) -> Geometry:
        """Read them from a mixture of single numbers."""
        tokens, relevant = single(mixture.tokens), single(mixture.relevant_tokens)
        return cls(
            tokens=tokens,
            relevant=relevant,
            share=relevant / tokens,
            context=single(mixture.context_norm),
            signal=single(mixture.signal_norm),
            noise=single(mixture.noise),
            delta_context=single(mixture.delta_context),
            delta_signal=single(mixture.delta_signal),
            projection=np.diag([float(mixture.noise_kind == "isotropic"), 1.0, 1.0]),
        )

    def gap(self, label: float) -> FloatArray:
        """Return D, by which relevant tokens differ from noiseless irrelevant ones."""
        return np.array([(1 + self.delta_context) * self.context, label * (1 + self.delta_signal) * self.signal, 0.0])

    def irrelevant_mean(self, label: float) -> FloatArray:
        """Return -δ_q q⋆ - y δ_w w⋆."""
        return -np.array([self.delta_context * self.context, label * self.delta_signal * self.signal, 0.0])


def mean_token_law(geometry: Geometry, label: float) -> StepLaw:
    """Return the law of y x̄."""
    mean = geometry.share * geometry.gap(label) + geometry.irrelevant_mean(label)
    variance = (1 - geometry.share) * geometry.noise**2 / geometry.tokens
    return StepLaw(label * mean, variance * geometry.projection, variance)


def prompt_gradient_law(geometry: Geometry, label: float, head: FloatArray) -> StepLaw:
    """Return the law of y C w for a head w of length 1, with at least one irrelevant token."""
    terms = geometry.tokens - geometry.relevant
    inside, outside = geometry.share * (1 - geometry.share), 1 - geometry.share
    variance = geometry.noise**2
    square = variance / terms
    gap, noisy = geometry.gap(label), geometry.projection @ head
    along, length = float(gap @ head), float(head @ noisy)
    within = variance * (1 - 1 / terms)

    def both(x: FloatArray, y: FloatArray) -> FloatArray:
        return np.outer(x, y) + np.outer(y, x)

    mean = inside * (along * gap + square * noisy) + outside * within * noisy
    spread = within * square * length
    crosswise = (along**2 + square * length) * square
    elsewhere = outside**2 * spread + inside**2 * crosswise
    second = outside**2 * within * variance * np.outer(noisy, noisy)
    second += inside**2 * (along**2 + square * length) * np.outer(gap, gap)
    second += inside**2 * (2 * square * along * both(gap, noisy) + 2 * square**2 * np.outer(noisy, noisy))
    second += outside * inside * within * both(noisy, along * gap + square * noisy)
    covariance = second - np.outer(mean, mean) + elsewhere * geometry.projection
    return StepLaw(label * mean, covariance, elsewhere)


def feature_law(geometry: Geometry, label: float, prompt: FloatArray) -> StepLaw:
    """Return the law of y h under the prompt q₁."""
    gap, noisy = geometry.gap(label), geometry.projection @ prompt
    length = float(np.linalg.norm(noisy))
    direction = noisy / length if length > 0 else THIRD
    spread = geometry.noise * length
    log_ratio = float(gap @ prompt) + math.log(geometry.relevant)
    moments = AttentionScores(log_ratio, round(geometry.tokens - geometry.relevant), spread).moments()
    share, share_square, pair, share_pair, pair_square, triple = (
        single(getattr(moments, name))
        for name in ("share", "share_square", "pair", "share_pair", "pair_square", "triple")
    )
    rest = 1 - share - pair
    mixed = share - share_square - 2 * share_pair
    score = spread * rest
    second = np.empty((2, 2))
    second[0] = share_square - share**2, spread * mixed - share * score
    third = rest - mixed - 2 * (pair - share_pair - 3 * pair_square) + 2 * pair - 6 * triple
    second[1] = second[0, 1], pair + spread**2 * third - score**2
    slopes = np.stack([gap, geometry.noise * direction])
    mean = share * gap + geometry.irrelevant_mean(label) + geometry.noise * score * direction
    elsewhere = geometry.noise**2 * pair
    across = geometry.projection - np.outer(direction, direction)
    covariance = slopes.T @ second @ slopes + elsewhere * across
    return StepLaw(label * mean, covariance, elsewhere, share)
