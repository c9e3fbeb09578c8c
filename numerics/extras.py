"""Packages that not everybody has: what needs one is refused in a sentence, and left out of a run over everything."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Protocol

from theory.arguments import NotAvailableError


@dataclass(frozen=True)
class Extra:
    """An optional dependency.

    Attributes:
        package: its name.
        module: what is imported.
        extra: the extra of this project that installs it.
    """

    package: str
    module: str
    extra: str

    @property
    def installed(self) -> bool:
        """Tell whether it is there, without importing it."""
        return find_spec(self.module) is not None

    def require(self, what: str) -> None:
        """Refuse what needs it where it is not there.

        Raises:
            NotAvailableError: it is not installed.

        Example:
            >>> Extra("Ether", "ether", "air").require("light")
            Traceback (most recent call last):
            ...
            theory.arguments.NotAvailableError: Ether is needed for light: pip install 'prompt-attention-theory[air]'
        """
        if not self.installed:
            raise NotAvailableError(f"{self.package} is needed for {what}: {self.remedy}")

    @property
    def remedy(self) -> str:
        """Return how to install it."""
        return f"pip install 'prompt-attention-theory[{self.extra}]'"


REAL_DATA = Extra("scikit-learn", "sklearn", "realdata")
EXPLORER = Extra("Bokeh", "bokeh", "explore")


class MayNeedExtra(Protocol):
    """Anything that may need an optional dependency."""

    @property
    def extra(self) -> Extra | None:
        """Return what it needs."""
        ...


def available(things: Mapping[str, MayNeedExtra]) -> list[str]:
    """Return the names of things whose extras are there; say on standard error which are left out, and why."""
    missing = {name: thing.extra for name, thing in things.items() if thing.extra and not thing.extra.installed}
    for extra in dict.fromkeys(missing.values()):
        names = ", ".join(name for name, needed in missing.items() if needed == extra)
        print(f"left out, for {extra.package} is not installed ({extra.remedy}): {names}", file=sys.stderr)
    return [name for name in things if name not in missing]
