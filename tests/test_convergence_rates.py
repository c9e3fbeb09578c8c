"""Simulated errors approach their proportional limits as 1/n: the exponent is fitted, with its standard error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from numerics.executor import processes
from numerics.simulation import simulate
from tests.false_alarms import CRITICAL_Z, share
from theory import ContextualMixture, Head, known_prompt_error

MIXTURE = ContextualMixture(21, 6, 2, signal_norm=1.25)
DIMENSIONS = np.array([5, 10, 20])


def simulated_gaps(mixture, head, ratio, repetitions):
    """Return the gaps E_n - limit and their standard errors at each dimension p = ratio · n."""
    gaps, errors = [], []
    with processes(2) as executor:
        for dimension in DIMENSIONS:
            data = replace(mixture, dimension=dimension + 1)
            trained = replace(head, samples=round(dimension / ratio))
            limit = known_prompt_error(data, trained, regime="proportional").error
            result = simulate(data, trained, repetitions=repetitions, seed=7, key=(int(dimension),), executor=executor)
            gaps.append(result.error - limit)
            errors.append(result.standard_error)
    return np.array(gaps), np.array(errors)


@pytest.mark.slow
@pytest.mark.parametrize(
    "head", [Head(1, kind="least-squares"), Head(1, kind="ridge", ridge=0.001)], ids=lambda head: head.kind
)
def test_the_gap_of_least_squares_falls_with_exponent_one(head):
    """The fit tells 1/n from 1/√n and 1/n²; the next term bends it by a few times 1/10."""
    gaps, errors = simulated_gaps(MIXTURE, head, 0.5, 60_000)
    assert np.all(gaps < 0)
    # A line fitted to three points evenly spaced in log p has the slope between the outer two.
    slope = np.log(gaps[2] / gaps[0]) / np.log(4)
    uncertainty = np.hypot(errors[0] / gaps[0], errors[2] / gaps[2]) / np.log(4)
    assert share() > 0
    assert CRITICAL_Z * uncertainty < 0.4
    assert abs(slope + 1) < CRITICAL_Z * uncertainty + 0.05


@pytest.mark.slow
@pytest.mark.parametrize(
    "head", [Head(1, kind="logistic", ridge=0.1), Head(1, kind="max-margin")], ids=lambda head: head.kind
)
def test_the_gap_of_other_heads_falls_at_least_as_fast(head):
    """Their coefficient of 1/n is too small to fit an exponent to: n times the gap stays below 0.1 at every size."""
    gaps, errors = simulated_gaps(MIXTURE, head, 1.0, 6000)
    for dimension, gap, error in zip(DIMENSIONS, gaps, errors, strict=True):
        assert share() > 0
        assert abs(gap) * dimension < 0.1 + CRITICAL_Z * error * dimension
        assert CRITICAL_Z * error < 0.01
