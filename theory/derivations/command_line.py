"""Derivations at the shell: `python -m theory derive [NAME ...]`."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from theory.arguments import ArgumentError
from theory.command_line import new_parser, print_json
from theory.derivations.catalogue import ENTRIES, derive

if TYPE_CHECKING:
    from theory.derivations.derivation import Derivation
    from theory.derivations.verification import StepCheck

Setting = tuple[str, Fraction]
Checked = tuple["Derivation", "tuple[StepCheck, ...]"]


def setting(text: str) -> Setting:
    """Read SYMBOL=VALUE with an exact value, such as Q=2, sigma=0.5 or zeta=1/3."""
    symbol, sign, value = text.partition("=")
    try:
        if not (sign and symbol):
            raise ValueError
        return symbol.strip(), Fraction(value.strip())
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(f"must be SYMBOL=NUMBER, such as Q=2 or zeta=1/3, got {text!r}") from None


def add_derive_command(commands: Any) -> None:
    """Add the command to those of a parser."""
    parser = new_parser(
        "derive",
        "Derive the closed forms of the theory, every step checked by machine; without NAME all of them.",
        "python -m theory derive benefit-of-context --set Q=2 --set sigma=1",
        commands,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="a derivation of --list")
    parser.add_argument("--list", action="store_true", help="print names and titles, and derive nothing")
    parser.add_argument(
        "--set",
        dest="settings",
        type=setting,
        action="append",
        default=[],
        metavar="SYMBOL=VALUE",
        help="put an exact number, such as 2, 0.5 or 1/3, into the results; may be repeated",
    )
    parser.add_argument("--latex", type=Path, metavar="FILE", help="write the derivations as a LaTeX document")
    parser.add_argument("--json", action="store_true", help="print one JSON array")
    parser.set_defaults(run=derive_command)


def derive_command(options: argparse.Namespace) -> int:
    """Derive, check and print; return 1 if a check fails."""
    if options.list:
        return _list(options.json)
    names = list(dict.fromkeys(options.names)) or list(ENTRIES)
    derivations = [derive(name) for name in names]
    settings = _checked_settings(options.settings, derivations)
    from theory.derivations.verification import verify

    checked: list[Checked] = []
    for derivation in derivations:
        checked.append((derivation, verify(derivation)))
        if not options.json:
            print(derivation_text(*checked[-1], settings), flush=True)
    if options.latex:
        from theory.derivations.document import write_document

        write_document(options.latex, checked)
    if options.json:
        print_json([_record(*pair, settings) for pair in checked])
    else:
        print(summary(checked))
    return 0 if all(check.holds for _, checks in checked for check in checks) else 1


def summary(checked: Sequence[Checked]) -> str:
    """Return how many derivations and steps were checked, and how many steps fail, as a line of text."""
    steps = [check for _, checks in checked for check in checks]
    failing = sum(not check.holds for check in steps)
    fails = "none fails" if not failing else "1 fails" if failing == 1 else f"{failing} fail"
    return f"{_counted(len(checked), 'derivation')}, {_counted(len(steps), 'step')}: {fails}"


def _counted(number: int, thing: str) -> str:
    """Return a number of things."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _list(as_json: bool) -> int:
    """Print names and titles."""
    if as_json:
        print_json([{"name": name, "title": entry.title} for name, entry in ENTRIES.items()])
    else:
        width = max(map(len, ENTRIES))
        for name, entry in ENTRIES.items():
            print(f"{name:{width}}  {entry.title}")
    return 0


def _checked_settings(settings: list[Setting], derivations: list[Derivation]) -> dict[str, Fraction]:
    """Return the numbers by symbol.

    Raises:
        ArgumentError: a symbol is set twice, is in no derivation, or gets a number out of its range.
    """
    parameters = {name: parameter for derivation in derivations for name, parameter in derivation.parameters.items()}
    numbers: dict[str, Fraction] = {}
    for name, value in settings:
        if name in numbers:
            raise ArgumentError("--set", "set each symbol once", f"{name} twice")
        if name not in parameters:
            known = ", ".join(sorted(parameters)) or "none"
            raise ArgumentError("--set", f"set a symbol of the results ({known})", repr(name))
        if not parameters[name].admits(value):
            raise ArgumentError("--set", f"keep {name} {parameters[name].range}", f"{name}={value}")
        numbers[name] = value
    return numbers


def _substituted(derivation: Derivation, settings: Mapping[str, Fraction]) -> tuple[Any, float | None]:
    """Return the result with numbers put in, and its value if no symbol is left.

    Raises:
        ArgumentError: the result does not exist there.
    """
    from sympy import Rational, nan, zoo

    parameters = derivation.parameters
    point = {
        parameters[name].symbol: Rational(value.numerator, value.denominator)
        for name, value in settings.items()
        if name in parameters
    }
    expression = derivation.result.subs(point)
    if expression.has(nan, zoo):
        raise ArgumentError("--set", f"leave the result of {derivation.name} a number", expression)
    if expression.free_symbols:
        return expression, None
    value = expression.evalf()
    if not value.is_real:
        raise ArgumentError("--set", f"leave the result of {derivation.name} a real number", value)
    return expression, float(value)


def derivation_text(
    derivation: Derivation, checks: tuple[StepCheck, ...], settings: Mapping[str, Fraction] | None = None
) -> str:
    """Return a derivation as lines of text, and its result with the numbers put in that `settings` give to symbols.

    Raises:
        ArgumentError: the result does not exist there.
    """
    lines = [f"{derivation.name}: {derivation.title}", f"  {derivation.statement}"]
    lines += [f"  assumed: {assumption}" for assumption in derivation.assumptions]
    lines.append(f"  from     {derivation.definition}")
    for place, (step, check) in enumerate(zip(derivation.steps, checks, strict=False), 1):
        lines.append(f"  {place}. {step.name}. {step.why}")
        lines += [f"       with {symbol} = {value}" for symbol, value in step.given]
        lines.append(f"       = {step.after}")
        lines.append(f"       {check.check}: {'holds' if check.holds else 'FAILS, ' + check.fault}")
    lines.append(f"  result   {derivation.result}")
    if settings:
        expression, value = _substituted(derivation, settings)
        lines.append(f"  with     {', '.join(f'{name} = {number}' for name, number in settings.items())}")
        lines.append(
            f"           {expression}" + ("" if value is None or expression.is_Integer else f" = {value:.15g}")
        )
    if derivation.counterpart:
        lines.append(f"  computed by {derivation.counterpart}")
    return "\n".join(lines) + "\n"


def _record(derivation: Derivation, checks: tuple[StepCheck, ...], settings: dict[str, Fraction]) -> dict[str, Any]:
    """Return a derivation as JSON data."""
    from theory.derivations.formula import formula

    record: dict[str, Any] = {
        "name": derivation.name,
        "title": derivation.title,
        "statement": derivation.statement,
        "source": derivation.source,
        "assumptions": derivation.assumptions,
        "symbols": {name: parameter.meaning for name, parameter in derivation.parameters.items()},
        "counterpart": derivation.counterpart or None,
        "definition": str(derivation.definition),
        "steps": [
            {
                "name": step.name,
                "why": step.why,
                "given": {str(symbol): str(value) for symbol, value in step.given},
                "expression": str(step.after),
                "latex": formula(step.after),
                "check": check.check,
                "holds": check.holds,
                "fault": check.fault or None,
            }
            for step, check in zip(derivation.steps, checks, strict=False)
        ],
        "result": str(derivation.result),
        "latex": f"{derivation.quantity} = {formula(derivation.result)}",
        "holds": all(check.holds for check in checks),
    }
    if settings:
        expression, value = _substituted(derivation, settings)
        record["set"] = {name: str(number) for name, number in settings.items()}
        record["substituted"] = str(expression)
        record["value"] = value if value is None or math.isfinite(value) else None
    return record
