"""Settings of the whole suite."""

from __future__ import annotations

import pytest
from hypothesis import settings

from tests import false_alarms

# Examples are the same in every run: a failure is a failure for everybody.
settings.register_profile("suite", derandomize=True, deadline=None, max_examples=150, database=None)
settings.load_profile("suite")


taken_by_workers = 0


def pytest_testnodedown(node) -> None:
    """Add what a worker process of a distributed run took from the false-alarm budget."""
    global taken_by_workers
    taken_by_workers += getattr(node, "workeroutput", {}).get("false_alarms", 0)


pytest_testnodedown = pytest.hookimpl(optionalhook=True)(pytest_testnodedown)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail if the statistical checks of all processes together took more than all shares of the budget."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["false_alarms"] = false_alarms.used
        return
    used = false_alarms.used + taken_by_workers
    if used > false_alarms.SHARES:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print(f"\n{used} statistical checks share a budget made for {false_alarms.SHARES}")
