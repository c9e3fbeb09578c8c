"""Finished results on disk, so that a second run recomputes only what changed.

An SQLite file: a result is stored in one transaction, as soon as it is there; a crash or Ctrl-C loses nothing finished.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

FORMAT = 0x50415431
"""Written into the file as SQLite's application id, so that a foreign file is told from one of ours."""


class StoreError(OSError):
    """A store that cannot be used."""


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
        (identity,) = self._connection.execute("PRAGMA application_id").fetchone()
        (tables,) = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if identity != FORMAT and (identity or tables):
            raise StoreError(f"{self._path} is not a store of results; move it away or choose another folder")
        if not tables:
            with self._connection:
                self._connection.execute(f"PRAGMA application_id = {FORMAT}")
                self._connection.execute(
                    "CREATE TABLE IF NOT EXISTS results (key TEXT PRIMARY KEY, value TEXT NOT NULL)"
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
        key = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
        try:
            row = self._connection.execute("SELECT value FROM results WHERE key = ?", (key,)).fetchone()
            if row is not None:
                value = self._read(row[0])
                self.taken += 1
                return value
            value = json.dumps(compute())
            with self._connection:
                self._connection.execute("INSERT OR REPLACE INTO results VALUES (?, ?)", (key, value))
        except sqlite3.Error as error:
            raise StoreError(f"the store {self._path} cannot be used: {error}") from None
        self.computed += 1
        return json.loads(value)

    def _read(self, text: str) -> Any:
        """Return a stored value."""
        try:
            return json.loads(text)
        except ValueError:
            raise StoreError(f"the store {self._path} is damaged; move it away to start afresh") from None

    def summary(self) -> str:
        """Return a line that says how much was computed afresh."""
        return f"{self.computed} results computed, {self.taken} taken from {self._path}"
