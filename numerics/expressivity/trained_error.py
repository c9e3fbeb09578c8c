"""The test error of an attention model trained by gradient descent, from small random weights, on sampled sequences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from numerics.simulators.sequences import TokenSequences, draw_sequences
from numerics.streams import Random, as_generator
from numerics.training.attention_models import MODELS, START
from numerics.training.logistic_descent import logistic_descent
from theory.arguments import one_of, single
from theory.mixture import ContextualMixture
from theory.risk.exact_risk import Delta

STEPS = 150


def trained_error(
    model: str, mixture: ContextualMixture, deltas: Sequence[Delta], *, samples: int, test: int, rng: Random
) -> float:
    """Draw training sequences, descend on their logistic loss, and return the share of fresh ones that err.

    Its mean is the mean population error of the trained model: the test sequences are fresh.

    Args:
        model: "prompt-attention", "self-attention", "linear attention" or "uniform pooling".
        mixture: the data, single numbers; its own δ is of no account.
        deltas: the values of (δ_q, δ_w) with probabilities that add up to 1.
        samples: training sequences.
        test: test sequences.
        rng: source of the random numbers.

    Raises:
        ArgumentError: there is no such model, or an argument is out of range.

    Example:
        >>> mixture = ContextualMixture(dimension=6, tokens=8, relevant_tokens=4, noise=0.3)
        >>> both = Delta(0.0, 0.0, 0.5), Delta(1.4, 1.4, 0.5)
        >>> for model in ("prompt-attention", "self-attention"):
        ...     print(f"{trained_error(model, mixture, both, samples=400, test=4000, rng=1):.2f}")
        0.06
        0.48
    """
    one_of("model", model, tuple(MODELS))
    generator, trained = as_generator(rng), MODELS[model]
    training = draw_sequences(mixture, samples, rng=generator, deltas=deltas)
    if model == "uniform pooling":  # it sees no more than the mean token
        training = TokenSequences(training.tokens.mean(axis=1, keepdims=True), training.labels)
    start = START * generator.standard_normal(trained.size(int(single(mixture.dimension))))
    weights = logistic_descent(trained, training, start, steps=STEPS).weights
    fresh = draw_sequences(mixture, test, rng=generator, deltas=deltas)
    decisions = fresh.labels * trained.decide(weights, fresh.tokens).values
    return float(np.mean((1 - np.sign(decisions)) / 2))
