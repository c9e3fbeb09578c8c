"""Every head on every attention, noise and space: tokens and scores agree, and so do limits that must.

Each comparison is a statistical check with a share of the suite's false-alarm budget (tests/false_alarms.py).
"""

from __future__ import annotations

from itertools import product
from zlib import crc32

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from numerics.estimate import Moments
from numerics.simulation import simulate
from numerics.simulators.scores import draw_attention, simulate_scores
from numerics.simulators.tokens import simulate_tokens
from numerics.streams import stream
from numerics.training.training_error import TrainingError
from tests.false_alarms import assert_mean, share
from theory import ArgumentError, ContextualMixture, Head
from theory.head import ATTENTIONS, HEAD_SPACES
from theory.known_prompt.averaging import averaging_error
from theory.mixture import NOISE_KINDS

# Irrelevant tokens get enough of linear attention, too, for errors of 10 to 30 %, and data that are often separable.
MIXTURE = {"tokens": 5, "relevant_tokens": 2, "signal_norm": 1.6, "delta_context": -0.9, "delta_signal": 0.1}
OPTIONS = [
    {"kind": "averaging"},
    {"kind": "weighted-averaging"},
    {"kind": "least-squares"},
    {"kind": "ridge", "ridge": 0.1},
    {"kind": "ridge", "ridge": np.inf},
    {"kind": "logistic", "ridge": 0.1},
    {"kind": "logistic", "ridge": 0.0},
    {"kind": "max-margin"},
]
BOTH = pytest.mark.parametrize("simulator", [simulate_tokens, simulate_scores])


def name_of(options):
    return "-".join(map(str, options.values()))


EVERY_HEAD = pytest.mark.parametrize("options", OPTIONS, ids=name_of)


def compare(options, attention, noise_kind, space, repetitions, detectable):
    """Compare mean error and mean overlap of n = 13 features in 6 or 7 dimensions, and how often there is no head."""
    mixture = ContextualMixture(7, noise_kind=noise_kind, **MIXTURE)
    head = Head(13, 0.8, attention, space=space, **options)
    key = crc32(f"{options} {attention} {noise_kind} {space}".encode())
    tokens = simulate_tokens(mixture, head, repetitions, stream(1, 0, key))
    scores = simulate_scores(mixture, head, 3 * repetitions, stream(1, 1, key))
    pairs = ((tokens.errors, scores.errors), (tokens.overlaps, scores.overlaps))
    for (one, other), visible in zip(pairs, detectable, strict=True):
        standard_error = np.hypot(one.std() / np.sqrt(len(one)), other.std() / np.sqrt(len(other)))
        assert_mean(one.mean(), standard_error, other.mean(), detectable=visible)
    for count in ("dropped", "separable"):
        counts = getattr(tokens, count), getattr(scores, count)
        if any(counts):
            table = [[counts[0], repetitions - counts[0]], [counts[1], 3 * repetitions - counts[1]]]
            assert stats.fisher_exact(table).pvalue > share()


SETTINGS = list(product(ATTENTIONS, NOISE_KINDS, HEAD_SPACES))
FINITE = [options for options in OPTIONS if options.get("ridge") != np.inf]


@pytest.mark.parametrize("options", FINITE, ids=name_of)
@pytest.mark.parametrize(
    ("attention", "noise_kind", "space"),
    # Where attention is constant the two attentions differ in constants only: one space each.
    [each for each in SETTINGS if each[1] == "isotropic" or (each[0] == "linear") == (each[2] == "full")],
)
def test_tokens_and_scores_agree(options, attention, noise_kind, space):
    compare(options, attention, noise_kind, space, 200, (0.75, 0.3))


@pytest.mark.slow
@pytest.mark.parametrize("options", FINITE, ids=name_of)
@pytest.mark.parametrize(("attention", "noise_kind", "space"), SETTINGS)
def test_tokens_and_scores_agree_closely(options, attention, noise_kind, space):
    compare(options, attention, noise_kind, space, 2000, (0.2, 0.09))


@BOTH
def test_averaging_on_linear_attention_has_the_exact_error(simulator):
    """Constant attention: κ = W (R + δ_q δ_w m)/(σ |δ_q| √m) by hand, and the exact law of the averaging head."""
    mixture = ContextualMixture(7, noise_kind="prompt-orthogonal", **MIXTURE)
    kappa = 1.6 * (2 - 0.9 * 0.1 * 3) / (0.9 * np.sqrt(3))
    outcome = simulator(mixture, Head(13, 0.8, "linear"), 2500, stream(2))
    standard_error = outcome.errors.std() / np.sqrt(2500)
    assert_mean(outcome.errors.mean(), standard_error, averaging_error(13, 6, kappa).error, detectable=0.08)


# --- limits ---


@BOTH
@pytest.mark.parametrize("space", HEAD_SPACES)
def test_an_infinite_ridge_is_averaging_to_the_last_digit(simulator, space):
    mixture = ContextualMixture(7, **MIXTURE)
    averaging = simulator(mixture, Head(13, 0.8, space=space), 5, stream(3))
    for kind in ("ridge", "logistic"):
        limit = simulator(mixture, Head(13, 0.8, kind=kind, ridge=np.inf, space=space), 5, stream(3))
        assert np.array_equal(limit.errors, averaging.errors)
        assert np.array_equal(limit.overlaps, averaging.overlaps)


@BOTH
def test_no_ridge_is_least_squares_to_the_last_digit(simulator):
    mixture = ContextualMixture(7, **MIXTURE)
    one, other = (
        simulator(mixture, Head(13, 0.8, **options), 5, stream(3))
        for options in (OPTIONS[2], {**OPTIONS[3], "ridge": 0})
    )
    assert np.array_equal(one.overlaps, other.overlaps)


@BOTH
@pytest.mark.parametrize("space", HEAD_SPACES)
@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("delta_signal", [0.1, 9.0])
def test_weighted_averaging_of_constant_attention_is_averaging(simulator, space, attention, delta_signal):
    """Up to the known sign of M: it points along w⋆ where features point against it."""
    mixture = ContextualMixture(7, noise_kind="prompt-orthogonal", **{**MIXTURE, "delta_signal": delta_signal})
    plain, weighted = (
        simulator(mixture, Head(13, 0.8, attention, kind, space=space), 5, stream(4))
        for kind in ("averaging", "weighted-averaging")
    )
    gain = draw_attention(mixture, 0.8, 1, stream(4), attention).gain[0]
    assert (gain > 0) == (delta_signal < 1)
    if simulator is simulate_tokens or gain > 0:  # turned round, the same normal number is subtracted
        assert_allclose(weighted.overlaps, np.sign(gain) * plain.overlaps, atol=1e-12)
        assert_allclose(weighted.errors, plain.errors if gain > 0 else 1 - plain.errors, atol=1e-12)
    assert np.mean(weighted.overlaps) > 0


def test_weighted_averaging_aligns_better_than_averaging_where_attention_fluctuates():
    mixture = ContextualMixture(40, 5, 2, signal_norm=1.6)
    plain, weighted = (
        simulate_scores(mixture, Head(80, 1.5, kind=kind), 200, stream(5)).overlaps
        for kind in ("averaging", "weighted-averaging")
    )
    excess = weighted - plain
    assert excess.mean() > 10 * excess.std() / np.sqrt(200)


# --- edges ---


@BOTH
@EVERY_HEAD
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_the_smallest_dimension_and_a_single_sample_will_do(simulator, attention, options):
    for space, noise_kind in product(HEAD_SPACES, NOISE_KINDS):
        for samples in (1, 5):
            mixture = ContextualMixture(2, noise_kind=noise_kind, **{**MIXTURE, "signal_norm": 4.0})
            outcome = simulator(mixture, Head(samples, 0.8, attention, space=space, **options), 6, stream(6))
            assert len(outcome.errors) == len(outcome.overlaps) == 6 - outcome.dropped > 0
            assert np.all((outcome.errors >= 0) & (outcome.errors <= 1))


@BOTH
@EVERY_HEAD
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_without_noise_no_head_errs(simulator, attention, options):
    for change in ({"noise": 0.0}, {"relevant_tokens": 5}):
        mixture = ContextualMixture(5, **{**MIXTURE, **change})
        outcome = simulator(mixture, Head(3, 0.8, attention, **options), 4, stream(7))
        assert_allclose([outcome.errors, outcome.overlaps], [[0] * 4, [1] * 4], atol=1e-7)


@BOTH
@EVERY_HEAD
def test_linear_attention_without_a_prompt_decides_nothing(simulator, options):
    outcome = simulator(ContextualMixture(5, **MIXTURE), Head(3, 0.0, "linear", **options), 4, stream(8))
    kept = 0 if options["kind"] == "max-margin" else 4  # no margin in features that vanish
    assert_allclose([outcome.errors, outcome.overlaps], [[0.5] * kept, [0] * kept])


@BOTH
def test_no_head_is_learned_from_no_signal(simulator):
    mixture = ContextualMixture(7, **{**MIXTURE, "signal_norm": 0.0})
    outcome = simulator(mixture, Head(13, 0.8, kind="weighted-averaging"), 50, stream(9))
    assert_allclose(outcome.overlaps, 0)
    assert_allclose(outcome.errors.mean(), 0.5, atol=0.05)


@BOTH
def test_the_population_cannot_be_trained_on(simulator):
    with pytest.raises(ArgumentError, match="samples must be finite in a simulation, got inf"):
        simulator(ContextualMixture(5, **MIXTURE), Head(np.inf, kind="max-margin"), 2, stream(1))


# --- counts ---


def test_dropped_repetitions_are_counted_over_all_blocks():
    """Hardly any set of 33 features in 6 dimensions is separable: whole blocks have no head."""
    mixture = ContextualMixture(7, **{**MIXTURE, "signal_norm": 0.8})
    widest, logistic = (
        simulate(mixture, Head(33, 0.8, kind=kind, ridge=ridge), simulator="tokens", repetitions=200, seed=1)
        for kind, ridge in (("max-margin", None), ("logistic", 0.0))
    )
    assert 190 < widest.dropped < 200
    assert widest.dropped + logistic.separable == widest.repetitions == 200
    assert (logistic.dropped, widest.separable) == (0, None)
    assert 0 < widest.interval[0] < widest.error < widest.interval[1] < 1
    assert logistic.standard_error < widest.standard_error


@pytest.mark.parametrize("simulator", ["tokens", "scores"])
def test_a_simulation_without_a_single_head_is_refused(simulator):
    mixture = ContextualMixture(7, **{**MIXTURE, "signal_norm": 0.1})
    with pytest.raises(TrainingError, match="there is no max-margin head: none of 20 training sets of 200 samples"):
        simulate(mixture, Head(200, 0.8, kind="max-margin"), simulator=simulator, repetitions=20)


def test_moments_of_no_numbers_add_nothing():
    nothing, some = Moments.of(np.array([])), Moments.of(np.array([1.0, 2.0]))
    assert nothing + nothing == nothing
    assert nothing + some == some + nothing == some
