"""What the claims on expressivity simulate, and what theory predicts of it."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from numerics.expressivity.global_search import (
    PlaneData,
    linear_attention_decisions,
    self_attention_decisions,
    uniform_pooling_decisions,
)
from numerics.expressivity.trained_error import trained_error
from numerics.simulators.prompt_attention import attention_features
from numerics.simulators.sequences import context_vector, draw_sequences, signal_vector
from numerics.training.attention_models import MODELS
from numerics.verification.claim import Observations
from theory import (
    BestError,
    ContextualMixture,
    Delta,
    TrainedModel,
    best_linear_attention_error,
    best_pooling_error,
    best_prompt_attention_error,
    exact_risk,
    separation,
    winning_prompt,
)
from theory.arguments import single

TOKENS, RELEVANT = 8, 2
FAILING = {
    "self-attention": (self_attention_decisions, 6),
    "linear attention": (linear_attention_decisions, 4),
    "uniform pooling": (uniform_pooling_decisions, 2),
}
LEAST = {
    "prompt-attention": best_prompt_attention_error,
    "linear attention": best_linear_attention_error,
    "uniform pooling": best_pooling_error,
}
TIE = 1e-12
"""A decision that is smaller, relative to the head's length, is a tie."""

TRAINING, TEST = 400, 500
"""Sequences that a model is trained on, and tested on."""


# --- without noise, any weights ---


def failing_deltas(model: str) -> tuple[Delta, ...]:
    """Return the values of δ, equally likely, on which a model fails."""
    found = separation(TOKENS, RELEVANT)
    if model == "self-attention":
        size = 1.01 * found.self_attention_threshold
        return Delta(0.0, 0.0, 0.5), Delta(size, size, 0.5)
    if model == "linear attention":
        return (Delta(found.linear_attention_delta, -found.linear_attention_delta),)
    return (Delta(0.5, found.uniform_pooling_delta),)


def draw_right_answers(repetitions: int, rng: np.random.Generator, *, model: str) -> Observations:
    """Draw random weights, of lengths from 1e-2 to 1e2, and a sequence without noise for each: is the sign right?"""
    decisions, size = FAILING[model]
    data = PlaneData.of(1.3, 0.8, 1.1, TOKENS, RELEVANT, failing_deltas(model))
    weights = rng.standard_normal((repetitions, size))
    weights[:, :-2] *= np.exp(rng.uniform(math.log(0.01), math.log(100), (repetitions, 1)))
    cases = rng.choice(len(data.label), size=repetitions, p=data.probability)
    values = decisions(data)(weights)[np.arange(repetitions), cases]
    return Observations(np.where(np.abs(values) <= TIE, 0.5, (values > 0).astype(float)))


def predict_coin() -> float:
    """Return 1/2."""
    return 0.5


# --- the prompt that wins without noise, with noise ---


def two_deltas(delta_context: float, delta_signal: float) -> tuple[Delta, Delta]:
    """Return δ = (0, 0) or another value, equally likely."""
    return Delta(0.0, 0.0, 0.5), Delta(delta_context, delta_signal, 0.5)


def winner(mixture: ContextualMixture, delta: float, margin: float) -> TrainedModel:
    """Return the prompt and the head that keep a margin without noise for δ = (0, 0) and (Δ, Δ)."""
    return winning_prompt(
        context_vector(mixture),
        signal_vector(mixture),
        sparsity=single(mixture.sparsity),
        largest_delta_signal=delta,
        margin=margin,
    )


def draw_prompted_errors(
    repetitions: int, rng: np.random.Generator, *, mixture: ContextualMixture, delta: float, margin: float
) -> Observations:
    """Draw whole sequences with noise, δ = (0, 0) or (Δ, Δ), and whether the winning prompt errs on each."""
    model = winner(mixture, delta, margin)
    drawn = draw_sequences(mixture, repetitions, rng=rng, deltas=two_deltas(delta, delta))
    decisions = drawn.labels * (attention_features(drawn.tokens, model.prompt) @ model.head)
    return Observations((1 - np.sign(decisions)) / 2)


def predict_prompted_error(mixture: ContextualMixture, delta: float, margin: float) -> float:
    """Return the exact risk of the winning prompt with noise, δ = (0, 0) or (Δ, Δ)."""
    return exact_risk(
        winner(mixture, delta, margin),
        tokens=int(single(mixture.tokens)),
        relevant_tokens=int(single(mixture.relevant_tokens)),
        noise=single(mixture.noise),
        noise_kind=mixture.noise_kind,
        deltas=two_deltas(delta, delta),
    ).error


# --- the best weights with noise ---


@cache
def least_error(model: str, mixture: ContextualMixture, delta: tuple[float, float]) -> BestError:
    """Return the least population error of a model where δ is (0, 0) or another value."""
    return LEAST[model](mixture, two_deltas(*delta))


def draw_errors_of_the_best(
    repetitions: int, rng: np.random.Generator, *, model: str, mixture: ContextualMixture, delta: tuple[float, float]
) -> Observations:
    """Draw whole sequences with noise, and whether the best weights of a model err on each."""
    best = least_error(model, mixture, delta)
    weights = np.zeros((2, int(single(mixture.dimension))))
    weights[0, :2], weights[1, :2] = best.head, best.prompt
    vector = weights.ravel()[: MODELS[model].size(weights.shape[1])]
    drawn = draw_sequences(mixture, repetitions, rng=rng, deltas=two_deltas(*delta))
    return Observations((1 - np.sign(drawn.labels * MODELS[model].decide(vector, drawn.tokens).values)) / 2)


def predict_least_error(model: str, mixture: ContextualMixture, delta: tuple[float, float]) -> float:
    """Return the exact error of the best weights."""
    return least_error(model, mixture, delta).error


# --- trained models ---


def draw_trained_errors(
    repetitions: int,
    rng: np.random.Generator,
    *,
    model: str,
    mixture: ContextualMixture,
    delta: tuple[float, float],
    cut_off: float,
) -> Observations:
    """Train a model by gradient descent on fresh sequences, each time anew, and test it on fresh ones.

    Errors are cut off above, which makes fewer models enough, and can but lower a mean of which the claim is that it is
    high.
    """
    errors = [
        trained_error(model, mixture, two_deltas(*delta), samples=TRAINING, test=TEST, rng=rng)
        for _ in range(repetitions)
    ]
    return Observations(np.minimum(errors, cut_off))


def predict_gap(gap: float) -> float:
    """Return by how much the errors of two trained models are stated to differ at least."""
    return gap


def half(**_: object) -> float:
    """Return 1/2, the error of a coin, that a difference of errors is relative to."""
    return 0.5
