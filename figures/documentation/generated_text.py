"""Blocks of the pages that are written from what the project knows: claims, derivations, figures, interfaces.

A page holds, in a fence of its own,

    {derivation} NAME   {claim} ID   {claims}   {api} MODULE ...   {help} COMMAND   {checkout} FILE
    {readme} FROM ... TO
    {figure-of} NAME   {figures}   {picture} NAME, with its caption below

and reads as if the text had been written there.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from importlib import import_module

from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer

from figures.catalogue import FIGURES
from figures.documentation.checkout import extract, whole_file
from figures.documentation.command_help import help_text
from figures.documentation.docstrings import restructured
from figures.documentation.figure_blocks import shown_figure, shown_picture
from figures.documentation.links import LINKS, claims_behind
from figures.documentation.public_names import documented, module_meant, modules, public_names
from figures.documentation.sentences import plain, typeset
from numerics.verification.catalogue import CLAIMS
from numerics.verification.claim import Claim
from theory.arguments import single
from theory.derivations import derive
from theory.derivations.derivation import Derivation
from theory.derivations.formula import formula
from theory.mixture import ContextualMixture

BLOCK = re.compile(r"^```\{([a-z-]+)\}[ ]*(.*)\n((?:(?!```).*\n)*)```$", re.MULTILINE)

CLAIM = {claim.id: claim for claim in CLAIMS}


def to_code(name: str) -> str:
    """Return a link to the documentation of a name, or of the module that has it.

    Raises:
        LookupError: there is no such name.
    """
    if found := documented(name):
        return f"{{py:obj}}`{found}`"
    if module := module_meant(name.rpartition(".")[0]):
        return f"{{py:mod}}`{module}`"
    raise LookupError(name)


def linked(text: str) -> str:
    """Return a text of the checkout with its names of functions as links."""
    return re.sub(
        r"`((?:theory|numerics|figures)\.[a-z_.]+)`",
        lambda match: to_code(match[1]) if documented(match[1]) else match[0],
        text,
    )


def fields(pairs: Iterable[tuple[str, str]]) -> str:
    """Return a list of what a formula is; what is empty is left out."""
    return "\n".join(f":{name}: {text}" for name, text in pairs if text)


# --- derivations ---


def _steps(derivation: Derivation) -> str:
    """Return the chain from definition to result, folded."""
    number = len(derivation.steps)
    lines = [
        "<details>",
        f"<summary>Derivation in {number} step{'s' * (number > 1)}</summary>",
        "",
        "From the definition",
        "",
        f"$$ {formula(derivation.definition)} $$",
    ]
    for place, step in enumerate(derivation.steps, 1):
        lines += ["", f"**{place}. {plain(step.name)}.** {typeset(step.why)}", ""]
        lines += [f"$$ \\text{{with }} {formula(symbol)} = {formula(value)} $$" for symbol, value in step.given]
        lines += [f"$$ = {formula(step.after)} $$", "", f"*{step.check}*"]
    return "\n".join([*lines, "", "</details>"])


def derivation_text(name: str) -> str:
    """Return a derivation: statement, formula, what it holds for, what computes it, its steps.

    Raises:
        ArgumentError: there is no such derivation.
    """
    found = derive(name)
    symbols = "; ".join(
        f"${formula(parameter.symbol)}$ {typeset(parameter.meaning)}" for parameter in found.parameters.values()
    )
    about = fields(
        (
            ("Symbols", symbols),
            ("Valid for", "; ".join(map(typeset, found.assumptions))),
            ("Source", f"{found.source}; checked step by step by `python -m theory derive {name}`"),
            ("Code", to_code(found.counterpart) if found.counterpart else ""),
            ("Simulation", ", ".join(f"{{ref}}`claim-{claim}`" for claim in claims_behind(name))),
        )
    )
    return "\n".join(
        (
            f"(derivation-{name})=",
            f"### {plain(found.title)}",
            "",
            typeset(found.statement),
            "",
            f"$$ {found.quantity} = {formula(found.result)} $$",
            "",
            about,
            "",
            _steps(found),
        )
    )


# --- claims ---


LETTERS = {
    "dimension": "d",
    "tokens": "T",
    "relevant_tokens": "R",
    "context_norm": "Q",
    "signal_norm": "W",
    "noise": "σ",
    "delta_context": "δ_q",
    "delta_signal": "δ_w",
}


def in_letters(mixture: ContextualMixture) -> str:
    """Return the parameters of a mixture in the letters of the theory.

    Example:
        >>> in_letters(ContextualMixture(dimension=21, tokens=6, relevant_tokens=2))
        'd = 21, T = 6, R = 2, Q = 1, W = 1, σ = 1, δ_q = 0, δ_w = 0, isotropic noise'
    """
    numbers = [f"{letter} = {single(getattr(mixture, name)):.6g}" for name, letter in LETTERS.items()]
    return ", ".join((*numbers, f"{mixture.noise_kind} noise"))


def _checked_on(claim: Claim) -> str:
    """Return the mixtures of a claim's settings, as far as the settings name one."""
    mixtures = [setting.arguments.get("mixture") for setting in claim.settings]
    found = dict.fromkeys(in_letters(mixture) for mixture in mixtures if isinstance(mixture, ContextualMixture))
    return "; ".join(map(typeset, found))


def claim_text(name: str) -> str:
    """Return a claim: statement, formula, what it holds for, what computes it, how it is checked.

    Raises:
        KeyError: there is no such claim.
    """
    claim, links = CLAIM[name], LINKS[name]
    number = len(claim.settings)
    where = "; ".join(typeset(setting.label) for setting in claim.settings)
    about = fields(
        (
            ("Valid for", typeset(links.valid)),
            ("Source", plain(claim.source)),
            ("Code", ", ".join(map(to_code, links.code))),
            ("Derivations", ", ".join(f"{{ref}}`derivation-{derivation}`" for derivation in links.derivations)),
            (
                "Simulation",
                f"`python -m numerics verify {name}`, {number} setting{'s' * (number > 1)} ({where})",
            ),
            ("Checked at", _checked_on(claim)),
        )
    )
    return "\n".join(
        (
            f"(claim-{name})=",
            f"### {plain(claim.title)}",
            "",
            typeset(claim.statement),
            "",
            f"$$ {claim.latex} $$",
            "",
            about,
        )
    )


def claims_text(_: str) -> str:
    """Return the list of all claims."""
    rows = [f"| {{ref}}`claim-{claim.id}` | `{claim.id}` | {claim.kind} |" for claim in CLAIMS]
    return "\n".join(("| claim | `python -m numerics verify` | kind |", "|---|---|---|", *rows))


# --- interfaces ---


def _member(name: str) -> str:
    """Return what makes Sphinx document a public name.

    Raises:
        KeyError: a table or an alias has no description below it.
    """
    module, word = name.rsplit(".", 1)
    thing = getattr(import_module(module), word)
    if inspect.isclass(thing):
        kind = "autoexception" if issubclass(thing, Exception) else "autoclass"
        return f".. {kind}:: {name}\n   :members:\n"
    if inspect.isroutine(inspect.unwrap(thing)):
        return f".. autofunction:: {name}\n"
    described = ModuleAnalyzer.for_module(module).find_attr_docs()["", word]
    return "\n   ".join((f".. py:data:: {word}", f":module: {module}", "", *restructured(described))) + "\n"


def _overview(names: Iterable[str]) -> str:
    """Return a table of functions and classes, each with the first line of its docstring."""
    rows = []
    for name in names:
        module, word = name.rsplit(".", 1)
        thing = getattr(import_module(module), word)
        if inspect.isclass(thing) or inspect.isroutine(inspect.unwrap(thing)):
            first = (inspect.getdoc(thing) or "").partition("\n")[0]
            said = "`".join(part if place % 2 else plain(part) for place, part in enumerate(first.split("`")))
            rows.append(f"| {{py:obj}}`{word} <{name}>` | {said} |")
    return "\n".join(("| name | in a line |", "|---|---|", *rows, "")) if rows else ""


def api_text(names: str) -> str:
    """Return the documentation of modules, and of all modules below those that are packages: first what is public."""
    asked = names.split()
    chosen = [module for module in modules() if any(module == name or module.startswith(f"{name}.") for name in asked)]
    chosen.sort(key=lambda module: not any(public.module == module for public in public_names()))
    members = {module: [public.name for public in public_names() if public.module == module] for module in chosen}
    parts = [_overview(name for found in members.values() for name in found)]
    for module, found in members.items():
        described = restructured((inspect.getdoc(import_module(module)) or "").splitlines())
        parts += [f"## `{module}`\n\n````{{eval-rst}}\n.. py:module:: {module}\n", *described, ""]
        parts += [*map(_member, found), "````\n"]
    return "\n".join(parts)


WRITERS: dict[str, Callable[[str], str]] = {
    "derivation": derivation_text,
    "claim": claim_text,
    "claims": claims_text,
    "api": api_text,
    "help": help_text,
    "readme": lambda words: linked(extract(words)),
    "checkout": lambda name: linked(whole_file(name)),
}


def expanded(text: str, pictures: frozenset[str]) -> str:
    """Return a page with its blocks written out.

    Args:
        text: of the page.
        pictures: names of the figures whose pictures there are.
    """

    def written(match: re.Match[str]) -> str:
        kind, words, body = match[1], match[2].strip(), match[3].strip()
        if kind in WRITERS:
            return WRITERS[kind](words)
        if kind == "picture":
            return shown_picture(
                f"{words}.svg", body, "Drawn from sampled sequences whenever `make docs` runs, in under a second."
            )
        if kind == "figure-of":
            return shown_figure(words, pictures)
        if kind == "figures":
            return "\n\n".join(f"## {name}\n\n{shown_figure(name, pictures)}" for name in FIGURES)
        return match[0]

    return BLOCK.sub(written, text)


def _expand(app: Sphinx, name: str, source: list[str]) -> None:  # noqa: ARG001
    """Write out the blocks of a page before Sphinx reads it."""
    pictures = frozenset(file.stem for file in (app.srcdir / "pictures").glob("*.png"))
    source[0] = expanded(source[0], pictures)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the expansion."""
    app.connect("source-read", _expand)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
