"""Pictures of theory and simulation, each with its data."""

from theory.lazy_names import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
