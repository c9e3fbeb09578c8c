"""Random streams: each block of work has its own, named by a seed and a key, whatever process runs it."""

from __future__ import annotations

import numpy as np

from theory.arguments import ArgumentError

Random = np.random.Generator | np.random.SeedSequence | int
"""What a function takes as `rng`."""


def as_generator(rng: Random) -> np.random.Generator:
    """Return a generator for a generator, a seed sequence or a whole number of at least 0.

    Raises:
        ArgumentError: `rng` is anything else.

    Example:
        >>> float(as_generator(7).random()) == float(as_generator(np.random.SeedSequence(7)).random())
        True
    """
    if isinstance(rng, np.random.Generator):
        return rng
    if isinstance(rng, np.random.SeedSequence) or (isinstance(rng, int) and not isinstance(rng, bool) and rng >= 0):
        return np.random.default_rng(rng)
    raise ArgumentError("rng", "be a numpy Generator, a SeedSequence or a whole number of at least 0", repr(rng))


def stream(seed: int, *key: int) -> np.random.Generator:
    """Return the stream that `key` names under `seed`; streams of different keys are independent.

    Example:
        >>> float(stream(1, 0).random()) == float(stream(1, 1).random())
        False
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
