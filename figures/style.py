"""How every figure looks: readable in print, in grey and by the colour-blind."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl

COLOURS = ("#0072b2", "#d55e00", "#56b4e9", "#000000", "#e69f00", "#009e73", "#cc79a7")
"""Okabe & Ito's palette without its yellow, which paper swallows, in an order whose greys differ.

Any two of the first four differ by a tenth of the way from black to white, and so does each colour from the next.
"""

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES: tuple[Any, ...] = (
    "-",
    (0, (5, 1.5)),
    (0, (1, 1)),
    (0, (4, 1, 1, 1)),
    (0, (8, 2)),
    (0, (3, 1, 1, 1, 1, 1)),
    (0, (2, 2)),
)

COLUMN_WIDTH = 6.5
"""Width of a text column in inches."""

SETTINGS: dict[Any, Any] = {
    "figure.dpi": 100,
    "savefig.dpi": 300,
    "font.size": 9,
    "axes.labelsize": 9,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.4,
    "mathtext.fontset": "cm",
    "pdf.fonttype": 42,
    "svg.hashsalt": "prompt-attention",
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw with the house style, without a display, and leave the user's settings as they were."""
    # The library that embeds fonts in a PDF warns of the dates inside Matplotlib's own fonts.
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    with mpl.rc_context({**mpl.rcParamsDefault, **SETTINGS, "backend": "agg"}):
        yield
