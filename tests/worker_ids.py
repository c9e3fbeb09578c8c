"""The worker processes of a running command, found in /proc."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

needs_proc = pytest.mark.skipif(
    not Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").exists(), reason="worker processes are found in /proc"
)


def worker_ids(parent: int) -> list[int]:
    """Return the ids of the worker processes that there are by now; each was started by a thread of its own."""
    lists = [path.read_text() for path in Path(f"/proc/{parent}/task").glob("*/children")]
    children = [int(child) for text in lists for child in text.split()]
    return [child for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]
