"""The averaging head's error against second implementations, closed cases, limits and rates."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from scipy.special import betainc, ndtr

from theory import averaging_error

EPS = np.finfo(float).eps


def mixture_of_beta_functions(n, p, k):
    """P(χ'²_p(a) < χ'²_p(b)) as a double Poisson mixture of P(χ²_{p+2i} < χ²_{p+2j}) = I_{1/2}(p/2 + i, p/2 + j)."""
    a, b = k**2 * (np.sqrt(n) + 1) ** 2 / 2, k**2 * (np.sqrt(n) - 1) ** 2 / 2
    # Twelve standard deviations and forty more terms leave out less than 1e-20.
    i, j = (np.arange(mean / 2 + 12 * np.sqrt(mean) + 40) for mean in (a, b))
    i, j = i[:, None], j[None, :]
    weights = stats.poisson.pmf(i, a / 2) * stats.poisson.pmf(j, b / 2)
    return float((weights * betainc(p / 2 + i, p / 2 + j, 0.5)).sum())


@pytest.mark.parametrize("n", [1, 2, 7, 40])
@pytest.mark.parametrize("p", [1, 2, 3, 10, 301])
@pytest.mark.parametrize("k", [0.01, 0.3, 1.0, 2.5])
def test_against_the_mixture_of_beta_functions(n, p, k):
    # A few thousand terms, each good to about ten roundings of betainc and of the Poisson weights.
    assert_allclose(averaging_error(n, p, k).error, mixture_of_beta_functions(n, p, k), rtol=3000 * EPS)


@pytest.mark.parametrize("k", [1e-6, 0.3, 1, 8, 30, 37])
@pytest.mark.parametrize("n", [1, 10, 10**6])
def test_one_dimension_is_two_signs(n, k):
    """For p = 1 the head errs if exactly one of two independent normal numbers has the wrong sign."""
    train, test = ndtr(-np.sqrt(n) * k), ndtr(-k)
    # ndtr near -37 is good to a few hundred roundings: its argument is squared in an exponent of 700.
    assert_allclose(averaging_error(n, 1, k).error, train * (1 - test) + test * (1 - train), rtol=2000 * EPS)


def test_without_signal_every_head_guesses():
    assert_allclose(averaging_error([1, 10, 10**9], [1, 5, 10**9], 0.0).error, 0.5, rtol=4 * EPS)


def test_the_population_limit_is_approached_at_rate_one_over_n():
    """ERR - Q(κ) is c/n + O(1/n²): the fitted exponent of n is -1."""
    n = np.array([1e4, 1e5])
    gap = averaging_error(n, 20, 1.3).error - averaging_error(np.inf, 20, 1.3).error
    exponent = np.diff(np.log(gap)) / np.diff(np.log(n))
    # The next term changes the gap by a share of about p/n, 2e-3 at the smaller n.
    assert_allclose(exponent, -1, atol=2e-3)
    assert_allclose(averaging_error(np.inf, 20, 1.3).error, ndtr(-1.3), rtol=EPS)


@pytest.mark.parametrize("aspect", [0.3, 1.0, 4.0])
def test_the_proportional_limit_is_approached_at_rate_one_over_p(aspect):
    """With p/n fixed the error tends to Q(κ²/√(κ² + p/n)), with a gap proportional to 1/p."""
    p = np.array([1e3, 1e4])
    n, k = np.round(p / aspect), 1.1
    limit = ndtr(-(k**2) / np.sqrt(k**2 + p / n))
    gap = averaging_error(n, p, k).error - limit
    exponent = np.diff(np.log(np.abs(gap))) / np.diff(np.log(p))
    assert_allclose(exponent, -1, atol=0.01)  # next order: a share of a few/p of the gap
    assert np.all(np.abs(gap) < 2 / p)


def test_more_examples_more_signal_and_fewer_dimensions_never_hurt():
    n, p, k = np.meshgrid([1, 2, 5, 100, 10**4], [1, 2, 5, 100, 10**4], [0.01, 0.5, 2, 10], indexing="ij")
    log_error = averaging_error(n, p, k).log_error
    slack = 1e-12  # equal values may differ by rounding
    assert np.all(np.diff(log_error, axis=0) < slack)
    assert np.all(np.diff(log_error, axis=1) > -slack)
    assert np.all(np.diff(log_error, axis=2) < slack)


def test_very_large_signals_keep_their_logarithm():
    """log ERR → -κ²/2 · (1 + o(1)) as κ → ∞, whatever n; beyond 1e-308 the error itself is 0."""
    for k in (1e3, 1e6, 1e11, 1e13, 1e100):
        result = averaging_error([1, 3, 10**6], 5, k)
        assert_allclose(np.array(result.log_error) / (-(k**2) / 2), 1, rtol=60 / k**2 * np.log(k) + 1e-12)
        assert np.all(np.array(result.error) == 0)
    assert averaging_error(3, 5, np.inf).log_error == -np.inf


def test_arrays_of_any_parameter_broadcast():
    samples, dimension, kappa = np.array([1, 10])[:, None, None], np.array([2, 3, 4])[:, None], np.array([0.1, 1.0])
    together = averaging_error(samples, dimension, kappa).error
    assert together.shape == (2, 3, 2)
    assert_allclose(together[1, 2, 0], averaging_error(10, 4, 0.1).error, rtol=16 * EPS)
    assert isinstance(averaging_error(10, 4, 0.1).error, float)
    assert averaging_error(np.empty(0), 4, 0.1).error.shape == (0,)


def test_many_settings_at_once_give_what_each_gives_alone():
    """More settings than one chunk holds, in an order that mixes scales."""
    rng = np.random.default_rng(11)
    n, p = np.round(10 ** rng.uniform(0, 6, (2, 1500)))
    k = 10 ** rng.uniform(-3, 1.4, 1500)
    together = averaging_error(n, p, k).log_error
    some = [0, 511, 512, 1024, 1499]
    # Vectorised functions round differently in vectors of other lengths.
    assert_allclose(together[some], [averaging_error(n[i], p[i], k[i]).log_error for i in some], rtol=16 * EPS)
