"""Work spread over processes, its results in the order of the tasks, with a progress bar on standard error."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def progress_bar(results: Iterable[Result], total: int, label: str | None) -> Iterable[Result]:
    """Show a progress bar if a label is given and tqdm is installed; without tqdm, one line says what is going on."""
    if label is None:
        return results
    try:
        from tqdm import tqdm
    except ImportError:
        print(f"{label}: {total} blocks …", file=sys.stderr)
        return results
    # A bar that is over before half a second has passed would only flicker; a log file wants few lines.
    pause = 0.5 if sys.stderr.isatty() else 30.0
    return tqdm(  # type: ignore[no-any-return]
        results, total=total, desc=label, file=sys.stderr, delay=pause, mininterval=pause / 5, leave=False
    )


def map_in_order(
    function: Callable[[Task], Result], tasks: Sequence[Task], executor: Executor | None, label: str | None = None
) -> list[Result]:
    """Return [function(task) for task in tasks], computed here or by an executor.

    An interruption cancels what has not started.

    Example:
        >>> map_in_order(abs, [-1, 2], None)
        [1, 2]
    """
    if executor is None:
        return list(progress_bar(map(function, tasks), len(tasks), label))
    futures = [executor.submit(function, task) for task in tasks]
    try:
        return list(progress_bar((future.result() for future in futures), len(futures), label))
    except BaseException:
        for future in futures:
            future.cancel()
        raise


def _ignore_interrupts() -> None:
    """Leave Ctrl-C to the parent process, which stops the workers in order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def processes(jobs: int) -> Iterator[Executor | None]:
    """Provide an executor of `jobs` processes, or None, which computes here, for one.

    Each process keeps its linear algebra to one thread, for `jobs` of them share the machine.
    """
    if jobs == 1:
        yield None
        return
    saved: dict[str, Any] = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), initializer=_ignore_interrupts)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        for name, value in saved.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
