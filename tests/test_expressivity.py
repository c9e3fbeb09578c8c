"""What the four models can tell apart without noise: thresholds from both sides, constructions, brute force."""

from __future__ import annotations

import json
import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from theory import (
    ArgumentError,
    Delta,
    NotAvailableError,
    TrainedModel,
    exact_risk,
    linear_attention_accuracy,
    self_attention_accuracy,
    self_attention_threshold,
    separation,
    winning_prompt,
    winning_self_attention,
)
from theory.__main__ import PROG, main
from theory.command_line import run
from theory.expressivity.best_accuracy import off_diagonal_key
from theory.expressivity.self_attention import largest_mean_attention, mean_attention, rise_within

CONTEXT, SIGNAL = np.array([1.3, 0.2, 0.0, -0.4]), np.array([0.1, 0.9, 0.3, 0.0])
"""At an angle that is not a right one."""

ORTHOGONAL = np.array([0.0, 0.0, 0.7, 0.0])


def sequences(context, signal, tokens, relevant, delta):
    """Yield label and tokens, shape (T, d), of both sequences that there are for a δ."""
    for label in (1.0, -1.0):
        x = np.tile(-delta.context * context - delta.signal * label * signal, (tokens, 1))
        x[:relevant] = context + label * signal
        yield label, x


def brute_force(decide, context, signal, tokens, relevant, deltas):
    """Return the accuracy of a function of the tokens, ties to rounding counted as one half."""
    total = 0.0
    for delta in deltas:
        for label, x in sequences(context, signal, tokens, relevant, delta):
            decision = label * decide(x)
            total += delta.probability / 2 * (0.5 if abs(decision) < 1e-12 else float(decision > 0))
    return total


def softmax_rows(scores):
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


DELTAS = (Delta(0.0, 0.0, 0.3), Delta(0.8, -1.2, 0.2), Delta(-2.0, 1.5, 0.4), Delta(3.0, 0.1, 0.1))


def test_accuracies_are_those_of_whole_sequences():
    rng = np.random.default_rng(1)
    seen = set()
    for _ in range(60):
        head, prompt = rng.standard_normal((2, 4))
        key = rng.standard_normal((4, 4)) * 10 ** rng.uniform(-2, 1)
        data = {"tokens": 7, "relevant_tokens": 3, "deltas": DELTAS}
        linear = linear_attention_accuracy(TrainedModel(CONTEXT, SIGNAL, prompt, head), **data)
        attentive = self_attention_accuracy(key, head, context=CONTEXT, signal=SIGNAL, **data)
        assert linear == pytest.approx(
            brute_force(lambda x, w=head, q=prompt: w @ x.T @ x @ q, CONTEXT, SIGNAL, 7, 3, DELTAS), abs=1e-12
        )
        assert attentive == pytest.approx(
            brute_force(
                lambda x, w=head, k=key: np.ones(7) @ softmax_rows(x @ k @ x.T) @ x @ w, CONTEXT, SIGNAL, 7, 3, DELTAS
            ),
            abs=1e-12,
        )
        seen |= {linear, attentive}
    assert len(seen) > 5


# --- self-attention ---


@pytest.mark.parametrize(("sparsity", "delta"), [(0.01, 99.0), (0.1, 5.0), (0.25, 3.1), (0.4, 0.3), (0.7, 1.2)])
def test_the_largest_mean_attention_in_thirty_digits(sparsity, delta):
    """A fine grid finds the neighbourhood, a golden section in 30 digits the maximum there."""
    grid = np.concatenate(
        [-np.geomspace(1e-6, 80 / min(delta, 1), 40_001)[::-1], np.linspace(0, 80 / min(delta, 1), 40_001)]
    )
    start = float(grid[np.argmax(mean_attention(sparsity, delta, grid))])
    with mpmath.workdps(30):
        share, size = mpmath.mpf(sparsity), mpmath.mpf(delta)

        def attention(u):
            odds = share / (1 - share)
            one, other = odds * mpmath.exp(u), odds * mpmath.exp(-size * u)
            return share * one / (1 + one) + (1 - share) * other / (1 + other)

        spacing = abs(start) * mpmath.mpf("1e-2") + mpmath.mpf("1e-2")
        low, high = start - spacing, start + spacing
        golden = (mpmath.sqrt(5) - 1) / 2
        for _ in range(90):
            a, b = high - golden * (high - low), low + golden * (high - low)
            low, high = (a, high) if attention(a) < attention(b) else (low, b)
        exact = max(float(attention((low + high) / 2)), sparsity, 1 - sparsity)
    assert_allclose(largest_mean_attention(sparsity, delta)[0], exact, atol=1e-12)


@pytest.mark.parametrize("steep", [True, False])
def test_no_cell_rises_by_more_than_its_bound(steep):
    """Cells of all widths; in some the bound by the slope, or by derivative and curvature, is nearly reached."""
    rng = np.random.default_rng(6)
    largest = 0.0
    for _ in range(2000):
        sparsity, delta, width = rng.uniform(0.01, 0.99), 10 ** rng.uniform(-1, 2), 10 ** rng.uniform(-3, 1)
        middle = rng.uniform(-6, 6) / max(delta, 1.0)
        if steep:
            # The first logistic function alone, where it is steepest: u = -4.6.
            sparsity, delta, width, middle = 0.99, 1e-3, 10 ** rng.uniform(-1, 0), rng.uniform(-5, -4.2)
        bound = float(rise_within(sparsity, delta, np.array([middle]), width)[0])
        inside = mean_attention(sparsity, delta, middle + width / 2 * np.linspace(-1, 1, 201))
        rise = float(inside.max() - mean_attention(sparsity, delta, np.array([middle]))[0])
        assert rise <= bound + 1e-15
        largest = max(largest, rise / bound)
    assert largest > 0.99


@pytest.mark.parametrize("sparsity", [1e-3, 0.05, 0.2, 0.35, 0.49, 0.5, 0.75, 0.95])
def test_there_is_one_threshold(sparsity):
    """Δ/(1+Δ) less the supremum changes its sign once, at the threshold, on a grid of 120 values."""
    found = self_attention_threshold(sparsity)
    grid = found.threshold * np.concatenate([np.geomspace(0.02, 0.999, 60), np.geomspace(1.001, 30, 60)])
    excess = np.array([delta / (1 + delta) - largest_mean_attention(sparsity, delta)[0] for delta in grid])
    assert (excess[:60] < 0).all()
    assert (excess[60:] > 0).all()
    assert found.threshold <= found.sufficient
    assert found.error_bound < 1e-7 * found.threshold


@pytest.mark.parametrize(("tokens", "relevant"), [(20, 1), (8, 2), (5, 2), (4, 2), (6, 4)])
def test_the_threshold_from_both_sides(tokens, relevant):
    """A ten-thousandth below, a construction never errs; above, no K of any size does better than a coin."""
    sparsity = relevant / tokens
    threshold = self_attention_threshold(sparsity).threshold
    data = {"context": CONTEXT, "signal": SIGNAL, "tokens": tokens, "relevant_tokens": relevant}
    below, above = 0.9999 * threshold, 1.0001 * threshold
    key, head = winning_self_attention(CONTEXT, SIGNAL, sparsity=sparsity, delta=below)
    assert self_attention_accuracy(key, head, deltas=[Delta(0, 0, 0.5), Delta(below, below, 0.5)], **data) == 1
    deltas = [Delta(0, 0, 0.5), Delta(above, above, 0.5)]
    rng = np.random.default_rng(tokens)
    for _ in range(150):
        random_key = rng.standard_normal((4, 4)) * 10 ** rng.uniform(-2, 2)
        assert self_attention_accuracy(random_key, rng.standard_normal(4), deltas=deltas, **data) == 0.5
    assert self_attention_accuracy(key, head, deltas=deltas, **data) == 0.5
    with pytest.raises(NotAvailableError, match="no self-attention does better than a coin"):
        winning_self_attention(CONTEXT, SIGNAL, sparsity=sparsity, delta=above)


def test_half_the_tokens_and_more_have_the_threshold_of_pooling():
    for sparsity in (0.5, 0.6, 0.9):
        assert_allclose(self_attention_threshold(sparsity).threshold, sparsity / (1 - sparsity), rtol=1e-15)
    # From below 1/2 it is approached, and is larger than 1.
    assert 1 < self_attention_threshold(0.4999).threshold < 1.001


# --- the other models ---


@pytest.mark.parametrize(("tokens", "relevant"), [(8, 2), (5, 3)])
def test_linear_attention_cannot_tell_opposite_deltas(tokens, relevant):
    """At (Δ, -Δ) no weights do better than a coin; a hundredth to either side the right ones never err."""
    size = separation(tokens, relevant).linear_attention_delta
    rng = np.random.default_rng(3)
    models = [TrainedModel(CONTEXT, SIGNAL, *rng.standard_normal((2, 4))) for _ in range(300)]
    right = winning_prompt(CONTEXT, SIGNAL, sparsity=0.1)
    for scale, sign in ((1.0, 0.0), (0.99, 1.0), (1.01, -1.0)):
        data = {"tokens": tokens, "relevant_tokens": relevant, "deltas": [Delta(scale * size, -scale * size)]}
        if sign == 0:
            assert {linear_attention_accuracy(model, **data) for model in models} == {0.5}
        else:
            model = TrainedModel(CONTEXT, SIGNAL, right.prompt, sign * right.head)
            assert linear_attention_accuracy(model, **data) == 1


def test_pooling_loses_the_signal_at_its_delta():
    size = separation(8, 2).uniform_pooling_delta
    for scale, error in ((1.0, 0.5), (0.99, 0.0)):
        model = TrainedModel([1, 0], [0, 1], prompt=[0, 0], head=[0, 1])
        risk = exact_risk(model, tokens=8, relevant_tokens=2, noise=0.0, deltas=[Delta(0, scale * size)])
        # (1-ζ) δ_w is a product that rounds: the signal may be 1e-17 rather than 0.
        assert risk.error == error if scale < 1 else abs(0.25 - 0.75 * size) < 1e-16


@pytest.mark.parametrize("signal", [SIGNAL, ORTHOGONAL], ids=["any angle", "right angle"])
def test_prompt_attention_never_errs_and_keeps_its_margin(signal):
    rng = np.random.default_rng(4)
    for _ in range(40):
        least, largest, margin = rng.uniform(-0.9, 2), rng.uniform(0, 50), rng.uniform(0, 0.95)
        model = winning_prompt(
            CONTEXT,
            signal,
            sparsity=0.25,
            least_delta_context=least,
            largest_delta_signal=largest,
            margin=margin,
        )
        deltas = [Delta(least, largest), Delta(least + rng.uniform(0, 3), rng.uniform(-80, largest))]
        gains = []
        for delta in deltas:
            for label, x in sequences(CONTEXT, signal, 8, 2, delta):
                attention = np.exp(x @ model.prompt)
                gains.append(label * (attention / attention.sum()) @ x @ model.head)
        assert min(gains) >= margin - 1e-9
        # The margin is reached at the worst δ, unless no prompt is needed.
        if np.any(model.prompt):
            assert_allclose(gains[:2], margin, atol=1e-9)
        if margin > 0.01:
            risk = exact_risk(model, tokens=8, relevant_tokens=2, noise=0.0, deltas=[Delta(least, largest)])
            assert risk.error == 0


def test_off_the_diagonal_self_attention_succeeds():
    """With preferences of 40 in each row all attention is on the relevant tokens, to e^-40."""
    rng = np.random.default_rng(8)
    context, signal = np.array([1.7, 0.0]), np.array([0.0, 0.6])
    for _ in range(40):
        one, other = rng.uniform(-0.9, 8, 2)
        key = off_diagonal_key(1.7, 0.6, delta_context=one, delta_signal=other, preference=40.0)
        deltas = [Delta(0, 0, 0.5), Delta(one, other, 0.5)]
        data = {"context": context, "signal": signal, "tokens": 9, "relevant_tokens": 2, "deltas": deltas}
        assert self_attention_accuracy(key, signal, **data) == 1
    with pytest.raises(NotAvailableError, match="delta_context = delta_signal"):
        off_diagonal_key(1.0, 1.0, delta_context=2.0, delta_signal=2.0, preference=40.0)


@settings(deadline=None, max_examples=60)
@given(sparsity=st.floats(1e-6, 1, exclude_max=True))
def test_thresholds_are_finite_and_between_their_bounds(sparsity):
    found = self_attention_threshold(sparsity)
    larger = max(sparsity, 1 - sparsity) / min(sparsity, 1 - sparsity)
    # The tolerance of the supremum, 1e-12, is divided by its slope.
    assert larger * (1 - 1e-12) - found.error_bound <= found.threshold
    if sparsity < 0.5:
        assert found.threshold <= found.sufficient + found.error_bound
    assert math.isfinite(found.error_bound)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: self_attention_threshold(0.0), "sparsity must be finite and greater than 0"),
        (lambda: self_attention_threshold(1.0), "sparsity must be less than 1"),
        (lambda: separation(4, 4), "relevant_tokens must be less than tokens = 4, got 4"),
        (lambda: winning_prompt([1, 0], [2, 0], sparsity=0.5), "nor parallel to the context"),
        (lambda: winning_prompt([1, 0], [0, 1], sparsity=0.5, margin=1.0), "margin must be less than 1"),
        (lambda: winning_prompt([1, 0], [0, 1], sparsity=2.0), "sparsity must be at most 1"),
        (
            lambda: self_attention_accuracy(
                [[1.0]], [0, 1], context=[1, 0], signal=[0, 1], tokens=4, relevant_tokens=1
            ),
            "key must be a finite matrix of shape",
        ),
        (
            lambda: linear_attention_accuracy(
                TrainedModel([1, 0], [0, 1], [1, 0], [0, 1]), tokens=4, relevant_tokens=5
            ),
            "relevant_tokens must lie between 1 and tokens = 4",
        ),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()


def test_the_command_prints_what_the_function_returns(capsys):
    assert main(["separation", "--tokens", "8", "--relevant", "2", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    found = separation(8, 2)
    for name in (
        "self_attention_threshold",
        "self_attention_sufficient",
        "linear_attention_delta",
        "uniform_pooling_delta",
    ):
        assert record[name] == getattr(found, name)
    assert main(["separation", "--tokens", "8", "--relevant", "2"]) == 0
    assert "3.10734475364" in capsys.readouterr().out
    with pytest.raises(SystemExit) as leaving:
        run(PROG, lambda: main(["separation", "--tokens", "8", "--relevant", "8"]))
    assert leaving.value.code == 2
    assert "--relevant must be less than --tokens = 8, got 8" in capsys.readouterr().err
