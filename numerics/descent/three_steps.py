"""Three steps of gradient descent, head, prompt, head, on fresh sequences each, and what they come to."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from numerics.descent.gradient_descent import SIMULATORS, model_error
from numerics.descent.gradients import Gradients
from numerics.descent.score_gradients import draw_gradients
from numerics.descent.token_data import TokenData
from theory.arguments import ArgumentError, FloatArray, one_of, single
from theory.attention.prompt_share import prompt_share
from theory.mixture import ContextualMixture


@dataclass(frozen=True)
class ThreeStepDraws:
    """Vectors that independent repetitions end with, in the few coordinates that matter.

    Of a step that was not made there are none, and the arrays have no rows.

    Attributes:
        mixture: the data.
        prompt_norm: t = ‖q₁‖.
        head: ŵ₁ as a unit vector along q⋆ and w⋆, shape (repetitions, 2).
        prompt: the unit vector q̂₁ along q⋆, along w⋆ and across both, shape (repetitions, 3).
        final: ŵ₂ as a unit vector along q⋆, along w⋆, along the rest of q̂₁ and across, shape (repetitions, 4).
        prompt_head_overlap: cos∠(q̂₁, ŵ₁), shape (repetitions,).
    """

    mixture: ContextualMixture
    prompt_norm: float
    head: FloatArray
    prompt: FloatArray
    final: FloatArray
    prompt_head_overlap: FloatArray

    @property
    def head_overlap(self) -> FloatArray:
        """Return cos∠(ŵ₁, w⋆), shape (repetitions,)."""
        return self.head[:, 1]

    @property
    def prompt_overlap(self) -> FloatArray:
        """Return cos∠(q̂₁, q⋆), shape (repetitions,)."""
        return self.prompt[:, 0]

    @property
    def final_overlap(self) -> FloatArray:
        """Return cos∠(ŵ₂, w⋆), shape (repetitions,)."""
        return self.final[:, 1]

    @property
    def attention(self) -> FloatArray:
        """Return the expected attention on the relevant tokens under each q₁, shape (repetitions,)."""
        return np.array([prompt_share(self.mixture, self.prompt_norm * direction) for direction in self.prompt])

    @property
    def error(self) -> FloatArray:
        """Return the exact test error of each ŵ₂ under its q₁, shape (repetitions,)."""
        small = replace(self.mixture, dimension=4)
        prompts = self.prompt_norm * np.column_stack([self.prompt, np.zeros(len(self.prompt))])
        return np.array([model_error(small, *model) for model in zip(self.final, prompts, strict=True)])


def draw_three_steps(
    mixture: ContextualMixture,
    samples: int,
    prompt_norm: float,
    repetitions: int,
    *,
    rng: np.random.Generator,
    labels: str = "random",
    simulator: str = "scores",
    steps: int = 3,
) -> ThreeStepDraws:
    """Make the steps ŵ₁ = -∇_w(0, 0), q₁ = t q̂₁ with q̂₁ along -∇_q(ŵ₁, 0), ŵ₂ = -∇_w(0, q₁), so many times.

    Learning rates are small: residuals are the labels.

    Args:
        mixture: the data, its parameters single numbers.
        samples: n of each step.
        prompt_norm: t = ‖q₁‖ ≥ 0.
        repetitions: how often.
        rng: source of the random numbers; each step has a stream of its own.
        labels: "random", or "balanced" for n/2 of each in every step.
        simulator: "scores" is exact in law; "tokens" draws whole sequences.
        steps: 1 to make the first step alone, 2 for two of them; what they come to is the same.

    Raises:
        ArgumentError: an argument is out of range.

    Example:
        >>> mixture = ContextualMixture(dimension=200, tokens=16, relevant_tokens=2, context_norm=1.5, signal_norm=1.5)
        >>> draws = draw_three_steps(mixture, 400, 0.8, 50, rng=np.random.default_rng(1))
        >>> print(f"{draws.head_overlap.mean():.2f} {draws.prompt_overlap.mean():.2f}")
        0.75 0.74
    """
    one_of("simulator", simulator, SIMULATORS)
    if steps not in (1, 2, 3):
        raise ArgumentError("steps", "be 1, 2 or 3", repr(steps))
    streams = rng.spawn(3)
    zero = np.zeros(int(single(mixture.dimension)))

    def gradients(step: int, head: FloatArray, prompt: FloatArray) -> Gradients:
        if simulator == "scores":
            return draw_gradients(mixture, head, prompt, samples, rng=streams[step], labels=labels, small_head=True)
        data = TokenData.draw(mixture, samples, streams[step], labels)
        return data.gradients(head, prompt, small_head=True)

    rows = [repetitions if step < steps else 0 for step in range(3)]
    heads, prompts, finals = np.empty((rows[0], 2)), np.empty((rows[1], 3)), np.empty((rows[2], 4))
    overlaps = np.empty(rows[1])
    for repetition in range(repetitions):
        head = _unit(gradients(0, zero, zero).head)
        heads[repetition] = head[:2]
        if steps == 1:
            continue
        prompt = _unit(gradients(1, head, zero).prompt)
        rest = float(np.linalg.norm(prompt[2:]))
        prompts[repetition], overlaps[repetition] = (*prompt[:2], rest), prompt @ head
        if steps == 2:
            continue
        final = _unit(gradients(2, zero, prompt_norm * prompt).head)
        along = float(final[2:] @ prompt[2:]) / rest if rest > 0 else 0.0
        across = math.sqrt(max(1 - final[0] ** 2 - final[1] ** 2 - along**2, 0.0))
        finals[repetition] = *final[:2], along, across
    return ThreeStepDraws(mixture, prompt_norm, heads, prompts, finals, overlaps)


def _unit(vector: FloatArray) -> FloatArray:
    """Return the direction of a vector, or zero for zero."""
    length = float(np.linalg.norm(vector))
    return np.asarray(vector / length) if length > 0 else vector
