"""What a simulator returns: one error and one overlap for each repetition."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theory.arguments import FloatArray


@dataclass(frozen=True)
class Repetitions:
    """Outcomes of independent repetitions of training and testing.

    Attributes:
        errors: shape (repetitions,), test error of each trained head, or an unbiased estimate of it.
        overlaps: shape (repetitions,), cos∠(ŵ, w⋆) of each, 0 for a head or signal of length 0.
    """

    errors: FloatArray
    overlaps: FloatArray


def cosine(head: FloatArray, signal: FloatArray) -> float:
    """Return cos∠(ŵ, w⋆), or 0 where one of them vanishes."""
    lengths = float(np.linalg.norm(head) * np.linalg.norm(signal))
    return float(head @ signal) / lengths if lengths > 0 else 0.0
