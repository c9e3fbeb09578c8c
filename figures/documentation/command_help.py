"""What a command says with --help, for the page of all commands."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib import import_module

WIDTH = "96"
"""Letters a line, whatever the terminal that builds the site."""


@contextmanager
def _terminal_of(width: str) -> Iterator[None]:
    """Let argparse wrap its lines at a width."""
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = width
    try:
        yield
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before


def help_text(words: str) -> str:
    """Return the help of a command as a block of plain text.

    Args:
        words: package and command, such as "theory error".

    Raises:
        LookupError: there is no such command.

    Example:
        >>> print(help_text("theory risk").splitlines()[-2])
          python -m theory risk model.npz --tokens 64 --relevant 4
    """
    package, *command = words.split()
    printed = io.StringIO()
    with _terminal_of(WIDTH), redirect_stdout(printed):
        try:
            import_module(f"{package}.__main__").main([*command, "--help"])
        except SystemExit as finished:
            if finished.code:
                raise LookupError(words) from None
    return f"```text\n{printed.getvalue().rstrip()}\n```"
