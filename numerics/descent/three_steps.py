"""Three steps of gradient descent, head, prompt, head, on fresh sequences each, and what they come to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from numerics.descent.gradient_descent import SIMULATORS, model_error
from numerics.descent.gradients import Gradients
from numerics.descent.score_gradients import draw_gradients
from numerics.descent.token_data import TokenData
from theory.arguments import FloatArray, one_of, single
from theory.attention.prompt_share import prompt_share
from theory.mixture import ContextualMixture


@dataclass(frozen=True)
class ThreeStepDraws:
    """Outcomes of independent repetitions, each of shape (repetitions,).

    Attributes:
        head_overlap: cos∠(ŵ₁, w⋆).
        prompt_overlap: cos∠(q̂₁, q⋆).
        prompt_head_overlap: cos∠(q̂₁, ŵ₁).
        attention: expected attention on the relevant tokens under q₁.
        final_overlap: cos∠(ŵ₂, w⋆).
        error: exact test error of ŵ₂ under q₁; empty where it was not asked for.
    """

    head_overlap: FloatArray
    prompt_overlap: FloatArray
    prompt_head_overlap: FloatArray
    attention: FloatArray
    final_overlap: FloatArray
    error: FloatArray


def draw_three_steps(
    mixture: ContextualMixture,
    samples: int,
    prompt_norm: float,
    repetitions: int,
    *,
    rng: np.random.Generator,
    labels: str = "random",
    simulator: str = "scores",
    errors: bool = True,
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
        errors: whether to compute test errors, which take longer than the steps themselves.

    Raises:
        ArgumentError: an argument is out of range.

    Example:
        >>> mixture = ContextualMixture(dimension=200, tokens=16, relevant_tokens=2, context_norm=1.5, signal_norm=1.5)
        >>> draws = draw_three_steps(mixture, 400, 0.8, 50, rng=np.random.default_rng(1), errors=False)
        >>> print(f"{draws.head_overlap.mean():.2f} {draws.prompt_overlap.mean():.2f}")
        0.75 0.74
    """
    one_of("simulator", simulator, SIMULATORS)
    streams = rng.spawn(3)
    zero = np.zeros(int(single(mixture.dimension)))

    def gradients(step: int, head: FloatArray, prompt: FloatArray) -> Gradients:
        if simulator == "scores":
            return draw_gradients(mixture, head, prompt, samples, rng=streams[step], labels=labels, small_head=True)
        data = TokenData.draw(mixture, samples, streams[step], labels)
        return data.gradients(head, prompt, small_head=True)

    rows = np.empty((repetitions, 5))
    found = np.empty(repetitions if errors else 0)
    for repetition in range(repetitions):
        head = _unit(gradients(0, zero, zero).head)
        direction = _unit(gradients(1, head, zero).prompt)
        prompt = prompt_norm * direction
        final = _unit(gradients(2, zero, prompt).head)
        rows[repetition] = head[1], direction[0], direction @ head, prompt_share(mixture, prompt), final[1]
        if errors:
            found[repetition] = model_error(mixture, final, prompt)
    return ThreeStepDraws(*(*rows.T, found))


def _unit(vector: FloatArray) -> FloatArray:
    """Return the direction of a vector, or zero for zero."""
    length = float(np.linalg.norm(vector))
    return np.asarray(vector / length) if length > 0 else vector
