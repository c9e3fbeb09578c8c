"""The symbolic side of the theory: results derived from their definitions in steps that the machine checks."""

from theory.derivations.catalogue import ENTRIES, derive

__all__ = ["ENTRIES", "derive"]
