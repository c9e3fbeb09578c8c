"""Public names of a package that load their module on first use, so that a command can start before NumPy does."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any


def lazy_names(package: str, init: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return `__getattr__`, `__dir__` and `__all__` of a package that offers what the stub of its `__init__` imports.

    The stub `__init__.pyi` is what type checkers read, too: the names are listed once.

    Args:
        package: its name.
        init: path of its `__init__.py`.

    Example:
        >>> import theory
        >>> load, _, names = lazy_names("theory", theory.__file__)
        >>> load("Head") is theory.Head, "Head" in names
        (True, True)
    """
    stub = ast.parse(Path(init).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    homes = {alias.name: str(node.module) for node in imports for alias in node.names}

    def load(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(homes[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    return load, lambda: sorted({*vars(sys.modules[package]), *homes}), list(homes)
