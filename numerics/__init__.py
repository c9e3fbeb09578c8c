"""Simulation and verification: what the theory predicts, drawn and compared."""

from theory.lazy_names import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
