"""What a claim is, as data: a statement, a prediction, and the simulation that can refute it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from typing import Any
from zlib import crc32

import numpy as np

from numerics.extras import Extra
from theory.arguments import ArgumentError, FloatArray, one_of

KINDS = {"equality": "=", "inequality": ">=", "rate": "=", "collapse": "="}
"""Kinds of claims, and how the simulated mean relates to the prediction."""

EFFORTS = {"default": 0.02, "thorough": 0.005}
"""Relative deviation that every check of an effort is to find with probability 99.9 %."""


@dataclass(frozen=True)
class Observations:
    """What a portion of a simulation saw.

    Attributes:
        values: shape (kept,), independent and identically distributed.
        dropped: how many repetitions gave no value, and are left out.
    """

    values: FloatArray
    dropped: int = 0


@dataclass(frozen=True)
class Experiment:
    """A random number whose mean a theory predicts.

    Attributes:
        draw: called as draw(repetitions, rng, **parameters); a function at the top of a module, so that any process
            finds it.  Repetitions may cost less together, but are independent.
        parameters: what it is called with: numbers, texts and dataclasses of them.
        lower: no value is below it.
        upper: no value is above it.
        portion: repetitions that share one random stream, about a second of work; part of what a seed means.

    Raises:
        ArgumentError: the range is empty, or the portion is not a whole number of at least 2.
    """

    draw: Callable[..., Observations]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    lower: float = 0.0
    upper: float = 1.0
    portion: int = 1000

    def __post_init__(self) -> None:
        """Check the range and the portion."""
        if not self.lower < self.upper:
            raise ArgumentError("upper", f"be greater than lower = {self.lower:g}", self.upper)
        if self.portion < 2:
            raise ArgumentError("portion", "be a whole number of at least 2", self.portion)

    def identity(self) -> dict[str, Any]:
        """Return what the numbers depend on besides the code, as JSON data."""
        name = f"{self.draw.__module__}.{self.draw.__qualname__}"
        return {"draw": name, "portion": self.portion, **as_json(self.parameters)}


@dataclass(frozen=True)
class Arm:
    """One experiment of a comparison, and the weight of its mean."""

    experiment: Experiment
    weight: float = 1.0


@dataclass(frozen=True)
class Setting:
    """One point at which a claim is checked: Σ weight · E(arm) against a prediction.

    Attributes:
        label: short text that tells the setting from the claim's others.
        arms: what is simulated.
        predict: called as predict(**arguments); returns the prediction.
        arguments: what it is called with.
        allowance: what the mean may differ by although the claim is true, such as a term left out, as a share of the
            scale; at least 0.
        scale: called as scale(**arguments), returns what a deviation is relative to; None for the size of the
            prediction.
        finest: relative deviation worth finding here, where that of the run's effort would cost too much.
        effort: "default", or "thorough" for a setting that only a thorough run checks.
    """

    label: str
    arms: tuple[Arm, ...]
    predict: Callable[..., float]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    allowance: float = 0.0
    scale: Callable[..., float] | None = None
    finest: float = 0.0
    effort: str = "default"

    @property
    def bounds(self) -> tuple[float, float]:
        """Return what Σ weight · value lies between."""
        ends = [sorted((arm.weight * arm.experiment.lower, arm.weight * arm.experiment.upper)) for arm in self.arms]
        return sum(low for low, _ in ends), sum(high for _, high in ends)


@dataclass(frozen=True)
class Claim:
    """A statement of the theory that simulation can refute.

    Attributes:
        id: short name, as typed at the shell.
        title: the same in a few words.
        statement: what is claimed, in words.
        latex: the same as a formula.
        source: "derived here" or the paper's abstract, and more where there is more to say.
        kind: "equality", "inequality" (the simulated mean is at least the prediction), "rate" of convergence, or
            "collapse" (what differs in other ways agrees).
        settings: where it is checked.
        extra: what its experiments need that not everybody has; without it, it is left out of a run over all claims.

    Raises:
        ArgumentError: the kind is another one, or two settings share a label.
    """

    id: str
    title: str
    statement: str
    latex: str
    source: str
    kind: str
    settings: tuple[Setting, ...]
    extra: Extra | None = None

    def __post_init__(self) -> None:
        """Check the kind and the labels, which name random streams."""
        one_of("kind", self.kind, tuple(KINDS))
        labels = [setting.label for setting in self.settings]
        if len(set(labels)) < len(labels):
            raise ArgumentError("settings", "have labels that differ", ", ".join(labels))


def stream_key(claim: Claim, setting: Setting, arm: int) -> tuple[int, ...]:
    """Return the whole numbers that name the random streams of an arm: no two arms anywhere share one."""
    return crc32(claim.id.encode()), crc32(setting.label.encode()), arm


def as_json(value: Any) -> Any:
    """Return JSON data for numbers, texts, and mappings, sequences and dataclasses of them."""
    if is_dataclass(value) and not isinstance(value, type):
        return as_json(asdict(value))
    if isinstance(value, Mapping):
        return {str(name): as_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return value
