"""Two ways to one answer, timed in turn: seconds for each, and their ratio with its spread.

Both sides of an entry solve the same problem and are held to the same answer before they are timed.  They alternate, so
that a busy machine slows both; the ratio of each pair is taken, and its median and range are shown.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

PAIRS = 7


@dataclass(frozen=True)
class Side:
    """One way.

    Attributes:
        run: computes the answer; what it returns is compared with the other side's.
        units: settings, draws or whatever one run computes; times are given for one of them.
        factor: what the time of a unit is to be multiplied by, such as how many units a precision takes.
    """

    run: Callable[[], npt.ArrayLike]
    units: float = 1.0
    factor: float = 1.0


@dataclass(frozen=True)
class Entry:
    """One comparison.

    Attributes:
        name: what is computed.
        alternative: how the other side computes it.
        toolkit: the toolkit's way.
        plain: the other.
        agreement: relative difference that the two answers may have; infinite where both are random numbers.
        goal: ratio that is aimed at; None for none.
        seconds: time of the toolkit's side that is aimed at; None for none.
    """

    name: str
    alternative: str
    toolkit: Side
    plain: Side
    agreement: float
    goal: float | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Timing:
    """Outcome of one entry.

    Attributes:
        name: what is computed.
        alternative: how the other side computes it.
        toolkit_seconds: median time of the toolkit's side.
        plain_seconds: of the other.
        ratio: other over toolkit, median of the pairs.
        smallest_ratio: least of the pairs.
        largest_ratio: largest of the pairs.
        goal: ratio aimed at.
        goal_seconds: time of the toolkit's side aimed at.
    """

    name: str
    alternative: str
    toolkit_seconds: float
    plain_seconds: float
    ratio: float
    smallest_ratio: float
    largest_ratio: float
    goal: float | None
    goal_seconds: float | None

    @property
    def reached(self) -> bool | None:
        """Return whether all goals are reached; None without one."""
        if self.goal is None and self.goal_seconds is None:
            return None
        fast = self.goal is None or self.ratio >= self.goal
        return fast and (self.goal_seconds is None or self.toolkit_seconds <= self.goal_seconds)


def measured(entry: Entry) -> Timing:
    """Check that both sides agree, then time them in turn.

    Raises:
        ArithmeticError: the two sides differ, so that their times would compare nothing.

    Example:
        >>> total = Entry("a sum", "Python", Side(lambda: np.arange(1000).sum()), Side(lambda: sum(range(1000))), 1e-12)
        >>> measured(total).ratio > 0
        True
    """
    mine, other = (np.asarray(side.run(), dtype=np.float64) for side in (entry.toolkit, entry.plain))
    if not np.all(np.abs(mine - other) <= entry.agreement * np.abs(other)):
        apart = np.argmax(np.abs(mine - other) / np.abs(other))
        values = f"{mine.flat[apart]:.12g} by the toolkit, {other.flat[apart]:.12g} by {entry.alternative}"
        raise ArithmeticError(f"{entry.name}: {values}")
    seconds = np.empty((PAIRS, 2))
    for pair in range(PAIRS):
        for place, side in enumerate((entry.toolkit, entry.plain)):
            start = time.perf_counter()
            side.run()
            seconds[pair, place] = (time.perf_counter() - start) / side.units * side.factor
    ratios, middle = seconds[:, 1] / seconds[:, 0], np.median(seconds, axis=0)
    return Timing(
        entry.name,
        entry.alternative,
        float(middle[0]),
        float(middle[1]),
        float(np.median(ratios)),
        float(ratios.min()),
        float(ratios.max()),
        entry.goal,
        entry.seconds,
    )
