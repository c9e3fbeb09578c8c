"""Seconds until the standard error of the test error is 1e-4: whole tokens, against scores, against overlaps.

A repetition trains a head and tests it; its value has the variance V + e/m, V the variance of a head's exact error, m
its test sequences and e the mean of error times (1 - error), if mistakes are counted (m = ∞ where the error is exact).
Seconds are those of a repetition times the number of them that brings the standard error to 1e-4.  The variances are
estimated once, from many heads at score level, which have the same law; the times are measured.  Each way at token
level has the number of test sequences that is best for it, √(n e/V), and the fastest of them is what others are
compared with.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from numerics.benchmark.pairs import Entry, Side
from numerics.simulation import SIMULATORS
from numerics.simulators.scores import TEST_SCORES
from numerics.simulators.sequences import context_vector, draw_sequences, signal_vector
from numerics.simulators.tokens import simulate_tokens
from numerics.training.heads import TrainingSet, train_head
from numerics.training.training_error import TrainingError
from theory.arguments import single
from theory.head import Head
from theory.mixture import ContextualMixture

PRECISION = 1e-4
HEADS = ("averaging", "least-squares")
PILOT = {"averaging": 2000, "least-squares": 150}
"""Heads from which variances are estimated."""

REPETITIONS = {"scores": {"averaging": 300, "least-squares": 20}, "overlap": dict.fromkeys(HEADS, 50_000)}
GOALS = {"scores": {"averaging": 1000.0, "least-squares": 50.0}, "overlap": dict.fromkeys(HEADS, 1e5)}
CHUNK = 50
"""Sequences that the chunked way holds at once."""

Simulate = Callable[[ContextualMixture, Head, int, np.random.Generator], float]


@dataclass(frozen=True)
class Size:
    """The mixture and the training set."""

    dimension: int = 500
    tokens: int = 64
    relevant: int = 4
    samples: int = 1000

    def mixture(self, noise_kind: str) -> ContextualMixture:
        """Return the mixture."""
        return ContextualMixture(self.dimension, self.tokens, self.relevant, noise_kind=noise_kind)


@dataclass(frozen=True)
class Variances:
    """What the variance of a repetition is made of."""

    head: float
    mistakes: float

    def tests(self, samples: int) -> int:
        """Return the number of test sequences that costs least."""
        return max(10, round(math.sqrt(samples * self.mistakes / self.head)))

    def repetitions(self, tests: float) -> float:
        """Return how many repetitions reach the precision."""
        return (self.head + self.mistakes / tests) / PRECISION**2


# --- whole tokens, written as one would ---


def whole_arrays(mixture: ContextualMixture, head: Head, tests: int, rng: np.random.Generator) -> float:
    """Draw all sequences at once in double precision, attend, train and test."""
    training, fresh = (draw_sequences(mixture, size, rng=rng) for size in (int(single(head.samples)), tests))
    prompt, features = single(head.inverse_temperature) * context_vector(mixture), []
    for drawn in (training, fresh):
        attention = softmax(drawn.tokens @ prompt, axis=1)
        features.append(drawn.labels[:, None] * np.einsum("nt,ntd->nd", attention, drawn.tokens))
    return _error_of(mixture, head, *features)


def chunked_single_precision(mixture: ContextualMixture, head: Head, tests: int, rng: np.random.Generator) -> float:
    """Draw the noise in single precision, a few sequences at a time, and let it fall from the cache."""
    relevant, tokens, dimension = (
        int(single(mixture.relevant_tokens)),
        int(single(mixture.tokens)),
        int(single(mixture.dimension)),
    )
    context, signal = (vector.astype(np.float32) for vector in (context_vector(mixture), signal_vector(mixture)))
    prompt, samples = np.float32(single(head.inverse_temperature)) * context, int(single(head.samples))
    sequences = np.empty((CHUNK, tokens, dimension), dtype=np.float32)
    features = np.empty((samples + tests, dimension))
    for first in range(0, samples + tests, CHUNK):
        size = min(CHUNK, samples + tests - first)
        labels = rng.choice(np.array([-1.0, 1.0], dtype=np.float32), size)
        part = sequences[:size]
        part[:, relevant:] = rng.standard_normal((size, tokens - relevant, dimension), dtype=np.float32)
        part[:, relevant:] *= np.float32(single(mixture.noise))
        if mixture.noise_kind == "prompt-orthogonal":
            part[:, relevant:, 0] = 0  # q⋆ lies along the first axis
        part[:, :relevant] = context + (labels[:, None] * signal)[:, None]
        scores = part @ prompt
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        features[first : first + size] = labels[:, None] * (weights[:, None] @ part)[:, 0]
    return _error_of(mixture, head, features[:samples], features[samples:])


def _error_of(
    mixture: ContextualMixture, head: Head, training: npt.NDArray[np.floating], fresh: npt.NDArray[np.floating]
) -> float:
    """Train a head orthogonal to the prompt on label-signed features, and count its mistakes."""
    along = context_vector(mixture) / single(mixture.context_norm)
    training = training - np.outer(training @ along, along)
    fresh = fresh - np.outer(fresh @ along, along)
    ones = np.ones(len(training))
    weights = train_head(TrainingSet(training[:, 1:], ones, ones), head).weights
    if weights is None:
        raise TrainingError(f"there is no {head.kind} head to time")
    return float(np.mean(fresh[:, 1:] @ weights < 0))


def _of_the_toolkit(mixture: ContextualMixture, head: Head, tests: int, rng: np.random.Generator) -> float:
    """Return the error by the toolkit's own token simulator."""
    return float(simulate_tokens(mixture, head, 1, rng, tests).errors[0])


TOKEN_LEVEL: dict[str, Simulate] = {
    "the token simulator": _of_the_toolkit,
    "whole arrays in NumPy": whole_arrays,
    "NumPy in single precision, by chunks": chunked_single_precision,
}


# --- entries ---


def variances(mixture: ContextualMixture, head: Head, heads: int) -> Variances:
    """Estimate them from heads at score level, whose test draws add to the spread where attention fluctuates."""
    errors = SIMULATORS["scores"].draw(mixture, head, heads, np.random.default_rng(3)).errors
    return Variances(float(errors.var(ddof=1)), float(np.mean(errors * (1 - errors))))


def fastest_token_level(mixture: ContextualMixture, head: Head, tests: int) -> tuple[str, Simulate]:
    """Return the way at token level that takes least time, each tried twice."""
    seconds = {}
    for name, run in TOKEN_LEVEL.items():
        rng, times = np.random.default_rng(1), []
        for _ in range(2):
            start = time.perf_counter()
            run(mixture, head, tests, rng)
            times.append(time.perf_counter() - start)
        seconds[name] = min(times)
    fastest = min(seconds, key=lambda name: seconds[name])
    return fastest, TOKEN_LEVEL[fastest]


def precision_entries(size: Size | None = None) -> list[Entry]:
    """Return each simulator against the fastest way at token level, for both heads and, at score level, both noises."""
    size = Size() if size is None else size
    found = []
    for kind in HEADS:
        for noise_kind, simulators in (("prompt-orthogonal", ("scores", "overlap")), ("isotropic", ("scores",))):
            mixture, head = size.mixture(noise_kind), Head(size.samples, kind=kind)
            spread = variances(mixture, head, PILOT[kind])
            tests = spread.tests(size.samples)
            name, run = fastest_token_level(mixture, head, tests)
            tokens = _token_side(mixture, head, tests, run, spread.repetitions(tests))
            found += [
                Entry(
                    f"seconds to a standard error of 1e-4: {kind}, {noise_kind} noise, {simulator}",
                    f"{name}, {tests} test sequences a head",
                    _simulator_side(mixture, head, simulator, spread.repetitions(math.inf)),
                    tokens,
                    math.inf,
                    GOALS[simulator][kind],
                )
                for simulator in simulators
            ]
    return found


def _token_side(mixture: ContextualMixture, head: Head, tests: int, run: Simulate, repetitions: float) -> Side:
    """Return the side of whole tokens, one repetition a run."""
    rng = np.random.default_rng(2)
    return Side(lambda: run(mixture, head, tests, rng), 1.0, repetitions)


def _simulator_side(mixture: ContextualMixture, head: Head, simulator: str, repetitions: float) -> Side:
    """Return the side of a simulator."""
    rng, count = np.random.default_rng(2), REPETITIONS[simulator][head.kind]

    def run() -> float:
        return float(SIMULATORS[simulator].draw(mixture, head, count, rng).errors.mean())

    return Side(run, count, repetitions)


def _repeated(run: Callable[[], float], count: int) -> Side:
    """Return a side that runs so many times, so that a busy machine disturbs it as much as the other."""
    return Side(lambda: [run() for _ in range(count)][-1], count)


def floor_entries(size: Size | None = None) -> list[Entry]:
    """Return the score simulator against the least work that must be done: random numbers, and for least squares X'X.

    The goal of half says that it takes twice the floor at most.
    """
    size = Size() if size is None else size
    mixture = size.mixture("isotropic")
    rng, irrelevant = np.random.default_rng(4), size.tokens - size.relevant

    def scores() -> float:
        """Draw the scores of training and test as the simulator does, a cacheful at a time."""
        rows = max(1, 2**16 // irrelevant)
        for total in (size.samples, TEST_SCORES):
            for first in range(0, total, rows):
                rng.standard_normal((min(rows, total - first), irrelevant))
        return float(rng.integers(0, 2, size.samples).sum())

    def normal_equations() -> float:
        """Draw features too, and factorise the matrix of the normal equations."""
        scores()
        features = rng.standard_normal((size.samples, size.dimension - 1))
        return float(np.linalg.cholesky(features.T @ features)[0, 0])

    floors = {
        "averaging": (scores, "drawing its random numbers"),
        "least-squares": (normal_equations, "drawing them, X'X and Cholesky"),
    }
    return [
        Entry(
            f"one repetition of the score simulator: {kind}, isotropic noise",
            f"the floor: {what}",
            _simulator_side(mixture, Head(size.samples, kind=kind), "scores", 1.0),
            _repeated(run, REPETITIONS["scores"][kind]),
            math.inf,
            0.5 if kind == "averaging" else None,
        )
        for kind, (run, what) in floors.items()
    ]
