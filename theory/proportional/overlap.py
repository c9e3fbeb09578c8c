"""What the proportional regime says of a trained head: its length along w⋆ and across, with certified equations."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from theory.arguments import ArgumentError, real, single
from theory.attention.law import AttentionLaw

CERTIFIED = 1e-8
"""Largest relative residual with which the equations of a head count as solved."""


class ConvergenceError(ArithmeticError):
    """The equations of a head that could not be solved to their certified residual."""


@dataclass(frozen=True)
class ProportionalHead:
    """Limit of a trained head, up to a positive factor where the head has no length of its own.

    Attributes:
        along: component w₁ along w⋆.
        across: length w_⊥ of the rest, at least 0.
        residual: largest relative residual of the equations that were solved, 0 for a closed form.
    """

    along: float
    across: float
    residual: float

    @property
    def overlap(self) -> float:
        """Cosine c_w of the angle between head and w⋆; 0 for a head of length 0."""
        length = math.hypot(self.along, self.across)
        return self.along / length if length > 0 else 0.0


def certified(head: ProportionalHead, what: str) -> ProportionalHead:
    """Return the head if its equations are solved.

    Raises:
        ConvergenceError: they are not; the message names head and setting.
    """
    if not (head.residual <= CERTIFIED and math.isfinite(head.along) and math.isfinite(head.across)):
        raise ConvergenceError(f"the equations of {what} could not be solved: relative residual {head.residual:.1g}")
    return head


def in_unit(head: ProportionalHead, unit: float) -> ProportionalHead:
    """Return a head for features in their own unit, from one for features in units of `unit`."""
    return ProportionalHead(head.along / unit, head.across / unit, head.residual)


def ratio_argument(ratio: float) -> float:
    """Return γ = p/n ≥ 0 as a checked number."""
    return single(real("ratio", ratio, least=0))


def standardised(law: AttentionLaw) -> tuple[AttentionLaw, float]:
    """Return the law in units of the root-mean-square noise, and that unit.

    Raises:
        ArgumentError: a feature has no noise; heads that weigh noise have no proportional regime there.
    """
    unit = math.sqrt(max(law.mean((law.noise / max(law.noise.max(), 1e-300)) ** 2), 0.0)) * float(law.noise.max())
    if not unit > 0 or not np.all(law.noise > 0):
        raise ArgumentError("law", "have noise S > 0 at every node", f"S = {float(law.noise.min()):g}")
    return AttentionLaw(law.signal / unit, law.noise / unit, law.weight), unit
