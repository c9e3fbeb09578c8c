"""Formulas as MathML: what the converter gets wrong, and what must be refused."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from figures.mathml import FormulaError, mathml
from numerics.verification.catalogue import CLAIMS


def parsed(latex):
    return ElementTree.fromstring(mathml(latex))


def shape(latex):
    """Return a formula as nested tags and texts, without attributes."""

    def of(node):
        return node.text if node.text else (node.tag, *map(of, node)) if len(node) else f"<{node.tag}>"

    return of(parsed(latex)[0])


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (r"\hat{w}", ("mrow", ("mover", ("mrow", "w"), "ˆ"))),
        (r"w_\star", ("mrow", ("msub", "w", "⋆"))),
        (r"\mathbb{E}", ("mrow", "𝔼")),
        (r"\operatorname{Q}(c)", ("mrow", "Q", "(", "c", ")")),
        (r"\chi'^2_p", ("mrow", ("msubsup", "χ", "p", ("mrow", "′", "2")))),
        (r"\tfrac{\kappa}{2}", ("mrow", ("mstyle", ("mfrac", ("mrow", "κ"), ("mrow", "2"))))),
        (r"\left(\sqrt{n}\right)", ("mrow", ("mrow", "(", ("msqrt", ("mrow", "n")), ")"))),
        (r"x \sim y", ("mrow", "x", "∼", "y")),
        (r"a < b \& c", ("mrow", "a", "<", "b", "&", "c")),
        (r"x^\top y \ge 0", ("mrow", ("msup", "x", "⊤"), "y", "≥", "0")),
        (r"A \setminus \{0\}", ("mrow", "A", "⧵", "{", "0", "}")),
    ],
)
def test_a_formula_has_the_structure_of_its_meaning(latex, expected):
    assert shape(latex) == expected


def test_the_formula_itself_is_kept_as_alternative_text():
    formula = parsed(r"a < b \& \text{" "}")
    assert formula.get("alttext") == r"a < b \& \text{" "}"
    assert formula.get("display") == "block"


def test_a_negative_space_has_a_unit_that_browsers_know():
    (space,) = parsed(r"f\!(x)").iter("mspace")
    assert space.get("width") == "-0.1667em"


@pytest.mark.parametrize(
    ("latex", "name", "spaces"),
    [
        # As TeX sets them: thin beside a letter, none before a bracket, after a relation or at an end.
        (r"\mathbb{E}\operatorname{Q}(c)", "Q", ("0.1667em", "0")),
        (r"= \log n", "log", ("0", "0.1667em")),
        (r"-\log_2 n", "log", ("0", "0.1667em")),
        (r"2\min\left(n, p\right)", "min", ("0.1667em", "0")),
    ],
)
def test_a_named_operator_has_the_space_of_tex(latex, name, spaces):
    (operator,) = [node for node in parsed(latex).iter("mo") if node.text == name]
    assert (operator.get("lspace"), operator.get("rspace")) == spaces


def test_a_bar_is_no_relation():
    bars = [node for node in parsed("|n-p| + 1").iter("mo") if node.text == "|"]
    assert [(bar.get("lspace"), bar.get("rspace")) for bar in bars] == [("0", "0")] * 2


@pytest.mark.parametrize(
    "latex",
    [
        r"\text{<script>alert(1)</script>}",
        r"\mathrm{<b>} \text{& <img src=x onerror=alert(1)>}",
        r"\text{</math><script>alert(1)</script>}",
        '< > & " ;',
    ],
)
def test_text_of_a_formula_never_becomes_markup(latex):
    text = mathml(latex)
    assert {node.tag for node in ElementTree.fromstring(text).iter()} <= {"math", "mrow", "mi", "mo", "mtext", "mn"}
    assert "<script" not in text
    assert "<img" not in text


@pytest.mark.parametrize(
    ("latex", "reason"),
    [
        (r"\nosuchcommand{x}", r"\nosuchcommand is not known"),
        (r"\frac{a", "braces are not balanced"),
        ("a}", "braces are not balanced"),
        (r"\frac{a}", "an argument is missing"),
        ("x^2^3", "double superscripts"),
        (r"\left( x", "missing right"),
        ("", "no available tokens"),
        (r"\href{javascript:alert(1)}{x}", "the attribute href is not mathematics"),
        (r"\style{position: fixed}{x}", "the attribute style is not mathematics"),
        (r"\class{verdict}{x}", "class is not"),
        (r"\xrightarrow{p}", "which browsers do not show"),
        (r"a \\ b", "the attribute linebreak is not mathematics"),
        (r"\operatorname*{arg\,max}_x", "an operator without a name"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_the_reason(latex, reason):
    with pytest.raises(FormulaError) as refusal:
        mathml(latex)
    assert reason in str(refusal.value)
    assert f"the formula {latex} cannot be" in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_the_formula_of_every_claim_can_be_shown(claim):
    assert parsed(claim.latex).tag.endswith("math")
