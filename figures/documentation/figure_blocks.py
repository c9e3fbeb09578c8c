"""Pictures on the pages: each with what it shows, what draws it anew, and how long that takes."""

from __future__ import annotations

import re

from figures.catalogue import FIGURES
from figures.documentation.sentences import plain

SECONDS = {
    "double-descent": 60,
    "heads": 50,
    "benefit-of-context": 5,
    "hard-attention": 5,
    "phase-portrait": 35,
    "sample-complexity": 35,
    "sparse-attention": 20,
    "separation": 65,
    "separation-noise": 70,
    "separation-trained": 25,
    "real-data": 100,
    "real-attention": 15,
    "real-theory": 55,
}
"""Processor time of each figure, where nothing has been computed yet."""


def duration(name: str) -> str:
    """Return how long a figure takes, in words.

    Example:
        >>> duration("benefit-of-context")
        'about 5 seconds of one core'
    """
    seconds = SECONDS[name]
    minutes = round(seconds / 60)
    amount = f"{seconds} seconds" if seconds < 90 else f"{minutes} minutes"
    return f"about {amount} of one core"


def shown_picture(file: str, caption: str, origin: str) -> str:
    """Return a picture with its caption and what draws it."""
    alternative = re.sub(r"[$\\{}]|_?\\star", "", caption).replace("\n", " ")
    return f"````{{figure}} /pictures/{file}\n:alt: {alternative}\n\n{caption}\n\n{origin}\n````"


def shown_figure(name: str, pictures: frozenset[str]) -> str:
    """Return a figure of the catalogue, or, where it is not drawn, how to draw it.

    Raises:
        KeyError: there is no such figure.
    """
    description = plain(FIGURES[name].description)
    command = f"`python -m figures {name}`"
    if name in pictures:
        return shown_picture(f"{name}.png", description, f"Drawn anew by {command}, {duration(name)}.")
    if f"{name}-draft" in pictures:
        origin = f"A quick, coarse draft; {command} draws it in full, {duration(name)}."
        return shown_picture(f"{name}-draft.png", description, origin)
    return (
        f":::{{admonition}} Not drawn yet: {name}\n:class: not-drawn\n\n{description}\n\n"
        f"{command} draws it, {duration(name)}; `make docs` then shows it here.\n:::"
    )
