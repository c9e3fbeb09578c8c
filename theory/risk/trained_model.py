"""A trained prompt-attention model beside the vectors of its data, and how it is read from a file."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from theory.arguments import ArgumentError, ComparedByValue, FloatArray, as_numbers

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
    try:
        with Path(path).open("rb") as stream:
            arrays = _read_vectors(stream, str(path))
    except OSError as error:
        raise ArgumentError("MODEL.npz", "be a file that can be read", f"{path}: {error.strerror or error}") from None
    return TrainedModel(**arrays)


def _read_vectors(stream: BinaryIO, path: str) -> dict[str, Any]:
    """Return the four arrays, without unpickling anything."""
    try:
        file = np.load(stream, allow_pickle=False)
    except (ValueError, EOFError, zipfile.BadZipFile):
        raise ArgumentError("MODEL.npz", "be an .npz file, as numpy.savez writes it", path) from None
    if not isinstance(file, np.lib.npyio.NpzFile):
        raise ArgumentError("MODEL.npz", "be a file of several arrays, as numpy.savez writes it", path)
    for name in VECTORS:
        if name not in file.files:
            held = f"a file that holds {', '.join(file.files) or 'nothing'}"
            raise ArgumentError("MODEL.npz", f"hold the array {name!r}", held)
    arrays = {}
    for name in VECTORS:
        try:
            arrays[name] = file[name]
        except (ValueError, EOFError, zlib.error, zipfile.BadZipFile):
            raise ArgumentError(name, "be an array of real numbers", "pickled objects or a damaged array") from None
    return arrays
