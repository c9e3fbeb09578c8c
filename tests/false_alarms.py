"""One budget of false alarms for the whole suite.

With fresh seeds the suite would raise a false alarm anywhere with probability at most `SUITE_RATE`; each statistical
check gets an equal share of it.  The number of shares is an upper bound on the checks of a full run, slow ones
included, and `tests/conftest.py` counts, over all processes, that it is kept.  Seeds are fixed: a run that passed
passes again.
"""

from __future__ import annotations

from scipy.special import ndtri

SUITE_RATE = 1e-6
SHARES = 1000
SKEWNESS_RESERVE = 3
RATE = SUITE_RATE / SHARES / SKEWNESS_RESERVE

CRITICAL_Z = float(-ndtri(RATE / 2))
"""Two-sided critical value of a normal statistic at one share, 6.3; the reserve is for means of skewed numbers."""

POWER_Z = float(ndtri(0.999))
"""A deviation of CRITICAL_Z + POWER_Z standard errors is found with probability 99.9 %."""

used = 0


def share() -> float:
    """Take one share of the budget and return its false-alarm rate."""
    global used
    used += 1
    return RATE


def assert_mean(estimate: float, standard_error: float, expected: float, *, detectable: float) -> None:
    """Check that an estimate, normal to good approximation, has the expected mean.

    `detectable` is the relative deviation that the check claims to find with probability 99.9 %: too large a standard
    error for that is a failure too, so that a check cannot grow blunt unnoticed.
    """
    assert share() == RATE
    power = (CRITICAL_Z + POWER_Z) * standard_error / abs(expected)
    assert power <= detectable, f"too blunt: this check finds {power:.2%} where it claims {detectable:.2%}"
    z = (estimate - expected) / standard_error
    assert abs(z) < CRITICAL_Z, f"z = {z:.2f}: {estimate:.6g} ± {standard_error:.2g} against {expected:.6g}"
