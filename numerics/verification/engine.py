"""A run over many claims: portions are drawn by any executor, stored as they finish, and planned until all is done."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any

from numerics.executor import Workers, result_of
from numerics.extras import available
from numerics.fingerprint import function_fingerprint
from numerics.store import ResultStore
from numerics.streams import stream
from numerics.verification.catalogue import CLAIMS
from numerics.verification.check import Check, judge
from numerics.verification.claim import EFFORTS, Claim, Experiment, Setting, stream_key
from numerics.verification.progress import Progress
from numerics.verification.trial import Trial, expect
from theory.arguments import FloatArray, one_of, unknown_name

FALSE_ALARM_RATE = 1e-6
"""Probability, at most, that a run refutes any claim although all are true; split evenly over all checks there are."""

KEY = 5
"""Number that names the streams of the verification; those of `numerics.simulation` are 1 to 3."""


@dataclass(frozen=True)
class Portion:
    """Repetitions of one experiment that share a random stream: what a process is sent."""

    experiment: Experiment
    seed: int
    key: tuple[int, ...]
    index: int


def draw_portion(portion: Portion) -> tuple[FloatArray, float]:
    """Draw a portion; return its values and the seconds it took."""
    start = time.perf_counter()
    rng = stream(portion.seed, KEY, *portion.key, portion.index)
    experiment = portion.experiment
    observations = experiment.draw(experiment.portion, rng, **experiment.parameters)
    return observations.values, time.perf_counter() - start


def select_claims(names: Iterable[str]) -> list[Claim]:
    """Return the claims of these names; for none, all of them whose extras are there.

    Raises:
        ArgumentError: there is no such claim.
        NotAvailableError: a claim was named that needs an extra which is not there.
    """
    known = {claim.id: claim for claim in CLAIMS}
    for name in names:
        if name not in known:
            raise unknown_name("ID", "the name of a claim", name, known)
        if (extra := known[name].extra) is not None:
            extra.require(f"the claim {name}")
    chosen = set(names) or set(available(known))
    return [claim for claim in CLAIMS if claim.id in chosen]


def chosen_settings(claim: Claim, effort: str) -> list[Setting]:
    """Return the settings of a claim that a run of this effort checks."""
    return [setting for setting in claim.settings if setting.effort == "default" or effort == "thorough"]


def verify(
    claims: Iterable[Claim],
    *,
    store: ResultStore,
    seed: int = 0,
    effort: str = "default",
    executor: Executor | None = None,
    progress: bool = False,
) -> list[Check]:
    """Check claims at all their settings.

    Each check simulates until it would find the relative deviation of its effort with probability 99.9 %.  The
    probability that a run refutes any claim although all are true is at most 1e-6, whatever the laws of what is
    simulated: each check has an equal share of it, counted over these claims and the catalogue together.

    Args:
        claims: what to check.
        store: where portions of the simulations are taken from and put, each as soon as it is there.
        seed: whole number of at least 0, which names the random streams.
        effort: "default", or "thorough" for a quarter of the deviation at sixteen times the cost.
        executor: any `concurrent.futures` executor; None computes here.  Results are the same to the last digit with
            every executor, any number of workers, and in any order of completion, as long as all keep their linear
            algebra to as many threads: one in `numerics.executor.processes`, what the environment says here.
        progress: whether to show progress on standard error.

    Returns:
        A check for each setting, in the order of the claims.

    Raises:
        ArgumentError: the effort is unknown, or a claim contradicts itself (a value outside its stated range).
        StoreError: the store is damaged, or the disk full; what was stored stays.
        WorkerError: a worker process was killed; what was finished is stored.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with ResultStore(Path(tempfile.mkdtemp())) as store:
        ...     checks = verify(select_claims(["small-errors"]), store=store)
        >>> [check.verdict for check in checks]
        ['holds', 'holds']
    """
    one_of("effort", effort, tuple(EFFORTS))
    claims = list(claims)
    every = {claim.id: claim for claim in (*CLAIMS, *claims)}
    false_alarm = FALSE_ALARM_RATE / sum(len(claim.settings) for claim in every.values())
    places = [(claim, setting) for claim in claims for setting in chosen_settings(claim, effort)]
    with Workers(executor) as workers, Progress(len(places), sys.stderr if progress else None) as bar:
        trials = [
            Trial(claim, setting, *expected, false_alarm, effort)
            for (claim, setting), expected in zip(
                places, workers.map(expect, [place[1] for place in places]), strict=True
            )
        ]
        _simulate(trials, seed, store, workers, bar)
    return [judge(trial, seed) for trial in trials]


def _identity(trial: Trial, arm: int, index: int, seed: int) -> dict[str, Any]:
    """Return what a portion is stored under."""
    experiment = trial.setting.arms[arm].experiment
    return {
        "code": function_fingerprint(experiment.draw),
        "claim": trial.claim.id,
        "setting": trial.setting.label,
        "arm": arm,
        "experiment": experiment.identity(),
        "seed": seed,
        "portion": index,
    }


def _simulate(trials: list[Trial], seed: int, store: ResultStore, workers: Workers, progress: Progress) -> None:
    """Bring every trial to its end; the order in which portions arrive changes nothing."""
    waiting: dict[Future[Any], tuple[Trial, int, int]] = {}
    tasks = deque((trial, arm, index) for trial in trials for arm, index in trial.missing())
    while tasks or waiting:
        while tasks and workers.have_room(len(waiting)):
            trial, arm, index = tasks.popleft()
            stored = store.load_numbers(_identity(trial, arm, index, seed))
            if stored is None:
                experiment = trial.setting.arms[arm].experiment
                portion = Portion(experiment, seed, stream_key(trial.claim, trial.setting, arm), index)
                waiting[workers.submit(draw_portion, portion)] = trial, arm, index
            else:
                tasks.extendleft(_received(trial, arm, index, stored, 0.0))
        for future in workers.done(waiting):
            trial, arm, index = waiting.pop(future)
            values, seconds = result_of(future)
            more = _received(trial, arm, index, values, seconds)
            store.save_numbers(_identity(trial, arm, index, seed), values)
            # Begun trials go first, so that an interrupted run has as many whole ones as can be.
            tasks.extendleft(more)
            progress.show(trials)


def _received(trial: Trial, arm: int, index: int, values: FloatArray, seconds: float) -> list[tuple[Trial, int, int]]:
    """Hand a portion to its trial; return what that trial wants on top, last first."""
    before = trial.wanted
    trial.receive(arm, index, values, seconds)
    arms = range(len(trial.setting.arms))
    return [(trial, each, further) for further in reversed(range(before, trial.wanted)) for each in arms]
