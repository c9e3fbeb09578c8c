"""Where prompt-attention looks before, during and after training, on average and on examples chosen by a rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from numerics.real_data.comparison import whitened_split
from numerics.real_data.sources import ImageSource, Split
from numerics.real_data.training import GRADIENTS, Trained, train_and_choose
from numerics.softmax import softmax
from numerics.streams import stream
from numerics.training.attention_models import PromptAttention
from theory.arguments import FloatArray

KEY = 73
"""Number that names the streams of the splits."""

QUANTILES = (0.1, 0.5, 0.9)
"""Examples are those test sequences whose attention on the relevant tokens after training has these ranks."""


@dataclass(frozen=True)
class CourseTask:
    """One split."""

    source: ImageSource
    samples: int
    seed: int
    key: tuple[int, ...]


@dataclass(frozen=True)
class AttentionExample:
    """One test sequence, and the attention on it.

    Attributes:
        quantile: why it was chosen: its rank among the test sequences by the attention on its relevant tokens.
        pixels: its patches, shape (T, 64), from 0 to 1.
        relevance: shape (T,).
        before: attention before training, shape (T,).
        after: attention after training, shape (T,).
    """

    quantile: float
    pixels: FloatArray
    relevance: npt.NDArray[np.bool_]
    before: FloatArray
    after: FloatArray


def attention_course(task: CourseTask) -> list[float]:
    """Return the attention on the relevant tokens of the test set at each iterate, the last one repeated.

    Example:
        >>> course = attention_course(CourseTask(ImageSource("embedded", 9, 1), 90, 0, (0,)))
        >>> print(f"{len(course)} iterates, {course[0]:.3f} at first, more than {course[-1] // 0.2 * 0.2:.1f} at last")
        51 iterates, 0.111 at first, more than 0.4 at last
    """
    split, trained = _trained(task)
    tokens, relevance = split.test.tokens, _known(split.test.relevance)
    size, length, dimension = tokens.shape
    # All iterates at once read the tokens once.
    prompts = trained.path[:, dimension:]
    attention = softmax((prompts @ tokens.reshape(-1, dimension).T).reshape(-1, size, length))
    shares = (attention.reshape(len(prompts), -1) @ relevance.ravel() / size).tolist()
    return [*shares, *shares[-1:] * (GRADIENTS + 1 - len(shares))]


def attention_examples(task: CourseTask) -> list[AttentionExample]:
    """Return the test sequences of the ranks `QUANTILES`.

    Example:
        >>> examples = attention_examples(CourseTask(ImageSource("embedded", 9, 1), 90, 0, (0,)))
        >>> shares = [float(example.after[example.relevance].sum()) for example in examples]
        >>> shares == sorted(shares)
        True
    """
    split, trained = _trained(task)
    pixels = task.source.pixels(task.samples, _stream(task))
    test, model = split.test, PromptAttention()
    before, after = (model.attention(weights, test.tokens) for weights in (trained.path[0], trained.weights))
    order = np.argsort(np.sum(after, axis=1, where=_known(test.relevance)), kind="stable")
    chosen = [int(order[round(quantile * (len(order) - 1))]) for quantile in QUANTILES]
    return [
        AttentionExample(
            quantile, pixels.test.tokens[index], _known(test.relevance)[index], before[index], after[index]
        )
        for quantile, index in zip(QUANTILES, chosen, strict=True)
    ]


def _trained(task: CourseTask) -> tuple[Split, Trained]:
    """Return a split, scaled and centred, and what was trained on it."""
    rng = _stream(task)
    split = whitened_split(task.source, task.samples, rng)
    return split, train_and_choose(PromptAttention(), split, rng=rng)


def _stream(task: CourseTask) -> np.random.Generator:
    """Return the stream of a split."""
    return stream(task.seed, KEY, *task.key)


def _known(relevance: npt.NDArray[np.bool_] | None) -> npt.NDArray[np.bool_]:
    """Return the relevance of sequences of images, which is always known."""
    return np.zeros((0, 0), dtype=bool) if relevance is None else relevance
