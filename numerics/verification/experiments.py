"""The experiments of the catalogue: test errors of trained heads, of the best head, and of given models."""

from __future__ import annotations

import math

import numpy as np

from numerics.simulation import SIMULATORS
from numerics.simulators import population
from numerics.simulators.prompt_attention import attention_features
from numerics.simulators.scores import draw_attention
from numerics.simulators.sequences import draw_sequences
from numerics.simulators.tilted import simulate_small_errors, tilt_of
from numerics.simulators.tokens import simulate_tokens
from numerics.verification.claim import Experiment, Observations
from theory.arguments import single
from theory.head import Head
from theory.mixture import ContextualMixture

PORTIONS = {"tokens": 500, "scores": 1000, "large": 500, "overlap": 10_000}
"""Repetitions that share a stream: a third of a second or so."""

LARGE = 1000
"""Numbers in a training set from which on a head takes a millisecond rather than a tenth of one."""

TRAINED_HEAD_TESTS = 50
"""Fresh sequences for each head: as many observations are needed for their range alone, so that cheap ones are best."""

TILTED_DRAWS = 16
"""Draws of a small error that are averaged to one observation: there is no use in keeping millions."""


def draw_test_errors(
    repetitions: int, rng: np.random.Generator, *, mixture: ContextualMixture, head: Head, simulator: str
) -> Observations:
    """Train so many heads and draw the test error of each."""
    if simulator == "tokens":
        outcome = simulate_tokens(mixture, head, repetitions, rng, TRAINED_HEAD_TESTS)
    else:
        outcome = SIMULATORS[simulator].draw(mixture, head, repetitions, rng)
    return Observations(outcome.errors, outcome.dropped)


def trained_head_error(mixture: ContextualMixture, head: Head, simulator: str) -> Experiment:
    """Return the experiment "train a head, find its test error"."""
    parameters = {"mixture": mixture, "head": head, "simulator": simulator}
    large = simulator == "scores" and single(head.samples) * single(mixture.dimension) > LARGE
    return Experiment(draw_test_errors, parameters, portion=PORTIONS["large" if large else simulator])


def draw_small_errors(
    repetitions: int, rng: np.random.Generator, *, mixture: ContextualMixture, head: Head
) -> Observations:
    """Draw means of weighted errors under a tilted measure."""
    drawn = simulate_small_errors(mixture, head, TILTED_DRAWS * repetitions, rng).errors
    return Observations(drawn.reshape(repetitions, TILTED_DRAWS).mean(axis=1))


def small_error(mixture: ContextualMixture, head: Head) -> Experiment:
    """Return the experiment of an error so small that plain simulation never sees one."""
    # The largest weight, and room for its rounding.
    upper = math.exp(tilt_of(mixture, head).log_bound()) * (1 + 1e-12)
    return Experiment(draw_small_errors, {"mixture": mixture, "head": head}, upper=upper, portion=5000)


def draw_population_errors(
    repetitions: int, rng: np.random.Generator, *, mixture: ContextualMixture, inverse_temperature: float
) -> Observations:
    """Draw the errors of the head w⋆ given the scores of a sequence each."""
    return Observations(population.draw_population_errors(mixture, inverse_temperature, repetitions, rng))


def population_error(mixture: ContextualMixture, inverse_temperature: float) -> Experiment:
    """Return the experiment "the head is w⋆ itself; draw the scores of a sequence"."""
    parameters = {"mixture": mixture, "inverse_temperature": inverse_temperature}
    return Experiment(draw_population_errors, parameters, portion=20_000)


def draw_attention_shares(
    repetitions: int, rng: np.random.Generator, *, mixture: ContextualMixture, inverse_temperature: float
) -> Observations:
    """Draw the attention on the relevant tokens of so many sequences."""
    return Observations(draw_attention(mixture, inverse_temperature, repetitions, rng).gain)


def attention_share(mixture: ContextualMixture, inverse_temperature: float) -> Experiment:
    """Return the experiment "draw a sequence's scores, and its attention on relevant tokens"; δ_w is 0."""
    parameters = {"mixture": mixture, "inverse_temperature": inverse_temperature}
    return Experiment(draw_attention_shares, parameters, portion=5000)


TEST_SEQUENCES = 250


def draw_given_model_errors(
    repetitions: int,
    rng: np.random.Generator,
    *,
    mixture: ContextualMixture,
    prompt: tuple[float, ...],
    head: tuple[float, ...],
) -> Observations:
    """Draw the share of wrong signs of a given prompt and head on test sets of token sequences."""
    errors = np.empty(repetitions)
    for index in range(repetitions):
        sequences = draw_sequences(mixture, TEST_SEQUENCES, rng=rng)
        decisions = sequences.labels * (attention_features(sequences.tokens, np.array(prompt)) @ np.array(head))
        errors[index] = np.mean((1 - np.sign(decisions)) / 2)
    return Observations(errors)


def given_model_error(mixture: ContextualMixture, prompt: tuple[float, ...], head: tuple[float, ...]) -> Experiment:
    """Return the experiment "test a given prompt and head on token sequences"."""
    if not len(prompt) == len(head) == int(single(mixture.dimension)):
        raise ValueError("prompt and head must have the dimension of the mixture")
    parameters = {"mixture": mixture, "prompt": prompt, "head": head}
    return Experiment(draw_given_model_errors, parameters, portion=1000)
