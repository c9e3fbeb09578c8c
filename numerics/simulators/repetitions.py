"""What a simulator returns: one error and one overlap for each repetition that has a trained head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from theory.arguments import FloatArray, single
from theory.head import Head


@dataclass(frozen=True)
class Repetitions:
    """Outcomes of independent repetitions of training and testing.

    Attributes:
        errors: shape (kept,), test error of each trained head, or an unbiased estimate of it.
        overlaps: shape (kept,), cos∠(ŵ, w⋆) of each, 0 for a head or signal of length 0.
        dropped: repetitions without a head, for their training data have none (max-margin); not among the kept.
        separable: kept repetitions in which the logistic head with λ = 0 is the max-margin one, for the data are
            separable; None for other heads.
    """

    errors: FloatArray
    overlaps: FloatArray
    dropped: int = 0
    separable: int | None = None

    @classmethod
    def joined(cls, parts: Sequence[Repetitions]) -> Repetitions:
        """Return the outcomes of all parts, of which there is at least one."""
        counts = [part.separable for part in parts if part.separable is not None]
        return cls(
            np.concatenate([part.errors for part in parts]),
            np.concatenate([part.overlaps for part in parts]),
            sum(part.dropped for part in parts),
            sum(counts) if counts else None,
        )


class Outcomes:
    """Collects the outcomes of repetitions one by one."""

    def __init__(self, head: Head) -> None:
        """Begin with none."""
        self._errors: list[float] = []
        self._overlaps: list[float] = []
        self._dropped = 0
        asked = head.kind == "logistic" and head.ridge is not None and single(head.ridge) == 0
        self._separable: int | None = 0 if asked else None

    def drop(self) -> None:
        """Count a repetition without a head."""
        self._dropped += 1

    def keep(self, error: float, overlap: float, separable: bool | None) -> None:
        """Add a repetition."""
        self._errors.append(error)
        self._overlaps.append(overlap)
        if self._separable is not None:
            self._separable += bool(separable)

    def repetitions(self) -> Repetitions:
        """Return what was collected."""
        return Repetitions(np.array(self._errors), np.array(self._overlaps), self._dropped, self._separable)


def cosine(head: FloatArray, signal: FloatArray) -> float:
    """Return cos∠(ŵ, w⋆), or 0 where one of them vanishes."""
    lengths = float(np.linalg.norm(head) * np.linalg.norm(signal))
    return float(head @ signal) / lengths if lengths > 0 else 0.0
