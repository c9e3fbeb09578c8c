"""A trained prompt-attention model beside the vectors of its data, and how it is read from a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from theory.arguments import ArgumentError, ComparedByValue, FloatArray, as_numbers
from theory.npz_file import read_arrays

VECTORS = ("context", "signal", "prompt", "head")


@dataclass(frozen=True, eq=False)
class TrainedModel(ComparedByValue):
    """Prompt q and head w of f(X) = wᵀ Xᵀ softmax(X q), and the data's context q⋆ and signal w⋆.

    Args:
        context: q⋆, shape (d,), d ≥ 1.
        signal: w⋆, shape (d,), at any angle to q⋆.
        prompt: q, shape (d,).
        head: w, shape (d,).

    Raises:
        ArgumentError: an array is not a vector of finite real numbers, or the shapes differ.

    Example:
        >>> TrainedModel(context=[1, 0], signal=[0, 1], prompt=[2, 0], head=[0, 1]).prompt
        array([2., 0.])
        >>> TrainedModel(context=[1, 0], signal=[0, 1], prompt=[2, 0, 0], head=[0, 1])
        Traceback (most recent call last):
        ...
        theory.arguments.ArgumentError: prompt must have the shape of context, (2,), got (3,)
    """

    context: FloatArray
    signal: FloatArray
    prompt: FloatArray
    head: FloatArray

    def __post_init__(self) -> None:
        """Replace every vector by a checked, read-only array."""
        for name in VECTORS:
            values = as_numbers(name, getattr(self, name))
            if values.ndim != 1 or values.size == 0:
                raise ArgumentError(name, "be a vector of shape (d,)", f"shape {values.shape}")
            if not np.isfinite(values).all():
                raise ArgumentError(name, "be finite", float(values[~np.isfinite(values)][0]))
            shape = np.shape(self.context)
            if values.shape != shape:
                raise ArgumentError(name, f"have the shape of context, {shape}", f"{values.shape}")
            object.__setattr__(self, name, values)


def load_model(path: Path | str) -> TrainedModel:
    """Read a model from an .npz file with the arrays context, signal, prompt and head, each of shape (d,).

    Nothing in the file is executed: pickled objects are refused.

    Raises:
        ArgumentError: the file is missing, is no .npz file, lacks an array or has one of another kind or shape.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "model.npz"
        >>> np.savez(path, context=[1.0, 0.0], signal=[0.0, 1.0], prompt=[2.0, 0.0], head=[0.0, 1.0])
        >>> load_model(path).head
        array([0., 1.])
    """
    return TrainedModel(**read_arrays(path, "MODEL.npz", VECTORS))
