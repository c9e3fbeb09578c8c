"""Derivations as a LaTeX document that compiles with pdflatex from a small installation."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

from sympy import Add, Expr

from theory.derivations.derivation import Derivation
from theory.derivations.formula import formula
from theory.derivations.verification import StepCheck

PREAMBLE = r"""\documentclass[11pt]{article}
\usepackage{amsmath,amssymb,graphicx}
\usepackage[margin=2.2cm]{geometry}
\newsavebox{\formula}
% A formula wider than the line is shrunk to it.
\newcommand{\fitted}[1]{\[\sbox{\formula}{$\displaystyle #1$}%
  \ifdim\wd\formula>\linewidth\resizebox{\linewidth}{!}{\usebox{\formula}}\else\usebox{\formula}\fi\]}
\title{Derivations of the theory of prompt-attention}
\author{}
\date{}
\begin{document}
\maketitle
\noindent Each equality was checked by machine, in the way that stands below it.
\tableofcontents
"""

LONGEST_LINE = 250
"""Letters of LaTeX: about a line."""

GREEK = (
    "αalpha βbeta γgamma δdelta εvarepsilon ζzeta ηeta θtheta ιiota κkappa λlambda μmu νnu ξxi πpi ρrho σsigma τtau "
    "φvarphi χchi ωomega ΓGamma ΔDelta ΣSigma ΦPhi"
)
SIGNS = "≤le ≥ge →to ∞infty ±pm ⊥perp ‖Vert ∇nabla √surd ∂partial ∫int ℓell ∝propto"
RAISED = "¹1 ²2 ³3 ⁴4 ⁻- ᵀ\\top"
LOWERED = "₀0 ₁1 ₂2 ₃3 ₊+ ₋- ⋆\\star"
COMBINED = {
    "ȳ": r"\bar{y}",
    "x̄": r"\bar{x}",
    "z̄": r"\bar{z}",
    "Ā": r"\bar{A}",
    "ŵ": r"\hat{w}",
    "q̂": r"\hat{q}",
    "n̂": r"\hat{n}",
}
ESCAPED = {"\\": r"\textbackslash{}", "^": r"\^{}", "~": r"\~{}"}


LETTERS = {
    **{entry[0]: f"\\{entry[1:]}{{}}" for entry in f"{GREEK} {SIGNS}".split()},
    **{entry[0]: f"^{{{entry[1:]}}}" for entry in RAISED.split()},
    **{entry[0]: f"_{{{entry[1:]}}}" for entry in LOWERED.split()},
}
"""Every mathematical letter that the texts may hold, as LaTeX, so that the document is plain ASCII for any engine."""


MATHEMATICS = re.compile(r"[_^<>=+|]")
"""A word that holds one of these, or a mathematical letter, is set as a formula."""


def plain_text(text: str) -> str:
    r"""Return a sentence as LaTeX, words with Greek letters or signs in them as formulas.

    Example:
        >>> print(plain_text("δ_q of 5 %, w⋆ᵀw < 1."))
        $\delta{}_{q}$ of 5 \%, $w_{\star}^{\top}w$ $<$ 1.
    """
    return " ".join(_word(word) for word in text.split(" "))


def _word(word: str) -> str:
    """Return one word, its punctuation outside of the formula."""
    core = word.rstrip(".,;:")
    punctuation = word[len(core) :]
    is_formula = MATHEMATICS.search(core) or any(sign in core for sign in (*LETTERS, *COMBINED))
    if not is_formula or core.count("{") != core.count("}"):
        return _escaped(word)
    for letter, command in COMBINED.items():
        core = core.replace(letter, command)
    core = "".join(LETTERS.get(letter, letter) for letter in re.sub(r"([&%#$~])", r"\\\1", core))
    core = re.sub(r"_([A-Za-z0-9]+)", r"_{\1}", core)
    core = re.sub(r"([_^])\{([^{}]*)\}\1\{([^{}]*)\}", r"\1{\2\3}", core)
    return f"${core}${punctuation}"


def _escaped(word: str) -> str:
    """Return a word as text, mathematical letters in it one by one."""
    word = re.sub(r"[\\&%#_{}$^~]", lambda sign: ESCAPED.get(sign[0], f"\\{sign[0]}"), word)
    for letter, command in COMBINED.items():
        word = word.replace(letter, rf"\ensuremath{{{command}}}")
    return "".join(rf"\ensuremath{{{LETTERS[letter]}}}" if letter in LETTERS else letter for letter in word)


def long_formula(expression: Expr) -> str:
    """Return an expression as a formula, a long sum with one term a line."""
    whole = formula(expression)
    if not isinstance(expression, Add) or len(whole) < LONGEST_LINE:
        return whole
    terms = [formula(term) for term in expression.as_ordered_terms()]
    signed = [term if term.startswith("-") or not place else f"+ {term}" for place, term in enumerate(terms)]
    return rf"\begin{{aligned}}[t]&{(chr(92) * 2 + '&').join(signed)}\end{{aligned}}"


def section(derivation: Derivation, checks: Iterable[StepCheck]) -> str:
    """Return one derivation as a section."""
    lines = [
        rf"\section{{{plain_text(derivation.title)}}}",
        plain_text(derivation.statement),
        rf"\fitted{{{derivation.quantity} = {long_formula(derivation.result)}}}",
    ]
    if derivation.assumptions:
        items = "".join(f"\n\\item {plain_text(assumption)}" for assumption in derivation.assumptions)
        lines.append(f"\\paragraph{{Assumed}}\\begin{{itemize}}{items}\n\\end{{itemize}}")
    lines += [r"\paragraph{From the definition}", rf"\fitted{{{formula(derivation.definition)}}}"]
    for step, check in zip(derivation.steps, checks, strict=True):
        lines.append(rf"\paragraph{{{plain_text(step.name)}}} {plain_text(step.why)}")
        lines += [rf"\fitted{{\text{{with }} {formula(symbol)} = {formula(value)}}}" for symbol, value in step.given]
        lines.append(rf"\fitted{{= {long_formula(step.after)}}}")
        verdict = "holds" if check.holds else f"fails: {check.fault}"
        lines.append(rf"{{\small\noindent {plain_text(f'{check.check}: {verdict}')}}}")
    symbols = "; ".join(
        f"${formula(parameter.symbol)}$: {plain_text(parameter.meaning)}"
        for parameter in derivation.parameters.values()
    )
    if symbols:
        lines.append(f"\\paragraph{{Symbols}} {symbols}.")
    return "\n\n".join(lines)


def document(checked: Iterable[tuple[Derivation, tuple[StepCheck, ...]]]) -> str:
    """Return the whole document."""
    sections = "\n\n".join(section(derivation, checks) for derivation, checks in checked)
    return f"{PREAMBLE}{sections}\n\n\\end{{document}}\n"


def write_document(path: Path, checked: Iterable[tuple[Derivation, tuple[StepCheck, ...]]]) -> None:
    """Write the document; the file is either whole or as it was.

    Raises:
        OSError: the file cannot be written.
    """
    content = document(checked)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
