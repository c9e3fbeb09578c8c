"""The engine that judges claims: it plans, pairs, judges and refuses as it says; what the catalogue claims."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace
from itertools import product
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from numerics.store import ResultStore
from numerics.verification import Arm, Claim, Experiment, Observations, Setting, verify
from numerics.verification.catalogue import CLAIMS
from numerics.verification.check import judge
from numerics.verification.claim import EFFORTS, KINDS, stream_key
from numerics.verification.engine import FALSE_ALARM_RATE, chosen_settings, select_claims
from numerics.verification.junit import as_junit
from numerics.verification.known_prompt_claims import DIMENSION, LEFT_OUT, SAMPLES, extrapolated, predict_error
from numerics.verification.progress import estimate
from numerics.verification.table import as_csv, as_text
from numerics.verification.trial import FIRST_PORTIONS, Trial
from tests.false_alarms import RATE, share
from theory import ArgumentError, ContextualMixture, Head
from theory.head import HEADS


def draw_coins(repetitions, rng, *, heads=0.3, lost=0.0, stretch=1.0):
    """Flip coins; lose some, and let the values leave [0, 1] where they are stretched."""
    kept = rng.random(repetitions) >= lost
    return Observations(stretch * (rng.random(repetitions) < heads)[kept].astype(float), int((~kept).sum()))


def predicted_share(value=0.3):
    return value


def coin_claim(*, kind="equality", predicted=0.3, arms=None, **options):
    experiment = Experiment(draw_coins, {"heads": 0.3}, portion=1000)
    options = {"finest": 0.05} | options
    setting = Setting("coin", arms or (Arm(experiment),), predicted_share, {"value": predicted}, **options)
    return Claim("coin", "A coin", "A coin falls so often.", r"p = 0.3", "derived here", kind, (setting,))


@pytest.fixture
def store(tmp_path):
    with ResultStore(tmp_path) as opened:
        yield opened


def trial_of(claim, false_alarm=RATE, effort="default", scale=None):
    (setting,) = claim.settings
    predicted = setting.predict(**setting.arguments)
    return Trial(claim, setting, predicted, abs(predicted) if scale is None else scale, false_alarm, effort)


def fill(trial, draw):
    """Hand a trial everything it wants."""
    while trial.still_missing:
        for arm, index in trial.missing():
            trial.receive(arm, index, draw(arm, index), 0.25)
    return trial


def coins(heads, size=1000, seed=0):
    """Return coins of a stream of their own for each arm and index."""

    def draw(arm, index):
        return (np.random.default_rng([seed, arm, index]).random(size) < heads[arm]).astype(float)

    return draw


# --- verdicts ---


def test_a_true_claim_holds_and_a_wrong_one_is_refuted():
    assert share() == RATE
    true = judge(fill(trial_of(coin_claim()), coins([0.3])), 0)
    assert (true.verdict, true.relation, true.dropped) == ("holds", "=", 0)
    assert true.detectable <= 0.05 * 1.001
    assert_allclose(true.interval, true.simulated + np.array([-1, 1]) * 1.96 * true.standard_error, rtol=1e-3)
    wrong = judge(fill(trial_of(coin_claim(predicted=0.315)), coins([0.3])), 0)
    assert wrong.verdict == "refuted"
    assert wrong.log10_e > -math.log10(RATE)


def test_the_same_deviation_inside_the_allowance_is_none():
    assert share() == RATE
    check = judge(fill(trial_of(coin_claim(predicted=0.303, allowance=0.015)), coins([0.3])), 0)
    assert check.verdict == "holds"
    assert_allclose(check.allowance, 0.015 * 0.303)
    assert check.p_value > 1e-3


@pytest.mark.parametrize(("heads", "verdict"), [([0.4], "holds"), ([0.3], "holds"), ([0.25], "refuted")])
def test_an_inequality_is_refuted_from_below_alone(heads, verdict):
    assert share() == RATE
    assert judge(fill(trial_of(coin_claim(kind="inequality")), coins(heads)), 0).verdict == verdict


def test_a_check_that_may_not_go_on_is_undecided(monkeypatch):
    assert share() == RATE
    monkeypatch.setattr("numerics.verification.trial.MOST_OBSERVATIONS", 3000)
    check = judge(fill(trial_of(coin_claim()), coins([0.3])), 0)
    assert check.verdict == "undecided"
    assert check.detectable > 0.05
    assert check.observations == 3000


def test_a_thorough_check_finds_a_quarter_of_the_deviation():
    claim = coin_claim(finest=0.0)
    default, thorough = (
        judge(fill(trial_of(claim, effort=effort), coins([0.3], size=1000)), 0) for effort in ("default", "thorough")
    )
    assert default.detectable <= 0.02 * 1.001
    assert thorough.detectable <= 0.005 * 1.001
    # 16 times the observations, to leading order; stakes near the ruinous one cost the smaller run a few per cent.
    assert 13 < thorough.observations / default.observations < 17


def test_student_s_p_value_is_the_textbook_s():
    trial = fill(trial_of(coin_claim()), coins([0.3]))
    values = np.concatenate(trial.portions())
    assert_allclose(judge(trial, 0).p_value, stats.ttest_1samp(values, 0.3).pvalue, rtol=1e-9)
    one_sided = fill(trial_of(coin_claim(kind="inequality")), coins([0.3]))
    values = np.concatenate(one_sided.portions())
    expected = stats.ttest_1samp(values, 0.3, alternative="less").pvalue
    assert_allclose(judge(one_sided, 0).p_value, expected, rtol=1e-9)


def test_values_without_a_spread_are_judged_all_the_same():
    """A coin that always falls: every stake is on certain values, and nothing divides by zero."""
    check = judge(fill(trial_of(coin_claim(predicted=0.9)), lambda *_: np.ones(1000)), 0)
    assert check.verdict == "refuted"
    assert math.isnan(check.p_value)


# --- plans and pairs ---


def test_a_plan_does_not_depend_on_the_order_of_arrival():
    forth, back = trial_of(coin_claim()), trial_of(coin_claim())
    fill(forth, coins([0.3]))
    while back.still_missing:
        for arm, index in reversed(back.missing()):
            back.receive(arm, index, coins([0.3])(arm, index), 0.25)
    assert judge(forth, 0) == judge(back, 0)
    assert forth.wanted > FIRST_PORTIONS


def test_arms_are_weighted_and_paired_as_far_as_the_shorter_one_goes():
    arms = tuple(Arm(Experiment(draw_coins, portion=1000), weight) for weight in (1.0, -2.0))
    trial = trial_of(coin_claim(predicted=-0.1, arms=arms))
    assert trial.setting.bounds == (-2.0, 1.0)
    values = [np.linspace(0, 1, 1000), np.linspace(0, 1, 990)]
    for arm, index in product((0, 1), range(FIRST_PORTIONS)):
        trial.receive(arm, index, values[arm], 0.0)
    assert trial.dropped() == 10 * FIRST_PORTIONS
    assert_allclose(trial.portions()[0], values[0][:990] - 2 * values[1])


def test_the_estimate_of_the_time_counts_what_is_planned():
    begun, other = trial_of(coin_claim()), trial_of(coin_claim())
    assert estimate([begun, other]) == (0.0, 0.0)
    begun.receive(0, 0, coins([0.3])(0, 0), 2.0)
    # Two portions of the first trial and three of the other, each taken to last as long as the one.
    assert estimate([begun, other]) == (2.0, 2.0 * (2 * FIRST_PORTIONS - 1))


# --- refusals ---


def test_a_value_outside_the_stated_range_is_refused(store):
    """The proof of the error rate rests on the range."""
    arm = Arm(Experiment(draw_coins, {"stretch": 1.5}, portion=100))
    with pytest.raises(ArgumentError, match=r"what draw_coins draws for coin must lie between 0 and 1, got 1\.5"):
        verify([coin_claim(arms=(arm,))], store=store)


def test_a_prediction_that_no_mean_can_be_is_refused(store):
    with pytest.raises(ArgumentError, match=r"the prediction of coin \(coin\) must lie between 0 and 1, .* got 1\.2"):
        verify([coin_claim(predicted=1.2)], store=store)


def test_a_prediction_of_zero_needs_a_scale(store):
    with pytest.raises(ArgumentError, match=r"the scale of coin \(coin\) must be greater than 0"):
        verify([coin_claim(predicted=0.0)], store=store)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: coin_claim(kind="hunch"), "kind must be one of equality, inequality, rate, collapse, got 'hunch'"),
        (lambda: replace(coin_claim(), settings=2 * coin_claim().settings), "settings must have labels that differ"),
        (lambda: Experiment(draw_coins, lower=1.0, upper=1.0), "upper must be greater than lower = 1, got 1"),
        (lambda: Experiment(draw_coins, portion=1), "portion must be a whole number of at least 2, got 1"),
        (lambda: select_claims(["nonsense"]), r"ID must be the name of a claim \(see --list\), got 'nonsense'"),
    ],
)
def test_what_contradicts_itself_is_refused(make, words):
    with pytest.raises(ArgumentError, match=words):
        make()


def test_an_unknown_effort_is_refused(store):
    with pytest.raises(ArgumentError, match="effort must be one of default, thorough, got 'none'"):
        verify([coin_claim()], store=store, effort="none")


# --- runs ---


def test_a_second_run_takes_the_stored_portions_but_judges_afresh(store):
    assert share() == RATE
    (first,) = verify([coin_claim()], store=store)
    computed = store.computed
    (second,) = verify([coin_claim(predicted=0.33)], store=store)
    assert store.computed == computed
    assert 0 < store.taken <= computed  # a deviation from a larger mean is found sooner
    assert (first.verdict, second.verdict) == ("holds", "refuted")
    assert_allclose(second.simulated, first.simulated, rtol=0.01)  # of fewer portions, but the same


def test_a_thorough_run_goes_on_from_a_default_one(store):
    claim = coin_claim(finest=0.0, arms=(Arm(Experiment(draw_coins, portion=20_000)),))
    (default,) = verify([claim], store=store)
    begun = store.computed
    (thorough,) = verify([claim], store=store, effort="thorough")
    assert store.taken == begun
    assert thorough.observations > 10 * default.observations


def test_dropped_repetitions_are_counted(store):
    arm = Arm(Experiment(draw_coins, {"lost": 0.25}, portion=1000))
    (check,) = verify([coin_claim(arms=(arm,))], store=store)
    assert check.verdict == "holds"
    assert 0.2 < check.dropped / (check.observations + check.dropped) < 0.3


def test_another_seed_gives_another_mean_and_the_same_one_the_same(store, tmp_path):
    (one,) = verify([coin_claim()], store=store, seed=1)
    (other,) = verify([coin_claim()], store=store, seed=2)
    with ResultStore(tmp_path / "fresh") as fresh:
        (again,) = verify([coin_claim()], store=fresh, seed=1)
    assert one.simulated != other.simulated
    assert replace(again, seconds=0.0) == replace(one, seconds=0.0)


def test_the_rate_of_false_alarms_is_split_over_all_checks(store):
    (check,) = verify([coin_claim()], store=store)
    settings = sum(len(claim.settings) for claim in CLAIMS) + 1
    assert_allclose(check.false_alarm * settings, FALSE_ALARM_RATE)


# --- formats ---


@pytest.fixture(scope="module")
def three_checks():
    """One check of each verdict."""
    holds = judge(fill(trial_of(coin_claim()), coins([0.3])), 0)
    return [holds, replace(holds, verdict="refuted", statement="a < b & c"), replace(holds, verdict="undecided")]


def test_every_field_of_a_check_but_its_seconds_is_in_the_csv(three_checks):
    rows = list(csv.DictReader(io.StringIO(as_csv(three_checks))))
    assert [row["verdict"] for row in rows] == ["holds", "refuted", "undecided"]
    assert float(rows[0]["simulated"]) == three_checks[0].simulated
    assert (float(rows[0]["interval_low"]), float(rows[0]["interval_high"])) == three_checks[0].interval
    assert set(vars(three_checks[0])) - {"interval", "seconds"} <= set(rows[0])
    assert as_csv([replace(check, seconds=7.0) for check in three_checks]) == as_csv(three_checks)


def test_the_text_has_a_line_a_check_and_its_verdict_last(three_checks):
    lines = as_text(three_checks).splitlines()
    assert [line.split()[-1] for line in lines] == ["verdict", "holds", "refuted", "undecided"]


def test_the_text_of_a_lower_bound_reads_as_a_true_inequality(three_checks):
    bounded = replace(three_checks[0], predicted=0.25, relation=">=", simulated=0.5)
    assert "0.25  <=         0.5 " in as_text([bounded])


def test_the_junit_document_counts_and_escapes(three_checks):
    suite = ElementTree.fromstring(as_junit(three_checks).encode())[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "1")
    assert [case[0].tag for case in suite] == ["system-out", "failure", "skipped"]
    assert suite[1][0].text == "a < b & c"


# --- the catalogue ---

EXACT = (*("averaging-", "weighted-averaging-", "least-squares-known-prompt", "least-squares-uniform-pooling"),)
"""Exact errors at every number of examples, by how the names of the claims begin."""


def test_claims_cover_each_head_below_at_and_above_the_peak_with_every_simulator():
    assert SAMPLES[0] < SAMPLES[1] == DIMENSION - 1 < SAMPLES[2]
    arms = [arm.experiment.parameters for claim in CLAIMS for setting in claim.settings for arm in setting.arms]
    assert {parameters["head"].kind for parameters in arms if hasattr(parameters.get("head"), "kind")} == set(HEADS)
    assert {claim.kind for claim in CLAIMS} == set(KINDS)
    heads = [claim for claim in CLAIMS if claim.id.startswith(EXACT)]
    assert len(heads) == 9
    for claim in heads:
        covered = {tuple(setting.label.removeprefix("n = ").split(", ")) for setting in claim.settings}
        simulators = {simulator for _, simulator in covered}
        assert {"scores", "tokens"} <= simulators
        assert covered == {(str(n), simulator) for n in SAMPLES for simulator in simulators}
        assert {setting.label for setting in chosen_settings(claim, "thorough")} == {s.label for s in claim.settings}
        assert any("tokens" in setting.label for setting in chosen_settings(claim, "default"))


def test_every_equality_is_checked_to_two_per_cent():
    assert EFFORTS == {"default": 0.02, "thorough": 0.005}
    for claim in CLAIMS:
        if claim.kind == "equality":
            assert all(setting.finest == 0 for setting in claim.settings), claim.id


def test_no_two_arms_share_a_random_stream():
    keys = [
        stream_key(claim, setting, arm)
        for claim in CLAIMS
        for setting in claim.settings
        for arm in range(len(setting.arms))
    ]
    assert len(set(keys)) == len(keys)


def test_every_source_says_whose_claim_it_is():
    for claim in CLAIMS:
        assert claim.source.startswith(("derived here", "measured here"))
        assert "heorem" not in claim.statement + claim.source + claim.title


@pytest.mark.parametrize("kind", ["averaging", "least-squares"])
@pytest.mark.parametrize("signal", [0.4, 0.6, 1.0])
@pytest.mark.parametrize(("samples", "dimension"), [(40, 20), (40, 40), (40, 80), (80, 40)])
def test_two_sizes_leave_out_less_than_is_allowed_for(kind, signal, samples, dimension):
    """With exact errors in place of simulated ones: what is left is of order 1/n²."""
    if kind == "least-squares" and samples == dimension:
        return  # the peak has no limit of this kind
    mixture = ContextualMixture(dimension + 1, 6, 2, signal_norm=signal, noise_kind="prompt-orthogonal", noise=2.0)
    sizes = extrapolated(mixture, Head(samples, kind=kind))
    limit = predict_error(mixture, Head(samples, kind=kind), "proportional")
    assert abs(sum(weight * predict_error(*size) for *size, weight in sizes) / limit - 1) < LEFT_OUT


def test_claims_are_selected_by_name():
    assert select_claims([]) == list(CLAIMS)
    assert [claim.id for claim in select_claims(["averaging-full-head"])] == ["averaging-full-head"]
