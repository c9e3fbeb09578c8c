"""The engine that judges claims: true theories pass, wrong ones are refuted, blunt checks say so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from numerics import verification
from numerics.claims import CLAIMS, SAMPLES, Setting
from numerics.simulators.overlap import simulate_overlaps
from numerics.store import ResultStore
from numerics.streams import stream
from numerics.verification import FALSE_ALARM_RATE, POWER, check, judge, select_claims
from tests.false_alarms import share
from theory import ArgumentError, ContextualMixture, Head, known_prompt_error
from theory.head import HEADS


@pytest.fixture
def store(tmp_path):
    with ResultStore(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory):
    """One simulation of a setting serves all wrong theories."""
    with ResultStore(tmp_path_factory.mktemp("results")) as opened:
        yield opened


DETERMINISTIC = [claim for claim in CLAIMS if any(setting.simulator == "overlap" for setting in claim.settings)]
LIMITS = [claim for claim in CLAIMS if claim.settings[0].regime == "proportional"]
FLUCTUATING = [claim for claim in CLAIMS if claim not in DETERMINISTIC and claim not in LIMITS]


def quick(claim):
    """Return the claim with its overlap settings alone, at 50,000 repetitions."""
    chosen = [replace(setting, repetitions=50_000) for setting in claim.settings if setting.simulator == "overlap"]
    return replace(claim, settings=tuple(chosen))


def test_claims_cover_each_head_below_at_and_above_the_peak_with_every_simulator():
    assert SAMPLES[0] < SAMPLES[1] == 20 < SAMPLES[2]
    assert {setting.head.kind for claim in CLAIMS for setting in claim.settings} == set(HEADS)
    for claim in DETERMINISTIC + FLUCTUATING:
        covered = {(float(setting.head.samples), setting.simulator) for setting in claim.settings}
        simulators = ("tokens", "scores", "overlap") if claim in DETERMINISTIC else ("tokens", "scores")
        assert covered == {(n, simulator) for n in SAMPLES for simulator in simulators}
    assert all(float(setting.mixture.dimension) == 21 for claim in CLAIMS for setting in claim.settings)


@pytest.mark.parametrize("kind", ["averaging", "least-squares"])
def test_three_sizes_extrapolate_to_the_limit(kind):
    """With exact errors in place of simulated ones: what is left, of order 1/n³, is far below any standard error."""
    mixture = ContextualMixture(21, 6, 2, noise_kind="prompt-orthogonal")
    for samples in (10, 40):
        setting = Setting(mixture, Head(samples, kind=kind), "scores", 2, "proportional")
        exact = sum(weight * known_prompt_error(*size).error for *size, weight in setting.sizes())
        limit = known_prompt_error(mixture, setting.head, regime="proportional").error
        gap = known_prompt_error(mixture, setting.head).error - limit
        assert abs(exact - limit) < min(3e-5, 0.2 * abs(gap))


@pytest.mark.parametrize("claim", DETERMINISTIC, ids=lambda claim: claim.id)
def test_true_claims_hold_and_say_what_they_would_have_caught(claim, store):
    for setting in quick(claim).settings:
        result = check(claim, setting, 1, store, None)
        assert result.verdict == "holds"
        assert result.detectable < 0.03
        assert result.false_alarm * sum(len(each.settings) for each in CLAIMS) <= FALSE_ALARM_RATE * (1 + 1e-12)


WRONG = {
    "5 % too large": lambda error, *_: 1.05 * error,
    "5 % too small": lambda error, *_: 0.95 * error,
    "n - 1 for n": lambda _, mixture, head: known_prompt_error(mixture, replace(head, samples=head.samples - 1)).error,
    "d + 1 for d": lambda _, mixture, head: (
        known_prompt_error(replace(mixture, dimension=mixture.dimension + 1), head).error
    ),
    "σ 5 % off": lambda _, mixture, head: known_prompt_error(replace(mixture, noise=1.05 * mixture.noise), head).error,
}


class Wrong:
    """A prediction by a formula that is wrong in a stated way."""

    name = ""

    def __init__(self, mixture, head, regime):
        self.error = WRONG[self.name](known_prompt_error(mixture, head, regime=regime).error, mixture, head)


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("claim", DETERMINISTIC, ids=lambda claim: claim.id)
def test_wrong_theories_are_refuted(claim, name, shared_store, monkeypatch):
    """Each wrong formula, at a claim's own settings and repetitions of the overlap simulator."""
    monkeypatch.setattr(verification, "known_prompt_error", Wrong)
    monkeypatch.setattr(Wrong, "name", name)
    settings = [setting for setting in claim.settings if setting.simulator == "overlap"]
    verdicts = [check(claim, setting, 1, shared_store, None).verdict for setting in settings]
    assert "refuted" in verdicts


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("claim", FLUCTUATING, ids=lambda claim: claim.id)
def test_wrong_theories_of_fluctuating_attention_are_refuted(claim, name, shared_store, monkeypatch):
    """At the claim's own repetitions from scores: one sample or dimension shows at small n."""
    setting = next(setting for setting in claim.settings if setting.simulator == "scores")
    assert check(claim, setting, 1, shared_store, None).verdict == "holds"
    monkeypatch.setattr(verification, "known_prompt_error", Wrong)
    monkeypatch.setattr(Wrong, "name", name)
    assert check(claim, setting, 1, shared_store, None).verdict == "refuted"


@pytest.mark.slow
@pytest.mark.parametrize("claim", LIMITS, ids=lambda claim: claim.id)
def test_wrong_limits_are_refuted(claim, shared_store, monkeypatch):
    """At the claim's own repetitions: 5 % either way, and the exact error of another head."""
    (setting,) = claim.settings
    result = check(claim, setting, 1, shared_store, None)
    assert result.verdict == "holds"
    assert result.detectable < 0.05
    monkeypatch.setattr(verification, "known_prompt_error", Wrong)
    for name in ("5 % too large", "5 % too small", "σ 5 % off"):
        monkeypatch.setattr(Wrong, "name", name)
        assert check(claim, setting, 1, shared_store, None).verdict == "refuted", name


def test_p_values_are_uniform_when_the_theory_is_true():
    """300 runs with seeds of their own; Kolmogorov and Smirnov find a law of p-values that is 0.4 off."""
    setting = next(each for each in CLAIMS[1].settings if each.simulator == "overlap")
    predicted = known_prompt_error(setting.mixture, setting.head).error
    p_values = []
    for seed in range(300):
        errors = simulate_overlaps(setting.mixture, setting.head, 2000, stream(seed, 99)).errors
        p_values.append(judge(predicted, errors.mean(), errors.std(ddof=1) / np.sqrt(2000), 2000, 1e-8)[1])
    assert stats.kstest(p_values, "uniform").pvalue > share()


def test_the_stated_power_is_reached():
    """Estimates from a law shifted by exactly `detectable`: at least 99.9 % must be refuted, by a binomial test."""
    rng = np.random.default_rng(3)
    standard_error, repetitions, false_alarm = 0.001, 10_000, 1e-8
    detectable = judge(0.2, 0.2, standard_error, repetitions, false_alarm)[2]
    estimates = 0.2 * (1 + detectable) + standard_error * rng.standard_normal(20_000)
    refuted = sum(judge(0.2, x, standard_error, repetitions, false_alarm)[0] == "refuted" for x in estimates)
    assert stats.binomtest(refuted, 20_000, POWER, alternative="less").pvalue > share()


@pytest.mark.parametrize(
    ("simulated", "standard_error", "repetitions", "verdict"),
    [
        (0.2001, 2e-4, 10_000, "holds"),
        (0.2100, 2e-4, 10_000, "refuted"),
        (0.2100, 2e-2, 10_000, "undecided"),
        (0.9000, 2e-2, 10_000, "refuted"),
        (0.0, 0.0, 10_000, "refuted"),
        (0.2, 0.0, 10_000, "undecided"),
        (0.3, 0.0, 20, "undecided"),
        (0.2, float("inf"), 1, "undecided"),
    ],
)
def test_verdicts(simulated, standard_error, repetitions, verdict):
    assert judge(0.2, simulated, standard_error, repetitions, 1e-8)[0] == verdict


def test_few_repetitions_need_a_larger_deviation():
    """Student's t: with 5 repetitions 20 standard errors may be chance, with 10,000 they are not."""
    assert judge(0.2, 0.22, 0.001, 5, 1e-8)[0] == "undecided"
    assert judge(0.2, 0.22, 0.001, 10_000, 1e-8)[0] == "refuted"
    assert judge(0.0, 0.0, 0.001, 100, 1e-8)[::2] == ("undecided", np.inf)


def test_a_second_check_takes_the_stored_simulation_but_judges_afresh(store, monkeypatch):
    claim = quick(CLAIMS[0])
    first = check(claim, claim.settings[0], 1, store, None)
    monkeypatch.setattr(verification, "simulate", None)  # a second simulation would fail
    assert check(claim, claim.settings[0], 1, store, None) == first
    assert (store.computed, store.taken) == (1, 1)


def test_claims_are_selected_by_name():
    assert select_claims([]) == list(CLAIMS)
    assert [claim.id for claim in select_claims(["averaging-full-head"])] == ["averaging-full-head"]
    with pytest.raises(ArgumentError, match=r"ID must be one of averaging-known-prompt, .*, got 'nonsense'"):
        select_claims(["nonsense"])
