"""What `python -m numerics verify` found out, read from its file and checked field by field."""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from theory.arguments import ArgumentError

FILE = "verification.json"
VERDICTS = ("refuted", "undecided", "holds")
RELATIONS = ("=", "<=", ">=")
KINDS = ("equality", "inequality", "rate", "collapse")

Reader = Callable[[str, Any], Any]


@dataclass(frozen=True)
class Run:
    """How a verification was run.

    Attributes:
        seed: of all its random streams.
        effort: "default" or "thorough".
        false_alarm_rate: probability, at most, that any claim is refuted although all are true.
        seconds: that it took.
        started: when, with the offset from universal time.
        versions: of the toolkit, of Python and of the libraries that compute.
        machine: in words.
        computed: simulations that were computed.
        taken: simulations that were taken from the store of results.
    """

    seed: int
    effort: str
    false_alarm_rate: float
    seconds: float | None
    started: datetime
    versions: dict[str, str]
    machine: str
    computed: int
    taken: int


@dataclass(frozen=True)
class Claim:
    """A statement that simulation can refute.

    Attributes:
        id: short name, as typed at the shell.
        title: a few words.
        statement: what is claimed, in words.
        latex: the same as a formula.
        source: "derived here", or what is cited.
        kind: "equality", "inequality", "rate" or "collapse".
    """

    id: str
    title: str
    statement: str
    latex: str
    source: str
    kind: str


@dataclass(frozen=True)
class Check:
    """One claim at one setting; None stands for a number that is infinite or does not exist.

    Attributes:
        id: the claim's.
        setting: in words.
        predicted: by theory.
        relation: of the simulated number to the predicted one, "=", "<=" or ">=".
        allowance: how far beyond that the claim itself leaves open.
        simulated: mean of the simulation.
        standard_error: of this mean.
        interval: ends of its confidence interval.
        confidence: level of the interval.
        p_value: probability of a deviation as large if the claim is true.
        log10_e: decimal logarithm of the evidence against the claim.
        verdict: "refuted", "undecided" or "holds".
        detectable: smallest relative deviation that this check all but surely finds.
        false_alarm: probability, at most, that it refutes a true claim.
        observations: what the mean is taken over.
        dropped: repetitions left out, for they have no value.
        seconds: that its simulation took.
        parameters: all that it takes to run it again.
        scale: what a deviation is relative to: the size of the prediction unless the file says otherwise.
    """

    id: str
    setting: str
    predicted: float | None
    relation: str
    allowance: float | None
    simulated: float | None
    standard_error: float | None
    interval: tuple[float | None, float | None]
    confidence: float
    p_value: float | None
    log10_e: float | None
    verdict: str
    detectable: float | None
    false_alarm: float | None
    observations: int
    dropped: int
    seconds: float | None
    parameters: dict[str, Any]
    scale: float | None


@dataclass(frozen=True)
class VerificationRecord:
    """A whole run: each check belongs to one of the claims."""

    run: Run
    claims: tuple[Claim, ...]
    checks: tuple[Check, ...]

    def checks_of(self, claim: Claim) -> tuple[Check, ...]:
        """Return the checks of one claim, in the order of the file."""
        return tuple(check for check in self.checks if check.id == claim.id)


def _refuse(where: str, requirement: str, value: Any) -> NoReturn:
    """Refuse a value in one sentence, however long the value is."""
    raise ArgumentError(where, requirement, reprlib.repr(value))


def _text(where: str, value: Any) -> str:
    return value if isinstance(value, str) and value.strip() else _refuse(where, "be a text", value)


def _number(where: str, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse(where, "be a number or null", value)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    return number if math.isfinite(number) else _refuse(where, "be a finite number or null", value)


def _probability(where: str, value: Any) -> float:
    number = _number(where, value)
    return number if number is not None and 0 < number < 1 else _refuse(where, "be a number between 0 and 1", value)


def _count(where: str, value: Any) -> int:
    good = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return int(value) if good else _refuse(where, "be a whole number of at least 0", value)


def _interval(where: str, value: Any) -> tuple[float | None, float | None]:
    if not isinstance(value, list) or len(value) != 2:
        _refuse(where, "be two numbers", value)
    low, high = _number(f"{where}[0]", value[0]), _number(f"{where}[1]", value[1])
    if low is not None and high is not None and low > high:
        _refuse(where, "be two numbers in order", value)
    return low, high


def _time(where: str, value: Any) -> datetime:
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        _refuse(where, "be a time such as 2026-11-25T03:00:00+00:00", value)
    return time if time.tzinfo else _refuse(where, "say its offset from universal time", value)


def _mapping(where: str, value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else _refuse(where, "be an object", value)


def _texts(where: str, value: Any) -> dict[str, str]:
    return {name: _text(f"{where}.{name}", text) for name, text in _mapping(where, value).items()}


def _choice(*choices: str) -> Reader:
    def read(where: str, value: Any) -> str:
        known = isinstance(value, str) and value in choices
        return str(value) if known else _refuse(where, f"be one of {', '.join(choices)}", value)

    return read


RUN: dict[str, Reader] = {
    "seed": _count,
    "effort": _text,
    "false_alarm_rate": _probability,
    "seconds": _number,
    "started": _time,
    "versions": _texts,
    "machine": _text,
    "computed": _count,
    "taken": _count,
}
CLAIM: dict[str, Reader] = {
    **dict.fromkeys(("id", "title", "statement", "latex", "source"), _text),
    "kind": _choice(*KINDS),
}
CHECK: dict[str, Reader] = {
    **dict.fromkeys(("id", "setting"), _text),
    **dict.fromkeys(
        (
            "predicted",
            "allowance",
            "simulated",
            "standard_error",
            "p_value",
            "log10_e",
            "detectable",
            "false_alarm",
            "seconds",
        ),
        _number,
    ),
    **dict.fromkeys(("observations", "dropped"), _count),
    "relation": _choice(*RELATIONS),
    "interval": _interval,
    "confidence": _probability,
    "verdict": _choice(*VERDICTS),
    "parameters": _mapping,
}


def _fields(where: str, value: Any, readers: dict[str, Reader]) -> dict[str, Any]:
    """Return the fields of an object, each read by its own reader; fields that are not known are passed over."""
    found = _mapping(where, value)
    for name in readers:
        if name not in found:
            _refuse(where, f"have the field {name}", sorted(found))
    return {name: read(f"{where}.{name}", found[name]) for name, read in readers.items()}


def _list(where: str, value: Any) -> list[tuple[str, Any]]:
    """Return the items of a list, each with its place in words."""
    if not isinstance(value, list):
        _refuse(where, "be a list", value)
    return [(f"{where}[{place}]", item) for place, item in enumerate(value)]


def _check(where: str, value: Any) -> Check:
    """Read one check; its scale is the only field that may be missing."""
    fields = _fields(where, value, CHECK)
    predicted = fields["predicted"]
    scale = _number(f"{where}.scale", value.get("scale", None if predicted is None else abs(predicted)))
    return Check(**fields, scale=scale)


def _record(content: Any, file: str) -> VerificationRecord:
    """Build the record from what the file holds, each check belonging to one claim."""
    for name in ("run", "claims", "checks"):
        if name not in _mapping(file, content):
            _refuse(file, f"have the field {name}", sorted(content))
    claims = tuple(Claim(**_fields(*item, CLAIM)) for item in _list(f"{file}: claims", content["claims"]))
    checks = tuple(_check(*item) for item in _list(f"{file}: checks", content["checks"]))
    known: set[str] = set()
    for place, claim in enumerate(claims):
        if claim.id in known:
            _refuse(f"{file}: claims[{place}].id", "differ from all before it", claim.id)
        known.add(claim.id)
    for place, check in enumerate(checks):
        if check.id not in known:
            _refuse(f"{file}: checks[{place}].id", "be the id of a claim", check.id)
    return VerificationRecord(Run(**_fields(f"{file}: run", content["run"], RUN)), claims, checks)


def read_record(results: Path) -> VerificationRecord:
    """Read the verification in a results folder.

    Args:
        results: the folder that `python -m numerics verify` wrote to.

    Raises:
        ArgumentError: there is no such file, or something in it is not as it must be; the sentence says where.
        OSError: the file cannot be read.
    """
    file = results / FILE
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise ArgumentError(
            "--results", f"be a folder with {FILE}, which python -m numerics verify writes", str(results)
        ) from None
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ArgumentError(str(file), "be a JSON file", f"one that cannot be read: {error}") from None
    return _record(content, str(file))
