"""Small errors by importance sampling: the right mean, bounded weights, a precision that does not depend on size."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import integrate, stats

from numerics.simulators.tilted import best_tilt, simulate_small_errors, tilt_of
from tests.false_alarms import assert_mean, share
from theory import ContextualMixture, Head, NotAvailableError, averaging_error, least_squares_error

STRONG = ContextualMixture(21, 6, 3, signal_norm=1.2, noise_kind="prompt-orthogonal")


SETTINGS = [(12, 20, 5.6), (200, 50, 3.0), (30, 2, 8.0), (7, 300, 20.0), (1000, 10, 15.0)]


@pytest.mark.parametrize(
    ("samples", "dimension", "kappa", "turned"),
    [
        *((*setting, turned) for setting in SETTINGS for turned in (False, True)),
        (1, 5, 4.0, False),
        (50, 50, 12.0, False),  # at the peak the error of least squares is not small
    ],
)
def test_the_mean_is_the_exact_error_and_the_weights_stay_below_their_bound(samples, dimension, kappa, turned):
    """Against the contour formulas, which hold to 1e-10 down to errors of 1e-300."""
    exact = (least_squares_error if turned else averaging_error)(samples, dimension, kappa)
    tilt = best_tilt(samples, dimension, kappa, turned)
    drawn = tilt.draw(1_000_000, np.random.default_rng([samples, dimension]))
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    predicted = math.exp(exact.log_error - tilt.log_bound())
    assert_mean(drawn.mean(), drawn.std() / math.sqrt(len(drawn)), predicted, detectable=0.08)


def test_precision_does_not_depend_on_how_small_an_error_is():
    """Standard deviation over mean grows as a small power of κ while the error falls from 1e-3 to 1e-120."""
    spreads, errors = [], []
    for kappa in (3.0, 6.0, 12.0, 24.0):
        drawn = best_tilt(100, 20, kappa, False).draw(200_000, np.random.default_rng(3))
        spreads.append(drawn.std() / drawn.mean())
        errors.append(averaging_error(100, 20, kappa).error)
    assert errors[0] > 1e-4
    assert errors[-1] < 1e-100
    # A Gaussian tail, tilted, has a spread of the order of √κ: a factor of 8 in κ is one of about 3.
    assert max(spreads) / min(spreads) < 5
    assert max(spreads) < 20


@pytest.mark.parametrize(("samples", "dimension"), [(30, 10), (10, 30), (12, 12), (2, 40), (40, 2)])
def test_the_angle_follows_its_tilted_density(samples, dimension):
    """Kolmogorov and Smirnov against numerical integration; 20,000 draws find a law that is 0.06 off."""
    tilt = best_tilt(samples, dimension, 6.0, True)
    (a, b), s = tilt.lengths, tilt.strength
    along, across = abs(samples - dimension), min(samples, dimension) - 2

    def density(angle):
        return np.cos(angle) ** along * np.sin(angle) ** across * np.exp(-s * a * b / (1 - s**2) * np.cos(angle))

    angles = np.arccos(tilt.draw_cosines(20_000, np.random.default_rng(5)))
    grid = np.linspace(0, math.pi / 2, 20_001)
    mass = integrate.cumulative_simpson(density(grid), x=grid, initial=0)
    test = stats.kstest(angles, lambda angle: np.interp(angle, grid, mass / mass[-1]))
    assert test.pvalue > share()


def test_the_bound_is_chernoff_s_for_averaging():
    """E e^{-s xᵀy} for independent Gaussian x and y, by completing the square, at the best s of a fine grid."""
    samples, dimension, kappa = 12, 20, 5.0
    a, b = math.sqrt(samples) * kappa, kappa
    s = np.linspace(1e-4, 0.999, 200_001)
    exponent = (a**2 + b**2 - 2 * s * a * b) / (2 * (1 - s**2)) - (a**2 + b**2) / 2
    # With x, y along e: ∫ e^{-s xy} N(x; a) N(y; b) = (1-s²)^{-1/2} e^{[s²(a² + b²)/2 - s a b]/(1 - s²)}.
    bound = (s**2 * (a**2 + b**2) / 2 - s * a * b) / (1 - s**2) - dimension / 2 * np.log1p(-(s**2))
    assert_allclose(exponent, (s**2 * (a**2 + b**2) / 2 - s * a * b) / (1 - s**2), rtol=1e-9, atol=1e-9)
    assert_allclose(best_tilt(samples, dimension, kappa, False).log_bound(), bound.min(), rtol=1e-8)


def test_the_simulated_mean_is_in_units_of_the_error():
    head = Head(80, kind="least-squares")
    drawn = simulate_small_errors(STRONG, head, 1_000_000, np.random.default_rng(1)).errors
    predicted = least_squares_error(80, 20, _kappa()).error
    assert_mean(drawn.mean(), drawn.std() / 1e3, predicted, detectable=0.08)


def _kappa():
    """κ = R e W/(σ √m) without δ, at τ = Q = 1."""
    return 3 * math.e * 1.2 / math.sqrt(3)


@pytest.mark.parametrize(
    ("mixture", "head", "words"),
    [
        (STRONG, Head(50, kind="ridge", ridge=0.1), "averaging and least squares in the orthogonal space alone"),
        (STRONG, Head(50, space="full"), "averaging and least squares in the orthogonal space alone"),
        (STRONG, Head(50, attention="linear"), "averaging and least squares in the orthogonal space alone"),
        (ContextualMixture(21, 6, 3), Head(50), "fluctuat"),
        (ContextualMixture(2, 6, 3, noise_kind="prompt-orthogonal"), Head(50), "two and more dimensions"),
        (ContextualMixture(21, 60, 1, noise_kind="prompt-orthogonal"), Head(2), "the error is not small"),
    ],
)
def test_what_it_cannot_draw_is_refused(mixture, head, words):
    with pytest.raises(NotAvailableError, match=words):
        tilt_of(mixture, head)
