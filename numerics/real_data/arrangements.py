"""Digits among other patches: R of T patches show digits of the example's label, and the rest is background.

    embedded      the background is a piece of a photograph, its patches beside each other as they were
    partly-tiled  the background is noise, every pixel uniform between black and white
    fully-tiled   the background is other digits: 8 and 9, which no label has

A relevant patch shows 0 to 3 where the label is -1, and 4 to 7 where it is 1.  Which places are relevant is random;
half the examples have either label.  Images are divided before examples are made of them: no digit and no piece of a
photograph is in both a training and a test example.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from numerics.real_data.images import SCENE, digit_pixels, normalised_patches, photograph_pixels
from numerics.real_data.sequence_data import SequenceData
from theory.arguments import ArgumentError, FloatArray, one_of

ARRANGEMENTS = ("embedded", "partly-tiled", "fully-tiled")
"""Whether the digits stand among pieces of a photograph, noise, or other digits."""
DIGITS = {-1.0: (0, 1, 2, 3), 1.0: (4, 5, 6, 7)}
OTHER_DIGITS = (8, 9)
NOISE_PATCHES = 5000
SHARES = (0.6, 0.2, 0.2)
"""Of the images, for training, validation and test."""

FEWEST_TOKENS, MOST_TOKENS = 1, SCENE**2


@dataclass(frozen=True)
class TokenPools:
    """What examples are made of.

    Attributes:
        relevant: relevant tokens, shape (k, d).
        labels: the label that goes with each, ±1, shape (k,).
        scenes: background, shape (scenes, side, side, d), tokens beside each other as they were; with a side of 1
            every token is independent of its neighbours.
    """

    relevant: FloatArray
    labels: FloatArray
    scenes: FloatArray

    def divided(self, shares: Sequence[float], rng: np.random.Generator) -> list[TokenPools]:
        """Return pools that share no image, at random, in these proportions, which add up to 1."""
        digits, scenes = (divided(np.arange(len(each)), shares, rng) for each in (self.relevant, self.scenes))
        return [
            TokenPools(self.relevant[mine], self.labels[mine], self.scenes[background])
            for mine, background in zip(digits, scenes, strict=True)
        ]


def divided(
    members: npt.NDArray[np.int64], shares: Sequence[float], rng: np.random.Generator
) -> list[npt.NDArray[np.int64]]:
    """Return disjoint random parts of an array, in these proportions, which add up to 1.

    Example:
        >>> [len(part) for part in divided(np.arange(10), (0.6, 0.2, 0.2), np.random.default_rng(1))]
        [6, 2, 2]
    """
    ends = np.round(np.cumsum(shares[:-1]) * len(members)).astype(int)
    return np.split(rng.permutation(members), ends)


def token_pools(arrangement: str, *, rng: np.random.Generator, normalised: bool = False) -> TokenPools:
    """Return all patches of an arrangement.

    Args:
        arrangement: one of `ARRANGEMENTS`.
        rng: source of the noise among which digits may stand.
        normalised: whether they are without their brightness and contrast; otherwise they are pixels from 0 to 1.

    Raises:
        ArgumentError: there is no such arrangement.
        NotAvailableError: scikit-learn is not installed.

    Example:
        >>> pools = token_pools("embedded", rng=np.random.default_rng(1))
        >>> pools.relevant.shape, pools.scenes.shape
        ((1443, 64), (120, 8, 8, 64))
    """
    one_of("arrangement", arrangement, ARRANGEMENTS)
    (pixels, photographs), (_, digits) = _shipped_patches(normalised), digit_pixels()
    used = np.isin(digits, [digit for group in DIGITS.values() for digit in group])
    if arrangement == "embedded":
        scenes = photographs
    elif arrangement == "partly-tiled":
        noise = rng.random((NOISE_PATCHES, 1, 1, pixels.shape[1]))
        scenes = normalised_patches(noise) if normalised else noise
    else:
        scenes = pixels[np.isin(digits, OTHER_DIGITS)][:, None, None]
    labels = np.where(np.isin(digits[used], DIGITS[1.0]), 1.0, -1.0)
    return TokenPools(pixels[used], labels, scenes)


@cache
def _shipped_patches(normalised: bool) -> tuple[FloatArray, FloatArray]:
    """Return digits and photographs; patches are normalised once, for they stay the same from split to split."""
    pixels, photographs = digit_pixels()[0], photograph_pixels()
    return (normalised_patches(pixels), normalised_patches(photographs)) if normalised else (pixels, photographs)


def arrange(
    pools: TokenPools, samples: int, tokens: int, relevant_tokens: int, *, rng: np.random.Generator
) -> SequenceData:
    """Make examples of T tokens, R of them relevant, at random places.

    Args:
        pools: what they are made of.
        samples: n ≥ 1; every second one has label 1.
        tokens: T, from 1 to 64; the places lie row by row in the smallest square that holds them.
        relevant_tokens: R, from 1 to T, drawn with replacement from the pool.
        rng: source of the random numbers.

    Raises:
        ArgumentError: a number is out of range, or a label has no relevant token in the pool.

    Example:
        >>> pools = token_pools("fully-tiled", rng=np.random.default_rng(1))
        >>> arrange(pools, 10, 16, 2, rng=np.random.default_rng(2)).relevance.sum(axis=1)
        array([2, 2, 2, 2, 2, 2, 2, 2, 2, 2])
    """
    _check("samples", samples, 1, None)
    _check("tokens", tokens, FEWEST_TOKENS, MOST_TOKENS)
    _check("relevant_tokens", relevant_tokens, 1, tokens)
    labels = np.where(np.arange(samples) % 2 == 0, 1.0, -1.0)
    sequences = _background(pools.scenes, samples, tokens, rng)
    places = rng.permuted(np.tile(np.arange(tokens), (samples, 1)), axis=1)[:, :relevant_tokens]
    for label in (-1.0, 1.0):
        mine = np.flatnonzero(labels == label)
        members = np.flatnonzero(pools.labels == label)
        if len(mine) and not len(members):
            raise ArgumentError("pools", "hold relevant tokens of both labels", f"none of label {label:g}")
        chosen = rng.choice(members, size=(len(mine), relevant_tokens)) if len(mine) else members[:0]
        sequences[mine[:, None], places[mine]] = pools.relevant[chosen]
    relevance = np.zeros((samples, tokens), dtype=bool)
    np.put_along_axis(relevance, places, True, axis=1)
    return SequenceData(sequences, labels, relevance)


def _background(scenes: FloatArray, samples: int, tokens: int, rng: np.random.Generator) -> FloatArray:
    """Return T background tokens for each example: a random square piece of a scene, or independent tokens."""
    count, extent = scenes.shape[:2]
    if extent == 1:
        return np.asarray(scenes[rng.integers(count, size=(samples, tokens)), 0, 0])
    side = math.isqrt(tokens - 1) + 1
    scene = rng.integers(count, size=(samples, 1))
    top, left = (rng.integers(extent - side + 1, size=(samples, 1)) for _ in range(2))
    place = np.arange(tokens)
    return np.asarray(scenes[scene, top + place // side, left + place % side])


def _check(name: str, value: int, least: int, most: int | None) -> None:
    """Refuse what is not a whole number in a range."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= least and (most is None or value <= most):
        return
    upper = "" if most is None else f" and at most {most}"
    raise ArgumentError(name, f"be a whole number of at least {least}{upper}", repr(value))
