"""One setting under simulation: which portions there are, which are still wanted, and what they say."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from numerics.verification.betting import Null, detectable, log_evidence, observations_needed
from numerics.verification.claim import EFFORTS, KINDS, Claim, Setting
from theory.arguments import ArgumentError, FloatArray

FIRST_PORTIONS = 3
"""Enough to guess the spread; the stakes of the first are zero."""

LARGEST_GROWTH = 4
"""A plan made from few observations is followed by so much at most before a new one is made."""

MOST_OBSERVATIONS = 20_000_000
"""A check that would need more says "undecided"."""


def expect(setting: Setting) -> tuple[float, float]:
    """Return the prediction of a setting, and what deviations from it are relative to."""
    predicted = float(setting.predict(**setting.arguments))
    return predicted, abs(predicted) if setting.scale is None else float(setting.scale(**setting.arguments))


@dataclass
class Trial:
    """A setting, the portions of its arms that have arrived, and how many it wants.

    Attributes:
        claim: the claim.
        setting: its setting.
        predicted: the prediction.
        scale: what deviations are relative to.
        false_alarm: α of this check.
        effort: of the run.
        wanted: portions of each arm that are wanted.
        seconds: time that the portions took, by arm and index.
    """

    claim: Claim
    setting: Setting
    predicted: float
    scale: float
    false_alarm: float
    effort: str
    wanted: int = FIRST_PORTIONS
    seconds: dict[tuple[int, int], float] = field(default_factory=dict)
    _arrived: dict[tuple[int, int], FloatArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a prediction that cannot be the mean, or that gives deviations no scale."""
        low, high = self.setting.bounds
        if not low - self.allowance <= self.predicted <= high + self.allowance:
            name = f"the prediction of {self.claim.id} ({self.setting.label})"
            raise ArgumentError(name, f"lie between {low:g} and {high:g}, as what is simulated does", self.predicted)
        if not self.scale > 0:
            name = f"the scale of {self.claim.id} ({self.setting.label})"
            raise ArgumentError(name, "be greater than 0; give one where the prediction is 0", self.scale)

    @property
    def allowance(self) -> float:
        """Return what the mean may be off by although the claim is true."""
        return self.setting.allowance * self.scale

    @property
    def finest(self) -> float:
        """Return the relative deviation that the check is to find."""
        return max(EFFORTS[self.effort], self.setting.finest)

    @property
    def shift(self) -> float:
        """Return the same in units of the mean."""
        return self.finest * self.scale

    @property
    def null(self) -> Null:
        """Return what is tested."""
        low, high = self.setting.bounds
        two_sided = KINDS[self.claim.kind] == "="
        return Null(self.predicted, self.allowance, low, high, two_sided, self.false_alarm)

    @property
    def portion(self) -> int:
        """Return the repetitions of one portion."""
        return self.setting.arms[0].experiment.portion

    def missing(self) -> list[tuple[int, int]]:
        """Return arm and index of every portion that is wanted and not there."""
        places = [(arm, index) for index in range(self.wanted) for arm in range(len(self.setting.arms))]
        return [place for place in places if place not in self._arrived]

    @property
    def still_missing(self) -> int:
        """Return how many portions are wanted and not there."""
        return self.wanted * len(self.setting.arms) - len(self._arrived)

    def receive(self, arm: int, index: int, values: FloatArray, seconds: float) -> None:
        """Take a portion; when the last one wanted is there, plan anew.

        Raises:
            ArgumentError: a value lies outside the range of the experiment, on which the proof of the error rate rests.
        """
        experiment = self.setting.arms[arm].experiment
        outside = ~((values >= experiment.lower) & (values <= experiment.upper))
        if outside.any():
            name = f"what {experiment.draw.__qualname__} draws for {self.claim.id}"
            raise ArgumentError(name, f"lie between {experiment.lower:g} and {experiment.upper:g}", values[outside][0])
        self._arrived[arm, index] = values
        self.seconds[arm, index] = seconds
        if self.still_missing == 0:
            self._plan()

    def _plan(self) -> None:
        """Want as many portions as the spread seen so far asks for."""
        portions = self.portions()
        kept = sum(map(len, portions))
        if kept < 2:
            return
        needed = observations_needed(self.null, self.deviation(), self.shift) + len(portions[0])
        most = MOST_OBSERVATIONS / self.portion
        planned = needed / (kept / len(portions)) if math.isfinite(needed) else most
        self.wanted = max(self.wanted, math.ceil(min(planned, LARGEST_GROWTH * self.wanted, most)))

    def portions(self) -> list[FloatArray]:
        """Return the weighted sums of the arms, portion by portion, as far as all arms have arrived.

        Where repetitions were dropped the arms are paired as far as the shorter one goes: all values are independent.
        """
        arms = range(len(self.setting.arms))
        sums = []
        for index in range(self.wanted):
            if any((arm, index) not in self._arrived for arm in arms):
                break
            length = min(len(self._arrived[arm, index]) for arm in arms)
            sums.append(
                np.sum([self.setting.arms[arm].weight * self._arrived[arm, index][:length] for arm in arms], axis=0)
            )
        return sums

    def deviation(self) -> float:
        """Return the standard deviation of what has arrived."""
        return float(np.std(np.concatenate(self.portions()), ddof=1))

    def dropped(self) -> int:
        """Return how many repetitions gave no value."""
        return sum(self.portion - len(values) for values in self._arrived.values())

    def log_evidence(self) -> float:
        """Return the natural logarithm of the evidence against the claim."""
        return log_evidence(self.null, self.portions(), self.shift)

    def detectable(self) -> float:
        """Return the relative deviation that this trial finds with probability 99.9 %."""
        portions = self.portions()
        staked = sum(map(len, portions[1:]))
        if staked < 1:
            return math.inf
        return detectable(self.null, self.deviation(), staked) / self.scale
