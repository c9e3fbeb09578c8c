"""Models compared on splits: nothing of a test set is seen in training; theory is held against the right numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from numerics.real_data import GivenSource, ImageSource, SequenceData, Split, compare, fit_mixture
from numerics.real_data.attention_course import CourseTask, attention_course, attention_examples
from numerics.real_data.comparison import Task, compare_on_split, predicted, whitened_split
from numerics.real_data.discrepancy import KEY as LADDER_KEY
from numerics.real_data.discrepancy import PROMPT_LENGTH, RUNGS, climb, discrepancy
from numerics.real_data.discrepancy import Task as LadderTask
from numerics.real_data.resampling import resampled_mean
from numerics.real_data.surrogates import SURROGATES, TokenLaws, surrogate
from numerics.real_data.three_step_training import three_steps_on
from numerics.real_data.whitening import Whitening
from numerics.simulators.sequences import draw_sequences
from numerics.streams import stream
from numerics.training.attention_models import MODELS, PromptAttention, UniformPooling
from tests.false_alarms import assert_mean
from theory import ContextualMixture, noisy_relevant_steps, three_steps
from theory.arguments import ArgumentError

EMBEDDED = ImageSource("embedded", 9, 2)
MIXTURE = ContextualMixture(12, 6, 2, context_norm=2, signal_norm=1.2, noise=0.9, delta_context=0.2)


@dataclass(frozen=True)
class MixtureSource:
    """Sequences of the contextual mixture itself, in place of real ones."""

    mixture: ContextualMixture

    def split(self, samples, rng):
        return Split(*(self.sequences(size, rng) for size in (samples, 20, 500)))

    def sequences(self, size, rng):
        drawn = draw_sequences(self.mixture, size, rng=rng, labels=np.where(np.arange(size) % 2 == 0, 1.0, -1.0))
        relevance = np.tile(np.arange(self.mixture.tokens) < self.mixture.relevant_tokens, (size, 1))
        return SequenceData(drawn.tokens, drawn.labels, relevance)


# --- comparison ---


def test_attention_beats_pooling_and_nothing_beats_what_is_told_the_relevant_patches():
    """On each of two splits; the seed is fixed, so that this is not left to chance."""
    runs = [compare_on_split(Task(EMBEDDED, 60, tuple(MODELS.values()), 3, (index,))) for index in range(2)]
    for outcomes in runs:
        right = {each.model: each.accuracy for each in outcomes}
        assert right["uniform pooling"] < right["prompt-attention"] <= right["ceiling"]
        shares = {each.model: each.shares for each in outcomes}
        assert_allclose(shares["uniform pooling"], 2 / 9, rtol=1e-12)
        assert_allclose(shares["prompt-attention"][0], 2 / 9, rtol=1e-12)
        assert 1.2 * 2 / 9 < shares["prompt-attention"][1] < 1
        assert 1.8 * 2 / 9 < shares["prompt-attention"][2] < 1
        assert shares["linear attention"] is None


def test_labels_by_chance_are_predicted_by_chance():
    """Accuracies of 60 splits of 80 test sequences or so, ± 0.056 each where nothing is seen of the test set."""
    rng = np.random.default_rng(51)
    data = SequenceData(rng.standard_normal((400, 3, 5)), rng.choice([-1.0, 1.0], 400))
    right = []
    for index in range(60):
        fresh = replace(data, tokens=rng.standard_normal((400, 3, 5)))
        (outcome,) = compare_on_split(Task(GivenSource(fresh), None, (UniformPooling(),), 0, (index,)))
        right.append(outcome.accuracy)
    assert_mean(np.mean(right), np.std(right, ddof=1) / math.sqrt(60), 0.5, detectable=0.2)


def test_what_is_learned_does_not_depend_on_the_test_set():
    data = ImageSource("fully-tiled", 9, 2).split(60, stream(52))
    changed = replace(data, test=data.test.mapped(lambda tokens: 100 * tokens + 7))

    class Fixed:
        def __init__(self, split):
            self.whole = split

        def split(self, *_):
            return self.whole

    first, second = (whitened_split(Fixed(split), None, stream(53)) for split in (data, changed))
    assert np.array_equal(first.training.tokens, second.training.tokens)
    assert np.array_equal(first.validation.tokens, second.validation.tokens)
    assert not np.allclose(first.test.tokens, second.test.tokens)


def test_data_without_relevance_have_no_share_no_ceiling_and_no_prediction():
    rng = np.random.default_rng(54)
    labels = np.where(np.arange(120) % 2 == 0, 1.0, -1.0)
    data = SequenceData(rng.standard_normal((120, 4, 6)) + labels[:, None, None], labels)
    models = compare(GivenSource(data), splits=2, models=(PromptAttention(), UniformPooling()))
    assert [each.model for each in models] == ["prompt-attention", "uniform pooling", "three steps"]
    assert all(each.share_after is None and each.predicted_accuracy is None for each in models)
    assert all(each.accuracy.mean > 0.9 for each in models)


def test_an_interval_over_splits_is_widened_for_what_they_share():
    values = [0.7, 0.8, 0.9, 0.8, 0.75]
    found = resampled_mean(values)
    # Student's 97.5 % quantile for 4 degrees of freedom, from a table.
    width = 2.776445 * np.std(values, ddof=1) * math.sqrt(1 / 5 + 0.2 / 0.6)
    assert_allclose(found.interval, [found.mean - width, found.mean + width], rtol=1e-6)
    with pytest.raises(ArgumentError, match=r"^splits must be at least 2"):
        resampled_mean([0.5])


# --- theory ---


def test_the_fit_finds_the_mixture():
    data = MixtureSource(MIXTURE).sequences(40_000, stream(55))
    turned, _ = np.linalg.qr(np.random.default_rng(56).normal(size=(12, 12)))
    fit = fit_mixture(data.mapped(lambda tokens: tokens @ turned))
    # Relevant tokens have no noise.  The others, 160,000: σ fluctuates by 1/√(2 · 12 · 160,000) of itself, and δ_q by
    # σ/(Q √160,000); six times that.
    assert_allclose([fit.mixture.context_norm, fit.mixture.signal_norm], [2, 1.2], rtol=1e-12)
    assert_allclose(fit.mixture.noise, 0.9, rtol=6 * 0.00051)
    assert_allclose(fit.mixture.delta_context, 0.2, atol=6 * 0.0011)
    assert_allclose([fit.cosine, fit.within_label], 0, atol=1e-12)
    assert (fit.mixture.tokens, fit.mixture.relevant_tokens) == (6, 2)


@pytest.mark.parametrize(
    ("relevance", "sentence"),
    [
        (None, "relevance must be given to fit the mixture"),
        ([[1, 1, 1]] * 4, "relevance must leave an irrelevant token in each sequence"),
        ([[1, 0, 0], [1, 1, 0], [1, 0, 0], [1, 0, 0]], "relevance must mark as many tokens in each sequence"),
    ],
)
def test_what_cannot_be_fitted_is_refused_and_not_predicted(relevance, sentence):
    data = SequenceData(np.arange(24.0).reshape(4, 3, 2), [1, -1, 1, -1], relevance)
    with pytest.raises(ArgumentError, match=f"^{sentence}"):
        fit_mixture(data)
    assert predicted(Split(data, data, data), 1.0) is None


@pytest.mark.parametrize("kind", SURROGATES)
def test_a_surrogate_keeps_labels_places_and_what_is_equal(kind):
    data = ImageSource("fully-tiled", 9, 2).split(60, stream(57)).training
    made = surrogate(kind, data, TokenLaws.learned(data), rng=stream(58))
    assert np.array_equal(made.labels, data.labels)
    assert np.array_equal(made.relevance, data.relevance)
    if kind == "shuffled":
        for label in (1, -1):
            mine = data.relevance & (data.labels == label)[:, None]
            assert np.array_equal(np.sort(made.tokens[mine], axis=0), np.sort(data.tokens[mine], axis=0))
        assert not np.array_equal(made.tokens, data.tokens)
    else:
        outside = ~data.relevance
        different = [len(np.unique(each.tokens[outside], axis=0)) for each in (made, data)]
        assert different[0] == different[1] < outside.sum()


def test_the_two_moment_surrogate_has_the_means_and_covariances():
    data = MixtureSource(MIXTURE).sequences(2000, stream(59)).mapped(lambda tokens: np.exp(tokens / 3))
    laws = TokenLaws.learned(data)
    made = surrogate("two-moment", data, laws, rng=stream(60))
    outside = ~data.relevance
    covariances = [np.cov(each.tokens[outside].T) for each in (made, data)]
    # 8,000 tokens: covariances of Gaussian numbers fluctuate by √(2/8000) = 1.6 % of the variances; six times that.
    assert_allclose(covariances[0], covariances[1], atol=0.096 * covariances[1].max())
    assert_allclose(
        made.tokens[outside].mean(axis=0), data.tokens[outside].mean(axis=0), atol=6 * covariances[1].max() ** 0.5 / 89
    )


@pytest.mark.parametrize(("kind", "deviation"), [("mixture", 0.0), ("noisy-mixture", 0.7)])
def test_the_mixture_surrogates_have_its_vectors_and_noise(kind, deviation):
    noise = stream(61).normal(scale=0.7, size=(2000, 6, 12))
    data = MixtureSource(MIXTURE).sequences(2000, stream(59))
    data = replace(data, tokens=data.tokens + noise * data.relevance[:, :, None])
    made = surrogate(kind, data, TokenLaws.learned(data), rng=stream(60))
    inside = made.tokens[made.relevance & (made.labels == 1)[:, None]]
    # 2,000 tokens: means fluctuate by 0.7/45, deviations of all coordinates together by 0.7/√48,000; six times that,
    # and once more for what the fit has of it.
    assert_allclose(inside.mean(axis=0)[:2], [2, 1.2], atol=2 * 6 * 0.7 / 45)
    assert_allclose(inside.std(axis=0).mean(), deviation, atol=2 * 6 * 0.7 / 219)
    assert_allclose(made.tokens[~made.relevance].std(axis=0).mean(), 0.9, atol=2 * 6 * 0.9 / 438)


def test_on_data_of_the_mixture_every_rung_is_the_theory(monkeypatch):
    """But for the luck of 16 splits, six deviations of it, and what the theory leaves out, of order 1/n².

    Tokens are left as they are: whitening shrinks q⋆ and w⋆, and the noise along them.
    """
    monkeypatch.setattr(Whitening, "learned", lambda _: Whitening(np.zeros(12), np.eye(12)))
    harder = replace(MIXTURE, context_norm=1.6, signal_norm=0.8)
    ladder = discrepancy(MixtureSource(harder), 240, splits=16, seed=2)
    assert tuple(rung.name for rung in ladder.rungs) == RUNGS
    for rung in ladder.rungs[1:]:
        for step in (rung.step, rung.attention_step):
            assert abs(step.mean) < 6 * step.deviation / math.sqrt(16) + 0.004
    assert ladder.within_label < 1e-12
    assert 0.01 < ladder.rungs[0].error.mean < 0.2


def test_the_first_rung_is_the_theory_of_the_fitted_mixture_and_every_other_is_trained_and_tested_as_itself():
    task = LadderTask(ImageSource("partly-tiled", 9, 2), 120, 7, (1,))
    values, _ = climb(task)
    rng = stream(7, LADDER_KEY, 1)
    split = whitened_split(task.source, 120, rng)
    steps = three_steps(fit_mixture(split.training).mixture, 40, PROMPT_LENGTH, labels="balanced")
    assert_allclose(values[0], [steps.error, steps.attention], rtol=1e-12)
    fit = fit_mixture(split.training)
    noisy = noisy_relevant_steps(fit.mixture, 40, PROMPT_LENGTH, fit.within_label)
    assert_allclose(values[-1], [noisy.error, noisy.attention], rtol=1e-12)
    laws = TokenLaws.learned(split.training)
    made = [[surrogate(kind, part, laws, rng=rng) for part in (split.training, split.test)] for kind in SURROGATES]
    for (training, test), measured in zip([*made, (split.training, split.test)], values[1:-1], strict=True):
        (trained,) = three_steps_on(training, (PROMPT_LENGTH,))
        wrong = np.mean(trained.decisions(test) * test.labels < 0)
        assert_allclose(measured, [wrong, trained.share(test)], rtol=1e-12)


def test_three_steps_do_not_depend_on_the_scale_of_the_labels_order():
    """The thirds are those of the order: sequences of another third change nothing in the first step."""
    data = MixtureSource(MIXTURE).sequences(90, stream(62))
    (one,) = three_steps_on(data, (1.0,))
    swapped = data.part(np.concatenate([np.arange(30)[::-1], np.arange(60, 90), np.arange(30, 60)]))
    (other,) = three_steps_on(swapped, (1.0,))
    assert_allclose(one.path[1], other.path[1], rtol=1e-12, atol=1e-15)
    assert not np.allclose(one.path[2], other.path[2])


# --- where attention goes ---


def test_examples_have_the_ranks_that_the_rule_names():
    task = CourseTask(EMBEDDED, 60, 5, (0,))
    examples, course = attention_examples(task), attention_course(task)
    shares = [example.after[example.relevance].sum() for example in examples]
    assert shares == sorted(shares)
    assert shares[0] < course[-1] < shares[2]
    for example in examples:
        assert 0 <= example.pixels.min() < example.pixels.max() <= 1
        assert_allclose(example.before, 1 / 9, rtol=1e-12)
        assert_allclose(example.after.sum(), 1, rtol=1e-12)
