"""Population gradients at a prompt of zero: exact enumeration, the special case, a plain Monte Carlo."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from numpy.polynomial.hermite_e import hermegauss
from numpy.testing import assert_allclose

from numerics.simulators.sequences import context_vector, draw_sequences, signal_vector
from tests.false_alarms import assert_mean
from theory import ArgumentError, ContextualMixture
from theory.descent.population_gradients import population_gradients
from theory.risk.exact_risk import Delta

STEP = 1e-150
"""A complex step loses nothing to a difference."""

CONTEXT, SIGNAL = np.array([1.3, 0.0, 0.4]), np.array([0.5, 1.1, -0.2])
"""At an angle that is not a right one."""


def enumerated_gradients(context, signal, head, tokens, relevant, noise, noise_kind, deltas):
    """Differentiate the loss itself by complex steps and average over Gauss-Hermite nodes of all noises.

    At q = 0 the derivative is a polynomial of degree 3 in the noises: 3 nodes a coordinate integrate it exactly.
    """
    nodes, weights = hermegauss(3)
    weights = weights / weights.sum()
    dimension, irrelevant = len(context), tokens - relevant
    grid = np.array(list(product(range(3), repeat=dimension * irrelevant)), dtype=int)
    chance = weights[grid].prod(axis=1)
    noises = noise * nodes[grid].reshape(len(grid), irrelevant, dimension)
    if noise_kind == "prompt-orthogonal":
        unit = context / np.linalg.norm(context)
        noises = noises - (noises @ unit)[..., None] * unit
    result = np.zeros((2, dimension))
    for delta in deltas:
        for label in (-1.0, 1.0):
            x = np.empty((len(grid), tokens, dimension))
            x[:, :relevant] = context + label * signal
            x[:, relevant:] = noises - delta.context * context - delta.signal * label * signal
            for part in range(2):
                for i in range(dimension):
                    w, q = head.astype(complex), np.zeros(dimension, dtype=complex)
                    (w, q)[part][i] += 1j * STEP
                    attention = np.exp(x @ q)
                    attention /= attention.sum(axis=1, keepdims=True)
                    f = np.einsum("nt,nt->n", attention, x @ w)
                    loss = (label - f) ** 2 / 2
                    result[part, i] -= delta.probability / 2 * chance @ loss.imag / STEP
    return result


SETTINGS = {
    "no delta": (np.array([0.0, 0.7, 0.0]), 4, 2, "isotropic", (Delta(0.0, 0.0),)),
    "one of each": (np.array([0.3, 0.7, -0.4]), 2, 1, "isotropic", (Delta(0.4, -0.3),)),
    "any head": (np.array([0.3, -0.7, 0.6]), 5, 3, "isotropic", (Delta(-0.6, 0.8),)),
    "prompt-orthogonal": (np.array([0.3, -0.7, 0.6]), 4, 2, "prompt-orthogonal", (Delta(0.5, 0.2),)),
    "random delta": (np.array([0.5, 0.2, 0.6]), 3, 1, "isotropic", (Delta(0.0, 0.0, 0.3), Delta(0.9, -1.2, 0.7))),
    "all relevant": (np.array([0.3, -0.7, 0.6]), 3, 3, "isotropic", (Delta(0.5, 0.2),)),
    "no head": (np.zeros(3), 4, 2, "isotropic", (Delta(0.5, 0.2),)),
}


@pytest.mark.parametrize(("head", "tokens", "relevant", "noise_kind", "deltas"), SETTINGS.values(), ids=SETTINGS)
def test_the_gradients_of_the_loss_by_enumeration(head, tokens, relevant, noise_kind, deltas):
    options = {"tokens": tokens, "relevant_tokens": relevant, "noise": 0.9, "noise_kind": noise_kind, "deltas": deltas}
    found = population_gradients(CONTEXT, SIGNAL, head, **options)
    expected = enumerated_gradients(CONTEXT, SIGNAL, head, tokens, relevant, 0.9, noise_kind, deltas)
    # Sums over at most 729 nodes, each exact to rounding.
    assert_allclose([found.head, found.prompt], expected, atol=1e-13)
    assert 0 < found.error_bound < 1e-11


@pytest.mark.parametrize("length", [-0.5, 0.0, 1e-3, 2.0])
def test_the_prompt_step_finds_the_context(length):
    """δ = 0 and a right angle: c ζ(1-ζ) W² [1 - c(ζW² - σ²/T)] q⋆, to rounding."""
    context, signal = np.array([2.0, 0.0, 0.0]), np.array([0.0, 1.5, 0.0])
    found = population_gradients(context, signal, length * signal, tokens=10, relevant_tokens=3, noise=1.2)
    factor = length * 0.3 * 0.7 * 2.25 * (1 - length * (0.3 * 2.25 - 1.44 / 10))
    assert_allclose(found.prompt, factor * context, atol=1e-15)
    assert_allclose(population_gradients(context, signal, 0 * signal, tokens=10, relevant_tokens=3).head, 0.3 * signal)


def test_the_rounding_bound_holds():
    """Against the same sums in another order, which round otherwise, for vectors of widely different lengths."""
    rng = np.random.default_rng(3)
    for _ in range(20):
        q, r, w = (rng.normal(size=40) * 10.0 ** rng.uniform(-2, 2) for _ in range(3))
        first = population_gradients(q, r, w, tokens=9, relevant_tokens=4, deltas=(Delta(0.3, -0.2),))
        order = rng.permutation(40)
        again = population_gradients(
            q[order], r[order], w[order], tokens=9, relevant_tokens=4, deltas=(Delta(0.3, -0.2),)
        )
        assert np.abs(first.prompt[order] - again.prompt).max() <= 2 * first.error_bound


@pytest.mark.parametrize("noise_kind", ["isotropic", "prompt-orthogonal"])
def test_token_sequences_have_these_gradients_on_average(noise_kind):
    mixture = ContextualMixture(6, 5, 2, context_norm=1.5, noise_kind=noise_kind, delta_context=-0.4, delta_signal=0.3)
    context, signal = context_vector(mixture), signal_vector(mixture)
    head = 0.8 * signal - 0.5 * context + np.array([0, 0, 0.6, 0, 0, 0])
    found = population_gradients(
        context, signal, head, tokens=5, relevant_tokens=2, noise_kind=noise_kind, deltas=(Delta(-0.4, 0.3),)
    )
    drawn = draw_sequences(mixture, 200_000, rng=5)
    mean = drawn.tokens.mean(axis=1)
    along = drawn.tokens @ head - (mean @ head)[:, None]
    gap = drawn.labels - mean @ head
    samples = gap[:, None] * np.einsum("nt,ntd->nd", along, drawn.tokens) / 5
    for value, column in zip(found.prompt[:3], samples.T, strict=False):
        assert_mean(column.mean(), column.std() / np.sqrt(len(column)), value, detectable=0.5)


def test_bad_arguments_are_refused():
    good = {"tokens": 4, "relevant_tokens": 2}
    with pytest.raises(ArgumentError, match="relevant_tokens must be at most tokens = 4, got 5"):
        population_gradients([1, 0], [0, 1], [0, 1], tokens=4, relevant_tokens=5)
    with pytest.raises(ArgumentError, match="context must not be zero"):
        population_gradients([0, 0], [0, 1], [0, 1], **good, noise_kind="prompt-orthogonal")
    with pytest.raises(ArgumentError, match="head must have the shape"):
        population_gradients([1, 0], [0, 1], [0, 1, 0], **good)
