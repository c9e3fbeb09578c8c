"""The mixture, the head and the attention law: what they accept, refuse and compute."""

from __future__ import annotations

import dataclasses

import mpmath as mp
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import softmax

import theory
from theory import (
    ArgumentError,
    ContextualMixture,
    Head,
    NotAvailableError,
    deterministic_attention,
    known_prompt_error,
)

GOOD = {"dimension": 5, "tokens": 4, "relevant_tokens": 1}
EPS = np.finfo(float).eps


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"dimension": 1}, "dimension must be a whole number of at least 2, got 1"),
        ({"dimension": 2.5}, "dimension must be a whole number of at least 2, got 2.5"),
        ({"dimension": np.inf}, "dimension must be a whole number of at least 2, got inf"),
        ({"tokens": 0}, "tokens must be a whole number of at least 1, got 0"),
        ({"relevant_tokens": 0}, "relevant_tokens must be a whole number of at least 1, got 0"),
        ({"relevant_tokens": 5}, "relevant_tokens must be at most tokens = 4, got 5"),
        ({"relevant_tokens": [1, 9]}, "relevant_tokens must be at most tokens = 4, got 9"),
        ({"context_norm": 0}, "context_norm must be finite and greater than 0, got 0"),
        ({"context_norm": -1}, "context_norm must be finite and greater than 0, got -1"),
        ({"signal_norm": -0.5}, "signal_norm must be finite and at least 0, got -0.5"),
        ({"noise": [1.0, -2.0]}, "noise must be finite and at least 0, got -2"),
        ({"noise": np.nan}, "noise must not be NaN, got nan"),
        ({"noise": "loud"}, "noise must be a real number or an array of real numbers, got 'loud'"),
        ({"noise": "1"}, "noise must be a real number or an array of real numbers, got '1'"),
        ({"noise": True}, "noise must be a real number or an array of real numbers, got True"),
        ({"context_norm": 1e200}, "context_norm must be at most 1e+75 in size, got 1e+200"),
        ({"tokens": 1e16}, "tokens must be at most 1e+15, got 1e+16"),
        ({"noise": 1j}, "noise must be a real number or an array of real numbers, got 1j"),
        ({"noise_kind": "pink"}, "noise_kind must be one of isotropic, prompt-orthogonal, got 'pink'"),
        ({"delta_context": np.inf}, "delta_context must be finite, got inf"),
        (
            {"noise": [1, 2], "tokens": [4, 5, 6]},
            "the shapes of the arguments must broadcast against each other, got dimension (), tokens (3,), "
            "relevant_tokens (), context_norm (), signal_norm (), noise (2,), delta_context (), delta_signal ()",
        ),
    ],
)
def test_a_bad_mixture_is_refused_in_one_sentence(change, sentence):
    with pytest.raises(ArgumentError) as caught:
        ContextualMixture(**{**GOOD, **change})
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"samples": 0}, "samples must be a whole number of at least 1 or infinite, got 0"),
        ({"samples": -np.inf}, "samples must be a whole number of at least 1 or infinite, got -inf"),
        ({"inverse_temperature": -1}, "inverse_temperature must be finite and at least 0, got -1"),
        ({"attention": "hard"}, "attention must be one of softmax, linear, got 'hard'"),
        (
            {"kind": None},
            "kind must be one of averaging, weighted-averaging, least-squares, ridge, logistic, max-margin, got None",
        ),
        ({"space": "half"}, "space must be one of orthogonal, full, got 'half'"),
        ({"kind": "ridge"}, "ridge must be given for the ridge head, got none"),
        ({"kind": "ridge", "ridge": -1}, "ridge must be at least 0 or infinite, got -1"),
        ({"kind": "ridge", "ridge": -np.inf}, "ridge must be at least 0 or infinite, got -inf"),
        ({"kind": "ridge", "ridge": 1e80}, "ridge must be at most 1e+75 in size, got 1e+80"),
        ({"kind": "logistic", "ridge": np.nan}, "ridge must not be NaN, got nan"),
        ({"ridge": 1}, "ridge must be left out for the averaging head, got 1"),
    ],
)
def test_a_bad_head_is_refused_in_one_sentence(change, sentence):
    with pytest.raises(ArgumentError) as caught:
        Head(**{"samples": 10, **change})
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("function", "arguments", "parameter"),
    [
        (theory.averaging_error, (0, 5, 1.0), "samples"),
        (theory.averaging_error, (5, 0, 1.0), "dimension"),
        (theory.averaging_error, (5, 5, -1.0), "kappa"),
        (theory.averaging_error, (5, 5, np.nan), "kappa"),
        (theory.least_squares_error, (1.5, 5, 1.0), "samples"),
        (theory.least_squares_error, (5, np.inf, 1.0), "dimension"),
        (theory.averaging_overlap, (5, 5, -1.0), "kappa"),
        (theory.least_squares_overlap, (0, 5, 1.0), "samples"),
        (theory.full_head_averaging_error, (5, 5, np.inf, 1.0, 1.0), "signal"),
        (theory.full_head_averaging_error, (5, 5, 1.0, -1.0, 1.0), "noise"),
        (theory.full_head_averaging_error, (5, 5, 1.0, 1e-20, 1.0), "noise"),
        (theory.full_head_averaging_overlap, (5, 5, 1.0, 1.0, np.nan), "context"),
    ],
)
def test_functions_name_the_bad_argument(function, arguments, parameter):
    with pytest.raises(ArgumentError) as caught:
        function(*arguments)
    assert caught.value.parameter == parameter


def test_parameters_are_immutable_compared_by_value_and_hashable():
    mixture = ContextualMixture(**GOOD, noise=[1.0, 2.0])
    with pytest.raises(dataclasses.FrozenInstanceError):
        mixture.noise = 3
    with pytest.raises(ValueError, match="read-only"):
        mixture.noise[0] = 3
    assert mixture == ContextualMixture(**GOOD, noise=[1, 2])
    assert mixture != ContextualMixture(**GOOD, noise=[1, 3])
    assert mixture != ContextualMixture(**GOOD)
    assert hash(mixture) == hash(ContextualMixture(**GOOD, noise=[1, 2]))
    assert Head(3) == Head(3.0)
    assert hash(Head(3, 0.0)) == hash(Head(3, -0.0))
    assert Head(3) != Head(3, space="full")
    assert Head(3) != mixture


def test_the_callers_array_is_not_shared():
    noise = np.array([1.0, 2.0])
    mixture = ContextualMixture(**GOOD, noise=noise)
    noise[0] = 7
    assert mixture.noise[0] == 1


@pytest.mark.parametrize("temperature", [0.0, 0.3, 2.0, 40.0])
@pytest.mark.parametrize(("delta_context", "delta_signal"), [(0, 0), (0.5, 2.0), (-3.0, -1.0)])
def test_the_attention_law_against_a_softmax_over_tokens(temperature, delta_context, delta_signal):
    """The constants from the definition: scores of each kind of token, softmax, weighted sums."""
    mixture = ContextualMixture(
        9, 7, 3, 1.5, 0.8, 0.6, "prompt-orthogonal", delta_context=delta_context, delta_signal=delta_signal
    )
    law = deterministic_attention(mixture, temperature)
    scores = temperature * 1.5**2 * np.array([1.0] * 3 + [-delta_context] * 4)
    weights = softmax(scores)
    along_signal = weights @ np.array([0.8] * 3 + [-delta_signal * 0.8] * 4)
    along_context = weights @ np.array([1.5] * 3 + [-delta_context * 1.5] * 4)
    noise = 0.6 * np.sqrt((weights[3:] ** 2).sum())
    rtol = 1000 * EPS  # exponents of up to 270 in the softmax
    assert_allclose(law.relevant_share, weights[:3].sum(), rtol=rtol)
    assert_allclose(law.signal, along_signal, rtol=rtol, atol=EPS)
    assert_allclose(law.context, along_context, rtol=rtol, atol=EPS)
    assert_allclose(law.noise, noise, rtol=rtol)
    assert_allclose(law.kappa, abs(along_signal) / noise, rtol=rtol, atol=EPS / noise)


def test_attention_without_noise_or_irrelevant_tokens():
    assert deterministic_attention(ContextualMixture(5, 4, 4), 3.0).kappa == np.inf
    assert deterministic_attention(ContextualMixture(5, 4, 2, noise=0), 3.0).kappa == np.inf
    assert deterministic_attention(ContextualMixture(5, 4, 2, signal_norm=0), 0.0).kappa == 0
    # Uniform pooling with equal numbers of both kinds and δ_w = 1: the signal cancels.
    assert deterministic_attention(ContextualMixture(5, 4, 2, delta_signal=1), 0.0).kappa == 0


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (Head(10, kind="least-squares"), "least-squares head in the orthogonal space where attention fluctuates"),
        (Head(10, kind="ridge", ridge=1.0), "ridge head"),
        (Head(10, space="full"), "averaging head in the full space"),
        (Head(10, 0.0, kind="max-margin"), "no exact formula for the max-margin head"),
        (Head(10, 4.0), "up to 3, got 4"),
    ],
)
def test_what_has_no_exact_formula_is_refused_not_approximated(head, message):
    with pytest.raises(NotAvailableError, match=message):
        known_prompt_error(ContextualMixture(5, 4, 2), head, regime="exact")


def test_a_curve_needs_no_loop():
    mixture = ContextualMixture([[11], [101]], 16, 2, noise_kind="prompt-orthogonal")
    prediction = known_prompt_error(mixture, Head([10, 100, 1000], [[1.0], [2.0]], kind="least-squares"))
    for field in ("error", "error_bound", "log_error", "overlap", "limit", "population", "kappa"):
        assert np.shape(getattr(prediction, field)) == (2, 3), field
    alone = known_prompt_error(
        ContextualMixture(101, 16, 2, noise_kind="prompt-orthogonal"), Head(100, 2.0, kind="least-squares")
    )
    assert_allclose(prediction.error[1, 1], alone.error, rtol=100 * EPS)


@pytest.mark.parametrize(
    ("head", "noise_kind", "regimes"),
    [
        (Head([[2], [5], [np.inf]], kind="ridge", ridge=[0.1, np.inf, 0, 1e-3]), "isotropic", "proportional; exact"),
        (Head([2, 5], [[0.0], [1.0]], kind="ridge", ridge=[[[0.0]], [[0.1]]]), "isotropic", "exact; proportional"),
        (Head([[2], [40]], kind="logistic", ridge=[0.0, 0.3]), "isotropic", "proportional"),
        (Head([2, 5], [[4.0], [1.0]], kind="averaging"), "isotropic", "proportional; exact"),
        (Head([5, 12], kind="least-squares", space="full"), "prompt-orthogonal", "proportional; exact"),
    ],
)
def test_an_array_of_predictions_is_the_predictions_one_by_one(head, noise_kind, regimes):
    mixture = ContextualMixture(11, 3, 1, noise_kind=noise_kind)
    together = known_prompt_error(mixture, head)
    ridge = np.array([None]) if head.ridge is None else head.ridge
    settings = np.broadcast_arrays(head.samples, head.inverse_temperature, ridge)
    assert together.error.shape == settings[0].shape
    alone = [
        known_prompt_error(mixture, Head(n, tau, kind=head.kind, ridge=x, space=head.space))
        for n, tau, x in zip(*(values.ravel() for values in settings), strict=True)
    ]
    for name in ("error", "log_error", "overlap", "limit", "population", "kappa"):
        # Sums over nodes may be taken in another order.
        assert_allclose(getattr(together, name).ravel(), [getattr(x, name) for x in alone], rtol=100 * EPS)
    assert_allclose(together.error_bound.ravel(), [x.error_bound for x in alone], atol=100 * EPS)
    assert together.regime == regimes
    assert together.source == "; ".join(dict.fromkeys(x.source for x in alone))


@pytest.mark.parametrize(("signal_norm", "delta_signal"), [(1e12, 0.428571428571), (1e6, 0.42857), (1.0, 0.4)])
def test_the_error_bound_covers_the_rounding_of_kappa(signal_norm, delta_signal):
    """R = 3 of 10 tokens pooled: M = 0.3 - 0.7 δ_w nearly cancels.  κ at 50 digits, Q(κ) from it."""
    prediction = known_prompt_error(
        ContextualMixture(101, 10, 3, 1, signal_norm, delta_signal=delta_signal), Head(np.inf, 0.0)
    )
    with mp.workdps(50):
        kappa = (mp.mpf(3) - 7 * mp.mpf(delta_signal)) / 10 * signal_norm / (mp.sqrt(7) / 10)
        exact = mp.erfc(abs(kappa) / mp.sqrt(2)) / 2
        assert abs(mp.mpf(float(prediction.error)) - exact) <= prediction.error_bound
    assert prediction.error_bound < 0.01


@pytest.mark.parametrize("space", ["orthogonal", "full"])
def test_a_negative_signal_is_learned_like_a_positive_one(space):
    """With δ_w large the pooled signal turns its sign, and the head turns with it."""
    pooled = [ContextualMixture(9, 4, 2, delta_signal=delta) for delta in (3.0, -1.0)]
    errors = [known_prompt_error(mixture, Head(20, 0.0, space=space)).error for mixture in pooled]
    assert_allclose(errors[0], errors[1], rtol=100 * EPS)
