"""The time of a whole command from a cold start, against the same Python that only imports NumPy."""

from __future__ import annotations

import os
import subprocess
import sys

from numerics.benchmark.pairs import Entry, Side

COMMANDS = {
    "python -m theory error": "-m theory error --dim 101 --tokens 16 --relevant 2 --samples 200 --head least-squares",
    "python -m theory derive --list": "-m theory derive --list",
}
LONGEST = 1.0
"""Seconds that a command is to take at most."""


def _run(arguments: list[str]) -> float:
    """Run this Python to its end, with compiled bytecode as after any first run; return its exit status."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, *arguments]
    return float(subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=environment).returncode)


def command_entries() -> list[Entry]:
    """Return the commands.

    Each starts in the folder of this process, from which the packages must be found.
    """
    return [
        Entry(
            f"{name}, from start to end",
            "python -c 'import numpy'",
            Side(lambda arguments=arguments: _run(arguments.split())),  # type: ignore[misc]
            Side(lambda: _run(["-c", "import numpy"])),
            0.0,
            seconds=LONGEST,
        )
        for name, arguments in COMMANDS.items()
    ]
