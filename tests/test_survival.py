"""Runs that are killed, at any moment: nothing finished is lost, and the same command goes on to the same result."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.slow_coin import JOURNAL, PORTIONS, SECONDS
from tests.worker_ids import needs_proc, worker_ids

pytest.importorskip("resource", reason="Windows has no SIGKILL, and cannot limit the size of a file")

ROOT = Path(__file__).parents[1]
RUN = "from tests.slow_coin import main; main()"
JOBS = 2

STARTING = 60.0
"""Seconds in which even a busy machine starts a run, and ends it."""

PATIENCE = 10.0
"""Seconds in which every process of a killed run has to be gone."""

IN_HAND = 6
"""Portions at most that had ended and were not stored yet.  Two processes end one every 40 ms; storing it took 20 ms on
a disk shared with other tests, and one in hand is the rule: 6 allow for a machine that stands still for 0.2 s."""

WORKER_LOST = (
    "python -m numerics: a worker process ended before its work did (killed, or out of memory); what was finished is "
    "kept, and the same command goes on from there\n"
)


class Run:
    """A run over the slow coins in a folder of its own, as often as it is started."""

    def __init__(self, folder):
        self.folder = folder
        self._journal = folder / "journal"
        self._journal.touch()

    def start(self, script=RUN):
        return subprocess.Popen(
            [sys.executable, "-c", script, "--jobs", str(JOBS), "--json", "--results", "results"],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), JOURNAL: str(self._journal)},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def finish(self):
        """Run to the end; return the checks without the seconds, and how many portions were computed and taken."""
        with self.start() as process:
            output, errors = process.communicate(timeout=STARTING)
        assert process.returncode == 0, errors
        computed, taken = map(int, re.search(r"(\d+) results computed, (\d+) taken", errors).groups())
        return [{**check, "seconds": None} for check in json.loads(output)], computed, taken

    def noted(self, word):
        return self._journal.read_text(encoding="utf-8").count(word)

    def stored(self):
        """Count the results on disk, in a copy: the next run shall find what the killed one left."""
        copy = self.folder / "copy"
        shutil.copytree(self.folder / "results", copy)
        connection = sqlite3.connect(copy / "results.sqlite")
        (rows,) = connection.execute("SELECT count(*) FROM results").fetchone()
        connection.close()
        shutil.rmtree(copy)
        return rows


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    checks, computed, taken = Run(tmp_path_factory.mktemp("undisturbed")).finish()
    assert (computed, taken) == (PORTIONS, 0)
    return checks, computed


# No file may grow beyond a size: what a full disk does, without filling one.
ON_A_FULL_DISK = f"""
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
{RUN}
"""


def test_a_full_disk_ends_a_run_with_one_sentence_and_a_larger_one_goes_on(tmp_path, undisturbed):
    checks, total = undisturbed
    run = Run(tmp_path)
    with run.start(ON_A_FULL_DISK) as process:
        output, errors = process.communicate(timeout=STARTING)
    assert (process.returncode, output) == (2, "")
    assert re.fullmatch(r"python -m numerics: the store results.results\.sqlite cannot be used: .*\n", errors)
    assert list((tmp_path / "results").iterdir()) == [tmp_path / "results" / "results.sqlite"]
    # 1 MiB holds six portions of 120 kB or more.
    stored = run.stored()
    assert 6 <= stored < total
    assert run.finish() == (checks, total - stored, stored)


def wait_until(condition, process):
    deadline = time.monotonic() + STARTING
    while not condition():
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)


def kill_at_random(run, process, victim, total, rng):
    """Kill the run or a worker of it, from before the first portion has ended to when the last ones are drawn."""
    ended = rng.randrange(total - 2 * JOBS)
    wait_until(lambda: run.noted("ended") >= ended and worker_ids(process.pid), process)
    time.sleep(rng.uniform(0, SECONDS))
    os.kill(process.pid if victim == "run" else rng.choice(worker_ids(process.pid)), signal.SIGKILL)
    # A process left behind would hold standard output open, and this would end with TimeoutExpired.
    return process.communicate(timeout=PATIENCE)


MOMENTS = [0, *(pytest.param(number, marks=pytest.mark.slow) for number in range(1, 20))]


@needs_proc
@pytest.mark.parametrize("number", MOMENTS)
def test_a_killed_run_goes_on_to_the_same_result(tmp_path, undisturbed, number):
    checks, total = undisturbed
    victim = ("run", "worker")[number % 2]
    run = Run(tmp_path)
    with run.start() as process:
        output, errors = kill_at_random(run, process, victim, total, random.Random(number))
    assert output == ""
    if victim == "run":
        assert process.returncode == -signal.SIGKILL
    else:
        assert (process.returncode, errors) == (2, WORKER_LOST)
    begun, ended, stored = run.noted("begun"), run.noted("ended"), run.stored()
    assert begun - ended <= JOBS
    assert ended - stored <= IN_HAND
    assert run.finish() == (checks, total - stored, stored)
    assert run.noted("begun") - begun == total - stored
