"""Arrays from an .npz file that may come from anywhere: nothing in it is executed."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from theory.arguments import ArgumentError


def read_arrays(
    path: Path | str, argument: str, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return the named arrays of a file, without unpickling anything; other arrays are left alone.

    Args:
        path: the file.
        argument: what a refusal calls it.
        required: names of arrays that it must hold.
        optional: names of arrays that it may hold.

    Raises:
        ArgumentError: the file is missing, is no .npz file, lacks an array or has one that cannot be read.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "data.npz"
        >>> np.savez(path, tokens=[1.0, 2.0])
        >>> read_arrays(path, "FILE.npz", ("tokens",))["tokens"]
        array([1., 2.])
    """
    try:
        with Path(path).open("rb") as stream:
            return _read(stream, str(path), argument, required, optional)
    except OSError as error:
        raise ArgumentError(argument, "be a file that can be read", f"{path}: {error.strerror or error}") from None


def _read(
    stream: BinaryIO, path: str, argument: str, required: tuple[str, ...], optional: tuple[str, ...]
) -> dict[str, Any]:
    """Return the arrays of an open file."""
    try:
        file = np.load(stream, allow_pickle=False)
    except (ValueError, EOFError, zipfile.BadZipFile):
        raise ArgumentError(argument, "be an .npz file, as numpy.savez writes it", path) from None
    if not isinstance(file, np.lib.npyio.NpzFile):
        raise ArgumentError(argument, "be a file of several arrays, as numpy.savez writes it", path)
    for name in required:
        if name not in file.files:
            held = f"a file that holds {', '.join(file.files) or 'nothing'}"
            raise ArgumentError(argument, f"hold the array {name!r}", held)
    arrays = {}
    for name in (*required, *optional):
        if name in file.files:
            try:
                arrays[name] = file[name]
            except (ValueError, EOFError, zlib.error, zipfile.BadZipFile):
                raise ArgumentError(name, "be an array of real numbers", "pickled objects or a damaged array") from None
    return arrays
