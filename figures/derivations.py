"""All derivations as text and as LaTeX, each checked once for them and the report: `python -m figures.derivations`."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from numerics.atomic_file import replaced_file
from numerics.fingerprint import code_fingerprint
from numerics.store import ResultStore
from theory.command_line import new_parser, print_json, run
from theory.derivations import ENTRIES, derive
from theory.derivations.command_line import derivation_text, summary
from theory.derivations.document import write_document
from theory.derivations.verification import StepCheck, verify

PROG = "python -m figures.derivations"


@dataclass(frozen=True)
class WrittenDerivations:
    """What was written.

    Attributes:
        text: the file that holds what `python -m theory derive` prints.
        latex: the document of `python -m theory derive --latex`.
        failing: names of the derivations that have a step that fails.
    """

    text: Path
    latex: Path
    failing: tuple[str, ...]


def _identity(name: str) -> dict[str, Any]:
    """Return all that the check of a derivation depends on."""
    entry = ENTRIES[name]
    return {
        "derivation": name,
        "function": entry.function,
        "code": code_fingerprint(f"theory.derivations.{entry.module}"),
        "verification": code_fingerprint("theory.derivations.verification"),
        "libraries": {library: version(library) for library in ("sympy", "mpmath")},
    }


def stored_checks(name: str, results: Path) -> tuple[StepCheck, ...]:
    """Return the checks of a derivation's steps from the store in a results folder, or check and store them.

    Args:
        name: one of `ENTRIES`.
        results: the folder.

    Raises:
        StoreError: the store cannot be used.

    Example:
        >>> import tempfile
        >>> [check.holds for check in stored_checks("best-temperature", Path(tempfile.mkdtemp()))]
        [True, True]
    """
    with ResultStore(results) as store:
        checks = store.fetch(_identity(name), lambda: [asdict(check) for check in verify(derive(name))])
    return tuple(StepCheck(**check) for check in checks)


def write_derivations(results: Path) -> WrittenDerivations:
    """Write derivations.txt and derivations.tex into a results folder.

    Raises:
        StoreError: the store there cannot be used.
        OSError: a file cannot be written.
    """
    checked = [(derive(name), stored_checks(name, results)) for name in ENTRIES]
    latex, text = results / "derivations.tex", results / "derivations.txt"
    write_document(latex, checked)
    with replaced_file(text) as temporary:
        lines = [*(derivation_text(*pair) for pair in checked), summary(checked)]
        temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    failing = (derivation.name for derivation, checks in checked if not all(check.holds for check in checks))
    return WrittenDerivations(text, latex, tuple(failing))


def main(arguments: list[str] | None = None) -> int:
    """Write the files and print where they are; return 1 if a derivation fails."""
    parser = new_parser(
        PROG,
        "Write what python -m theory derive says of all derivations into the results folder, as text and as LaTeX.\n"
        "What was checked before is not checked again; the report shows it, too.",
        f"{PROG} --results results",
    )
    parser.add_argument("--json", action="store_true", help="print paths and what fails as one JSON object")
    parser.add_argument("--results", type=Path, default=Path("results"), metavar="FOLDER", help="default results")
    options = parser.parse_args(arguments)
    written = write_derivations(options.results)
    if options.json:
        print_json({**asdict(written), "text": str(written.text), "latex": str(written.latex)})
    else:
        print(written.text)
        print(written.latex)
    if written.failing:
        print(f"{PROG}: a step fails in {', '.join(written.failing)}", file=sys.stderr)
    return 1 if written.failing else 0


if __name__ == "__main__":
    run(PROG, lambda: main(sys.argv[1:]))
