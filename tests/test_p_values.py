"""P-values of true claims are uniform over seeds, at every default setting.

Not those on real data: they state bounds, or allow for much, so that their p-values are near 1.

Each of 1,000 seeds draws a few dozen observations from streams of its own.  Kolmogorov's test at the suite's share of
false alarms finds, with probability 99.9 %, a law of p-values that is 0.16 off somewhere, beyond the 0.05 at most that
are put down to few observations: a mean that is wrong by a standard error of one seed, or a standard error that is half
of the true one.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from numerics.estimate import Moments
from numerics.streams import stream
from numerics.verification.catalogue import CLAIMS
from numerics.verification.check import p_value
from numerics.verification.claim import stream_key
from numerics.verification.trial import Trial, expect
from tests.false_alarms import RATE, share

SEEDS = 1000
KEY = 99
"""Names the streams of this file."""

ALLOWED = 0.05
"""Distance of the law of p-values from the uniform one, at most, that is put down to few observations."""

LARGE_ALLOWANCE = 0.35
"""So far from uniform the law may be at most that stays when what a claim allows for is not taken off the deviation."""

OBSERVATIONS = {"hard-attention": 2000, "population-error": 100, "rate-of-convergence": 60, "descent-trajectory": 8}
OBSERVATIONS |= {"expressivity-failures": 2000, "expressivity-prompt-with-noise": 2000}
OBSERVATIONS |= {"expressivity-least-error": 40_000}
FEW = 40
"""Observations of a seed.  Enough that skewness moves the law of p-values by less than 0.01 (see `skewed_by`); errors
that take two values only need more, for their means to take many."""

PLACES = {
    f"{claim.id}, {setting.label}": (claim, setting)
    for claim in CLAIMS
    for setting in claim.settings
    if setting.effort == "default" and claim.extra is None
}
SEEDS_OF = {"descent-trajectory, one token in 256, 150 steps": 200}
SEEDS_OF |= {name: 25 for name in PLACES if name.startswith("expressivity-trained")}
"""Where a thousand seeds would take an hour."""

CHEAP = [
    name
    for name in PLACES
    if name.endswith(", overlap") or name.startswith(("attention-on", "population", "small-errors, averaging"))
]
OTHERS = [name for name in PLACES if name not in CHEAP]


def drawn(claim, setting, observations, seed):
    """Return Σ weight · value over the arms; where repetitions were dropped, as far as the shortest arm goes."""
    arms = []
    for index, arm in enumerate(setting.arms):
        rng = stream(seed, KEY, *stream_key(claim, setting, index))
        arms.append(arm.weight * arm.experiment.draw(observations, rng, **arm.experiment.parameters).values)
    length = min(map(len, arms))
    return np.sum([values[:length] for values in arms], axis=0)


def skewed_by(values, observations):
    """Return how far skewness and tails move the law of Student's |t|, to order 1/n (Hall 1992, section 2.6).

    P(|t| ≤ x) moves by (2/n) x φ(x) [κ (x² - 3)/12 - γ² (x⁴ + 2x² - 3)/18], γ the skewness and κ the excess kurtosis.
    """
    x = np.linspace(0, 6, 601)
    bend = stats.kurtosis(values) * (x**2 - 3) / 12 - stats.skew(values) ** 2 * (x**4 + 2 * x**2 - 3) / 18
    return float(np.max(np.abs(2 / observations * x * stats.norm.pdf(x) * bend)))


def grained_by(values, observations):
    """Return the largest probability of one value of |t| where observations take a few values at equal distances.

    Values count that more than one observation in a thousand takes, to a thousandth of the standard deviation.
    """
    different, counts = np.unique((values / np.std(values)).round(3), return_counts=True)
    frequent = different[counts > len(values) / 1000]
    if len(frequent) < 2:
        return 0.0
    return 2 * stats.norm.pdf(0) * float(np.diff(frequent).min()) / math.sqrt(observations)


def p_values_of(name):
    """Return the p-values of all seeds, with what the claim allows for and without, and what moves their law.

    The latter are what few observations may move it by, and, beside that, what the claim allows for.
    """
    claim, setting = PLACES[name]
    observations = OBSERVATIONS.get(claim.id, FEW)
    trial = Trial(claim, setting, *expect(setting), RATE, "default")
    strict = Trial(claim, replace(setting, allowance=0.0), trial.predicted, trial.scale, RATE, "default")
    samples = [drawn(claim, setting, observations, seed) for seed in range(SEEDS_OF.get(name, SEEDS))]
    pooled = np.concatenate(samples)
    standard_error = np.std(pooled) / math.sqrt(observations)
    moments = [Moments.of(sample) for sample in samples]
    with_allowance, without = (np.array([p_value(one, each) for each in moments]) for one in (trial, strict))
    few = skewed_by(pooled, observations) + grained_by(pooled, observations)
    return with_allowance, without, few, 2 * stats.norm.pdf(0) * trial.allowance / standard_error


def uniform(p_values, allowed=0.0):
    """Return the probability of as large a distance from the uniform law, beyond what is allowed."""
    return float(stats.kstwo.sf(stats.kstest(p_values, "uniform").statistic - allowed, len(p_values)))


def at_least_uniform(p_values):
    """Return the probability of as many small ones if the p-values are uniform or larger."""
    return float(stats.kstest(p_values, "uniform", alternative="greater").pvalue)


def check_p_values(name):
    """Uniform, or for an inequality and where a claim allows for much, uniform or larger."""
    p_values, strict, few, allowance = p_values_of(name)
    if PLACES[name][0].kind == "inequality":
        assert at_least_uniform(p_values) > share()
        return
    if few + allowance < ALLOWED:
        assert uniform(p_values, few + allowance) > share()
        return
    assert at_least_uniform(p_values) > share()
    assert few < ALLOWED
    if allowance < LARGE_ALLOWANCE:
        assert uniform(strict, few + allowance) > share()


@pytest.mark.parametrize("name", CHEAP)
def test_p_values_are_uniform_if_the_claim_is_true(name):
    check_p_values(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_p_values_of_dearer_settings_are_uniform_if_the_claim_is_true(name):
    """Three quarters of an hour of computation in all."""
    check_p_values(name)


@pytest.mark.parametrize(
    ("shift", "spread", "allowed"),
    [(1.0, 1.0, ALLOWED), (0.0, 2.0, ALLOWED), (0.0, 2**0.5, 0.0), (0.0, 0.5**0.5, 0.0)],
    ids=["mean", "standard error halved", "standard error too small", "standard error too large"],
)
def test_p_values_that_are_not_uniform_are_found(shift, spread, allowed):
    """A mean off by a standard error and half the standard error whatever is allowed; a factor √2 where nothing is."""
    rng = np.random.default_rng(17)
    t = shift + spread * rng.standard_t(FEW - 1, SEEDS)
    assert uniform(2 * stats.t.sf(np.abs(t), FEW - 1), allowed) < RATE


def test_small_p_values_of_an_inequality_are_found():
    rng = np.random.default_rng(18)
    assert at_least_uniform(rng.random(SEEDS) ** 1.5) < RATE
    assert at_least_uniform(rng.random(SEEDS) ** 0.5) > 0.5
