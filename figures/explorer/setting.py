"""A setting of the explorer: checked whatever it came from, and written as a link, a file, a mixture and a head."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any
from urllib.parse import urlencode

from figures.explorer.knobs import KNOBS, Knob
from theory.arguments import ArgumentError
from theory.head import PENALISED_HEADS, Head
from theory.mixture import ContextualMixture

FORMAT = "prompt-attention explorer setting 1"
LONGEST_FILE = 10_000
"""Characters; a setting takes a few hundred."""


@dataclass(frozen=True)
class Setting:
    """One position of every knob; the fields are those of `ContextualMixture`, `Head` and `simulate`.

    Raises:
        ArgumentError: a value is one that its knob does not admit.

    Example:
        >>> float(Setting(tokens=32, relevant_tokens=4).mixture.sparsity)
        0.125
        >>> Setting(tokens=32, kind="least-squares").query
        'tokens=32&kind=least-squares'
    """

    tokens: int = 16
    relevant_tokens: int = 2
    dimension: int = 101
    context_norm: float = 1.5
    signal_norm: float = 1.0
    noise: float = 1.0
    delta_context: float = 0.0
    delta_signal: float = 0.0
    noise_kind: str = "isotropic"
    samples: int = 200
    inverse_temperature: float = 0.5
    kind: str = "averaging"
    ridge: float = 0.1
    attention: str = "softmax"
    space: str = "orthogonal"
    simulator: str = "scores"
    repetitions: int = 200
    seed: int = 0
    sequence: int = 1

    def __post_init__(self) -> None:
        """Check every value by its knob."""
        for field in fields(self):
            object.__setattr__(self, field.name, KNOBS[field.name].checked(getattr(self, field.name)))

    @property
    def mixture(self) -> ContextualMixture:
        """Return the data.

        Raises:
            ArgumentError: the numbers do not go together.
        """
        return ContextualMixture(
            dimension=self.dimension,
            tokens=self.tokens,
            relevant_tokens=self.relevant_tokens,
            context_norm=self.context_norm,
            signal_norm=self.signal_norm,
            noise=self.noise,
            noise_kind=self.noise_kind,
            delta_context=self.delta_context,
            delta_signal=self.delta_signal,
        )

    @property
    def head(self) -> Head:
        """Return the head and its training."""
        return Head(
            samples=self.samples,
            inverse_temperature=self.inverse_temperature,
            attention=self.attention,
            kind=self.kind,
            ridge=self.ridge if self.kind in PENALISED_HEADS else None,
            space=self.space,
        )

    @property
    def head_dimension(self) -> int:
        """Return p."""
        return self.dimension - (self.space == "orthogonal")

    @property
    def spread(self) -> float:
        """Return τσQ, how widely scores spread under isotropic noise."""
        return self.inverse_temperature * self.noise * self.context_norm

    @property
    def of_attention(self) -> Setting:
        """Return what the law of attention depends on, and everything else at its start.

        Example:
            >>> Setting(samples=7, kind="ridge", tokens=32).of_attention == Setting(tokens=32)
            True
        """
        return Setting(
            tokens=self.tokens,
            relevant_tokens=self.relevant_tokens,
            context_norm=self.context_norm,
            signal_norm=self.signal_norm,
            noise=self.noise,
            delta_context=self.delta_context,
            delta_signal=self.delta_signal,
            noise_kind=self.noise_kind,
            inverse_temperature=self.inverse_temperature,
            attention=self.attention,
        )

    @property
    def query(self) -> str:
        """Return what follows the question mark of a link: the knobs that have been moved."""
        return urlencode({name: value for name, value in asdict(self).items() if value != getattr(Setting, name)})

    @property
    def file(self) -> str:
        """Return the setting as the text of a file."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=2) + "\n"


def setting_from_query(query: Mapping[str, str]) -> Setting:
    """Read the part of a link after its question mark.

    Raises:
        ArgumentError: a value is out of range or no number, or there is no such knob.

    Example:
        >>> setting_from_query({"tokens": "32", "kind": "ridge"}).tokens
        32
        >>> setting_from_query({"tokens": "a lot"})
        Traceback (most recent call last):
        ...
        theory.arguments.ArgumentError: tokens must be a whole number from 1 to 512, got 'a lot'
    """
    return setting_from_values({name: text if _known(name).choices else _number(text) for name, text in query.items()})


def setting_from_file(text: str) -> Setting:
    """Read a file that was saved by the explorer, or by anybody.

    Raises:
        ArgumentError: it is no such file, or a value is out of range; the error names the field.

    Example:
        >>> setting_from_file(Setting(tokens=32).file) == Setting(tokens=32)
        True
    """
    if len(text) > LONGEST_FILE:
        raise ArgumentError("the file", f"be at most {LONGEST_FILE} characters long", len(text))
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        raise ArgumentError("the file", "be a JSON file saved by the explorer", "something else") from None
    if not isinstance(values, dict) or values.pop("format", None) != FORMAT:
        raise ArgumentError("the file", f"be a JSON object whose format is “{FORMAT}”", "another")
    return setting_from_values(values)


def _known(name: str) -> Knob:
    """Return the knob of a field."""
    if name not in KNOBS:
        raise ArgumentError("the setting", f"have no other fields than {', '.join(KNOBS)}", repr(name[:60]))
    return KNOBS[name]


def _number(text: str) -> float | str:
    """Return a number, or the text where it is none, to be refused by its knob."""
    try:
        return float(text)
    except ValueError:
        return text


def setting_from_values(values: Mapping[str, object]) -> Setting:
    """Return the setting of some fields, the others at their starts.

    Raises:
        ArgumentError: a value is out of range, or there is no such field.
    """
    known: dict[str, Any] = {_known(name).field: value for name, value in values.items()}
    return Setting(**known)
