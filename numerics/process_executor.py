"""Processes that compute, each with a pipe of its own: one that is killed spoils nothing but its own task.

`concurrent.futures.ProcessPoolExecutor` has all its processes write into one pipe.  One that is killed while it writes
leaves half a message behind and the lock of the others closed, and all wait for ever.  Here a thread waits for each.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any

NICENESS = 10
"""By how much a polite worker gives way to others that want the processor."""


class WorkerError(OSError):
    """A worker that ended before its work did."""

    def __init__(self) -> None:
        """Say what happened and what to do."""
        super().__init__(
            "a worker process ended before its work did (killed, or out of memory); what was finished is kept, and the "
            "same command goes on from there"
        )


class Worker:
    """One process, which computes what it is sent."""

    def __init__(self, *, polite: bool) -> None:
        """Start the process."""
        context = multiprocessing.get_context("spawn")
        self._pipe, its_end = context.Pipe()
        self._process = context.Process(target=_serve, args=(its_end,), daemon=True)
        self._process.start()
        # While no other process holds that end, the pipe breaks when this one ends.
        its_end.close()
        if polite and self._process.pid is not None and sys.platform != "win32":
            # Not left to the process: its imports take a second.
            mine = os.getpriority(os.PRIO_PROCESS, self._process.pid)
            os.setpriority(os.PRIO_PROCESS, self._process.pid, mine + NICENESS)

    def call(self, function: Callable[..., Any], /, *args: Any, **options: Any) -> Any:
        """Have the process compute function(*args, **options).

        Raises:
            WorkerError: the process ended before it answered.
        """
        task = ForkingPickler.dumps((function, args, options))
        try:
            self._pipe.send_bytes(task)
            answer = self._pipe.recv_bytes()
        except (EOFError, OSError):
            raise WorkerError from None
        result, error = pickle.loads(answer)
        if error is not None:
            raise error
        return result

    def terminate(self) -> None:
        """End the process, whatever it is doing."""
        self._process.terminate()

    def close(self) -> None:
        """Let the process end, which must be idle or have ended."""
        self._pipe.close()
        self._process.join()
        self._process.close()


class ProcessExecutor(Executor):
    """An executor whose processes start as they are needed, and start afresh, with nothing of this one's memory.

    Polite ones give way to whatever else wants the processor: a page that is to follow the mouse.
    """

    def __init__(self, jobs: int, *, polite: bool = False) -> None:
        """Provide for so many processes."""
        self._polite = polite
        if os.name == "posix":
            # The first process to start would start it, and leave its thread, and so that process, open to Ctrl-C.
            resource_tracker.ensure_running()
        self._threads = ThreadPoolExecutor(jobs)
        self._of_this_thread = threading.local()
        self._workers: list[Worker] = []
        self._starting = threading.Lock()
        self._terminated = False

    def submit(self, function: Callable[..., Any], /, *args: Any, **options: Any) -> Future[Any]:
        """Have function(*args, **options) computed by the next process that is free."""
        return self._threads.submit(self._call, function, *args, **options)

    def _call(self, function: Callable[..., Any], /, *args: Any, **options: Any) -> Any:
        """Compute in the process of this thread."""
        if not hasattr(self._of_this_thread, "worker"):
            self._of_this_thread.worker = self._start()
        return self._of_this_thread.worker.call(function, *args, **options)

    def _start(self) -> Worker:
        """Start a process, unless all have just been ended."""
        with self._starting:
            if self._terminated:
                raise WorkerError
            self._workers.append(Worker(polite=self._polite))
            return self._workers[-1]

    def terminate(self) -> None:
        """End every process at once; what they compute is lost."""
        with self._starting:
            self._terminated = True
            for worker in self._workers:
                worker.terminate()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more tasks; wait until those there are have ended, and their processes too."""
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
        while wait and self._workers:
            self._workers.pop().close()


def _serve(pipe: Connection) -> None:
    """Compute what comes through the pipe until it closes.

    Ctrl-C is left to the parent process, which ends the others in order.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    while True:
        try:
            task = pipe.recv_bytes()
        except EOFError:
            return
        pipe.send_bytes(_answer(task))


def _end_with_the_parent() -> None:
    """End this process at once when its parent ends, even if that was killed: a task may take minutes."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _answer(task: bytes) -> bytes:
    """Return what a task comes to, or the error that it ends with."""
    try:
        function, args, options = pickle.loads(task)
        return bytes(ForkingPickler.dumps((function(*args, **options), None)))
    except Exception as error:
        error.add_note(f"in a worker process:\n{traceback.format_exc()}")
        return _error_answer(error)


def _error_answer(error: Exception) -> bytes:
    """Return an error as bytes, as text where it cannot be sent as it is."""
    try:
        answer = bytes(ForkingPickler.dumps((None, error)))
        pickle.loads(answer)
    except Exception:
        return bytes(ForkingPickler.dumps((None, RuntimeError(f"{type(error).__name__}: {error}"))))
    return answer
