"""Heads in the proportional regime: n and p grow without bound while p/n stays at γ, T stays as it is."""

from theory.proportional.averaging import averaging_head, weighted_averaging_head
from theory.proportional.logistic import logistic_head
from theory.proportional.max_margin import max_margin_head, separability_threshold
from theory.proportional.overlap import ConvergenceError, ProportionalHead
from theory.proportional.ridge import best_ridge_head, ridge_head

__all__ = [
    "ConvergenceError",
    "ProportionalHead",
    "averaging_head",
    "best_ridge_head",
    "logistic_head",
    "max_margin_head",
    "ridge_head",
    "separability_threshold",
    "weighted_averaging_head",
]
