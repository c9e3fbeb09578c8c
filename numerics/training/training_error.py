"""The refusal of a head that cannot be trained to the accuracy that it promises, or not at all."""

from __future__ import annotations


class TrainingError(ArithmeticError):
    """A head could not be trained: a solver did not converge, or no training set of a simulation has such a head."""
