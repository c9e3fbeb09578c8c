"""Means over random splits of one data set, which share sources and are not independent.

For J splits that test on a share of the sources, n₂ against n₁ for training, the variance of the mean is taken for
(1/J + n₂/n₁) s² rather than s²/J (Nadeau & Bengio 2003, "corrected resampled t").  The interval is for the mean over
new data sets of this size from where this one came from; it is approximate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from numerics.real_data.arrangements import SHARES
from theory.arguments import ArgumentError

CONFIDENCE = 0.95
TEST_TO_TRAINING = SHARES[-1] / SHARES[0]


@dataclass(frozen=True)
class ResampledMean:
    """A mean over splits.

    Attributes:
        mean: over the splits.
        interval: 95 %, see above; of no width where all splits agree.
        deviation: standard deviation from split to split.
        splits: J.
    """

    mean: float
    interval: tuple[float, float]
    deviation: float
    splits: int


def resampled_mean(values: npt.ArrayLike) -> ResampledMean:
    """Return the mean of one number a split.

    Raises:
        ArgumentError: there are fewer than two.

    Example:
        >>> print(resampled_mean([0.8, 0.9, 0.85, 0.85]).interval)
        (0.7508, 0.9492)
    """
    numbers = np.asarray(values, dtype=float)
    if len(numbers) < 2:
        raise ArgumentError("splits", "be at least 2, for an interval", len(numbers))
    mean, deviation = float(numbers.mean()), float(numbers.std(ddof=1))
    width = float(stdtrit(len(numbers) - 1, (1 + CONFIDENCE) / 2)) * deviation
    width *= math.sqrt(1 / len(numbers) + TEST_TO_TRAINING)
    return ResampledMean(mean, (mean - width, mean + width), deviation, len(numbers))
