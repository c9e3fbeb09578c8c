"""The verification report: one page that says what was checked, how, and what came of it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from figures.benchmark_record import BenchmarkRecord, read_benchmark
from figures.catalogue import FIGURES
from figures.mathml import FormulaError, mathml
from figures.number_text import ABSENT, duration, exponent, measured_number, percent, plain_number, short_duration
from figures.prediction_plot import LEFT, RIGHT, WIDTH, Plot, deviation_plot, outcome, value_plot
from figures.shown_derivation import ShownDerivation, stored_derivation
from figures.verification_record import FILE, VERDICTS, Check, Claim, VerificationRecord, read_record
from numerics.atomic_file import replaced_file
from numerics.executor import map_in_order
from theory.arguments import ArgumentError
from theory.derivations import ENTRIES

PNG = b"\x89PNG\r\n\x1a\n"
SHOWN = tuple(ENTRIES)
"""Names of the derivations that the page shows."""

SIGNS = {"=": "=", "<=": "≤", ">=": "≥"}


@dataclass(frozen=True)
class ReportedClaim:
    """A claim with all that the page shows of it.

    Attributes:
        claim: the claim.
        anchor: name of its place on the page.
        formula: its MathML.
        checks: its checks.
        plots: their pictures.
    """

    claim: Claim
    anchor: str
    formula: Markup
    checks: tuple[Check, ...]
    plots: tuple[Plot, ...]

    @property
    def verdict(self) -> str:
        """Return the gravest verdict of the checks, or an empty text if there are none."""
        return next((verdict for verdict in VERDICTS if any(check.verdict == verdict for check in self.checks)), "")

    @property
    def outcome(self) -> str:
        """Return how many checks have which verdict, in words."""
        return outcome(self.checks) or "not checked"

    @property
    def found(self) -> str:
        """Return from where to where the smallest deviations reach that the checks find."""
        sizes = sorted(check.detectable for check in self.checks if check.detectable is not None)
        if not sizes:
            return ABSENT
        least, most = percent(sizes[0]), percent(sizes[-1])
        return least if least == most else f"{least} to {most}"


@dataclass(frozen=True)
class Picture:
    """A figure as the page holds it.

    Attributes:
        name: of the figure.
        stem: of its files.
        heading: above it.
        description: below it, and for who does not see it.
        command: what `python -m figures` is given to draw it.
        address: the picture itself.
        width: in pixels.
        height: in pixels.
    """

    name: str
    stem: str
    heading: str
    description: str
    command: str
    address: str
    width: int
    height: int


@dataclass(frozen=True)
class Report:
    """What was written.

    Attributes:
        path: of the page.
        bytes: its size.
        claims: how many it shows.
        checks: how many it shows.
        holds: how many of them hold.
        refuted: how many are refuted.
        undecided: how many are undecided.
        derivations: how many it shows.
        derivations_failing: how many of them have a step that fails.
        figures: names of those it shows.
    """

    path: Path
    bytes: int
    claims: int
    checks: int
    holds: int
    refuted: int
    undecided: int
    derivations: int
    derivations_failing: int
    figures: tuple[str, ...]


def _picture(name: str, description: str, folder: Path) -> Picture | None:
    """Return a figure that is drawn, else its draft, else None.

    Raises:
        ArgumentError: the file is not a picture.
    """
    for stem, draft in ((name, ""), (f"{name}-draft", " --draft")):
        file = folder / f"{stem}.png"
        if not file.is_file():
            continue
        content = file.read_bytes()
        if not content.startswith(PNG) or content[12:16] != b"IHDR" or len(content) < 24:
            raise ArgumentError(str(file), "be a PNG picture", f"{len(content)} bytes of another kind")
        width, height = struct.unpack(">II", content[16:24])
        address = f"data:image/png;base64,{base64.b64encode(content).decode()}"
        words = name.replace("-", " ").capitalize()
        heading = f"{words} (a draft)" if draft else words
        return Picture(name, stem, heading, description, f"{name}{draft}", address, width, height)
    return None


def _reported(place: int, claim: Claim, checks: tuple[Check, ...], file: Path) -> ReportedClaim:
    """Return a claim with its formula and its pictures.

    Raises:
        ArgumentError: the formula cannot be shown.
    """
    anchor = claim.id if re.fullmatch(r"[a-z][a-z0-9-]*", claim.id) else f"number-{place}"
    plots = (value_plot(claim.title, checks), deviation_plot(claim.title, checks)) if checks else ()
    try:
        formula = Markup(mathml(claim.latex))
    except FormulaError as error:
        raise ArgumentError(f"{file}: claims[{place}].latex", "be a formula that can be shown", error) from None
    return ReportedClaim(claim, f"claim-{anchor}", formula, checks, tuple(plot for plot in plots if plot))


def _columns(checks: Sequence[Check]) -> list[tuple[str, str]]:
    """Return the heads of the table, each with how its column is sorted."""
    levels = {check.confidence for check in checks}
    interval = f"{percent(min(levels))} interval" if len(levels) == 1 else "Interval"
    numbers = ("Theory", "Simulated", "Std. error", interval, "p", "log₁₀ e", "Finds", "False alarm", "Observations")
    kinds = {"Verdict": "order", "Claim": "text", "Setting": "text", **dict.fromkeys((*numbers, "Time"), "number")}
    return list(kinds.items())


def _universal_time(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d, %H:%M UTC")


def _environment() -> Environment:
    """Return the environment of the templates, which escapes whatever is put into them."""
    environment = Environment(
        loader=PackageLoader("figures"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "duration": duration,
        "exponent": exponent,
        "json_text": lambda value: json.dumps(value, indent=2, ensure_ascii=False),
        "measured_number": measured_number,
        "percent": percent,
        "plain_number": plain_number,
        "short_duration": short_duration,
        "sign": SIGNS.__getitem__,
        "universal_time": _universal_time,
    }
    return environment


def _source(environment: Environment, name: str) -> str:
    """Return a style sheet or script as it stands in its file."""
    loader = environment.loader
    if loader is None:
        raise LookupError(name)
    return loader.get_source(environment, name)[0]


def page(
    record: VerificationRecord,
    pictures: Sequence[Picture],
    derivations: Sequence[ShownDerivation] = (),
    file: Path = Path(FILE),
    benchmark: BenchmarkRecord | None = None,
) -> str:
    """Return the page; it depends on its arguments alone.

    Args:
        record: what was verified.
        pictures: the figures that it shows.
        derivations: those that it shows, checked.
        file: where the record is from, for what is said of a formula that cannot be shown.
        benchmark: what was measured of speed, None for nothing.

    Raises:
        ArgumentError: a formula cannot be shown.
    """
    environment = _environment()
    script = _source(environment, "report.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    claims = [_reported(place, claim, record.checks_of(claim), file) for place, claim in enumerate(record.claims)]
    return environment.get_template("report.html.j2").render(
        record=record,
        claims=claims,
        counts={verdict: sum(check.verdict == verdict for check in record.checks) for verdict in VERDICTS},
        columns=_columns(record.checks),
        pictures=pictures,
        derivations=derivations,
        benchmark=benchmark,
        script=Markup(script),
        script_hash=Markup(f"sha256-{digest}"),
        style=Markup(_source(environment, "report.css")),
        verdicts=VERDICTS,
        width=WIDTH,
        left=LEFT,
        right=RIGHT,
    )


def write_report(results: Path, executor: Executor | None = None) -> Report:
    """Write report.html into a results folder, from its verification, its figures and the derivations.

    Args:
        results: the folder that `python -m numerics verify` and `python -m figures` wrote to.
        executor: spreads the derivations over processes; None derives here. None is checked that was checked before.

    Raises:
        ArgumentError: there is no verification, or something in it or in the benchmark is not as it must be.
        OSError: a file cannot be read or written, the store among them.
    """
    record = read_record(results)
    found = [_picture(figure.name, figure.description, results / "figures") for figure in FIGURES.values()]
    pictures = [picture for picture in found if picture]
    derivations = list(map_in_order(partial(stored_derivation, results=results), iter(SHOWN), len(SHOWN), executor))
    content = page(record, pictures, derivations, results / FILE, read_benchmark(results)).encode()
    path = results / "report.html"
    with replaced_file(path) as temporary:
        temporary.write_bytes(content)
    verdicts = [check.verdict for check in record.checks]
    return Report(
        path=path,
        bytes=len(content),
        claims=len(record.claims),
        checks=len(verdicts),
        holds=verdicts.count("holds"),
        refuted=verdicts.count("refuted"),
        undecided=verdicts.count("undecided"),
        derivations=len(derivations),
        derivations_failing=sum(not derivation.holds for derivation in derivations),
        figures=tuple(picture.name for picture in pictures),
    )
