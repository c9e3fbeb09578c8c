"""Ctrl-C and memory of a long simulation, in processes of their own: what a user at a terminal would see."""

from __future__ import annotations

import os
import select
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.worker_ids import needs_proc, worker_ids

pty = pytest.importorskip("pty", reason="Windows has no pseudo-terminal to press Ctrl-C in")
termios = pytest.importorskip("termios", reason="Windows has no pseudo-terminal to press Ctrl-C in")
pytest.importorskip("tqdm", reason="without tqdm, of the extra progress, a command shows no bar to wait for")
resource = pytest.importorskip("resource", reason="Windows does not tell the peak memory of a child process")

ROOT = Path(__file__).parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
PATIENCE = 10.0
"""Seconds in which an interrupted command has to be gone."""

STARTING = 60.0
"""Seconds in which even a busy machine starts a command."""

INTERRUPTED = "interrupted; what was finished is kept"

MIXTURE = "--tokens 64 --relevant 1 --noise-kind prompt-orthogonal"
# Minutes of work, in blocks of milliseconds or of half a minute.
SHORT_BLOCKS = f"simulate {MIXTURE} --dim 51 --samples 100 --repetitions 1000000"
LONG_BLOCKS = f"simulate {MIXTURE} --dim 501 --samples 4000 --simulator tokens --repetitions 100"


@pytest.fixture(autouse=True)
def interrupts_heard():
    """A suite started in the background ignores Ctrl-C, and so would the commands it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Terminal:
    """A command whose standard error is a terminal, on which Ctrl-C can be pressed."""

    def __init__(self, arguments, folder):
        self._screen, terminal = pty.openpty()
        # A progress bar needs to know how wide it may be.
        termios.tcsetwinsize(terminal, (24, 100))
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            stdout=subprocess.PIPE,
            stderr=terminal,
            cwd=folder,
            env=ENVIRONMENT,
            start_new_session=True,
        )
        os.close(terminal)
        self.text = ""

    def read(self, seconds):
        if select.select([self._screen], [], [], seconds)[0]:
            try:
                self.text += os.read(self._screen, 65536).decode(errors="replace")
            except OSError:  # Linux says so that the command has left the terminal
                return False
            return True
        return False

    def wait_until(self, condition):
        deadline = time.monotonic() + STARTING
        while not condition(self):
            assert time.monotonic() < deadline, f"did not start: {self.text}"
            assert self.process.poll() is None, f"ended by itself: {self.text}"
            self.read(0.05)

    def press_ctrl_c(self):
        """Interrupt every process of the terminal, as the key does; return standard output."""
        os.killpg(self.process.pid, signal.SIGINT)
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < deadline:
            self.read(0.05)
        # A worker left behind would hold standard output open, and this would end with TimeoutExpired.
        output, _ = self.process.communicate(timeout=max(0.1, deadline - time.monotonic()))
        while self.read(0.1):
            pass
        return output

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.stdout.close()
        self.process.wait()
        os.close(self._screen)


@pytest.fixture
def terminal(tmp_path):
    opened = []

    def start(arguments):
        opened.append(Terminal(arguments, tmp_path))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def shows_progress(terminal):
    # Twice, for tqdm does not clear a bar that is interrupted while it is drawn for the first time.
    return terminal.text.count("%|") > 1


def workers(terminal):
    """Return the /proc folders of the two worker processes, empty as long as there are fewer."""
    mine = worker_ids(terminal.process.pid)
    return [Path("/proc") / str(worker) for worker in mine] if len(mine) == 2 else []


def has_workers(terminal):
    return bool(workers(terminal))


def has_busy_workers(terminal):
    # User time, field 14 of /proc/PID/stat; half of these two seconds go into imports.
    ticks = [int((folder / "stat").read_text().rsplit(")", 1)[1].split()[11]) for folder in workers(terminal)]
    return bool(ticks) and min(ticks) > 2 * os.sysconf("SC_CLK_TCK")


def assert_interrupted(terminal, output):
    assert terminal.process.returncode == 130
    assert output == b""
    # The progress bar goes back to the start of its line and clears it; what stays is one line.
    assert terminal.text.count("\n") == 1, terminal.text
    assert terminal.text.rstrip().rsplit("\r", 1)[-1] == f"python -m numerics: {INTERRUPTED}"


@pytest.mark.parametrize(
    ("command", "jobs", "moment"),
    [
        pytest.param(SHORT_BLOCKS, 1, shows_progress, id="one process"),
        pytest.param(SHORT_BLOCKS, 2, shows_progress, id="two processes"),
        pytest.param(LONG_BLOCKS, 2, has_workers, id="workers still starting", marks=needs_proc),
        pytest.param(
            LONG_BLOCKS, 2, has_busy_workers, id="blocks longer than patience", marks=[needs_proc, pytest.mark.slow]
        ),
    ],
)
def test_ctrl_c_ends_a_simulation_with_one_line(terminal, tmp_path, command, jobs, moment):
    running = terminal(["-m", "numerics", *shlex.split(command), "--jobs", str(jobs)])
    running.wait_until(moment)
    assert_interrupted(running, running.press_ctrl_c())
    assert list(tmp_path.iterdir()) == []


# One claim of two settings: the first takes a second, the second minutes, in three of four processes.
TWO_SETTINGS = """
from dataclasses import replace
from numerics.verification import Arm, Experiment
from tests.slow_coin import claim_about, coin, main, toss
settings = []
for probability, seconds in ((0.8, 0.2), (0.5, 60.0)):
    slower = Experiment(toss, {"probability": probability, "seconds": seconds}, portion=15_000)
    settings.append(replace(coin(probability), arms=(Arm(slower),)))
main(claim_about(*settings))
"""
PORTIONS = 5
"""Of the first setting."""


def stored(file):
    """Count the results of a store; there are none before it has been made."""
    if not file.exists():
        return 0
    connection = sqlite3.connect(file)
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (rows,) = connection.execute("SELECT count(*) FROM results").fetchone() if tables else (0,)
    connection.close()
    return rows


def test_ctrl_c_keeps_the_results_that_were_finished(terminal, tmp_path):
    file = tmp_path / "results" / "results.sqlite"
    running = terminal(["-c", TWO_SETTINGS, "--jobs", "4", "--results", "results"])
    running.wait_until(lambda now: shows_progress(now) and stored(file) == PORTIONS)
    assert_interrupted(running, running.press_ctrl_c())
    # The store, whole and with the portions of one setting; no journal, no table of half the claims.
    assert list(file.parent.iterdir()) == [file]
    assert stored(file) == PORTIONS
    connection = sqlite3.connect(file)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


# Run in a process of its own, so that the largest child is this command.
PEAK = """
import resource, subprocess, sys
status = subprocess.run([sys.executable, "-m", "numerics", *sys.argv[1:]], stdout=subprocess.DEVNULL).returncode
unit = 1 if sys.platform == "darwin" else 1024
print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit)
"""


@pytest.mark.parametrize(
    "command",
    [
        # All repetitions at once: 3e7 of them, ten numbers of 8 bytes each, 2.4 GB.
        pytest.param(
            "--dim 101 --samples 100 --simulator overlap --repetitions 30000000", id="overlap", marks=pytest.mark.slow
        ),
        # All tokens at once: 50,000 sequences of 64 tokens, 51 numbers of 8 bytes each, 1.3 GB.
        pytest.param(
            "--dim 51 --samples 50000 --simulator tokens --repetitions 1", id="tokens", marks=pytest.mark.slow
        ),
        # All scores at once: 20 repetitions of 30,000 sequences, 63 scores of 8 bytes each, 0.3 GB, five times over.
        pytest.param("--dim 51 --samples 30000 --simulator scores --repetitions 20", id="scores"),
    ],
)
def test_a_simulation_stays_below_one_gibibyte(tmp_path, command):
    arguments = ["simulate", *shlex.split(MIXTURE), *shlex.split(command), "--jobs", "1"]
    measured = subprocess.run(
        [sys.executable, "-c", PEAK, *arguments],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    status, peak = map(int, measured.stdout.split())
    assert status == 0, measured.stderr
    assert peak < 2**30, f"{peak / 2**20:.0f} MiB"
