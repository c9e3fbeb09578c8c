"""Commands of a text with what they print, run in this process."""

from __future__ import annotations

import re
import shlex

import numpy as np
from numpy.testing import assert_allclose

import figures.__main__
import numerics.__main__
import theory.__main__

COMMANDS = {"figures": figures.__main__.main, "numerics": numerics.__main__.main, "theory": theory.__main__.main}
EXAMPLE = re.compile(r"```console\n\$ (.*)\n((?:.*\n)*?)```")
NUMBER = r"[-+]?\d+\.?\d*(?:e[-+]?\d+)?"


def without_time(text):
    """Blank what depends on the machine."""
    return re.sub(r"\b[0-9.]+ seconds", "# seconds", re.sub(r"(?m)^seconds +[0-9.]+$", "seconds", text))


def assert_prints(command, shown, capsys):
    """Run a command and compare what it prints: the words as they are, the numbers to twelve digits."""
    python, flag, package, *arguments = shlex.split(command)
    assert (python, flag) == ("python", "-m")
    capsys.readouterr()
    assert COMMANDS[package](arguments) == 0
    printed, shown = without_time(capsys.readouterr().out), without_time(shown)
    assert re.sub(NUMBER, "#", printed) == re.sub(NUMBER, "#", shown)
    values, expected = (np.array(re.findall(NUMBER, text), dtype=float) for text in (printed, shown))
    # A bound on a numerical error is itself made of roundings: it may be smaller elsewhere, and larger by a few times.
    bound = (expected > 0) & (expected < 1e-9)
    assert np.all(values[bound] <= 5 * expected[bound])
    # Twelve digits are printed; the distance between two resolutions of the law of attention, in which thousands of
    # signed weights add up, has fewer.
    rtol, atol = (1e-9, 1e-8) if "proportional" in shown else (2e-11, 1e-14)
    assert_allclose(values[~bound], expected[~bound], rtol=rtol, atol=atol)
