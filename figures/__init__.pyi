from figures.catalogue import FIGURES
from figures.drawing import Drawing, NamedFigure, write

__all__ = ["FIGURES", "Drawing", "NamedFigure", "write"]
