"""Token sequences of any origin, with their labels, and how they are kept in a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from numerics.atomic_file import replaced_file
from numerics.simulators.sequences import TokenSequences
from theory.arguments import ArgumentError, FloatArray, as_numbers
from theory.npz_file import read_arrays

REQUIRED = ("tokens", "labels")
OPTIONAL = ("relevance", "groups")


@dataclass(frozen=True, eq=False)
class SequenceData(TokenSequences):
    """Labelled token sequences, with what is known of where they come from.

    Args:
        tokens: finite real numbers, shape (n, T, d).
        labels: ±1, shape (n,).
        relevance: which tokens are relevant, shape (n, T), at least one of each sequence; None where nobody knows.
        groups: whole numbers, shape (n,): sequences of one group share a source (a patient, a photograph) and never
            stand on both sides of a split; None where each sequence is a source of its own.

    Raises:
        ArgumentError: an array has another shape or holds something else.

    Example:
        >>> data = SequenceData(tokens=[[[1.0, 0.0], [0.0, 1.0]]], labels=[1], relevance=[[True, False]])
        >>> data.tokens.shape, data.sparsity
        ((1, 2, 2), 0.5)
        >>> SequenceData(tokens=[[1.0, 0.0]], labels=[1])
        Traceback (most recent call last):
        ...
        theory.arguments.ArgumentError: tokens must have the shape (n, T, d), none of them 0, got (1, 2)
    """

    tokens: FloatArray
    labels: FloatArray
    relevance: npt.NDArray[np.bool_] | None = None
    groups: npt.NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        """Replace every array by a checked one."""
        tokens = _finite("tokens", self.tokens)
        if tokens.ndim != 3 or 0 in tokens.shape:
            raise ArgumentError("tokens", "have the shape (n, T, d), none of them 0", tokens.shape)
        checked: dict[str, Any] = {"tokens": tokens, "labels": _shaped("labels", self.labels, tokens.shape[:1])}
        _require("labels", np.abs(checked["labels"]) == 1, "be 1 or -1", checked["labels"])
        if self.relevance is not None:
            relevance = _shaped("relevance", self.relevance, tokens.shape[:2])
            _require("relevance", (relevance == 0) | (relevance == 1), "be true or false", relevance)
            if not relevance.any(axis=1).all():
                raise ArgumentError("relevance", "mark at least one token of each sequence", "a sequence with none")
            checked["relevance"] = relevance.astype(bool)
        if self.groups is not None:
            groups = _shaped("groups", self.groups, tokens.shape[:1])
            _require("groups", groups == np.floor(groups), "be whole numbers", groups)
            checked["groups"] = groups.astype(np.int64)
        for name, values in checked.items():
            object.__setattr__(self, name, values)

    @property
    def sparsity(self) -> float | None:
        """Return ζ, the share of relevant tokens, or None where nobody knows."""
        return None if self.relevance is None else float(self.relevance.mean())

    def __len__(self) -> int:
        """Return n."""
        return len(self.labels)

    def part(self, indices: npt.NDArray[np.int64]) -> SequenceData:
        """Return some of the sequences."""
        relevance = None if self.relevance is None else self.relevance[indices]
        groups = None if self.groups is None else self.groups[indices]
        return SequenceData(self.tokens[indices], self.labels[indices], relevance, groups)

    def mapped(self, function: Callable[[FloatArray], FloatArray]) -> SequenceData:
        """Return the same sequences with other tokens: a function of arrays of shape (n, T, d)."""
        return replace(self, tokens=function(self.tokens))

    def save(self, path: Path | str) -> None:
        """Write the arrays that there are to an .npz file, whole or not at all.

        Raises:
            OSError: the file cannot be written.
        """
        arrays = {name: getattr(self, name) for name in (*REQUIRED, *OPTIONAL)}
        with replaced_file(Path(path)) as temporary, temporary.open("wb") as stream:
            np.savez_compressed(stream, **{name: array for name, array in arrays.items() if array is not None})


def load_sequences(path: Path | str) -> SequenceData:
    """Read sequences from an .npz file with the arrays tokens and labels, and relevance and groups where there are any.

    Nothing in the file is executed: pickled objects are refused.  Other arrays are left alone.

    Raises:
        ArgumentError: the file is missing, is no .npz file, lacks an array or has one of another kind or shape.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "data.npz"
        >>> np.savez(path, tokens=np.zeros((4, 3, 2)), labels=[1, 1, -1, -1])
        >>> load_sequences(path).tokens.shape
        (4, 3, 2)
    """
    return SequenceData(**read_arrays(path, "--data", REQUIRED, OPTIONAL))


def _finite(name: str, values: Any) -> FloatArray:
    """Return finite numbers; truth values count as 0 and 1."""
    array = np.asarray(values)
    numbers = as_numbers(name, array.astype(float) if array.dtype == bool else array)
    if not np.isfinite(numbers).all():
        raise ArgumentError(name, "be finite", float(numbers[~np.isfinite(numbers)][0]))
    return numbers


def _shaped(name: str, values: Any, shape: tuple[int, ...]) -> FloatArray:
    """Return finite numbers of a shape that fits the tokens."""
    array = _finite(name, values)
    if array.shape != shape:
        raise ArgumentError(name, f"have the shape {shape}, to fit the tokens", array.shape)
    return array


def _require(name: str, good: npt.NDArray[np.bool_], requirement: str, values: FloatArray) -> None:
    """Refuse an array with a value that is not as required."""
    if not good.all():
        raise ArgumentError(name, requirement, f"{values[~good][0]:g}")
