"""What a point of the final curve needs of a prediction: the error and the limit, without what takes longer."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from theory.arguments import FloatArray, NotAvailableError
from theory.attention.deterministic import attention_fluctuates, deterministic_attention
from theory.head import Head
from theory.known_prompt.averaging import averaging_error
from theory.known_prompt.deterministic_prediction import has_exact_formula, plain_kind
from theory.known_prompt.error import known_prompt_error
from theory.known_prompt.full_head_least_squares import full_head_least_squares_error
from theory.mixture import ContextualMixture


@dataclass(frozen=True)
class CurvePoint:
    """Error and limit of `known_prompt_error`, of the shape of the training sizes."""

    error: float | FloatArray
    limit: float | FloatArray


def curve_point(mixture: ContextualMixture, head: Head) -> CurvePoint:
    """Return what `known_prompt_error` says of error and limit.

    The exact overlap of least squares in the full space takes longer than its error, and no curve shows it.

    Args:
        mixture: single numbers.
        head: its samples may be an array.

    Raises:
        NotAvailableError: as `known_prompt_error`.

    Example:
        >>> mixture = ContextualMixture(dimension=6, tokens=4, relevant_tokens=1, noise_kind="prompt-orthogonal")
        >>> print(f"{curve_point(mixture, Head(9, kind='least-squares', space='full')).error:.4f}")
        0.1949
    """
    fluctuates = attention_fluctuates(mixture, head.inverse_temperature).any()
    slow = plain_kind(head) == "least-squares" and head.space == "full"
    if slow and not fluctuates and has_exact_formula(mixture, head):
        law, dimension = deterministic_attention(mixture, head.inverse_temperature, head.attention), mixture.dimension
        with suppress(NotAvailableError):
            return CurvePoint(
                full_head_least_squares_error(
                    head.samples, np.asarray(dimension) - 1, law.signal, law.noise, law.context
                ).error,
                averaging_error(head.samples, np.asarray(dimension) - 1, law.kappa).error,
            )
    prediction = known_prompt_error(mixture, head)
    return CurvePoint(prediction.error, prediction.limit)
