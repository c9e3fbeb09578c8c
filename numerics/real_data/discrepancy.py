"""How far the theory carries, and where it stops: three steps of gradient descent, predicted and on a ladder of data.

Theory is fitted to the training sequences of a split, and predicts error and attention of the three steps.  The same
three steps are made on every surrogate and on the data themselves.  From one rung to the next one property of the data
comes in; the step in the error is what this property is responsible for.  Beside the ladder stands the theory of noisy
relevant tokens, which is told by one number more how much these vary.
"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from numerics.executor import map_in_order
from numerics.real_data.comparison import whitened_split
from numerics.real_data.resampling import ResampledMean, resampled_mean
from numerics.real_data.sources import Source, Split
from numerics.real_data.surrogates import SURROGATES, TokenLaws, surrogate
from numerics.real_data.three_step_training import STEPS, three_steps_on
from numerics.real_data.training import accuracy, relevant_share
from numerics.streams import stream
from theory.arguments import FloatArray, single
from theory.descent.noisy_relevant_steps import noisy_relevant_steps
from theory.descent.three_steps import StepOutcomes, three_steps

KEY = 72
"""Number that names the streams of the splits."""

RUNGS = ("theory", *SURROGATES, "data")
PROPERTIES = {
    "mixture": "finite n beyond 1/n, patches that are used again",
    "noisy-mixture": "relevant tokens vary, as much in all directions",
    "two-moment": "means and covariances of all tokens",
    "shuffled": "shape of the laws beyond two moments",
    "data": "dependence between the tokens of a sequence",
}
"""What comes in with each rung."""

PROMPT_LENGTH = 1.0
"""t, the same for all."""

STILL = 1e-3
"""Relevant tokens that vary by less, relative to the others, are taken not to vary."""

PARAMETERS = ("context_norm", "signal_norm", "noise", "delta_context")


@dataclass(frozen=True)
class Rung:
    """One rung of the ladder.

    Attributes:
        name: "theory", one of the surrogates, "data", or beside them "noisy theory".
        error: of the three steps, on test sequences; of the theory, predicted.
        attention: on the relevant tokens.
        step: in the error from the rung before, split by split; None for what is predicted.
        attention_step: the same of the attention.
    """

    name: str
    error: ResampledMean
    attention: ResampledMean
    step: ResampledMean | None
    attention_step: ResampledMean | None


@dataclass(frozen=True)
class Discrepancy:
    """The ladder at one setting.

    Attributes:
        rungs: in the order of `RUNGS`.
        noisy_theory: what the theory predicts that knows how much relevant tokens vary.
        parameters: means over splits of Q, W, σ and δ_q that were fitted, by the names of the mixture's fields.
        cosine: of q⋆ and w⋆, which the theory takes for 0.
        within_label: standard deviation of a coordinate of relevant tokens, which the theory takes for 0.
    """

    rungs: tuple[Rung, ...]
    noisy_theory: Rung
    parameters: dict[str, float]
    cosine: float
    within_label: float


@dataclass(frozen=True)
class Task:
    """One split."""

    source: Source
    samples: int | None
    seed: int
    key: tuple[int, ...]


def climb(task: Task) -> tuple[FloatArray, list[float]]:
    """Return error and attention on every rung of one split and by the noisy theory, and what was fitted."""
    rng = stream(task.seed, KEY, *task.key)
    split = whitened_split(task.source, task.samples, rng)
    laws = TokenLaws.learned(split.training)
    mixture = laws.fit.mixture
    samples = len(split.training) // STEPS
    steps = three_steps(mixture, samples, PROMPT_LENGTH, labels="balanced")
    values = [(steps.error, steps.attention)]
    for kind in SURROGATES:
        training, test = (surrogate(kind, part, laws, rng=rng) for part in (split.training, split.test))
        values.append(_measured(Split(training, split.validation, test)))
    values.append(_measured(split))
    within = laws.fit.within_label
    noisy: StepOutcomes = steps
    if within > STILL * single(mixture.noise):
        noisy = noisy_relevant_steps(mixture, samples, PROMPT_LENGTH, within)
    values.append((noisy.error, noisy.attention))
    fitted = [single(getattr(mixture, name)) for name in PARAMETERS]
    return np.array(values), [*fitted, laws.fit.cosine, within]


def _measured(split: Split) -> tuple[float, float]:
    """Make the three steps; return test error and attention."""
    (trained,) = three_steps_on(split.training, (PROMPT_LENGTH,))
    share = relevant_share(trained.model, trained.weights, split.test)
    return 1 - accuracy(trained.decisions(split.test), split.test.labels), float("nan") if share is None else share


def discrepancy(
    source: Source,
    samples: int | None = None,
    *,
    splits: int = 20,
    seed: int = 0,
    executor: Executor | None = None,
    progress: str | None = None,
) -> Discrepancy:
    """Climb the ladder on random splits.

    Args:
        source: sequences with relevance, as many relevant tokens in each, d ≥ 8.
        samples: n ≥ 3, of the three steps together; None for what is usual with the source.
        splits: J ≥ 2.
        seed: whole number of at least 0, which names the random streams.
        executor: spreads the splits over processes; None computes here.  The result does not depend on it.
        progress: label of a progress bar.

    Raises:
        ArgumentError: an argument is out of range, or the theory does not cover the data.

    Example:
        >>> from numerics.real_data.sources import ImageSource
        >>> ladder = discrepancy(ImageSource("partly-tiled", 9, 2), 150, splits=2)
        >>> [rung.name for rung in ladder.rungs]
        ['theory', 'mixture', 'noisy-mixture', 'two-moment', 'shuffled', 'data']
    """
    tasks = [Task(source, samples, seed, (index,)) for index in range(splits)]
    return summarise(list(map_in_order(climb, iter(tasks), splits, executor, progress)))


def summarise(climbed: list[tuple[FloatArray, list[float]]]) -> Discrepancy:
    """Return the means over splits."""
    values = np.array([rungs for rungs, _ in climbed])
    steps = np.diff(values, axis=1)
    rungs = [
        Rung(
            name,
            resampled_mean(values[:, index, 0]),
            resampled_mean(values[:, index, 1]),
            resampled_mean(steps[:, index - 1, 0]) if index else None,
            resampled_mean(steps[:, index - 1, 1]) if index else None,
        )
        for index, name in enumerate(RUNGS)
    ]
    *fitted, cosine, within_label = np.mean([numbers for _, numbers in climbed], axis=0).tolist()
    beside = Rung("noisy theory", resampled_mean(values[:, -1, 0]), resampled_mean(values[:, -1, 1]), None, None)
    return Discrepancy(tuple(rungs), beside, dict(zip(PARAMETERS, fitted, strict=True)), cosine, within_label)
