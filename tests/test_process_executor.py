"""Processes with a pipe each: errors come back as they are, and the loss of one process is never waited for."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest

from numerics.executor import map_in_order, processes
from numerics.process_executor import NICENESS, ProcessExecutor, WorkerError
from theory import ArgumentError

ROOT = Path(__file__).parents[1]

PATIENCE = 10.0
"""Seconds in which a process has to be gone."""


def process_id(_=None):
    return os.getpid()


def refuse(value):
    raise ArgumentError("value", "be another", value)


class ErrorWithItsOwnArguments(Exception):
    """Cannot be made anew from what Exception knows of it."""

    def __init__(self, one, other):
        super().__init__(f"{one} and {other}")


def raise_what_cannot_be_sent(_):
    raise ErrorWithItsOwnArguments(1, 2)


def return_what_cannot_be_sent(_):
    return threading.Lock()


class Unreadable:
    """Something that no process can read."""

    def __reduce__(self):
        return int, ("not a number",)


def priority():
    return os.getpriority(os.PRIO_PROCESS, 0)


def die(_):
    os.kill(os.getpid(), signal.SIGKILL)


def write_half_and_die(pipe, message):
    """Take the place of the method that hands a message to the system."""
    os.write(pipe.fileno(), message[: len(message) // 2])
    die(None)


def die_while_answering(size):
    Connection._send = write_half_and_die
    return np.zeros(size)


@pytest.fixture(scope="module")
def executor():
    with processes(2) as pool:
        yield pool


def test_work_is_done_elsewhere_and_in_order(executor):
    assert list(map_in_order(abs, iter(range(-200, 0)), 200, executor)) == list(range(200, 0, -1))
    assert executor.submit(process_id).result() != os.getpid()


def test_options_are_passed_on(executor):
    assert executor.submit(sorted, [1, 3, 2], reverse=True).result() == [3, 2, 1]
    assert executor.submit(dict, function=1).result() == {"function": 1}


def test_an_error_comes_back_as_it_is_and_says_where_it_was_raised(executor):
    with pytest.raises(ArgumentError, match=r"^value must be another, got 7\n") as caught:
        executor.submit(refuse, 7).result()
    assert (caught.value.parameter, caught.value.received) == ("value", 7)
    assert "in refuse" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("function", "task", "error", "message"),
    [
        (raise_what_cannot_be_sent, None, RuntimeError, "^ErrorWithItsOwnArguments: 1 and 2$"),
        (return_what_cannot_be_sent, None, TypeError, "lock"),
        (abs, Unreadable(), ValueError, "not a number"),
        (lambda: None, None, (AttributeError, pickle.PicklingError), "lambda"),
    ],
)
def test_what_cannot_be_sent_is_an_error_of_its_task_alone(executor, function, task, error, message):
    with pytest.raises(error, match=message):
        executor.submit(function, task).result(timeout=PATIENCE)
    assert executor.submit(abs, -1).result(timeout=PATIENCE) == 1


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
@pytest.mark.parametrize(
    ("function", "task"),
    [
        pytest.param(die, None, id="while it computes"),
        pytest.param(die_while_answering, 10, id="in the middle of a short answer"),
        # A pipe between all processes would be left with half an answer in it, and its lock closed.
        pytest.param(die_while_answering, 1_000_000, id="in the middle of a long answer"),
    ],
)
def test_a_killed_process_loses_its_own_task_alone(function, task):
    with processes(2) as pool:
        others = [pool.submit(process_id) for _ in range(5)]
        lost = pool.submit(function, task)
        with pytest.raises(WorkerError, match="a worker process ended before its work did"):
            lost.result(timeout=PATIENCE)
        assert len({other.result(timeout=PATIENCE) for other in others}) <= 2


PARENT = """
import time
from numerics.executor import processes
with processes(2) as pool:
    print(pool.submit(abs, -1).result(), flush=True)
    pool.submit(time.sleep, 100)
    time.sleep(100)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_no_process_outlives_a_killed_parent():
    with subprocess.Popen(
        [sys.executable, "-c", PARENT],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as parent:
        assert parent.stdout.readline() == b"1\n"
        parent.kill()
        # A process left behind, idle or busy, would hold the output open, and this would end with TimeoutExpired.
        assert parent.communicate(timeout=PATIENCE) == (b"", None)


FIRST_WORKER = """
import signal
from numerics.process_executor import ProcessExecutor
if __name__ == "__main__":
    pool = ProcessExecutor(1)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    print(signal.SIGINT in pool.submit(signal.pthread_sigmask, signal.SIG_BLOCK, []).result())
    pool.shutdown()
"""


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="this system cannot hold a signal back")
def test_the_first_process_is_held_back_from_ctrl_c_like_the_others(tmp_path):
    """In a fresh process, where nothing has started the standard library's resource tracker, which unblocks it."""
    script = tmp_path / "first_worker.py"
    script.write_text(FIRST_WORKER, encoding="utf-8")
    root = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout == "True\n"


@pytest.mark.skipif(os.name != "posix", reason="priorities are POSIX's")
def test_polite_workers_give_way():
    with ProcessExecutor(1, polite=True) as executor:
        # 19 is the most polite of all.
        assert executor.submit(priority).result() == min(priority() + NICENESS, 19)
