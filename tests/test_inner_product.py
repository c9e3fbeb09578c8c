"""P(xᵀy < t): thresholds of both signs, both tails, and the contour's own error estimate."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from theory.known_prompt.inner_product import log_inner_product_cdf


def one_dimensional_cdf(mean_x, mean_y, t):
    """∫ φ(x - m_x) P(y < t/x or y > t/x) dx at 30 digits."""
    with mp.workdps(30):

        def below(z):
            return mp.erfc(-z / mp.sqrt(2)) / 2

        def integrand(x):
            return mp.npdf(x - mean_x) * (below(t / x - mean_y) if x > 0 else below(mean_y - t / x))

        around = [s * v for v in (1e-4, 1e-2, 0.3, 2, 14) for s in (1, -1)]
        return float(mp.quad(integrand, sorted({0, *around, mean_x, mean_x + 6, mean_x - 6})))


@pytest.mark.parametrize(
    ("mean_x", "mean_y", "t"),
    [
        # Every threshold and every pair of means in the quick suite, every combination in the slow one.
        pytest.param(*means, t, marks=() if means == (0.5, 0.5) or t in (-1e-3, 3.0) else pytest.mark.slow)
        for means in ((0.5, 0.5), (2.0, 1.0), (1.0, 0.1), (3.0, 2.0))
        for t in (-3.0, -0.3, -1e-3, 1e-3, 0.05, 0.2, 3.0)
    ],
)
def test_one_dimension_with_a_threshold(mean_x, mean_y, t):
    log_cdf = log_inner_product_cdf(
        np.array(1.0), np.array(mean_x * mean_y), np.array((mean_x**2 + mean_y**2) / 2), np.array(t)
    )
    exact = one_dimensional_cdf(mean_x, mean_y, t)
    assert_allclose(np.exp(log_cdf.log_value), exact, rtol=1e-12)  # the promised accuracy
    assert abs(np.exp(log_cdf.log_value) / exact - 1) <= log_cdf.relative_error + 1e-13


@pytest.mark.parametrize("p", [1, 2, 5, 100])
def test_without_means_the_law_is_symmetric_and_its_variance_p(p):
    t = np.array([-2.0, -0.5, 0.0, 0.5, 2.0]) * np.sqrt(p)
    cdf = np.exp(log_inner_product_cdf(np.array(float(p)), np.array(0.0), np.array(0.0), t).log_value)
    assert_allclose(cdf + cdf[::-1], 1, rtol=1e-12)  # the promised accuracy
    if p == 2:
        # x₁y₁ + x₂y₂ has the Laplace distribution.
        assert_allclose(cdf, stats.laplace.cdf(t), rtol=1e-12)


def test_far_tails_keep_their_digits():
    """p = 2 without means: P(xᵀy < t) = e^t/2 for t < 0, down to e^-3000."""
    t = -np.array([1.0, 30.0, 700.0, 3000.0])
    log_cdf = log_inner_product_cdf(np.array(2.0), np.array(0.0), np.array(0.0), t).log_value
    assert_allclose(log_cdf, t - np.log(2), rtol=1e-13)  # a few hundred roundings of the exponent


def test_a_negative_mean_product_is_the_other_tail():
    lower = np.exp(log_inner_product_cdf(np.array(7.0), np.array(1.2), np.array(2.0)).log_value)
    upper = np.exp(log_inner_product_cdf(np.array(7.0), np.array(-1.2), np.array(2.0)).log_value)
    assert_allclose(lower + upper, 1, rtol=1e-14)
