"""Figures at the shell: `python -m figures [NAME ...]`, `python -m figures report`, `python -m figures explore`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import theory.single_thread  # noqa: F401 - before NumPy
from figures.catalogue import FIGURES
from figures.drawing import Drawing, write
from numerics.command_line import add_jobs, jobs_from
from numerics.executor import processes
from numerics.extras import EXPLORER, available
from numerics.store import ResultStore
from theory.arguments import ArgumentError, NotAvailableError, unknown_name
from theory.command_line import new_parser, print_json, run, whole_number

PROG = "python -m figures"


def draw_command(arguments: list[str]) -> int:
    """Draw figures, or list them."""
    parser = new_parser(
        PROG,
        "Redraw figures, as PDF and PNG with their data as CSV, into results/figures.\n"
        f"{PROG} report writes the page that shows the verification and them; {PROG} explore opens the explorer.",
        f"{PROG} double-descent --draft",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="figures to draw (default: all); see --list")
    parser.add_argument("--list", action="store_true", help="list the figures")
    parser.add_argument("--draft", action="store_true", help="a quick, coarse picture, in files of its own")
    parser.add_argument("--json", action="store_true", help="print the files written as one JSON array")
    parser.add_argument("--results", type=Path, default=Path("results"), metavar="FOLDER", help="default results")
    add_jobs(parser)
    options = parser.parse_args(arguments)
    for name in options.names:
        if name in COMMANDS:
            raise ArgumentError(name, "be the first word, before options and names", f"{PROG} {' '.join(arguments)}")
        if name not in FIGURES:
            raise unknown_name("NAME", "the name of a figure, report or explore", name, [*FIGURES, *COMMANDS])
    if options.list and options.json:
        print_json([{"name": figure.name, "description": figure.description} for figure in FIGURES.values()])
        return 0
    if options.list:
        for figure in FIGURES.values():
            print(f"{figure.name:20} {figure.description}")
        return 0
    jobs = jobs_from(options)
    with ResultStore(options.results) as store, processes(jobs) as executor:
        drawing = Drawing(store, executor, options.draft)
        figures = [FIGURES[name] for name in options.names or available(FIGURES)]
        files = write(figures, drawing, options.results / "figures")
        print(store.summary(), file=sys.stderr)
    if options.json:
        print_json([str(file) for file in files])
    else:
        for file in files:
            print(file)
    return 0


def report_command(arguments: list[str]) -> int:
    """Write the report on the verification and print where it is."""
    parser = new_parser(
        f"{PROG} report",
        "Write report.html into the results folder: the verification and the figures in one page.",
        f"{PROG} report --results results",
    )
    parser.add_argument("--json", action="store_true", help="print the path and what the page shows as one JSON object")
    parser.add_argument(
        "--results",
        type=Path,
        default=Path("results"),
        metavar="FOLDER",
        help="what python -m numerics verify and python -m figures wrote (default results)",
    )
    add_jobs(parser)
    options = parser.parse_args(arguments)
    try:
        from figures.report import write_report
    except ModuleNotFoundError as error:
        raise NotAvailableError(
            f"the report needs the package {error.name}: pip install 'prompt-attention-theory[report]'"
        ) from None
    with processes(jobs_from(options)) as executor:
        report = write_report(options.results, executor)
    if options.json:
        print_json({**asdict(report), "path": str(report.path)})
    else:
        print(report.path)
    return 0


def explore_command(arguments: list[str]) -> int:
    """Serve the interactive explorer until it is closed."""
    parser = new_parser(
        f"{PROG} explore",
        "Open the explorer in the browser: move mixture and training, and see theory, simulation and a sequence.\n"
        "It serves this machine only, needs no network, and stops with Ctrl-C or when its last page is closed.",
        f"{PROG} explore --port 5006 --no-browser",
    )
    parser.add_argument("--port", type=whole_number, default=0, metavar="P", help="default: any that is free")
    parser.add_argument("--no-browser", action="store_true", help="print the address and open no browser")
    parser.add_argument("--stay", action="store_true", help="go on when the last page is closed")
    parser.add_argument("--json", action="store_true", help="print the address as one JSON object")
    add_jobs(parser)
    options = parser.parse_args(arguments)
    jobs = jobs_from(options)
    if not 0 <= options.port <= 65535:
        raise ArgumentError("--port", "be a whole number from 0 to 65535", options.port)
    EXPLORER.require("the explorer")
    from figures.explorer.server import ExplorerServer

    server = ExplorerServer(options.port, jobs, stay=options.stay)
    if options.json:
        print_json({"url": server.url})
    else:
        print(f"{server.url}  (Ctrl-C stops it)")
    sys.stdout.flush()
    server.run(browser=not options.no_browser)
    return 0


COMMANDS: dict[str, Callable[[list[str]], int]] = {"report": report_command, "explore": explore_command}
"""Commands by their first word; any other word is the name of a figure."""


def main(arguments: list[str] | None = None) -> int:
    """Read the arguments and run one command; return its exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    if words and words[0] in COMMANDS:
        return COMMANDS[words[0]](words[1:])
    return draw_command(words)


if __name__ == "__main__":
    run(PROG, lambda: main(sys.argv[1:]))
