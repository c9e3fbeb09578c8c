"""Settings of the whole suite."""

from __future__ import annotations

import pytest
from hypothesis import settings

from tests import false_alarms

# Examples are the same in every run: a failure is a failure for everybody.
settings.register_profile("suite", derandomize=True, deadline=None, max_examples=150, database=None)
settings.load_profile("suite")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail if the statistical checks of one process took more than all shares of the false-alarm budget."""
    if false_alarms.used > false_alarms.SHARES:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print(f"\n{false_alarms.used} statistical checks share a budget made for {false_alarms.SHARES}")
