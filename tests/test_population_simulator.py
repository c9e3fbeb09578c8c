"""The simulated error of the best head: against exact errors, and where nothing is left to chance."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from numerics.simulators.population import simulate_population_error
from tests.false_alarms import assert_mean
from theory import ArgumentError, ContextualMixture, deterministic_attention, population_error


@pytest.mark.parametrize(
    ("mixture", "temperature"),
    [
        (ContextualMixture(2, 16, 2), 1.0),
        (ContextualMixture(2, 2, 1, context_norm=0.8, noise=1.5), 2.0),
        (ContextualMixture(2, 40, 3, delta_context=0.4, delta_signal=0.2), 0.6),
    ],
)
def test_it_is_the_exact_population_error(mixture, temperature):
    found = simulate_population_error(mixture, temperature, sequences=50_000, seed=5)
    assert_mean(found.error, found.standard_error, population_error(mixture, temperature), detectable=0.06)


def test_without_fluctuations_every_sequence_has_the_same_error():
    mixture = ContextualMixture(2, 16, 2, noise_kind="prompt-orthogonal")
    found = simulate_population_error(mixture, 1.0, sequences=10)
    # The same formula twice.
    assert found.error == pytest.approx(float(ndtr(-deterministic_attention(mixture, 1.0).kappa)), rel=1e-13)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({"noise": 0.0}, 0.0), ({"noise": 0.0, "signal_norm": 0.0}, 0.5), ({"noise": 0.0, "delta_signal": 9.0}, 1.0)],
)
def test_without_noise_the_sign_of_the_signal_decides(changes, expected):
    assert simulate_population_error(ContextualMixture(2, 8, 2, **changes), 0.1, sequences=5).error == expected


def test_seed_and_key_name_the_stream():
    def error(**names):
        return simulate_population_error(ContextualMixture(2, 16, 2), 1.0, sequences=20, **names).error

    assert error(seed=1, key=(2,)) == error(seed=1, key=(2,))
    assert len({error(seed=1), error(seed=2), error(seed=1, key=(1,)), error(seed=1, key=(2,))}) == 4


def test_an_empty_sample_is_refused():
    with pytest.raises(ArgumentError, match="sequences"):
        simulate_population_error(ContextualMixture(2, 16, 2), 1.0, sequences=0)


def test_the_interval_is_two_standard_errors_wide_each_way():
    found = simulate_population_error(ContextualMixture(2, 16, 2), 1.0, sequences=10_000)
    # Student's quantile of 10⁴ numbers is 1.9602.
    assert np.diff(found.interval) == pytest.approx(2 * 1.9602 * found.standard_error, rel=1e-4)
