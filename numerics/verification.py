"""Claims against simulation: prediction, estimate, verdict, and what the check would have caught."""

from __future__ import annotations

import math
from collections.abc import Iterable
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from typing import Any
from zlib import crc32

import numpy as np
from scipy.special import stdtr, stdtrit

from numerics.claims import CLAIMS, Claim, Setting
from numerics.fingerprint import code_fingerprint
from numerics.simulation import simulate
from numerics.store import ResultStore
from theory.arguments import ArgumentError, single
from theory.head import Head
from theory.known_prompt.error import known_prompt_error
from theory.mixture import ContextualMixture

FALSE_ALARM_RATE = 1e-6
"""Probability, at most, that a run refutes any claim although all are true; split evenly over all checks there are."""

SKEWNESS_RESERVE = 3.0
"""Test errors of heads are skewed, by about 1; at these levels that makes Student's test err up to twice as often with
3,000 repetitions (the first Edgeworth term, e^{γ t³/(3 √n)} with γ = 0.8, t = 5.7).  The reserve covers it.
"""

POWER = 0.999
WORTHWHILE = 0.05
"""A check that would miss a relative deviation of 5 % says "undecided" where it does not refute."""


@dataclass(frozen=True)
class Check:
    """One claim at one setting.

    Attributes:
        id: the claim's.
        statement: the claim's.
        source: the claim's.
        predicted: error by theory.
        simulated: mean error of the simulation.
        standard_error: its standard error.
        p_value: two-sided, by Student's t.
        verdict: "holds", "refuted" or "undecided".
        detectable: smallest relative deviation of the prediction caught with probability 99.9 %.
        false_alarm: level of the test: with the reserve for skewness, a third of this check's share of the run's rate.
        parameters: mixture, head, simulator, repetitions, seed and the numbers that name the random streams.
    """

    id: str
    statement: str
    source: str
    predicted: float
    simulated: float
    standard_error: float
    p_value: float
    verdict: str
    detectable: float
    false_alarm: float
    parameters: dict[str, Any]


def judge(
    predicted: float, simulated: float, standard_error: float, repetitions: int, false_alarm: float
) -> tuple[str, float, float]:
    """Return verdict, p-value and detectable relative deviation of a mean of independent repetitions.

    The claim is refuted if Student's statistic exceeds its critical value t_c of two-sided probability `false_alarm`.
    A deviation of (t_c + t_99.9%) standard errors is caught with the stated power.

    Example:
        >>> judge(0.2, 0.2001, 0.0002, 10_000, 1e-8)[0]
        'holds'
        >>> judge(0.2, 0.2040, 0.0002, 10_000, 1e-8)[0]
        'refuted'
        >>> judge(0.2, 0.2001, 0.02, 10_000, 1e-8)[0]
        'undecided'
    """
    if repetitions < 2:
        return "undecided", math.nan, math.inf
    if standard_error == 0:
        # Outcomes between 0 and 1 that all agree: a mean further off than this would have shown itself.
        width = 1 - (false_alarm / 2) ** (1 / repetitions)
        return ("refuted" if abs(simulated - predicted) > width else "undecided"), math.nan, math.inf
    freedom = repetitions - 1
    statistic = abs(simulated - predicted) / standard_error
    p_value = float(2 * stdtr(freedom, -statistic))
    critical = float(-stdtrit(freedom, false_alarm / 2))
    deviation = (critical + float(stdtrit(freedom, POWER))) * standard_error
    detectable = deviation / predicted if predicted > 0 else math.inf
    if p_value < false_alarm:
        return "refuted", p_value, detectable
    return ("holds" if detectable <= WORTHWHILE else "undecided"), p_value, detectable


def select_claims(names: Iterable[str]) -> list[Claim]:
    """Return the claims of these names, all of them for none.

    Raises:
        ArgumentError: there is no such claim.
    """
    known = {claim.id: claim for claim in CLAIMS}
    for name in names:
        if name not in known:
            raise ArgumentError("ID", f"be one of {', '.join(known)}", repr(name))
    return [claim for claim in CLAIMS if not names or claim.id in set(names)]


def _plain(parameters: Any) -> dict[str, Any]:
    """Return a mixture's or a head's parameters as JSON data."""
    return {
        name: value.item() if isinstance(value, np.ndarray) else value for name, value in asdict(parameters).items()
    }


def _identity(claim: Claim, setting: Setting, mixture: ContextualMixture, head: Head, seed: int) -> dict[str, Any]:
    """Return what names one simulation: each claim and size has random streams of its own."""
    return {
        "mixture": _plain(mixture),
        "head": _plain(head),
        "simulator": setting.simulator,
        "repetitions": setting.repetitions,
        "seed": seed,
        "stream": [crc32(claim.id.encode()), int(single(head.samples))],
    }


def _simulated(
    claim: Claim,
    setting: Setting,
    mixture: ContextualMixture,
    head: Head,
    seed: int,
    store: ResultStore,
    executor: Executor | None,
) -> dict[str, Any]:
    """Return one simulation of a setting, from the store if it is there."""
    identity = _identity(claim, setting, mixture, head, seed)

    def run() -> dict[str, Any]:
        simulation = simulate(
            mixture,
            head,
            simulator=setting.simulator,
            repetitions=setting.repetitions,
            seed=seed,
            key=tuple(identity["stream"]),
            executor=executor,
            progress=f"{claim.id}, n = {int(single(head.samples))}, {setting.simulator}",
        )
        return asdict(simulation)

    result: dict[str, Any] = store.fetch({"code": code_fingerprint("numerics.simulation"), **identity}, run)
    return result


def check(claim: Claim, setting: Setting, seed: int, store: ResultStore, executor: Executor | None) -> Check:
    """Predict, simulate unless the store has the result, and judge.

    A proportional prediction is compared with simulations at three sizes, extrapolated (`Setting.sizes`); what that
    leaves out, of order 1/n³, is far below the standard error.
    """
    predicted = float(known_prompt_error(setting.mixture, setting.head, regime=setting.regime).error)
    simulated = variance = 0.0
    repetitions = setting.repetitions
    for mixture, head, weight in setting.sizes():
        simulation = _simulated(claim, setting, mixture, head, seed, store, executor)
        simulated += weight * simulation["error"]
        variance += (weight * simulation["standard_error"]) ** 2
        repetitions = min(repetitions, setting.repetitions - simulation["dropped"])
    false_alarm = FALSE_ALARM_RATE / SKEWNESS_RESERVE / sum(len(each.settings) for each in CLAIMS)
    verdict, p_value, detectable = judge(predicted, simulated, math.sqrt(variance), repetitions, false_alarm)
    return Check(
        id=claim.id,
        statement=claim.statement,
        source=claim.source,
        predicted=predicted,
        simulated=simulated,
        standard_error=math.sqrt(variance),
        p_value=p_value,
        verdict=verdict,
        detectable=detectable,
        false_alarm=false_alarm,
        parameters={
            **_identity(claim, setting, setting.mixture, setting.head, seed),
            "regime": setting.regime,
            "sizes": [int(single(head.samples)) for _, head, _ in setting.sizes()],
        },
    )


def verify(names: Iterable[str], *, seed: int, store: ResultStore, executor: Executor | None = None) -> list[Check]:
    """Check the claims of these names (all for none) at all their settings."""
    return [
        check(claim, setting, seed, store, executor)
        for claim in select_claims(list(names))
        for setting in claim.settings
    ]
