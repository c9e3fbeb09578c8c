"""Blocks, processes and intervals: the same numbers however the work is spread, and intervals that cover."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import reduce

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from numerics.estimate import Moments
from numerics.executor import map_in_order, processes
from numerics.simulation import SIMULATORS, counted_interval, simulate, simulate_together
from numerics.simulators.tokens import TEST_SEQUENCES
from numerics.streams import stream
from tests.false_alarms import share
from theory import ArgumentError, ContextualMixture, Head
from theory.threads import THREAD_VARIABLES

MIXTURE = ContextualMixture(9, 5, 2, noise_kind="prompt-orthogonal")
ROUNDING = 50 * np.finfo(float).eps


@pytest.fixture(scope="module", params=[2, pytest.param(7, marks=pytest.mark.slow)])
def executor(request):
    with processes(request.param) as pool:
        yield pool


@pytest.mark.parametrize("jobs", [2, pytest.param(7, marks=pytest.mark.slow)])
def test_results_are_the_same_for_one_process_and_many(monkeypatch, jobs):
    """Matrices large enough for threaded linear algebra, whose number of threads would change the last digit."""
    for name in THREAD_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    mixture = ContextualMixture(301, 4, 1)
    results = []
    for count in (1, jobs):
        with processes(count) as pool:
            results.append(
                [
                    replace(
                        simulate(
                            mixture, Head(n, kind="least-squares"), simulator=simulator, repetitions=60, executor=pool
                        ),
                        seconds=0,
                    )
                    for n, simulator in ((290, "scores"), (400, "tokens"))
                ]
            )
    assert results[0] == results[1]


@pytest.mark.parametrize("kind", ["averaging", "least-squares"])
@pytest.mark.parametrize(("simulator", "repetitions"), [("tokens", 25), ("scores", 130), ("overlap", 120_000)])
def test_results_do_not_depend_on_the_number_of_processes(executor, simulator, repetitions, kind):
    arguments = {"simulator": simulator, "repetitions": repetitions, "seed": 5}
    here = simulate(MIXTURE, Head(20, kind=kind), **arguments)
    there = simulate(MIXTURE, Head(20, kind=kind), **arguments, executor=executor)
    # Matrices of 20 × 8 are too small for threads.
    assert replace(there, seconds=0) == replace(here, seconds=0)


def test_any_executor_will_do():
    with ThreadPoolExecutor(3) as threads:
        there = simulate(MIXTURE, Head(20), simulator="scores", repetitions=120, seed=5, executor=threads)
    here = simulate(MIXTURE, Head(20), simulator="scores", repetitions=120, seed=5)
    assert replace(there, seconds=0) == replace(here, seconds=0)


def test_more_repetitions_begin_with_the_same_ones_and_seeds_differ():
    blocks = [SIMULATORS["scores"].draw(MIXTURE, Head(20), 50, stream(5, 2, index)).errors for index in (0, 1)]
    two = simulate(MIXTURE, Head(20), simulator="scores", repetitions=100, seed=5)
    assert_allclose(two.error, np.concatenate(blocks).mean(), rtol=ROUNDING)
    assert not np.array_equal(*blocks)
    assert simulate(MIXTURE, Head(20), simulator="scores", repetitions=100, seed=6).error != two.error


def test_simulators_do_not_share_streams():
    keys = [simulator.key for simulator in SIMULATORS.values()]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("sizes", [[1], [1, 1], [5, 1, 7], [100] * 20])
def test_merged_moments_are_those_of_all_numbers(sizes):
    parts = [np.random.default_rng(size).normal(1e6, 1, size) for size in sizes]
    everything = np.concatenate(parts)
    moments = reduce(Moments.__add__, [Moments.of(part) for part in parts])
    assert moments.count == len(everything)
    assert_allclose(moments.mean, everything.mean(), rtol=ROUNDING)
    # Differences of numbers near 1e6 are known to 1e-10.
    assert_allclose(moments.squares, ((everything - everything.mean()) ** 2).sum(), atol=1e-9 * len(everything))


def test_a_single_repetition_has_no_standard_error_but_an_interval():
    one = simulate(MIXTURE, Head(20), repetitions=1, seed=1)
    assert one.standard_error == math.inf
    assert one.interval[0] < one.error < one.interval[1]


def test_errors_that_were_never_seen_are_not_excluded():
    """All repetitions without an error: the interval ends where 2.5 % of such runs would see none."""
    low, high = Moments(100, 0.0, 0.0).interval(0.95, 0.0, 1.0)
    assert low == 0
    assert_allclose((1 - high) ** 100, 0.025, rtol=1e-12)


@pytest.mark.parametrize("end", [0.2375, 0.1, 0.3])
def test_an_interval_is_one_where_rounding_carries_the_mean_beyond_an_end(end):
    for count in range(2, 60):
        low, high = Moments.of(np.full(count, end)).interval(0.95, 0.0, end)
        assert 0 <= low <= high <= end
        low, high = Moments.of(np.full(count, end)).interval(0.95, end, 1.0)
        assert end <= low <= high <= 1


def test_intervals_cover_as_often_as_they_say():
    """4,000 intervals, of which 95 % should hold the true mean: an exact binomial test."""
    law = SIMULATORS["overlap"]
    head = Head(20, kind="least-squares")
    true = law.draw(MIXTURE, head, 2_000_000, stream(1)).errors.mean()
    draws = law.draw(MIXTURE, head, 4000 * 200, stream(2)).errors.reshape(4000, 200)
    ends = [Moments.of(row).interval(0.95, 0.0, 1.0) for row in draws]
    covered = sum(low <= true <= high for low, high in ends)
    # 200 skewed numbers leave Student's interval a little short of its level: 0.3 points are allowed for that.
    assert stats.binomtest(covered, 4000, 0.947, alternative="less").pvalue > share()
    assert stats.binomtest(covered, 4000, 0.953, alternative="greater").pvalue > share()


@pytest.mark.parametrize("expected_mistakes", [1, 3, 6, 20])
def test_intervals_cover_when_few_mistakes_are_counted(expected_mistakes):
    """20 heads, 150 test sequences each: of 4,000 intervals at least 95 % hold the true error."""
    true = expected_mistakes / (20 * TEST_SEQUENCES)
    rng = np.random.default_rng(expected_mistakes)
    counts = rng.binomial(TEST_SEQUENCES, true, (4000, 20))
    ends = [counted_interval(Moments.of(row / TEST_SEQUENCES), TEST_SEQUENCES) for row in counts]
    covered = sum(low <= true <= high for low, high in ends)
    assert stats.binomtest(covered, 4000, 0.95, alternative="less").pvalue > share()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"repetitions": 0}, "repetitions must be a whole number of at least 1, got 0"),
        ({"repetitions": 2.5}, "repetitions must be a whole number of at least 1, got 2.5"),
        ({"seed": -1}, "seed must be a whole number of at least 0, got -1"),
        ({"seed": True}, "seed must be a whole number of at least 0, got True"),
        ({"simulator": "magic"}, "simulator must be one of tokens, scores, overlap, got 'magic'"),
        ({"head": Head([1, 2])}, "samples must be a single number in a simulation, got shape (2,)"),
        (
            {"mixture": ContextualMixture([3, 4], 5, 2)},
            "dimension must be a single number in a simulation, got shape (2,)",
        ),
    ],
)
def test_a_bad_simulation_is_refused_in_one_sentence(change, sentence):
    with pytest.raises(ArgumentError) as caught:
        simulate(**{"mixture": MIXTURE, "head": Head(5), **change})
    assert str(caught.value) == sentence


def fail_on_three(number):
    if number == 3:
        raise ValueError("three")
    return number


def test_an_error_in_one_block_is_raised_and_cancels_the_rest(executor):
    with pytest.raises(ValueError, match="three"):
        list(map_in_order(fail_on_three, range(100), 100, executor))


def test_tasks_are_taken_only_as_results_are(executor):
    """Memory does not grow with the number of tasks: there may be 10¹² of them."""
    results = map_in_order(abs, iter(range(10**12)), 10**12, executor)
    assert [next(results) for _ in range(200)] == list(range(200))
    results.close()


@pytest.mark.parametrize("simulator", ["tokens", "scores"])
def test_heads_together_are_estimated_as_each_alone(simulator):
    mixture = ContextualMixture(6, 4, 1)
    heads = [Head(12, 0.5), Head(12, 0.5, kind="ridge", ridge=0.1)]
    options = {"simulator": simulator, "repetitions": 60, "seed": 3, "key": (1,)}
    for head, estimate in zip(heads, simulate_together(mixture, heads, **options), strict=True):
        assert replace(estimate, seconds=0.0) == replace(simulate(mixture, head, **options), seconds=0.0)
    with pytest.raises(ArgumentError, match="heads must hold at least one head, got"):
        simulate_together(mixture, [], **options)
