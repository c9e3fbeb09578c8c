"""Exact numbers, computed in a process of their own while the page waits for the next move."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial

from numerics.executor import Workers
from numerics.process_executor import ProcessExecutor
from theory.head import Head
from theory.known_prompt.error import KnownPromptError, known_prompt_error
from theory.mixture import ContextualMixture

Report = Callable[[int, "Future[KnownPromptError]"], None]


def end_at_once(pool: ProcessExecutor) -> None:
    """End the processes of a pool, whatever they are doing, and wait for none of them."""
    pool.shutdown(wait=False, cancel_futures=True)
    pool.terminate()


class IdleWork:
    """One process that works for one setting at a time.

    What a setting still waits for is dropped when it moves.  A formula that has begun cannot be stopped, and may take
    seconds: the next setting waits for none, but ends the process and starts another.
    """

    def __init__(self) -> None:
        """Start no process yet."""
        self._pool: ProcessExecutor | None = None
        self._futures: list[Future[KnownPromptError]] = []

    def start(self, mixture: ContextualMixture, heads: Sequence[Head], report: Report) -> None:
        """Predict the errors of some heads in turn, and report each, from another thread, by its place."""
        self.drop()
        if any(not future.done() for future in self._futures):
            self.close()
        if self._pool is None:
            self._pool = ProcessExecutor(1)
        workers = Workers(self._pool)
        self._futures = [workers.submit(partial(known_prompt_error, mixture), head) for head in heads]
        for place, future in enumerate(self._futures):
            future.add_done_callback(partial(report, place))

    def drop(self) -> None:
        """Cancel what has not begun."""
        for future in self._futures:
            future.cancel()

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self.drop()
        if self._pool is not None:
            end_at_once(self._pool)
            self._pool = None
