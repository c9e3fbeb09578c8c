"""All models on the same splits: accuracy, attention on the relevant tokens, and what the theory predicts."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from numerics.executor import map_in_order
from numerics.extras import REAL_DATA
from numerics.real_data.ceiling import ceiling
from numerics.real_data.mixture_fit import fit_mixture
from numerics.real_data.resampling import ResampledMean, resampled_mean
from numerics.real_data.sources import Source, Split
from numerics.real_data.three_step_training import STEPS, three_steps_and_choose
from numerics.real_data.training import Trained, accuracy, relevant_share, train_and_choose
from numerics.real_data.whitening import Whitening
from numerics.streams import stream
from numerics.training.attention_models import MODELS, AttentionModel, PromptAttention, UniformPooling
from theory.arguments import ArgumentError
from theory.descent.three_steps import three_steps
from theory.risk.lognormal_sum import AccuracyError

KEY = 70
"""Number that names the streams of the splits."""

EARLY = 3
"""Iterates after which training is looked at on its way; the three steps are looked at after two."""


@dataclass(frozen=True)
class Outcome:
    """One way of training on one split.

    Attributes:
        model: which one.
        accuracy: on the test set.
        choice: what was chosen on validation: λ, or the length of the prompt.
        shares: attention on the relevant tokens before, after a few iterates and after training; None where
            there is no such number.
        predicted: accuracy and attention by theory, for the three steps on data that say what is relevant.
    """

    model: str
    accuracy: float
    choice: float
    shares: tuple[float, float, float] | None = None
    predicted: tuple[float, float] | None = None


@dataclass(frozen=True)
class ModelSummary:
    """One way of training over all splits.

    Attributes:
        model: which one.
        accuracy: on test sets.
        advantage: over uniform pooling on the same splits, None where that is not compared.
        share_before: attention on the relevant tokens before training; None where there is no such number.
        share_during: the same after a few iterates.
        share_after: the same after training.
        predicted_accuracy: by theory, from the training data alone.
        predicted_share: the same of attention after training.
        choices: what was chosen on validation, split by split.
    """

    model: str
    accuracy: ResampledMean
    advantage: ResampledMean | None
    share_before: ResampledMean | None
    share_during: ResampledMean | None
    share_after: ResampledMean | None
    predicted_accuracy: ResampledMean | None
    predicted_share: ResampledMean | None
    choices: tuple[float, ...]


@dataclass(frozen=True)
class Task:
    """One split."""

    source: Source
    samples: int | None
    models: tuple[AttentionModel, ...]
    seed: int
    key: tuple[int, ...]


def whitened_split(source: Source, samples: int | None, rng: np.random.Generator) -> Split:
    """Return a split, scaled and centred by what its training sequences say."""
    raw = source.split(samples, rng)
    return raw.mapped(Whitening.learned(raw.training.tokens))


def compare_on_split(task: Task) -> list[Outcome]:
    """Train every model on one split and test it."""
    rng = stream(task.seed, KEY, *task.key)
    split = whitened_split(task.source, task.samples, rng)
    outcomes = [_outcome_of(model, split, rng) for model in task.models]
    if any(isinstance(model, PromptAttention) for model in task.models):
        outcomes.append(_three_steps(split))
    if split.test.relevance is not None and REAL_DATA.installed:
        top = ceiling(split)
        outcomes.append(Outcome(top.name, accuracy(top.decisions(split.test), split.test.labels), top.choice))
    return outcomes


def _outcome_of(model: AttentionModel, split: Split, rng: np.random.Generator) -> Outcome:
    """Train and test one model."""
    trained = train_and_choose(model, split, rng=rng)
    right = accuracy(trained.decisions(split.test), split.test.labels)
    return Outcome(
        trained.name, right, trained.choice, _shares(trained, split, (0, min(EARLY, len(trained.path) - 1), -1))
    )


def _three_steps(split: Split) -> Outcome:
    """Make the three steps, test them, and predict them."""
    trained = three_steps_and_choose(split)
    right = accuracy(trained.decisions(split.test), split.test.labels)
    return Outcome(
        trained.name, right, trained.choice, _shares(trained, split, (0, 2, 3)), predicted(split, trained.choice)
    )


def _shares(trained: Trained, split: Split, iterates: tuple[int, int, int]) -> tuple[float, float, float] | None:
    """Return the attention on the relevant tokens of the test set at three iterates."""
    first, second, third = (relevant_share(trained.model, trained.path[index], split.test) for index in iterates)
    return None if first is None or second is None or third is None else (first, second, third)


def predicted(split: Split, length: float) -> tuple[float, float] | None:
    """Return accuracy and attention of the three steps by theory, None where the theory does not cover the data."""
    try:
        fit = fit_mixture(split.training)
        steps = three_steps(fit.mixture, len(split.training) // STEPS, length, labels="balanced")
    except (ArgumentError, AccuracyError):
        return None
    return 1 - steps.error, steps.attention


def compare(
    source: Source,
    samples: int | None = None,
    *,
    splits: int = 20,
    models: tuple[AttentionModel, ...] = tuple(MODELS.values()),
    seed: int = 0,
    executor: Executor | None = None,
    progress: str | None = None,
) -> list[ModelSummary]:
    """Train every model with the same budget on the same random splits, and test it.

    Args:
        source: where the sequences come from.
        samples: n, training sequences; None for what is usual with the source.
        splits: J ≥ 2.
        models: which ones; the three steps and the ceiling are added where they can be had.
        seed: whole number of at least 0, which names the random streams.
        executor: spreads the splits over processes; None computes here.  The result does not depend on it.
        progress: label of a progress bar.

    Raises:
        ArgumentError: an argument is out of range, or the data are too few.
        NotAvailableError: scikit-learn is not installed.

    Example:
        >>> from numerics.training.attention_models import UniformPooling
        >>> from numerics.real_data.sources import ImageSource
        >>> compared = compare(ImageSource("embedded", 16, 2), 60, splits=2, models=(UniformPooling(),))
        >>> [each.model for each in compared]
        ['uniform pooling', 'ceiling']
    """
    tasks = [Task(source, samples, models, seed, (index,)) for index in range(splits)]
    return summarise(list(map_in_order(compare_on_split, iter(tasks), splits, executor, progress)))


def summarise(runs: Sequence[Sequence[Outcome]]) -> list[ModelSummary]:
    """Return the means over splits, model by model."""
    columns = {outcomes[0].model: outcomes for outcomes in zip(*runs, strict=True)}
    reference = columns.get(UniformPooling.name)
    return [_summary(outcomes, reference) for outcomes in columns.values()]


def _summary(outcomes: Sequence[Outcome], reference: Sequence[Outcome] | None) -> ModelSummary:
    """Return the means over splits of one model, and of its advantage over another."""
    rights = np.array([each.accuracy for each in outcomes])
    shares = [each.shares for each in outcomes if each.shares is not None]
    predictions = [each.predicted for each in outcomes if each.predicted is not None]
    known = len(predictions) == len(outcomes)
    before, during, after = map(resampled_mean, np.transpose(shares)) if shares else (None, None, None)
    return ModelSummary(
        model=outcomes[0].model,
        accuracy=resampled_mean(rights),
        advantage=None if reference is None else resampled_mean(rights - [each.accuracy for each in reference]),
        share_before=before,
        share_during=during,
        share_after=after,
        predicted_accuracy=resampled_mean([each[0] for each in predictions]) if known else None,
        predicted_share=resampled_mean([each[1] for each in predictions]) if known else None,
        choices=tuple(each.choice for each in outcomes),
    )
