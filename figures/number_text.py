"""Numbers as a reader wants them: as many digits as their uncertainty allows, powers of ten as such."""

from __future__ import annotations

import math

ABSENT = "–"
"""Stands for a number that is infinite or does not exist."""

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def _signed(text: str) -> str:
    """Write a minus sign as long as a plus sign."""
    return text.replace("-", "−")


def _exponent(value: float) -> int:
    """Return the power of ten of a number's first digit."""
    return int(f"{value:e}".split("e")[1])


def plain_number(value: float | None, digits: int = 3) -> str:
    """Write a number with some significant digits, as a power of ten where it is very small or very large.

    Example:
        >>> plain_number(0.00123), plain_number(-2.5e-7), plain_number(1e-6), plain_number(None)
        ('0.00123', '−2.50 × 10⁻⁷', '10⁻⁶', '–')
    """
    if value is None or not math.isfinite(value):
        return ABSENT
    if value == 0:
        return "0"
    mantissa, power = f"{value:.{digits - 1}e}".split("e")
    if -4 < int(power) < 6:
        return _signed(f"{value:.{max(0, digits - 1 - int(power))}f}")
    tens = f"10{str(int(power)).translate(SUPERSCRIPTS)}"
    return tens if float(mantissa) == 1 else _signed(f"{mantissa} × {tens}")


def measured_number(value: float | None, uncertainty: float | None) -> str:
    """Write a number down to the second digit of its uncertainty.

    Example:
        >>> measured_number(0.1772444, 0.00041), measured_number(-1.5, 0.02), measured_number(0.1772444, None)
        ('0.17724', '−1.500', '0.177244')
    """
    if value is None or not math.isfinite(value):
        return ABSENT
    if value == 0:
        return "0"
    if not uncertainty or not math.isfinite(uncertainty):
        return plain_number(value, 6)
    decimals = 1 - _exponent(abs(uncertainty))
    if decimals > 9 or abs(value) >= 1e9:
        return plain_number(value, max(3, min(10, _exponent(value) + decimals + 1)))
    return _signed(f"{round(value, decimals) + 0.0:.{max(0, decimals)}f}")  # zero has no sign


def percent(value: float | None) -> str:
    """Write a share in per cent, with two significant digits.

    Example:
        >>> percent(0.0312), percent(0.00051), percent(1.5), percent(None)
        ('3.1 %', '0.051 %', '150 %', '–')
    """
    if value is None or not math.isfinite(value):
        return ABSENT
    hundredfold = 100 * value
    text = plain_number(float(f"{hundredfold:.2g}"), 2 if abs(hundredfold) < 99.5 else 3)
    return f"{text} %"


def duration(seconds: float | None) -> str:
    """Write a time in the units that suit it.

    Example:
        >>> duration(0.034), duration(12.34), duration(123.4), duration(7384), duration(None)
        ('0.03 s', '12.3 s', '2 min 3 s', '2 h 3 min', '–')
    """
    if seconds is None:
        return ABSENT
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def short_duration(seconds: float) -> str:
    """Write a time of three digits, down to microseconds.

    Example:
        >>> short_duration(2.5e-5), short_duration(0.0123), short_duration(1.5), short_duration(7384.0)
        ('25.0 µs', '12.3 ms', '1.50 s', '2 h 3 min')
    """
    if seconds >= 60:
        return duration(seconds)
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= 0.9995 * size:
            return f"{plain_number(seconds / size)} {unit}"
    return f"{plain_number(seconds / 1e-6)} µs"


def exponent(value: float) -> str:
    """Write an exponent to two places, zero without a sign.

    Example:
        >>> exponent(0.98765), exponent(-0.001), exponent(-0.25)
        ('0.99', '0.00', '−0.25')
    """
    return _signed(f"{round(value, 2) + 0.0:.2f}")
