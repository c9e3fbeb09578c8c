"""The trainable models: decisions written out, gradients by differences, and descent where the minimum is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from numerics.descent.gradients import token_gradients
from numerics.expressivity.noisy_self_attention import reading_weights, train_noisy_self_attention
from numerics.expressivity.plane_attention import plane_decisions, plane_sequences
from numerics.simulators.sequences import TokenSequences, draw_sequences
from numerics.training.attention_models import MODELS, PromptAttention, SelfAttention, UniformPooling
from numerics.training.logistic import logistic_head
from numerics.training.logistic_descent import logistic_descent, logistic_loss
from numerics.training.square_loss import square_loss
from theory import ArgumentError, ContextualMixture, Delta

DIMENSION = 3


def sequences(samples=6, tokens=5, seed=1):
    rng = np.random.default_rng(seed)
    return TokenSequences(rng.normal(size=(samples, tokens, DIMENSION)), rng.choice([-1.0, 1.0], size=samples))


def weights_of(name, seed=2):
    return np.random.default_rng(seed).normal(size=MODELS[name].size(DIMENSION))


def softmax(scores):
    powers = np.exp(scores)
    return powers / powers.sum()


def decision(name, weights, x):
    """Return f(X) of one sequence as it is defined."""
    head, rest = weights[:DIMENSION], weights[DIMENSION:]
    if name == "prompt-attention":
        return head @ x.T @ softmax(x @ rest)
    if name == "linear attention":
        return head @ x.T @ (x @ rest) / len(x)
    if name == "uniform pooling":
        return head @ x.mean(axis=0)
    scores = x @ rest.reshape(DIMENSION, DIMENSION) @ x.T
    return np.mean([softmax(row) @ x @ head for row in scores])


@pytest.mark.parametrize("name", MODELS)
def test_decisions_and_gradients(name):
    data, weights = sequences(), weights_of(name)
    found = MODELS[name].decide(weights, data.tokens)
    assert_allclose(found.values, [decision(name, weights, x) for x in data.tokens], rtol=1e-12)
    slopes = np.random.default_rng(3).normal(size=len(data.labels))

    def total(there):
        return float(slopes @ [decision(name, there, x) for x in data.tokens])

    step = 1e-5
    differences = [
        (total(weights + step * axis) - total(weights - step * axis)) / (2 * step) for axis in np.eye(len(weights))
    ]
    # Third derivatives times step² and rounding over step: both of 1e-10, with some room.
    assert_allclose(found.gradient(slopes), differences, atol=2e-8)


@pytest.mark.parametrize("name", MODELS)
def test_sequences_add_up_however_many_are_looked_at_together(name, monkeypatch):
    data, weights = sequences(samples=31), weights_of(name)
    slopes = np.random.default_rng(3).normal(size=31)
    alone = [MODELS[name].decide(weights, data.tokens[[k]]) for k in range(31)]
    total = sum(each.gradient(slopes[[k]]) for k, each in enumerate(alone))
    assert_allclose(MODELS[name].decide(weights, data.tokens).gradient(slopes), total, rtol=1e-12, atol=1e-13)
    loss, gradient = square_loss(MODELS[name], weights, data)
    monkeypatch.setattr("numerics.training.square_loss.CHUNK", 4 * 5 * DIMENSION)
    in_parts = square_loss(MODELS[name], weights, data)
    assert_allclose(in_parts[0], loss, rtol=1e-13)
    assert_allclose(in_parts[1], gradient, rtol=1e-12, atol=1e-13)
    assert_allclose(loss, np.mean((data.labels - [float(each.values[0]) for each in alone]) ** 2) / 2, rtol=1e-13)


def test_the_gradient_of_prompt_attention_is_the_one_of_gradient_descent():
    data, weights = sequences(), weights_of("prompt-attention")
    known = token_gradients(data, *np.split(weights, 2))
    found = PromptAttention().decide(weights, data.tokens)
    residuals = data.labels - found.values
    assert_allclose(found.gradient(residuals / len(residuals)), np.concatenate([known.head, known.prompt]), rtol=1e-12)


def test_the_loss_and_its_gradient():
    data, weights = sequences(), weights_of("self-attention")

    def loss_at(there):
        return logistic_loss(SelfAttention().decide(there, data.tokens), data.labels)

    loss, slope = loss_at(weights)
    values = SelfAttention().decide(weights, data.tokens).values
    assert_allclose(loss, np.mean(np.log(1 + np.exp(-data.labels * values))), rtol=1e-13)
    step = 1e-6 * slope / np.linalg.norm(slope)
    rise = loss_at(weights + step)[0] - loss_at(weights - step)[0]
    assert_allclose(rise / 2e-6, np.linalg.norm(slope), rtol=1e-6)


def test_descent_on_pooling_comes_to_the_minimum_of_a_convex_loss():
    data = sequences(samples=40)
    features = data.labels[:, None] * data.tokens.mean(axis=1)
    found = logistic_descent(UniformPooling(), data, np.zeros(DIMENSION), steps=2000)
    # It ends where the squared gradient is below 1e-16; the curvature is above 0.01 here.
    assert_allclose(found.weights, logistic_head(features, 0.0), atol=1e-5)
    assert found.accuracy == np.mean(features @ found.weights > 0)


@pytest.mark.parametrize("name", MODELS)
def test_every_step_lowers_the_loss(name):
    data, start = sequences(samples=30), 0.1 * weights_of(name)
    losses = [logistic_descent(MODELS[name], data, start, steps=steps).loss for steps in range(12)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0] - 1e-3
    assert logistic_descent(MODELS[name], data, start, steps=7).steps == 7


def plane_weights(dimension, numbers):
    """Return weights of a self-attention: w in the plane, K = B on the plane and κ across it."""
    key = numbers[6] * np.eye(dimension)
    key[:2, :2] = numbers[2:6].reshape(2, 2)
    return np.concatenate([numbers[:2], np.zeros(dimension - 2), key.ravel()])


@pytest.mark.parametrize("relevant", [1, 3, 6])
@pytest.mark.parametrize("size", [1.0, 300.0])
def test_self_attention_in_the_plane_is_self_attention(relevant, size):
    mixture = ContextualMixture(5, 6, relevant, noise=0.8)
    drawn = draw_sequences(mixture, 30, rng=3, deltas=[Delta(0.0, 0.0, 0.5), Delta(2.0, 3.0, 0.5)])
    numbers = size * np.random.default_rng(4).normal(size=7)
    slopes = np.random.default_rng(5).normal(size=30)
    known = SelfAttention().decide(plane_weights(5, numbers), drawn.tokens)
    found = plane_decisions(numbers, plane_sequences(drawn, relevant))
    gradient = known.gradient(slopes)
    key = gradient[5:].reshape(5, 5)
    expected = [*gradient[:2], *key[:2, :2].ravel(), np.trace(key[2:, 2:])]
    # Scores of up to 1e4 have roundings of 1e-12, which attention shows.
    assert_allclose(found.values, known.values, rtol=1e-10, atol=1e-12 * size)
    assert_allclose(found.gradient(slopes), expected, rtol=1e-10, atol=1e-12 * np.abs(expected).max())


def test_trained_self_attention_below_and_above_the_threshold():
    """Δ⋆(1/4) = 3.107: below it weights that never err without noise are found, above it no training comes near."""
    mixture = ContextualMixture(5, 4, 1, noise=0.1)
    below = train_noisy_self_attention(mixture, [Delta(0.0, 0.0, 0.5), Delta(2.0, 2.0, 0.5)], rng=1)
    above = train_noisy_self_attention(mixture, [Delta(0.0, 0.0, 0.5), Delta(4.0, 4.0, 0.5)], rng=1)
    assert below.error < 0.001
    assert above.error > 0.05
    assert_allclose(above.standard_error, np.sqrt(above.error * (1 - above.error) / 60_000), rtol=1e-2)


@pytest.mark.parametrize("noise", [1e-4, 0.01, 0.3])
def test_weights_that_read_the_noise_err_as_often_whatever_its_size(noise):
    mixture, both = ContextualMixture(8, 8, 2, noise=noise), [Delta(0.0, 0.0, 0.5), Delta(4.0, 4.0, 0.5)]
    drawn = draw_sequences(mixture, 20_000, rng=7, deltas=both)
    wrong = drawn.labels * plane_decisions(reading_weights(mixture, 1e8), plane_sequences(drawn, 2)).values < 0
    # The same probability of maxima and sums of Gaussian numbers; 5.5 standard errors of the difference.
    numbers = np.random.default_rng(8).normal(size=(400_000, 6))
    expected = np.mean(2 * numbers.max(axis=1) + numbers.sum(axis=1) < 0) / 2
    assert abs(wrong.mean() - expected) < 5.5 * np.sqrt(expected / 20_000)
    assert not wrong[np.abs(drawn.tokens[:, 2:, 1].mean(axis=1)) > 2].any()


def test_sequences_draw_their_own_delta():
    mixture = ContextualMixture(4, 3, 1, noise=0.0)
    drawn = draw_sequences(mixture, 2000, rng=5, deltas=[Delta(0.5, 0.0, 0.25), Delta(2.0, 3.0, 0.75)])
    context, signal = drawn.tokens[:, 1:, 0], drawn.tokens[:, 1:, 1] * drawn.labels[:, None]
    other = context[:, 0] == -2.0
    assert_allclose(context, np.where(other, -2.0, -0.5)[:, None] * np.ones((1, 2)))
    assert_allclose(signal, np.where(other, -3.0, 0.0)[:, None] * np.ones((1, 2)))
    # A binomial number: 6 standard errors.
    assert abs(other.mean() - 0.75) < 6 * np.sqrt(0.75 * 0.25 / 2000)
    with pytest.raises(ArgumentError, match="deltas must hold at least one value"):
        draw_sequences(mixture, 1, rng=1, deltas=[])
