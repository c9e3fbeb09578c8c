"""One claim at one setting, judged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtr

from numerics.estimate import Moments
from numerics.verification.claim import KINDS, as_json
from numerics.verification.trial import Trial

CONFIDENCE = 0.95

SLACK = 1.001
"""Plans are whole portions, made until they suffice; only a changing share of dropped repetitions may leave a gap."""


@dataclass(frozen=True)
class Check:
    """One claim at one setting: prediction, simulation, verdict, and what the check would have caught.

    Attributes:
        id: the claim's.
        setting: label of the setting.
        statement: the claim's, in words.
        source: the claim's.
        kind: the claim's.
        predicted: by theory.
        relation: "=" or ">=", of the simulated mean to the prediction.
        allowance: what they may differ by although the claim is true.
        scale: what `detectable` is relative to: the size of the prediction unless the claim says otherwise.
        simulated: mean of the observations.
        standard_error: its standard error.
        interval: 95 % confidence interval for what the mean estimates, by Student's t.
        confidence: 0.95.
        p_value: Student's, two-sided for "=": uniform if the claim is true, but only approximately, and no verdict
            rests on it.
        log10_e: decimal logarithm of the evidence against the claim: it exceeds x with probability at most 10^-x if
            the claim is true (`numerics.verification.betting`).
        verdict: "refuted" where log10_e reaches that of 1/false_alarm; else "holds" where the check would have found
            the relative deviation asked of it, and "undecided" where it would not.
        detectable: smallest relative deviation found with probability 99.9 %.
        false_alarm: probability, at most, that this check refutes a true claim.
        observations: how many there were.
        dropped: repetitions that gave none, of all arms.
        seed: the run's.
        seconds: time of computation, added up over all processes.
        parameters: experiments with their weights, the portion that shares a random stream, and the effort.
    """

    id: str
    setting: str
    statement: str
    source: str
    kind: str
    predicted: float
    relation: str
    allowance: float
    scale: float
    simulated: float
    standard_error: float
    interval: tuple[float, float]
    confidence: float
    p_value: float
    log10_e: float
    verdict: str
    detectable: float
    false_alarm: float
    observations: int
    dropped: int
    seed: int
    seconds: float
    parameters: dict[str, Any]


def verdict(trial: Trial, log_evidence: float, detectable: float) -> str:
    """Return "refuted", "holds" or "undecided"."""
    if log_evidence >= -math.log(trial.false_alarm):
        return "refuted"
    return "holds" if detectable <= SLACK * trial.finest else "undecided"


def p_value(trial: Trial, moments: Moments) -> float:
    """Return the probability of as large a deviation by Student's t, beyond the allowance; NaN without a spread."""
    if moments.count < 2 or moments.squares == 0:
        return math.nan
    deviation = moments.mean - trial.predicted
    two_sided = KINDS[trial.claim.kind] == "="
    beyond = max(abs(deviation) - trial.allowance, 0.0) if two_sided else -deviation - trial.allowance
    return (2 if two_sided else 1) * float(stdtr(moments.count - 1, -beyond / moments.standard_error))


def judge(trial: Trial, seed: int) -> Check:
    """Return the check that a finished trial amounts to."""
    claim, setting = trial.claim, trial.setting
    moments = Moments.of(np.concatenate(trial.portions()))
    log_evidence, detectable = trial.log_evidence(), trial.detectable()
    return Check(
        id=claim.id,
        setting=setting.label,
        statement=claim.statement,
        source=claim.source,
        kind=claim.kind,
        predicted=trial.predicted,
        relation=KINDS[claim.kind],
        allowance=trial.allowance,
        scale=trial.scale,
        simulated=moments.mean,
        standard_error=moments.standard_error,
        interval=moments.interval(CONFIDENCE, *setting.bounds),
        confidence=CONFIDENCE,
        p_value=p_value(trial, moments),
        log10_e=log_evidence / math.log(10),
        verdict=verdict(trial, log_evidence, detectable),
        detectable=detectable,
        false_alarm=trial.false_alarm,
        observations=moments.count,
        dropped=trial.dropped(),
        seed=seed,
        seconds=sum(trial.seconds.values()),
        parameters={
            "arms": [{"weight": arm.weight, **arm.experiment.identity()} for arm in setting.arms],
            "arguments": as_json(setting.arguments),
            "portion": trial.portion,
            "effort": trial.effort,
        },
    )
