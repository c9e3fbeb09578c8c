"""The averaging head in the full space against brute force over the mean label, closed cases and limits."""

from __future__ import annotations

import itertools

import mpmath as mp
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import ndtr

from tests.false_alarms import assert_mean
from theory import averaging_error, full_head_averaging_error
from theory.known_prompt.label_imbalance import FULL_SUM, log_label_weight, mean_over_labels

EPS = np.finfo(float).eps


def one_dimensional_error(n, k, b):
    """Sum over ȳ, at 30 digits, of P(xy < t) = ∫ φ(x - √n κ) P(y < t/x or y > t/x) dx, p = 1, t = -b² √n ȳ."""
    with mp.workdps(30):
        mean, total = mp.sqrt(n) * k, mp.mpf(0)
        breaks = [-14, -2, -0.5, -0.05, -1e-3, 0, 1e-3, 0.05, 0.5, 2, float(mean) + 0.77, float(mean) + 14]

        def below(z):
            return mp.erfc(-z / mp.sqrt(2)) / 2

        for positive in range(n + 1):
            t = -(b**2) * mp.sqrt(n) * (mp.mpf(2 * positive - n) / n)

            def integrand(x, t=t):
                share = below(t / x - k) if x > 0 else below(k - t / x)
                return mp.npdf(x - mean) * share

            error = mp.quad(integrand, sorted(breaks)) if t != 0 else below(mean) * below(-k) + below(-mean) * below(k)
            total += mp.binomial(n, positive) * mp.mpf(2) ** -n * error
        return float(total)


@pytest.mark.parametrize(("n", "k", "b"), [(1, 1.0, 1.0), (2, 0.3, 2.0), (4, 1.5, 0.2), (5, 0.5, 1.0), (6, 2.0, 3.0)])
def test_one_noisy_dimension_against_quadrature(n, k, b):
    # mpmath's quadrature at 30 digits meets kinks at x = 0: 1e-11 is what halving its degree shows.
    assert_allclose(full_head_averaging_error(n, 1, k, 1.0, b).error, one_dimensional_error(n, k, b), rtol=1e-11)


def drawn_errors(n, p, k, b, noisy, repetitions, rng):
    """Return exact errors given drawn heads, from whole vectors: p noisy coordinates, w⋆ along the first."""
    labels = rng.choice([-1.0, 1.0], (repetitions, n))
    heads = rng.standard_normal((repetitions, p)) / np.sqrt(n)
    heads[:, 0] += k
    along = b * labels.mean(axis=1)
    if noisy:
        heads[:, 1] += along
        spread, shift = np.linalg.norm(heads, axis=1), b * heads[:, 1]
    else:
        spread, shift = np.linalg.norm(heads, axis=1), b * along
    return (ndtr(-(k * heads[:, 0] + shift) / spread) + ndtr(-(k * heads[:, 0] - shift) / spread)) / 2


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize(
    ("n", "p", "k", "b"), [(1, 2, 1.0, 1.0), (5, 3, 0.7, 2.0), (12, 6, 1.2, 0.8), (60, 20, 1.0, 3.0)]
)
def test_against_drawn_heads(n, p, k, b, noisy):
    errors = drawn_errors(n, p, k, b, noisy, 60_000, np.random.default_rng([n, p, noisy]))
    predicted = full_head_averaging_error(n, p, k, 1.0, b, noisy_context=noisy).error
    assert_mean(errors.mean(), errors.std(ddof=1) / np.sqrt(len(errors)), predicted, detectable=0.05)


def test_without_context_the_full_head_is_the_orthogonal_one():
    n, p, k = np.meshgrid([1, 2, 30, 10**6], [2, 3, 50, 10**6], [0.1, 1, 5], indexing="ij")
    orthogonal = averaging_error(n, p, k).log_error
    for noisy in (False, True):
        full = full_head_averaging_error(n, p, k, 1.0, 0.0, noisy_context=noisy).log_error
        # The sum over ȳ of equal terms adds the rounding of n weights, of which a few hundred count.
        assert_allclose(full, orthogonal, rtol=2000 * EPS)


@pytest.mark.parametrize("noisy", [False, True])
def test_the_sum_over_every_label_and_the_sum_in_steps_agree(monkeypatch, noisy):
    """A training set just large enough for steps, once with and once without them."""
    arguments = (FULL_SUM + 1, [2, 5, 80], 0.2, 1.0, 1.7)
    steps = full_head_averaging_error(*arguments, noisy_context=noisy).log_error
    monkeypatch.setattr("theory.known_prompt.label_imbalance.FULL_SUM", 10 * FULL_SUM)
    every = full_head_averaging_error(*arguments, noisy_context=noisy).log_error
    assert_allclose(steps, every, rtol=1e-12)  # the promised accuracy of an averaging error


@pytest.mark.parametrize(
    ("n", "signal", "context"), [(1, 1, 2), (2, 1, 1), (3, 1, 1.5), (4, 1, 2**0.5), (9, 0.3, 1), (5, 2, 1)]
)
def test_without_noise_all_labelings_are_counted(n, signal, context):
    outcomes = []
    for labels in itertools.product([-1, 1], repeat=n):
        margin = signal**2 + context**2 * np.mean(labels)
        outcomes.append(0.5 if abs(margin) < 1e-12 else float(margin < 0))
    assert_allclose(full_head_averaging_error(n, 5, signal, 0.0, context).error, np.mean(outcomes), rtol=100 * EPS)


@pytest.mark.parametrize(("signal", "below", "tie"), [(1.0, -1, 0), (0.95, 243, None), (0.8, 899, 900)])
def test_without_noise_the_logarithm_survives_where_the_error_underflows(signal, below, tie):
    """n = 5000, B = 1: at most n (1 - signal²)/2 training labels may be positive, and that many is a tie."""
    with mp.workdps(30):
        count = mp.fsum(mp.binomial(5000, k) for k in range(below + 1))
        count += mp.binomial(5000, tie) / 2 if tie is not None else 0
        exact = float(mp.log(count) - 5000 * mp.log(2))
    result = full_head_averaging_error(5000, 40, signal=signal, noise=0.0, context=1.0)
    assert_allclose(result.log_error, exact, rtol=1e-13)


def test_the_excess_keeps_its_digits_for_very_many_examples():
    """n (ERR - Q(κ)) tends to a constant; at n = 10¹⁰ a relative rounding of 1e-15 in ERR is 2e-6 of it."""
    n = np.array([1e6, 1e8, 1e10])
    excess = n * (full_head_averaging_error(n, 40, 1.0, 1.0, 2.0).error - ndtr(-1.0))
    assert_allclose(excess, excess[1], rtol=1e-4)


def test_little_noise_is_close_to_none():
    """n = 3: the decision is a margin of 5/9 away from a tie, many standard deviations of the noise."""
    with_noise = full_head_averaging_error(3, 5, 1.0, 1e-3, 1.5).error
    assert_allclose(with_noise, full_head_averaging_error(3, 5, 1.0, 0.0, 1.5).error, rtol=1e-12)


def test_the_context_costs_less_with_more_examples():
    n = np.array([10, 100, 1000, 10_000, 100_000])
    excess = full_head_averaging_error(n, 20, 1.0, 1.0, 2.0).error - averaging_error(n, 20, 1.0).error
    assert np.all(excess > 0)
    assert np.all(np.diff(excess) < 0)
    # ȳ² is 1/n on average, and so is the excess; the next order is a share of b⁴/n of it.
    assert_allclose(np.diff(np.log(excess[-2:])) / np.log(10), -1, atol=5e-3)


@pytest.mark.parametrize("samples", [1, 2, 3, 17, 1000, FULL_SUM])
def test_label_weights_are_binomial(samples):
    weights = log_label_weight(float(samples), np.arange(samples + 1.0) - samples / 2)
    with mp.workdps(40):
        exact = [mp.log(mp.binomial(samples, k)) - samples * mp.log(2) for k in range(samples + 1)]
        error = [float(mp.mpf(float(got)) - want) for got, want in zip(weights, exact, strict=True)]
    scale = 1 + np.abs(np.array(exact, dtype=float))
    assert np.max(np.abs(error) / scale) < 20 * EPS  # a handful of terms of the size of the logarithm


@pytest.mark.parametrize("samples", [1, 2, 3, 100, FULL_SUM, FULL_SUM + 1, 10**6, 10**9])
def test_moments_of_the_mean_label(samples):
    """E ȳ² = 1/n and E ȳ⁴ = (3n - 2)/n³; E 1 = 1."""
    for power, moment in ((0, 1.0), (2, 1 / samples), (4, (3 * samples - 2) / samples**3)):

        def log_power(y, power=power):
            with np.errstate(divide="ignore"):
                return power * np.log(np.abs(y)) if power else np.zeros_like(y)

        assert_allclose(np.exp(mean_over_labels(float(samples), 1.0, log_power)), moment, rtol=1e-12)
