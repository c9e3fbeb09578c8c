"""Saddle points of many integrands at once: the roots of a decreasing function of the logit of each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from theory.arguments import FloatArray

LOGIT_RANGE = 350.0
"""Saddle points are looked for where |logit| ≤ 350, wide enough for squared means up to 1e150."""

DIFFERENCE = 1e-4
"""Step of the finite difference that stands for the derivative: the functions are nearly linear."""

MOST_STEPS = 100


def saddle_logit(imbalance: Callable[[FloatArray], tuple[FloatArray, FloatArray]], guess: FloatArray) -> FloatArray:
    """Return the logits at which an imbalance vanishes, by Newton's method with bisection where it leaves the bracket.

    Args:
        imbalance: maps logits of shape (settings,) to a decreasing function of each and how near 0 it has to come.
        guess: shape (settings,), first logits.

    Raises:
        ArithmeticError: a function did not come near 0.

    Example:
        >>> target = np.array([-2.0, 0.0, 100.0])
        >>> saddle_logit(lambda logit: (target - logit, np.full(3, 1e-12)), np.zeros(3)).round(9)
        array([ -2.,   0., 100.])
    """
    lower, upper = np.full_like(guess, -LOGIT_RANGE), np.full_like(guess, LOGIT_RANGE)
    logit = np.clip(guess, lower, upper)
    for _ in range(MOST_STEPS):
        here, tolerance = imbalance(logit)
        if (np.abs(here) < tolerance).all():
            return logit
        beside, _ = imbalance(logit + DIFFERENCE)
        lower, upper = np.where(here > 0, logit, lower), np.where(here > 0, upper, logit)
        logit = logit + DIFFERENCE * here / (here - beside)
        logit = np.where((logit > lower) & (logit < upper), logit, (lower + upper) / 2)
    raise ArithmeticError("no saddle point was found; please report the setting")
