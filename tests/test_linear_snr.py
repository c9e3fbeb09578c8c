"""E κ² of linear-prompt-attention: in 50 digits, and by an integral in which no noncentral identity has a part."""

from __future__ import annotations

import math

import mpmath
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad

from theory import ContextualMixture
from theory.attention.linear_snr import linear_snr_square, mean_inverse_chi_square


@pytest.mark.parametrize("freedom", [2.5, 3, 4, 7.5, 50, 1e3, 1e6])
def test_the_mean_inverse_against_kummer_s_function_in_fifty_digits(freedom):
    """To a few roundings of some hundred positive terms."""
    for noncentrality in (0, 1e-3, 0.3, 5, 100, 1e4, 1e6, 1e9):
        with mpmath.workdps(50):
            half = mpmath.mpf(freedom) / 2
            exact = mpmath.hyp1f1(1, half, -mpmath.mpf(noncentrality) / 2) / (freedom - 2)
        assert_allclose(mean_inverse_chi_square(freedom, noncentrality), float(exact), rtol=2e-15)


def test_it_is_infinite_where_the_density_does_not_vanish_at_zero():
    assert mean_inverse_chi_square(2, 1.0) == math.inf
    assert linear_snr_square(ContextualMixture(5, 4, 2, delta_context=0.3)) == math.inf
    assert linear_snr_square(ContextualMixture(5, 4, 2, signal_norm=0)) == 0


@pytest.mark.parametrize(
    ("terms", "delta_context", "delta_signal"), [(3, 0.4, 0.7), (7, -0.6, 0.3), (20, 0.5, -1.5), (5, 0.0, 0.8)]
)
def test_the_mean_against_an_integral_of_gaussian_means(terms, delta_context, delta_signal):
    """E (R - δ_w Σz)²/Σz² = ∫ E (R - δ_w Σz)² e^{-s Σz²} ds, z_t ~ N(-δ_q, r²): under the weight z is normal, too."""
    relevant, context, signal, noise = 2, 1.3, 0.9, 0.8
    mixture = ContextualMixture(
        5, relevant + terms, relevant, context, signal, noise, delta_context=delta_context, delta_signal=delta_signal
    )
    variance = (noise / context) ** 2

    def weighted(s):
        widened = 1 + 2 * s * variance
        mean, square = -delta_context / widened, variance / widened
        second = (relevant - delta_signal * terms * mean) ** 2 + delta_signal**2 * terms * square
        return second * (math.exp(-s * delta_context**2 / widened) / math.sqrt(widened)) ** terms

    # Over u = 1/(1 + s): adaptive Gauss-Kronrod leaves 1e-10 where the integrand has the root of three tokens.
    expected = quad(lambda u: weighted(1 / u - 1) / u**2, 0, 1, epsabs=0, epsrel=1e-12, limit=200)[0]
    assert_allclose(linear_snr_square(mixture), (signal / noise) ** 2 * expected, rtol=1e-9)
