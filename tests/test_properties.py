"""Over wide ranges: a finite value that a probability can have, or a clear error; never NaN."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from theory import (
    AccuracyError,
    ArgumentError,
    ContextualMixture,
    Head,
    NotAvailableError,
    averaging_error,
    averaging_overlap,
    full_head_averaging_error,
    known_prompt_error,
    least_squares_error,
    least_squares_overlap,
)

counts = st.floats(0, 12).map(lambda power: round(10**power))
ratios = st.one_of(st.just(0.0), st.just(np.inf), st.floats(-12, 12).map(lambda power: 10.0**power))
scales = st.floats(-6, 6).map(lambda power: 10.0**power)
signed = st.one_of(st.just(0.0), st.floats(-50, 50))


@given(n=st.one_of(counts, st.just(np.inf)), p=counts, k=ratios)
@pytest.mark.parametrize(
    ("head_error", "head_overlap"), [(averaging_error, averaging_overlap), (least_squares_error, least_squares_overlap)]
)
def test_errors_and_overlaps_are_probabilities_and_cosines(head_error, head_overlap, n, p, k):
    result = head_error(n, p, k)
    assert 0 <= result.error <= 0.5 + 1e-9
    assert not np.isnan(result.log_error)
    assert result.log_error <= np.log(0.5) + 1e-9
    assert 0 <= result.error_bound <= 1e-8 * max(result.error, 1e-300)
    assert 0 <= head_overlap(n, p, k) <= 1


@given(n=counts, p=counts, k=st.floats(0, 40))
def test_the_order_of_error_limit_and_population(n, p, k):
    """Least squares ≥ averaging ≥ population: each inequality up to the numerical error of both sides."""
    least_squares, averaging = least_squares_error(n, p, k), averaging_error(n, p, k)
    slack = least_squares.log_error_bound + averaging.log_error_bound
    assert least_squares.log_error >= averaging.log_error - slack
    assert averaging.log_error >= averaging_error(np.inf, p, k).log_error - slack


@given(
    n=st.floats(0, 8).map(lambda power: round(10**power)),
    p=st.integers(2, 10**6),
    signal=st.floats(0, 20),
    noise=st.one_of(st.just(0.0), st.floats(1e-2, 10)),
    context=st.floats(-20, 20),
    noisy=st.booleans(),
)
def test_full_head_errors_are_probabilities(n, p, signal, noise, context, noisy):
    # With few dimensions and hardly any signal the sum runs over √n terms: true, but not quick.
    assume(p > 20 or n < 10**6)
    result = full_head_averaging_error(n, p, signal, noise, context, noisy_context=noisy)
    assert 0 <= result.error <= 0.5 + 1e-9
    assert not np.isnan(result.log_error)
    assert 0 <= result.error_bound <= 1e-6


@given(
    d=st.integers(2, 10**6),
    tokens=st.integers(1, 10**6),
    share=st.floats(0, 1),
    norms=st.tuples(scales, st.one_of(st.just(0.0), scales)),
    noise=st.one_of(st.just(0.0), scales),
    deltas=st.tuples(signed, signed),
    n=st.one_of(counts, st.just(np.inf)),
    temperature=st.one_of(st.just(0.0), st.floats(0, 100)),
    pooled=st.booleans(),
    kind=st.sampled_from(["averaging", "least-squares"]),
    attention=st.sampled_from(["softmax", "linear"]),
)
def test_every_mixture_of_deterministic_attention_gets_an_answer(
    d, tokens, share, norms, noise, deltas, n, temperature, pooled, kind, attention
):
    relevant = max(1, round(share * tokens))
    noise_kind, temperature = ("isotropic", 0.0) if pooled else ("prompt-orthogonal", temperature)
    mixture = ContextualMixture(d, tokens, relevant, *norms, noise, noise_kind, *deltas)
    prediction = known_prompt_error(mixture, Head(n, temperature, attention, kind))
    assert prediction.regime == "exact"
    assert 0 <= prediction.error <= 0.5 + 1e-9
    assert prediction.limit <= prediction.error * (1 + 1e-8)
    assert prediction.population <= prediction.limit * (1 + 1e-8)
    assert -1 <= prediction.overlap <= 1
    assert prediction.kappa >= 0


@settings(max_examples=30)
@given(
    d=st.integers(2, 10**4),
    tokens=st.integers(2, 12),
    share=st.floats(0, 0.9),
    signal=st.one_of(st.just(0.0), st.floats(0.01, 10)),
    noise=st.floats(0.1, 3),
    deltas=st.tuples(st.floats(-1, 2), st.sampled_from([0.0, 0.3])),
    n=st.one_of(st.integers(1, 10**5), st.just(np.inf)),
    # From the widest spread of scores to one that is refused; a coarse grid of them keeps the laws few.
    spread=st.sampled_from([0.1, 0.5, 1.0, 4.0, 6.0]),
    head=st.sampled_from(
        [("averaging", None), ("weighted-averaging", None), ("least-squares", None), ("max-margin", None)]
        + [("ridge", ridge) for ridge in (0.0, 1e-6, 0.1, 1e4, np.inf)]
        + [("logistic", ridge) for ridge in (0.0, 1e-4, 1.0, np.inf)]
    ),
    attention=st.sampled_from(["softmax", "linear"]),
)
def test_fluctuating_attention_gets_an_answer_or_a_reason(
    d, tokens, share, signal, noise, deltas, n, spread, head, attention
):
    relevant = min(max(1, round(share * tokens)), tokens - 1)
    mixture = ContextualMixture(d, tokens, relevant, 1.0, signal, noise, "isotropic", *deltas)
    prediction = None
    try:
        prediction = known_prompt_error(mixture, Head(n, spread / noise, attention, *head))
    except (NotAvailableError, AccuracyError):
        # Too wide a spread, or too few dimensions for the data to be separable.
        assert spread > 3 or head[0] == "max-margin"
    if prediction is None:
        return
    assert 0 <= prediction.error <= 1
    assert 0 <= prediction.error_bound <= 1e-3
    assert -1 <= prediction.overlap <= 1
    assert prediction.kappa >= 0
    if deltas[1] == 0:
        # Signals of one sign: no head does better than the best, up to the numerical error.
        assert prediction.limit <= prediction.error + prediction.error_bound + 1e-5
        assert prediction.population <= prediction.limit + prediction.error_bound + 1e-5


@given(value=st.one_of(st.floats(), st.text(), st.none(), st.booleans(), st.lists(st.floats(), max_size=3)))
def test_any_value_for_samples_is_taken_or_refused_clearly(value):
    refusal = ""
    try:
        assert np.all(np.asarray(Head(value).samples) >= 1)
    except ArgumentError as error:
        refusal = str(error)
    assert not refusal or refusal.startswith("samples must ")
