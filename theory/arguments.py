"""Checks of arguments: every wrong one is refused by one sentence of the same form."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
"""An array of floats of any shape."""

Numbers = float | npt.ArrayLike
"""A number, or an array or nested sequence of numbers."""


LARGEST_REAL = 1e75
"""Products of four such numbers are still floats."""

LARGEST_WHOLE = 1e15
"""Larger whole numbers, and their halves, are not exact as floats."""


class ArgumentError(ValueError):
    """An argument out of its range.

    Attributes:
        parameter: name of the offending parameter.
        requirement: what it must be, to be read after the word "must".
        received: what was passed.
    """

    def __init__(self, parameter: str, requirement: str, received: object) -> None:
        """Build the sentence "parameter must requirement, got received"."""
        self.parameter, self.requirement, self.received = parameter, requirement, received
        super().__init__(parameter, requirement, received)

    def __str__(self) -> str:
        """Return the sentence."""
        return f"{self.parameter} must {self.requirement}, got {self.received}"


class NotAvailableError(NotImplementedError):
    """A combination of options for which the toolkit has no formula or no simulator yet."""


def _first_bad(values: FloatArray, good: npt.NDArray[np.bool_]) -> object:
    """Return the first value that fails, as the user would write it."""
    bad = np.broadcast_to(values, good.shape)[~good].flat[0]
    return int(bad) if np.isfinite(bad) and bad == np.floor(bad) and abs(bad) < 1e15 else float(bad)


def as_numbers(parameter: str, values: Any) -> FloatArray:
    """Return `values` as a read-only array of finite or infinite floats; refuse text, NaN and complex numbers."""
    try:
        if not isinstance(values, float) and np.asarray(values).dtype.kind in "bcSU":
            raise TypeError
        array = np.asarray(np.asarray(values, dtype=np.float64) + 0.0)  # a negative zero would hash differently
    except (TypeError, ValueError):
        raise ArgumentError(parameter, "be a real number or an array of real numbers", repr(values)) from None
    if math.isnan(array) if array.ndim == 0 else np.isnan(array).any():
        raise ArgumentError(parameter, "not be NaN", "nan")
    array.setflags(write=False)
    return array


def real(parameter: str, values: Any, *, above: float | None = None, least: float | None = None) -> FloatArray:
    """Return finite real numbers, greater than `above` or at least `least` where these are given."""
    array = as_numbers(parameter, values)
    if array.ndim == 0:  # most are single numbers, for which Python is ten times as fast
        value = float(array)
        if abs(value) <= LARGEST_REAL and (above is None or value > above) and (least is None or value >= least):
            return array
    good = np.abs(array) <= LARGEST_REAL
    requirement = f"be at most {LARGEST_REAL:g} in size" if np.isfinite(array).all() else "be finite"
    if (not good.all()) and np.isfinite(array).all():
        raise ArgumentError(parameter, requirement, _first_bad(array, good))
    if above is not None:
        good, requirement = good & (array > above), f"be finite and greater than {above:g}"
    if least is not None:
        good, requirement = good & (array >= least), f"be finite and at least {least:g}"
    if not good.all():
        raise ArgumentError(parameter, requirement, _first_bad(array, good))
    return array


def whole(parameter: str, values: Any, *, least: int, infinite: bool = False) -> FloatArray:
    """Return whole numbers, kept as floats, of at least `least`; with `infinite`, infinity is one of them."""
    array = as_numbers(parameter, values)
    good = (array >= least) & (array == np.floor(array)) & (np.isfinite(array) | infinite)
    if good.all() and (large := np.isfinite(array) & (array > LARGEST_WHOLE)).any():
        raise ArgumentError(parameter, f"be at most {LARGEST_WHOLE:g}", _first_bad(array, ~large))
    if not good.all():
        suffix = " or infinite" if infinite else ""
        raise ArgumentError(parameter, f"be a whole number of at least {least}{suffix}", _first_bad(array, good))
    return array


def one_of(parameter: str, value: object, choices: tuple[str, ...]) -> str:
    """Return `value` if it is one of `choices`."""
    if not isinstance(value, str) or value not in choices:
        raise ArgumentError(parameter, f"be one of {', '.join(choices)}", repr(value))
    return value


def unknown_name(parameter: str, what: str, name: str, names: Iterable[str]) -> ArgumentError:
    """Return the refusal of a name that is none of many; it says which are alike."""
    near = get_close_matches(name, list(names), n=3)
    such = f", such as {' or '.join(near)}" if near else ""
    return ArgumentError(parameter, f"be {what} (see --list){such}", repr(name))


def broadcast(**arguments: FloatArray) -> tuple[FloatArray, ...]:
    """Broadcast named arrays against each other; where their shapes do not fit, say which shapes they have."""
    try:
        return tuple(np.broadcast_arrays(*arguments.values()))
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arguments.items())
        raise ArgumentError("the shapes of the arguments", "broadcast against each other", shapes) from None


def single(values: Numbers) -> float:
    """Return a parameter that is a single number as a Python float."""
    return float(np.asarray(values, dtype=np.float64))


def plain(values: FloatArray) -> Any:
    """Return a Python float for a zero-dimensional array and the array itself otherwise."""
    return float(values) if values.ndim == 0 else values


class ComparedByValue:
    """Equality and hash of a dataclass whose fields hold arrays: field by field, shapes included."""

    def _values(self) -> list[Any]:
        """Return the field values in order."""
        return [getattr(self, field.name) for field in fields(self)] if is_dataclass(self) else []

    def __eq__(self, other: object) -> bool:
        """Compare field by field."""
        if type(other) is not type(self):
            return NotImplemented
        return self is other or all(
            np.array_equal(mine, theirs) for mine, theirs in zip(self._values(), other._values(), strict=True)
        )

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash(tuple(value.tobytes() if isinstance(value, np.ndarray) else value for value in self._values()))
