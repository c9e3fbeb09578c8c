"""`numerics verify` with one made-up claim: coins that take their time to fall, in runs that tests cut short."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np

from numerics import __main__ as command
from numerics.verification import Arm, Claim, Experiment, Observations, Setting, engine
from theory.command_line import run

SECONDS = 0.08
"""Rest before a portion is tossed: it makes a run slow and keeps no core busy."""

PROBABILITIES = (0.7, 0.8, 0.85)
PORTION = 15_000
"""Tosses of a portion, of 8 bytes each: more than a pipe holds."""

PORTIONS = 16
"""So many do the three coins need, with seed 0."""

JOURNAL = "SLOW_COIN_JOURNAL"
"""Environment variable that names the file in which every process notes what it begins and ends."""


def note(word: str) -> None:
    """Append a line to the journal, if there is one."""
    if JOURNAL in os.environ:
        with Path(os.environ[JOURNAL]).open("a", encoding="utf-8") as journal:
            journal.write(f"{word} {os.getpid()}\n")


def toss(repetitions: int, rng: np.random.Generator, *, probability: float, seconds: float = SECONDS) -> Observations:
    """Toss a coin after a rest."""
    note("begun")
    time.sleep(seconds)
    values = (rng.random(repetitions) < probability).astype(float)
    note("ended")
    return Observations(values)


def predict(probability: float) -> float:
    """Return the mean of a toss."""
    return probability


def coin(probability: float) -> Setting:
    """Return the setting that tosses one coin."""
    arm = Arm(Experiment(toss, {"probability": probability}, portion=PORTION))
    return Setting(f"probability {probability}", (arm,), predict, {"probability": probability})


def claim_about(*settings: Setting) -> Claim:
    """Return a claim that holds at these settings."""
    return Claim("slow-coins", "Slow coins", "Each falls as it should.", "E Y = p", "made up", "equality", settings)


def main(claim: Claim | None = None) -> None:
    """Verify the claim, and no other, with the options of the command line; for `python -c`."""
    engine.CLAIMS = (claim or claim_about(*map(coin, PROBABILITIES)),)
    run(command.PROG, lambda: command.main(["verify", *sys.argv[1:]]))
