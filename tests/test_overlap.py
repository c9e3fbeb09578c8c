"""Expected overlaps against hypergeometric functions at 50 digits, closed cases and drawn heads."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from tests.false_alarms import assert_mean
from theory import averaging_overlap, full_head_averaging_overlap, least_squares_overlap

SETTINGS = [
    (1, 1, 0.5),
    (1, 2, 1.0),
    (3, 2, 1e-6),
    (100, 50, 1.0),
    (10, 1000, 0.1),
    (7, 3, 6.0),
    (10**6, 10**5, 0.3),
    (2, 10**9, 5),
]
RTOL = 1e-12  # the accuracy promised for an averaging error


def hypergeometric_overlap(n, p, k):
    """E cos = m Γ((p+1)/2) / (√2 Γ(p/2+1)) · 1F1(1/2; p/2+1; -m²/2), m = √n κ."""
    with mp.workdps(50):
        square, half = n * mp.mpf(k) ** 2 / 2, mp.mpf(p) / 2
        ratio = mp.exp(mp.loggamma(half + mp.mpf(1) / 2) - mp.loggamma(half + 1))
        return float(mp.sqrt(square) * ratio * mp.hyp1f1(mp.mpf(1) / 2, half + 1, -square))


@pytest.mark.parametrize(("n", "p", "k"), SETTINGS)
def test_averaging_against_the_hypergeometric_function(n, p, k):
    assert_allclose(averaging_overlap(n, p, k), hypergeometric_overlap(n, p, k), rtol=RTOL)


@pytest.mark.parametrize(("n", "p", "k"), SETTINGS)
def test_least_squares_is_averaging_times_a_ratio_of_gamma_functions(n, p, k):
    """E cos θ = Γ((a+1)/2) Γ((a+b)/2) / (Γ(a/2) Γ((a+b+1)/2)), a = |n-p|+1, b = min(n,p)-1."""
    with mp.workdps(50):
        a, b = mp.mpf(abs(n - p) + 1), mp.mpf(min(n, p) - 1)
        logs = mp.loggamma((a + 1) / 2) + mp.loggamma((a + b) / 2) - mp.loggamma(a / 2) - mp.loggamma((a + b + 1) / 2)
        ratio = float(mp.exp(logs))
    assert_allclose(least_squares_overlap(n, p, k), averaging_overlap(n, p, k) * ratio, rtol=1e-10)  # as promised there


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize(("n", "p", "k", "b"), [(1, 2, 1.0, 1.0), (5, 3, 0.7, 2.0), (60, 20, 1.0, 3.0)])
def test_full_head_against_drawn_heads(n, p, k, b, noisy):
    rng = np.random.default_rng([n, p, noisy])
    repetitions = 200_000
    along = np.sqrt(n) * k + rng.standard_normal(repetitions)
    shift = np.sqrt(n) * b * (2 * rng.binomial(n, 0.5, repetitions) - n) / n
    others = rng.standard_normal((repetitions, p - 1))
    if noisy:
        others[:, 0] += shift
        shift = 0
    cosines = along / np.sqrt(along**2 + (others**2).sum(axis=1) + shift**2)
    predicted = full_head_averaging_overlap(n, p, k, 1.0, b, noisy_context=noisy)
    assert_mean(cosines.mean(), cosines.std() / np.sqrt(repetitions), predicted, detectable=0.03)


def test_without_noise_only_the_mean_label_turns_the_head():
    """n = 2: ȳ is 0 with probability 1/2, else ±1."""
    assert_allclose(full_head_averaging_overlap(2, 9, 3.0, 0.0, 4.0), (1 + 3 / 5) / 2, rtol=RTOL)


def test_limits():
    for overlap in (averaging_overlap, least_squares_overlap):
        assert_allclose(overlap([5, np.inf, 5, np.inf], 4, [0.0, 1.0, np.inf, 0.0])[[0, 1, 3]], [0, 1, 0])
    assert averaging_overlap(5, 4, np.inf) == 1
    assert full_head_averaging_overlap([np.inf, 7], 4, [1.0, 0.0], 1.0, 1.0).tolist() == [1.0, 0.0]
