"""Simulated points for the curve: in processes, with progress, and stopped at once when nobody wants them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from dataclasses import dataclass, replace
from typing import Any

from figures.explorer.idle_work import end_at_once
from figures.explorer.setting import Setting
from figures.explorer.shown import SimulatedPoint
from numerics.process_executor import ProcessExecutor, WorkerError
from numerics.simulation import SIMULATORS, simulate
from numerics.training.training_error import TrainingError
from theory.arguments import ArgumentError, NotAvailableError

FACTORS = (1.0, 0.5, 2.0, 0.25, 4.0)
"""Training sizes, as multiples of the setting's: its own first."""

LARGEST_TRAINING_SET = 10_000_000
"""n d, the numbers of one training set: 80 MB."""


@dataclass(frozen=True)
class Progress:
    """How far a simulation is.

    Attributes:
        done: blocks that are finished.
        total: blocks there are.
        point: the point just finished, if one is.
        refused: why a point cannot be had, in one sentence.
        ended: whether this was the last word.
    """

    done: int
    total: int
    point: SimulatedPoint | None = None
    refused: str | None = None
    ended: bool = False


class _Counted(Executor):
    """An executor that tells of each finished task."""

    def __init__(self, pool: Executor, tell: Callable[[], None]) -> None:
        """Hand everything over to `pool`."""
        self._pool, self._tell = pool, tell

    def submit(self, function: Callable[..., Any], /, *args: Any, **options: Any) -> Future[Any]:
        """Hand over one task."""
        future = self._pool.submit(function, *args, **options)
        future.add_done_callback(lambda _: self._tell())
        return future


def training_sizes(setting: Setting) -> list[int]:
    """Return the n at which points are simulated, the setting's own first.

    Raises:
        ArgumentError: its own training set is too large.

    Example:
        >>> training_sizes(Setting(samples=200))
        [200, 100, 400, 50, 800]
    """
    if setting.samples * setting.dimension > LARGEST_TRAINING_SET:
        raise ArgumentError(
            "samples",
            f"be at most {LARGEST_TRAINING_SET // setting.dimension} for a simulation at d = {setting.dimension}",
            setting.samples,
        )
    sizes = dict.fromkeys(round(setting.samples * factor) for factor in FACTORS)
    return [n for n in sizes if n >= 1 and n * setting.dimension <= LARGEST_TRAINING_SET]


class PointSimulation:
    """Simulates points for one setting at a time."""

    def __init__(self, jobs: int) -> None:
        """Provide for so many processes, and start none yet."""
        self._jobs = jobs
        self._pool: ProcessExecutor | None = None
        self._run: object = None

    @property
    def running(self) -> bool:
        """Tell whether points are being simulated."""
        return self._run is not None

    def start(self, setting: Setting, report: Callable[[Progress], None]) -> None:
        """Simulate, and report from another thread.

        Raises:
            ArgumentError: the training set is too large.
        """
        sizes = training_sizes(setting)
        self.stop()
        self._pool = self._pool or ProcessExecutor(self._jobs, polite=True)
        self._run = run = object()
        arguments = (self._pool, setting, sizes, report, run)
        threading.Thread(target=self._simulate, args=arguments, daemon=True).start()

    def _simulate(
        self, pool: ProcessExecutor, setting: Setting, sizes: list[int], report: Callable[[Progress], None], run: object
    ) -> None:
        """Simulate every point, unless another run has begun or this one was stopped."""
        block = SIMULATORS[setting.simulator].block
        done, total = 0, len(sizes) * -(-setting.repetitions // block)
        lock = threading.Lock()

        def tell(**what: Any) -> None:
            if self._run is run:
                report(Progress(done, total, **what))

        def count() -> None:
            nonlocal done
            with lock:
                done += 1
            tell()

        for n in sizes:
            mine = replace(setting, samples=n)
            try:
                simulation = simulate(
                    mine.mixture,
                    mine.head,
                    simulator=mine.simulator,
                    repetitions=mine.repetitions,
                    seed=mine.seed,
                    executor=_Counted(pool, count),
                )
            except (WorkerError, CancelledError):
                tell(refused="the simulation was ended from outside")
                break
            except RuntimeError:
                if self._run is run:
                    raise
                break  # a pool that was shut down takes no more tasks
            except (ArgumentError, NotAvailableError, TrainingError, MemoryError) as error:
                tell(refused=f"n = {n}: {error}")
            else:
                tell(point=SimulatedPoint(mine, simulation))
        tell(ended=True)
        if self._run is run:
            self._run = None

    def stop(self) -> None:
        """End what is running at once; finished points stay."""
        running, self._run = self._run, None
        if running is not None:
            self.close()

    def close(self) -> None:
        """End every process."""
        self._run = None
        if self._pool is not None:
            end_at_once(self._pool)
            self._pool = None
