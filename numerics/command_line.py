"""Options of every command that computes."""

from __future__ import annotations

import argparse
import os

from theory.arguments import ArgumentError
from theory.command_line import whole_number


def add_jobs(parser: argparse._ActionsContainer) -> None:
    """Add the number of processes, which changes no result."""
    parser.add_argument(
        "--jobs",
        type=whole_number,
        metavar="J",
        help="processes; the result does not depend on it (default: all cores)",
    )


def jobs_from(options: argparse.Namespace) -> int:
    """Return the number of processes."""
    if options.jobs is None:
        return os.cpu_count() or 1
    if options.jobs < 1:
        raise ArgumentError("--jobs", "be a whole number of at least 1", options.jobs)
    return int(options.jobs)
