"""The hash of a function names its code: the same in every process, another for any other code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from numerics.fingerprint import function_fingerprint

SCRIPT = """
from numerics.fingerprint import function_fingerprint
def draw(name):
    return (lambda: name in {"one", "two", "three", "four"} and 0.5 < 1.5)()
print(function_fingerprint(draw))
"""


def printed(script, seed):
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", script]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def test_every_process_gives_the_same_hash():
    assert printed(SCRIPT, "1") == printed(SCRIPT, "2")


def test_other_code_or_another_constant_has_another_hash():
    for old, new in (("0.5", "0.25"), ("< 1.5", "> 1.5"), ('"four"', '"five"')):
        assert printed(SCRIPT.replace(old, new), "1") != printed(SCRIPT, "1")


def test_a_call_changes_nothing():
    """Python specialises code that runs often."""

    def add(a, b):
        return a + b

    before = function_fingerprint(add)
    for number in range(1000):
        add(number, 0.5)
    assert function_fingerprint(add) == before
