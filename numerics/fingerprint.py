"""A hash of the code that computes a result: its module and every module of the project that this imports."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import CodeType
from typing import Any

PACKAGES = ("theory", "numerics", "figures")
LIBRARIES = ("numpy", "scipy")


def _source(module: str) -> Path | None:
    """Return the file of one of the project's modules, or None for a name that is not a module."""
    if module == "__main__":  # a script; an interactive session has no file
        script = getattr(sys.modules["__main__"], "__file__", None)
        return Path(script) if script is not None else None
    try:
        specification = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        return None
    return Path(specification.origin) if specification is not None and specification.origin else None


@cache
def _imports(source: bytes) -> frozenset[str]:
    """Return the names of the project's modules that a source file may import."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(name for name in names if name.split(".")[0] in PACKAGES)


@cache
def code_fingerprint(module: str) -> str:
    """Return a hash of a module, of the project's modules that it imports, and of the versions of NumPy and SciPy.

    It changes when a result may change, and only then: editing a figure's colours leaves the theory's hash alone.

    Example:
        >>> code_fingerprint("theory.known_prompt.averaging") == code_fingerprint("theory.known_prompt.least_squares")
        False
    """
    digest = hashlib.sha256(" ".join(f"{name} {version(name)}" for name in LIBRARIES).encode())
    seen: set[str] = set()
    waiting = {module}
    found: dict[str, bytes] = {}
    while waiting:
        name = waiting.pop()
        seen.add(name)
        path = _source(name)
        if path is not None and path.suffix == ".py":
            found[name] = path.read_bytes()
            waiting |= _imports(found[name]) - seen
    for name in sorted(found):
        digest.update(name.encode() + b"\0" + found[name] + b"\0")
    return digest.hexdigest()


def function_fingerprint(function: Callable[..., Any]) -> str:
    """Return a hash of a function: of its module as above, and of its own code, which a session may change.

    Example:
        >>> function_fingerprint(code_fingerprint) == code_fingerprint("numerics.fingerprint")
        False
    """
    code: CodeType | None = getattr(function, "__code__", None)
    own = "" if code is None else repr(_parts(code))
    return hashlib.sha256((code_fingerprint(function.__module__) + own).encode()).hexdigest()


def _parts(code: CodeType) -> tuple[Any, ...]:
    """Return what a piece of code does, without where it stands."""
    return code.co_code, code.co_names, code.co_varnames, tuple(map(_constant, code.co_consts))


def _constant(value: Any) -> Any:
    """Return a constant of some code in a form whose text is the same in every process."""
    if isinstance(value, CodeType):
        return _parts(value)
    return sorted(map(repr, value)) if isinstance(value, frozenset) else value
