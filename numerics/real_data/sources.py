"""Where sequences come from, and how they are divided into training, validation and test without a common source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from numerics.real_data.arrangements import SHARES, TokenPools, arrange, divided, token_pools
from numerics.real_data.sequence_data import SequenceData
from theory.arguments import ArgumentError, FloatArray

TRAINING_SEQUENCES = 200
VALIDATION_SEQUENCES = 200
TEST_SEQUENCES = 500
"""Sequences of an arrangement, for training unless another number is asked for."""

FOLDS = 20


@dataclass(frozen=True)
class Split:
    """Sequences for three purposes, as many of either label in each; no source is behind two of them."""

    training: SequenceData
    validation: SequenceData
    test: SequenceData

    def mapped(self, function: Callable[[FloatArray], FloatArray]) -> Split:
        """Return the same with other tokens: a function of arrays of shape (n, T, d)."""
        return Split(*(part.mapped(function) for part in (self.training, self.validation, self.test)))


class Source(Protocol):
    """Anything that sequences can be split off from, at random."""

    def split(self, samples: int | None, rng: np.random.Generator) -> Split:
        """Return n sequences for training, as many as there are for None, and others for validation and test."""
        ...


@dataclass(frozen=True)
class ImageSource:
    """Digits among other patches (`arrangements`), made anew for every split from images that are divided anew.

    Attributes:
        arrangement: "embedded", "partly-tiled" or "fully-tiled".
        tokens: T, from 1 to 64.
        relevant_tokens: R, from 1 to T.
    """

    arrangement: str
    tokens: int
    relevant_tokens: int

    def pixels(self, samples: int | None, rng: np.random.Generator) -> Split:
        """Return n sequences for training (200 for None), 200 for validation and 500 for test, as pixels."""
        return self._split(token_pools(self.arrangement, rng=rng), samples, rng)

    def split(self, samples: int | None, rng: np.random.Generator) -> Split:
        """Return the same, every patch without its brightness and contrast."""
        return self._split(token_pools(self.arrangement, rng=rng, normalised=True), samples, rng)

    def _split(self, pools: TokenPools, samples: int | None, rng: np.random.Generator) -> Split:
        """Return sequences made of three parts of the pools that share no image."""
        sizes = TRAINING_SEQUENCES if samples is None else samples, VALIDATION_SEQUENCES, TEST_SEQUENCES
        parts = pools.divided(SHARES, rng)
        return Split(*(self._arranged(part, size, rng) for part, size in zip(parts, sizes, strict=True)))

    def folds(self, samples: int, rng: np.random.Generator) -> SequenceData:
        """Return n sequences for a file, made of twenty disjoint sets of images, which are their groups."""
        pools = token_pools(self.arrangement, rng=rng, normalised=True).divided((1 / FOLDS,) * FOLDS, rng)
        groups = np.sort(np.arange(samples) % FOLDS)
        parts = [self._arranged(pools[group], int(np.sum(groups == group)), rng) for group in np.unique(groups)]
        tokens, labels = (np.concatenate([getattr(part, name) for part in parts]) for name in ("tokens", "labels"))
        relevance = np.concatenate([part.relevance for part in parts if part.relevance is not None])
        return SequenceData(tokens, labels, relevance, groups)

    def _arranged(self, pools: TokenPools, samples: int, rng: np.random.Generator) -> SequenceData:
        """Return sequences of these images."""
        return arrange(pools, samples, self.tokens, self.relevant_tokens, rng=rng)


@dataclass(frozen=True)
class GivenSource:
    """Sequences that somebody brought.

    Attributes:
        data: all of them.
    """

    data: SequenceData

    def split(self, samples: int | None, rng: np.random.Generator) -> Split:
        """Divide the groups at random in the proportions of `SHARES`, then leave out what one label has too many of.

        Raises:
            ArgumentError: fewer than n sequences are left for training, or none for validation or test.
        """
        groups = np.arange(len(self.data)) if self.data.groups is None else self.data.groups
        chosen = divided(np.unique(groups), SHARES, rng)
        parts = [self._balanced(np.isin(groups, mine), rng) for mine in chosen]
        for name, part in zip(("training", "validation", "test"), parts, strict=True):
            if not len(part):
                raise ArgumentError("--data", f"leave sequences of both labels for {name}", "none in one split")
        if samples is not None and not 1 <= samples <= len(parts[0]):
            requirement = f"be from 1 to {len(parts[0])}, what one split leaves for training with balanced labels"
            raise ArgumentError("samples", requirement, samples)
        parts[0] = parts[0][:samples]
        return Split(*map(self.data.part, parts))

    def _balanced(self, mine: npt.NDArray[np.bool_], rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """Return indices in random order, the labels taking turns, until one has no more."""
        members = [rng.permutation(np.flatnonzero(mine & (self.data.labels == label))) for label in (1.0, -1.0)]
        size = min(map(len, members))
        return np.stack([each[:size] for each in members], axis=1).ravel()
