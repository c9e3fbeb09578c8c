"""The joint law of signal and noise: against exact moments, brute-force sums, closed forms, and under refinement."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import gammaln, ndtr

from theory import ContextualMixture, NotAvailableError, attention_law, attention_moments
from theory.attention.law import lognormal_sums
from theory.attention.planar_measure import (
    Accuracy,
    PlanarMeasure,
    compressed,
    convolution_power,
    thinned,
    thinned_power,
)
from theory.known_prompt.proportional_prediction import unit_head_decision
from theory.risk.lognormal_sum import probability_below_zero

MIXTURES = [
    (ContextualMixture(11, 3, 2), 1.0),
    (ContextualMixture(11, 4, 2, context_norm=2.0), 0.5),
    (ContextualMixture(11, 16, 2, delta_context=0.2, delta_signal=0.1), 1.0),
    (ContextualMixture(11, 16, 1, signal_norm=3.0, noise=0.5), 0.6),
    (ContextualMixture(11, 66, 4, delta_signal=-0.3), 1.5),
    (ContextualMixture(11, 1010, 10, noise=2.0), 0.25),
]
each_mixture = pytest.mark.parametrize(("mixture", "temperature"), MIXTURES, ids=lambda value: str(value)[:0])

FINE, COARSE, DRAFT = 1e-8, 3e-6, 1e-2
"""The law is built to 1e-9 (fine), 1e-6 (coarse) and 1e-3 (draft) a step, in up to fourteen; what is seen is less."""


def add(x, y, other_x, other_y):
    return x + other_x, y + other_y


@each_mixture
@pytest.mark.parametrize(("resolution", "tolerance"), [("fine", FINE), ("coarse", COARSE), ("draft", DRAFT)])
def test_moments_of_the_law_are_the_exact_ones(mixture, temperature, resolution, tolerance):
    """The Laplace integrals are a different route, with an accuracy of 1e-10."""
    law, exact = attention_law(mixture, temperature, resolution=resolution), attention_moments(mixture, temperature)
    assert_allclose(law.weight.sum(), 1.0, rtol=1e-12)
    assert_allclose(law.mean(law.signal), exact.signal, rtol=tolerance)
    assert_allclose(law.mean(law.signal**2), exact.signal_square, rtol=tolerance)
    assert_allclose(law.mean(law.noise**2), exact.noise_square, rtol=tolerance)
    # κ² has no bound, and rare sequences carry its mean: the trimmed tails of 1e-12 count more there.
    assert_allclose(law.mean((law.signal / law.noise) ** 2), exact.snr_square, rtol=100 * tolerance)


@each_mixture
def test_the_error_of_a_known_head_is_the_exact_risk(mixture, temperature):
    """E Q(κ c) over the law against the inversion formula, which is good to 1e-10."""
    law = attention_law(mixture, temperature)
    for overlap in (-0.4, 0.2, 0.9):
        expected = probability_below_zero(unit_head_decision(mixture, temperature, overlap)).value
        assert_allclose(law.mean(ndtr(-overlap * law.signal / law.noise)), expected, atol=FINE)


@pytest.mark.parametrize(("terms", "spread"), [(2, 0.5), (2, 1.5), (3, 1.0)])
def test_sums_of_a_few_lognormals_against_all_combinations(terms, spread):
    """Brute force: every combination of nodes of a fine trapezoid, without compression."""
    g = np.linspace(-8, 8, 161 if terms == 2 else 65)
    density = np.exp(-(g**2) / 2)
    density /= density.sum()
    grids = np.meshgrid(*[spread * g] * terms, indexing="ij")
    weights = np.prod(np.meshgrid(*[density] * terms, indexing="ij"), axis=0)
    sums, squares = sum(np.exp(x) for x in grids), sum(np.exp(2 * x) for x in grids)
    law = lognormal_sums(spread, terms, "fine")
    for function in (
        lambda s, v: np.exp(0 * v) / (2 + s),
        lambda s, v: s**2 * v / (3 + s) ** 2 / (1 + 5 * v),
        lambda s, v: np.exp(-1 / v - 0 * s),
    ):
        expected = float(np.sum(weights * function(sums, squares / sums**2)))
        assert_allclose(law.weight @ function(np.exp(law.x), np.exp(law.y)), expected, rtol=FINE)


@pytest.mark.parametrize(("tokens", "relevant"), [(5, 2), (16, 2), (300, 30)])
def test_linear_attention_has_the_chi_square_law(tokens, relevant):
    """For δ = 0: M is constant and S² = (σ²/(Q T))² χ²_m, in units of τQ²."""
    mixture = ContextualMixture(11, tokens, relevant, context_norm=1.5, signal_norm=2.0, noise=0.7)
    law, terms = attention_law(mixture, 1.0, "linear"), tokens - relevant
    assert_allclose(law.signal, 2.0 * relevant / tokens, rtol=1e-14)
    scaled = law.noise * tokens * 1.5 / 0.7**2
    # A trapezoid in log χ² with a step for 1e-9.
    assert_allclose(law.mean(scaled**2), terms, rtol=FINE)
    assert_allclose(law.mean(scaled**4), terms * (terms + 2), rtol=FINE)
    assert_allclose(law.mean(scaled), math.sqrt(2) * math.exp(gammaln((terms + 1) / 2) - gammaln(terms / 2)), rtol=FINE)
    if terms > 2:
        assert_allclose(law.mean(scaled**-2), 1 / (terms - 2), rtol=FINE)


@pytest.mark.parametrize("terms", [1, 2, 9])
def test_linear_attention_with_shifted_tokens_against_its_scores(terms):
    """Means of powers of (M, S²) from moments of normal scores, by hand."""
    q, sigma, dq, dw = 1.3, 0.8, 0.4, 0.3
    mixture = ContextualMixture(
        11, terms + 2, 2, context_norm=q, noise=sigma, delta_context=dq, delta_signal=dw, signal_norm=1.0
    )
    law, tokens = attention_law(mixture, 1.0, "linear"), terms + 2
    ratio = sigma / q
    # Weights a_t = (-δ_q + ratio g_t)/T of irrelevant tokens in units of τQ².
    mean_signal = (2 + dw * terms * dq) / tokens
    assert_allclose(law.mean(law.signal), mean_signal, rtol=FINE)
    assert_allclose(law.mean((law.signal - mean_signal) ** 2), terms * (dw * ratio / tokens) ** 2, rtol=FINE)
    assert_allclose(law.mean(law.noise**2), sigma**2 * terms * (dq**2 + ratio**2) / tokens**2, rtol=FINE)
    covariance = law.mean((law.signal - mean_signal) * law.noise**2)
    assert_allclose(covariance, 2 * dw * sigma**2 * dq * ratio**2 * terms / tokens**3, rtol=1e-7)


def test_deterministic_attention_is_a_law_of_one_node():
    law = attention_law(ContextualMixture(11, 6, 2, noise_kind="prompt-orthogonal"), 2.0)
    assert law.weight.tolist() == [1.0]
    nothing = attention_law(ContextualMixture(11, 6, 2), 0.0, "linear")
    assert (nothing.signal.tolist(), nothing.noise.tolist()) == ([0.0], [0.0])


def test_scores_that_spread_too_widely_are_refused():
    with pytest.raises(NotAvailableError, match=r"up to 3, got 3\.5"):
        attention_law(ContextualMixture(11, 6, 2, context_norm=3.5), 1.0)


# --- measures in the plane ---


def random_measure(seed, size):
    rng = np.random.default_rng(seed)
    weight = rng.random(size)
    return PlanarMeasure(rng.normal(size=size), 0.3 * rng.normal(size=size), weight / weight.sum())


@pytest.mark.parametrize(
    "shrink", [lambda law: compressed(law, Accuracy(25.0, 4.0, 4.0)), lambda law: thinned(law, 20)]
)
def test_a_smaller_measure_keeps_integrals_of_smooth_functions(shrink):
    """Poles at 5i: both keep e^-25 of it by construction; rounding of 2,000 terms adds 1e-13."""
    law = random_measure(1, 2000)
    small = shrink(law)
    assert len(small.weight) < len(law.weight) / 3
    for function in (lambda x, y: 1 / (25 + x**2 + y**2), lambda x, y: np.sin(x + y), lambda x, y: x**3 * y**2):
        assert_allclose(small.weight @ function(small.x, small.y), law.weight @ function(law.x, law.y), atol=1e-9)


@pytest.mark.parametrize(
    "power",
    [
        lambda law, terms: convolution_power(law, terms, add, Accuracy(23.0, 20.0, 20.0)),
        lambda law, terms: thinned_power(law, terms, add, 8),
    ],
)
@pytest.mark.parametrize("terms", [1, 2, 7, 100])
def test_cumulants_of_a_convolution_power_add_up(power, terms):
    base = random_measure(2, 60)
    law = power(base, terms)
    mean_x, mean_y = law.weight @ law.x, law.weight @ law.y
    assert_allclose([mean_x, mean_y], terms * np.array([base.weight @ base.x, base.weight @ base.y]), rtol=1e-9)
    dx, dy = base.x - base.weight @ base.x, base.y - base.weight @ base.y
    assert_allclose(law.weight @ (law.x - mean_x) ** 2, terms * (base.weight @ dx**2), rtol=1e-8)
    assert_allclose(law.weight @ ((law.x - mean_x) * (law.y - mean_y)), terms * (base.weight @ (dx * dy)), rtol=1e-7)
    assert_allclose(law.weight @ (law.x - mean_x) ** 3, terms * (base.weight @ dx**3), rtol=1e-6)
