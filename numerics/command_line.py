"""Options of every command that computes."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

from numerics.executor import processes
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


EXECUTORS = ("processes", "dask")


def add_executor(parser: argparse.ArgumentParser) -> None:
    """Add where the work is done, which changes no result either."""
    group = parser.add_argument_group("where the work is done (no result depends on it)")
    group.add_argument("--executor", choices=EXECUTORS, default="processes", help="default processes, on this machine")
    group.add_argument(
        "--scheduler", metavar="ADDRESS", help="of a running Dask cluster, such as tcp://host:8786; for --executor dask"
    )
    add_jobs(group)


@contextmanager
def executor_from(options: argparse.Namespace) -> Iterator[Executor]:
    """Provide the executor that the options name."""
    if options.executor == "dask":
        if options.scheduler is None:
            raise ArgumentError("--scheduler", "be given with --executor dask", "none")
        if options.jobs is not None:
            raise ArgumentError("--jobs", "be left out with --executor dask, whose workers are its own", options.jobs)
        from numerics.dask_executor import dask_cluster  # an extra: not everybody has it

        with dask_cluster(options.scheduler) as executor:
            yield executor
        return
    if options.scheduler is not None:
        raise ArgumentError("--scheduler", "be left out without --executor dask", options.scheduler)
    with processes(jobs_from(options)) as executor:
        yield executor
