"""Keeps linear algebra to one thread: commands import this first, for it must come before NumPy.

The matrices here are small, and the processes as many as the cores.  More threads would gain nothing, and wait for each
other in busy loops: where other work takes the cores, a second of computing becomes half a minute.
"""

from __future__ import annotations

import os

from theory.threads import THREAD_VARIABLES

for variable in THREAD_VARIABLES:
    os.environ.setdefault(variable, "1")
