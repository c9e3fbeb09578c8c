"""Docstrings of the project as reStructuredText: their formulas keep their lines, and their signs are no markup.

The docstrings are written to be read as they stand: a formula is an indented block of its own, `name` is code, and w_q
or |n - p| mean what they say.
"""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from figures.documentation.links import links_of
from figures.documentation.public_names import documented, module_meant

SECTION = re.compile(r"(Args|Attributes|Returns|Raises|Example):$")
ENUMERATOR = re.compile(r"^( +(?:\w+: )?)(?=\w\.(?: |$))")
"""What is before a letter that would begin a list."""

MARKUP = re.compile(r"[*|\\]|(?<=\w)_(?!\w)")
CODE = re.compile(r"`([^`]+)`")
SOURCE = re.compile(r"(?:^|(?<=[.)]) +)(Sources?): *")
"""Where a paragraph turns to what the formula is from."""


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _escaped(text: str) -> str:
    return MARKUP.sub(r"\\\g<0>", text)


def _reference(match: re.Match[str]) -> str:
    """Return what stands in backticks as a link where it names something that has a place, else as code."""
    text = match[1]
    if name := documented(text):
        return f":py:obj:`{text} <{name}>`"
    if module := module_meant(text):
        return f":py:mod:`{text} <{module}>`"
    return f"``{text}``"


def marked_up(text: str) -> str:
    r"""Return a line of prose with its signs escaped and its code marked.

    Example:
        >>> print(marked_up("|w_q| of `risk.exact_risk`, `q`"))
        \|w_q\| of :py:mod:`risk.exact_risk <theory.risk.exact_risk>`, ``q``
    """
    shown, end = [], 0
    for code in CODE.finditer(text):
        shown += [_escaped(text[end : code.start()]), _reference(code)]
        end = code.end()
    return "".join((*shown, _escaped(text[end:])))


def restructured(lines: list[str]) -> list[str]:
    """Return the lines of a docstring as reStructuredText with sections as Google writes them.

    Example:
        >>> restructured(["The law", "", "    a = |b|."])
        ['The law', '', '.. formula::', '', '    a = |b|.']
    """
    shown: list[str] = []
    in_section = in_example = in_formula = False
    before = ""
    for line in lines:
        if not line.strip():
            in_example = False
        elif not _indent(line):
            in_formula = False
            in_section = bool(SECTION.match(line))
        in_example = in_example or line.lstrip().startswith(">>>")
        if in_section or in_example or in_formula or not line.strip():
            literal = in_example or in_formula or bool(SECTION.match(line))
            shown.append(line if literal else ENUMERATOR.sub(r"\1\\", marked_up(line)))
        elif _indent(line) and not before.strip():
            in_formula = True
            shown += [".. formula::", "", line]
        elif match := SOURCE.search(line):
            said = marked_up(line[: match.start()]).rstrip()
            shown += [said, ""] if said else [""]
            shown.append(f"**{match[1]}:** {marked_up(line[match.end() :])}")
        else:
            shown.append(marked_up(line))
        before = line
    return shown


class Formula(SphinxDirective):
    """A formula of a docstring, with its lines as they stand."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the block."""
        text = "\n".join(self.content)
        block = nodes.literal_block(text, text, language="none")
        block["classes"].append("plain-formula")
        return [block]


def _process(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:  # noqa: ARG001
    """Rewrite a docstring before napoleon reads its sections, and say where its formula is derived and checked."""
    lines[:] = [*restructured(lines), "", *links_of(name)]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive and the rewriting."""
    app.add_directive("formula", Formula)
    app.connect("autodoc-process-docstring", _process, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
