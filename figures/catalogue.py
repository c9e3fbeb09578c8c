"""All figures by name."""

from __future__ import annotations

from figures import double_descent
from figures.drawing import NamedFigure

FIGURES = {
    figure.name: figure
    for figure in (
        NamedFigure(
            "double-descent",
            "Test error against n/p for two prompts: least squares through its peak, averaging; exact, simulated.",
            double_descent.compute,
            double_descent.draw,
        ),
    )
}
