"""Texts of the checkout that the site shows as well: each is written once, and read from where it stands."""

from __future__ import annotations

import re
from pathlib import Path

from figures.documentation.figure_blocks import duration
from theory.arguments import ArgumentError, NotAvailableError

ROOT = Path(__file__).parents[2]

LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^):]+)\)")

ENDED = re.compile(r"\n\n```(?=\n|$)")
"""The end of an example, before which doctest needs an empty line and a reader none."""

PLACES = {"CONTRIBUTING.md": "/contributing.md", "CHANGELOG.md": "/changelog.md", "README.md": "/index.md"}
"""Where the site has a file of the checkout."""


def require_checkout() -> None:
    """Refuse where the texts are not beside the packages.

    Raises:
        NotAvailableError: this is an installed package.
    """
    if not (ROOT / "README.md").is_file():
        raise NotAvailableError("the documentation is built from a checkout, which has the texts: run make docs there")


def _moved(match: re.Match[str]) -> str:
    """Return a link of a file of the checkout as one of the site, a picture with what draws it."""
    mark, text, target = match.groups()
    if mark:
        name = Path(target).stem
        return f"![{text}](/pictures/{name}.png)\n\nDrawn anew by `python -m figures {name}`, {duration(name)}."
    return f"[{text}]({PLACES[target]})"


def whole_file(name: str) -> str:
    """Return a file of the checkout."""
    return LINK.sub(_moved, (ROOT / name).read_text(encoding="utf-8"))


def extract(words: str) -> str:
    """Return a part of the README.

    Args:
        words: "FROM ... TO": it begins with the only line that begins with FROM, or after it if that is a heading, and
            ends before the next line that begins with TO.

    Raises:
        ArgumentError: the README has no such lines, or several where it may begin.

    Example:
        >>> extract("## In Python ... ```python")
        'Every number of a mixture and a head may be an array: a curve needs no loop.'
    """
    first, _, last = words.partition(" ... ")
    lines = whole_file("README.md").splitlines()
    starts = [place for place, line in enumerate(lines) if line.startswith(first)]
    if len(starts) != 1:
        raise ArgumentError("readme", "begin at a line that README.md has once", repr(first))
    ends = [place for place, line in enumerate(lines) if line.startswith(last) and place > starts[0]]
    if not ends:
        raise ArgumentError("readme", "end at a line that README.md has", repr(last))
    part = "\n".join(lines[starts[0] + first.startswith("#") : ends[0]])
    return ENDED.sub("\n```", part).strip()
