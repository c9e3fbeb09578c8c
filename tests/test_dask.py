"""A Dask cluster computes what processes compute, whatever becomes of its workers; where there is none, one sentence.

The cluster is a process of its own, bound to this machine alone.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from numerics.__main__ import PROG, main
from tests.slow_coin import JOURNAL, PORTIONS
from theory.command_line import run

# Found, not imported: that takes a second of every collection.
if find_spec("distributed") is None:
    pytest.skip("Dask, of the extra dask, is not installed", allow_module_level=True)

ROOT = Path(__file__).parents[1]
RUN = "from tests.slow_coin import main; main()"

PATIENCE = 60.0
"""Seconds in which even a busy machine starts a cluster or ends a run."""

CLUSTER = """
import sys
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""


class Cluster:
    """A cluster, and a journal of what its workers toss."""

    def __init__(self, folder):
        self.journal = folder / "journal"
        self.journal.touch()
        script = folder / "cluster.py"
        script.write_text(CLUSTER, encoding="utf-8")
        # That a worker keeps to one thread is its own doing.
        threads = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
        self.process = subprocess.Popen(
            [sys.executable, str(script)],
            cwd=folder,
            env={**threads, "PYTHONPATH": str(ROOT), JOURNAL: str(self.journal)},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.address = self.process.stdout.readline().strip()

    def close(self):
        self.process.communicate(timeout=PATIENCE)

    def noted(self):
        """Return the word and the process id of every note."""
        return [line.split() for line in self.journal.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    opened = Cluster(tmp_path_factory.mktemp("cluster"))
    yield opened
    opened.close()


def start(folder, *options):
    return subprocess.Popen(
        [sys.executable, *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def end(process, status=0):
    """Return both outputs of a run that ends with a status."""
    with process:
        output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == status, errors
    return output, errors


def without_seconds(output):
    return [{**check, "seconds": None} for check in json.loads(output)]


def checks(process):
    """Return what a run says, but its seconds."""
    return without_seconds(end(process)[0])


@pytest.fixture
def type_in(capsys, tmp_path, monkeypatch):
    """Run a command of `numerics` in an empty folder, in this process; return its status and both outputs."""
    monkeypatch.chdir(tmp_path)

    def run_command(line):
        with pytest.raises(SystemExit) as leaving:
            run(PROG, lambda: main(shlex.split(line)))
        return leaving.value.code, *capsys.readouterr()

    return run_command


def on(address):
    return ["--json", "--executor", "dask", "--scheduler", address]


HERE = ["--json", "--jobs", "2"]


def test_a_cluster_computes_what_processes_compute(tmp_path, cluster, type_in):
    command = "verify small-errors --results"
    there = checks(start(tmp_path, "-m", "numerics", *shlex.split(command), "there", *on(cluster.address)))
    status, output, _ = type_in(f"{command} here --json --jobs 1")
    assert (status, there) == (0, without_seconds(output))
    # And stores it: another executor finds everything done.
    assert type_in(f"{command} there --json --jobs 1")[2].startswith("0 results computed, ")


def test_a_worker_keeps_its_linear_algebra_to_one_thread(tmp_path, cluster):
    code = """
import os, sys
from numerics.dask_executor import dask_cluster
with dask_cluster(sys.argv[1]) as executor:
    print(executor.submit(os.getenv, "OMP_NUM_THREADS").result(), executor.submit(os.getpid).result() != os.getpid())
"""
    assert end(start(tmp_path, "-c", code, cluster.address)) == ("1 True\n", "")


def wait_for_tosses(cluster, run, count):
    """Return the process that made the last of so many new tosses."""
    before = len(cluster.noted())
    deadline = time.monotonic() + PATIENCE
    while len(noted := cluster.noted()) < before + 2 * count:
        assert time.monotonic() < deadline
        assert run.poll() is None, run.communicate()
        time.sleep(0.01)
    return int(noted[-1][1])


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_a_killed_worker_changes_nothing(tmp_path, cluster):
    run = start(tmp_path, "-c", RUN, "--results", "there", *on(cluster.address))
    victim = wait_for_tosses(cluster, run, 4)
    os.kill(victim, signal.SIGKILL)
    assert checks(run) == checks(start(tmp_path, "-c", RUN, "--results", "here", *HERE))
    # It was killed in mid-run: others went on.
    processes = [int(process) for _, process in cluster.noted()]
    assert processes[-1] != victim


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_a_lost_cluster_ends_the_run_with_one_sentence_and_loses_nothing_finished(tmp_path):
    """With its scheduler killed, the run goes on elsewhere."""
    cluster = Cluster(tmp_path)
    run = start(tmp_path, "-c", RUN, "--results", "results", *on(cluster.address))
    wait_for_tosses(cluster, run, 6)
    cluster.process.kill()
    cluster.close()
    output, errors = end(run, status=2)
    assert output == ""
    assert errors == (
        f"python -m numerics: the Dask cluster at {cluster.address} was lost, or a task killed every worker that it "
        "was given to; what was finished is kept, and the same command goes on from there\n"
    )
    _, errors = end(start(tmp_path, "-c", RUN, "--results", "results", *HERE))
    computed, taken = map(int, re.match(r"(\d+) results computed, (\d+) taken", errors).groups())
    # Six had ended; a few of them may not have been stored yet.
    assert taken > 0
    assert computed + taken == PORTIONS


@pytest.mark.slow
def test_an_address_where_nothing_listens_is_refused_within_ten_seconds(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # and does not listen
        address = f"tcp://127.0.0.1:{unused.getsockname()[1]}"
        clock = time.monotonic()
        output, errors = end(start(tmp_path, *shlex.split("-m numerics verify small-errors"), *on(address)), status=2)
        seconds = time.monotonic() - clock
    assert output == ""
    assert errors.startswith(f"python -m numerics: no Dask scheduler answers at {address}: ")
    assert errors.count("\n") == 1
    # Ten, and what Python and Dask take to start and to end on a busy machine.
    assert seconds < 20


@pytest.mark.parametrize("address", ["nonsense", "carrier-pigeon://127.0.0.1:8786"])
def test_what_is_no_address_is_refused(type_in, address):
    status, output, errors = type_in(f"verify small-errors --executor dask --scheduler {address}")
    assert (status, output) == (2, "")
    assert errors.startswith(f"python -m numerics: no Dask scheduler answers at {address}: ")
    assert errors.count("\n") == 1


def test_without_dask_it_says_how_to_get_it(type_in, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert type_in("verify small-errors --executor dask --scheduler tcp://127.0.0.1:8786") == (
        2,
        "",
        "python -m numerics: --executor dask needs Dask: pip install 'prompt-attention-theory[dask]'\n",
    )
