"""A run comes to the same, to the last bit, whatever executes it and in whatever order its portions end."""

from __future__ import annotations

import random
import sqlite3
import threading
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import pytest

from numerics.executor import processes
from numerics.store import ResultStore
from numerics.verification import Arm, Claim, Experiment, Observations, Setting, verify
from numerics.verification.engine import select_claims

GOLDEN = (5**0.5 - 1) / 2


def count_heads(
    repetitions: int, rng: np.random.Generator, *, probability: float, lost: float = 0.0, seconds: float = 0.0
) -> Observations:
    """Toss a coin, of which some fall off the table, and pass the result through a matrix product."""
    threading.Event().wait(seconds)
    heads = (rng.random(repetitions) < probability).astype(float)[rng.random(repetitions) >= lost]
    mixing = rng.random((30, 30))
    noise = (mixing @ np.linalg.solve(mixing + np.eye(30), rng.random((30, repetitions))))[0, : len(heads)]
    return Observations(0.5 * heads + 0.5 * np.abs(np.sin(noise)), repetitions - len(heads))


def predict(**_: float) -> float:
    return 0.5


def _setting(label, weights, **parameters):
    arms = [
        Arm(Experiment(count_heads, {"probability": 0.5 + 0.3 * place, **parameters}, portion=1000), weight)
        for place, weight in enumerate(weights)
    ]
    return Setting(label, tuple(arms), predict, finest=0.06)


CLAIM = Claim(
    "coins",
    "Coins",
    "Whether this holds does not matter: every number has to be the same.",
    "E Y = 1/2",
    "made up",
    "equality",
    (
        _setting("one arm", [1.0]),
        _setting("two arms that lose repetitions", [1.0, -GOLDEN], lost=0.1),
        _setting("a slow arm", [1.0], seconds=0.002),
    ),
)


class Shuffled(Executor):
    """Computes what it was handed in an order of chance, in a thread."""

    def __init__(self, seed):
        self._rng = random.Random(seed)
        self._waiting = []
        self._there_is_one = threading.Semaphore(0)
        self._submitted = 0
        self.order = []
        threading.Thread(target=self._work, daemon=True).start()

    def submit(self, function, /, *args, **options):
        future = Future()
        self._waiting.append((self._submitted, future, function, args, options))
        self._submitted += 1
        self._there_is_one.release()
        return future

    def _work(self):
        while True:
            self._there_is_one.acquire()
            if not self._waiting:
                return
            place, future, function, args, options = self._waiting.pop(self._rng.randrange(len(self._waiting)))
            if future.set_running_or_notify_cancel():
                self.order.append(place)
                future.set_result(function(*args, **options))

    def shutdown(self, *_, **__):
        self._there_is_one.release()


def outcome(folder, executor):
    """Return what a run says but its seconds, and every byte that it stores."""
    claims = [CLAIM, *select_claims(["small-errors"])]
    with ResultStore(folder) as store:
        checks = verify(claims, store=store, seed=3, executor=executor)
    connection = sqlite3.connect(folder / "results.sqlite")
    rows = connection.execute("SELECT * FROM results ORDER BY key").fetchall()
    connection.close()
    # In words, for a NaN would differ from itself.
    return [repr(replace(check, seconds=0.0)) for check in checks], rows


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    checks, rows = outcome(tmp_path_factory.mktemp("here"), None)
    assert len(checks) == 5
    assert len(rows) > 50
    return checks, rows


@pytest.mark.parametrize(
    "executor",
    [
        pytest.param(lambda: nullcontext(None), id="none"),
        *(pytest.param(lambda jobs=jobs: processes(jobs), id=f"{jobs} processes") for jobs in (1, 2)),
        pytest.param(lambda: processes(7), id="7 processes", marks=pytest.mark.slow),
        pytest.param(lambda: ProcessPoolExecutor(2, get_context("spawn")), id="a pool of the standard library"),
        pytest.param(lambda: ThreadPoolExecutor(4), id="threads"),
    ],
)
def test_a_run_is_the_same_with_every_executor(tmp_path, expected, executor):
    with executor() as opened:
        assert outcome(tmp_path, opened) == expected


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 5))])
def test_a_run_is_the_same_whatever_ends_first(tmp_path, expected, seed):
    with Shuffled(seed) as executor:
        assert outcome(tmp_path, executor) == expected
        assert executor.order != sorted(executor.order)


def test_another_seed_gives_other_numbers(tmp_path, expected):
    """What the tests above would not notice if the seed, or nothing, went into the numbers."""
    with ResultStore(tmp_path) as store:
        checks = verify([CLAIM], store=store, seed=4)
    assert not {repr(replace(check, seconds=0.0, seed=3)) for check in checks} & set(expected[0])
