"""P(c + Σ u_t v_t < 0) for pairs of Gaussian numbers: conditioning, known laws, brute force, limits."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import chi2, norm

from theory.known_prompt.inner_product import log_inner_product_cdf
from theory.risk.quadratic_form import GaussianPairs, log_probability_below_zero


def pairs(constant, terms, a, b, uu=1.0, vv=1.0, r=0.0):
    """Return the parameters as arrays."""
    constant, terms, a, b, uu, vv, r = (np.asarray(x, dtype=float) for x in (constant, terms, a, b, uu, vv, r))
    return GaussianPairs(constant, terms, (a, b), (uu, vv), (1 + r, 1 - r))


def chance(*parameters, **more):
    """Return the probability."""
    return np.exp(log_probability_below_zero(pairs(*parameters, **more)).log_value)


def one_pair(c, a, b, r):
    """Return P(c + u v < 0) in 30 digits: given u, v is Gaussian."""
    with mpmath.workdps(30):
        c, a, b, r = (mpmath.mpf(float(x)) for x in (c, a, b, r))
        rest = mpmath.sqrt(1 - r * r)

        def density(u):
            return mpmath.npdf(u, a, 1) * mpmath.ncdf(mpmath.sign(u) * (-c / u - b - r * (u - a)) / rest)

        kinks = [sign * abs(c) * mpmath.mpf(10) ** power for sign in (-1, 1) for power in (-2, -1, 0, 1)]
        places = sorted({mpmath.mpf(0), a, *(x for x in (*kinks, a - 3, a + 3) if abs(x - a) < 14), a - 14, a + 14})
        return mpmath.quad(density, places)


@pytest.mark.parametrize(
    ("c", "a", "b", "r"),
    [
        (0.5, 1.0, 2.0, 0.0),
        (-0.5, 1.0, -2.0, 0.6),
        (1e-3, 0.3, 0.2, -0.9),
        (-3.0, 0.0, 0.0, 0.99),
        (4.0, -1.5, 2.5, -0.5),
        (0.0, 2.0, 1.0, 0.3),
    ],
)
def test_one_pair_by_conditioning_in_thirty_digits(c, a, b, r):
    found = log_probability_below_zero(pairs(c, 1, a, b, r=r))
    exact = one_pair(c, a, b, r)
    # The stated relative error, and as much for rounding: 50 units of 2e-16.
    assert_allclose(float(np.exp(found.log_value)), float(exact), rtol=float(found.relative_error) + 1e-14, atol=0)


def test_two_pairs_by_conditioning_on_one_number_of_each():
    c, a, b, r = 2.5, 0.4, -0.6, 0.5
    nodes = np.linspace(-9, 9, 721)
    u = a + np.array(np.meshgrid(nodes, nodes))
    density = np.prod(norm.pdf(u - a), axis=0) * (nodes[1] - nodes[0]) ** 2
    mean = c + (u * (b + r * (u - a))).sum(axis=0)
    deviation = np.sqrt((1 - r * r) * (u**2).sum(axis=0))
    # The trapezoidal rule converges as e^{-c/h}: half the step changes 1e-13.
    assert_allclose((density * norm.cdf(-mean / deviation)).sum(), chance(c, 2, a, b, r=r), atol=1e-11)


def test_without_correlation_it_is_the_law_behind_the_known_prompt():
    rng = np.random.default_rng(5)
    size = 400
    terms = np.exp(rng.uniform(0, 8, size)).round()
    a, b = rng.normal(size=(2, size)) * 10 ** rng.uniform(-3, 1, (2, size))
    c = rng.normal(size=size) * np.sqrt(terms) * 10 ** rng.uniform(-3, 1, size)
    found = log_probability_below_zero(pairs(c, terms, a, b))
    known = log_inner_product_cdf(terms, terms * a * b, terms * (a**2 + b**2) / 2, -c)
    # Another contour and saddle point; both state their errors, to which rounding of the exponent is added.
    bound = found.relative_error + known.relative_error + 1e-12 + 1e-14 * np.abs(found.log_value)
    assert (np.abs(found.log_value - known.log_value) < bound).all()


@pytest.mark.parametrize("terms", [1, 2, 5, 40])
def test_parallel_pairs_make_a_chi_square(terms):
    c = -0.7 * terms
    assert_allclose(chance(c, terms, 0, 0, r=1.0), chi2.cdf(0.7 * terms, terms), rtol=1e-11)
    assert_allclose(chance(-c, terms, 0, 0, r=-1.0), chi2.sf(0.7 * terms, terms), rtol=1e-11)
    # A square is never below 0.
    assert chance(0.1, terms, 2, 2, r=1.0) == 0


def test_a_variance_of_zero_leaves_a_gaussian_number_or_a_constant():
    assert_allclose(chance(-1.0, 3, 2.0, 0.5, uu=0.0, vv=4.0), norm.cdf((1 - 3) / np.sqrt(3 * 4 * 4)), rtol=1e-14)
    # Where both means are huge the product of the two noises is nothing, but their covariance is not.
    deviation = np.sqrt(5 * 1e-26 * (1 + 1 + 2 * 0.7))
    assert_allclose(chance(-5 - deviation, 5, 1.0, 1.0, uu=1e-26, vv=1e-26, r=0.7), norm.cdf(1), rtol=5e-3)
    assert chance(-1.0, 3, 0.0, 0.5, uu=0.0, vv=4.0) == 1
    assert chance(0.0, 0, 1.0, 1.0) == 0.5
    assert chance(1.0, 4, 0.0, 0.0, uu=0.0, vv=0.0) == 0


def test_brute_force():
    # 400,000 draws a setting; 12 settings at 6 standard errors: a false alarm in 4e7 runs, and a probability that is
    # off by 0.006 is found.
    rng = np.random.default_rng(8)
    for terms, r in [(m, r) for m in (1, 3, 20) for r in (-0.999, -0.4, 0.2, 0.97)]:
        a, b, c = rng.normal(size=3) * (1, 1, np.sqrt(terms))
        g, h = rng.normal(size=(2, 400_000 // terms, terms))
        seen = np.mean(c + np.sum((a + g) * (b + r * g + np.sqrt(1 - r * r) * h), axis=1) < 0)
        expected = float(chance(c, terms, a, b, r=r))
        assert abs(seen - expected) < 6 * np.sqrt(max(expected * (1 - expected), 1e-4) / (400_000 // terms))


def test_many_terms_are_gaussian_at_the_rate_of_the_central_limit_theorem():
    # The products have the mean 1, the variance 3 and the third moment 6; at the mean the error is their skewness over
    # 6 √(2π m), and the next term a share of 1/m of it.
    for terms in (100, 10_000):
        gap = float(chance(-terms, terms, 1, 1)) - 0.5
        assert_allclose(gap, 6 / 3**1.5 / 6 / np.sqrt(2 * np.pi * terms), rtol=2 / terms)


SIZES = st.floats(-40, 4).map(lambda power: 10.0**power)


@settings(max_examples=150, deadline=None)
@given(
    c=st.floats(-1e6, 1e6),
    terms=st.integers(0, 100_000),
    a=st.floats(-1e3, 1e3),
    b=st.floats(-1e3, 1e3),
    uu=SIZES,
    vv=SIZES,
    r=st.floats(-1, 1),
)
def test_both_tails_are_probabilities_and_add_up_to_one(c, terms, a, b, uu, vv, r):
    lower = log_probability_below_zero(pairs(c, terms, a, b, uu, vv, r))
    upper = log_probability_below_zero(pairs(-c, terms, a, -b, uu, vv, -r))
    total = float(np.exp(lower.log_value) + np.exp(upper.log_value))
    # One of both is the complement of the other but where the mean is 0.
    assert_allclose(total, 1, atol=1e-9)
    assert lower.log_value <= 1e-9
    assert lower.relative_error >= 0
