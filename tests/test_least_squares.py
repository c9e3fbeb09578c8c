"""The least-squares head's error against brute force, two identities of its own, limits and rates."""

from __future__ import annotations

from functools import cache

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import ndtr, roots_jacobi

from tests.false_alarms import assert_mean
from theory import averaging_error, least_squares_error
from theory.known_prompt.least_squares import INTERVALS, _integrate

EPS = np.finfo(float).eps


def trained_errors(n, p, k, repetitions, rng):
    """Train by numpy's lstsq on drawn features; return exact test errors."""
    errors = np.empty(repetitions)
    for index in range(repetitions):
        features = rng.standard_normal((n, p))
        features[:, 0] += k
        weights = np.linalg.lstsq(features, np.ones(n), rcond=None)[0]
        errors[index] = ndtr(-k * weights[0] / np.linalg.norm(weights))
    return errors


@pytest.mark.parametrize(
    ("n", "p", "k"),
    [(1, 1, 1.0), (1, 6, 2.0), (2, 2, 1.0), (3, 7, 1.5), (6, 6, 1.5), (7, 6, 1.5), (6, 2, 0.8), (15, 6, 1.0)],
)
def test_against_trained_heads(n, p, k):
    errors = trained_errors(n, p, k, 33_000, np.random.default_rng([n, p]))
    standard_error = errors.std(ddof=1) / np.sqrt(len(errors))
    assert_mean(errors.mean(), standard_error, least_squares_error(n, p, k).error, detectable=0.05)


@pytest.mark.parametrize(("n", "p", "k"), [(2, 9, 1.0), (5, 8, 0.4), (20, 61, 1.2), (40, 41, 2.0), (300, 900, 1.0)])
def test_minimum_norm_is_averaging_in_a_random_subspace(n, p, k):
    """For n ≤ p the head is the mean feature, projected away from n - 1 directions that are pure noise.

    Training and test vector then lie in a random subspace of p - n + 1 dimensions, which keeps a share
    β ~ Beta((p-n+1)/2, (n-1)/2) of the squared signal: ERR = E averaging_error(n, p - n + 1, κ √β).  This identity is
    not the one that the code uses.
    """
    first, second = (p - n + 1) / 2, (n - 1) / 2
    nodes, weights = roots_jacobi(200, second - 1, first - 1)
    errors = averaging_error(n, p - n + 1, k * np.sqrt((nodes + 1) / 2)).error
    # Gauss' rule in β meets a square root at β = 0: 200 nodes bring it to 1e-10 where the density is low there.
    assert_allclose(least_squares_error(n, p, k).error, weights @ errors / weights.sum(), rtol=1e-9)


def mixture_of_two_signs(n, k):
    """Return the error at n = p: one dimension is left of that subspace, where two numbers of means √n κ c, κ c differ
    in sign; c² ~ Beta(1/2, (n-1)/2).  An integral at 40 digits over c = tanh(width e^{x - e^{-x}}).
    """
    with mp.workdps(40):
        k, root = mp.mpf(k), mp.sqrt(n)
        width, step = 1 / mp.sqrt(n - 1 + k**2), mp.mpf(1) / 32

        def above(x):
            return mp.erfc(x / mp.sqrt(2)) / 2

        def density(x):
            u = width * mp.exp(x - mp.exp(-x))
            test, training = above(k * mp.tanh(u)), above(root * k * mp.tanh(u))
            return mp.sech(u) ** (n - 1) * (test * (1 - training) + training * (1 - test)) * u * (1 + mp.exp(-x))

        half = mp.mpf(n) / 2
        beta = mp.exp(mp.loggamma(half - mp.mpf(1) / 2) - mp.loggamma(half)) * mp.sqrt(mp.pi)
        # From e^{-e^4} to where the integrand of the widest setting has long been below 1e-40.
        return mp.fsum(density(step * j) for j in range(-128, 32 * 24)) * step * 2 / beta


CORNERS = [(2, 1), (2, 1e2), (3, 1e-3), (5, 1e3), (100, 1e3), (30, 1e6), (10**6, 1e5)]
CORNERS += [(10**9, 1e-6), (10**9, 3.0), (10**9, 1e3), (10**9, 1e8)]


@pytest.mark.parametrize(("n", "k"), CORNERS)
def test_as_many_examples_as_dimensions_are_a_mixture_of_two_signs(n, k):
    """A signal of any size, at the peak, where cos θ is least concentrated; some need more nodes than most."""
    result, exact = least_squares_error(n, n, k), mixture_of_two_signs(n, k)
    with mp.workdps(40):
        error = abs(float(mp.mpf(result.error) / exact - 1))
    # Bounded by the result's own bound, which rounding alone brings to about 1e-14.
    assert error <= result.error_bound / result.error <= 1e-13


@cache
def finest():
    """Return 500 settings with errors down to 1e-300, and log ERR on three to four times the usual nodes."""
    rng = np.random.default_rng(20261125)
    n, p = np.round(np.exp(rng.uniform(np.log(2), [[np.log(1e6)], [np.log(3e3)]], (2, 500))))
    p = np.where(rng.random(500) < 0.3, np.maximum(n + rng.integers(-2, 3, 500), 2), p)
    k = np.minimum(np.exp(rng.uniform(-6, 6, 500)), 36 * np.sqrt(1 + p / n))
    rows = np.stack([p, np.abs(n - p) + 1, np.minimum(n, p) - 1, k**2 * np.sqrt(n), k**2 * (n + 1) / 2])
    return rows, _integrate(rows, (160, 96))[0]


@pytest.mark.parametrize("intervals", [(INTERVALS[0], 96), (24, 96), (160, INTERVALS[1]), (160, 14)])
def test_the_error_of_each_rule_is_covered_by_its_estimate(intervals):
    """With the usual number of nodes, and with so few that the error shows."""
    rows, exact = finest()
    log_value, estimates, rounding = _integrate(rows, intervals)
    error = np.abs(log_value - exact)
    # Both sums round; what is added to the rounding is what `error_probability` adds.
    assert np.all(error <= estimates.sum(axis=0) + 2 * (rounding + 4 * EPS * np.abs(exact)))
    if not set(intervals) & set(INTERVALS):
        assert np.median(error) > 1e-11


@pytest.mark.parametrize("k", [0.2, 1.0, 3.0])
def test_with_one_example_or_one_dimension_all_heads_agree(k):
    for n, p in ((1, 1), (1, 50), (50, 1), (10**6, 1)):
        assert_allclose(least_squares_error(n, p, k).log_error, averaging_error(n, p, k).log_error, rtol=EPS)


def test_the_error_peaks_where_samples_and_dimension_meet():
    n = np.arange(1, 201)
    error = least_squares_error(n, 60, 1.0).error
    assert n[np.argmax(error)] == 60
    assert np.all(np.diff(error[59:]) < 0)


def test_least_squares_is_never_better_than_averaging():
    """Averaging is the best head there is when the direction of w⋆ is unknown and attention deterministic."""
    n, p, k = np.meshgrid([1, 2, 5, 50, 3000], [1, 2, 5, 50, 3000], [0.01, 0.5, 2, 10], indexing="ij")
    assert np.all(least_squares_error(n, p, k).log_error > averaging_error(n, p, k).log_error - 1e-10)


@pytest.mark.parametrize("aspect", [0.5, 2.0])
def test_the_proportional_limit_is_approached_at_rate_one_over_p(aspect):
    """Limit: Q(κ² √(1-γ)/√(κ²+γ)) for γ = p/n < 1, and √(1-1/γ) in place of √(1-γ) for γ > 1; gap of order 1/p."""
    p = np.array([1e3, 1e4])
    n, k = np.round(p / aspect), 1.1
    factor = np.sqrt(1 - aspect) if aspect < 1 else np.sqrt(1 - 1 / aspect)
    limit = ndtr(-(k**2) * factor / np.sqrt(k**2 + aspect))
    gap = least_squares_error(n, p, k).error - limit
    exponent = np.diff(np.log(np.abs(gap))) / np.diff(np.log(p))
    assert_allclose(exponent, -1, atol=0.02)  # next order: a share of a few/p of the gap
    assert np.all(np.abs(gap) < 4 / p)


def test_at_the_peak_the_error_tends_to_one_half_at_rate_p_to_the_minus_one_half():
    """At n = p, cos θ is of order p^{-1/2}: the distance from 1/2 falls as p^{-1/2}."""
    p = np.array([1e6, 1e8])
    exponent = np.diff(np.log(0.5 - least_squares_error(p, p, 1.0).error)) / np.diff(np.log(p))
    assert_allclose(exponent, -0.5, atol=1e-3)  # next order: p^{-1/2} = 1e-3 of the distance


def test_infinite_samples_and_signal():
    assert_allclose(least_squares_error(np.inf, 7, [0.0, 1.5]).error, ndtr([0.0, -1.5]), rtol=2 * EPS)
    assert least_squares_error(5, 7, np.inf).error == 0
    assert_allclose(least_squares_error(5, 7, 0.0).error, 0.5, rtol=2 * EPS)


@pytest.mark.parametrize(("n", "p"), [(2, 2), (7, 3), (10**15, 10**15 - 1), (300, 310)])
def test_beyond_any_signal_the_error_falls_as_kappa_to_the_minus_a(n, p):
    """The head errs where cos θ is of order 1/κ, of density cos^{a-1} θ, a = |n - p| + 1; from 1e30 on it is scaled."""
    k = np.array([1e28, 1e29, 1e31, 1e33, 1e200])
    scaled = least_squares_error(n, p, k).log_error + (abs(n - p) + 1) * np.log(k)
    # Each logarithm, up to 11 · 460, is good to a few roundings.
    assert_allclose(scaled, scaled[0], rtol=0, atol=4 * EPS * 11 * 460)
    assert least_squares_error(n, p, 1e-200).error == pytest.approx(0.5, rel=16 * EPS)


wide = st.floats(0, 15).map(lambda power: float(round(10**power)))


@given(n=wide, p=st.one_of(wide, st.integers(-2, 2)), k=st.floats(-300, 300).map(lambda power: 10.0**power))
def test_every_setting_has_an_error(n, p, k):
    p = max(n + p, 1) if isinstance(p, int) else p
    result = least_squares_error(n, p, k)
    assert 0 <= result.error <= 0.5 * (1 + 1e-12)
    assert result.log_error <= np.log(0.5) + 1e-12
    assert 0 <= result.log_error_bound <= 1e-12 + 8 * EPS * abs(np.maximum(result.log_error, -1e300))


def test_arrays_of_any_parameter_broadcast():
    together = least_squares_error([[5], [60], [300]], [3, 60], 1.0).error
    assert together.shape == (3, 2)
    # A sum of a hundred terms rounds differently in vectors of other lengths.
    assert_allclose(together[2, 1], least_squares_error(300, 60, 1.0).error, rtol=64 * EPS)
    assert isinstance(least_squares_error(5, 7, 1.0).error, float)
    assert least_squares_error(np.empty(0), 4, 0.1).error.shape == (0,)
