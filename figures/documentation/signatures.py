"""Signatures with the types as they stand in the code, each a link where the project says what it is."""

from __future__ import annotations

import ast
import inspect
import re
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from figures.documentation.public_names import documented

ELSEWHERE = re.compile(
    r"(np|npt|nx|sympy|matplotlib|concurrent|collections|pathlib|numpy)\..+"
    r"|Any|Callable|Executor|Expr|Figure|Fraction|Iterable|Iterator|Mapping|Path|Rational|Sequence|Symbol"
)
"""Types of the standard library and of dependencies, which have their own documentation."""


def written(thing: Any, bound: bool = False) -> str:
    """Return the signature of something that is called, with its types as they are written in the code.

    Example:
        >>> from theory import exact_risk
        >>> written(exact_risk)[:42]
        '(model: TrainedModel, *, tokens: int, rele'
    """
    signature = inspect.signature(thing)
    parameters = [
        parameter
        if parameter.default is parameter.empty or _is_expression(repr(parameter.default))
        else parameter.replace(default=...)
        for parameter in list(signature.parameters.values())[bound:]
    ]
    text = str(signature.replace(parameters=parameters)).replace("Ellipsis", "...")
    return re.sub(r"(: |-> )'([^']*)'", r"\1\2", text)


def _is_expression(text: str) -> bool:
    """Tell whether a default is shown as Python, rather than as <an object>."""
    try:
        ast.parse(text, mode="eval")
    except SyntaxError:
        return False
    return True


def _sign(
    app: Sphinx,  # noqa: ARG001
    what: str,
    name: str,  # noqa: ARG001
    thing: Any,
    options: object,  # noqa: ARG001
    signature: str | None,
    returned: str | None,
) -> tuple[str | None, str | None]:
    """Replace the signature that autodoc made of evaluated types."""
    if not signature or what not in ("function", "method", "class", "exception"):
        return signature, returned
    arguments, _, result = written(thing, bound=what == "method").rpartition(" -> ")
    return (arguments or result), (result if arguments and what in ("function", "method") else None)


def _resolve(
    app: Sphinx, environment: BuildEnvironment, node: pending_xref, shown: nodes.Element
) -> nodes.Element | None:
    """Lead the name of a type to where it is documented; leave one that belongs to others as it is."""
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"]
    if name := documented(target):
        python = environment.domains.python_domain
        return python.resolve_xref(environment, node["refdoc"], app.builder, "obj", name, node, shown)
    return shown if ELSEWHERE.fullmatch(target) else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Register both."""
    app.connect("autodoc-process-signature", _sign)
    app.connect("missing-reference", _resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
