"""The plane of head and prompt: moments at 30 digits, the loss from its definition, limits, rates and rest."""

from __future__ import annotations

from dataclasses import astuple, fields
from itertools import product

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.polynomial.hermite_e import hermegauss
from numpy.testing import assert_allclose

from theory import (
    ArgumentError,
    ContextualMixture,
    MixedMoments,
    PopulationPlane,
    attention_moments,
    fixed_points,
    gradient_descent,
    gradient_flow,
    large_tokens_fixed_point,
    large_tokens_flow,
    mixed_moments,
    population_flow,
    population_plane,
)
from theory.descent.population_gradients import population_gradients
from theory.risk.exact_risk import Delta

NAMES = [field.name for field in fields(MixedMoments)][:-1]
GENERAL = {
    "context_norm": 0.9,
    "signal_norm": 1.4,
    "noise": 1.1,
    "delta_context": 0.2,
    "delta_signal": 0.7,
}
STEP = 1e-150
"""A complex step loses nothing to a difference."""


def mixture_of(m, relevant=1, **options):
    return ContextualMixture(5, m + relevant, relevant, **options)


# --- moments ---


def moments_of(weights, shares, parts):
    """Return the moments in the order of NAMES from A and from p_t, the last axis, for each weight."""
    pair, triple = (parts**2).sum(-1), (parts**3).sum(-1)
    rest = parts.sum(-1)
    a = shares
    values = (a, a**2, rest, rest**2, a * rest, a**2 * rest, pair, a * pair, a**2 * pair, triple, pair**2)
    return [(weights * value).sum() for value in values]


def summed_at_forty_digits(m, mixture, temperature):
    """Means over a lattice of scores, from the definition of attention, in arbitrary precision.

    With s ≤ 3 the poles of attention in g are π/s from the real line and the lattice's steps are 1/(3 + 4s): the rule
    errs by e^{-2π (π/s)(3 + 4s)} < 1e-39 and, where it has no poles, by e^{-2π² (3 + 4s)²}; what lies beyond a reach
    of 12 weighs 1e-31.
    """
    sigma, q, delta = (mp.mpf(str(getattr(mixture, name))) for name in ("noise", "context_norm", "delta_context"))
    s = temperature * sigma * q
    c = int(mixture.relevant_tokens) * mp.exp((1 + delta) * temperature * q**2)
    step = 1 / mp.mpf(3 + int(4 * abs(s)))
    g = [j * step for j in range(-int(12 / step), int(12 / step) + 1)]
    weight = [step * mp.exp(-(x**2) / 2) / mp.sqrt(2 * mp.pi) for x in g]
    ell = [mp.exp(s * x) for x in g]
    weights, shares, parts = [], [], []
    for indices in product(range(len(g)), repeat=m):
        if m == 2 and indices[0] > indices[1]:
            continue
        total = c + sum(ell[i] for i in indices)
        weights.append(mp.fprod(weight[i] for i in indices) * (2 if len(set(indices)) > 1 else 1))
        shares.append(c / total)
        parts.append([ell[i] / total for i in indices])
    return moments_of(np.array(weights), np.array(shares), np.array(parts))


@pytest.mark.parametrize(
    ("m", "temperature"),
    [(1, "0.5"), (1, "-2.5"), (1, "3"), (2, "0.7"), pytest.param(2, "-0.4", marks=pytest.mark.slow)],
)
def test_moments_of_one_and_two_tokens_at_forty_digits(m, temperature):
    mixture = mixture_of(m, 2, **GENERAL)
    with mp.workdps(40):
        exact = summed_at_forty_digits(m, mixture, mp.mpf(temperature))
        found = mixed_moments(mixture, float(temperature))
        for name, value in zip(NAMES, exact, strict=True):
            assert abs(getattr(found, name) / value - 1) < found.relative_error < 1e-13, name


def test_moments_of_three_tokens_by_brute_force():
    """A lattice of steps 1/4 up to 9 and s = 0.8: what is left out weighs 1e-18, the rule errs by e^{-99}."""
    g = np.arange(-9, 9.1, 0.25)
    one = np.exp(-(g**2) / 2) * 0.25 / np.sqrt(2 * np.pi)
    mixture = mixture_of(3, 2, noise=0.8, delta_context=0.3)
    ell = np.exp(0.8 * np.stack(np.meshgrid(g, g, g), axis=-1))
    total = 2 * np.exp(1.3) + ell.sum(-1)
    weights = one[:, None, None] * one[None, :, None] * one[None, None, :]
    expected = moments_of(weights, 2 * np.exp(1.3) / total, ell / total[..., None])
    # Rounding in sums of 4e5 terms, which NumPy adds pairwise.
    assert_allclose(astuple(mixed_moments(mixture, 1.0))[:-1], expected, rtol=1e-13)


@pytest.mark.parametrize(("m", "temperature"), [(7, 0.3), (1000, 1.5), (10**6, 4.5)])
def test_moments_agree_with_those_of_the_known_prompt(m, temperature):
    mixture = mixture_of(m, 3)
    known, mixed = attention_moments(mixture, temperature), mixed_moments(mixture, temperature)
    pairs = ((known.share, mixed.share), (known.share_square, mixed.share_square), (known.noise_square, mixed.pair))
    for one, other in pairs:
        assert abs(one / other - 1) < known.relative_error + mixed.relative_error


@pytest.mark.parametrize("temperature", [-3.0, -0.2, 0.7, 4.9])
@pytest.mark.parametrize("m", [1, 5, 4000, 10**6])
def test_identities_between_moments(m, temperature):
    """A + P_1 = 1 relates integrals of different integrands; each is good to its error."""
    moments = mixed_moments(mixture_of(m, 2, context_norm=1.0), temperature)
    slack = 4 * moments.relative_error
    assert abs(moments.share + moments.rest - 1) < slack
    assert abs(moments.share_square + moments.share_rest - moments.share) < slack * moments.share
    assert abs(moments.share_rest + moments.rest_square - moments.rest) < slack * moments.rest
    assert moments.triple <= moments.pair * (1 + slack)
    assert moments.pair**2 <= moments.pair_square * (1 + slack)
    if m == 1:
        assert_allclose(moments.pair, moments.rest_square, rtol=slack)


@pytest.mark.parametrize(
    ("mixture", "temperature"),
    [
        (mixture_of(9, 3, noise_kind="prompt-orthogonal", delta_context=0.4), -1.3),
        (mixture_of(9, 3, noise=0.0), 0.8),
        (mixture_of(9, 3), 0.0),
        (mixture_of(0, 3), 2.0),
    ],
)
def test_moments_of_constants_are_products(mixture, temperature):
    moments = mixed_moments(mixture, temperature)
    odds = 3 * np.exp((1 + float(mixture.delta_context)) * temperature)
    m = int(mixture.irrelevant_tokens)
    total = odds + m
    expected = moments_of(1.0, odds / total, np.full(m, 1 / total))
    assert_allclose(astuple(moments)[:-1], expected, rtol=moments.relative_error)


def test_moments_are_continuous_where_scores_vanish():
    """The moments' logarithms move by order uτ and s²: 1e-9 each here, times powers up to 4."""
    weak, none = (np.array(astuple(mixed_moments(mixture_of(9, 3), tau)))[:-1] for tau in (1e-9, 0.0))
    assert_allclose(weak, none, rtol=8e-9)


@pytest.mark.parametrize("mixture", [mixture_of(14, 2), mixture_of(3, context_norm=2.0), mixture_of(5000, 200)])
def test_interpolated_moments_stay_within_their_error(mixture):
    moments = PopulationPlane(mixture).moments
    for temperature in np.array([-0.97, -0.31, 0.033, 0.12]) * moments.largest:
        exact, found = (np.array(astuple(f)) for f in (mixed_moments(mixture, temperature), moments(temperature)))
        assert_allclose(found[:-1], exact[:-1], rtol=found[-1] + exact[-1])
        assert found[-1] < 5e-12


# --- loss and gradients ---


def from_definition(m, mixture, c, temperature):
    """Loss, -∂L/∂c/W² and -∂L/∂τ/Q² of E (y - wᵀXᵀ softmax(Xq))²/2 from tokens, by complex steps.

    Neither prompt nor head sees more than the coordinates along q⋆ and w⋆.  The loss is quadratic in the noise along
    w⋆: 3 Gauss-Hermite nodes are exact.  Along q⋆ a lattice as above is.
    """
    sigma, q, w = (float(getattr(mixture, name)) for name in ("noise", "context_norm", "signal_norm"))
    delta_context, delta_signal = float(mixture.delta_context), float(mixture.delta_signal)
    relevant = int(mixture.relevant_tokens)
    along = sigma * (mixture.noise_kind == "isotropic")
    step = 1 / (3 + 4 * np.ceil(abs(temperature) * along * q))
    g = np.arange(-9, 9 + step, step)
    nodes, chance = hermegauss(3)
    axes = np.meshgrid(*[g] * m, *[nodes] * m, indexing="ij")
    density = np.exp(-(g**2) / 2) * step / np.sqrt(2 * np.pi)
    weights = np.prod(np.meshgrid(*[density] * m, *[chance / chance.sum()] * m, indexing="ij"), axis=0)
    scores, values = (np.stack(axes[k : k + m], axis=-1) for k in (0, m))

    def loss(c, temperature):
        total = 0.0
        for y in (-1.0, 1.0):
            x_context = -delta_context * q + along * scores
            x_signal = -delta_signal * y * w + sigma * values
            attention = np.exp(temperature * q * x_context)
            loud = relevant * np.exp(temperature * q * q)
            f = c * w * (loud * y * w + (attention * x_signal).sum(-1)) / (loud + attention.sum(-1))
            total += (weights * (y - f) ** 2).sum() / 4
        return total

    slopes = loss(c + 1j * STEP, temperature).imag / STEP, loss(c, temperature + 1j * STEP).imag / STEP
    return loss(c, temperature), -slopes[0] / w**2, -slopes[1] / q**2


@pytest.mark.parametrize("noise_kind", ["isotropic", "prompt-orthogonal"])
@pytest.mark.parametrize(
    ("m", "c", "temperature"), [(1, 0.8, 1.2), (1, -1.5, -2.0), (1, 0.6, 0.0), (2, 1.1, 0.5), (2, -0.4, -0.6)]
)
def test_loss_and_equations_from_their_definition(noise_kind, m, c, temperature):
    mixture = mixture_of(m, 2, noise_kind=noise_kind, **GENERAL)
    flow = population_flow(mixture, c, temperature)
    # The lattices err by less than the rounding of their sums, of numbers of order 1.
    assert_allclose((flow.loss, flow.head, flow.prompt), from_definition(m, mixture, c, temperature), atol=2e-13)
    assert max(flow.loss_error, flow.head_error, flow.prompt_error) < 1e-11


@pytest.mark.parametrize("temperature", ["0.6", "-1.1"])
def test_slopes_against_differences_at_forty_digits(temperature):
    """Central differences with a step of 1e-10 leave out a share of 1e-20."""
    mixture = mixture_of(1, 2, **GENERAL)
    with mp.workdps(40):
        tau, h = mp.mpf(temperature), mp.mpf("1e-10")
        up, down = (dict(zip(NAMES, summed_at_forty_digits(1, mixture, t), strict=True)) for t in (tau + h, tau - h))
        slope = {name: (up[name] - down[name]) / (2 * h) for name in NAMES}
        b, w, sigma = (mp.mpf(str(GENERAL[name])) for name in ("delta_signal", "signal_norm", "noise"))
        signal = slope["share"] - b * slope["rest"]
        square = slope["share_square"] - 2 * b * slope["share_rest"] + b**2 * slope["rest_square"]
        power = w**2 * square + sigma**2 * slope["pair"]
        here = PopulationPlane(mixture).exactly_at(float(temperature))
        assert abs(here.signal_slope - signal) < here.signal_slope_error < 1e-13
        assert abs(here.power_slope - power) < here.power_slope_error < 1e-12


@pytest.mark.parametrize("noise_kind", ["isotropic", "prompt-orthogonal"])
@pytest.mark.parametrize("c", [-0.7, 0.0, 0.4, 30.0])
def test_at_a_prompt_of_zero_the_gradients_are_those_of_uniform_attention(noise_kind, c):
    mixture = mixture_of(6, 2, noise_kind=noise_kind, **GENERAL)
    context, signal = np.array([0.9, 0.0, 0.0]), np.array([0.0, 1.4, 0.0])
    options = {"tokens": 8, "relevant_tokens": 2, "noise": 1.1, "noise_kind": noise_kind}
    expected = population_gradients(context, signal, c * signal, deltas=(Delta(0.2, 0.7),), **options)
    flow = population_flow(mixture, c, 0.0)
    for found, vector, gradient, error in (
        (flow.head, signal, expected.head, flow.head_error),
        (flow.prompt, context, expected.prompt, flow.prompt_error),
    ):
        assert_allclose(found * vector, gradient, atol=2 * (error + expected.error_bound), rtol=0)


def test_many_head_lengths_are_one_call():
    mixture = mixture_of(6, 2, **GENERAL)
    c = np.array([[-1.0, 0.0], [0.3, 2.0]])
    many = population_flow(mixture, c, 0.4)
    one = population_flow(mixture, 0.3, 0.4)
    assert many.loss.shape == (2, 2)
    assert (many.loss[1, 0], many.head[1, 0], many.prompt[1, 0]) == (one.loss, one.head, one.prompt)


@settings(max_examples=60, deadline=None)
@given(
    m=st.floats(0, 9).map(lambda power: round(10**power) - 1),
    relevant=st.integers(1, 1000),
    c=st.floats(-1e80, 1e80),
    temperature=st.floats(-6, 6) | st.floats(-1e80, 1e80),
    numbers=st.tuples(*[st.floats(0.01, 100) | st.sampled_from([1e-200, 1e-100, 1e70])] * 3),
    deltas=st.tuples(*[st.floats(-3, 3) | st.sampled_from([-1.0, 1e70, -1e70])] * 2),
    noise_kind=st.sampled_from(["isotropic", "prompt-orthogonal"]),
)
def test_numbers_or_one_sentence(m, relevant, c, temperature, numbers, deltas, noise_kind):
    """Over all ranges nothing but finite numbers, with the loss's minimum in c below 1/2, or ArgumentError."""
    options = dict(zip(("delta_context", "delta_signal"), deltas, strict=True))
    mixture = mixture_of(
        m,
        relevant,
        context_norm=numbers[0],
        signal_norm=numbers[1],
        noise=numbers[2],
        noise_kind=noise_kind,
        **options,
    )
    for function, arguments in (
        (population_flow, (mixture, c, temperature)),
        (large_tokens_flow, (mixture, c, temperature)),
        (large_tokens_fixed_point, (mixture,)),
    ):
        try:
            result = function(*arguments)
        except ArgumentError:
            continue
        assert np.isfinite(astuple(result)).all()
        assert result.loss >= 0


# --- many tokens ---

MANY = np.array([4_000, 40_000])


def many_tokens(m, **options):
    return ContextualMixture(5, int(5 * m // 4), int(m // 4), **options)


OPTIONS = {
    "plain": {},
    "general": {"context_norm": 1.2, "signal_norm": 0.8, "noise": 0.7, "delta_context": 0.1, "delta_signal": 0.1},
    "others louder": {"delta_signal": 0.9, "noise": 0.8},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_the_closed_flow_leaves_out_one_over_m_squared(options):
    gaps = []
    for m in MANY:
        exact = population_flow(many_tokens(m, **options), 1.3, 0.8)
        closed = large_tokens_flow(many_tokens(m, **options), 1.3, 0.8)
        gaps.append([closed.loss - exact.loss, closed.head - exact.head, closed.prompt - exact.prompt])
    # The next order is a share of about e^{6s²}/m, below 0.012 and 0.0012, and errors are below 1e-12 of gaps of 1e-8.
    assert_allclose(np.diff(np.log10(np.abs(gaps)), axis=0), -2, atol=0.03)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_fixed_points_converge_at_rate_one_over_m(options):
    gaps = []
    for m in MANY:
        mixture = many_tokens(m, **options)
        closed = large_tokens_fixed_point(mixture)
        c, temperature, loss = min(
            (
                (p.head_length, p.inverse_temperature, p.loss)
                for p in fixed_points(mixture, reach=1.0)
                if p.kind == "minimum"
            ),
            key=lambda point: abs(point[1] - closed.inverse_temperature),
        )
        gaps.append([c - closed.head_length, temperature - closed.inverse_temperature, loss / closed.loss - 1])
    # The next order in 1/m is a share of order e^{4s²}/m, some per mille.
    assert_allclose(np.diff(np.log10(np.abs(gaps)), axis=0), -1, atol=0.03)
    assert np.abs(gaps[-1]).max() < 0.01


def test_the_prompt_stops_where_the_signal_to_noise_ratio_is_largest_if_the_signal_is_weak():
    """W a/σ → 0: τ → (1 + δ_q)/(2σ²), up to a share of order (W/σ)²; else the prompt stops earlier."""
    weak, strong = (
        large_tokens_fixed_point(many_tokens(4000, signal_norm=w, noise=0.8, delta_context=0.4)) for w in (1e-4, 2.0)
    )
    best = 1.4 / (2 * 0.64)
    assert_allclose(weak.inverse_temperature, best, rtol=1e-7)
    assert strong.inverse_temperature < 0.9 * best


# --- rest and motion ---

RESTING = {
    "plain": mixture_of(14, 2),
    "others louder": mixture_of(14, 2, delta_signal=1.0, noise=0.5),
    "context alike": mixture_of(14, 2, delta_context=-1.0),
    "reversed": mixture_of(5, 2, delta_context=-1.7, delta_signal=-0.4, noise=0.7),
}
KINDS = {
    "plain": ["minimum"],
    "others louder": ["minimum", "saddle", "minimum"],
    "context alike": ["minimum"],
    "reversed": ["minimum"],
}


@pytest.mark.parametrize("name", RESTING)
def test_fixed_points_are_at_rest_and_of_their_kind(name):
    mixture, points = RESTING[name], fixed_points(RESTING[name])
    assert [point.kind for point in points] == KINDS[name]
    w, q = float(mixture.signal_norm), float(mixture.context_norm)
    for point in points:
        c, tau = point.head_length, point.inverse_temperature
        flow = population_flow(mixture, c, tau)
        assert 0 < point.error_bound < 1e-9
        # The gradients' slopes are of order 1, and below 10.
        assert abs(flow.head) < flow.head_error + 10 * point.error_bound
        assert abs(flow.prompt) < flow.prompt_error + 10 * point.error_bound
        assert_allclose(point.loss, flow.loss, atol=flow.loss_error + point.loss_error)
        h = 1e-4
        up, down = (population_flow(mixture, c, tau + sign * h) for sign in (1, -1))
        right, left = (population_flow(mixture, c + sign * h, tau) for sign in (1, -1))
        # In the coordinates W c and Q τ the Hessian is symmetric, up to the differences' error of h² = 1e-8.
        hessian = np.array(
            [
                [left.head - right.head, (left.prompt - right.prompt) * q / w],
                [(down.head - up.head) * w / q, down.prompt - up.prompt],
            ]
        ) / (2 * h)
        assert_allclose(hessian[0, 1], hessian[1, 0], atol=1e-6)
        signs = np.sign(np.linalg.eigvalsh(hessian))
        assert signs.tolist() == ([1, 1] if point.kind == "minimum" else [-1, 1])


@pytest.mark.parametrize("name", ["plain", "others louder", "context alike"])
def test_gradient_descent_from_zero_comes_to_rest_at_a_minimum(name):
    mixture = RESTING[name]
    descent = gradient_descent(mixture, 4000, head_rate=1.0, prompt_rate=1.0)
    ends = descent.head_length[-1], descent.inverse_temperature[-1]
    minima = [point for point in fixed_points(mixture) if point.kind == "minimum"]
    nearest = min(minima, key=lambda point: abs(point.inverse_temperature - ends[1]))
    # 4000 steps leave e^{-4000 · slowest rate} of the way; the slowest rate, of the order of the loss over its scale
    # in τ, is 0.008 here.
    tolerance = nearest.error_bound + descent.error_bound[-1] + 1e-11
    assert_allclose(ends, (nearest.head_length, nearest.inverse_temperature), atol=tolerance)
    assert (np.diff(descent.loss) <= 1e-12).all()


def test_descent_is_that_of_the_loss_itself():
    mixture = mixture_of(1, 1, **GENERAL)
    descent = gradient_descent(mixture, 30, head_rate=0.3, prompt_rate=0.7, start=(0.2, -0.1))
    c, temperature = 0.2, -0.1
    for step in range(31):
        loss, head, prompt = from_definition(1, mixture, c, temperature)
        # Rounding of 30 steps of sums of order 1.
        assert_allclose(
            (descent.head_length[step], descent.inverse_temperature[step], descent.loss[step]),
            (c, temperature, loss),
            atol=1e-12,
        )
        c, temperature = c + 0.3 * head, temperature + 0.7 * prompt
    assert (descent.error_bound < 1e-11).all()


def test_small_steps_follow_the_flow_at_the_rate_of_their_size():
    mixture = mixture_of(14, 2)
    flow = gradient_flow(mixture, [0.0, 20.0], head_rate=0.5, prompt_rate=2.0)
    gaps = []
    for steps in (400, 800, 1600):
        h = 20.0 / steps
        descent = gradient_descent(mixture, steps, head_rate=0.5 * h, prompt_rate=2.0 * h)
        ends = (getattr(descent, name)[-1] for name in ("head_length", "inverse_temperature", "loss"))
        gaps.append(np.array(list(ends)) - [flow.head_length[1], flow.inverse_temperature[1], flow.loss[1]])
    # Euler's error is h (k₁ + k₂ h + …): the measured rate is off by about k₂ h/k₁, with h = 1/20 to 1/80.
    rates = -np.diff(np.log2(np.abs(gaps)), axis=0)
    assert_allclose(rates, 1, atol=0.05)
    assert flow.error_bound.max() < 1e-7 < np.abs(gaps).min()


def test_under_orthogonal_noise_the_prompt_grows_like_a_logarithm():
    """On the curve of best heads dτ/dt ∝ e^{-2uτ}: tenfold time adds ln 10/(2u), up to a share of e^{-uτ}."""
    mixture = mixture_of(14, 2, noise_kind="prompt-orthogonal", delta_context=0.5)
    assert fixed_points(mixture) == ()
    flow = gradient_flow(mixture, [1e5, 1e6, 1e7, 1e7])
    gains = np.diff(flow.inverse_temperature) / (np.log(10) / 3.0)
    assert_allclose(gains, [1, 1, 0], atol=0.02)
    assert flow.share[-1] > 0.99


def test_orthogonal_noise_has_a_saddle_where_the_signal_vanishes():
    mixture = mixture_of(14, 2, noise_kind="prompt-orthogonal", delta_signal=0.6, delta_context=0.5)
    (saddle,) = fixed_points(mixture)
    flow = population_flow(mixture, 0.0, saddle.inverse_temperature)
    assert (saddle.kind, saddle.head_length, flow.prompt) == ("saddle", 0.0, 0.0)
    assert abs(flow.head) < flow.head_error + saddle.error_bound


def test_the_plane_of_a_mixture_is_kept():
    assert population_plane(mixture_of(14, 2)) is population_plane(mixture_of(14, 2))


ISOTROPIC = mixture_of(9)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: mixed_moments(ISOTROPIC, [0.0, -7.0]), "inverse_temperature must keep .* at most 5, got 7"),
        (lambda: mixed_moments(mixture_of(9, delta_context=500), 1.0), "inverse_temperature must keep .* at most 300"),
        (lambda: population_flow(ISOTROPIC, 0.0, 5.1), "inverse_temperature must keep .* at most 5, got 5.1"),
        (lambda: population_flow(ISOTROPIC, np.inf, 1.0), "head_length must be finite, got inf"),
        (lambda: population_flow(mixture_of(9, noise=[1, 2]), 0, 0), "noise must be a single number"),
        (lambda: population_plane(mixture_of(9, signal_norm=[1, 2])), "signal_norm must be a single number"),
        (lambda: large_tokens_flow(ISOTROPIC, 0.0, 18.0), "inverse_temperature must keep τ²σ²Q² at most 300"),
        (lambda: large_tokens_flow(mixture_of(0), 0.0, 1.0), "relevant_tokens must be less than tokens"),
        (lambda: large_tokens_fixed_point(mixture_of(9, noise_kind="prompt-orthogonal")), "noise_kind must be isotrop"),
        (lambda: large_tokens_fixed_point(mixture_of(9, 9, delta_signal=1.0)), "delta_signal must differ from R/m"),
        (lambda: large_tokens_fixed_point(mixture_of(9, noise=0.0)), "noise must be greater than 0"),
        (lambda: large_tokens_fixed_point(mixture_of(9, context_norm=300.0)), "the mixture must keep"),
        (lambda: fixed_points(mixture_of(9, noise=0.0)), "noise must be greater than 0"),
        (lambda: fixed_points(mixture_of(9, signal_norm=0.0)), "signal_norm must be greater than 0"),
        (lambda: fixed_points(ISOTROPIC, reach=5.5), "reach must be at most 5, got 5.5"),
        (lambda: fixed_points(mixture_of(0)), "relevant_tokens must be less than tokens"),
        (
            lambda: fixed_points(mixture_of(9, noise_kind="prompt-orthogonal", delta_context=-1)),
            "delta_context must keep",
        ),
        (lambda: gradient_descent(ISOTROPIC, -1, head_rate=1, prompt_rate=1), "steps must be a whole number"),
        (lambda: gradient_descent(ISOTROPIC, 1, head_rate=-1, prompt_rate=1), "head_rate must be .* at least 0"),
        (lambda: gradient_descent(ISOTROPIC, 999, head_rate=99, prompt_rate=0), "the trajectory must stay within"),
        (lambda: gradient_descent(ISOTROPIC, 9, head_rate=1, prompt_rate=1e9), "the trajectory must stay within"),
        (lambda: gradient_descent(ISOTROPIC, 1, head_rate=1, prompt_rate=1, start=(0, 0, 0)), "start must be two"),
        (lambda: gradient_flow(ISOTROPIC, [1.0, 0.0]), "times must be a list of numbers that do not fall"),
        (lambda: gradient_flow(ISOTROPIC, [1.0], start=(0.0, 6.0)), "the trajectory must stay within"),
    ],
)
def test_bad_arguments_are_refused(call, words):
    with pytest.raises(ArgumentError, match=words):
        call()
