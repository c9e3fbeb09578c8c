"""How time and memory grow with n, d, T and the repetitions: measured exponents beside the expected ones.

An exponent is the slope of a straight line through the logarithms at a few sizes, each time the least of a few runs, so
that it describes the upper end of the sizes named.  Time is the processor's, memory the most that NumPy held at once.
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from numerics.simulation import simulate
from numerics.training.heads import TrainingSet, train_head
from theory.head import Head
from theory.known_prompt.error import known_prompt_error
from theory.mixture import ContextualMixture

RUNS = 3
"""Runs of which the fastest counts."""


Make = Callable[[int], Callable[[], object]]
"""Maps a size to what is run."""


@dataclass(frozen=True)
class Growth:
    """One exponent.

    Attributes:
        what: the simulator or solver.
        parameter: n, d, T or repetitions; p for a head's features.
        sizes: values of the parameter, the others fixed.
        time: exponent of the time.
        expected_time: what the algorithm leads one to expect.
        memory: exponent of the memory.
        expected_memory: the same of memory.
    """

    what: str
    parameter: str
    sizes: tuple[int, ...]
    time: float
    expected_time: str
    memory: float
    expected_memory: str


@dataclass(frozen=True)
class Series:
    """What is run at each size."""

    what: str
    parameter: str
    sizes: tuple[int, ...]
    make: Make
    expected_time: str
    expected_memory: str


def slope(sizes: tuple[int, ...], values: list[float]) -> float:
    """Return the exponent of values that grow as a power of the sizes.

    Example:
        >>> print(f"{slope((10, 20, 40), [3.0, 12.0, 48.0]):.6f}")
        2.000000
    """
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def growth(series: Series) -> Growth:
    """Measure one series."""
    seconds, bytes_held = [], []
    for size in series.sizes:
        run = series.make(size)
        run()
        times = []
        for _ in range(RUNS):
            start = time.process_time()
            run()
            times.append(time.process_time() - start)
        seconds.append(min(times))
        gc.collect()
        tracemalloc.start()
        run()
        bytes_held.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    return Growth(
        series.what,
        series.parameter,
        series.sizes,
        slope(series.sizes, seconds),
        series.expected_time,
        slope(series.sizes, list(map(float, bytes_held))),
        series.expected_memory,
    )


MIXTURE = ContextualMixture(dimension=100, tokens=32, relevant_tokens=4)
ORTHOGONAL = replace(MIXTURE, noise_kind="prompt-orthogonal")


def _with(mixture: ContextualMixture, parameter: str, size: int) -> ContextualMixture:
    """Return the mixture at another d or T."""
    return replace(mixture, dimension=size) if parameter == "d" else replace(mixture, tokens=size)


def _simulated(simulator: str, mixture: ContextualMixture, head: Head, parameter: str, repetitions: int) -> Make:
    """Return what makes a run of a simulator at a value of a parameter."""

    def make(size: int) -> Callable[[], object]:
        here, trained, count = mixture, head, repetitions
        if parameter == "n":
            trained = replace(head, samples=size)
        elif parameter == "repetitions":
            count = size
        else:
            here = _with(mixture, parameter, size)
        return lambda: simulate(here, trained, simulator=simulator, repetitions=count)

    return make


def _trained(kind: str, samples: int) -> Make:
    """Return what makes a run of the training of a head on features of a dimension."""

    def make(dimension: int) -> Callable[[], object]:
        features = np.random.default_rng(dimension).standard_normal((samples, dimension))
        features[:, 0] += 1
        training = TrainingSet(features, np.ones(samples), np.ones(samples))
        head = Head(samples, kind=kind, ridge=0.1 if kind in ("ridge", "logistic") else None)
        return lambda: train_head(training, head)

    return make


def _predicted(mixture: ContextualMixture, head: Head, parameter: str) -> Make:
    """Return what makes a prediction of 100 settings at a value of a parameter."""
    factors = np.linspace(0.9, 1.1, 100)

    def make(size: int) -> Callable[[], object]:
        curve = replace(mixture, signal_norm=factors)
        if parameter == "n":
            return lambda: known_prompt_error(curve, replace(head, samples=size))
        here = _with(curve, parameter, size)
        return lambda: known_prompt_error(here, head)

    return make


def all_series() -> list[Series]:
    """Return every simulator and solver in every parameter that it depends on."""
    return [*_simulator_series(), *_training_series(), *_theory_series()]


def _simulator_series() -> list[Series]:
    """Return the simulators; repetitions are held a portion at a time, which is what the sizes are beyond."""
    averaging, least_squares = Head(400), Head(3000, kind="least-squares")
    tokens, scores, overlap = (f"{name} simulator, averaging" for name in ("tokens", "scores", "overlap"))
    far = (100, 10_000, 1_000_000)

    def series(what: str, parameter: str, sizes: tuple[int, ...], repetitions: int, time_: str, memory: str) -> Series:
        simulator = what.split()[0]
        mixture = ORTHOGONAL if simulator == "overlap" else MIXTURE
        make = _simulated(simulator, mixture, averaging, parameter, repetitions)
        return Series(what, parameter, sizes, make, time_, memory)

    few_tokens = _simulated("scores", replace(MIXTURE, tokens=8), least_squares, "d", 4)
    return [
        series(tokens, "n", (1000, 2000, 4000), 2, "1", "0 to 1"),
        series(tokens, "d", (200, 400, 800), 2, "1", "0 to 1"),
        series(tokens, "T", (64, 128, 256), 2, "1", "0 to 1"),
        series(tokens, "repetitions", (20, 40, 80), 0, "1", "0"),
        series(scores, "n", (2000, 4000, 8000), 50, "1", "0 to 1"),
        series(scores, "d", (100, 1000, 10_000), 50, "0", "0"),
        series(scores, "T", (128, 256, 512), 50, "1", "0"),
        series(scores, "repetitions", (200, 400, 800), 0, "1", "0"),
        Series("scores simulator, least squares", "d", (200, 400, 800), few_tokens, "1 to 2", "1 to 2"),
        series(overlap, "n", far, 50_000, "0", "0"),
        series(overlap, "d", far, 50_000, "0", "0"),
        series(overlap, "T", far, 50_000, "0", "0"),
        series(overlap, "repetitions", (100_000, 200_000, 400_000), 0, "1", "0"),
    ]


def _training_series() -> list[Series]:
    """Return the training of each head in the dimension of its features."""
    kinds = {
        "averaging": (1600, (100, 200, 400), "1"),
        "ridge": (1600, (200, 400, 800), "2 to 3"),
        "least-squares": (1600, (200, 400, 800), "2 to 3"),
        "logistic": (1600, (100, 200, 400), "2 to 3"),
        "max-margin": (100, (200, 400, 800), "1 to 2"),
    }
    return [
        Series(f"training, {kind}, n = {samples}", "p", sizes, _trained(kind, samples), expected, "0 to 2")
        for kind, (samples, sizes, expected) in kinds.items()
    ]


def _theory_series() -> list[Series]:
    """Return the exact errors, which take as long at any size."""
    heads = {"averaging": Head(400), "least squares": Head(400, kind="least-squares")}
    return [
        Series(
            f"exact error, {name}, 100 settings",
            parameter,
            (1000, 100_000, 10_000_000),
            _predicted(ORTHOGONAL, head, parameter),
            "0",
            "0",
        )
        for name, head in heads.items()
        for parameter in ("n", "d", "T")
    ]
