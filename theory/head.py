"""The prediction head: how it is trained, on how many examples, under which known prompt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theory.arguments import (
    ArgumentError,
    ComparedByValue,
    FloatArray,
    Numbers,
    as_numbers,
    broadcast,
    one_of,
    real,
    whole,
)

ATTENTIONS = ("softmax", "linear")
HEADS = ("averaging", "weighted-averaging", "least-squares", "ridge", "logistic", "max-margin")
HEAD_SPACES = ("orthogonal", "full")
PENALISED_HEADS = ("ridge", "logistic")


@dataclass(frozen=True, eq=False)
class Head(ComparedByValue):
    """A head ŵ trained on the attention features h of n labelled sequences, the prompt q = τ q⋆ being known.

    Args:
        samples: n, training sequences; at least 1, `inf` for the population optimum.
        inverse_temperature: τ ≥ 0; 0 is uniform pooling.
        attention: "softmax" or "linear".
        kind: "averaging" is (1/n) Σ yᵢ hᵢ; "least-squares" is the minimum-norm solution of min Σ (yᵢ - wᵀhᵢ)²;
            the others are "weighted-averaging", "ridge", "logistic" and "max-margin".
        ridge: λ ≥ 0 of (λ/2)‖w‖², for "ridge" and "logistic" only; `inf` stands for the limit of the head's direction,
            which is that of averaging.
        space: "orthogonal" keeps the head orthogonal to the known prompt (p = d - 1), "full" does not (p = d).

    Raises:
        ArgumentError: a parameter is out of range, or a ridge is missing or given where it has no meaning.

    Example:
        >>> Head(samples=200).kind
        'averaging'
        >>> Head(samples=0)
        Traceback (most recent call last):
        ...
        theory.arguments.ArgumentError: samples must be a whole number of at least 1 or infinite, got 0
    """

    samples: Numbers
    inverse_temperature: Numbers = 1.0
    attention: str = "softmax"
    kind: str = "averaging"
    ridge: Numbers | None = None
    space: str = "orthogonal"

    def __post_init__(self) -> None:
        """Replace every number by a checked, read-only array."""
        checked = {
            "samples": whole("samples", self.samples, least=1, infinite=True),
            "inverse_temperature": real("inverse_temperature", self.inverse_temperature, least=0),
        }
        one_of("attention", self.attention, ATTENTIONS)
        one_of("kind", self.kind, HEADS)
        one_of("space", self.space, HEAD_SPACES)
        if self.kind in PENALISED_HEADS:
            if self.ridge is None:
                raise ArgumentError("ridge", f"be given for the {self.kind} head", "none")
            checked["ridge"] = _penalty(self.ridge)
        elif self.ridge is not None:
            raise ArgumentError("ridge", f"be left out for the {self.kind} head", self.ridge)
        broadcast(**checked)
        for name, values in checked.items():
            object.__setattr__(self, name, values)


def _penalty(values: Numbers) -> FloatArray:
    """Return λ ≥ 0, finite or infinite."""
    penalty = as_numbers("ridge", values)
    finite = np.where(np.isposinf(penalty), 0.0, penalty)
    if (finite < 0).any():
        raise ArgumentError("ridge", "be at least 0 or infinite", f"{finite.min():g}")
    real("ridge", finite)  # refuses what is finite but too large
    return penalty
