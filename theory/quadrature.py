"""The trapezoidal rule for integrands that decay at both ends, many at a time, with an error estimate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.arguments import FloatArray

NEGLIGIBLE = 42.0
"""Log-magnitude below the peak at which an integrand is cut: e^-42 = 6e-19 is below a rounding error."""

Integrand = Callable[[FloatArray], tuple[npt.NDArray[Any], npt.NDArray[Any]]]


@dataclass(frozen=True)
class LogIntegral:
    """Logarithm of a positive integral and the estimated relative error of the integral."""

    log_value: FloatArray
    relative_error: FloatArray


def support(
    log_magnitude: Callable[[FloatArray], FloatArray], lower: FloatArray, upper: FloatArray
) -> list[FloatArray]:
    """Shrink [lower, upper] to where `log_magnitude` exceeds its maximum less `NEGLIGIBLE`, on a grid of 32 cells."""
    fractions = np.linspace(0, 1, 33)[:, None]
    alive = log_magnitude(lower + (upper - lower) * fractions)
    alive = alive > alive.max(axis=0) - NEGLIGIBLE
    first = np.maximum(np.argmax(alive, axis=0) - 1, 0)
    last = np.minimum(len(fractions) - np.argmax(alive[::-1], axis=0), len(fractions) - 1)
    return [lower + (upper - lower) * fractions[edge, 0] for edge in (first, last)]


def decay(log_magnitude: Callable[[FloatArray], FloatArray], far: FloatArray) -> FloatArray:
    """Return, within 1/128 of `far`, where a magnitude that falls from 1 at 0 becomes negligible on the way there."""
    inside, outside = np.zeros_like(far), far
    for _ in range(7):
        middle = (inside + outside) / 2
        alive = log_magnitude(middle) > -NEGLIGIBLE
        inside, outside = np.where(alive, middle, inside), np.where(alive, outside, middle)
    return outside


def trapezoid(integrand: Integrand, lower: FloatArray, upper: FloatArray, intervals: int) -> LogIntegral:
    """Integrate Re(e^exponent · factor) from `lower` to `upper` for each column of settings.

    Args:
        integrand: maps nodes of shape (intervals + 1, settings) to (exponent, factor) of the same shape.
        lower: shape (settings,), first end.
        upper: shape (settings,), second end; the integrand must be negligible or even about an end.
        intervals: even number of equal steps.

    Returns:
        The integral's logarithm.  For analytic integrands of this kind the rule's error is e^{-c/step}, which halving
        the step squares; from the relative difference Δ of the two step widths its error is estimated, generously, by
        Δ^{5/4}.

    Raises:
        ArithmeticError: the sum is not positive, which no integral of a density can be.
    """
    fine, coarse, peak = trapezoidal_sums(integrand, lower, upper, intervals)
    if not (fine > 0).all():
        raise ArithmeticError(
            f"the integral of a density came out as {fine[~(fine > 0)][0]:g}; please report the setting"
        )
    return LogIntegral(np.log(fine) + peak, np.abs(coarse / fine - 1) ** 1.25)


def trapezoidal_sums(
    integrand: Integrand, lower: FloatArray, upper: FloatArray, intervals: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the rule's values for this step width and for twice it, both over e^peak, and the peak; as above.

    Example:
        >>> zero = np.zeros(1)
        >>> trapezoidal_sums(lambda x: (0 * x, np.exp(-(x**2))), zero, zero + 6, 16)[0] * 2 / np.sqrt(np.pi)
        array([1.])
    """
    nodes = lower + (upper - lower) * (np.arange(intervals + 1) / intervals)[:, None]
    exponent, factor = integrand(nodes)
    peak = exponent.real.max(axis=0)
    values = (np.exp(exponent - peak) * factor).real
    values[[0, -1]] /= 2
    step = (upper - lower) / intervals
    return values.sum(axis=0) * step, values[::2].sum(axis=0) * 2 * step, peak
