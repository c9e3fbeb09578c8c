"""A global search over weights does not beat the bounds on expressivity, and reaches them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from numerics.expressivity.global_search import (
    PlaneData,
    linear_attention_decisions,
    prompt_attention_decisions,
    search,
    self_attention_decisions,
    uniform_pooling_decisions,
)
from numerics.streams import stream
from theory import (
    Delta,
    TrainedModel,
    linear_attention_accuracy,
    self_attention_accuracy,
    self_attention_threshold,
    separation,
)
from theory.expressivity.best_accuracy import best_accuracies

FEW, MANY = range(6), range(6, 200)


def random_setting(index):
    """Return lengths, an angle, T and R: sequences of up to 40 tokens, vectors of lengths from 0.3 to 3."""
    rng = stream(11, index)
    tokens = int(rng.integers(2, 41))
    lengths = 10 ** rng.uniform(-0.5, 0.5, 2)
    return *lengths.tolist(), float(rng.uniform(0.3, math.pi - 0.3)), tokens, int(rng.integers(1, tokens))


def vectors(context_norm, signal_norm, angle):
    return np.array([context_norm, 0.0]), signal_norm * np.array([math.cos(angle), math.sin(angle)])


def check_self_attention(index):
    """One per cent below the threshold the search finds weights that never err; above it, none better than a coin."""
    *lengths, angle, tokens, relevant = random_setting(index)
    threshold = self_attention_threshold(relevant / tokens).threshold
    context, signal = vectors(*lengths, angle)
    for scale, reached in ((0.99, 1.0), (1.01, 0.5)):
        deltas = [Delta(0.0, 0.0, 0.5), Delta(scale * threshold, scale * threshold, 0.5)]
        data = PlaneData.of(*lengths, angle, tokens, relevant, deltas)
        found = search(data, self_attention_decisions(data), 6, rng=stream(12, index))
        key, head = found.weights[:4].reshape(2, 2), found.weights[4:]
        known = {"context": context, "signal": signal, "tokens": tokens, "relevant_tokens": relevant, "deltas": deltas}
        assert found.accuracy == self_attention_accuracy(key, head, **known) == reached


def check_linear_attention(index):
    """At δ = (Δ, -Δ) nothing is better than a coin; one per cent to either side the search finds what never errs."""
    *lengths, angle, tokens, relevant = random_setting(index)
    size = separation(tokens, relevant).linear_attention_delta
    context, signal = vectors(*lengths, angle)
    for scale, reached in ((1.0, 0.5), (0.99, 1.0), (1.01, 1.0)):
        deltas = [Delta(scale * size, -scale * size)]
        data = PlaneData.of(*lengths, angle, tokens, relevant, deltas)
        found = search(data, linear_attention_decisions(data), 4, rng=stream(13, index))
        assert found.accuracy == reached
        model = TrainedModel(context, signal, found.weights[:2], found.weights[2:])
        if scale != 1:
            assert linear_attention_accuracy(model, tokens=tokens, relevant_tokens=relevant, deltas=deltas) == reached


@pytest.mark.parametrize("index", FEW[:1])
def test_self_attention_from_both_sides(index):
    check_self_attention(index)


@pytest.mark.slow
@pytest.mark.parametrize("index", FEW[:1])
def test_linear_attention_from_both_sides(index):
    check_linear_attention(index)


@pytest.mark.slow
@pytest.mark.parametrize("index", [*FEW, *MANY])
def test_both_on_two_hundred_settings(index):
    check_self_attention(index)
    check_linear_attention(index)


MODELS = {
    "prompt_attention": (prompt_attention_decisions, 4),
    "self_attention": (self_attention_decisions, 6),
    "linear_attention": (linear_attention_decisions, 4),
    "uniform_pooling": (uniform_pooling_decisions, 2),
}
PLACES = [(0.1, 0.2), (1.0, 0.5), (1.0, -0.6), (-0.6, 1.5), (4.0, 4.0), (2.0, 2.0), (-0.5, -0.5), (0.2, 3.0)]


@pytest.mark.parametrize("place", [PLACES[4], *(pytest.param(place, marks=pytest.mark.slow) for place in PLACES)])
def test_the_best_accuracy_of_each_model(place):
    """At ζ = 1/4 the search reaches the best accuracy of each model, and none beyond."""
    expected = best_accuracies(*place, 0.25)
    data = PlaneData.of(1.2, 0.8, math.pi / 2, 8, 2, [Delta(0.0, 0.0, 0.5), Delta(*place, 0.5)])
    for name, (decisions, size) in MODELS.items():
        found = search(data, decisions(data), size, rng=stream(14, PLACES.index(place)))
        assert found.accuracy == getattr(expected, name), name


def test_the_same_seed_finds_the_same_weights():
    data = PlaneData.of(1.0, 1.5, 1.2, 6, 2, [Delta(0.5, -0.5)])
    one, other = (search(data, linear_attention_decisions(data), 4, rng=3) for _ in range(2))
    assert np.array_equal(one.weights, other.weights)
