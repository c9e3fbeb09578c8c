"""Gradient descent on head and prompt from zero: w ← w - η_w ∇_w, q ← q - η_q ∇_q, both at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from numerics.descent.gradients import Gradients
from numerics.descent.score_gradients import draw_gradients
from numerics.descent.token_data import TokenData
from numerics.simulators.sequences import context_vector, signal_vector
from numerics.streams import Random, as_generator
from theory.arguments import ArgumentError, FloatArray, one_of, real, single
from theory.attention.prompt_share import prompt_share
from theory.mixture import ContextualMixture
from theory.risk.exact_risk import Delta, exact_risk
from theory.risk.trained_model import TrainedModel

SIMULATORS = ("scores", "tokens")
LARGEST = 1e30
"""Beyond it gradient descent has run away: squares of its iterates, and soon themselves, would not be floats."""


@dataclass(frozen=True)
class Trajectory:
    """Iterates of gradient descent; index k is after k steps, 0 the start.

    Attributes:
        mixture: the data.
        head: w, shape (steps + 1, d).
        prompt: q, shape (steps + 1, d).
        loss: training loss of the sequences that a step was made with, before it, shape (steps,).
    """

    mixture: ContextualMixture
    head: FloatArray
    prompt: FloatArray
    loss: FloatArray

    @property
    def head_coordinate(self) -> FloatArray:
        """Return c = wᵀw⋆/W², shape (steps + 1,)."""
        return np.asarray(self.head[:, 1] / single(self.mixture.signal_norm))

    @property
    def prompt_coordinate(self) -> FloatArray:
        """Return τ = qᵀq⋆/Q², shape (steps + 1,)."""
        return np.asarray(self.prompt[:, 0] / single(self.mixture.context_norm))

    def shares(self) -> FloatArray:
        """Return the expected attention on the relevant tokens at each iterate, shape (steps + 1,).

        Raises:
            ArgumentError: the scores spread by more than 5.
        """
        return np.array([prompt_share(self.mixture, prompt) for prompt in self.prompt])

    def errors(self) -> FloatArray:
        """Return the exact test error of each iterate, without a test set, shape (steps + 1,).

        Raises:
            AccuracyError: it cannot be had to its accuracy.
        """
        return np.array([model_error(self.mixture, *iterate) for iterate in zip(self.head, self.prompt, strict=True)])


def model_error(mixture: ContextualMixture, head: FloatArray, prompt: FloatArray) -> float:
    """Return the exact test error of a head and a prompt, 1/2 for a head of zero."""
    if not head.any():
        return 0.5
    return exact_risk(
        TrainedModel(context_vector(mixture), signal_vector(mixture), prompt, head),
        tokens=int(single(mixture.tokens)),
        relevant_tokens=int(single(mixture.relevant_tokens)),
        noise=single(mixture.noise),
        noise_kind=mixture.noise_kind,
        deltas=[Delta(single(mixture.delta_context), single(mixture.delta_signal))],
    ).error


def descend(
    mixture: ContextualMixture,
    steps: int,
    *,
    samples: int,
    head_rate: float,
    prompt_rate: float,
    simulator: str = "scores",
    reuse: bool = False,
    labels: str = "random",
    start: tuple[float, float] = (0.0, 0.0),
    rng: Random,
) -> Trajectory:
    """Run gradient descent from w = c w⋆, q = τ q⋆, zero by default.

    Args:
        mixture: the data, its parameters single numbers.
        steps: how many, at least 1.
        samples: n, sequences of each step.
        head_rate: η_w > 0.
        prompt_rate: η_q ≥ 0.
        simulator: "tokens" draws whole sequences, chunk by chunk; "scores" is exact in law for fresh sequences.
        reuse: whether all steps see the same sequences, rather than fresh ones; with "tokens" only.
        labels: "random", or "balanced" for n/2 of each in every step.
        start: (c, τ).
        rng: source of the random numbers.

    Raises:
        ArgumentError: an argument is out of range, or the iterates run away because the learning rates are too large.

    Example:
        >>> mixture = ContextualMixture(dimension=20, tokens=8, relevant_tokens=1, context_norm=2, signal_norm=2)
        >>> path = descend(mixture, 30, samples=2000, head_rate=0.5, prompt_rate=0.5, rng=1)
        >>> shares, errors = path.shares(), path.errors()
        >>> print(f"attention {shares[0]:.3f} to {shares[-1]:.2f}, error {errors[0]:.1f} to {errors[-1]:.2f}")
        attention 0.125 to 0.47, error 0.5 to 0.02
    """
    one_of("simulator", simulator, SIMULATORS)
    if not isinstance(steps, int) or isinstance(steps, bool) or steps < 1:
        raise ArgumentError("steps", "be a whole number of at least 1", repr(steps))
    for name, rate, positive in (("head_rate", head_rate, True), ("prompt_rate", prompt_rate, False)):
        if not (0 < rate < math.inf or (rate == 0 and not positive)):
            raise ArgumentError(name, f"be finite and {'greater than' if positive else 'at least'} 0", rate)
    if reuse and simulator == "scores":
        raise ArgumentError("reuse", "be False where no tokens are drawn: only fresh sequences have this law", "True")
    gradients = _source(mixture, samples, simulator, reuse, labels, as_generator(rng))
    dimension = int(single(mixture.dimension))
    heads, prompts, losses = np.zeros((steps + 1, dimension)), np.zeros((steps + 1, dimension)), np.empty(steps)
    c, temperature = map(float, real("start", start))
    heads[0], prompts[0] = c * signal_vector(mixture), temperature * context_vector(mixture)
    for step in range(steps):
        found = gradients(heads[step], prompts[step])
        heads[step + 1] = heads[step] + head_rate * found.head
        prompts[step + 1] = prompts[step] + prompt_rate * found.prompt
        losses[step] = found.loss
        if max(np.abs(heads[step + 1]).max(), np.abs(prompts[step + 1]).max()) > LARGEST:
            rates = f"{head_rate:g} and {prompt_rate:g}: iterate {step + 1} is beyond {LARGEST:g}"
            raise ArgumentError("head_rate and prompt_rate", "be small enough for gradient descent to settle", rates)
    return Trajectory(mixture, heads, prompts, losses)


def _source(
    mixture: ContextualMixture, samples: int, simulator: str, reuse: bool, labels: str, rng: np.random.Generator
) -> Callable[[FloatArray, FloatArray], Gradients]:
    """Return what draws the gradients at a head and a prompt."""
    if simulator == "scores":
        return lambda head, prompt: draw_gradients(mixture, head, prompt, samples, rng=rng, labels=labels)
    if reuse:
        return TokenData.draw(mixture, samples, rng, labels).gradients
    return lambda head, prompt: TokenData.draw(mixture, samples, rng, labels).gradients(head, prompt)
