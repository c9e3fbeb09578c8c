"""A probability with its logarithm and the numerical error of both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theory.arguments import FloatArray, plain

ROUNDINGS = 16.0
"""Rounding errors of one unit that an evaluation adds up, besides those that grow with the exponent."""

ROUNDINGS_PER_EXPONENT = 4.0
"""Rounding errors of one unit for each unit of |log p|: the exponent is a sum of a few terms of that size."""


@dataclass(frozen=True)
class ErrorProbability:
    """P(y f(X) < 0), ties counted as one half.

    Attributes (floats, or arrays of one shape):
        error: the probability; 0 only where it is below the smallest float.
        error_bound: estimated bound on the numerical error of `error`.
        log_error: its natural logarithm, accurate where `error` underflows.
        log_error_bound: estimated bound on the numerical error of `log_error`.
    """

    error: float | FloatArray
    error_bound: float | FloatArray
    log_error: float | FloatArray
    log_error_bound: float | FloatArray


def error_probability(log_error: FloatArray, relative_error: FloatArray | float) -> ErrorProbability:
    """Wrap a log-probability, adding rounding to the relative error of the method that computed it."""
    finite = np.where(np.isfinite(log_error), log_error, 0.0)
    rounding = np.finfo(np.float64).eps * (ROUNDINGS + ROUNDINGS_PER_EXPONENT * np.abs(finite))
    bound = np.asarray(np.where(np.isfinite(log_error), relative_error + rounding, 0.0))
    error = np.asarray(np.exp(log_error))
    return ErrorProbability(plain(error), plain(np.asarray(error * bound)), plain(np.asarray(log_error)), plain(bound))
