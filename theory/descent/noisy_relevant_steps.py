"""Three steps of gradient descent where relevant tokens are noisy, too: x_t = q⋆ + y w⋆ + σ_r z_t.

The steps and the average over what fluctuates are those of `descent.three_steps`; what one sequence adds to a step has
another law.  With S = diag(σ_t²), the variances of the tokens' noise, H = I - 11ᵀ/T and μ the tokens' means,
shape (T, d), and w = ŵ₁ of length 1,

    x̄      has the variance  tr S/T²  in every direction,
    C w     has the mean  (μᵀ H μ w + tr(H S) w)/T  and the covariance

        [M_SM + M_Sw wᵀ + w M_Swᵀ + (w_SM + tr (H S)²) I + tr (H S)² w wᵀ]/T²,

    M_SM = (Hμ)ᵀ S Hμ,   M_Sw = M_SM w,   w_SM = wᵀ M_SM w,

for a bilinear form of Gaussian vectors.  The feature has the moments of `attention.two_kinds`, and the test error is
that of `risk.two_kinds`.  Isotropic noise, balanced labels.  Source: derived here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from theory.arguments import ArgumentError, FloatArray, real, single, whole
from theory.attention.two_kinds import TokenKind, two_kind_moments
from theory.descent.step_law import THIRD, Geometry, StepLaw
from theory.descent.step_path import LABELS, StepPath, StepVectors
from theory.descent.three_steps import (
    StepOutcomes,
    checked_geometry,
    checked_length,
    mean_outcome,
    named_outcome,
)
from theory.mixture import ContextualMixture
from theory.risk.two_kinds import DecisionKind, two_kind_probability


@dataclass(frozen=True)
class NoisyRelevantSteps(StepOutcomes):
    """What three steps come to where relevant tokens are noisy.

    Attributes:
        error_bound: bound on the numerical error of `error`; terms of order 1/n² are left out.
    """

    error_bound: float


@dataclass(frozen=True)
class NoisyRelevantPath(StepPath):
    """The steps as functions of what fluctuates.

    Attributes:
        relevant_noise: σ_r > 0.
    """

    relevant_noise: float = 1.0

    @property
    def counts(self) -> tuple[int, int]:
        """Return R and m."""
        relevant = round(self.geometry.relevant)
        return relevant, round(self.geometry.tokens) - relevant

    def mean_token_laws(self) -> list[StepLaw]:
        """Return the laws of y x̄ for both labels."""
        geometry, (relevant, irrelevant) = self.geometry, self.counts
        variance = (relevant * self.relevant_noise**2 + irrelevant * geometry.noise**2) / geometry.tokens**2
        means = [geometry.share * geometry.gap(label) + geometry.irrelevant_mean(label) for label in LABELS]
        return [
            StepLaw(label * mean, variance * np.eye(3), variance) for label, mean in zip(LABELS, means, strict=True)
        ]

    def prompt_gradient_laws(self, head: FloatArray) -> list[StepLaw]:
        """Return the laws of y C w for both labels."""
        return [self._prompt_gradient_law(label, head) for label in LABELS]

    def _prompt_gradient_law(self, label: float, head: FloatArray) -> StepLaw:
        """Return the law of y C w by the formulas above."""
        geometry, counts, tokens = self.geometry, self.counts, self.geometry.tokens
        variances = np.repeat([self.relevant_noise**2, geometry.noise**2], counts)
        relevant = np.repeat([1.0, 0.0], counts)
        centred = np.outer(relevant - geometry.share, geometry.gap(label))
        along = centred @ head
        trace = float(np.sum(variances)) * (1 - 1 / tokens)
        square = float(np.sum(variances**2)) * (1 - 2 / tokens) + float(np.sum(variances)) ** 2 / tokens**2
        spread = centred.T @ (variances[:, None] * centred)
        spread_along, along_along = spread @ head, float(along @ (variances * along))
        mean = centred.T @ along + trace * head
        covariance = (
            spread + np.outer(spread_along, head) + np.outer(head, spread_along) + square * np.outer(head, head)
        )
        elsewhere = (along_along + square) / tokens**2
        return StepLaw(label * mean / tokens, covariance / tokens**2 + elsewhere * np.eye(3), elsewhere)

    def feature_laws(self, prompt: FloatArray) -> list[StepLaw]:
        """Return the laws of y h for both labels."""
        return [self._feature_law(label, prompt) for label in LABELS]

    def _feature_law(self, label: float, prompt: FloatArray) -> StepLaw:
        """Return the law of y h: h = A D - δ_q q⋆ - y δ_w w⋆ + N q̂ + noise of covariance P elsewhere."""
        geometry, length = self.geometry, float(np.linalg.norm(prompt))
        direction = prompt / length if length > 0 else THIRD
        gap, (relevant, irrelevant) = geometry.gap(label), self.counts
        moments = two_kind_moments(
            TokenKind(relevant, float(gap @ prompt), self.relevant_noise * length, self.relevant_noise),
            TokenKind(irrelevant, 0.0, geometry.noise * length, geometry.noise),
        )
        crosswise = moments.share_score - moments.share * moments.score
        second = np.array(
            [
                [moments.share_square - moments.share**2, crosswise],
                [crosswise, moments.score_square - moments.score**2],
            ]
        )
        slopes = np.stack([gap, direction])
        mean = moments.share * gap + geometry.irrelevant_mean(label) + moments.score * direction
        across = moments.pair * (np.eye(3) - np.outer(direction, direction))
        return StepLaw(label * mean, slopes.T @ second @ slopes + across, moments.pair, moments.share)

    def risks(self, vectors: Sequence[StepVectors]) -> list[tuple[float, float]]:
        """Return the test errors of ŵ₂ under q₁, and bounds on their numerical errors."""
        return [self._risk(each) for each in vectors]

    def _risk(self, vectors: StepVectors) -> tuple[float, float]:
        """Return one of them."""
        geometry, head = self.geometry, vectors.final
        direction = np.append(vectors.prompt, 0.0)
        along = float(head @ direction)
        across = float(np.linalg.norm(head - along * direction))
        error = bound = 0.0
        for label in LABELS:
            outside = np.append(geometry.irrelevant_mean(label), 0.0)
            gap = np.append(geometry.gap(label), 0.0)
            kinds = [
                DecisionKind(
                    count,
                    self.length * float(direction @ offset),
                    self.length * noise,
                    label * float(head @ (outside + offset)),
                    label * along * noise,
                    across * noise,
                )
                for count, offset, noise in zip(
                    self.counts, (gap, 0 * gap), (self.relevant_noise, geometry.noise), strict=True
                )
            ]
            probability = two_kind_probability(kinds)
            error += probability.value / 2
            bound += probability.bound / 2
        return error, bound


def noisy_relevant_steps(
    mixture: ContextualMixture, samples: float, prompt_norm: float, relevant_noise: float
) -> NoisyRelevantSteps:
    """Return what the three steps come to where relevant tokens have noise of the deviation σ_r, with balanced labels.

    Args:
        mixture: the data but for that noise, its parameters single numbers; isotropic noise with σ > 0, and as for
            `three_steps`.
        samples: n ≥ 1 of each step, `inf` for the population.
        prompt_norm: t = ‖q₁‖ ≥ 0; t max(σ, σ_r) at most 5.
        relevant_noise: σ_r > 0; as it tends to 0 the numbers are those of `three_steps`.

    Raises:
        ArgumentError: an argument is out of range.
        AccuracyError: the error cannot be had to 1e-4.

    Example:
        >>> mixture = ContextualMixture(dimension=64, tokens=16, relevant_tokens=2, context_norm=2.3, signal_norm=1.7)
        >>> for noise in (0.01, 1.0):
        ...     steps = noisy_relevant_steps(mixture, samples=100, prompt_norm=1.0, relevant_noise=noise)
        ...     print(f"{steps.attention:.3f} {steps.error:.3f}")
        0.404 0.055
        0.437 0.143
    """
    size = single(whole("samples", samples, least=1, infinite=True))
    noise = single(real("relevant_noise", relevant_noise, above=0))
    geometry = checked_geometry(mixture)
    if mixture.noise_kind != "isotropic" or geometry.noise == 0:
        raise ArgumentError(
            "noise", "be isotropic and greater than 0 here", f"{mixture.noise_kind}, {geometry.noise:g}"
        )
    length = checked_length(geometry, prompt_norm)
    checked_length(_with_noise(geometry, noise), prompt_norm)
    path = NoisyRelevantPath(geometry, single(mixture.dimension), size, length, True, relevant_noise=noise)
    values, bound = mean_outcome(path)
    named = named_outcome(values)
    return NoisyRelevantSteps(**{each.name: getattr(named, each.name) for each in fields(named)}, error_bound=bound)


def _with_noise(geometry: Geometry, noise: float) -> Geometry:
    """Return the same geometry with other noise."""
    return Geometry(**{**vars(geometry), "noise": noise})
