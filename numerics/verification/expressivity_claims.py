"""The claims on expressivity: where no weights do better than a coin, and where a prompt wins with noise."""

from __future__ import annotations

import math

import numpy as np

from numerics.expressivity.global_search import (
    PlaneData,
    linear_attention_decisions,
    self_attention_decisions,
    uniform_pooling_decisions,
)
from numerics.simulators.prompt_attention import attention_features
from numerics.simulators.sequences import context_vector, draw_sequences, signal_vector
from numerics.verification.claim import Arm, Claim, Experiment, Observations, Setting
from theory import ContextualMixture, Delta, TrainedModel, exact_risk, separation, winning_prompt
from theory.arguments import single

EXPRESSIVITY = (
    "derived here; makes precise the abstract's claim that softmax-prompt-attention is more expressive than "
    "softmax-self-attention and linear-prompt-attention"
)
TOKENS, RELEVANT = 8, 2
MODELS = {
    "self-attention": (self_attention_decisions, 6),
    "linear attention": (linear_attention_decisions, 4),
    "uniform pooling": (uniform_pooling_decisions, 2),
}
TIE = 1e-12
"""A decision that is smaller, relative to the head's length, is a tie."""


# --- experiments ---


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
    decisions, size = MODELS[model]
    data = PlaneData.of(1.3, 0.8, 1.1, TOKENS, RELEVANT, failing_deltas(model))
    weights = rng.standard_normal((repetitions, size))
    weights[:, :-2] *= np.exp(rng.uniform(math.log(0.01), math.log(100), (repetitions, 1)))
    cases = rng.choice(len(data.label), size=repetitions, p=data.probability)
    values = decisions(data)(weights)[np.arange(repetitions), cases]
    return Observations(np.where(np.abs(values) <= TIE, 0.5, (values > 0).astype(float)))


def draw_prompted_errors(
    repetitions: int, rng: np.random.Generator, *, mixture: ContextualMixture, delta: float, margin: float
) -> Observations:
    """Draw whole sequences with noise, δ = (0, 0) or (Δ, Δ), and whether the winning prompt errs on each."""
    model = winner(mixture, delta, margin)
    other = rng.random(repetitions) < 0.5
    errors = np.empty(repetitions)
    for size, mine in ((0.0, ~other), (delta, other)):
        drawn = draw_sequences(with_delta(mixture, size), int(mine.sum()), rng=rng)
        decisions = drawn.labels * (attention_features(drawn.tokens, model.prompt) @ model.head)
        errors[mine] = (1 - np.sign(decisions)) / 2
    return Observations(errors)


def with_delta(mixture: ContextualMixture, delta: float) -> ContextualMixture:
    """Return the mixture with δ = (Δ, Δ)."""
    return ContextualMixture(**{**vars(mixture), "delta_context": delta, "delta_signal": delta})


def winner(mixture: ContextualMixture, delta: float, margin: float) -> TrainedModel:
    """Return the prompt and the head that keep a margin without noise for δ = (0, 0) and (Δ, Δ)."""
    return winning_prompt(
        context_vector(mixture),
        signal_vector(mixture),
        sparsity=single(mixture.sparsity),
        largest_delta_signal=delta,
        margin=margin,
    )


# --- predictions ---


def predict_coin() -> float:
    """Return 1/2."""
    return 0.5


def predict_prompted_error(mixture: ContextualMixture, delta: float, margin: float) -> float:
    """Return the exact risk of the winning prompt with noise, δ = (0, 0) or (Δ, Δ)."""
    return exact_risk(
        winner(mixture, delta, margin),
        tokens=int(single(mixture.tokens)),
        relevant_tokens=int(single(mixture.relevant_tokens)),
        noise=single(mixture.noise),
        noise_kind=mixture.noise_kind,
        deltas=[Delta(0.0, 0.0, 0.5), Delta(delta, delta, 0.5)],
    ).error


NOISY = ContextualMixture(4, TOKENS, RELEVANT, noise=1.5)
PROMPTED = {"mixture": NOISY, "delta": 4.0, "margin": 0.3}

EXPRESSIVITY_CLAIMS = (
    Claim(
        "expressivity-failures",
        "Where other models are a coin",
        "Without noise no self-attention does better than a coin on δ = (0, 0) or (Δ, Δ), Δ above the sharp threshold, "
        "no linear-prompt-attention on δ = (Δ, -Δ), Δ² = ζ/(1-ζ), and no pooling at δ_w = ζ/(1-ζ), for any weights.",
        r"\max_u \left\{ \zeta\, \frac{\zeta e^u}{\zeta e^u + 1 - \zeta} + (1 - \zeta)\, "
        r"\frac{\zeta e^{-\Delta u}}{\zeta e^{-\Delta u} + 1 - \zeta} \right\} < \frac{\Delta}{1 + \Delta} "
        r"\;\Rightarrow\; \mathbb{P}(y f > 0) = \tfrac12",
        EXPRESSIVITY,
        "equality",
        tuple(
            Setting(
                model,
                (Arm(Experiment(draw_right_answers, {"model": model}, portion=10_000)),),
                predict_coin,
            )
            for model in MODELS
        ),
    ),
    Claim(
        "expressivity-prompt-with-noise",
        "The winning prompt with noise",
        "On data on which every self-attention is a coin without noise, the prompt that wins there errs, with noise, "
        "with the probability that the exact risk gives for two values of δ.",
        r"\mathbb{P}(y f < 0) = \tfrac12 \left[ \mathrm{ERR}_{(0, 0)} + \mathrm{ERR}_{(\Delta, \Delta)} \right]",
        EXPRESSIVITY,
        "equality",
        (
            Setting(
                "σ = 1.5, Δ = 4",
                (Arm(Experiment(draw_prompted_errors, PROMPTED, portion=10_000)),),
                predict_prompted_error,
                PROMPTED,
            ),
        ),
    ),
)
