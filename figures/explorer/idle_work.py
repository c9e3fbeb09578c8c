"""Exact numbers, computed in a process of their own while the page waits for the next move."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

from figures.explorer.curve_point import CurvePoint, curve_point
from numerics.executor import Workers
from numerics.process_executor import ProcessExecutor
from theory.head import Head
from theory.known_prompt.error import KnownPromptError, known_prompt_error
from theory.mixture import ContextualMixture

Found = KnownPromptError | CurvePoint
Report = Callable[[int, "Future[Any]"], None]
"""Takes a place and the future of what was found there."""


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
        self._futures: list[Future[Any]] = []

    def start(self, mixture: ContextualMixture, heads: Sequence[Head], report: Report) -> None:
        """Predict the error of the first head and points of a curve for the others; report each, in another thread."""
        self.drop()
        if any(not future.done() for future in self._futures):
            self.close()
        if self._pool is None:
            self._pool = ProcessExecutor(1, polite=True)
        workers = Workers(self._pool)
        self._futures = [
            workers.submit(partial(curve_point if place else known_prompt_error, mixture), head)
            for place, head in enumerate(heads)
        ]
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
