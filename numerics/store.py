"""Finished results on disk, so that a second run recomputes only what changed.

An SQLite file: a result is stored in one transaction, as soon as it is there; a crash or Ctrl-C loses nothing finished.
Each row carries a digest, so that a damaged one is noticed, whatever part of it changed.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from theory.arguments import FloatArray

FORMAT = 0x50415432
"""Written into the file as SQLite's application id, so that a foreign file is told from one of ours."""

OLDER_FORMATS = (0x50415431,)

NUMBERS = "<f8"
"""Arrays are stored as little-endian doubles on every machine."""


class StoreError(OSError):
    """A store that cannot be used."""


def _digest(key: str, data: bytes) -> bytes:
    """Return a digest of a row, its key included."""
    return hashlib.sha256(key.encode() + b"\0" + data).digest()


class ResultStore:
    """Results keyed by what they are, their parameters and the code that made them.

    Attributes:
        taken: how many results came from the store.
        computed: how many were computed.
    """

    def __init__(self, folder: Path) -> None:
        """Open or create `folder`/results.sqlite.

        Raises:
            StoreError: the folder cannot be written, or the file is damaged or not a store; it is left untouched.
        """
        self.taken = self.computed = 0
        self._path = folder / "results.sqlite"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = error.strerror or error
            raise StoreError(
                f"the results folder must be a folder that can be written, got {folder}: {reason}"
            ) from None
        try:
            self._connection = sqlite3.connect(self._path, timeout=60)
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise
        except sqlite3.Error as error:
            raise StoreError(f"the store {self._path} cannot be used: {error}; move it away to start afresh") from None

    def _prepare(self) -> None:
        """Make the table in a new file; write nothing to any other, which may be foreign or damaged."""
        with self._connection:
            # In one transaction: another process may be making the table.
            self._connection.execute("BEGIN")
            (identity,) = self._connection.execute("PRAGMA application_id").fetchone()
            (tables,) = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if identity in OLDER_FORMATS:
            raise StoreError(f"{self._path} is a store of an older version; move it away to start afresh")
        if identity != FORMAT and (identity or tables):
            raise StoreError(f"{self._path} is not a store of results; move it away or choose another folder")
        if not tables:
            with self._connection:
                self._connection.execute(f"PRAGMA application_id = {FORMAT}")
                self._connection.execute(
                    "CREATE TABLE IF NOT EXISTS results "
                    "(key TEXT PRIMARY KEY, identity TEXT NOT NULL, value BLOB NOT NULL, digest BLOB NOT NULL)"
                )

    def __enter__(self) -> ResultStore:
        """Return the store itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._connection.close()

    def fetch(self, identity: dict[str, Any], compute: Callable[[], Any]) -> Any:
        """Return the stored result of `identity`, or compute and store it.

        Args:
            identity: everything the result depends on, as JSON data, the hash of the code included.
            compute: makes the result, as JSON data.

        Raises:
            StoreError: the disk is full or the file damaged; what was stored before stays.
        """
        data = self._load(identity)
        if data is None:
            data = json.dumps(compute()).encode()
            self._save(identity, data)
            self.computed += 1
        else:
            self.taken += 1
        try:
            return json.loads(data)
        except ValueError:
            raise self._damaged() from None

    def load_numbers(self, identity: dict[str, Any]) -> FloatArray | None:
        """Return a stored array of shape (k,), or None if there is none; arguments and errors as for `fetch`."""
        data = self._load(identity)
        if data is None:
            return None
        if len(data) % 8:
            raise self._damaged()
        self.taken += 1
        return np.frombuffer(data, NUMBERS).astype(float)

    def save_numbers(self, identity: dict[str, Any], values: FloatArray) -> None:
        """Store an array of shape (k,); arguments and errors as for `fetch`."""
        self._save(identity, values.astype(NUMBERS).tobytes())
        self.computed += 1

    def _load(self, identity: dict[str, Any]) -> bytes | None:
        """Return the bytes stored under an identity."""
        key = _key(identity)
        try:
            row = self._connection.execute("SELECT value, digest FROM results WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error as error:
            raise self._unusable(error) from None
        if row is None:
            return None
        if not (isinstance(row[0], bytes) and row[1] == _digest(key, row[0])):
            raise self._damaged()
        return bytes(row[0])

    def _save(self, identity: dict[str, Any], data: bytes) -> None:
        """Store bytes in a transaction of their own."""
        key = _key(identity)
        row = (key, json.dumps(identity, sort_keys=True), data, _digest(key, data))
        try:
            with self._connection:
                self._connection.execute("INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?)", row)
        except sqlite3.Error as error:
            raise self._unusable(error) from None

    def _unusable(self, error: sqlite3.Error) -> StoreError:
        """Return the error of a file that SQLite cannot use."""
        return StoreError(f"the store {self._path} cannot be used: {error}")

    def _damaged(self) -> StoreError:
        """Return the error of a row that is not what was written."""
        return StoreError(f"the store {self._path} is damaged; move it away to start afresh")

    def summary(self) -> str:
        """Return a line that says how much was computed afresh."""
        return f"{self.computed} results computed, {self.taken} taken from {self._path}"


def _key(identity: dict[str, Any]) -> str:
    """Return the key of an identity, whatever the order of its parts."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
