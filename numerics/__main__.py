"""Simulation and verification at the shell: `python -m numerics simulate …`, `python -m numerics verify`."""

from __future__ import annotations

import argparse
import csv
import io
import sys
from dataclasses import asdict
from pathlib import Path

from numerics.atomic_file import replaced_file
from numerics.claims import CLAIMS
from numerics.command_line import add_jobs, jobs_from
from numerics.executor import processes
from numerics.simulation import SIMULATORS, simulate
from numerics.store import ResultStore
from numerics.verification import FALSE_ALARM_RATE, Check, select_claims, verify
from theory.arguments import ArgumentError
from theory.command_line import (
    add_head_options,
    add_mixture_options,
    head_from,
    mixture_from,
    new_parser,
    print_json,
    run,
    whole_number,
)

PROG = "python -m numerics"
REFUTED = 1
COLUMNS = ("id", "verdict", "predicted", "simulated", "standard_error", "p_value", "detectable", "false_alarm")
PARAMETERS = ("regime", "simulator", "repetitions", "seed")


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


def table(checks: list[Check]) -> str:
    """Return the checks as aligned text."""
    lines = [
        f"{'claim':40} {'n':>6}  {'simulator':9}  {'predicted':>10}  {'simulated':>10}  "
        f"{'std. error':>10}  {'detectable':>10}  verdict"
    ]
    for one in checks:
        sizes, simulator = one.parameters["sizes"], one.parameters["simulator"]
        samples = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]}-{sizes[-1]}"
        lines.append(
            f"{one.id:40} {samples:>6}  {simulator:9}  {one.predicted:10.6f}  {one.simulated:10.6f}  "
            f"{one.standard_error:10.1e}  {one.detectable:10.2%}  {one.verdict}"
        )
    return "\n".join(lines)


def as_csv(checks: list[Check]) -> str:
    """Return the checks as comma-separated values, parameters in columns of their own."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [f"{part}_{name}" for part in ("mixture", "head") for name in checks[0].parameters[part]]
    writer.writerow([*COLUMNS, *PARAMETERS, *names])
    for one in checks:
        values = [value for part in ("mixture", "head") for value in one.parameters[part].values()]
        row = [getattr(one, name) for name in COLUMNS]
        writer.writerow([*row, *(one.parameters[name] for name in PARAMETERS), *values])
    return text.getvalue()


def verify_command(options: argparse.Namespace) -> int:
    """Check claims, print the table, write it to the results folder; status 1 where a claim is refuted."""
    if options.list:
        if options.json:
            print_json([{name: getattr(claim, name) for name in ("id", "statement", "source")} for claim in CLAIMS])
            return 0
        for claim in CLAIMS:
            print(f"{claim.id:40} {claim.statement}")
        return 0
    select_claims(options.ids)  # refuses an unknown name before anything is written
    if options.seed < 0:
        raise ArgumentError("--seed", "be a whole number of at least 0", options.seed)
    jobs = jobs_from(options)
    with ResultStore(options.results) as store, processes(jobs) as executor:
        checks = verify(options.ids, seed=options.seed, store=store, executor=executor)
        print(store.summary(), file=sys.stderr)
    if not options.ids:
        for name, text in (("verification.csv", as_csv(checks)), ("verification.txt", table(checks) + "\n")):
            with replaced_file(options.results / name) as path:
                path.write_text(text, encoding="utf-8")
    if options.json:
        print_json([asdict(one) for one in checks])
    else:
        print(table(checks))
    refuted = sum(one.verdict == "refuted" for one in checks)
    undecided = sum(one.verdict == "undecided" for one in checks)
    holds = len(checks) - refuted - undecided
    print(
        f"{len(checks)} checks: {holds} hold, {refuted} refuted, {undecided} undecided "
        f"(a true theory is refuted anywhere with probability at most {FALSE_ALARM_RATE:.1g})",
        file=sys.stderr,
    )
    return REFUTED if refuted else 0


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
    group.add_argument("--simulator", choices=tuple(SIMULATORS), default="scores", help="default scores")
    add_jobs(group)
    simulation.add_argument("--json", action="store_true", help="print one JSON object; null stands for infinity")
    simulation.set_defaults(run=simulate_command)

    verification = new_parser(
        "verify",
        "Check every claim: prediction, simulation, verdict.",
        f"{PROG} verify averaging-known-prompt --json",
        commands,
    )
    verification.add_argument("ids", nargs="*", metavar="ID", help="claims to check (default: all)")
    verification.add_argument("--list", action="store_true", help="list the claims")
    verification.add_argument("--seed", type=whole_number, default=0, metavar="SEED", help="default 0")
    verification.add_argument("--results", type=Path, default=Path("results"), metavar="FOLDER", help="default results")
    add_jobs(verification)
    verification.add_argument("--json", action="store_true", help="print one JSON array")
    verification.set_defaults(run=verify_command)

    options = parser.parse_args(arguments)
    status: int = options.run(options)
    return status


if __name__ == "__main__":
    run(PROG, lambda: main(sys.argv[1:]))
