"""The Wick routine against Gauss-Hermite quadrature, which is exact for polynomials, and against known integrals."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sympy import Integral, Matrix, Rational, exp, oo, pi, simplify, sqrt, symbols

from theory.derivations.wick import gaussian_mean, wick_moment

x, y, z = symbols("x y z", real=True)
s, t = symbols("s t", positive=True)

ROOT = np.array([[1.0, 0, 0], [0.5, 2, 0], [-1, 0.25, 1.5]])
COVARIANCE = ROOT @ ROOT.T
"""Dyadic numbers, so that the exact covariance is the same."""


def by_quadrature(function, nodes=12):
    """Return E f(g) for g ~ N(0, COVARIANCE) by Gauss's rule in each of three dimensions."""
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    weights = weights / weights.sum()
    total = 0.0
    for place in itertools.product(range(nodes), repeat=3):
        total += math.prod(weights[list(place)]) * function(*(ROOT @ points[list(place)]))
    return total


def exact_covariance():
    matrix = Matrix(3, 3, lambda i, j: Rational(float(COVARIANCE[i, j])))
    names = (x, y, z)
    return matrix, {(names[i], names[j]): matrix[i, j] for i in range(3) for j in range(i, 3)}


@pytest.mark.parametrize("powers", [p for p in itertools.product(range(5), repeat=3) if sum(p) <= 8])
def test_moments_against_quadrature(powers):
    """Twelve nodes are exact up to degree 23 in each variable; the tolerance is the rounding of 1,728 terms."""
    matrix, _ = exact_covariance()
    value = float(wick_moment(powers, matrix))
    scale = by_quadrature(lambda *g: abs(math.prod(a**k for a, k in zip(g, powers, strict=True))), nodes=8)
    expected = by_quadrature(lambda *g: math.prod(a**k for a, k in zip(g, powers, strict=True)), nodes=8)
    assert_allclose(value, expected, rtol=1e-11, atol=1e-12 * scale)


def test_a_polynomial_with_other_symbols():
    _, covariance = exact_covariance()
    polynomial = (s * x - y * z + t) ** 2 * (x + 1)
    numbers = {s: 0.7, t: -1.3}
    value = float(gaussian_mean(polynomial, covariance).subs(numbers))
    assert_allclose(value, by_quadrature(lambda a, b, c: (0.7 * a - b * c - 1.3) ** 2 * (a + 1)), rtol=1e-11)


def test_exponentials_of_linear_and_quadratic_functions():
    """Gauss's rule converges geometrically here: 40 nodes leave 1e-9."""
    _, covariance = exact_covariance()
    function = (1 + x * y) * exp(x / 4 - y / 8 - z**2 / 4 + x * z / 16)
    expected = by_quadrature(lambda a, b, c: (1 + a * b) * math.exp(a / 4 - b / 8 - c**2 / 4 + a * c / 16), nodes=40)
    assert_allclose(float(gaussian_mean(function, covariance)), expected, rtol=1e-8)


@pytest.mark.parametrize("function", [x**2 * exp(s * x), (x - s) ** 3, exp(s * x - t * x**2), x**4 * exp(-t * x**2)])
def test_one_variable_against_the_integral(function):
    density = exp(-(x**2) / 2) / sqrt(2 * pi)
    integral = Integral(function * density, (x, -oo, oo)).doit()
    assert simplify(integral - gaussian_mean(function, {(x, x): 1})) == 0


def test_wick_counts_the_pairings():
    """E g^{2k} = (2k-1)!!, and for distinct variables of covariance 1 as many pairings."""
    for k in range(6):
        assert gaussian_mean(x ** (2 * k), {(x, x): 1}) == math.prod(range(1, 2 * k, 2))
    assert wick_moment((1,) * 6, Matrix.ones(6)) == 15


def test_the_order_of_a_pair_does_not_matter_and_pairs_left_out_are_independent():
    assert gaussian_mean(x * y, {(x, x): 1, (y, y): 1, (y, x): s}) == s
    assert gaussian_mean(x**2 * y**2, {(x, x): s, (y, y): t}) == s * t


@pytest.mark.parametrize(
    ("function", "sentence"),
    [(1 / x, "must be a polynomial in x"), (exp(x**3), "at most quadratic"), (exp(exp(x)), "must be a polynomial")],
)
def test_what_is_no_polynomial_is_refused(function, sentence):
    with pytest.raises(ValueError, match=sentence):
        gaussian_mean(function, {(x, x): 1})
