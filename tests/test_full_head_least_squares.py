"""Least squares in the full space against whole training sets, independent integrals, closed cases and limits."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import comb, gamma, gammaln, ndtr

from numerics.simulators.intercept import draw_intercept_heads
from tests.false_alarms import assert_mean
from theory import (
    ArgumentError,
    ContextualMixture,
    Head,
    NotAvailableError,
    full_head_least_squares_error,
    full_head_least_squares_overlap,
    known_prompt_error,
    least_squares_error,
    least_squares_overlap,
)

EPS = np.finfo(float).eps
RTOL = 1e-9  # the promised accuracy
FULL = {"kind": "least-squares", "space": "full"}
PROMPTED = {"tokens": 6, "relevant_tokens": 1, "noise_kind": "prompt-orthogonal"}


def trained(n, p, k, b, repetitions, rng):
    """Return exact errors and overlaps of heads trained on whole features, the shortest ones, w⋆ along the first."""
    labels = rng.choice([-1.0, 1.0], (repetitions, n, 1))
    features = rng.standard_normal((repetitions, n, p + 1))
    features[:, :, -1] = b
    features[:, :, :1] += k * labels
    heads = (np.linalg.pinv(features) @ labels)[:, :, 0]
    length, signal, shift = np.linalg.norm(heads[:, :-1], axis=1), k * heads[:, 0], b * heads[:, -1]
    with np.errstate(divide="ignore"):  # where all labels agree w may be 0 to the last digit
        errors = (ndtr(-(signal + shift) / length) + ndtr(-(signal - shift) / length)) / 2
    return errors, heads[:, 0] / np.linalg.norm(heads, axis=1)


SIZES = [(2, 1, 1.0, 0.5), (3, 2, 1.5, 1.0), (4, 3, 1.0, 0.2), (7, 3, 1.2, 2.0)]
LARGER = [(12, 6, 0.8, 0.7), (30, 12, 1.0, 3.0), (40, 5, 0.7, 1.0), (60, 40, 1.5, 0.5)]
ALL = [*SIZES, *(pytest.param(*size, marks=pytest.mark.slow) for size in LARGER)]


@pytest.mark.parametrize(("n", "p", "k", "b"), ALL)
def test_against_trained_heads(n, p, k, b):
    errors, overlaps = trained(n, p, k, b, 12_000, np.random.default_rng([n, p]))
    for values, predict in (
        (errors, full_head_least_squares_error(n, p, k, 1.0, b).error),
        (overlaps, full_head_least_squares_overlap(n, p, k, 1.0, b)),
    ):
        assert_mean(values.mean(), values.std(ddof=1) / np.sqrt(len(values)), predict, detectable=0.15)


@pytest.mark.parametrize(("n", "p", "k", "b"), ALL)
def test_against_heads_drawn_from_a_few_numbers(n, p, k, b):
    drawn = draw_intercept_heads(n, p, k, b, 400_000, np.random.default_rng([n, p, 1]))
    for values, predict in (
        (drawn.errors, full_head_least_squares_error(n, p, k, 1.0, b).error),
        (drawn.overlaps, full_head_least_squares_overlap(n, p, k, 1.0, b)),
    ):
        assert_mean(values.mean(), values.std(ddof=1) / np.sqrt(len(values)), predict, detectable=0.03)


@pytest.mark.parametrize(
    ("n", "p"),
    [
        *((1, 1), (2, 5), (4, 4), (5, 4)),
        *(pytest.param(*size, marks=pytest.mark.slow) for size in ((1, 4), (2, 2), (6, 7), (5, 12), (9, 4))),
    ],
)
def test_few_numbers_and_whole_training_sets_give_one_law(n, p):
    """The mean error and overlap and their squares, also where the head interpolates."""
    drawn = draw_intercept_heads(n, p, 1.2, 0.6, 400_000, np.random.default_rng([n, p, 2]))
    whole = trained(n, p, 1.2, 0.6, 12_000, np.random.default_rng([n, p, 3]))
    for one, other in zip((drawn.errors, drawn.overlaps), whole, strict=True):
        for power in (1, 2):
            standard_error = np.std(other**power) / np.sqrt(len(other))
            assert_mean(np.mean(other**power), standard_error, np.mean(one**power), detectable=0.2)


@pytest.mark.parametrize(
    ("n", "p", "k", "b"),
    [
        (2, 3, 1.0, 1.0),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in ((3, 6, 1.0, 2.0), (3, 3, 2.0, 0.5))),
    ],
)
def test_interpolating_heads_to_a_few_parts_in_a_thousand(n, p, k, b):
    """Many small training sets, by their Gram matrices: five per cent of any term of the drawn heads shows."""
    repetitions, rng = 1_000_000, np.random.default_rng([n, p, 4])
    drawn = draw_intercept_heads(n, p, k, b, repetitions, np.random.default_rng([n, p, 5]))
    labels = rng.choice([-1.0, 1.0], (repetitions, n, 1))
    features = rng.standard_normal((repetitions, n, p + 1))
    features[:, :, -1] = b
    features[:, :, :1] += k * labels
    heads = (features.transpose(0, 2, 1) @ np.linalg.solve(features @ features.transpose(0, 2, 1), labels))[:, :, 0]
    length, signal, shift = np.linalg.norm(heads[:, :-1], axis=1), k * heads[:, 0], b * heads[:, -1]
    errors = (ndtr(-(signal + shift) / length) + ndtr(-(signal - shift) / length)) / 2
    for one, other in ((drawn.errors, errors), (drawn.overlaps, heads[:, 0] / np.linalg.norm(heads, axis=1))):
        for power in (1, 2):
            standard_error = np.hypot(np.std(one**power), np.std(other**power)) / np.sqrt(repetitions)
            assert_mean(np.mean(one**power), standard_error, np.mean(other**power), detectable=0.03)


@pytest.mark.parametrize(
    ("n", "p", "k", "b"),
    [
        (4, 3, 1.0, 0.2),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in ((5, 2, 2.0, 0.6), (3, 2, 2.0, 0.3))),
    ],
)
def test_overlaps_with_a_weak_context_to_a_few_parts_in_a_thousand(n, p, k, b):
    """Where the intercept makes most of the head, so that five per cent of what shortens it shows."""
    drawn = draw_intercept_heads(n, p, k, b, 3_000_000, np.random.default_rng([n, p, 6])).overlaps
    standard_error = np.std(drawn) / np.sqrt(len(drawn))
    assert_mean(drawn.mean(), standard_error, full_head_least_squares_overlap(n, p, k, 1.0, b), detectable=0.01)


@pytest.mark.parametrize("k", [1e-3, 1.0, 3.0])
def test_two_examples_in_one_dimension(k):
    """The labels differ or agree; where they differ the head has the sign of the difference of two features."""
    right = ndtr(np.sqrt(2) * k)
    expected = 1 / 4 + (right * ndtr(-k / np.sqrt(1.5)) + (1 - right) * ndtr(k / np.sqrt(1.5))) / 2
    assert_allclose(full_head_least_squares_error(2, 1, k, 1.0, 1.0).error, expected, rtol=RTOL)


def one_dimensional_error(n, k, points=160):
    """Sum over n₊ of the mean over the class difference G and the scatter s ~ χ²_{n-2}, p = 1, in polar coordinates."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    radius, angle = 7 * (1 + k) * (nodes[:, None] + 1), np.pi / 4 * (nodes + 1)
    weight = np.outer(weights * 7 * (1 + k), weights * np.pi / 4) * radius
    difference, scatter = radius * np.sin(angle), radius * np.cos(angle)
    weight *= 2 * scatter ** (n - 3) / (2 ** (n / 2 - 1) * gamma(n / 2 - 1) * np.sqrt(2 * np.pi))
    total = 2.0**-n
    for positive in range(1, n):
        label = 2 * positive / n - 1
        split = n * (1 - label**2)
        for sign in (-1, 1):
            density = np.exp(-((sign * difference - np.sqrt(split) * k) ** 2 + scatter**2) / 2)
            margin = k * (1 - label) * sign + label * radius**2 / (np.sqrt(split) * difference)
            total += comb(n, positive) * 2.0**-n * (weight * density * ndtr(-margin / np.sqrt(1 + 1 / n))).sum()
    return total


@pytest.mark.parametrize(("n", "k"), [(3, 0.8), (4, 0.1), (6, 1.5)])
def test_one_noisy_dimension_against_the_numbers_that_make_a_head(n, k):
    assert_allclose(full_head_least_squares_error(n, 1, k, 1.0, 1.0).error, one_dimensional_error(n, k), rtol=RTOL)


def error_by_gauss_legendre(n, p, k, points=72):
    """Average over √q, R and the angle between w and w⋆, weighted by the likelihood ratio, at Gauss-Legendre nodes."""
    nodes, weights = np.polynomial.legendre.leggauss(points)

    def scaled(lower, upper):
        return lower + (upper - lower) * (nodes + 1) / 2, weights * (upper - lower) / 2

    root, root_weight = scaled(0, np.sqrt(n) * (1 + k) + 8)
    if n == p + 1:
        radius, radius_weight = np.ones(1), np.ones(1)
    else:
        angle, radius_weight = scaled(0, np.pi / 2)
        radius = np.sin(angle)
        # R² ~ Beta(p/2, (n-1-p)/2)
        log_beta = gammaln(p / 2) + gammaln((n - 1 - p) / 2) - gammaln((n - 1) / 2)
        radius_weight = radius_weight * 2 * np.sin(angle) ** (p - 1) * np.cos(angle) ** (n - p - 2) / np.exp(log_beta)
    turn, turn_weight = scaled(0, np.pi)
    turn_weight = turn_weight * np.sin(turn) ** (p - 2)
    turn_weight /= turn_weight.sum()
    log_chi = np.log(2) - (n - p) / 2 * np.log(2) - gammaln((n - p) / 2)
    root_weight = root_weight * np.exp(log_chi - root**2 / 2) * root ** (n - p - 1)
    x, r, c = np.meshgrid(root, radius, np.cos(turn), indexing="ij")
    weight = root_weight[:, None, None] * radius_weight[:, None] * turn_weight
    total = 2.0**-n
    for positive in range(1, n):
        label = 2 * positive / n - 1
        split = n * (1 - label**2)
        ratio = np.exp(np.sqrt(split) * k * r * x * c + split * k**2 * (r**2 * (1 - c**2) - 1) / 2)
        margin = k * (1 - label) * c + label * x / (r * np.sqrt(split))
        share = np.exp(gammaln(n + 1) - gammaln(positive + 1) - gammaln(n - positive + 1)) * 2.0**-n
        total += share * (weight * ratio * ndtr(-margin / np.sqrt(1 + 1 / n))).sum()
    return total


@pytest.mark.parametrize(("n", "p", "k"), [(3, 2, 1.0), (6, 5, 0.5), (7, 3, 1.0), (9, 4, 0.4), (10, 6, 0.2)])
def test_against_gauss_legendre_before_kummers_function(n, p, k):
    # What 60 and 72 points differ by, with room.
    assert_allclose(full_head_least_squares_error(n, p, k, 1.0, 1.0).error, error_by_gauss_legendre(n, p, k), rtol=1e-9)


def test_the_value_of_the_context_is_of_no_account_unless_it_is_nothing():
    errors = full_head_least_squares_error(7, 5, 1.0, 1.0, [0.1, -3.0, 0.0]).error
    assert errors[0] == errors[1]
    assert errors[2] == least_squares_error(7, 5, 1.0).error
    assert full_head_least_squares_overlap(7, 5, 1.0, 1.0, 0.0) == least_squares_overlap(7, 5, 1.0)
    # A huge context makes the intercept cost nothing in length, a tiny one makes it all of the length.
    overlaps = full_head_least_squares_overlap(7, 5, 1.0, 1.0, [1e-6, 1.0, 1e6])
    assert np.all(np.diff(overlaps) > 0)
    assert overlaps[0] < 1e-4


@pytest.mark.parametrize(("signal", "context"), [(1.0, 2.0), (2.0, 1.0), (1.0, 1.0)])
def test_without_noise_all_labelings_are_counted(signal, context):
    n, outcomes, cosines = 4, [], []
    for labels in itertools.product([-1.0, 1.0], repeat=n):
        features = np.outer(labels, [signal, 0.0]) + np.array([0.0, context])
        head = np.linalg.pinv(features) @ labels
        for label in (-1, 1):
            margin = label * head @ np.array([label * signal, context])
            outcomes.append(0.5 if abs(margin) < 1e-12 else float(margin < 0))
        cosines.append(head[0] / np.linalg.norm(head))
    arguments = (n, 2, signal, 0.0, context)
    assert_allclose(full_head_least_squares_error(*arguments).error, np.mean(outcomes), rtol=100 * EPS)
    assert_allclose(full_head_least_squares_overlap(*arguments), np.mean(cosines), rtol=100 * EPS)


def test_with_a_strong_signal_only_labels_that_all_agree_mislead():
    assert_allclose(full_head_least_squares_error(12, 4, 100.0, 1.0, 1.0).error, 2.0**-12, rtol=RTOL)


def test_limits():
    assert full_head_least_squares_error([6, np.inf], 4, [0.0, 1.3], 1.0, 1.0).error.tolist() == [0.5, ndtr(-1.3)]
    assert full_head_least_squares_overlap([6, np.inf], 4, [0.0, 1.3], 1.0, 1.0).tolist() == [0.0, 1.0]
    assert_allclose(full_head_least_squares_error(6, 4, 1e-7, 1.0, 1.0).error, 0.5, rtol=1e-12)


def test_the_proportional_limit_is_approached_as_one_over_n():
    distances = []
    for n, d in ((20, 14), (40, 28)):
        limit = known_prompt_error(ContextualMixture(d, **PROMPTED), Head(n, **FULL), regime="proportional")
        exact = full_head_least_squares_error(n, d - 1, float(limit.kappa), 1.0, 1.0).error
        distances.append(exact - limit.error)
    # p/n is d/n in the limit and (d-1)/n here: the next order is a share of a few 1/n.
    assert_allclose(distances[0] / distances[1], 2.0, rtol=0.15)


def test_a_sum_over_every_label_count_and_one_in_steps_agree(monkeypatch):
    every = full_head_least_squares_error(100, 85, 1.0, 1.0, 1.0).error
    monkeypatch.setattr("theory.known_prompt.label_imbalance.FULL_SUM", 90)
    assert_allclose(full_head_least_squares_error(100, 85, 1.0, 1.0, 1.0).error, every, rtol=RTOL)


def test_a_signal_that_is_turned_round_turns_the_head():
    mixture = ContextualMixture(4, delta_signal=2.0, **PROMPTED)
    turned = known_prompt_error(mixture, Head(6, 0.1, **FULL))
    assert turned.regime == "exact"
    assert turned.overlap < 0
    assert 0 < turned.error < 0.5


def test_where_it_is_exact_and_where_it_is_not():
    prompted = ContextualMixture(9, **PROMPTED)
    both = known_prompt_error(prompted, Head([8, 9], **FULL))
    assert both.regime == "proportional; exact"
    assert both.error[1] == full_head_least_squares_error(9, 8, float(both.kappa[1]), 1.0, 1.0).error
    ridgeless = known_prompt_error(prompted, Head(9, kind="ridge", ridge=0.0, space="full"))
    assert ridgeless.error == both.error[1]
    refused = "no exact formula for the least-squares head in the full space"
    for mixture, head in (
        (prompted, Head(8, **FULL)),
        (ContextualMixture(9, 6, 1), Head(20, 0.0, **FULL)),  # the coordinate along the prompt is noisy
    ):
        with pytest.raises(NotAvailableError, match=refused):
            known_prompt_error(mixture, head, regime="exact")
    huge = Head(10**8, **FULL)
    assert known_prompt_error(prompted, huge).regime == "proportional"
    with pytest.raises(NotAvailableError, match="above 1e\\+07, got"):
        known_prompt_error(prompted, huge, regime="exact")
    with pytest.raises(ArgumentError, match="samples must be greater than dimension, got 8 for 8"):
        full_head_least_squares_error([9, 8], 8, 1.0, 1.0, 1.0)
