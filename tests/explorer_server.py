"""The explorer in a process of its own, as a user starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


class Server:
    """The command, with warnings as errors.

    Attributes:
        process: in which it runs.
        url: where it serves.
    """

    def __init__(self, *options):
        command = [sys.executable, "-m", "figures", "explore", "--no-browser", "--json", "--jobs", "1", *options]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, env=environment, **pipes)
        text = ""
        while not text.endswith("}\n"):
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError(self.process.communicate()[1])
            text += line
        self.url = json.loads(text)["url"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Leave nothing running, even if a test failed."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def ended(self, timeout=30):
        """Return exit status and standard error."""
        _, complaints = self.process.communicate(timeout=timeout)
        return self.process.returncode, complaints
