"""Formulas of the site as MathML, written when it is built: to show them takes neither a script nor a network."""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

from figures.mathml import FormulaError, mathml

logger = logging.getLogger(__name__)


def _shown(node: nodes.Element, display: str) -> str:
    """Return a formula's MathML; one that cannot be shown is a warning, and so an error of the build."""
    try:
        return mathml(node.astext(), display)
    except FormulaError as error:
        logger.warning("%s", error, location=node)
        return ""


def show_inline(writer: HTML5Translator, node: nodes.math) -> None:
    """Write a formula within a line."""
    writer.body.append(_shown(node, "inline"))
    raise nodes.SkipNode


def show_block(writer: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula on a line of its own, in a box that scrolls where the formula is wider than the page."""
    writer.body.append(f'<div class="formula" tabindex="0">{_shown(node, "block")}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer."""
    app.add_html_math_renderer("mathml", (show_inline, None), (show_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
