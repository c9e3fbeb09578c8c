"""The three steps of gradient descent as vectors, given what fluctuates.

What n sequences add up to in a step is its mean, a Gaussian number in each of three coordinates and a rest of known
length (`descent.step_law`).  Here these numbers are arguments: `descent.three_steps` averages over them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from theory.arguments import FloatArray
from theory.descent.step_law import Geometry, StepLaw, feature_law, mean_token_law, prompt_gradient_law
from theory.risk.exact_risk import Delta, exact_risks
from theory.risk.trained_model import TrainedModel

LABELS = (1.0, -1.0)
STEPS = 3
PARTS = 4
"""Numbers that fluctuate in each step: three coordinates, and the length of the rest."""


@dataclass(frozen=True)
class StepVectors:
    """Unit vectors in the coordinates along q⋆, along w⋆ and across both.

    Attributes:
        head: direction of ŵ₁, shape (3,).
        prompt: direction q̂₁, shape (3,).
        final: direction of ŵ₂, shape (4,): its third coordinate is along the third of q̂₁.
        share: expected attention on the relevant tokens under q₁.
    """

    head: FloatArray
    prompt: FloatArray
    final: FloatArray
    share: float


@dataclass(frozen=True)
class StepPath:
    """The steps as functions of what fluctuates, in units of standard deviations.

    Attributes:
        geometry: the mixture's.
        dimension: d.
        samples: n of each step, `inf` for the population.
        length: t = ‖q₁‖.
        balanced: whether each step has as many labels of each kind.
        limiting: whether n and d are infinite at this ratio d/n: nothing fluctuates.
    """

    geometry: Geometry
    dimension: float
    samples: float
    length: float
    balanced: bool
    limiting: bool = False

    def vectors(self, mean_label: float, displaced: FloatArray) -> StepVectors:
        """Return what the steps come to.

        Args:
            mean_label: ȳ of the prompt's step.
            displaced: what fluctuates, in standard deviations; shape (STEPS, PARTS).
        """
        # The rest of a vector, orthogonal to q⋆ and w⋆, is the third coordinate of the next step.
        head = _direction(self._vector(self.mean_token_laws(), displaced[0], None))
        prompt = _direction(self._vector(self.prompt_gradient_laws(head), displaced[1], mean_label))
        laws = self.feature_laws(self.length * prompt)
        final = self._vector(laws, displaced[2], None)
        share = (laws[0].relevant_share + laws[1].relevant_share) / 2
        return StepVectors(head, prompt, final / np.linalg.norm(final), share)

    def mean_token_laws(self) -> list[StepLaw]:
        """Return the laws of y x̄ for both labels."""
        return [mean_token_law(self.geometry, label) for label in LABELS]

    def prompt_gradient_laws(self, head: FloatArray) -> list[StepLaw]:
        """Return the laws of y C w for both labels."""
        return [prompt_gradient_law(self.geometry, label, head) for label in LABELS]

    def feature_laws(self, prompt: FloatArray) -> list[StepLaw]:
        """Return the laws of y h for both labels."""
        return [feature_law(self.geometry, label, prompt) for label in LABELS]

    def risks(self, vectors: Sequence[StepVectors]) -> list[tuple[float, float]]:
        """Return the test errors of ŵ₂ under q₁, and bounds on their numerical errors."""
        geometry = self.geometry
        models = [
            TrainedModel(
                context=np.array([geometry.context, 0, 0, 0]),
                signal=np.array([0, geometry.signal, 0, 0]),
                prompt=np.append(self.length * each.prompt, 0.0),
                head=each.final,
            )
            for each in vectors
        ]
        risks = exact_risks(
            models,
            tokens=int(geometry.tokens),
            relevant_tokens=int(geometry.relevant),
            noise=geometry.noise,
            noise_kind="isotropic" if geometry.projection[0, 0] else "prompt-orthogonal",
            deltas=[Delta(geometry.delta_context, geometry.delta_signal)],
        )
        return [(risk.error, risk.error_bound) for risk in risks]

    def _vector(self, laws: list[StepLaw], displaced: FloatArray, mean_label: float | None) -> FloatArray:
        """Return the sum over n sequences: three coordinates, and the length of the rest.

        Labels are random or balanced where no mean label is given.
        """
        imbalance = 0.0 if mean_label is None else mean_label
        weights = (1 + imbalance) / 2, (1 - imbalance) / 2
        mean = sum((weight * law.mean for weight, law in zip(weights, laws, strict=True)), np.zeros(3))
        elsewhere = sum(weight * law.elsewhere for weight, law in zip(weights, laws, strict=True))
        if math.isinf(self.samples):
            return np.append(mean, 0.0)
        if self.limiting:
            return np.append(mean, math.sqrt(elsewhere * self.dimension / self.samples))
        covariance = sum((weight * law.covariance for weight, law in zip(weights, laws, strict=True)), np.zeros((3, 3)))
        if mean_label is None and not self.balanced:
            half = (laws[0].mean - laws[1].mean) / 2
            covariance = covariance + np.outer(half, half)
        others = self.dimension - 3
        square = elsewhere * others / self.samples * (1 + displaced[3] * math.sqrt(2 / others))
        rest = math.sqrt(max(square, 0.0))
        return np.append(mean + _root(covariance / self.samples) @ displaced[:3], rest)


def _direction(vector: FloatArray) -> FloatArray:
    """Return the unit vector (along q⋆, along w⋆, rest), the third coordinate and the rest taken together."""
    joined = np.array([vector[0], vector[1], math.hypot(vector[2], vector[3])])
    return np.asarray(joined / np.linalg.norm(joined))


def _root(covariance: FloatArray) -> FloatArray:
    """Return the symmetric square root."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)) @ vectors.T)
