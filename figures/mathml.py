"""A LaTeX formula as MathML that browsers show and that holds nothing but mathematics."""

from __future__ import annotations

import re
from html import escape, unescape
from xml.etree.ElementTree import Element

from latex2mathml.converter import convert_to_element

CHILDREN = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "msubsup": 3, "mover": 2, "munder": 2, "munderover": 3}
"""Elements that need a certain number of children: LaTeX that lacks an argument has fewer."""

SCRIPTED = {"msub", "msup", "msubsup", "mover", "munder", "munderover"}

ELEMENTS = {
    *CHILDREN,
    *("math", "mi", "mn", "mo", "mphantom", "mrow", "mspace", "msqrt", "mstyle", "mtable", "mtd", "mtext", "mtr"),
}

ATTRIBUTES = {
    *("accent", "accentunder", "columnalign", "columnspacing", "depth", "displaystyle", "fence", "form", "height"),
    *("linethickness", "lspace", "mathvariant", "maxsize", "minsize", "movablelimits", "rowspacing"),
    *("rspace", "scriptlevel", "separator", "stretchy", "symmetric", "width"),
}
"""None of them can carry a script, a style or an address."""

SPACES = {
    f"{sign}{name}mathspace": f"{'-' if sign else ''}{eighteenths / 18:.4f}em"
    for sign in ("", "negative")
    for eighteenths, name in enumerate(
        ("veryverythin", "verythin", "thin", "medium", "thick", "verythick", "veryverythick"), 1
    )
}
"""Named widths, which browsers no longer know."""

ACCENTS = {"^": "\u02c6", "~": "\u02dc", "\u2015": "\u00af"}
"""Accents as the letters that they are above a symbol, not as the large signs of a line."""


class FormulaError(ValueError):
    """A formula that cannot be converted; the sentence says why."""


def _text(node: Element) -> str:
    """Return an element's own text; the converter writes most signs as references to characters."""
    return unescape(node.text or "")


def _core(node: Element) -> Element:
    """Return what carries an element's indices and accents, or the element itself."""
    while node.tag in SCRIPTED and len(node):
        node = node[0]
    return node


def _is_name(node: Element) -> bool:
    """Tell whether an element is a named operator, such as log, or the Q of a tail probability."""
    text = _text(node).replace("\u2009", "").replace("\u2006", "")
    return text.isalpha() and (node.tag == "mo" or (node.tag == "mi" and len(text) > 1))


def _opens(node: Element) -> bool:
    """Tell whether an element begins with an opening bracket."""
    while len(node):
        node = node[0]
    return node.tag == "mo" and _text(node) in ("(", "[", "{")


def _space_names(parent: Element) -> None:
    """Set the space around named operators as TeX does: thin, and none before a bracket or at either end."""
    for place, node in enumerate(parent):
        core = _core(node)
        if _is_name(core):
            before = place > 0 and parent[place - 1].tag not in ("mo", "mspace")
            after = place + 1 < len(parent) and not _opens(parent[place + 1])
            core.tag = "mo"
            core.set("lspace", SPACES["thinmathspace"] if before else "0")
            core.set("rspace", SPACES["thinmathspace"] if after else "0")


def _corrected(node: Element) -> None:
    """Put right what the converter writes so that browsers show another thing."""
    if (node.tag, _text(node)) == ("mi", "~"):  # \\sim is a relation, not a letter
        node.tag, node.text = "mo", "∼"
    if node.tag == "mo" and _text(node) in ("|", "‖"):  # browsers may take a bar that closes for a relation
        node.set("lspace", "0")
        node.set("rspace", "0")
    if node.tag in ("mover", "munder") and len(node) and node[-1].tag == "mo":
        node[-1].text = ACCENTS.get(_text(node[-1]), node[-1].text)
    for name in ("width", "lspace", "rspace"):
        if name in node.attrib:
            node.set(name, SPACES.get(node.attrib[name], node.attrib[name]))
    if node.tag == "mrow":
        _space_names(node)


def _serialised(node: Element) -> str:
    """Return an element as text in which every letter that could be markup is escaped.

    The converter's own serialiser leaves `<` and `&` of a formula's text as they are.
    """
    _corrected(node)
    text = _text(node)
    if node.tag not in ELEMENTS:
        raise FormulaError(f"it needs <{node.tag}>, which browsers do not show")
    if len(node) != CHILDREN.get(node.tag, len(node)):
        raise FormulaError("an argument is missing")
    if unknown := set(node.attrib) - ATTRIBUTES:
        raise FormulaError(f"the attribute {min(unknown)} is not mathematics")
    if node.tag == "mo" and not text and "fence" not in node.attrib:
        raise FormulaError("it has an operator without a name")
    if command := re.search(r"\\[A-Za-z]+", text):
        raise FormulaError(f"{command[0]} is not known")
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in node.attrib.items())
    inner = escape(text, quote=False) + "".join(map(_serialised, node))
    return f"<{node.tag}{attributes}>{inner}</{node.tag}>"


def _balanced(latex: str) -> bool:
    """Tell whether every brace that groups has its partner; the converter does not."""
    depth = 0
    for brace in re.findall(r"[{}]", re.sub(r"\\.", "", latex)):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return depth == 0


def mathml(latex: str, display: str = "block") -> str:
    r"""Return a formula as a MathML element.

    Args:
        latex: a formula without dollar signs.
        display: "block" for a line of its own, "inline" within a line.

    Raises:
        FormulaError: it is not a formula, or has a part that browsers could not show; the sentence says which.

    Example:
        >>> mathml(r"w_\star")
        '<math display="block" alttext="w_\\star"><mrow><msub><mi>w</mi><mo>⋆</mo></msub></mrow></math>'
    """
    try:
        if not _balanced(latex):
            raise FormulaError("its braces are not balanced")
        formula = convert_to_element(latex, display=display)
        formula.attrib.clear()
        body = _serialised(formula).removeprefix("<math>")
    except FormulaError as error:
        raise FormulaError(f"the formula {latex} cannot be shown: {error}") from None
    except Exception as error:  # the converter's errors have no common ancestor, and some are IndexErrors
        reason = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__.removesuffix("Error")).lower()
        raise FormulaError(f"the formula {latex} cannot be converted: {reason}") from None
    return f'<math display="{display}" alttext="{escape(latex)}">{body}'
