"""What the proportional regime says of a trained head: its length along w⋆ and across, with certified equations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from theory.arguments import ArgumentError, FloatArray, Numbers, plain, real
from theory.attention.law import AttentionLaw

CERTIFIED = 1e-8
"""Largest relative residual with which the equations of a head count as solved."""


class ConvergenceError(ArithmeticError):
    """The equations of a head that could not be solved to their certified residual."""


@dataclass(frozen=True)
class ProportionalHead:
    """Limit of a trained head, up to a positive factor where the head has no length of its own.

    Attributes (floats, or arrays of one shape for several settings):
        along: component w₁ along w⋆.
        across: length w_⊥ of the rest, at least 0.
        residual: largest relative residual of the equations that were solved, 0 for a closed form.
    """

    along: float | FloatArray
    across: float | FloatArray
    residual: float | FloatArray

    @property
    def overlap(self) -> Any:
        """Cosine c_w of the angle between head and w⋆; 0 for a head of length 0.  A float, or an array."""
        length = np.hypot(self.along, self.across)
        return plain(np.divide(self.along, length, out=np.zeros(np.shape(length)), where=length > 0))


def certified(
    head: ProportionalHead, name: str, ratio: float | FloatArray, ridge: float | FloatArray | None = None
) -> ProportionalHead:
    """Return the head, or heads, if all equations are solved.

    Raises:
        ConvergenceError: some are not; the message names the head and its first setting of which they are not.
    """
    solved = (np.asarray(head.residual) <= CERTIFIED) & np.isfinite(head.along) & np.isfinite(head.across)
    if not solved.all():
        first = np.unravel_index(int(np.argmin(solved)), solved.shape)
        where = f"p/n = {np.asarray(ratio)[first]:g}" + (
            "" if ridge is None else f" and ridge {np.asarray(ridge)[first]:g}"
        )
        residual = np.asarray(head.residual)[first]
        raise ConvergenceError(
            f"the equations of {name} at {where} could not be solved: relative residual {residual:.1g}"
        )
    return head


def in_unit(head: ProportionalHead, unit: float) -> ProportionalHead:
    """Return a head for features in their own unit, from one for features in units of `unit`."""
    return ProportionalHead(head.along / unit, head.across / unit, head.residual)


def ratio_argument(ratio: Numbers) -> FloatArray:
    """Return γ = p/n ≥ 0 as checked numbers."""
    return real("ratio", ratio, least=0)


@lru_cache(maxsize=64)
def standardised(law: AttentionLaw) -> tuple[AttentionLaw, float]:
    """Return the law in units of the root-mean-square noise, and that unit.

    Raises:
        ArgumentError: a feature has no noise; heads that weigh noise have no proportional regime there.
    """
    unit = math.sqrt(max(law.mean((law.noise / max(law.noise.max(), 1e-300)) ** 2), 0.0)) * float(law.noise.max())
    if not unit > 0 or not np.all(law.noise > 0):
        raise ArgumentError("law", "have noise S > 0 at every node", f"S = {float(law.noise.min()):g}")
    return AttentionLaw(law.signal / unit, law.noise / unit, law.weight), unit
