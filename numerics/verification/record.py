"""The record of a run, from which the report is made: what ran where, the claims, and every check."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from numerics.verification.check import Check
from numerics.verification.claim import Claim

TOOLKIT = "prompt-attention-theory"


@dataclass(frozen=True)
class Run:
    """How a run was made.

    Attributes:
        seed: of all random streams.
        effort: "default" or "thorough".
        false_alarm_rate: probability, at most, of refuting any true claim.
        seconds: wall-clock time.
        started: time of the start, ISO 8601 in UTC.
        computed: portions of simulation computed.
        taken: portions taken from the store.
    """

    seed: int
    effort: str
    false_alarm_rate: float
    seconds: float
    started: str
    computed: int
    taken: int


def _version(name: str) -> str:
    """Return the version of a package, or "not installed" where it runs from its source alone."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def as_record(run: Run, claims: Sequence[Claim], checks: Sequence[Check]) -> dict[str, Any]:
    """Return the record as JSON data."""
    return {
        "run": {
            **asdict(run),
            "versions": {
                "toolkit": _version(TOOLKIT),
                "python": platform.python_version(),
                "numpy": _version("numpy"),
                "scipy": _version("scipy"),
            },
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        },
        "claims": [
            {name: getattr(claim, name) for name in ("id", "title", "statement", "latex", "source", "kind")}
            for claim in claims
        ],
        "checks": [asdict(check) for check in checks],
    }
