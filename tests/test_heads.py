"""Every head against its definition: second implementations, optimality conditions, limits, and clear refusals.

The second implementations are slow or blunt, and share no code with the product: BFGS and Newton-CG on the loss, the
pseudo-inverse, an enumeration of all supports, and least-distance programming by SciPy's non-negative least squares.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from scipy.optimize import minimize

from numerics.simulators.prompt_attention import attention_weights, gain_and_spread
from numerics.training import logistic, max_margin
from numerics.training.heads import HEADS as TRAINERS
from numerics.training.heads import TrainingSet, importance, minimum_norm_solution, ridge_head, train_head
from numerics.training.logistic import logistic_head
from numerics.training.max_margin import max_margin_head
from numerics.training.row_space import in_row_space
from numerics.training.training_error import TrainingError
from tests.false_alarms import share
from theory import ContextualMixture, Head
from theory.head import HEADS

SHAPES = [(1, 1), (5, 1), (1, 6), (4, 9), (9, 9), (30, 9)]
PENALTIES = [1e-9, 1e-3, 0.1, 30.0]


def drawn(n, p, *, signal=0.7, seed=0):
    rng = np.random.default_rng([seed, n, p])
    features = rng.normal(size=(n, p))
    features[:, 0] += signal
    return features


def training(features):
    """A training set in which gains and spreads have nothing to say."""
    return TrainingSet(features, np.ones(len(features)), np.ones(len(features)))


def trained(features, kind, ridge=None):
    return train_head(training(features), Head(len(features), kind=kind, ridge=ridge)).weights


def direction(weights):
    return weights / np.linalg.norm(weights)


def overlapping(n, p, seed=0):
    """Features that are not separable: the first and its opposite are among them."""
    features = drawn(n, p, seed=seed)
    features[1] = -features[0]
    return features


# --- averaging, least squares, ridge ---


def test_there_is_a_way_to_train_every_head():
    assert set(TRAINERS) == set(HEADS)


def test_averaging_is_the_mean_feature():
    features = drawn(7, 4)
    assert_allclose(trained(features, "averaging"), sum(features) / 7, rtol=1e-14)


def test_weighted_averaging_weighs_each_feature_by_gain_over_squared_spread():
    features, rng = drawn(7, 4), np.random.default_rng(1)
    gains, spreads = rng.normal(size=7), rng.uniform(0.5, 2, 7)
    weights = train_head(TrainingSet(features, gains, spreads), Head(7, kind="weighted-averaging")).weights
    expected = sum(m / s**2 * x for m, s, x in zip(gains, spreads, features, strict=True))
    assert_allclose(direction(weights), direction(expected), rtol=1e-13)


def test_gain_and_spread_of_known_weights_are_what_their_definitions_say():
    mixture = ContextualMixture(5, 4, 2, noise=0.7, delta_signal=0.3)
    tokens, prompt = np.random.default_rng(2).normal(size=(3, 4, 5)), np.arange(5.0) / 4
    for attention in ("softmax", "linear"):
        weights = attention_weights(tokens, prompt, attention)
        for sequence, gain, spread in zip(weights, *gain_and_spread(weights, mixture), strict=True):
            assert_allclose(gain, sequence[0] + sequence[1] - 0.3 * (sequence[2] + sequence[3]), rtol=1e-13)
            assert_allclose(spread, 0.7 * np.sqrt(sequence[2] ** 2 + sequence[3] ** 2), rtol=1e-14)


@pytest.mark.parametrize("scale", [1.0, 1e-200, 1e200])
def test_importance_is_the_limit_where_spreads_vanish(scale):
    gains = np.array([1.0, -2.0, 3.0])
    assert_allclose(importance(gains, scale * np.array([1.0, 2.0, 1.0])), [1, -0.5, 3])
    for tiny in (0.0, 1e-100):  # features without noise, or hardly any, alone count
        assert_allclose(importance(gains, scale * np.array([tiny, 1, tiny])), [1, 0, 3], atol=1e-50)
    assert_allclose(importance(gains, np.zeros(3)), gains)


@pytest.mark.parametrize(("n", "p"), SHAPES)
def test_ridge_without_penalty_is_the_shortest_least_squares_solution(n, p):
    features = drawn(n, p)
    for weights in (trained(features, "ridge", 0), trained(features, "least-squares"), ridge_head(features, 1e-300)):
        assert_allclose(weights, np.linalg.pinv(features) @ np.ones(n), rtol=1e-8)


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize(("n", "p"), SHAPES)
def test_ridge_has_no_gradient_and_is_what_a_general_minimiser_finds(n, p, penalty):
    features = drawn(n, p)
    weights = trained(features, "ridge", penalty)
    terms = [-(1 - x @ weights) * x / n for x in features] + [penalty * weights]
    # Normal equations of condition 1e6, or residuals that are known to rounding.
    rounding = 1e-10 * sum(map(np.linalg.norm, terms)) + 1e-14 * np.mean(features**2) * p * np.linalg.norm(weights)
    assert_allclose(sum(terms), 0, atol=rounding)
    expected = np.linalg.solve(features.T @ features / n + penalty * np.eye(p), features.mean(axis=0))
    # The plain equations lose what their condition takes: up to 1e-16 (1 + 10/λ).
    assert_allclose(weights, expected, rtol=0, atol=1e-14 * (1 + 10 / penalty) * np.linalg.norm(expected))


@pytest.mark.parametrize("kind", ["ridge", "logistic"])
@pytest.mark.parametrize(("n", "p"), SHAPES)
def test_a_large_penalty_leaves_averaging(n, p, kind):
    features = drawn(n, p)
    mean = trained(features, "averaging")
    assert_allclose(trained(features, kind, np.inf), mean, rtol=1e-15)
    # The direction differs by a term of relative size ‖x‖²/λ.
    assert_allclose(direction(trained(features, kind, 1e12)), direction(mean), atol=1e-10)


@pytest.mark.parametrize(("n", "p"), SHAPES)
def test_the_normal_equations_and_the_square_root_agree_where_one_takes_over(n, p, monkeypatch):
    features = drawn(n, p)
    before = ridge_head(features, 1e-3)
    monkeypatch.setattr("numerics.training.heads.SAFE_CONDITION", 0.0)
    # At most 10,000 is the condition of the normal equations here.
    assert_allclose(ridge_head(features, 1e-3), before, rtol=0, atol=1e-11 * np.linalg.norm(before))


@pytest.mark.parametrize("scale", [1e-290, 1e-150, 1e-120, 1.0, 1e140])
@pytest.mark.parametrize(("n", "p"), [(30, 9), (9, 30), (20, 20)])
def test_least_squares_keeps_its_digits_at_any_scale(n, p, scale):
    """Normal equations square the features, which must not underflow unseen."""
    features = drawn(n, p)
    expected = trained(features, "least-squares")
    assert_allclose(scale * trained(scale * features, "least-squares"), expected, rtol=1e-9)


# --- logistic ---


def logistic_loss(weights, features, penalty):
    return np.log1p(np.exp(-features @ weights)).mean() + penalty / 2 * weights @ weights


@pytest.mark.parametrize("penalty", [1e-3, 0.1, 30.0])
@pytest.mark.parametrize(("n", "p"), SHAPES)
def test_logistic_is_what_a_general_minimiser_finds(n, p, penalty):
    features = drawn(n, p)
    weights = trained(features, "logistic", penalty)
    found = minimize(logistic_loss, np.zeros(p), (features, penalty), method="BFGS", options={"gtol": 1e-7})
    # BFGS with numerical derivatives: a gradient of 1e-7 moves the minimum by 1e-7/λ at most.
    assert_allclose(weights, found.x, atol=max(1e-6, 3e-7 / penalty))
    assert logistic_loss(weights, features, penalty) <= found.fun * (1 + 1e-12)


@pytest.mark.parametrize("penalty", [0.0, 1e-8, 1e-3, 1.0])
@pytest.mark.parametrize(("n", "p"), [(4, 9), (9, 9), (30, 9), (200, 3)])
def test_logistic_has_no_gradient(n, p, penalty):
    features = overlapping(n, p)
    weights = logistic_head(features, penalty)
    terms = [-x / (1 + np.exp(x @ weights)) / n for x in features] + [penalty * weights]
    assert_allclose(sum(terms), 0, atol=1e-10 * sum(map(np.linalg.norm, terms)))


def test_unpenalised_logistic_regression_has_its_closed_form():
    """Features ±e: w is the log-odds of the signs."""
    features = np.array([[2.0, 0.0]] * 5 + [[-2.0, 0.0]] * 2)
    assert_allclose(trained(features, "logistic", 0), [np.log(5 / 2) / 2, 0], atol=1e-10)


@pytest.mark.parametrize(("n", "p"), [(9, 9), (4, 9), (12, 9)])
def test_a_vanishing_penalty_leaves_the_max_margin_head_where_data_are_separable(n, p):
    features = drawn(n, p, signal=2.0)
    widest = train_head(training(features), Head(n, kind="logistic", ridge=0))
    assert widest.separable is True
    assert_allclose(widest.weights, max_margin_head(features), rtol=1e-12)
    gaps = [
        np.linalg.norm(direction(trained(features, "logistic", penalty)) - direction(widest.weights))
        for penalty in (1e-64, 1e-128, 1e-256)
    ]
    # The direction converges as 1/log(1/λ), to the next order in it.
    assert_allclose(np.divide(gaps[1:], gaps[:-1]), 0.5, atol=0.05)


def test_overlapping_data_have_the_maximum_likelihood_head():
    features = overlapping(30, 5)
    found = train_head(training(features), Head(30, kind="logistic", ridge=0))
    assert found.separable is False
    assert_allclose(found.weights, logistic_head(features, 1e-12), rtol=1e-8)


@pytest.mark.parametrize("kind", ["ridge", "logistic", "least-squares"])
def test_a_coordinate_that_is_always_zero_changes_nothing(kind):
    features = overlapping(30, 5)
    wider = np.insert(features, 2, 0.0, axis=1)
    ridge = None if kind == "least-squares" else 0.0
    assert_allclose(np.delete(trained(wider, kind, ridge), 2), trained(features, kind, ridge), rtol=1e-8)
    assert_allclose(trained(wider, kind, ridge)[2], 0, atol=1e-14)


# --- max-margin ---


def by_enumeration(features):
    """The shortest w among the minimum-norm solutions of wᵀx = 1 on every subset that satisfies all constraints."""
    best = None
    for size in range(1, min(features.shape) + 1):
        for subset in combinations(range(len(features)), size):
            weights = np.linalg.pinv(features[list(subset)]) @ np.ones(size)
            feasible = (features @ weights > 1 - 1e-9).all()
            if feasible and (best is None or weights @ weights < best @ best):
                best = weights
    return best


@pytest.mark.parametrize("seed", range(25))
def test_max_margin_is_what_trying_every_support_finds(seed):
    for n, p in ((5, 2), (7, 3), (6, 4)):
        features = drawn(n, p, seed=seed)
        weights, expected = max_margin_head(features), by_enumeration(features)
        if expected is None:
            assert weights is None
        else:
            assert_allclose(weights, expected, rtol=1e-7, atol=1e-9 * np.linalg.norm(expected))


@pytest.mark.parametrize(("n", "p"), [(1, 1), (1, 6), (40, 60), (60, 60), (90, 60), (250, 60), (2000, 60)])
def test_least_distance_programming_and_the_active_set_agree(n, p, monkeypatch):
    features = drawn(n, p, signal=1.0 if n < 2000 else 4.0)
    fast = max_margin._least_distance(features)
    monkeypatch.setattr(max_margin, "_least_distance", lambda _: None)
    weights = max_margin_head(features)
    assert (weights is None) == (fast is None) == (n == 250)
    if fast is not None:
        for head in (weights, fast):
            assert_allclose((features @ head).min(), 1, rtol=1e-8)
        # A margin that is 1e-8 too small allows a direction off by its square root.
        assert_allclose(direction(weights), direction(fast), atol=2e-4)
        assert_allclose(np.linalg.norm(weights), np.linalg.norm(fast), rtol=1e-8)


def test_a_wrong_head_is_not_certified():
    features = drawn(40, 60)
    right = max_margin._least_distance(features)
    support = np.abs(features @ right - 1) < 1e-9
    multipliers = np.linalg.lstsq(features[support].T, right, rcond=None)[0]
    assert max_margin._certified(features, right, features[support], multipliers) is not None
    turned = right + 1e-3 * np.linalg.norm(right) * np.eye(60)[0]
    assert max_margin._certified(features, turned, features[support], multipliers) is None
    assert max_margin._certified(features, -right, features[support], multipliers) is None


def test_features_that_are_equal_up_to_rounding_are_one_feature():
    feature = np.array([3.0, 4.0])
    features = feature * (1 + 1e-16 * np.arange(20)[:, None])
    assert_allclose(max_margin_head(features), feature / 25, rtol=1e-12)
    assert_allclose(max_margin_head(1e-200 * features), 1e200 * feature / 25, rtol=1e-12)


def test_feature_vectors_that_vanish_have_no_margin():
    assert max_margin_head(np.zeros((4, 3))) is None
    assert max_margin_head(np.array([[1.0, 0.0], [0.0, 0.0]])) is None
    assert_allclose(trained(np.zeros((4, 3)), "logistic", 0), 0)
    assert_allclose(trained(np.zeros((4, 3)), "ridge", 0.1), 0)
    assert_allclose(trained(np.zeros((4, 3)), "ridge", 0), 0)


def test_half_of_all_data_sets_are_separable_at_twice_as_many_features_as_dimensions():
    """Cover (1965): without a signal, n = 2 p features in general position are separable with probability 1/2.

    Power: 2,000 sets tell a probability of 0.40 or 0.60 from 1/2 with probability 99.9 %.
    """
    rng = np.random.default_rng(3)
    separable = sum(max_margin_head(rng.normal(size=(12, 6))) is not None for _ in range(2000))
    assert stats.binomtest(separable, 2000, 0.5).pvalue > share()


def test_narrow_margins_are_certified():
    """A margin of 1e-5: features (s, γ) and (-s, γ), whose head is (0, 1/γ)."""
    for margin in (1e-2, 1e-4, 1e-6):
        features = np.array([[1.0, margin], [-0.5, margin], [0.3, 2 * margin]])
        assert_allclose(max_margin_head(features), [0, 1 / margin], atol=1e-8 / margin)
    assert max_margin_head(np.array([[1.0, 1e-9], [-0.5, 1e-9]])) is None


# --- the row space ---


@pytest.mark.parametrize(("n", "p"), SHAPES)
@pytest.mark.parametrize("rank", [1, 3, 20])
def test_the_row_space_holds_the_features(n, p, rank):
    rng = np.random.default_rng(4)
    features = drawn(n, p) if rank >= min(n, p) else rng.normal(size=(n, rank)) @ rng.normal(size=(rank, p))
    coordinates, basis = in_row_space(features)
    assert coordinates.shape == (n, min(n, p, rank))
    assert_allclose(coordinates @ basis.T, features, atol=1e-13)
    assert_allclose(basis.T @ basis, np.eye(basis.shape[1]), atol=1e-14)


# --- refusals ---


def test_a_solver_that_does_not_converge_says_where(monkeypatch):
    monkeypatch.setattr(logistic, "ITERATIONS", 2)
    with pytest.raises(TrainingError, match=r"logistic head with ridge 0\.001 did not converge on 30 .* dimension 9"):
        logistic_head(drawn(30, 9), 1e-3)
    monkeypatch.setattr(max_margin, "_least_distance", lambda _: None)
    monkeypatch.setattr(max_margin, "STEPS_PER_CONSTRAINT", 0)
    with pytest.raises(TrainingError, match=r"max-margin solver did not come to an end on 9 .* dimension 9"):
        max_margin_head(drawn(9, 9))


def test_unpenalised_logistic_regression_of_separable_data_is_refused_by_the_bare_solver():
    with pytest.raises(TrainingError, match="did not converge"):
        logistic_head(drawn(4, 9), 0.0)


def test_a_wrong_head_is_seen():
    """Five per cent more of the penalty: every comparison above is finer than that."""
    features = drawn(30, 9)
    for kind in ("ridge", "logistic"):
        change = direction(trained(features, kind, 0.105)) - direction(trained(features, kind, 0.1))
        assert np.linalg.norm(change) > 1e-4
    assert np.linalg.norm(minimum_norm_solution(features, np.ones(30)) - ridge_head(features, 1e-3)) > 1e-4
