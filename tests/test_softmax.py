"""The softmax of short rows against SciPy's, within the range of one common shift and beyond it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import special

from numerics.softmax import WIDEST, softmax


@pytest.mark.parametrize("shape", [(1,), (7,), (5, 3), (4, 3, 8), (0, 3)])
@pytest.mark.parametrize("spread", [0.0, 1.0, 200.0, 1e4, 1e300])
@pytest.mark.parametrize("offset", [0.0, -1e5])
def test_rows_are_those_of_scipy(shape, spread, offset):
    scores = offset + spread * np.random.default_rng(1).standard_normal(shape)
    found = softmax(scores)
    # A sum of eight terms rounds a few times; exponents of 700 carry a rounding error of 700 eps.
    assert_allclose(found, special.softmax(scores, axis=-1), rtol=1e-12, atol=1e-300)
    assert_allclose(found.sum(axis=-1), np.ones(shape[:-1]), rtol=1e-14)


def test_a_row_far_below_the_others_keeps_its_digits():
    scores = np.array([[0.0, 0.0], [-0.99 * WIDEST, -0.99 * WIDEST + np.log(3.0)]])
    assert_allclose(softmax(scores), [[0.5, 0.5], [0.25, 0.75]], rtol=1e-12)


def test_tokens_that_are_left_out_get_nothing():
    assert_allclose(softmax(np.array([[0.0, -np.inf, 0.0], [1.0, 1.0, -np.inf]])), [[0.5, 0, 0.5], [0.5, 0.5, 0]])
