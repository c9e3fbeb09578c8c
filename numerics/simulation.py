"""The known-prompt error by Monte Carlo: blocks of repetitions, in any number of processes, with the same result."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from numerics.estimate import Moments, binomial_interval
from numerics.executor import map_in_order
from numerics.simulators import overlap as overlap_simulator
from numerics.simulators import scores as score_simulator
from numerics.simulators import tokens as token_simulator
from numerics.simulators.repetitions import Repetitions
from numerics.streams import stream
from numerics.training.training_error import TrainingError
from theory.arguments import ArgumentError, one_of, single
from theory.head import Head
from theory.mixture import ContextualMixture


@dataclass(frozen=True)
class Simulator:
    """A way to draw the error of a trained head.

    Attributes:
        draw: maps (mixture, head, repetitions, rng) to outcomes.
        draw_together: maps (mixture, heads, repetitions, rng) to outcomes of each head on common draws, or None.
        test: how a trained head is tested.
        test_sequences: how many sequences each head is tested on; 0 where its error is computed.
        block: repetitions that share one random stream; part of what a seed means, so never tuned to a machine.
        key: number that names the simulator's streams.
        default_repetitions: repetitions if the user names none.
    """

    draw: Callable[[ContextualMixture, Head, int, np.random.Generator], Repetitions]
    draw_together: Callable[[ContextualMixture, Sequence[Head], int, np.random.Generator], list[Repetitions]] | None
    test: str
    test_sequences: int
    block: int
    key: int
    default_repetitions: int


SIMULATORS = {
    "tokens": Simulator(
        token_simulator.simulate_tokens,
        token_simulator.simulate_tokens_together,
        token_simulator.TEST,
        token_simulator.TEST_SEQUENCES,
        block=10,
        key=1,
        default_repetitions=200,
    ),
    "scores": Simulator(
        score_simulator.simulate_scores,
        score_simulator.simulate_scores_together,
        score_simulator.TEST,
        0,
        block=50,
        key=2,
        default_repetitions=2000,
    ),
    "overlap": Simulator(
        overlap_simulator.simulate_overlaps,
        None,
        overlap_simulator.TEST,
        0,
        block=50_000,
        key=3,
        default_repetitions=200_000,
    ),
}
"""By name, from the one that leans on no theory to the one that leans on it most."""

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Simulation:
    """A simulated test error.

    Attributes:
        error: mean over the repetitions that have a head.
        standard_error: its standard error; infinite for one repetition.
        interval: 95 % confidence interval for the expected error.
        overlap: mean of cos∠(ŵ, w⋆).
        overlap_standard_error: its standard error.
        repetitions: training sets drawn.
        dropped: how many of them have no such head (max-margin, data not separable), and are left out of the means.
        separable: in how many of them the logistic head with λ = 0 is the max-margin one, for their data are separable;
            None for other heads.
        seed: the seed that reproduces the numbers, on any number of processes.
        simulator: "tokens", "scores" or "overlap".
        test: how each trained head was tested.
        seconds: wall-clock time.
    """

    error: float
    standard_error: float
    interval: tuple[float, float]
    overlap: float
    overlap_standard_error: float
    repetitions: int
    dropped: int
    separable: int | None
    seed: int
    simulator: str
    test: str
    seconds: float


def counted_interval(error: Moments, test_sequences: int) -> tuple[float, float]:
    """Return the confidence interval for the expected error.

    Student's, and where mistakes were counted, hulled with Clopper and Pearson's for their number: a handful of
    mistakes says less than their spread over heads lets on.
    """
    low, high = error.interval(CONFIDENCE, 0.0, 1.0)
    if test_sequences > 0:
        trials = error.count * test_sequences
        counted = binomial_interval(error.mean * trials, trials, CONFIDENCE)
        low, high = min(low, counted[0]), max(high, counted[1])
    return low, high


@dataclass(frozen=True)
class Block:
    """One block of repetitions, small enough to send to another process."""

    mixture: ContextualMixture
    heads: Sequence[Head]
    simulator: str
    seed: int
    key: tuple[int, ...]
    index: int
    repetitions: int


@dataclass(frozen=True)
class Tally:
    """What blocks of repetitions add up to: moments of errors and overlaps, and the counts of `Simulation`."""

    error: Moments
    overlap: Moments
    dropped: int
    separable: int | None

    def __add__(self, other: Tally) -> Tally:
        """Merge two sets of repetitions of one setting."""
        separable = None if self.separable is None or other.separable is None else self.separable + other.separable
        return Tally(self.error + other.error, self.overlap + other.overlap, self.dropped + other.dropped, separable)


def run_block(block: Block) -> list[Tally]:
    """Run one block and return what each head's repetitions add up to."""
    simulator = SIMULATORS[block.simulator]
    rng = stream(block.seed, simulator.key, *block.key, block.index)
    if simulator.draw_together is None:
        (head,) = block.heads
        outcomes = [simulator.draw(block.mixture, head, block.repetitions, rng)]
    else:
        outcomes = simulator.draw_together(block.mixture, block.heads, block.repetitions, rng)
    return [
        Tally(Moments.of(outcome.errors), Moments.of(outcome.overlaps), outcome.dropped, outcome.separable)
        for outcome in outcomes
    ]


def simulate(
    mixture: ContextualMixture,
    head: Head,
    *,
    simulator: str = "scores",
    repetitions: int | None = None,
    seed: int = 0,
    key: tuple[int, ...] = (),
    executor: Executor | None = None,
    progress: str | None = None,
) -> Simulation:
    """Estimate the test error of a head trained under a known prompt.

    Args:
        mixture: the data, its parameters single numbers.
        head: the head and its training, likewise.
        simulator: "tokens" draws whole sequences; "scores" is exact in law from the attention scores; "overlap" is
            exact in law from a few random numbers, where attention is deterministic.
        repetitions: heads to train; at least 1.  Default: 200, 2,000 and 200,000 in the order above.
        seed: whole number of at least 0.
        key: further whole numbers that name the random streams, so that runs of one seed are independent.
        executor: any `concurrent.futures` executor.  None runs here, with as many threads of linear algebra as this
            process has; the result is the same for any number of processes of as many threads each, to the last digit,
            and to rounding otherwise.
        progress: label of a progress bar on standard error; None for no bar.

    Raises:
        ArgumentError: an argument is out of range or an array.
        NotAvailableError: the simulator has no law for this setting.
        TrainingError: a solver failed, or no training set has such a head.

    Example:
        >>> mixture = ContextualMixture(dimension=51, tokens=8, relevant_tokens=1, noise_kind="prompt-orthogonal")
        >>> result = simulate(mixture, Head(samples=100), simulator="overlap", repetitions=1000, seed=1)
        >>> low, high = result.interval
        >>> low < result.error < high
        True
    """
    return _simulated(mixture, [head], simulator, repetitions, seed, key, executor, progress)[0]


def simulate_together(
    mixture: ContextualMixture,
    heads: Sequence[Head],
    *,
    simulator: str = "scores",
    repetitions: int | None = None,
    seed: int = 0,
    key: tuple[int, ...] = (),
    executor: Executor | None = None,
    progress: str | None = None,
) -> list[Simulation]:
    """Estimate the errors of heads that are trained and tested on the same draws.

    Each estimate is, to the last digit, the one that `simulate` gives for its head alone with this seed and key; but
    they are not independent of one another.  `seconds` is the time that all of them took.

    Args:
        mixture: the data, its parameters single numbers.
        heads: the heads, at least one: all of as many samples for "tokens", and different in kind and ridge alone for
            "scores".
        simulator: "tokens" or "scores".
        repetitions: as for `simulate`.
        seed: as for `simulate`.
        key: as for `simulate`.
        executor: as for `simulate`.
        progress: as for `simulate`.

    Raises:
        ArgumentError: an argument is out of range or an array, or heads differ in more than they may.
        TrainingError: a solver failed, or no training set has such a head.

    Example:
        >>> mixture = ContextualMixture(dimension=6, tokens=4, relevant_tokens=1)
        >>> heads = [Head(10, temperature) for temperature in (0.0, 1.0)]
        >>> without, prompted = simulate_together(mixture, heads, simulator="tokens", repetitions=20, seed=1)
        >>> prompted.error == simulate(mixture, heads[1], simulator="tokens", repetitions=20, seed=1).error
        True
    """
    one_of("simulator", simulator, ("tokens", "scores"))
    if not heads:
        raise ArgumentError("heads", "hold at least one head", heads)
    return _simulated(mixture, heads, simulator, repetitions, seed, key, executor, progress)


def _simulated(
    mixture: ContextualMixture,
    heads: Sequence[Head],
    simulator: str,
    repetitions: int | None,
    seed: int,
    key: tuple[int, ...],
    executor: Executor | None,
    progress: str | None,
) -> list[Simulation]:
    """Return one simulation for each head, of repetitions that the heads share."""
    start = time.perf_counter()
    chosen = SIMULATORS[one_of("simulator", simulator, tuple(SIMULATORS))]
    total = chosen.default_repetitions if repetitions is None else repetitions
    for name, value, least in (("repetitions", total, 1), ("seed", seed, 0)):
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ArgumentError(name, f"be a whole number of at least {least}", repr(value))
    for parameters in (mixture, *heads):
        for name, value in vars(parameters).items():
            if np.ndim(value) > 0:
                raise ArgumentError(name, "be a single number in a simulation", f"shape {np.shape(value)}")
    blocks = (
        Block(mixture, heads, simulator, seed, key, index, min(chosen.block, total - first))
        for index, first in enumerate(range(0, total, chosen.block))
    )
    tallies: list[Tally] = []
    for part in map_in_order(run_block, blocks, -(-total // chosen.block), executor, progress):
        tallies = [one + other for one, other in zip(tallies, part, strict=True)] if tallies else part
    seconds = time.perf_counter() - start
    return [_summary(head, tally, total, seed, simulator, seconds) for head, tally in zip(heads, tallies, strict=True)]


def _summary(head: Head, tally: Tally, total: int, seed: int, simulator: str, seconds: float) -> Simulation:
    """Return the estimates that the repetitions of a head give."""
    if tally.dropped == total:
        raise TrainingError(
            f"there is no {head.kind} head: none of {total} training sets of {int(single(head.samples))} samples is "
            "separable; fewer samples or more dimensions may do"
        )
    chosen = SIMULATORS[simulator]
    return Simulation(
        error=tally.error.mean,
        standard_error=tally.error.standard_error,
        interval=counted_interval(tally.error, chosen.test_sequences),
        overlap=tally.overlap.mean,
        overlap_standard_error=tally.overlap.standard_error,
        repetitions=total,
        dropped=tally.dropped,
        separable=tally.separable,
        seed=seed,
        simulator=simulator,
        test=chosen.test,
        seconds=seconds,
    )
