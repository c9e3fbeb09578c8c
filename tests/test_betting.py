"""The evidence behind every verdict: it never grows on average, never ruins, and reaches the stated power."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

from numerics.verification.betting import (
    POWER,
    POWER_QUANTILE,
    Null,
    detectable,
    log_evidence,
    observations_needed,
    planned,
    stake,
)
from tests.false_alarms import share

TWO_SIDED = Null(0.2, 0.0, 0.0, 1.0, two_sided=True, false_alarm=1e-8)


def capitals(null, portions, shift):
    """Evidence after all portions, not its maximum: a plain second implementation, one observation at a time."""
    seen, wealth = [], dict.fromkeys(null.sides, 1.0)
    for portion in portions:
        for y in portion:
            for side in null.sides:
                rate = 0.0
                if len(seen) > 1:
                    deviation = np.std(seen, ddof=1)
                    rate = stake(null, side, deviation, planned(null, deviation, shift))
                wealth[side] *= 1 + rate * (side * (y - null.mean) - null.allowance)
        seen.extend(portion)
    return sum(wealth.values()) / len(wealth)


@pytest.mark.parametrize("two_sided", [True, False])
def test_the_expected_evidence_is_one_if_the_claim_is_true(two_sided):
    """Every sequence of eight coin flips in four portions: the martingale property, to rounding."""
    null = Null(0.3, 0.0, 0.0, 1.0, two_sided, 1e-3)
    expected = 0.0
    for flips in product([0.0, 1.0], repeat=8):
        probability = math.prod(0.3 if flip else 0.7 for flip in flips)
        expected += probability * capitals(null, np.split(np.array(flips), 4), 0.2)
    assert_allclose(expected, 1, rtol=1e-12)


def test_the_expected_evidence_is_below_one_inside_an_allowance_and_for_an_inequality():
    for mean, two_sided in ((0.28, True), (0.32, True), (0.5, False)):
        null = Null(0.3, 0.03, 0.0, 1.0, two_sided, 1e-3)
        expected = 0.0
        for flips in product([0.0, 1.0], repeat=6):
            probability = math.prod(mean if flip else 1 - mean for flip in flips)
            expected += probability * capitals(null, np.split(np.array(flips), 3), 0.2)
        assert expected < 1


def test_the_vectorised_evidence_is_the_maximum_of_the_plain_one():
    rng = np.random.default_rng(5)
    portions = [rng.beta(2, 7, size=30) for _ in range(6)]
    null, shift = Null(0.25, 0.001, 0.0, 1.0, True, 1e-4), 0.01
    path = [
        capitals(null, [*portions[:k], portions[k][: i + 1]], shift) for k in range(6) for i in range(len(portions[k]))
    ]
    assert_allclose(log_evidence(null, portions, shift), max(0.0, math.log(max(path))), atol=1e-10)


LAWS = {
    "rare ones": lambda rng, size: (rng.random(size) < 0.02).astype(float),
    "skewed": lambda rng, size: rng.beta(0.1, 0.9, size),
    "two points": lambda rng, size: rng.choice([0.0, 0.5], size=size, p=[0.9, 0.1]),
}
MEANS = {"rare ones": 0.02, "skewed": 0.1, "two points": 0.05}


@pytest.mark.parametrize("law", [pytest.param(law, marks=() if law == "skewed" else pytest.mark.slow) for law in LAWS])
def test_a_true_claim_is_refuted_no_more_often_than_stated(law):
    """2,000 runs at a level of 2 %, with laws whose skewness breaks Student's test; a binomial test of the excess."""
    rng, level, runs = np.random.default_rng(11), 0.02, 2000
    null = Null(MEANS[law], 0.0, 0.0, 1.0, True, level)
    refuted = sum(
        log_evidence(null, np.split(LAWS[law](rng, 800), 8), 0.2 * MEANS[law]) >= math.log(1 / level)
        for _ in range(runs)
    )
    assert stats.binomtest(refuted, runs, level, alternative="greater").pvalue > share()


@pytest.mark.parametrize("side", [pytest.param(-1, marks=pytest.mark.slow), 1])
def test_the_stated_power_is_reached(side):
    """Runs as long as planned, off by what is detectable: at least 99.9 % must be refuted, by a binomial test."""
    rng, deviation, runs = np.random.default_rng(7), 0.04, 2000
    shift = 0.02 * TWO_SIDED.mean
    first = 500
    size = first * math.ceil(observations_needed(TWO_SIDED, deviation, shift) / first + 1)
    shift = detectable(TWO_SIDED, deviation, size - first)
    mean = TWO_SIDED.mean + side * shift
    concentration = mean * (1 - mean) / deviation**2 - 1
    refuted = 0
    for _ in range(runs):
        drawn = rng.beta(mean * concentration, (1 - mean) * concentration, size)
        refuted += log_evidence(TWO_SIDED, np.split(drawn, size // first), shift) >= math.log(1e8)
    assert stats.binomtest(refuted, runs, POWER, alternative="less").pvalue > share()


def test_what_is_detectable_falls_as_one_over_the_root_of_the_number():
    """(√(2 ln(2/α)) + z) standard errors, once stakes are small beside the ruinous one."""
    sizes = np.array([1e6, 1e8])
    found = np.array([detectable(TWO_SIDED, 0.04, size) for size in sizes])
    leading = (math.sqrt(2 * math.log(2e8)) + POWER_QUANTILE) * 0.04 / np.sqrt(sizes)
    # The next term is λΔ/2 of it, 6e-3 and 6e-4.
    assert_allclose(found, leading, rtol=1e-2)
    assert_allclose(found[1], leading[1], rtol=1e-3)


@given(
    mean=st.floats(0.001, 0.999),
    deviation=st.floats(1e-4, 0.5),
    share_of_mean=st.floats(0.003, 0.5),
    two_sided=st.booleans(),
)
def test_what_is_planned_makes_the_shift_detectable(mean, deviation, share_of_mean, two_sided):
    null = Null(mean, 0.0, 0.0, 1.0, two_sided, 1e-8)
    needed = observations_needed(null, deviation, share_of_mean * mean)
    assert 1 <= needed < math.inf
    assert detectable(null, deviation, needed) <= share_of_mean * mean
    assert detectable(null, deviation, 0.99 * needed) > share_of_mean * mean * 0.98


@given(
    mean=st.floats(0, 1),
    allowance=st.floats(0, 0.1),
    deviation=st.floats(0, 0.5),
    observations=st.floats(1, 1e9),
    extreme=st.sampled_from([0.0, 1.0]),
)
def test_no_observation_can_ruin(mean, allowance, deviation, observations, extreme):
    null = Null(mean, allowance, 0.0, 1.0, True, 1e-8)
    for side in null.sides:
        rate = stake(null, side, deviation, observations)
        assert math.isfinite(rate)
        assert 1 + rate * (side * (extreme - mean) - allowance) >= 0.25 - 1e-12  # a quarter of the capital is kept


def test_a_shift_inside_the_allowance_cannot_be_found():
    null = Null(0.2, 0.01, 0.0, 1.0, True, 1e-8)
    assert observations_needed(null, 0.04, 0.005) == math.inf
    assert detectable(null, 0.04, 1e12) > 0.01
