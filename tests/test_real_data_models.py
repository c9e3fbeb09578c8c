"""The models on real data: attention that makes the decisions, and training against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from numerics.real_data.ceiling import ceiling
from numerics.real_data.sequence_data import SequenceData
from numerics.real_data.sources import Split
from numerics.real_data.three_step_training import three_steps_on
from numerics.real_data.training import relevant_share, train
from numerics.simulators.sequences import draw_sequences
from numerics.streams import stream
from numerics.training.attention_models import MODELS, UniformPooling
from numerics.training.square_loss import square_loss
from tests.false_alarms import assert_mean
from theory import ContextualMixture, three_steps
from theory.arguments import ArgumentError

RNG = np.random.default_rng(42)
SIZE, TOKENS, DIMENSION = 6, 5, 3
DATA = SequenceData(
    RNG.normal(size=(SIZE, TOKENS, DIMENSION)),
    [1, -1, 1, -1, 1, 1],
    RNG.random((SIZE, TOKENS)) < 0.4 + np.eye(SIZE, TOKENS) + (np.arange(SIZE) == 5)[:, None],
)
every_model = pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.name)


def weights_of(model):
    return np.random.default_rng(43).normal(size=model.size(DIMENSION))


@every_model
def test_attention_adds_up_to_one_and_makes_the_decisions(model):
    weights = weights_of(model)
    attention = model.attention(weights, DATA.tokens)
    if attention is None:
        assert relevant_share(model, weights, DATA) is None
        return
    assert_allclose(attention.sum(axis=1), 1, rtol=1e-14)
    along = DATA.tokens @ weights[:DIMENSION]
    assert_allclose((attention * along).sum(axis=1), model.decide(weights, DATA.tokens).values, rtol=1e-12)
    by_hand = np.mean([attention[i][DATA.relevance[i]].sum() for i in range(SIZE)])
    assert_allclose(relevant_share(model, weights, DATA), by_hand, rtol=1e-14)


def test_uniform_pooling_is_trained_to_the_ridge_solution():
    trained = train(UniformPooling(), DATA, 0.1, np.zeros(DIMENSION))
    features = DATA.tokens.mean(axis=1)
    exact = np.linalg.solve(features.T @ features / SIZE + 0.1 * np.eye(DIMENSION), features.T @ DATA.labels / SIZE)
    assert trained.converged
    assert_allclose(trained.weights, exact, rtol=1e-4)  # L-BFGS stops where the gradient is below 1e-5
    assert np.array_equal(trained.path[0], np.zeros(DIMENSION))
    assert np.array_equal(trained.path[-1], trained.weights)


@every_model
def test_training_lowers_the_loss_and_keeps_to_its_budget(model):
    start = model.start(DIMENSION, np.random.default_rng(44))
    calls = []

    class Counting:
        name = model.name

        def decide(self, weights, tokens):
            calls.append(1)
            return model.decide(weights, tokens)

    trained = train(Counting(), DATA, 1e-3, start, gradients=4)
    assert square_loss(model, trained.weights, DATA)[0] < 0.95 * square_loss(model, start, DATA)[0]
    assert len(trained.path) <= 1 + 4
    assert len(calls) <= 4 + 20  # the step with which the budget runs out is finished: 20 trials at most
    assert not trained.converged


def test_three_steps_are_those_of_the_definition():
    """By loops, with the label in place of the residual; scale is free, so that directions are compared."""
    rng = np.random.default_rng(46)
    data = SequenceData(rng.normal(size=(9, TOKENS, DIMENSION)), rng.choice([-1.0, 1.0], 9))
    (trained,) = three_steps_on(data, lengths=(1.7,))
    x, y = data.tokens, data.labels
    head = sum(y[i] * x[i].mean(axis=0) for i in range(3))
    head /= np.linalg.norm(head)
    prompt = sum(
        y[i] * np.mean([(token - x[i].mean(axis=0)) @ head * token for token in x[i]], axis=0) for i in (3, 4, 5)
    )
    prompt *= 1.7 / np.linalg.norm(prompt)
    final = sum(y[i] * np.exp(x[i] @ prompt) @ x[i] / np.exp(x[i] @ prompt).sum() for i in (6, 7, 8))
    final /= np.linalg.norm(final)
    zero = np.zeros(DIMENSION)
    expected = [[*zero, *zero], [*head, *zero], [*head, *prompt], [*final, *prompt]]
    assert_allclose(trained.path, expected, rtol=1e-12, atol=1e-14)


def test_the_ceiling_is_the_minimum_of_the_penalised_logistic_loss():
    rng = np.random.default_rng(47)
    labels = np.where(np.arange(60) % 2 == 0, 1.0, -1.0)
    data = SequenceData(rng.normal(size=(60, 2, 3)) + 0.5 * labels[:, None, None], labels, [[True, False]] * 60)
    top = ceiling(Split(data, data, data))
    weights, constant = top.regression.coef_[0], top.regression.intercept_[0]
    slopes = -labels / (1 + np.exp(labels * (data.tokens[:, 0] @ weights + constant))) / 60
    # scikit-learn stops where the gradient is below 1e-4.
    assert_allclose(slopes @ data.tokens[:, 0] + top.choice * weights, 0, atol=1e-4)
    assert np.linalg.norm(weights) > 0.1


def test_three_steps_on_sequences_of_the_mixture_are_as_theory_predicts():
    mixture = ContextualMixture(20, 8, 2, context_norm=2, signal_norm=1.5)
    labels = np.where(np.arange(300) % 2 == 0, 1.0, -1.0)
    overlaps = []
    for seed in range(100):
        drawn = draw_sequences(mixture, 300, rng=stream(45, seed), labels=labels)
        (trained,) = three_steps_on(SequenceData(drawn.tokens, labels), lengths=(0.7,))
        head, prompt = np.split(trained.weights, 2)
        overlaps.append((prompt[0] / 0.7, head[1]))
    expected = three_steps(mixture, 100, 0.7, labels="balanced")
    for values, overlap in zip(np.transpose(overlaps), (expected.prompt_overlap, expected.final_overlap), strict=True):
        assert_mean(values.mean(), values.std(ddof=1) / 10, overlap, detectable=0.02)


def test_three_steps_need_three_sequences():
    with pytest.raises(ArgumentError, match=r"^samples must be at least 3"):
        list(three_steps_on(DATA.part(np.array([0, 1]))))
