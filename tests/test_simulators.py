"""Three simulators of one law: they agree in distribution with each other and in the mean with theory.

Each comparison is a statistical check with a share of the suite's false-alarm budget (tests/false_alarms.py).
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from numerics.simulators.overlap import simulate_overlaps
from numerics.simulators.prompt_attention import attention_features
from numerics.simulators.scores import (
    draw_attention,
    draw_mean_heads,
    draw_training_set,
    errors_given_heads,
    parts_of,
    simulate_scores,
    simulate_scores_together,
)
from numerics.simulators.sequences import context_vector, draw_sequences, signal_vector
from numerics.simulators.tokens import draw_features, simulate_tokens, simulate_tokens_together
from numerics.streams import as_generator, stream
from numerics.training.heads import minimum_norm_solution
from tests.false_alarms import RATE, assert_mean, share
from theory import ArgumentError, ContextualMixture, Head, NotAvailableError, known_prompt_error
from theory.head import ATTENTIONS, HEAD_SPACES

PROMPTED = {
    "dimension": 9,
    "tokens": 5,
    "relevant_tokens": 1,
    "signal_norm": 0.8,
    "noise_kind": "prompt-orthogonal",
}
POOLED = {"dimension": 9, "tokens": 5, "relevant_tokens": 2, "signal_norm": 1.5}
DELTAS = {"delta_context": 0.3, "delta_signal": 0.2}

# Settings in which attention is deterministic: mixture, head without its size, sizes below, at and above p.
DETERMINISTIC = [
    (PROMPTED, {"kind": "averaging"}),
    ({**PROMPTED, **DELTAS}, {"kind": "least-squares"}),
    ({**PROMPTED, **DELTAS}, {"kind": "averaging", "space": "full"}),
    (POOLED, {"kind": "averaging", "inverse_temperature": 0.0}),
    ({**POOLED, **DELTAS}, {"kind": "least-squares", "inverse_temperature": 0.0}),
    (POOLED, {"kind": "averaging", "space": "full", "inverse_temperature": 0.0}),
    # δ_w so large that a feature points against w⋆, and the head with it.
    ({**PROMPTED, "delta_signal": 2.0}, {"kind": "averaging", "space": "full"}),
    ({**PROMPTED, "delta_signal": 2.0}, {"kind": "least-squares"}),
]
QUICK = (1, 8)
"""Sizes of the quick suite: the least one, and n = p for the orthogonal head; the others are in the slow one."""

REPEATED = {(1, str(index)) for index in range(3, 8)}
"""Least sizes of further settings: the first three show what one example does."""


def case(mixture, head, name):
    """Return a setting, marked as slow for most sizes."""
    marks = () if head.samples in QUICK and (int(head.samples), name) not in REPEATED else pytest.mark.slow
    return pytest.param(mixture, head, id=f"{name}-n{int(head.samples)}", marks=marks)


CASES = [
    case(ContextualMixture(**mixture), Head(n, **head), str(index))
    for index, (mixture, head) in enumerate(DETERMINISTIC)
    for n in (1, 4, 8, 20)
]
FLUCTUATING = [
    case(ContextualMixture(9, 5, 2, **DELTAS), Head(n, 0.8, kind=kind, space=space), f"{kind}-{space}")
    for kind in ("averaging", "least-squares")
    for space in ("orthogonal", "full")
    for n in (4, 8, 9, 20)
]


def assert_same_law(first, second):
    """Kolmogorov and Smirnov's two-sample test.

    Power: with N = 1500 and 6000 numbers, distribution functions that differ by 0.13 anywhere are told apart with
    probability 99.9 %; a shift of a third of a standard deviation does that.
    """
    assert stats.ks_2samp(first, second).pvalue > share()


@pytest.mark.parametrize(("mixture", "head"), CASES)
def test_tokens_scores_and_overlaps_have_one_law_and_the_predicted_means(mixture, head):
    tokens = simulate_tokens(mixture, head, 1500, stream(1, 0))
    scores = simulate_scores(mixture, head, 6000, stream(1, 1))
    overlaps = simulate_overlaps(mixture, head, 300_000, stream(1, 2))
    assert_same_law(tokens.overlaps, scores.overlaps)
    assert_same_law(tokens.overlaps, overlaps.overlaps[:100_000])
    assert_same_law(scores.overlaps, overlaps.overlaps[:6000])
    if not (
        head.space == "full" and mixture.noise_kind == "isotropic"
    ):  # there the score simulator averages over scores
        assert_same_law(scores.errors, overlaps.errors[:6000])
    prediction = known_prompt_error(mixture, head)
    for outcome, detectable in ((tokens, 0.5), (scores, 0.2), (overlaps, 0.025)):
        for values, predicted in ((outcome.errors, prediction.error), (outcome.overlaps, prediction.overlap)):
            assert_mean(values.mean(), values.std(ddof=1) / np.sqrt(len(values)), predicted, detectable=detectable)


@pytest.mark.parametrize(("mixture", "head"), FLUCTUATING)
def test_tokens_and_scores_agree_where_attention_fluctuates(mixture, head):
    tokens = simulate_tokens(mixture, head, 1500, stream(3, 0))
    scores = simulate_scores(mixture, head, 6000, stream(3, 1))
    assert_same_law(tokens.overlaps, scores.overlaps)
    error = scores.errors.mean()
    standard_error = np.hypot(tokens.errors.std() / np.sqrt(1500), scores.errors.std() / np.sqrt(6000))
    assert_mean(tokens.errors.mean(), standard_error, error, detectable=0.3)


@pytest.mark.parametrize("n", [pytest.param(n, marks=() if n == 9 else pytest.mark.slow) for n in (1, 4, 8, 9, 20)])
def test_least_squares_in_the_full_space_has_one_law(n):
    """Prompt-orthogonal noise: an intercept; exact from n = d = 9 on."""
    mixture, head = ContextualMixture(**{**PROMPTED, **DELTAS}), Head(n, kind="least-squares", space="full")
    tokens = simulate_tokens(mixture, head, 1500, stream(2, n, 0))
    scores = simulate_scores(mixture, head, 6000, stream(2, n, 1))
    overlaps = simulate_overlaps(mixture, head, 100_000, stream(2, n, 2))
    assert_same_law(tokens.overlaps, overlaps.overlaps)
    assert_same_law(scores.overlaps, overlaps.overlaps)
    assert_same_law(scores.errors, overlaps.errors)
    prediction = known_prompt_error(mixture, head)
    assert prediction.regime == ("exact" if n >= 9 else "proportional")
    if prediction.regime == "exact":
        for outcome, detectable in ((tokens, 0.5), (scores, 0.2), (overlaps, 0.05)):
            for values, predicted in ((outcome.errors, prediction.error), (outcome.overlaps, prediction.overlap)):
                error = values.std(ddof=1) / np.sqrt(len(values))
                assert_mean(values.mean(), error, predicted, detectable=detectable)


def test_the_comparison_of_laws_sees_a_wrong_formula():
    """χ²_{p-2} for χ²_{p-1} in the overlap: told apart, though p = 8 makes the change small."""
    rng = np.random.default_rng(4)
    along = 2 + rng.standard_normal(100_000)
    right, wrong = (along / np.sqrt(along**2 + rng.chisquare(dof, 100_000)) for dof in (7, 6))
    assert stats.ks_2samp(right[:6000], wrong[:6000]).pvalue < RATE


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_drawn_attention_has_the_law_of_drawn_tokens(attention):
    """(M W, S, B) from scores against the means and spreads of features computed from tokens."""
    mixture, count = ContextualMixture(6, 4, 1, 1.2, 0.9, 0.7, **DELTAS), 400_000
    sequences = draw_sequences(mixture, count, rng=stream(5, 0))
    features = attention_features(sequences.tokens, 0.8 * context_vector(mixture), attention)
    draws = draw_attention(mixture, 0.8, count, stream(5, 1), attention)
    signed = sequences.labels[:, None] * features
    pairs = (
        (signed[:, 1], draws.signal, "M W is the mean along w⋆"),
        (features[:, 0], draws.context, "B is the mean along q⋆"),
        (features[:, 3] ** 2, draws.noise**2, "S² is the variance elsewhere"),
        (features[:, 0] ** 2, draws.context**2, "second moment along q⋆"),
        (features[:, 0] * signed[:, 1], draws.context * draws.signal, "both depend on the same scores"),
    )
    for tokens, scores, _ in pairs:
        standard_error = np.hypot(tokens.std(), scores.std()) / np.sqrt(count)
        assert_mean(tokens.mean(), standard_error, scores.mean(), detectable=0.05)


MOMENTS = 400_000


@pytest.mark.parametrize("space", HEAD_SPACES)
def test_drawn_training_sets_have_the_law_of_drawn_tokens(space):
    """First and second moments in the directions of w⋆ and q⋆ and across, and the errors of two fixed heads."""
    mixture, head = ContextualMixture(6, 5, 2, 1.2, 1.0, 1.2, **DELTAS), Head(1, 0.8, space=space)
    tokens = draw_features(mixture, [head], MOMENTS, stream(11, 0))[0].features
    draws = draw_attention(mixture, 0.8, MOMENTS, stream(11, 1))
    labels = np.random.default_rng(12).choice([-1.0, 1.0], MOMENTS)
    scores = draw_training_set(draws, labels, 6, space, stream(11, 2)).features
    assert scores.shape == (MOMENTS, 6 if space == "full" else 5)
    scores = np.roll(scores if space == "full" else np.column_stack([scores, np.zeros(MOMENTS)]), 1, axis=1)
    quantities = [lambda x: x[:, 1], lambda x: x[:, 1] ** 2, lambda x: (x[:, 2:] ** 2).sum(axis=1)]
    if space == "full":
        quantities += [lambda x: x[:, 0] ** 2, lambda x: x[:, 0] ** 2 * x[:, 1] ** 2]
    for quantity in quantities:
        one, other = quantity(tokens), quantity(scores)
        assert_mean(one.mean(), np.hypot(one.std(), other.std()) / np.sqrt(MOMENTS), other.mean(), detectable=0.05)
    for weights in (np.array([0.3, 0.4, 0.5, -0.2, 0.1, 0.6]), np.array([0.2, 0.5, 0.0, 0.0, 0.0, -0.2])):
        weights = weights if space == "full" else weights[:-1]
        error = float(errors_given_heads(draws, parts_of(weights, 6)))
        wrong = np.roll(weights, 1) if space == "full" else np.insert(weights, 0, 0.0)
        standard_error = np.sqrt(2 * error * (1 - error) / MOMENTS)
        assert_mean(np.mean(tokens @ wrong < 0), standard_error, error, detectable=0.05)


class Typical(np.random.Generator):
    """Draws 1 for every normal number and its mean for every chi-square number."""

    def standard_normal(self):
        return 1.0

    def chisquare(self, freedom):
        return float(freedom)


def test_mean_heads_have_the_moments_of_means_of_features():
    """Given scores and labels Σ wᵢ xᵢ/n is Gaussian: its mean and variance term by term."""
    draws = draw_attention(ContextualMixture(6, 4, 1, 1.2, 0.9, 0.7, **DELTAS), 0.8, (2, 5), stream(13))
    labels = np.array([[1.0, -1.0, -1.0, 1.0, 1.0], [1.0, 1.0, -1.0, -1.0, 1.0]])
    weights = np.array([[1.0, 0.5, 2.0, -0.3, 0.1], [0.2, 0.5, -1.0, 0.3, 1.0]])
    parts = draw_mean_heads(draws, weights, labels, 6, Typical(np.random.PCG64(0)))
    for index, (weight, label) in enumerate(zip(weights, labels, strict=True)):
        one = draws.of(index)
        variance = sum((w * s / 5) ** 2 for w, s in zip(weight, one.noise, strict=True))
        assert_allclose(parts.along[index], weight @ one.signal / 5 + np.sqrt(variance), rtol=1e-13)
        assert_allclose(parts.rest[index], np.sqrt(4 * variance), rtol=1e-13)
        shift = sum(w * y * b / 5 for w, y, b in zip(weight, label, one.context, strict=True))
        assert_allclose(parts.context[index], shift)
    assert_allclose(parts.length, np.sqrt(parts.along**2 + parts.rest**2 + parts.context**2))


@pytest.mark.parametrize("head", [Head(10, 0.5), Head(10, 0.5, kind="ridge", ridge=0.1, space="full")])
def test_how_many_repetitions_are_drawn_together_does_not_show(head, monkeypatch):
    mixture = ContextualMixture(6, 4, 1)
    whole = simulate_scores(mixture, head, 50, stream(14))
    monkeypatch.setattr("numerics.simulators.scores.CHUNK_SCORES", 100)
    parts = simulate_scores(mixture, head, 50, stream(14))
    assert_allclose(parts.errors, whole.errors, rtol=1e-13)
    assert_allclose(parts.overlaps, whole.overlaps, rtol=1e-13)


def test_sequences_are_what_the_definition_says():
    mixture = ContextualMixture(7, 6, 2, 1.3, 0.8, 0.5, delta_context=0.4, delta_signal=-0.6)
    sequences = draw_sequences(mixture, 50_000, rng=stream(6))
    context, signal = context_vector(mixture), signal_vector(mixture)
    assert_allclose([np.linalg.norm(context), np.linalg.norm(signal), context @ signal], [1.3, 0.8, 0])
    assert set(np.unique(sequences.labels)) == {-1.0, 1.0}
    relevant = context + sequences.labels[:, None, None] * signal
    assert_allclose(sequences.tokens[:, :2], np.broadcast_to(relevant, (50_000, 2, 7)))
    noise = sequences.tokens[:, 2:] + 0.4 * context - 0.6 * sequences.labels[:, None, None] * signal
    assert_mean((noise**2).mean(), (noise**2).std() / np.sqrt(noise.size), 0.25, detectable=0.02)
    assert_mean(1 + noise.mean(), 0.5 / np.sqrt(noise.size), 1, detectable=0.01)
    assert_mean(1 + sequences.labels.mean(), 1 / np.sqrt(50_000), 1, detectable=0.05)


def test_prompt_orthogonal_noise_has_no_part_along_the_prompt():
    mixture = ContextualMixture(7, 6, 2, 1.3, noise_kind="prompt-orthogonal", delta_context=0.4)
    tokens = draw_sequences(mixture, 100, rng=1).tokens
    assert_allclose(tokens[:, 2:, 0], -0.4 * 1.3, rtol=1e-14)


def test_attention_features_are_softmax_averages():
    rng = np.random.default_rng(7)
    tokens, prompt = rng.normal(size=(3, 4, 5)), rng.normal(size=5)
    for sequence, feature in zip(tokens, attention_features(tokens, prompt), strict=True):
        weights = np.exp(sequence @ prompt)
        assert_allclose(feature, sequence.T @ (weights / weights.sum()), rtol=1e-14)
    linear = attention_features(tokens, prompt, "linear")
    assert_allclose(linear[0], tokens[0].T @ tokens[0] @ prompt / 4, rtol=1e-13)
    # Scores of 10⁴ would overflow a naive exponential.
    assert np.isfinite(attention_features(1e4 * tokens, prompt)).all()


@pytest.mark.parametrize(("n", "p"), [(3, 8), (8, 8), (20, 8)])
def test_least_squares_training_solves_its_equations(n, p):
    rng = np.random.default_rng(8)
    features, labels = rng.normal(size=(n, p)), rng.choice([-1.0, 1.0], n)
    weights = minimum_norm_solution(features, labels)
    assert_allclose(features.T @ (labels - features @ weights), 0, atol=1e-10)
    assert_allclose(weights, np.linalg.pinv(features) @ labels, rtol=1e-8)


def test_chunks_of_sequences_do_not_change_the_draws(monkeypatch):
    """One large chunk and many small ones: the same law, the same shapes."""
    mixture, head = ContextualMixture(6, 4, 1), Head(10, 0.5)
    whole = draw_features(mixture, [head], 3000, stream(9, 0))[0].features
    monkeypatch.setattr("numerics.simulators.tokens.CHUNK_BYTES", 8 * 4 * 6 * 100)
    (drawn,) = draw_features(mixture, [head], 3000, stream(9, 1))
    parts = drawn.features
    assert parts.shape == whole.shape
    assert drawn.gains.shape == drawn.spreads.shape == (3000,)
    assert_same_law(whole[:, 1], parts[:, 1])


def test_training_and_test_streams_are_separate():
    """Another size of the test set must not change a single trained head."""
    mixture, head = ContextualMixture(6, 4, 1), Head(10, 0.5)
    before = simulate_tokens(mixture, head, 5, stream(10)).overlaps
    after = simulate_tokens(mixture, head, 5, stream(10), test_sequences=100).overlaps
    assert np.array_equal(before, after)


@pytest.mark.parametrize("space", HEAD_SPACES)
def test_heads_that_share_scores_have_the_errors_that_each_has_alone(space):
    """To the last digit; the test scores of a head that is dropped are drawn all the same."""
    mixture = ContextualMixture(6, 4, 1)
    kinds = {"averaging": None, "max-margin": None, "weighted-averaging": None, "ridge": 0.1, "logistic": 0.0}
    heads = [Head(12, 0.5, kind=kind, ridge=ridge, space=space) for kind, ridge in kinds.items()]
    together = simulate_scores_together(mixture, heads, 30, stream(14))
    assert [outcome.dropped > 0 for outcome in together] == [False, True, False, False, False]
    for head, outcome in zip(heads, together, strict=True):
        alone = simulate_scores(mixture, head, 30, stream(14))
        assert np.array_equal(outcome.errors, alone.errors)
        assert np.array_equal(outcome.overlaps, alone.overlaps)
        assert (outcome.dropped, outcome.separable) == (alone.dropped, alone.separable)
    with pytest.raises(ArgumentError, match="heads must differ in kind and ridge alone"):
        simulate_scores_together(mixture, [heads[0], Head(12, 0.6, space=space)], 3, stream(14))


def test_heads_that_share_sequences_have_the_errors_that_each_has_alone():
    """To the last digit, whatever each of them reads, and although some training sets are not separable."""
    mixture = ContextualMixture(6, 4, 1)
    heads = [
        Head(12, 0.5),
        Head(12, 0.5, kind="max-margin"),
        Head(12, 0.0, kind="max-margin"),
        Head(12, 0.5, kind="least-squares", space="full"),
        Head(12, 0.5, attention="linear"),
    ]
    together = simulate_tokens_together(mixture, heads, 30, stream(13))
    assert [outcome.dropped > 0 for outcome in together] == [False, True, True, False, False]
    for head, outcome in zip(heads, together, strict=True):
        alone = simulate_tokens(mixture, head, 30, stream(13))
        assert np.array_equal(outcome.errors, alone.errors)
        assert np.array_equal(outcome.overlaps, alone.overlaps)
        assert outcome.dropped == alone.dropped
    with pytest.raises(ArgumentError, match="samples must be the same for all heads"):
        simulate_tokens_together(mixture, [Head(12), Head(13)], 3, stream(13))


@pytest.mark.parametrize("simulate", [simulate_tokens, simulate_scores, simulate_overlaps])
def test_the_population_cannot_be_simulated(simulate):
    with pytest.raises(ArgumentError, match="samples must be finite in a simulation, got inf"):
        simulate(ContextualMixture(**PROMPTED), Head(np.inf), 2, stream(1))


@pytest.mark.parametrize(
    ("mixture", "head"),
    [
        (ContextualMixture(9, 5, 2), Head(10)),
        (ContextualMixture(9, 5, 5), Head(10)),
        (ContextualMixture(9, 5, 2, signal_norm=0), Head(10, 0)),
        (ContextualMixture(9, 5, 2), Head(10, 0.0, kind="least-squares", space="full")),
        (ContextualMixture(**PROMPTED), Head(10, kind="max-margin")),
        (ContextualMixture(**PROMPTED), Head(10, attention="linear")),
    ],
)
def test_the_overlap_simulator_refuses_what_it_has_no_law_for(mixture, head):
    with pytest.raises(NotAvailableError):
        simulate_overlaps(mixture, head, 2, stream(1))


@pytest.mark.parametrize("simulate", [simulate_tokens, simulate_scores])
def test_without_noise_every_decision_is_right_and_without_features_every_one_a_tie(simulate):
    perfect = simulate(ContextualMixture(5, 4, 4), Head(3), 4, stream(1))
    assert_allclose([perfect.errors, perfect.overlaps], [[0] * 4, [1] * 4], atol=1e-12)
    empty = simulate(ContextualMixture(5, 4, 4, signal_norm=0), Head(3), 4, stream(1))
    assert_allclose([empty.errors, empty.overlaps], [[0.5] * 4, [0] * 4])


@pytest.mark.parametrize("rng", [None, -1, 1.5, True, "seed", np.random.RandomState])
def test_only_generators_seed_sequences_and_whole_numbers_are_sources_of_randomness(rng):
    with pytest.raises(ArgumentError, match="rng must be a numpy Generator"):
        as_generator(rng)
