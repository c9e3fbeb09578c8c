"""The exact test error of linear-prompt-attention: brute force, no noise, the known prompt, and what turns nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from numerics.simulators.sequences import context_vector, draw_sequences, signal_vector
from theory import (
    ArgumentError,
    ContextualMixture,
    Delta,
    Head,
    TrainedModel,
    known_prompt_error,
    linear_attention_accuracy,
    linear_attention_risk,
)

BOTH = (Delta(0.3, -0.2, 0.3), Delta(-0.8, 1.1, 0.7))


def models(count, dimension=4, seed=1):
    """Return models of random vectors."""
    rng = np.random.default_rng(seed)
    return [TrainedModel(*rng.normal(size=(4, dimension))) for _ in range(count)]


@pytest.mark.parametrize("noise_kind", ["isotropic", "prompt-orthogonal"])
def test_brute_force(noise_kind):
    # 100,000 sequences a model, 8 models in all at 6.5 standard errors: one false alarm in 1e9 runs; an error that is
    # off by 0.011 is found with probability 99.9 %.
    rng = np.random.default_rng(3)
    samples = 100_000
    for tokens, relevant in ((2, 1), (6, 2), (9, 9), (24, 5)):
        prompt, head = rng.normal(size=(2, 5))
        mixture = ContextualMixture(5, tokens, relevant, 1.2, 0.9, noise=0.8, noise_kind=noise_kind)
        drawn = draw_sequences(mixture, samples, rng=rng, deltas=BOTH)
        decisions = drawn.labels * np.einsum("ntd,d,nte,e->n", drawn.tokens, head, drawn.tokens, prompt, optimize=True)
        model = TrainedModel(context_vector(mixture), signal_vector(mixture), prompt, head)
        exact = linear_attention_risk(
            model, tokens=tokens, relevant_tokens=relevant, noise=0.8, noise_kind=noise_kind, deltas=BOTH
        )
        seen = np.mean((1 - np.sign(decisions)) / 2)
        assert abs(seen - exact.error) <= 6.5 * np.sqrt(exact.error * (1 - exact.error) / samples)


def test_without_noise_it_is_one_less_the_accuracy():
    for model in models(20):
        size = {"tokens": 7, "relevant_tokens": 3, "deltas": BOTH}
        assert_allclose(
            linear_attention_risk(model, noise=0.0, **size).error, 1 - linear_attention_accuracy(model, **size)
        )


@pytest.mark.parametrize("noise_kind", ["isotropic", "prompt-orthogonal"])
@pytest.mark.parametrize("delta_context", [0.0, -0.4])
def test_the_best_head_under_the_known_prompt(noise_kind, delta_context):
    mixture = ContextualMixture(21, 12, 3, 1.3, 0.8, noise=0.9, noise_kind=noise_kind, delta_context=delta_context)
    population = known_prompt_error(mixture, Head(np.inf, attention="linear")).population
    context, signal = context_vector(mixture), signal_vector(mixture)
    model = TrainedModel(context, signal, prompt=context, head=signal)
    exact = linear_attention_risk(
        model,
        tokens=12,
        relevant_tokens=3,
        noise=0.9,
        noise_kind=noise_kind,
        deltas=[Delta(delta_context, 0.0)],
    )
    # An average over a χ² law, by quadrature good to 1e-10.
    assert_allclose(exact.error, population, atol=1e-9)


def test_what_turns_nothing():
    rotation = np.linalg.qr(np.random.default_rng(4).normal(size=(4, 4)))[0]
    for model in models(10):
        data = {"tokens": 8, "relevant_tokens": 2, "noise": 0.7, "deltas": BOTH}
        error = linear_attention_risk(model, **data).error
        turned = TrainedModel(*(rotation @ vector for vector in vars(model).values()))
        longer = TrainedModel(model.context, model.signal, 1e5 * model.prompt, 1e-7 * model.head)
        exchanged = TrainedModel(model.context, model.signal, model.head, model.prompt)
        negated = TrainedModel(model.context, model.signal, -model.prompt, model.head)
        # Rounding of vectors of length 1, magnified by the steepness of the error: 1e-12 is a thousand of it.
        for same in (turned, longer, exchanged):
            assert_allclose(linear_attention_risk(same, **data).error, error, atol=1e-12)
        assert_allclose(linear_attention_risk(negated, **data).error, 1 - error, atol=1e-12)


def test_two_values_of_delta_are_averaged():
    model = models(1)[0]
    data = {"tokens": 8, "relevant_tokens": 2, "noise": 0.7}
    single = [linear_attention_risk(model, deltas=[Delta(d.context, d.signal)], **data).error for d in BOTH]
    assert_allclose(linear_attention_risk(model, deltas=BOTH, **data).error, 0.3 * single[0] + 0.7 * single[1])


def test_a_head_of_zero_ties():
    model = TrainedModel(context=[1, 0], signal=[0, 1], prompt=[1, 0], head=[0, 0])
    assert linear_attention_risk(model, tokens=4, relevant_tokens=1).error == 0.5


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    tokens=st.integers(1, 500),
    share=st.floats(0, 1),
    log_noise=st.floats(-6, 4),
    stretch=st.floats(-150, 150),
)
def test_a_probability_with_its_bound(seed, tokens, share, log_noise, stretch):
    model = models(1, 3, seed)[0]
    longer = TrainedModel(model.context, model.signal, model.prompt * np.exp(stretch), model.head)
    found = linear_attention_risk(
        longer, tokens=tokens, relevant_tokens=1 + int(share * (tokens - 1)), noise=10.0**log_noise, deltas=BOTH
    )
    assert 0 <= found.error <= 1 + 1e-12
    assert 0 <= found.error_bound <= 1e-10


def test_bad_arguments():
    with pytest.raises(ArgumentError, match=r"relevant_tokens must be at most tokens = 4, got 5"):
        linear_attention_risk(models(1)[0], tokens=4, relevant_tokens=5)
    with pytest.raises(ArgumentError, match=r"deltas must have probabilities that add up to 1, got 0\.5"):
        linear_attention_risk(models(1)[0], tokens=4, relevant_tokens=1, deltas=[Delta(0, 0, 0.5)])
