"""How far a run is and how long it will still take, on standard error."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, TextIO

from numerics.verification.trial import Trial


class Progress:
    """A bar whose length is the time of computation that the trials, as planned so far, will have taken.

    A portion still to come is taken to cost what the trial's others did, or, for a trial not yet begun, what a
    portion did on average.
    """

    def __init__(self, checks: int, stream: TextIO | None) -> None:
        """Show nothing without a stream, and one line without tqdm."""
        self._start = time.monotonic()
        self._bar: Any = None
        if stream is None:
            return
        try:
            from tqdm import tqdm
        except ImportError:
            print(f"verifying {checks} settings …", file=stream)
            return
        pause = 0.5 if stream.isatty() else 30.0
        self._bar = tqdm(
            total=1.0,
            desc="verifying",
            file=stream,
            delay=pause,
            mininterval=pause / 5,
            leave=False,
            bar_format="{desc}: {percentage:3.0f}%|{bar}|",
        )

    def __enter__(self) -> Progress:
        """Return the bar itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Clear the bar."""
        if self._bar is not None:
            self._bar.close()

    def show(self, trials: Sequence[Trial]) -> None:
        """Bring the bar up to date."""
        if self._bar is None:
            return
        spent, coming = estimate(trials)
        finished = sum(trial.still_missing == 0 for trial in trials)
        left = (time.monotonic() - self._start) * coming / max(spent, 1e-9)
        self._bar.total = max(spent + coming, 1e-9)
        self._bar.set_description_str(
            f"verifying, {finished}/{len(trials)} checks, about {left:.0f} s left", refresh=False
        )
        self._bar.update(spent - self._bar.n)


def estimate(trials: Sequence[Trial]) -> tuple[float, float]:
    """Return the seconds of computation that were spent and that are still to come, over all processes."""
    known = [seconds for trial in trials for seconds in trial.seconds.values() if seconds > 0]
    average = sum(known) / max(1, len(known))
    coming = 0.0
    for trial in trials:
        own = [seconds for seconds in trial.seconds.values() if seconds > 0]
        coming += trial.still_missing * (sum(own) / len(own) if own else average)
    return sum(known), coming
