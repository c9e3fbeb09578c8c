"""The ceiling: logistic regression that is told which tokens are relevant, and sees their mean and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from numerics.real_data.images import scikit_learn
from numerics.real_data.sequence_data import SequenceData
from numerics.real_data.sources import Split
from numerics.real_data.training import PENALTIES, chosen
from theory.arguments import ArgumentError, FloatArray

NAME = "ceiling"
ITERATIONS = 500


@dataclass(frozen=True)
class Ceiling:
    """A fitted logistic regression of scikit-learn.

    Attributes:
        choice: λ of mean logistic loss + (λ/2)‖w‖², which was chosen on validation.
        regression: the fitted object.
    """

    choice: float
    regression: Any
    name: str = NAME

    def decisions(self, data: SequenceData) -> FloatArray:
        """Return the log-odds, shape (n,)."""
        return np.asarray(self.regression.decision_function(relevant_means(data)))


def relevant_means(data: SequenceData) -> FloatArray:
    """Return the mean relevant token of each sequence, shape (n, d).

    Raises:
        ArgumentError: nobody knows which are relevant.

    Example:
        >>> relevant_means(SequenceData([[[1.0], [3.0], [9.0]]], [1], [[True, True, False]]))
        array([[2.]])
    """
    if data.relevance is None:
        raise ArgumentError("relevance", "be given for the ceiling", "none")
    weights = data.relevance / data.relevance.sum(axis=1, keepdims=True)
    return np.asarray(np.einsum("nt,ntd->nd", weights, data.tokens))


def ceiling(split: Split) -> Ceiling:
    """Fit with every penalty, and return the best on validation."""
    features, labels = relevant_means(split.training), split.training.labels
    regression = scikit_learn("linear_model").LogisticRegression
    return chosen(
        (
            Ceiling(penalty, regression(C=1 / (penalty * len(labels)), max_iter=ITERATIONS).fit(features, labels))
            for penalty in PENALTIES
        ),
        split.validation,
    )
