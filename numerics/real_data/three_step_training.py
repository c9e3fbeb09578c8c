"""The three-step algorithm on real sequences: head, prompt, head, each step on a third of them.

    ŵ₁ ∝ -∇_w(0, 0),     q₁ = t q̂₁ with q̂₁ ∝ -∇_q(ŵ₁, 0),     ŵ₂ ∝ -∇_w(0, q₁)

Residuals are the labels, for learning rates are small.  `theory.three_steps` predicts what this comes to.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from numerics.descent.gradients import token_gradients
from numerics.real_data.sequence_data import SequenceData
from numerics.real_data.sources import Split
from numerics.real_data.training import Trained, chosen
from numerics.training.attention_models import PromptAttention
from theory.arguments import ArgumentError, FloatArray

NAME = "three steps"
LENGTHS = (0.5, 1.0, 2.0)
"""t, the lengths of the prompt that are tried: as many as there are penalties."""

STEPS = 3


def three_steps_on(sequences: SequenceData, lengths: tuple[float, ...] = LENGTHS) -> Iterator[Trained]:
    """Make the three steps, the last one for each length of the prompt.

    Args:
        sequences: the training set, the labels taking turns, so that they are balanced in each third.
        lengths: t > 0.

    Raises:
        ArgumentError: there are fewer than three sequences.

    Example:
        >>> rng = np.random.default_rng(1)
        >>> labels = np.where(np.arange(900) % 2 == 0, 1.0, -1.0)
        >>> tokens = rng.standard_normal((900, 4, 10))
        >>> tokens[:, 0, 0], tokens[:, 0, 1] = 3.0, 3 * labels  # the first token is relevant
        >>> (trained,) = three_steps_on(SequenceData(tokens, labels), lengths=(1.0,))
        >>> head, prompt = np.split(trained.weights, 2)
        >>> print(f"{abs(head).argmax()} {prompt.argmax()}")
        1 0
    """
    size = len(sequences)
    if size < STEPS:
        raise ArgumentError("samples", f"be at least {STEPS}, one for each step", size)
    first, second, third = (sequences.part(part) for part in np.array_split(np.arange(size), STEPS))
    zero = np.zeros(sequences.tokens.shape[2])
    head = _unit(token_gradients(first, zero, zero, small_head=True).head)
    prompt = _unit(token_gradients(second, head, zero, small_head=True).prompt)
    for length in lengths:
        final = _unit(token_gradients(third, zero, length * prompt, small_head=True).head)
        steps = [(zero, zero), (head, zero), (head, length * prompt), (final, length * prompt)]
        path = np.array([np.concatenate(step) for step in steps])
        yield Trained(NAME, PromptAttention(), path[-1], length, True, path)


def three_steps_and_choose(split: Split) -> Trained:
    """Make the three steps with every length, and return the best on validation."""
    return chosen(three_steps_on(split.training), split.validation)


def _unit(vector: FloatArray) -> FloatArray:
    """Return the direction of a vector, or zero for zero."""
    length = float(np.linalg.norm(vector))
    return np.asarray(vector / length) if length > 0 else vector
