"""The site at the shell: `python -m figures.documentation`."""

from __future__ import annotations

import sys
from pathlib import Path

import theory.single_thread  # noqa: F401 - before NumPy
from theory.arguments import NotAvailableError
from theory.command_line import new_parser, print_json, run

PROG = "python -m figures.documentation"


def main(arguments: list[str] | None = None) -> int:
    """Build the site and print where its first page is."""
    parser = new_parser(
        PROG,
        "Build the documentation as a static site in the folder docs of the results; any warning is an error.\n"
        "Pictures that python -m figures drew into the results are shown.",
        f"{PROG} --results results",
    )
    parser.add_argument("--json", action="store_true", help="print the first page's path as one JSON object")
    parser.add_argument("--results", type=Path, default=Path("results"), metavar="FOLDER", help="default results")
    options = parser.parse_args(arguments)
    try:
        from figures.documentation.site import build_site
    except ModuleNotFoundError as error:
        raise NotAvailableError(
            f"the documentation needs the package {error.name}: pip install 'prompt-attention-theory[docs]'"
        ) from None
    first = build_site(options.results)
    if first is None:
        print("the documentation has the faults above, and was not written", file=sys.stderr)
        return 1
    if options.json:
        print_json({"first_page": str(first)})
    else:
        print(first)
    return 0


if __name__ == "__main__":
    run(PROG, main)
