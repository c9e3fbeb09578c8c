"""Predictions at the shell: `python -m theory error …`."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

from theory.arguments import NotAvailableError
from theory.command_line import (
    add_head_options,
    add_mixture_options,
    add_token_options,
    head_from,
    mixture_from,
    new_parser,
    print_json,
    run,
)
from theory.known_prompt.error import REGIMES, known_prompt_error
from theory.risk.exact_risk import Delta, exact_risk
from theory.risk.trained_model import load_model

PROG = "python -m theory"

LATER = {
    "descent": "the three-step gradient-descent algorithm",
    "separation": "thresholds between the four attention models",
    "derive": "the symbolic results, machine-checked",
}


def error_command(options: argparse.Namespace) -> int:
    """Print the predicted error of a head trained under a known prompt."""
    prediction = known_prompt_error(mixture_from(options), head_from(options), regime=options.regime)
    if options.json:
        print_json(asdict(prediction))
        return 0
    print(f"error       {prediction.error:.12g}  (numerical error at most {prediction.error_bound:.1g})")
    print(f"log error   {prediction.log_error:.12g}")
    print(f"kappa       {prediction.kappa:.12g}")
    print(f"overlap     {prediction.overlap:.12g}  (expected cosine between the head and w*)")
    print(f"limit       {prediction.limit:.12g}  (no head learned from as many examples does better)")
    print(f"population  {prediction.population:.12g}  (infinitely many examples)")
    print(f"regime      {prediction.regime}")
    print(f"source      {prediction.source}")
    return 0


def risk_command(options: argparse.Namespace) -> int:
    """Print the exact test error of a trained model."""
    risk = exact_risk(
        load_model(options.model),
        tokens=options.tokens,
        relevant_tokens=options.relevant,
        noise=options.noise,
        noise_kind=options.noise_kind,
        deltas=[Delta(options.delta_context, options.delta_signal)],
    )
    if options.json:
        print_json(asdict(risk))
    else:
        print(f"error  {risk.error:.12g}  (numerical error at most {risk.error_bound:.1g})")
    return 0


def not_available_command(options: argparse.Namespace) -> int:
    """Refuse a command that is planned but not built."""
    raise NotAvailableError(f"the command {options.command} ({LATER[options.command]}) is not available yet")


def main(arguments: list[str] | None = None) -> int:
    """Read the arguments and run one command; return its exit status."""
    parser = new_parser(PROG, "Exact predictions for prompt-attention.", f"{PROG} error --help")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    error = new_parser(
        "error",
        "Predict the error of a head trained under a known prompt.",
        f"{PROG} error --dim 101 --tokens 16 --relevant 2 --samples 200 --inverse-temperature 0 --head least-squares",
        commands,
    )
    add_mixture_options(error)
    add_head_options(error)
    error.add_argument(
        "--regime", choices=REGIMES, default="auto", help="auto takes the most exact one there is (default)"
    )
    error.add_argument("--json", action="store_true", help="print one JSON object; null stands for infinity")
    error.set_defaults(run=error_command)
    risk = new_parser(
        "risk",
        "Exact test error of any prompt and head, without a test set.",
        f"{PROG} risk model.npz --tokens 64 --relevant 4",
        commands,
    )
    risk.add_argument(
        "model",
        metavar="MODEL.npz",
        help="arrays context (q*), signal (w*), prompt (q) and head (w), each of shape (d,), written by numpy.savez",
    )
    add_token_options(risk.add_argument_group("mixture"))
    risk.add_argument("--json", action="store_true", help="print one JSON object; null stands for infinity")
    risk.set_defaults(run=risk_command)
    for name, description in LATER.items():
        later = new_parser(
            name, f"{description[0].upper()}{description[1:]} (not available yet).", f"{PROG} {name}", commands
        )
        later.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
        later.set_defaults(run=not_available_command)
    if arguments and arguments[0] in LATER and not {"-h", "--help"} & set(arguments):
        return not_available_command(argparse.Namespace(command=arguments[0]))
    options = parser.parse_args(arguments)
    status: int = options.run(options)
    return status


if __name__ == "__main__":
    run(PROG, lambda: main(sys.argv[1:]))
