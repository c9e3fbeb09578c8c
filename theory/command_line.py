"""What the commands share: the options of a mixture and a head, and refusals of one line."""

from __future__ import annotations

import argparse
import io
import json
import math
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from theory.arguments import ArgumentError, NotAvailableError
from theory.head import ATTENTIONS, HEAD_SPACES, HEADS, Head
from theory.mixture import NOISE_KINDS, ContextualMixture

BAD_ARGUMENTS = 2

MIXTURE_LAW = """\
An example with the label y = 1 or -1 has R relevant tokens, q* + y w*, and
T - R others, -DELTA_Q q* - DELTA_W y w* + noise."""

OPTION_OF_PARAMETER = {
    "dimension": "--dim",
    "tokens": "--tokens",
    "relevant_tokens": "--relevant",
    "context_norm": "--context-norm",
    "signal_norm": "--signal-norm",
    "noise": "--noise",
    "noise_kind": "--noise-kind",
    "delta_context": "--delta-context",
    "delta_signal": "--delta-signal",
    "samples": "--samples",
    "inverse_temperature": "--inverse-temperature",
    "attention": "--attention",
    "kind": "--head",
    "ridge": "--ridge",
    "space": "--head-space",
    "prompt_norm": "--prompt-norm",
    "labels": "--labels",
    "epsilon": "--epsilon",
    "simulator": "--simulator",
    "repetitions": "--repetitions",
    "seed": "--seed",
}


class OneLineParser(argparse.ArgumentParser):
    """An argument parser that refuses in one line, and takes every negative number for a number."""

    def __init__(self, **settings: Any) -> None:
        """Make the parser; by itself argparse takes -1e-3 and -inf for options."""
        super().__init__(**settings)
        self._negative_number_matcher = re.compile(r"-(\.?\d|inf|nan)", re.IGNORECASE)

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and leave with the status of bad arguments."""
        self.exit(BAD_ARGUMENTS, f"{self.prog}: {message} (see {self.prog} --help)\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse what is left over here: argparse leaves it to the parser of all commands, whose help has none."""
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return options, unknown


def new_parser(prog: str, description: str, example: str, parent: Any = None) -> Any:
    """Return a parser, or a subcommand of `parent`, whose help shows an example."""
    layout: dict[str, Any] = {
        "description": description,
        "epilog": f"example:\n  {example}",
        "formatter_class": argparse.RawDescriptionHelpFormatter,
        "allow_abbrev": False,
    }
    if parent is not None:
        return parent.add_parser(prog, help=description, **layout)
    return OneLineParser(prog=prog, **layout)


def number(text: str) -> float:
    """Read a real number, `inf` included."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number, got {text!r}") from None


def whole_number(text: str) -> int:
    """Read a whole number."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number, got {text!r}") from None


def add_mixture_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that describe the contextual mixture."""
    group = parser.add_argument_group("mixture", MIXTURE_LAW)
    group.add_argument("--dim", type=number, required=True, metavar="D", help="d, token dimension")
    group.add_argument("--context-norm", type=number, default=1.0, metavar="Q", help="norm of q* (default 1)")
    group.add_argument("--signal-norm", type=number, default=1.0, metavar="W", help="norm of w* (default 1)")
    add_token_options(group)


def add_token_options(group: argparse._ActionsContainer) -> None:
    """Add the options of a mixture whose vectors are given otherwise."""
    group.add_argument("--tokens", type=number, required=True, metavar="T", help="tokens in an example")
    group.add_argument("--relevant", type=number, required=True, metavar="R", help="how many of them are relevant")
    group.add_argument(
        "--noise",
        type=number,
        default=1.0,
        metavar="SIGMA",
        help="standard deviation of a noise coordinate (default 1)",
    )
    group.add_argument(
        "--noise-kind",
        choices=NOISE_KINDS,
        default="isotropic",
        help="prompt-orthogonal: none along q* (default isotropic)",
    )
    group.add_argument("--delta-context", type=number, default=0.0, metavar="DELTA_Q", help="default 0")
    group.add_argument("--delta-signal", type=number, default=0.0, metavar="DELTA_W", help="default 0")


def add_head_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that describe the head and its training."""
    group = parser.add_argument_group("head")
    group.add_argument(
        "--samples",
        type=number,
        required=True,
        metavar="N",
        help="training examples; inf, in theory alone, for the population optimum",
    )
    group.add_argument(
        "--inverse-temperature",
        type=number,
        default=1.0,
        metavar="t",
        help="the prompt is t q*; 0 is uniform pooling (default 1)",
    )
    group.add_argument("--attention", choices=ATTENTIONS, default="softmax", help="default softmax")
    group.add_argument("--head", choices=HEADS, default="averaging", help="default averaging")
    group.add_argument(
        "--ridge", type=number, metavar="LAMBDA", help="penalty of the ridge and logistic heads; inf is averaging"
    )
    group.add_argument(
        "--head-space",
        choices=HEAD_SPACES,
        default="orthogonal",
        help="orthogonal to the prompt, or all d dimensions (default orthogonal)",
    )


def mixture_from(options: argparse.Namespace) -> ContextualMixture:
    """Build the mixture that the options describe."""
    return ContextualMixture(
        dimension=options.dim,
        tokens=options.tokens,
        relevant_tokens=options.relevant,
        context_norm=options.context_norm,
        signal_norm=options.signal_norm,
        noise=options.noise,
        noise_kind=options.noise_kind,
        delta_context=options.delta_context,
        delta_signal=options.delta_signal,
    )


def head_from(options: argparse.Namespace) -> Head:
    """Build the head that the options describe."""
    return Head(
        samples=options.samples,
        inverse_temperature=options.inverse_temperature,
        attention=options.attention,
        kind=options.head,
        ridge=options.ridge,
        space=options.head_space,
    )


def strict_json(record: Mapping[str, Any] | list[Any], *, plain: bool = False) -> str:
    """Return strict JSON: a number that JSON does not know, such as an infinite κ, becomes null.

    Args:
        record: JSON data; other mappings and sequences will do.
        plain: whether to escape what is not ASCII.

    Example:
        >>> print(strict_json([float("inf"), "κ"]))
        [
          null,
          "κ"
        ]
    """

    def strict(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: strict(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [strict(item) for item in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return json.dumps(strict(record), indent=2, ensure_ascii=plain, allow_nan=False)


def print_json(record: Mapping[str, Any] | list[Any]) -> None:
    """Print strict JSON, Greek letters as they are where the output can hold them and escaped elsewhere."""
    print(strict_json(record, plain=(sys.stdout.encoding or "").lower() not in ("utf-8", "utf8")))


def _discard_output() -> None:
    """Send what standard output still holds nowhere if it cannot be written, lest Python complain of it on leaving."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run(prog: str, command: Callable[[], int]) -> NoReturn:
    """Run a command and leave with its exit status; what it refuses becomes one line on standard error.

    Exit status 0 is success, 1 a refuted claim, 130 an interruption, 141 a reader of the output that went away; 2
    stands for bad arguments, something not available yet, a file or output that cannot be written, and a number that
    cannot be had to its promised accuracy.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = command()
        sys.stdout.flush()
        sys.exit(status)
    except BrokenPipeError:
        _discard_output()
        sys.exit(141)
    except ArgumentError as error:
        name = OPTION_OF_PARAMETER.get(error.parameter, error.parameter)
        # A limit may be another argument, as in "be at most tokens = 16".
        requirement = re.sub(r"\w+(?= = )", lambda word: OPTION_OF_PARAMETER.get(word[0], word[0]), error.requirement)
        message = f"{name} must {requirement}, got {error.received}"
    except (NotAvailableError, ArithmeticError) as error:
        message = str(error)
    except OSError as error:
        message = str(error)
        _discard_output()
    except (MemoryError, OverflowError):
        message = "this setting needs more memory than there is: fewer samples, tokens or dimensions may do"
    except KeyboardInterrupt:
        if sys.stderr.isatty():
            # A progress bar that is interrupted while it is drawn for the first time is left standing.
            blank = " " * (shutil.get_terminal_size().columns - 1)
            print(f"\r{blank}\r", end="", file=sys.stderr)
        print(f"{prog}: interrupted; what was finished is kept", file=sys.stderr)
        sys.exit(130)
    print(f"{prog}: {message}", file=sys.stderr)
    sys.exit(BAD_ARGUMENTS)
