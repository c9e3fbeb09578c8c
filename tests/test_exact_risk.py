"""The exact test error of any model against direct integrals, a 30-digit inversion and whole token sequences."""

from __future__ import annotations

import dataclasses
import math

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import brentq
from scipy.special import ndtr, softmax

from numerics.simulators.sequences import draw_sequences
from tests.false_alarms import assert_mean
from theory import AccuracyError, ArgumentError, ContextualMixture, Delta, TrainedModel, exact_risk
from theory.risk import lognormal_contour
from theory.risk.lognormal_contour import Contours
from theory.risk.lognormal_sum import LognormalSum, probabilities_below_zero, probability_below_zero

PROMISED = 1e-10

# constant, terms, spread, mean, slope, noise
LAWS = [
    (2.0, 4, 1.0, 0.0, 0.0, 1.0),
    (2.0, 4, 1.0, 0.3, -0.2, 1.0),
    (-3.0, 9, 1.2, 0.3, 0.5, 1.0),
    (5.0, 62, 0.5, -0.02, 0.3, 0.8),
    (0.0, 7, 0.7, 0.4, -0.6, 1.0),
    (-40.0, 60, 1.5, 0.5, 0.1, 2.0),
    (1e-6, 15, 0.05, 1.0, 0.2, 1.0),
    (30.0, 1000, 0.8, 0.01, 0.05, 1.0),
]


def inversion_on_the_real_axis(constant, terms, spread, mean, slope, noise):
    """Gil-Pelaez's integral at 30 digits, on the real axis, in plain steps of log u: another contour, other nodes."""
    with mp.workdps(30):
        step_g, reach = mp.mpf(1) / (12 + int(6 * spread)), 12
        nodes = [j * step_g for j in range(-int(reach / step_g), int(reach / step_g) + 1)]
        scale = [mp.exp(spread * g) for g in nodes]
        weights = [mp.exp(-(g**2) / 2) * step_g / mp.sqrt(2 * mp.pi) for g in nodes]
        linear = [e * (mean + slope * g) for e, g in zip(scale, nodes, strict=True)]
        quadratic = [(e * noise) ** 2 / 2 for e in scale]
        size, step = mp.sqrt(terms) * noise + abs(constant), mp.mpf(1) / 32
        values, v = [], mp.mpf(-32)
        while v <= 0 or abs(values[-1]) > mp.mpf(10) ** -16:
            u = mp.exp(v) / size
            phi = mp.fsum(
                w * mp.expj(u * a) * mp.exp(-(u**2) * b) for w, a, b in zip(weights, linear, quadratic, strict=True)
            )
            values.append(mp.expj(u * constant) * phi**terms)
            v += step
        total = mp.fsum(value.imag for value in values) * step
        every_second = mp.fsum(value.imag for value in values[::2]) * 2 * step
        # Halving the step squares the error.
        assert abs(total - every_second) < 1e-6, "the reference itself turns too fast for its steps"
        return float(mp.mpf(1) / 2 - total / mp.pi)


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
def test_all_laws_against_an_inversion_at_thirty_digits(law):
    result = probability_below_zero(LognormalSum(*law))
    assert abs(result.value - inversion_on_the_real_axis(*law)) <= result.bound <= PROMISED


@pytest.mark.parametrize(
    ("constant", "spread", "mean", "slope", "noise"),
    [
        (3, 2, 0.3, -0.2, 1),
        pytest.param(-3, 2, 0.3, 0.5, 1, marks=pytest.mark.slow),
        (0.1, 0.2, 0.1, -0.02, 0.01),
        (1, 5, 0, 0, 1),
        (2, 0.1, -1, 0.05, 0.02),
    ],
)
def test_one_term_is_one_integral(constant, spread, mean, slope, noise):
    with mp.workdps(30):

        def integrand(g):
            z = (constant * mp.exp(-spread * g) + mean + slope * g) / noise
            return mp.npdf(g) * mp.erfc(z / mp.sqrt(2)) / 2

        exact = float(mp.quad(integrand, [-14, *mp.linspace(-8, 8, 81), 14]))
    result = probability_below_zero(LognormalSum(constant, 1, spread, mean, slope, noise))
    assert abs(result.value - exact) <= result.bound <= PROMISED


@pytest.mark.parametrize("spread", [1e-3, 0.03, 0.5])
@pytest.mark.parametrize("sign", [1, -1])
def test_one_lognormal_term_against_a_number_however_narrow(spread, sign):
    """P(±(L - e^{sz}) < 0) = Φ(±z): Chernoff's bound takes tilts at which E e^{-tL} itself is no float."""
    for z in np.linspace(-6, 6, 13):
        law = LognormalSum(-sign * np.exp(spread * z), 1, spread, float(sign), 0.0, 0.0)
        result = probability_below_zero(law)
        # A rounding of e^{sz} moves z by eps/s.
        assert abs(result.value - ndtr(sign * z)) <= result.bound + 4e-16 / spread


def test_one_term_whose_mean_changes_sign_twice_within_a_narrow_window():
    """Almost no noise: the probability is that of g outside the window between the two roots of the mean."""
    c, s, a, b = -0.02501135551176812, 4.335103848044308, -0.48846407267400094, -1.3869599680163542
    turn = np.log(s * c / b) / s
    first, second = (brentq(lambda g: c * np.exp(-s * g) + a + b * g, *ends) for ends in ((-5, turn), (turn, 5)))
    result = probability_below_zero(LognormalSum(c, 1, s, a, b, 1.3065441409400828e-06))
    # Noise smears the roots by its size over the slope there, about 1e-5.
    assert_allclose(result.value, 1 - (ndtr(second) - ndtr(first)), atol=1e-8)


@pytest.mark.parametrize("scale", [1e-160, 1e160])
def test_the_length_of_the_head_does_not_matter(scale):
    base = TrainedModel([1, 0, 0], [0, 1, 0], [1, 0.5, 0], [0, 1, 1])
    scaled = dataclasses.replace(base, head=scale * base.head)
    errors = [exact_risk(model, tokens=4, relevant_tokens=1).error for model in (base, scaled)]
    assert_allclose(errors[0], errors[1], rtol=1e-14)


@pytest.mark.parametrize(
    ("constant", "spread", "mean", "slope", "noise"), [(2, 1, 0.3, -0.2, 1), (-1, 2, 0.5, 0.4, 0.7), (3, 5, 0, 0, 1)]
)
def test_two_terms_are_a_double_integral(constant, spread, mean, slope, noise):
    """Condition on both scores: a plain two-dimensional trapezoidal sum, analytic and so exact to rounding."""
    g = np.linspace(-8.5, 8.5, 3001)
    weights = np.exp(-(g**2) / 2) * (g[1] - g[0]) / np.sqrt(2 * np.pi)
    scale = np.exp(spread * g)
    part = scale * (mean + slope * g)
    centre = constant + part[:, None] + part[None, :]
    exact = weights @ ndtr(-centre / (noise * np.hypot(scale[:, None], scale[None, :]))) @ weights
    result = probability_below_zero(LognormalSum(constant, 2, spread, mean, slope, noise))
    assert abs(result.value - exact) <= result.bound + 1e-13  # the double sum's rounding
    assert result.bound <= PROMISED


@pytest.mark.parametrize(
    ("constant", "spread", "mean", "slope", "noise"), [(-3, 2, 0.3, 0.5, 1), (1, 0.7, -0.4, 0.3, 0.5), (5, 3, 0, 0, 1)]
)
def test_three_terms_are_a_triple_sum(constant, spread, mean, slope, noise):
    """Three terms turn long before they fall: the hardest case for an inversion on the real axis, none for a sum."""
    g = np.linspace(-8.5, 8.5, 241)
    weights = np.exp(-(g**2) / 2) * (g[1] - g[0]) / np.sqrt(2 * np.pi)
    scale = np.exp(spread * g)
    part, square = scale * (mean + slope * g), (noise * scale) ** 2
    pairs, squares = part[:, None] + part[None, :], square[:, None] + square[None, :]
    exact = sum(
        weight * (weights @ ndtr(-(constant + one + pairs) / np.sqrt(other + squares)) @ weights)
        for weight, one, other in zip(weights, part, square, strict=True)
    )
    result = probability_below_zero(LognormalSum(constant, 3, spread, mean, slope, noise))
    # 241 nodes a score leave 1e-12, as twice as many show.
    assert abs(result.value - exact) <= result.bound + 1e-11
    assert result.bound <= PROMISED


def on_one_contour(law, shape, nodes, scores):
    """Return the probability, and the errors that the sums over radii and scores may have."""
    results = Contours([law], [shape], scores).integral(np.array([0]), np.array([nodes]), scores)
    return [float(result[0]) for result in results]


def test_a_bound_sees_a_phase_that_turns_too_fast_for_the_nodes():
    """On the second contour Φ rises again to 1e-9, and 600 nodes make one full turn each there: their sums agree."""
    law = LognormalSum(1.6741922330401835, 12, 0.3258940432754959, 0.7639857838506077, 2.014191323155, 0.48181850581162)
    exact, radii, scores = on_one_contour(law, (0.1, 0.0, 0.7), 900, 400)
    assert radii + scores < 1e-11
    for nodes in (162, 204, 300, 600):
        value, *doubts = on_one_contour(law, (0.25, 0.0, 0.7), nodes, 126)
        assert 3e-11 < abs(value - exact) <= sum(doubts) + radii + scores


def test_a_bound_sees_scores_that_are_cut_off(monkeypatch):
    law = LognormalSum(2.0, 40, 0.5, 0.1, 0.2, 1.0)
    exact, *doubts = on_one_contour(law, (0.1, 0.0, 0.0), 300, 200)
    monkeypatch.setattr(lognormal_contour, "SCORE_RANGE", 4.1)
    value, *larger = on_one_contour(law, (0.1, 0.0, 0.0), 300, 200)
    assert abs(value - exact) <= sum(doubts) + sum(larger)
    assert sum(doubts) < 1e-11
    assert abs(value - exact) > 1e-8


def test_laws_together_are_laws_one_by_one():
    """Laws that need no integral, one, a contour or several of them, more than share their arrays, in any order."""
    laws = [LognormalSum(*law) for law in LAWS]
    laws += [LognormalSum(1.0, 3, 0.0, 0.2, 0.1, 1.0), LognormalSum(50.0, 3, 0.1, 0.2, 0.1, 1.0)]
    laws += [LognormalSum(3.0, 1, 2.0, 0.3, -0.2, 1.0), LognormalSum(0.3, 5, 0.8, -0.1, 1.0, 0.003)]
    laws += [LognormalSum(float(c), 60, 4.0, 0.4, -0.5, 1.0) for c in np.linspace(-9, 9, 12)]
    for law, result in zip(laws, probabilities_below_zero(laws), strict=True):
        alone = probability_below_zero(law)
        assert abs(result.value - alone.value) <= min(result.bound + alone.bound, 1e-12), law


def test_radii_that_are_given_few_scores_are_counted(monkeypatch):
    law, shape = LognormalSum(30.0, 63, 3.5, 0.4, -0.5, 1.0), (0.35, -0.1, 0.08)
    value, radii, scores = on_one_contour(law, shape, 150, 800)
    monkeypatch.setattr(lognormal_contour, "FEWEST", 800)
    exact, *_ = on_one_contour(law, shape, 150, 800)
    assert radii + scores < 2e-11
    assert abs(value - exact) < 1e-13  # what was left is squared where the step is halved
    monkeypatch.setattr(lognormal_contour, "FEWEST", 50)
    monkeypatch.setattr(lognormal_contour, "SETTLED", math.inf)
    rough, _, more = on_one_contour(law, shape, 150, 800)
    assert 1e-9 < abs(rough - exact) <= more


def random_model(rng, d):
    prompt = rng.standard_normal(d) * rng.choice([0.2, 0.7])
    return TrainedModel(rng.standard_normal(d), rng.standard_normal(d), prompt, rng.standard_normal(d))


@pytest.mark.parametrize("case", range(16))
def test_against_token_sequences(case):
    """Whole sequences, softmax, sign: vectors at any angle, both kinds of noise, one or two values of δ."""
    rng = np.random.default_rng([1, case])
    d, tokens, count = int(rng.integers(2, 8)), int(rng.integers(2, 9)), 200_000
    model, sigma = random_model(rng, d), rng.uniform(0.3, 1.5)
    relevant, kind = int(rng.integers(1, tokens)), ["isotropic", "prompt-orthogonal"][case % 2]
    deltas = [Delta(0.3, -0.2, 0.5), Delta(-0.5, 0.8, 0.5)] if case % 3 else [Delta(0.2, 0.4)]
    exact = exact_risk(model, tokens=tokens, relevant_tokens=relevant, noise=sigma, noise_kind=kind, deltas=deltas)
    wrong = []
    for delta in deltas:
        labels = rng.choice([-1.0, 1.0], count)
        noise = sigma * rng.standard_normal((count, tokens, d))
        if kind == "prompt-orthogonal":
            direction = model.context / np.linalg.norm(model.context)
            noise -= (noise @ direction)[..., None] * direction
        sequences = noise - delta.context * model.context - delta.signal * labels[:, None, None] * model.signal
        sequences[:, :relevant] = model.context + labels[:, None, None] * model.signal
        weights = softmax(sequences @ model.prompt, axis=1)
        decisions = labels * np.einsum("nt,ntd,d->n", weights, sequences, model.head)
        wrong.append((1 - np.sign(decisions)) / 2)
    outcomes = np.concatenate(wrong)
    standard_error = np.sqrt(exact.error * (1 - exact.error) / len(outcomes))
    assert_mean(1 + outcomes.mean(), standard_error, 1 + exact.error, detectable=0.01)


def test_the_sequences_of_the_simulators_have_the_same_law():
    """One model on the sequences that every simulation draws, orthogonal vectors and constant δ."""
    mixture = ContextualMixture(6, 5, 2, 1.2, 0.8, 0.9, delta_context=0.3, delta_signal=0.2)
    rng = np.random.default_rng(5)
    context, signal = 1.2 * np.eye(6)[0], 0.8 * np.eye(6)[1]
    model = TrainedModel(context, signal, context + 0.3 * rng.standard_normal(6), signal + 0.3 * rng.standard_normal(6))
    exact = exact_risk(model, tokens=5, relevant_tokens=2, noise=0.9, deltas=[Delta(0.3, 0.2)])
    sequences = draw_sequences(mixture, 300_000, rng=6)
    weights = softmax(sequences.tokens @ model.prompt, axis=1)
    wrong = sequences.labels * np.einsum("nt,ntd,d->n", weights, sequences.tokens, model.head) < 0
    assert_mean(1 + wrong.mean(), np.sqrt(exact.error * (1 - exact.error) / 300_000), 1 + exact.error, detectable=0.01)


def test_symmetries():
    rng = np.random.default_rng(3)
    model = random_model(rng, 5)
    options = {"tokens": 9, "relevant_tokens": 2, "noise": 0.8, "deltas": [Delta(0.2, -0.3)]}
    error = exact_risk(model, **options).error
    longer = dataclasses.replace(model, head=7.5 * model.head)
    turned = dataclasses.replace(model, head=-model.head)
    rotation = np.linalg.qr(rng.standard_normal((5, 5)))[0]
    rotated = TrainedModel(*(rotation @ getattr(model, name) for name in ("context", "signal", "prompt", "head")))
    # Twice the bound on a numerical error.
    assert_allclose(exact_risk(longer, **options).error, error, atol=2 * PROMISED)
    assert_allclose(exact_risk(turned, **options).error, 1 - error, atol=2 * PROMISED)
    assert_allclose(exact_risk(rotated, **options).error, error, atol=2 * PROMISED)


def test_closed_cases():
    context, signal = np.eye(4)[0], np.eye(4)[1]
    pooled = TrainedModel(context, signal, np.zeros(4), signal)
    # Uniform pooling by the true head: y f T = R W² + √m σ W N.
    assert_allclose(exact_risk(pooled, tokens=11, relevant_tokens=2).error, ndtr(-2 / 3), atol=1e-14)
    prompted = dataclasses.replace(pooled, prompt=3 * context)
    # Prompt-orthogonal noise: R e^τ W against √m σ W N.
    exact = exact_risk(prompted, tokens=102, relevant_tokens=1, noise=2, noise_kind="prompt-orthogonal")
    assert_allclose(exact.error, ndtr(-np.exp(3) / (2 * np.sqrt(101))), atol=1e-14)
    assert exact_risk(prompted, tokens=3, relevant_tokens=3).error == 0
    assert exact_risk(prompted, tokens=9, relevant_tokens=3, noise=0).error == 0
    assert exact_risk(dataclasses.replace(prompted, head=np.zeros(4)), tokens=9, relevant_tokens=3).error == 0.5
    # Without noise and with δ = (0, ζ/(1-ζ)), uniform pooling sees no signal: a tie.
    assert exact_risk(pooled, tokens=4, relevant_tokens=2, noise=0, deltas=[Delta(0, 1)]).error == 0.5


def test_a_sharp_prompt_in_little_noise_finds_the_relevant_token():
    """At ζ = 1/64 and Q = 1 the prompt q⋆/σ brings the true head's error from a third to below one in a hundred."""
    context, signal = np.eye(9)[0], np.eye(9)[1]
    errors = [
        exact_risk(TrainedModel(context, signal, tau * context, signal), tokens=64, relevant_tokens=1, noise=0.3).error
        for tau in (0.0, 5.0)
    ]
    assert errors[0] > 0.33
    assert errors[1] < 0.01


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    d=st.integers(1, 50),
    tokens=st.integers(1, 300),
    share=st.floats(0, 1),
    noise=st.one_of(st.just(0.0), st.floats(-3, 0.3).map(lambda power: 10.0**power)),
    length=st.one_of(st.just(0.0), st.floats(-3, 0.3).map(lambda power: 10.0**power)),
    kind=st.sampled_from(["isotropic", "prompt-orthogonal"]),
)
def test_every_model_gets_a_probability_or_a_reason(seed, d, tokens, share, noise, length, kind):
    rng = np.random.default_rng(seed)
    context, signal, prompt, head = rng.standard_normal((4, d))
    model = TrainedModel(context, signal, length * prompt, head)
    relevant = max(1, round(share * tokens))
    try:
        risk = exact_risk(model, tokens=tokens, relevant_tokens=relevant, noise=noise, noise_kind=kind)
    except AccuracyError as error:
        reason = str(error)
    else:
        reason = ""
        assert 0 <= risk.error <= 1
        assert 0 <= risk.error_bound <= PROMISED
    # The known hard cases: noise that hardly leaves the direction of the prompt, and scores that spread widely.
    assert not reason or d <= 3 or noise < 0.05 or noise * length * np.linalg.norm(prompt) > 5


def test_models_of_64_tokens_reach_the_promised_accuracy():
    rng = np.random.default_rng(8)
    for _ in range(100):
        d = int(rng.integers(20, 500))
        context, signal = np.eye(d)[:2]
        prompt = context + rng.uniform(0, 2) * rng.standard_normal(d) / np.sqrt(d)
        model = TrainedModel(context, signal, prompt, signal + rng.uniform(0, 2) * rng.standard_normal(d) / np.sqrt(d))
        assert exact_risk(model, tokens=64, relevant_tokens=int(rng.integers(1, 8))).error_bound <= PROMISED


@pytest.mark.parametrize(
    ("change", "parameter"),
    [
        ({"tokens": 0}, "tokens"),
        ({"relevant_tokens": 0}, "relevant_tokens"),
        ({"relevant_tokens": 10}, "relevant_tokens"),
        ({"noise": -1}, "noise"),
        ({"noise": np.nan}, "noise"),
        ({"noise_kind": "pink"}, "noise_kind"),
        ({"deltas": []}, "deltas"),
        ({"deltas": [Delta(0, 0, 0.5)]}, "deltas"),
        ({"deltas": [Delta(0, 0, -1), Delta(0, 0, 2)]}, "deltas"),
        ({"deltas": [Delta(np.inf, 0)]}, "deltas"),
        ({"deltas": [(0, 0)]}, "deltas"),
    ],
)
def test_bad_arguments_are_named(change, parameter):
    model = random_model(np.random.default_rng(1), 3)
    with pytest.raises(ArgumentError) as caught:
        exact_risk(model, **{"tokens": 9, "relevant_tokens": 2, **change})
    assert caught.value.parameter == parameter


def test_prompt_orthogonal_noise_needs_a_prompt_to_be_orthogonal_to():
    model = TrainedModel([0, 0], [0, 1], [1, 0], [0, 1])
    with pytest.raises(ArgumentError, match="context must not be zero"):
        exact_risk(model, tokens=3, relevant_tokens=1, noise_kind="prompt-orthogonal")


def test_a_spread_without_measure_is_refused_not_guessed():
    model = TrainedModel([1, 0], [0, 1], [1, 0.1], [0.1, 1])
    with pytest.raises(AccuracyError, match=r"spread by more than 12, got .* = 30"):
        exact_risk(model, tokens=9, relevant_tokens=2, noise=30)


@pytest.mark.parametrize("length", [60.0, 1e3, 1e30])
def test_a_spread_whose_exponentials_are_no_floats_is_refused_too(length):
    model = TrainedModel([1, 0, 0], [0, 1, 0], [length, 0, 0], [0.1, 1, 0.5])
    with pytest.raises(AccuracyError, match="spread by more than 12"):
        exact_risk(model, tokens=9, relevant_tokens=2)
