"""More than a thousand random models for the exact risk, each turned so that its vectors have four coordinates.

A rotation of all vectors changes nothing, so that a model in d dimensions is one in at most four: the triangular
factor of the matrix (q*, w*, q, w).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

SEED = 20261122
COUNTS = {"wide": 590, "long": 90, "few": 130, "parallel": 120, "sharp": 30, "edge": 40, "more": 30}


@dataclass(frozen=True)
class RandomModel:
    """A model with its task; `vectors` are q*, w*, q, w, and a delta is (delta_q, delta_w, probability)."""

    group: str
    tokens: int
    relevant: int
    sigma: float
    kind: str
    vectors: tuple[tuple[float, ...], ...]
    deltas: tuple[tuple[float, float, float], ...]


def draw_models() -> list[RandomModel]:
    """Draw all models, a group at a time, from one fixed seed."""
    rng = np.random.default_rng(SEED)
    return [_draw(rng, group, index) for group, count in COUNTS.items() for index in range(count)]


def _draw(rng: np.random.Generator, group: str, index: int) -> RandomModel:
    """Draw one model of a group."""
    d = int(rng.integers(2, 51))
    lowest, highest = {"long": (128, 1000), "few": (2, 6)}.get(group, (2, 128))
    tokens = round(math.exp(rng.uniform(math.log(lowest), math.log(highest))))
    relevant = min(
        tokens, 1 + int(rng.integers(0, tokens)) if rng.random() < 0.3 else 1 + int(tokens * rng.random() ** 3)
    )
    if group == "few" and tokens > 1:
        relevant = int(rng.integers(max(1, tokens - 3), tokens))
    sigma = float(rng.uniform(0.05, 3))
    # q* and w* at any angle, with lengths around 1 or 3.
    context, signal = (rng.standard_normal(d) / math.sqrt(d) * rng.choice([1.0, 3.0]) for _ in range(2))
    signal = signal + rng.choice([0.0, -1.0, 1.0]) * rng.random() * context
    reach = {"sharp": (5.0, 8.0)}.get(group, (0.0, 5.0))
    prompt = rng.random() * context / np.linalg.norm(context) + rng.random() * rng.standard_normal(d) / math.sqrt(d)
    prompt *= rng.uniform(*reach) / sigma / np.linalg.norm(prompt)
    head = rng.random() * signal / np.linalg.norm(signal) + rng.random() * rng.standard_normal(d) / math.sqrt(d)
    if group == "parallel":
        angle = 10.0 ** rng.uniform(-4, -0.5)
        head = rng.choice([-1.0, 1.0]) * prompt / np.linalg.norm(prompt) + angle * rng.standard_normal(d) / math.sqrt(d)
    kind = "prompt-orthogonal" if rng.random() < 0.3 else "isotropic"
    values = int(rng.choice([1, 2, 3], p=[0.6, 0.3, 0.1]))
    shares = rng.dirichlet(np.ones(values))
    shares = np.append(shares[:-1], 1 - math.fsum(shares[:-1]))
    deltas = tuple((*map(float, rng.uniform(-1, 1, 2) * (rng.random() > 0.3)), float(share)) for share in shares)
    factor = np.zeros((4, 4))
    triangle = np.linalg.qr(np.stack([context, signal, prompt, head], axis=1), mode="r")
    factor[: len(triangle)] = triangle
    vectors = [factor[:, column].copy() for column in range(4)]
    if group == "edge":
        tokens, relevant, sigma, kind = _edge(index, tokens, relevant, sigma, kind, vectors)
    rounded = tuple(tuple(map(float, vector)) for vector in vectors)
    return RandomModel(group, tokens, relevant, sigma, kind, rounded, deltas)


def _edge(
    index: int, tokens: int, relevant: int, sigma: float, kind: str, vectors: list[np.ndarray]
) -> tuple[int, int, float, str]:
    """Return a task on the edge of the ranges, and change the vectors to match."""
    context, _, prompt, head = vectors
    case = index % 10
    if case == 0:
        prompt[:] = 0
    elif case == 1:
        relevant = tokens
    elif case == 2:
        sigma = 0.0
    elif case == 3:
        relevant = tokens - 1
    elif case == 4:  # the head along the prompt, exactly
        head[:] = 2 * prompt
    elif case == 5:  # the prompt along q*, which prompt-orthogonal noise does not reach
        prompt[:] = 0.5 * context
        kind = "prompt-orthogonal"
    elif case == 6:  # the head along q*: a sum of log-normal numbers
        head[:] = -context
        kind = "prompt-orthogonal"
    elif case == 7:  # the noise hardly reaches the scores
        prompt *= 1e-4
    elif case == 8:
        tokens = relevant = 1
    else:
        head[:] = 0
    return tokens, relevant, sigma, kind
