"""The proportional regime: closed forms, plain second implementations, limits, certified equations, rates."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from scipy.special import expit, ndtr

from theory import (
    ArgumentError,
    AttentionLaw,
    ContextualMixture,
    ConvergenceError,
    NotAvailableError,
    attention_law,
    averaging_error,
    averaging_head,
    best_ridge_head,
    fluctuating_averaging_error,
    least_squares_error,
    logistic_head,
    max_margin_head,
    ridge_head,
    separability_threshold,
    weighted_averaging_head,
)
from theory.known_prompt.fluctuating_averaging import error_given_overlap
from theory.proportional.logistic import margins

ROUNDING = 1e-11
"""Root finding to 1e-14 and sums of a few positive terms; overlaps and lengths are well conditioned in them."""


def one_node(kappa):
    return AttentionLaw(np.array([kappa]), np.array([1.0]), np.array([1.0]))


TWO = AttentionLaw(np.array([0.4, 1.6]), np.array([0.5, 1.3]), np.array([0.35, 0.65]))
TURNED = AttentionLaw(np.array([-0.4, 1.6, 0.2]), np.array([0.5, 1.3, 3.0]), np.array([0.3, 0.5, 0.2]))
FLUCTUATING = attention_law(ContextualMixture(11, 16, 2, signal_norm=2.0, delta_signal=0.1), 1.0)
LAWS = [one_node(1.5), TWO, TURNED, FLUCTUATING]
each_law = pytest.mark.parametrize("law", LAWS, ids=["deterministic", "two nodes", "turned", "fluctuating"])
each_ratio = pytest.mark.parametrize("ratio", [0.1, 0.5, 0.95, 1.05, 3.0])


# --- ridge ---


def stieltjes(ratio, ridge):
    """Return m₁, m₂ = ∫ (x+λ)^{-1}, ∫ (x+λ)^{-2} over the Marchenko-Pastur law of ratio p/n, its atom at 0 included."""
    with mpmath.workdps(40):
        g, z = mpmath.mpf(ratio), mpmath.mpf(ridge)

        def first(x):
            return (-(1 - g + x) + mpmath.sqrt((1 - g + x) ** 2 + 4 * g * x)) / (2 * g * x)

        return float(first(z)), float(-mpmath.diff(first, z))


@pytest.mark.parametrize("kappa", [0.1, 1.0, 5.0])
@pytest.mark.parametrize("ridge", [1e-3, 0.3, 20.0])
@each_ratio
def test_ridge_under_deterministic_attention_is_the_marchenko_pastur_form(kappa, ridge, ratio):
    first, second = stieltjes(ratio, ridge)
    expected = kappa * first / math.sqrt((kappa**2 + ratio) * second)
    assert_allclose(ridge_head(one_node(kappa), ratio, ridge).overlap, expected, rtol=1e-9)


@pytest.mark.parametrize("kappa", [0.1, 1.0, 5.0])
@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.95, 1 - 1e-9, 1 + 1e-9, 1.05, 3.0])
def test_both_ends_of_the_ridge_have_closed_forms(kappa, ratio):
    kept = 1 - ratio if ratio < 1 else 1 - 1 / ratio
    along = kappa / math.sqrt(kappa**2 + ratio)
    assert_allclose(ridge_head(one_node(kappa), ratio, 0.0).overlap, along * math.sqrt(kept), rtol=ROUNDING)
    assert_allclose(ridge_head(one_node(kappa), ratio, math.inf).overlap, along, rtol=ROUNDING)


def iterated_ridge(law, ratio, ridge):
    """Solve the equations as they are printed, by plain damped iteration and two linear solves."""
    signal, square, weight = law.signal, law.noise**2, law.weight
    v = ratio / (ridge + 1)
    for _ in range(200_000):
        new = ratio / (ridge + weight @ (square / (1 + v * square)))
        if abs(new - v) <= 1e-15 * v:
            break
        v = 0.5 * v + 0.5 * new
    mu, d = v / ratio, 1 + v * square
    along = mu * (weight @ (signal / d)) / (1 + mu * (weight @ (signal**2 / d)))
    shrink = ratio * mu**2 * (weight @ (square**2 / d**2))
    noise = ratio * mu**2 * (weight @ (square * (1 - signal * along) ** 2 / d**2))
    return along, math.sqrt((noise + shrink * along**2) / (1 - shrink))


@each_law
@each_ratio
@pytest.mark.parametrize("ridge", [0.01, 1.0])
def test_ridge_against_plain_iteration(law, ratio, ridge):
    head = ridge_head(law, ratio, ridge)
    assert head.residual <= ROUNDING
    assert_allclose([head.along, head.across], iterated_ridge(law, ratio, ridge), rtol=1e-9)


@each_law
@each_ratio
def test_small_and_large_ridges_approach_their_limits_at_first_order(law, ratio):
    """The overlap is smooth in λ at both ends: a tenfold step towards the end divides the distance by ten."""
    for end, near in ((0.0, 1e-6), (math.inf, 1e5)):
        limit = ridge_head(law, ratio, end).overlap
        nearer = near * (0.1 if end == 0 else 10)
        gaps = [ridge_head(law, ratio, x).overlap - limit for x in (near, nearer)]
        # A gap so small that it is rounding tells nothing.
        if abs(gaps[1]) > 1e-9:
            assert_allclose(gaps[0] / gaps[1], 10, rtol=0.05)


def exact_ridge(law, ratio, ridge):
    """Solve the equations as they are printed to 50 digits, by bisection."""
    with mpmath.workdps(50):
        numbers = [[mpmath.mpf(float(x)) for x in values] for values in (law.signal, law.noise, law.weight)]
        gamma, penalty = mpmath.mpf(ratio), mpmath.mpf(ridge)
        signal, square, weight = numbers[0], [s**2 for s in numbers[1]], [w / sum(numbers[2]) for w in numbers[2]]

        def mean(values, v, power):
            rows = zip(values, square, weight, strict=True)
            return sum(w * x / (1 + v * s) ** power for x, s, w in rows)

        lower, upper = mpmath.mpf(-300), mpmath.mpf(300)
        while upper - lower > mpmath.mpf(10) ** -40:
            middle = (lower + upper) / 2
            v = mpmath.exp(middle)
            lower, upper = (lower, middle) if v * (penalty + mean(square, v, 1)) > gamma else (middle, upper)
        mu = v / gamma
        along = mu * mean(signal, v, 1) / (1 + mu * mean([m**2 for m in signal], v, 1))
        shrink = gamma * mu**2 * mean([s**2 for s in square], v, 2)
        missing = [s * (1 - m * along) ** 2 for m, s in zip(signal, square, strict=True)]
        noise = gamma * mu**2 * mean(missing, v, 2)
        return float(along), float(mpmath.sqrt((noise + shrink * along**2) / (1 - shrink)))


@pytest.mark.parametrize(
    ("ratio", "ridge"),
    [(0.5, 0.1), (0.7, 0.0), (1 - 1e-9, 0.0), (1.0, 1e-20), (1 + 1e-7, 1e-9), (3.0, 1e-25), (1e-30, 1e3), (1e20, 1e-8)],
)
def test_ridge_to_rounding_next_to_the_peak_and_far_from_it(ratio, ridge):
    law = AttentionLaw(3 * TURNED.signal, np.array([1e-3, 0.5, 30.0]), TURNED.weight)
    head = ridge_head(law, ratio, ridge)
    # V is had as e^{log V}, |log V| < 100: a hundred roundings.
    assert_allclose([head.along, head.across], exact_ridge(law, ratio, ridge), rtol=1e-13)


@each_law
def test_an_array_of_ridge_heads_is_the_heads_one_by_one(law):
    ratio = np.array([0.0, 1e-3, 0.5, 1 - 1e-9, 1.0, 1 + 1e-9, 2.0, *np.geomspace(0.01, 100, 60)])[:, None]
    ridge = np.array([0.0, 1e-12, 0.01, 3.0, 1e6, math.inf])
    heads = ridge_head(law, ratio, ridge)
    alone = [[ridge_head(law, x, y) for y in ridge] for x in ratio[:, 0]]
    for name in ("along", "across", "overlap"):
        # Sums over nodes may be taken in another order.
        assert_allclose(getattr(heads, name), [[getattr(x, name) for x in row] for row in alone], rtol=1e-13)
    assert heads.residual.max() <= ROUNDING


def test_the_one_ridge_head_of_an_array_that_is_not_solved_is_named():
    with pytest.raises(ConvergenceError, match=r"the ridge head at p/n = 2 and ridge 1e-200 could not be solved"):
        ridge_head(TWO, [0.5, 2.0, 3.0], [[0.1], [1e-200]])
    with pytest.raises(ArgumentError, match=r"shapes of the arguments must broadcast"):
        ridge_head(TWO, [0.5, 2.0], [0.1, 0.2, 0.3])


def test_least_squares_at_n_equal_p_is_useless():
    assert ridge_head(TWO, 1.0, 0.0).overlap == 0
    assert abs(ridge_head(TWO, 1 - 1e-9, 0.0).overlap) < 1e-4
    assert abs(ridge_head(TWO, 1 + 1e-9, 0.0).overlap) < 1e-4


@each_ratio
def test_the_best_ridge_is_infinite_under_deterministic_attention_only(ratio):
    assert best_ridge_head(one_node(1.5), ratio)[0] == math.inf
    uneven = AttentionLaw(np.array([1.0, 1.0]), np.array([0.2, 2.0]), np.array([0.5, 0.5]))
    ridge, head = best_ridge_head(uneven, ratio)
    grid = ridge_head(uneven, ratio, np.geomspace(1e-4, 1e4, 400)).overlap
    assert 0 < ridge < math.inf
    # A grid of 400 points misses the top of a parabola by less than this, and cannot lie above it.
    assert max(grid) <= head.overlap <= max(grid) + 1e-4
    assert head.overlap > 1.0005 * ridge_head(uneven, ratio, math.inf).overlap


# --- averaging ---


@each_law
@each_ratio
def test_weighted_averaging_aligns_best(law, ratio):
    best = weighted_averaging_head(law.mean((law.signal / law.noise) ** 2), ratio).overlap
    others = [averaging_head(law.mean(law.signal), law.mean(law.noise**2), ratio).overlap]
    others += [ridge_head(law, ratio, x).overlap for x in (0.0, 0.1, 10.0)]
    others += [logistic_head(law, ratio, x).overlap for x in (0.1, 10.0)]
    if ratio > separability_threshold(law):
        others.append(max_margin_head(law, ratio).overlap)
    assert max(others) <= best + ROUNDING


# --- logistic and max-margin ---


def test_margins_solve_their_equation_over_the_whole_range():
    x, log_q = np.meshgrid(np.linspace(-60, 60, 121), np.linspace(-20, 25, 91))
    x, q = x.ravel(), np.exp(log_q.ravel())
    x = np.concatenate([x, 1e6 * x, 1e-6 * x])
    q = np.tile(q, 3)
    u = margins(x, q)
    # The terms of the equation are as large as x and q.
    assert np.all(np.abs(u - x - q * expit(-u)) <= 1e-14 * (np.abs(x) + q + np.abs(u)))


def scalar_problem_logistic(law, ratio, ridge):
    """Minimise Gordon's scalar problem over (w₁, log w_⊥), maximised over V, by a general optimiser: no equations."""
    z = np.linspace(-7, 7, 141)
    density = np.exp(-(z**2) / 2)
    density /= density.sum()
    weight = np.outer(law.weight, density)
    noise, signal = law.noise[:, None], law.signal[:, None]

    def value(along, across, log_v):
        x = signal * along + noise * math.hypot(along, across) * z
        q = np.broadcast_to(math.exp(log_v) * noise**2, x.shape)
        u = margins(x, q)
        envelope = np.logaddexp(0, -u) + (u - x) ** 2 / (2 * q)
        penalty = ridge * (along**2 + across**2) / 2 - ratio * across**2 / (2 * math.exp(log_v))
        return float(np.sum(weight * envelope)) + penalty

    def worst(point):
        along, across = point[0], math.exp(point[1])
        found = minimize(lambda v: -value(along, across, v[0]), [0.0], method="BFGS", options={"gtol": 1e-9})
        return -found.fun

    found = minimize(worst, [0.5, -0.5], method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-13})
    return found.x[0], math.exp(found.x[1])


@pytest.mark.parametrize(("law", "ratio", "ridge"), [(one_node(1.5), 0.4, 0.1), (TWO, 1.5, 0.3), (TURNED, 0.2, 0.05)])
def test_logistic_is_the_saddle_of_the_scalar_problem(law, ratio, ridge):
    head = logistic_head(law, ratio, ridge)
    # A flat minimum: its place is found to the square root of 1e-13, its value to 1e-13.
    assert_allclose([head.along, head.across], scalar_problem_logistic(law, ratio, ridge), rtol=3e-5)


@each_law
@each_ratio
def test_logistic_with_a_large_ridge_is_ridge_with_four_times_as_much(law, ratio):
    """For small margins the losses agree up to their fourth derivative: the distance falls as λ^{-2}."""
    gaps = []
    for ridge in (30.0, 300.0):
        gaps.append(logistic_head(law, ratio, ridge).overlap - ridge_head(law, ratio, 4 * ridge).overlap)
    assert abs(gaps[0]) < 1e-3
    assert abs(gaps[1]) < abs(gaps[0]) / 30 + 1e-9
    assert logistic_head(law, ratio, math.inf).overlap == ridge_head(law, ratio, math.inf).overlap


@each_law
def test_logistic_on_separable_data_becomes_the_max_margin_head(law):
    ratio = 1.2
    margin_head = max_margin_head(law, ratio)
    assert logistic_head(law, ratio, 0.0) == margin_head
    gaps = [abs(logistic_head(law, ratio, x).overlap - margin_head.overlap) for x in (1e-4, 1e-7)]
    # The margin of the logistic head exceeds the losses' width by log 1/λ only, so the gap falls as 1/log(1/λ) or so.
    assert gaps[1] < 0.7 * gaps[0] < 0.07


def test_logistic_without_penalty_below_the_threshold():
    law = one_node(1.5)
    ratio = 0.8 * separability_threshold(law)
    limit = logistic_head(law, ratio, 0.0)
    assert limit.residual < 1e-10
    assert_allclose(logistic_head(law, ratio, 1e-8).overlap, limit.overlap, rtol=1e-6)


def scalar_problem_margin(law, ratio):
    """Minimise ‖w‖ under Gordon's constraint by a general constrained optimiser, in (w₁, w_⊥)."""
    z = np.linspace(-8, 8, 321)
    density = np.exp(-(z**2) / 2)
    density /= density.sum()

    def slack(point):
        length = math.hypot(*point)
        t = ((1 - law.signal * point[0]) / law.noise)[:, None] - length * z
        return ratio * point[1] ** 2 - float(law.weight @ (np.maximum(t, 0) ** 2) @ density)

    found = minimize(
        lambda point: point @ point,
        [1.0, 5.0],
        constraints=[{"type": "ineq", "fun": slack}],
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    return found.x[0], abs(found.x[1])


@pytest.mark.parametrize("law", [one_node(1.5), TWO, TURNED], ids=["deterministic", "two nodes", "turned"])
@pytest.mark.parametrize("ratio", [0.6, 1.0, 3.0])
def test_max_margin_is_the_solution_of_the_scalar_problem(law, ratio):
    head = max_margin_head(law, ratio)
    # The kink of the positive part leaves (0.05)² of a trapezoid with step 0.05, and SLSQP stops at 1e-7 or so.
    assert_allclose([head.along, head.across], scalar_problem_margin(law, ratio), rtol=1e-3)


def test_the_separability_threshold():
    assert_allclose(separability_threshold(one_node(0.0)), 0.5, rtol=1e-12)
    # min over c of E[(cκ + √(1+c²) Z)₋²], by brute force on a grid; its minimum is flat.
    for kappa in (0.5, 1.5, 3.0):
        c = np.linspace(0, 40, 400_001)
        mean, spread = c * kappa, np.sqrt(1 + c**2)
        x = -mean / spread
        square = spread**2 * ((1 + x**2) * ndtr(x) + x * np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi))
        assert_allclose(separability_threshold(one_node(kappa)), square.min(), rtol=1e-6)
    # The signs of the signal count for nothing.
    assert_allclose(separability_threshold(one_node(-1.5)), separability_threshold(one_node(1.5)), rtol=1e-12)


def test_there_is_no_max_margin_head_below_the_threshold():
    threshold = separability_threshold(TWO)
    with pytest.raises(NotAvailableError, match=r"no max-margin head at p/n = .* separable for p/n above 0\.\d+ only"):
        max_margin_head(TWO, 0.999 * threshold)
    assert max_margin_head(TWO, 1.001 * threshold).across > 10


# --- scales, arguments, ten thousand settings ---


@each_law
@pytest.mark.parametrize("unit", [1e-30, 1e30])
def test_units_of_the_features_are_of_no_account(law, unit):
    scaled = AttentionLaw(law.signal * unit, law.noise * unit, law.weight)
    for solve in (
        lambda law, u: ridge_head(law, 0.7, 0.1 * u**2),
        lambda law, u: logistic_head(law, 0.7, 0.1 * u**2),
        lambda law, _: max_margin_head(law, 0.7),
    ):
        mine, plain = solve(scaled, unit), solve(law, 1.0)
        assert_allclose(mine.overlap, plain.overlap, rtol=1e-7)


@pytest.mark.parametrize(
    ("solve", "message"),
    [
        (lambda: ridge_head(TWO, -1.0, 0.1), "ratio must be finite and at least 0, got -1"),
        (lambda: ridge_head(TWO, 1.0, -0.1), "ridge must be at least 0, got -0.1"),
        (lambda: logistic_head(TWO, math.nan, 0.1), "ratio must not be NaN"),
        (lambda: max_margin_head(AttentionLaw(np.ones(1), np.zeros(1), np.ones(1)), 1.0), "law must have noise"),
        (lambda: weighted_averaging_head(-1.0, 1.0), "snr_square must be finite and at least 0"),
    ],
)
def test_bad_arguments_are_refused_in_one_sentence(solve, message):
    with pytest.raises(ArgumentError, match=message):
        solve()


def random_setting(rng):
    """Draw a law of a few nodes, a ratio and a ridge over many orders of magnitude."""
    nodes = int(rng.integers(1, 5))
    weight = rng.dirichlet(np.ones(nodes))
    signal = rng.normal(size=nodes) * 10 ** rng.uniform(-3, 1.5)
    noise = 10 ** rng.uniform(-1, 1, size=nodes)
    return AttentionLaw(signal, noise, weight), 10 ** rng.uniform(-3, 3), 10 ** rng.uniform(-8, 6)


def solve_all(count, seed):
    """Return how many heads were solved and how many refused; nothing else may happen."""
    rng = np.random.default_rng(seed)
    solved = refused = 0
    for _ in range(count):
        law, ratio, ridge = random_setting(rng)
        for solve in (
            lambda law=law, ratio=ratio, ridge=ridge: ridge_head(law, ratio, ridge),
            lambda law=law, ratio=ratio: ridge_head(law, ratio, 0.0),
            lambda law=law, ratio=ratio: max_margin_head(law, ratio),
            lambda law=law, ratio=ratio, ridge=ridge: logistic_head(law, ratio, ridge),
        ):
            try:
                head = solve()
            except NotAvailableError:
                assert ratio <= separability_threshold(law) * (1 + 1e-9)
                continue
            except ConvergenceError as error:
                refused += "p/n" in str(error) or "separable" in str(error)
                continue
            solved += 1
            assert -1 <= head.overlap <= 1
            assert head.residual <= 1e-8
            assert 0 <= error_given_overlap(law, head.overlap) <= 1
    return solved, refused


def test_random_settings_are_solved_or_refused_by_name():
    solved, refused = solve_all(150, 1)
    assert solved > 450
    assert refused <= 5


@pytest.mark.slow
def test_ten_thousand_random_settings():
    solved, refused = solve_all(10_000, 2)
    assert solved > 30_000
    assert refused <= 100


# --- rates: finite sizes approach the limit as 1/n ---


def fitted_exponent(sizes, gaps):
    return float(np.polyfit(np.log(sizes), np.log(np.abs(gaps)), 1)[0])


SIZES = np.array([400, 800, 1600, 3200])


@pytest.mark.parametrize("kappa", [0.5, 1.5])
@pytest.mark.parametrize("ratio", [0.25, 0.5, 2.0])
def test_exact_errors_approach_the_proportional_ones_as_one_over_n(kappa, ratio):
    """The next term is smaller by 1/n, so that the fitted exponent is off by a few times 1/400."""
    p = SIZES * ratio
    averaging = averaging_error(SIZES, p, kappa).error - ndtr(-kappa * averaging_head(kappa, 1.0, ratio).overlap)
    squares = least_squares_error(SIZES, p, kappa).error - ndtr(-kappa * ridge_head(one_node(kappa), ratio, 0).overlap)
    for gaps in (averaging, squares):
        assert_allclose(fitted_exponent(SIZES, gaps), -1, atol=0.02)


@pytest.mark.parametrize("weighted", [False, True])
def test_averaging_with_fluctuating_attention_approaches_its_limit_as_one_over_n(weighted):
    law, ratio = FLUCTUATING, 0.5
    if weighted:
        head = weighted_averaging_head(law.mean((law.signal / law.noise) ** 2), ratio)
    else:
        head = averaging_head(law.mean(law.signal), law.mean(law.noise**2), ratio)
    sizes = np.array([80, 160, 320, 640])
    gaps = [fluctuating_averaging_error(law, int(n), int(n * ratio), weighted=weighted)[0] for n in sizes]
    gaps = np.array(gaps) - error_given_overlap(law, head.overlap)
    # The next term is smaller by a few times 1/80.
    assert_allclose(fitted_exponent(sizes, gaps), -1, atol=0.05)
