"""Gradient descent simulated: the gradients against differentiation, scores against tokens, tokens against theory."""

from __future__ import annotations

import math
import resource
import subprocess
import sys
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from numerics.descent import score_gradients, token_data
from numerics.descent.gradient_descent import descend, model_error
from numerics.descent.gradients import draw_labels, token_gradients
from numerics.descent.score_gradients import draw_gradients
from numerics.descent.three_steps import draw_three_steps
from numerics.descent.token_data import TokenData
from numerics.simulators.sequences import context_vector, draw_sequences, signal_vector
from numerics.streams import stream
from tests.false_alarms import CRITICAL_Z, assert_mean, share
from theory import ArgumentError, ContextualMixture, Delta, attention_moments, population_gradients, three_steps
from theory.attention.prompt_share import prompt_share

KINDS = ("isotropic", "prompt-orthogonal")
THREE_STEPS_QUICK = {("scores", "random", "isotropic"), ("tokens", "balanced", "prompt-orthogonal")}


def example(kind: str = "isotropic", dimension: int = 30, **changes: float) -> ContextualMixture:
    """Return a mixture with everything in it."""
    numbers = {"context_norm": 1.2, "signal_norm": 1.4, "noise": 0.9, "delta_context": 0.2, "delta_signal": -0.1}
    return ContextualMixture(dimension, 6, 2, noise_kind=kind, **{**numbers, **changes})


def vectors_of(dimension: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a head and a prompt at general angles."""
    head, prompt = np.zeros(dimension), np.zeros(dimension)
    head[:4], prompt[:4] = [0.3, 0.5, -0.4, 0.2], [0.6, -0.3, 0.2, 0.5]
    return head, prompt


def loss_of(sequences, head, prompt):
    """Return the loss of given sequences for real or complex vectors, by its definition."""
    attention = np.exp(sequences.tokens @ prompt)
    attention /= attention.sum(axis=1, keepdims=True)
    decisions = np.einsum("nt,nt->n", attention, sequences.tokens @ head)
    return np.mean((sequences.labels - decisions) ** 2) / 2


def test_the_gradients_are_derivatives_of_the_loss():
    """By complex steps, which lose nothing to a difference."""
    sequences = draw_sequences(example(dimension=5), 7, rng=3)
    head, prompt = vectors_of(5)
    found = token_gradients(sequences, head, prompt)
    step = 1e-150
    for i in range(5):
        shift = np.zeros(5, dtype=complex)
        shift[i] = 1j * step
        assert_allclose(found.head[i], -loss_of(sequences, head + shift, prompt).imag / step, rtol=1e-12, atol=1e-14)
        assert_allclose(found.prompt[i], -loss_of(sequences, head, prompt + shift).imag / step, rtol=1e-12, atol=1e-14)
    assert_allclose(found.loss, loss_of(sequences, head, prompt), rtol=1e-14)


def test_a_small_head_leaves_the_labels_as_residuals():
    """The limit w → 0 of -∇_q/‖w‖, from a head so small that its decisions do not show in the residuals."""
    sequences = draw_sequences(example(dimension=5), 7, rng=3)
    head, prompt = vectors_of(5)
    small = token_gradients(sequences, 1e-12 * head, prompt)
    limit = token_gradients(sequences, head, prompt, small_head=True)
    assert_allclose(limit.prompt, 1e12 * small.prompt, rtol=1e-9)
    assert_allclose(limit.head, small.head, rtol=1e-9, atol=1e-12)


def per_sequence(mixture, head, prompt, small_head, samples):
    """Return the gradients of single token sequences, of head and prompt side by side, shape (samples, 2d)."""
    sequences = draw_sequences(mixture, samples, rng=stream(8, 1))
    attention = np.exp(sequences.tokens @ prompt)
    attention /= attention.sum(axis=1, keepdims=True)
    along = sequences.tokens @ head
    decisions = np.einsum("nt,nt->n", attention, along)
    residuals = sequences.labels if small_head else sequences.labels - decisions
    slopes = attention * (along - decisions[:, None])
    both = [np.einsum("nt,ntd->nd", weights, sequences.tokens) for weights in (attention, slopes)]
    return residuals[:, None] * np.hstack(both)


PLACES = {
    "anywhere": (*vectors_of(12), False),
    "large head": (4 * vectors_of(12)[0], vectors_of(12)[1], False),
    "small head": (*vectors_of(12), True),
    "no prompt": (vectors_of(12)[0], np.zeros(12), False),
    "zero": (np.zeros(12), np.zeros(12), False),
    "parallel": (vectors_of(12)[0], -0.5 * vectors_of(12)[0], False),
}


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        pytest.param(place, kind, marks=() if kind == "isotropic" or place == "anywhere" else pytest.mark.slow)
        for place, kind in product(PLACES, KINDS)
    ],
)
def test_scores_have_the_law_of_tokens(place, kind):
    """Means and second moments of sums over 8 sequences, along four axes, and in the others together.

    The largest z of the 2 × (8 + 36) comparisons is held to one share of the false alarms by Bonferroni's bound.
    A second moment of 3,000 draws is known to 2.6 %: the check finds 30 %, and 10 % of what is pooled over 8 axes.
    """
    (head, prompt, small_head), mixture, size, draws = PLACES[place], example(kind, 12), 8, 3000
    tokens = per_sequence(mixture, head, prompt, small_head, 8 * draws).reshape(draws, size, 24).mean(axis=1)
    rng = stream(9, 2)
    found = (draw_gradients(mixture, head, prompt, size, rng=rng, small_head=small_head) for _ in range(draws))
    scores = np.array([np.concatenate([one.head, one.prompt]) for one in found])

    def statistics(values):
        special = values[:, [0, 1, 2, 3, 12, 13, 14, 15]]
        first, second = np.triu_indices(8)
        heads, prompts = values[:, 4:12], values[:, 16:]
        pooled = [(a * b).mean(axis=1) for a, b in ((heads, heads), (heads, prompts), (prompts, prompts))]
        return np.column_stack([special, special[:, first] * special[:, second], *pooled])

    one, other = statistics(tokens), statistics(scores)
    deviation = np.sqrt((one.var(axis=0) + other.var(axis=0)) / draws)
    moving = deviation > 1e-12
    z = (one.mean(axis=0) - other.mean(axis=0))[moving] / deviation[moving]
    share()
    # √(2 ln 47) more than the critical value of one comparison.
    assert np.abs(z).max() < math.hypot(CRITICAL_Z, math.sqrt(2 * math.log(47)))
    assert_allclose(one.mean(axis=0)[~moving], other.mean(axis=0)[~moving], atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_without_a_prompt_average_to_those_of_the_population(kind):
    mixture = example(kind, 8)
    head = vectors_of(8)[0]
    expected = population_gradients(
        context_vector(mixture),
        signal_vector(mixture),
        head,
        tokens=6,
        relevant_tokens=2,
        noise=0.9,
        noise_kind=kind,
        deltas=(Delta(0.2, -0.1),),
    )
    rng = stream(4, 4)
    draws = [draw_gradients(mixture, head, np.zeros(8), 1000, rng=rng) for _ in range(200)]
    for name in ("head", "prompt"):
        values, mean = np.array([getattr(draw, name) for draw in draws]), getattr(expected, name)
        length = float(np.linalg.norm(mean))
        for axis in (0, 1, 2):
            error = values[:, axis].std(ddof=1) / math.sqrt(len(draws))
            # Moved by its length, so that deviations are relative to that.
            assert_mean(values[:, axis].mean() + length, error, mean[axis] + length, detectable=0.06)


@pytest.mark.parametrize(
    ("simulator", "labels", "kind"),
    [
        # Every value of each in the quick suite, every combination in the slow one.
        pytest.param(*case, marks=() if case in THREE_STEPS_QUICK else pytest.mark.slow)
        for case in product(("scores", "tokens"), ("random", "balanced"), KINDS)
    ],
)
def test_three_steps_come_to_what_theory_predicts(simulator, labels, kind):
    """At n = 240, d = 120 terms of order 1/n² may add a percent, besides what the draws leave open."""
    mixture = example(kind, 120, signal_norm=1.6)
    repetitions = 150 if simulator == "scores" else 40
    draws = draw_three_steps(mixture, 240, 0.8, repetitions, rng=stream(6, 1), labels=labels, simulator=simulator)
    expected = three_steps(mixture, 240, 0.8, labels=labels)
    for name in ("head_overlap", "prompt_overlap", "attention", "final_overlap"):
        values, predicted = getattr(draws, name), getattr(expected, name)
        error = math.hypot(values.std(ddof=1) / math.sqrt(repetitions), 0.01 * predicted / CRITICAL_Z)
        assert_mean(values.mean(), error, predicted, detectable=0.25)


def test_the_error_of_three_steps():
    mixture = example("isotropic", 120, signal_norm=1.6)
    draws = draw_three_steps(mixture, 240, 0.8, 120, rng=stream(6, 2), labels="balanced")
    expected = three_steps(mixture, 240, 0.8, labels="balanced").error
    error = math.hypot(draws.error.std(ddof=1) / math.sqrt(120), 0.02 * expected / CRITICAL_Z)
    assert_mean(draws.error.mean(), error, expected, detectable=0.25)


def test_attention_under_a_prompt():
    """Along q⋆ the known-prompt formula; elsewhere an average over tokens."""
    mixture = example()
    known = attention_moments(mixture, 0.7).share
    assert_allclose(prompt_share(mixture, [0.7 * 1.2, 0.0]), known, rtol=1e-13)
    prompt = np.zeros(30)
    prompt[:4] = [0.6, -1.5, 0.2, 0.5]
    for kind in KINDS:
        mixture = example(kind, delta_signal=0.6)
        sequences = draw_sequences(mixture, 40_000, rng=stream(5, 3))
        attention = np.exp(sequences.tokens @ prompt)
        shares = attention[:, :2].sum(axis=1) / attention.sum(axis=1)
        error = shares.std() / math.sqrt(len(shares))
        assert_mean(shares.mean(), error, prompt_share(mixture, prompt), detectable=0.05)


def test_scores_and_tokens_follow_the_same_path():
    """Eight steps with large rates; the coordinates of the two simulators after them differ by chance alone."""
    mixture = example(dimension=10)
    ends = []
    for simulator, runs in (("scores", 60), ("tokens", 60)):
        paths = [
            descend(mixture, 8, samples=200, head_rate=0.5, prompt_rate=0.5, simulator=simulator, rng=run)
            for run in range(runs)
        ]
        ends.append(np.array([[p.head_coordinate[-1], p.prompt_coordinate[-1], p.loss[-1]] for p in paths]))
    for one, other in zip(ends[0].T, ends[1].T, strict=True):
        error = math.sqrt((one.var(ddof=1) + other.var(ddof=1)) / 60)
        assert_mean(one.mean(), error, other.mean(), detectable=0.5)


def test_reused_sequences_are_the_same_at_every_step():
    """Gradient descent on data that are held, step by step by hand."""
    mixture = example(dimension=7)
    path = descend(mixture, 4, samples=30, head_rate=0.3, prompt_rate=0.4, simulator="tokens", reuse=True, rng=5)
    data = TokenData.draw(mixture, 30, np.random.default_rng(5), "random")
    (sequences,) = data.chunks()
    head, prompt = np.zeros(7), np.zeros(7)
    for step in range(4):
        found = token_gradients(sequences, head, prompt)
        assert_allclose(path.loss[step], found.loss, rtol=1e-12)
        head, prompt = head + 0.3 * found.head, prompt + 0.4 * found.prompt
        assert_allclose(path.head[step + 1], head, rtol=1e-10, atol=1e-13)
        assert_allclose(path.prompt[step + 1], prompt, rtol=1e-10, atol=1e-13)
    fresh = descend(mixture, 4, samples=30, head_rate=0.3, prompt_rate=0.4, simulator="tokens", rng=5)
    assert_allclose(fresh.head[1], path.head[1])
    assert not np.allclose(fresh.head[2], path.head[2])
    assert path.errors()[-1] == model_error(mixture, path.head[-1], path.prompt[-1])


def test_chunks_do_not_show_in_the_result(monkeypatch):
    head, prompt = vectors_of(30)
    whole = draw_gradients(example(), head, prompt, 50, rng=stream(1, 1))
    monkeypatch.setattr(score_gradients, "CHUNK_SCORES", 100)
    parts = draw_gradients(example(), head, prompt, 50, rng=stream(1, 1))
    assert_allclose(parts.head, whole.head, rtol=1e-12, atol=1e-14)
    assert_allclose(parts.prompt, whole.prompt, rtol=1e-12, atol=1e-14)
    monkeypatch.setattr(token_data, "CHUNK_BYTES", 20_000)
    data = TokenData.draw(example(), 50, stream(1, 1), "balanced")
    assert len(data.streams) == 4
    assert sum(len(part.labels) for part in data.chunks()) == 50


@pytest.mark.parametrize("samples", [1, 2, 5, 8])
def test_balanced_labels_are_balanced(samples):
    drawn = draw_labels(samples, "balanced", np.random.default_rng(2))
    assert abs(drawn.sum()) == samples % 2
    assert set(drawn) <= {-1.0, 1.0}


@settings(deadline=None, max_examples=30)
@given(
    tokens=st.integers(1, 40),
    relevant=st.floats(0, 1),
    numbers=st.tuples(*[st.floats(0.01, 5)] * 3, *[st.floats(-2, 2)] * 2),
    kind=st.sampled_from(KINDS),
    rates=st.tuples(st.floats(1e-6, 1), st.floats(0, 1)),
    start=st.tuples(st.floats(-3, 3), st.floats(-3, 3)),
    samples=st.integers(1, 50),
    labels=st.sampled_from(["random", "balanced"]),
)
def test_iterates_are_finite(tokens, relevant, numbers, kind, rates, start, samples, labels):
    context, signal, noise, *deltas = numbers
    count = 1 + int(relevant * (tokens - 1))
    mixture = ContextualMixture(9, tokens, count, context, signal, noise, kind, *deltas)
    for simulator in ("scores", "tokens"):
        path = descend(
            mixture,
            2,
            samples=samples,
            head_rate=rates[0],
            prompt_rate=rates[1],
            simulator=simulator,
            labels=labels,
            start=start,
            rng=1,
        )
        for values in (path.head, path.prompt, path.loss):
            assert np.isfinite(values).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "steps must be a whole number of at least 1, got 0"),
        ({"samples": 0}, "samples must be a whole number of at least 1, got 0"),
        ({"head_rate": 0.0}, "head_rate must be finite and greater than 0"),
        ({"prompt_rate": -1.0}, "prompt_rate must be finite and at least 0"),
        ({"simulator": "guess"}, "simulator must be one of scores, tokens"),
        ({"labels": "sorted"}, "labels must be one of random, balanced"),
        ({"reuse": True}, "reuse must be False where no tokens are drawn"),
        ({"steps": 400, "head_rate": 1e3}, "head_rate and prompt_rate must be small enough for gradient descent"),
    ],
)
def test_bad_arguments_are_refused(changes, message):
    good = {"rng": 1, "steps": 2, "samples": 5, "head_rate": 0.1, "prompt_rate": 0.1}
    with pytest.raises(ArgumentError, match=message):
        descend(example(), **{**good, **changes})


LARGE = """
from numerics.descent.gradient_descent import descend
from theory import ContextualMixture
mixture = ContextualMixture(1000, 32, 4, context_norm=2.0, signal_norm=2.0)
path = descend(mixture, 2, samples=20_000, head_rate=0.5, prompt_rate=0.5, simulator="tokens", reuse=True, rng=1)
print(path.shares()[-1])
"""


@pytest.mark.slow
def test_data_of_five_gigabytes_take_less_than_one():
    """n = 20,000, T = 32, d = 1,000: asked for within 4 GiB."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    done = subprocess.run([sys.executable, "-c", LARGE], capture_output=True, text=True, timeout=600, check=True)
    assert float(done.stdout) > 4 / 32
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert peak == before or peak < 2**20  # in units of KiB
