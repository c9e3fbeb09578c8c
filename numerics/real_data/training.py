"""Training with one budget for all: so many gradients for each of so many candidates, the choice made on validation.

Every model is trained to convergence, or until the budget of gradients is used up, by L-BFGS on its loss plus
(λ/2)‖weights‖², for each λ of one grid.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from scipy.optimize import minimize

from numerics.real_data.sequence_data import SequenceData
from numerics.real_data.sources import Split
from numerics.simulators.sequences import TokenSequences
from numerics.training.attention_models import AttentionModel
from numerics.training.square_loss import square_loss
from theory.arguments import FloatArray

GRADIENTS = 50
PENALTIES = (0.3, 0.1, 0.03)
"""λ; of equally good ones the largest is chosen."""


class Decides(Protocol):
    """Anything that decides on sequences."""

    def decisions(self, data: SequenceData) -> FloatArray:
        """Return numbers whose signs are the decisions, shape (n,)."""
        ...


Candidate = TypeVar("Candidate", bound=Decides)


@dataclass(frozen=True)
class Trained:
    """A model with its weights.

    Attributes:
        name: of the way it was trained.
        model: which one it is.
        weights: where training ended, shape (size,).
        choice: the number that was chosen on validation: λ, or the length of the prompt.
        converged: whether training ended before its budget did.
        path: weights at each iterate, the start and the end included, shape (iterates, size).
    """

    name: str
    model: AttentionModel
    weights: FloatArray
    choice: float
    converged: bool
    path: FloatArray

    def decisions(self, data: SequenceData) -> FloatArray:
        """Return f(X), shape (n,)."""
        return self.model.decide(self.weights, data.tokens).values

    def share(self, data: SequenceData) -> float | None:
        """Return the mean attention on the relevant tokens, None where there is no such number."""
        return relevant_share(self.model, self.weights, data)


def relevant_share(model: AttentionModel, weights: FloatArray, data: SequenceData) -> float | None:
    """Return the mean attention on the relevant tokens, None for a model without, or data that do not say."""
    attention = model.attention(weights, data.tokens)
    if attention is None or data.relevance is None:
        return None
    return float(np.mean(np.sum(attention, axis=1, where=data.relevance)))


def accuracy(decisions: FloatArray, labels: FloatArray) -> float:
    """Return the share of right signs, ties counted as one half.

    Example:
        >>> accuracy(np.array([0.3, -2.0, 0.0, 1.0]), np.array([1.0, 1.0, 1.0, 1.0]))
        0.625
    """
    return float(np.mean((1 + np.sign(decisions) * labels) / 2))


def train(
    model: AttentionModel,
    sequences: TokenSequences,
    penalty: float,
    start: FloatArray,
    *,
    gradients: int = GRADIENTS,
) -> Trained:
    """Train a model by L-BFGS, until it converges or the step after which so many gradients are used up.

    Args:
        model: which one.
        sequences: the training set.
        penalty: λ ≥ 0.
        start: the weights to start from, shape (size,).
        gradients: the budget.

    Example:
        >>> from numerics.training.attention_models import UniformPooling
        >>> sequences = TokenSequences(np.array([[[2.0]], [[-2.0]]]), np.array([1.0, -1.0]))
        >>> train(UniformPooling(), sequences, 0.0, np.zeros(1)).weights.round(6)
        array([0.5])
    """
    path = [start]

    def penalised(weights: FloatArray) -> tuple[float, FloatArray]:
        loss, gradient = square_loss(model, weights, sequences)
        return loss + penalty / 2 * float(weights @ weights), gradient + penalty * weights

    found = minimize(
        penalised,
        start,
        jac=True,
        method="L-BFGS-B",
        callback=lambda weights: path.append(np.array(weights)),
        options={"maxfun": gradients, "maxiter": gradients},
    )
    return Trained(model.name, model, np.asarray(found.x), penalty, bool(found.success), np.array(path))


def chosen(candidates: Iterable[Candidate], validation: SequenceData) -> Candidate:
    """Return the first of the candidates that are most accurate on the validation set."""
    return max(candidates, key=lambda each: accuracy(each.decisions(validation), validation.labels))


def train_and_choose(model: AttentionModel, split: Split, *, rng: np.random.Generator) -> Trained:
    """Train a model with every penalty from one start, and return the best on validation."""
    start = model.start(split.training.tokens.shape[2], rng)
    return chosen((train(model, split.training, penalty, start) for penalty in PENALTIES), split.validation)
