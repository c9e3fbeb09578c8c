"""Simulation, verification and real data at the shell: `python -m numerics simulate …`, `verify`, `real-data`."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import theory.single_thread  # noqa: F401 - before NumPy
from numerics.atomic_file import replaced_file
from numerics.command_line import add_executor, add_jobs, executor_from, jobs_from
from numerics.executor import processes
from numerics.real_data.command import add_real_data
from numerics.simulation import SIMULATORS, simulate
from numerics.store import ResultStore
from numerics.verification.catalogue import CLAIMS
from numerics.verification.check import Check
from numerics.verification.engine import FALSE_ALARM_RATE, select_claims, verify
from numerics.verification.junit import as_junit
from numerics.verification.record import Run, as_record
from numerics.verification.table import as_csv, as_text
from theory.arguments import ArgumentError
from theory.command_line import (
    add_head_options,
    add_mixture_options,
    head_from,
    mixture_from,
    new_parser,
    print_json,
    run,
    strict_json,
    whole_number,
)

PROG = "python -m numerics"
REFUTED = 1


def simulate_command(options: argparse.Namespace) -> int:
    """Print a simulated error with its interval."""
    mixture, head, jobs = mixture_from(options), head_from(options), jobs_from(options)
    with processes(jobs) as executor:
        result = simulate(
            mixture,
            head,
            simulator=options.simulator,
            repetitions=options.repetitions,
            seed=options.seed,
            executor=executor,
            progress=f"{options.simulator} simulator",
        )
    if options.json:
        print_json(asdict(result))
        return 0
    low, high = result.interval
    print(f"error        {result.error:.6g}  (95 % confidence interval {low:.6g} to {high:.6g})")
    print(f"std. error   {result.standard_error:.2g}")
    print(f"overlap      {result.overlap:.6g} ± {result.overlap_standard_error:.1g} (one standard error)")
    print(f"repetitions  {result.repetitions}, seed {result.seed}, {result.simulator} simulator")
    if head.kind == "max-margin":
        print(f"dropped      {result.dropped} repetitions, for their data are not separable: there is no such head")
    if result.separable is not None:
        print(f"separable    {result.separable} repetitions: the head is the max-margin one there")
    print(f"test         {result.test}")
    print(f"seconds      {result.seconds:.2f}")
    return 0


def verify_command(options: argparse.Namespace) -> int:
    """Check claims, print the table, write it to the results folder; status 1 where a claim is refuted."""
    if options.list:
        return _list_claims(options.json)
    claims = select_claims(options.ids)  # refuses an unknown name before anything is written
    if options.seed < 0:
        raise ArgumentError("--seed", "be a whole number of at least 0", options.seed)
    started, clock = datetime.now(UTC), time.perf_counter()
    effort = "thorough" if options.thorough else "default"
    with executor_from(options) as executor, ResultStore(options.results) as store:
        checks = verify(claims, store=store, seed=options.seed, effort=effort, executor=executor, progress=True)
        print(store.summary(), file=sys.stderr)
    run_data = Run(
        seed=options.seed,
        effort=effort,
        false_alarm_rate=FALSE_ALARM_RATE,
        seconds=time.perf_counter() - clock,
        started=started.isoformat(timespec="seconds"),
        computed=store.computed,
        taken=store.taken,
    )
    _write(options, as_record(run_data, claims, checks), checks)
    print_json([asdict(one) for one in checks]) if options.json else print(as_text(checks))
    refuted = sum(one.verdict == "refuted" for one in checks)
    undecided = sum(one.verdict == "undecided" for one in checks)
    print(
        f"{len(checks)} checks: {len(checks) - refuted - undecided} hold, {refuted} refuted, {undecided} undecided "
        f"(a true theory is refuted anywhere with probability at most {FALSE_ALARM_RATE:.1g})",
        file=sys.stderr,
    )
    return REFUTED if refuted else 0


def _list_claims(as_json: bool) -> int:
    """Print the claims."""
    if as_json:
        print_json([{name: getattr(claim, name) for name in ("id", "statement", "source", "kind")} for claim in CLAIMS])
        return 0
    for claim in CLAIMS:
        print(f"{claim.id:40} {claim.statement}")
    return 0


def _write(options: argparse.Namespace, record: dict[str, Any], checks: list[Check]) -> None:
    """Write the files of a run: those of the results folder for all claims, others where they are asked for."""
    texts: dict[Path, str] = {}
    if not options.ids:
        texts[options.results / "verification.json"] = strict_json(record) + "\n"
        texts[options.results / "verification.csv"] = as_csv(checks)
        texts[options.results / "verification.txt"] = as_text(checks) + "\n"
    if options.csv is not None:
        texts[options.csv] = as_csv(checks)
    if options.junit is not None:
        texts[options.junit] = as_junit(checks)
    for name, text in texts.items():
        with replaced_file(name) as path:
            path.write_text(text, encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Read the arguments and run one command; return its exit status."""
    parser = new_parser(PROG, "Simulate prompt-attention and verify the theory.", f"{PROG} verify")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    simulation = new_parser(
        "simulate",
        "Estimate the error of a head trained under a known prompt, with a confidence interval.",
        f"{PROG} simulate --dim 101 --tokens 16 --relevant 2 --samples 200 --simulator tokens --repetitions 99",
        commands,
    )
    add_mixture_options(simulation)
    add_head_options(simulation)
    group = simulation.add_argument_group("simulation")
    defaults = ", ".join(f"{each.default_repetitions:,} for {name}" for name, each in SIMULATORS.items())
    group.add_argument("--repetitions", type=whole_number, metavar="K", help=f"heads to train (default {defaults})")
    group.add_argument("--seed", type=whole_number, default=0, metavar="SEED", help="default 0")
    group.add_argument(
        "--simulator",
        choices=tuple(SIMULATORS),
        default="scores",
        help="what is drawn, the head keeping its law: token sequences, their attention scores, or, where attention "
        "does not fluctuate, only the overlap of the head (default scores)",
    )
    add_jobs(group)
    simulation.add_argument("--json", action="store_true", help="print one JSON object; null stands for infinity")
    simulation.set_defaults(run=simulate_command)

    verification = new_parser(
        "verify",
        "Check every claim: prediction, simulation, verdict.",
        f"{PROG} verify averaging-known-prompt --json",
        commands,
    )
    verification.add_argument("ids", nargs="*", metavar="ID", help="claims to check (default: all); see --list")
    verification.add_argument("--list", action="store_true", help="list the claims")
    verification.add_argument(
        "--thorough", action="store_true", help="find deviations of 0.5 %% instead of 2 %%; takes an hour or more"
    )
    verification.add_argument("--csv", type=Path, metavar="FILE", help="write the checks as comma-separated values")
    verification.add_argument("--junit", type=Path, metavar="FILE", help="write the checks as JUnit XML")
    verification.add_argument("--seed", type=whole_number, default=0, metavar="SEED", help="default 0")
    verification.add_argument("--results", type=Path, default=Path("results"), metavar="FOLDER", help="default results")
    add_executor(verification)
    verification.add_argument("--json", action="store_true", help="print one JSON array")
    verification.set_defaults(run=verify_command)

    add_real_data(commands, PROG)

    options = parser.parse_args(arguments)
    status: int = options.run(options)
    return status


if __name__ == "__main__":
    run(PROG, lambda: main(sys.argv[1:]))
