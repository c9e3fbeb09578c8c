"""The public names of the packages: where each is documented, and what else a docstring may mean by a word."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from types import ModuleType

PACKAGES = (
    "theory",
    "theory.derivations",
    "theory.proportional",
    "numerics",
    "numerics.verification",
    "numerics.real_data",
    "figures",
)
"""Packages that say in `__all__` what they offer; a name is documented where the first of them has it."""

FURTHER = (
    "theory.arguments.FloatArray",
    "theory.arguments.Numbers",
    "theory.prediction.Prediction",
    "theory.derivations.catalogue.Entry",
    "theory.derivations.derivation.Derivation",
    "theory.derivations.derivation.Step",
    "theory.derivations.symbols.Parameter",
    "theory.descent.population_flow.Number",
    "theory.descent.sample_complexity.StepComplexity",
    "theory.descent.step_law.Geometry",
    "theory.descent.step_law.StepLaw",
    "theory.descent.step_law.prompt_gradient_law",
    "theory.expressivity.self_attention.mean_attention",
    "theory.known_prompt.beta_angle.log_expected_cosine",
    "theory.proportional.ridge.log_effective_ridge",
    "numerics.dask_executor.dask_cluster",
    "numerics.executor.WorkerError",
    "numerics.executor.processes",
    "numerics.extras.Extra",
    "numerics.real_data.sources.Source",
    "numerics.store.ResultStore",
    "numerics.store.StoreError",
    "numerics.streams.Random",
    "numerics.training.attention_models.AttentionModel",
    "numerics.training.attention_models.Decisions",
    "numerics.training.training_error.TrainingError",
    "figures.drawing.Row",
    "numerics.verification.catalogue.CLAIMS",
)
"""What no package offers, and the pages or the signatures of what is offered speak of."""


@dataclass(frozen=True)
class PublicName:
    """A name that a package offers.

    Attributes:
        name: as it is imported, such as theory.exact_risk; of a table or an alias where it is defined, and described.
        module: in which it is defined, such as theory.risk.exact_risk.
    """

    name: str
    module: str

    @property
    def word(self) -> str:
        """The name without its package."""
        return self.name.rsplit(".", 1)[1]

    @property
    def definition(self) -> str:
        """The name where it is defined."""
        return f"{self.module}.{self.word}"


def _module_of(package: ModuleType, word: str) -> str:
    """Return the module that defines a name, which for a table such as SIMULATORS is the one that assigns it."""
    defined = getattr(getattr(package, word), "__module__", "")
    if defined in modules():
        return str(defined)
    value = getattr(package, word)
    return next(name for name in modules() if vars(import_module(name)).get(word) is value and assigns(name, word))


def assigns(module: str, word: str) -> bool:
    """Tell whether a module gives a name its value, rather than importing it."""
    source = import_module(module).__file__
    lines = Path(source).read_text(encoding="utf-8").splitlines() if source else []
    return any(line.startswith((f"{word} =", f"{word}: ")) for line in lines)


@cache
def modules() -> tuple[str, ...]:
    """Return every module of the three packages but commands, in order.

    Example:
        >>> "theory.risk.exact_risk" in modules(), "theory.__main__" in modules()
        (True, False)
    """
    found = []
    for top in ("theory", "numerics", "figures"):
        found.append(top)
        for module in walk_packages(import_module(top).__path__, f"{top}."):
            if "__main__" not in module.name and not module.name.startswith("figures.documentation"):
                found.append(module.name)
    return tuple(found)


@cache
def public_names() -> tuple[PublicName, ...]:
    """Return every public name once, in the order of the packages.

    Example:
        >>> next(name for name in public_names() if name.word == "ridge_head")
        PublicName(name='theory.ridge_head', module='theory.proportional.ridge')
    """
    found: dict[tuple[str, str], PublicName] = {}
    for package in PACKAGES:
        offered = import_module(package)
        for word in offered.__all__:
            module = _module_of(offered, word)
            home = package if callable(getattr(offered, word)) else module
            found.setdefault((module, word), PublicName(f"{home}.{word}", module))
    for name in FURTHER:
        module, word = name.rsplit(".", 1)
        found[module, word] = PublicName(name, module)
    return tuple(found.values())


@cache
def documented(word: str) -> str:
    """Return the documented name that a text means by a word, or an empty text.

    A public name may be written in full, as it is imported or where it is defined, or by its last words.

    Example:
        >>> documented("theory.proportional.ridge_head"), documented("ContextualMixture"), documented("nothing")
        ('theory.ridge_head', 'theory.ContextualMixture', '')
    """
    for public in public_names():
        packages = [name for name in PACKAGES if public.word in import_module(name).__all__]
        if word in (public.definition, *(f"{package}.{public.word}" for package in packages)):
            return public.name
    for public in public_names():
        if any(f".{name}".endswith(f".{word}") for name in (public.name, public.definition)):
            return public.name
    return ""


@cache
def module_meant(word: str) -> str:
    """Return the module that a text means by a dotted name, or an empty text.

    Example:
        >>> module_meant("risk.lognormal_sum"), module_meant("figures"), module_meant("law")
        ('theory.risk.lognormal_sum', 'figures', '')
    """
    if word in modules():
        return word
    matches = [name for name in modules() if name.endswith(f".{word}")] if "." in word else []
    return matches[0] if len(matches) == 1 else ""
