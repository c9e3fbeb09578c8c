"""The exact theory of prompt-attention: predictions with their numerical error, and no random number."""

from theory.lazy_names import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
