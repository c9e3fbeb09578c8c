"""Which contours to try for a sum of log-normal terms, in which order, and with how many nodes.

Nothing here can make an answer wrong: each evaluation brings its own bound, and a poor choice costs time alone.  The
numbers were read from several hundred random laws: of each, the contour that needed the fewest nodes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import chain

from theory.risk.lognormal_contour import LognormalSum, Shape

FEW_TERMS = 16
"""φ^m of so few terms falls slowly on the real axis."""

TINY = 1e-300


def shapes(law: LognormalSum) -> Iterator[Shape]:
    """Return the shapes of contours to try, the one that suits most laws first.

    On a lifted curve, g - iθ/s, the angle costs no nodes over g; a narrow spread would have to be lifted too far.
    """
    side = math.copysign(1.0, law.constant)
    lifted_angles, flat_angles = _angles(law, side)
    heights = _heights(law)
    lifted = (
        (side * angle, -side * angle / law.spread, height)
        for height in heights
        for angle in lifted_angles
        if abs(angle) < 1.6 * law.spread
    )
    flat = (
        (side * angle, 0.0, height)
        for height in heights
        for angle in flat_angles
        if abs(angle) + law.spread * height < 0.71
    )
    bent = law.steep and side * law.slope > 0  # a lift lets e^{iu e^{sg} βg} grow
    return chain(lifted, flat) if law.spread > 0.7 and not bent else chain(flat, lifted)


def usual_radii(law: LognormalSum, length: float) -> float:
    """Return the number of nodes over log r, on a stretch so long, that suffices for nine laws of ten."""
    pull = math.sqrt(law.terms) * abs(law.mean) / math.hypot(law.noise, law.slope, TINY)
    near = (15.5 - 2.7 * law.spread) * (1 + min(0.6, 0.12 * pull))
    far = min(5.2 + 0.55 * math.log(1 + _distance(law)) + (2 if law.terms <= FEW_TERMS else 0), 11.0)
    return length * max(near, far)


def usual_scores(law: LognormalSum) -> float:
    """Return the number of nodes over g that suffices for nine laws of ten."""
    spread = law.spread
    scores = max(60 + 120 * spread, 36 + min(40 * spread + 110 * spread**2, 206 * spread))
    return scores * (1.15 if law.steep else 1.0)


def _distance(law: LognormalSum) -> float:
    """Return how many deviations c, with and without the mean of the terms, lies from 0; 0 where its sign changes."""
    centre = law.constant
    if law.spread**2 < math.log(law.terms) / 2:  # so many terms that their mean is that of the law
        centre += law.terms * math.exp(law.spread**2 / 2) * (law.mean + law.spread * law.slope)
    elif law.spread < 3:  # the largest terms are missing
        centre += law.terms * law.mean
    if law.constant * centre <= 0:
        return 0.0
    return min(abs(law.constant), abs(centre)) / (math.sqrt(law.terms) * math.hypot(law.noise, law.slope, TINY))


def _angles(law: LognormalSum, side: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the angles for lifted and for flat curves, times the sign of c: the farther c, the more e^{iuc} helps."""
    distance = _distance(law)
    bends = law.steep and law.spread > 0.7 and distance < 8
    if side * law.slope > 0 if bends else distance < 0.8 and law.terms > FEW_TERMS:
        few = law.terms <= FEW_TERMS
        flat = (0.25, 0.1, 0.0, 0.4, -0.12, -0.25, -0.4) if few else (0.0, 0.1, 0.25, 0.4, -0.12, -0.25, -0.4)
        return (0.0, 0.35, 0.6, 1.1, -0.35, 1.5, -0.6), flat
    if distance < 3 and law.terms > FEW_TERMS and not law.steep:
        return (0.6, 1.1, 0.35, 0.0, 1.5, -0.35, -0.6), (0.4, 0.25, 0.1, 0.0, -0.12, -0.25, -0.4)
    return (1.1, 1.5, 0.6, 0.35, 0.0, -0.35, -0.6), (0.5, 0.4, 0.25, 0.1, 0.0, -0.12, -0.25)


def _heights(law: LognormalSum) -> tuple[float, float, float]:
    """Return the heights of the curve of g: the less noise, the more its bend is needed."""
    low, high = min(0.7, 0.28 / law.spread), min(0.9, 0.45 / law.spread)
    if max(abs(law.mean), abs(law.slope)) < 0.3 * law.noise:
        return 0.0, low, high
    return (high, low, 0.0) if law.steep else (low, high, 0.0)
