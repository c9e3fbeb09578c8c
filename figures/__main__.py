"""Figures at the shell: `python -m figures [NAME ...]`."""

from __future__ import annotations

import sys
from pathlib import Path

from figures.catalogue import FIGURES
from figures.drawing import Drawing, write
from numerics.command_line import add_jobs, jobs_from
from numerics.executor import processes
from numerics.store import ResultStore
from theory.arguments import ArgumentError, NotAvailableError
from theory.command_line import new_parser, print_json, run

PROG = "python -m figures"


def main(arguments: list[str] | None = None) -> int:
    """Read the arguments and draw; return the exit status."""
    parser = new_parser(
        PROG,
        "Redraw figures, as PDF and PNG with their data as CSV, into results/figures.",
        f"{PROG} double-descent --draft",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="figures to draw (default: all); see --list")
    parser.add_argument("--list", action="store_true", help="list the figures")
    parser.add_argument("--draft", action="store_true", help="a quick, coarse picture, in files of its own")
    parser.add_argument("--json", action="store_true", help="print the files written as one JSON array")
    parser.add_argument("--results", type=Path, default=Path("results"), metavar="FOLDER", help="default results")
    add_jobs(parser)
    options = parser.parse_args(arguments)
    if "explore" in options.names:
        raise NotAvailableError("the interactive explorer is not available yet")
    for name in options.names:
        if name not in FIGURES:
            raise ArgumentError("NAME", f"be one of {', '.join(FIGURES)}", repr(name))
    if options.list and options.json:
        print_json([{"name": figure.name, "description": figure.description} for figure in FIGURES.values()])
        return 0
    if options.list:
        for figure in FIGURES.values():
            print(f"{figure.name:20} {figure.description}")
        return 0
    jobs = jobs_from(options)
    files: list[Path] = []
    with ResultStore(options.results) as store, processes(jobs) as executor:
        drawing = Drawing(store, executor, options.draft)
        for name in options.names or list(FIGURES):
            files.extend(write(FIGURES[name], drawing, options.results / "figures"))
        print(store.summary(), file=sys.stderr)
    if options.json:
        print_json([str(file) for file in files])
    else:
        for file in files:
            print(file)
    return 0


if __name__ == "__main__":
    run(PROG, lambda: main(sys.argv[1:]))
