"""Work spread over processes, its results in the order of the tasks, with a progress bar on standard error."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

from numerics.process_executor import ProcessExecutor, WorkerError
from theory.threads import THREAD_VARIABLES

Task = TypeVar("Task")
Result = TypeVar("Result")

AHEAD = 64
"""Tasks that wait for an executor at once: enough to keep its processes busy."""


def progress_bar(results: Iterable[Result], total: int, label: str | None) -> Iterable[Result]:
    """Show a progress bar if a label is given and tqdm is installed; without tqdm, one line says what is going on."""
    if label is None:
        return results
    try:
        from tqdm import tqdm
    except ImportError:
        print(f"{label}: {total} {'block' if total == 1 else 'blocks'} …", file=sys.stderr)
        return results
    # A bar that is over before half a second has passed would only flicker; a log file wants few lines.
    pause = 0.5 if sys.stderr.isatty() else 30.0
    return tqdm(  # type: ignore[no-any-return]
        results, total=total, desc=label, file=sys.stderr, delay=pause, mininterval=pause / 5, leave=False
    )


def map_in_order(
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    total: int,
    executor: Executor | None,
    label: str | None = None,
) -> Iterator[Result]:
    """Yield function(task) for each of `total` tasks, in their order, computed here or by an executor.

    Tasks are taken and results held a few at a time, so that memory does not grow with their number.  An interruption
    cancels what has not started.

    Example:
        >>> list(map_in_order(abs, iter([-1, 2]), 2, None))
        [1, 2]
    """
    results = map(function, tasks) if executor is None else _submitted(function, iter(tasks), executor)
    yield from progress_bar(results, total, label)


def _submitted(
    function: Callable[[Task], Result], tasks: Iterator[Task], executor: Executor
) -> Generator[Result, None, None]:
    """Yield results in order, with `AHEAD` tasks submitted and not yet yielded."""
    waiting: deque[Future[Result]] = deque()
    try:
        while True:
            with _interrupts_held(), _loss_explained():
                waiting.extend(executor.submit(function, task) for task in islice(tasks, AHEAD - len(waiting)))
            if not waiting:
                return
            yield result_of(waiting.popleft())
    finally:
        for future in waiting:
            future.cancel()


class Workers:
    """Tasks handed to an executor, or computed here at once, and collected in the order in which they end."""

    def __init__(self, executor: Executor | None) -> None:
        """Take an executor, or None for this process."""
        self._executor = executor
        self._open: set[Future[Any]] = set()

    def __enter__(self) -> Workers:
        """Return the object itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Cancel what has not started."""
        for future in self._open:
            future.cancel()

    def have_room(self, waiting: int) -> bool:
        """Tell whether to submit another task while so many are waiting."""
        return waiting < (1 if self._executor is None else AHEAD)

    def submit(self, function: Callable[[Task], Result], task: Task) -> Future[Result]:
        """Hand over one task."""
        if self._executor is None:
            future: Future[Result] = Future()
            future.set_result(function(task))
            return future
        with _interrupts_held(), _loss_explained():
            future = self._executor.submit(function, task)
        self._open.add(future)
        return future

    def map(self, function: Callable[[Task], Result], tasks: Iterable[Task]) -> list[Result]:
        """Return function(task) for every task, in their order."""
        return [result_of(future) for future in [self.submit(function, task) for task in tasks]]

    def done(self, waiting: Iterable[Future[Any]]) -> list[Future[Any]]:
        """Wait for at least one of the tasks, if there are any, and return those that have ended.

        Raises:
            WorkerError: a worker process ended before its work did.
        """
        ended = list(wait(waiting, return_when=FIRST_COMPLETED).done) if waiting else []
        self._open.difference_update(ended)
        # Results that are there come first: they are kept although another worker was lost.
        ended.sort(key=lambda future: future.cancelled() or future.exception() is not None)
        return ended


@contextmanager
def _loss_explained() -> Iterator[None]:
    """Turn the loss of a process of any other executor into the same sentence."""
    try:
        yield
    except BrokenExecutor:
        raise WorkerError from None


def result_of(future: Future[Result]) -> Result:
    """Return what a task came to.

    Raises:
        WorkerError: its worker process ended before it did.
    """
    with _loss_explained():
        return future.result()


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back while processes start: half-started ones would end with tracebacks of their own.

    They inherit the blocked signal, through the threads that start them, before they could come to ignore it.  Here the
    signal may reach a thread that does not block it, and Python would raise in this one: a handler notes it until then.
    """
    noted: list[int] = []
    here = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGINT, lambda number, _: noted.append(number)) if here else None
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if hasattr(signal, "pthread_sigmask") else None
    try:
        yield
    finally:
        if blocked is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        if here:
            signal.signal(signal.SIGINT, signal.SIG_DFL if handler is None else handler)
    if noted:
        raise KeyboardInterrupt


@contextmanager
def processes(jobs: int) -> Iterator[Executor]:
    """Provide an executor of `jobs` processes, one included.

    Each process keeps its linear algebra to one thread: `jobs` of them share the machine, and the number of threads
    changes the last digit of a matrix product.  That is why even a single job has a process of its own.  An error or
    Ctrl-C ends them at once: a block may take minutes, and nobody waits for its result any more.
    """
    saved: dict[str, Any] = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    pool = ProcessExecutor(jobs)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        pool.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        for name, value in saved.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
