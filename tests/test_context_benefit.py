"""What context is worth: exact moments by two routes, the limit of many tokens, hard attention as it is defined."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import ndtr

from theory import (
    ArgumentError,
    ContextualMixture,
    Head,
    best_inverse_temperature,
    context_benefit,
    hard_attention_error,
    hard_attention_midpoint,
    hard_attention_threshold,
    known_prompt_error,
    population_error,
)


def mixture(tokens, relevant, **rest):
    return ContextualMixture(11, tokens, relevant, **rest)


def test_the_gain_of_many_tokens_is_approached_as_one_over_m():
    """The first correction of E κ² is (e^{4s²} - 1)/m; the next is smaller by as much again."""
    gaps = []
    for tokens in (10**4, 10**5):
        benefit = context_benefit(mixture(tokens, tokens // 8, context_norm=1.2), 0.5)
        gaps.append(tokens * (benefit.prompt / benefit.prompt_many_tokens - 1))
        assert_allclose(benefit.linear / benefit.linear_many_tokens, 1, rtol=5 / tokens)
    assert_allclose(gaps[0], gaps[1], rtol=0.01)
    assert_allclose(gaps[1], (math.exp(4 * 0.6**2) - 1) * 8 / 7, rtol=0.01)


def test_the_gain_of_linear_attention_with_shifted_tokens():
    """By the law of large numbers S² = σ²/T² (m δ_q² + m σ²/Q²) in units of τQ², up to fluctuations of order 1/√m."""
    benefit = context_benefit(mixture(4000, 500, context_norm=1.5, noise=0.8, delta_context=0.3), 0.2)
    assert_allclose(benefit.linear_many_tokens, 1 / (0.09 + (0.8 / 1.5) ** 2), rtol=1e-14)
    assert_allclose(benefit.linear, benefit.linear_many_tokens, rtol=5e-3)


def test_the_benefit_at_temperature_one_and_noise_one_is_none():
    benefit = context_benefit(mixture(64, 8, context_norm=1.7), 1.0)
    assert benefit.prompt_many_tokens == 1
    assert benefit.best_temperature_many_tokens == 0.5
    assert_allclose(benefit.best_many_tokens, math.exp(1.7**2 / 2), rtol=1e-14)


def test_the_gain_is_that_of_the_predicted_kappa():
    data = mixture(20, 3, context_norm=1.3, noise=0.9)
    prompted, pooled, linear = (
        known_prompt_error(data, head).kappa for head in (Head(9, 0.7), Head(9, 0.0), Head(9, 0.7, "linear"))
    )
    benefit = context_benefit(data, 0.7)
    # Two routes to E κ²: Laplace integrals, and the law of linear attention.
    assert_allclose([benefit.prompt, benefit.linear], [(prompted / pooled) ** 2, (linear / pooled) ** 2], rtol=1e-9)


def test_few_irrelevant_tokens_make_the_mean_of_linear_attention_infinite():
    assert context_benefit(mixture(4, 2), 0.5).linear == math.inf
    assert math.isfinite(context_benefit(mixture(5, 2), 0.5).linear)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"noise_kind": "prompt-orthogonal"}, "noise_kind must be isotropic"),
        ({"noise": 0}, "noise must be greater than 0"),
        ({"signal_norm": 0}, "signal_norm must be greater than 0"),
        ({"delta_signal": 0.1}, "delta_signal must be 0"),
        ({"relevant_tokens": 16}, "relevant_tokens must be less than tokens"),
    ],
)
def test_what_has_no_simple_gain_is_refused(change, message):
    data = ContextualMixture(**{"dimension": 11, "tokens": 16, "relevant_tokens": 2, **change})
    for ask in (lambda: context_benefit(data, 0.5), lambda: best_inverse_temperature(data)):
        with pytest.raises(ArgumentError, match=message):
            ask()


# --- the best inverse temperature ---


@pytest.mark.parametrize("context", [0.7, 1.5])
def test_no_temperature_of_a_grid_is_better_than_the_best(context):
    data = mixture(64, 4, context_norm=context)
    best = best_inverse_temperature(data)
    grid = [population_error(data, tau) for tau in np.linspace(0, 3 / context, 61)]
    # The error is had to 1e-10, and a minimiser to the square root of that.
    assert best.error <= min(grid) + 1e-9
    assert_allclose(best.error, min(grid), rtol=2e-3)
    assert best.error < min(best.pooling_error, best.hard_attention_error)
    assert_allclose(best.pooling_error, grid[0], rtol=1e-9)


@pytest.mark.parametrize(("signal", "hard_is_best"), [(0.2, True), (1.0, False)])
def test_above_the_transition_hard_attention_is_best_for_a_weak_signal_only(signal, hard_is_best):
    data = mixture(9, 1, context_norm=4.0, signal_norm=signal)
    best = best_inverse_temperature(data)
    assert (best.inverse_temperature == math.inf) == hard_is_best
    assert best.hard_attention_error == hard_attention_error(data)
    assert best.error == best.hard_attention_error if hard_is_best else best.error < 0.95 * best.hard_attention_error


# --- hard attention ---


def approach(omega):
    """The bracket at the head of `theory.context.hard_attention`, by adaptive quadrature."""
    above = quad(lambda v: ndtr(-v) / v, omega, np.inf)[0]
    return above - quad(lambda v: (0.5 - ndtr(-v)) / v, 0, omega)[0]


@pytest.mark.parametrize(("signal", "relevant"), [(2.0, 1), (0.3, 1), (0.3, 3)])
def test_hard_attention_is_approached_by_the_exact_risk_as_one_over_s(signal, relevant):
    """The next term is of order 1/s²: it is removed by two values of s."""
    data = mixture(8 + relevant, relevant, context_norm=1.5, delta_context=0.2, signal_norm=signal)
    a = 1.2 * 1.5
    expected = 8 * ndtr(a) ** 7 * math.exp(-(a**2) / 2) / math.sqrt(2 * math.pi) * approach(relevant * signal)
    scaled = [s * (population_error(data, s / 1.5) - hard_attention_error(data)) for s in (5.5, 11.0)]
    # What is left is of order 1/s² in s times the gap, 1 % of a coefficient that is a few times larger.
    assert abs(2 * scaled[1] - scaled[0] - expected) < 0.03
    assert (scaled[1] < 0) == (expected < 0)


def test_the_signal_at_which_the_approach_turns():
    assert_allclose(brentq(approach, 0.01, 3), 0.5298, atol=5e-5)


def test_hard_attention_as_it_is_defined():
    """The largest of m normal numbers against the advantage of a relevant token, by quadrature over the largest."""
    data = mixture(41, 1, context_norm=2.0, noise=1.1, delta_context=0.1, delta_signal=0.4, signal_norm=0.7)
    lost = quad(lambda z: 40 * ndtr(z) ** 39 * math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi), 1.1 * 2.0 / 1.1, 12)[0]
    assert_allclose(hard_attention_error(data), lost * ndtr(0.4 * 0.7 / 1.1), rtol=1e-8)


def test_the_transition_sharpens_and_moves_to_its_threshold():
    terms = np.array([1e2, 1e4, 1e8, 1e12])
    threshold, midpoint = hard_attention_threshold(terms, 0.3), hard_attention_midpoint(terms, 0.3)
    assert_allclose(ndtr(1.3 * midpoint[:2]) ** terms[:2], 0.5, rtol=1e-10)
    ratio = 1 - midpoint / threshold
    assert np.all(np.diff(ratio) < 0)
    # ln ln m/(4 ln m) to leading order; the next order is ln(4π ln²2)/(4 ln m).
    expected = (np.log(np.log(terms)) + math.log(4 * math.pi * math.log(2) ** 2)) / (4 * np.log(terms))
    assert_allclose(ratio[1:], expected[1:], rtol=0.25)
    widths = []
    for m in (10**2, 10**4, 10**8):
        x = hard_attention_threshold(m)
        tokens = mixture(m + 1, 1, context_norm=[0.8 * x, 1.2 * x])
        high, low = hard_attention_error(tokens)
        widths.append(high - low)
    assert widths == sorted(widths)
    assert widths[-1] > 0.499


def test_corners_of_hard_attention():
    assert hard_attention_error(mixture(4, 4)) == 0
    assert hard_attention_error(mixture(4, 2, noise=0)) == 0
    assert hard_attention_error(mixture(4, 2, signal_norm=0)) == 0.5
    with pytest.raises(ArgumentError, match="delta_context must be greater than -1"):
        hard_attention_error(mixture(4, 2, delta_context=-1))
    with pytest.raises(ArgumentError, match="noise_kind must be isotropic"):
        hard_attention_error(mixture(4, 2, noise_kind="prompt-orthogonal"))
