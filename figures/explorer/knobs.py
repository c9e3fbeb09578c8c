"""What can be set in the explorer: one list of knobs, from which the page, the links and the checks are made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theory.arguments import ArgumentError
from theory.head import ATTENTIONS, HEAD_SPACES, HEADS
from theory.mixture import NOISE_KINDS

SIMULATORS = ("scores", "tokens")


@dataclass(frozen=True)
class Knob:
    """One control.

    Attributes:
        field: of the setting.
        label: what it is, in words.
        symbol: how formulas write it; empty for a choice.
        group: under which heading it stands.
        choices: the values of a choice; empty for a number.
        positions: where the slider stops, ascending; empty for a choice and for a number without a slider.
        low: the least number admitted.
        high: the largest; beyond it the picture would keep its reader waiting.
        whole: whether it is a whole number.
    """

    field: str
    label: str
    symbol: str
    group: str
    choices: tuple[str, ...] = ()
    positions: tuple[float, ...] = ()
    low: float = 0.0
    high: float = 0.0
    whole: bool = False

    @property
    def requirement(self) -> str:
        """Return what a value must be, to be read after the word "must"."""
        if self.choices:
            return f"be one of {', '.join(self.choices)}"
        return f"be a {'whole ' if self.whole else ''}number from {self.low:g} to {self.high:g}"

    def checked(self, value: object) -> float | str:
        """Return the value if the knob admits it.

        Raises:
            ArgumentError: it does not; the error names the field.

        Example:
            >>> KNOBS["tokens"].checked(16)
            16
            >>> KNOBS["tokens"].checked("many")
            Traceback (most recent call last):
            ...
            theory.arguments.ArgumentError: tokens must be a whole number from 1 to 512, got 'many'
        """
        if self.choices:
            if isinstance(value, str) and value in self.choices:
                return value
        elif isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high:
            if not self.whole:
                return float(value)
            if value == int(value):
                return int(value)
        raise ArgumentError(self.field, self.requirement, _short(value))


def _short(value: object) -> str:
    """Return a value as a user would write it, not longer than a line."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _even(low: float, high: float, step: float) -> tuple[float, ...]:
    """Return evenly spaced positions."""
    return tuple(round(low + step * index, 6) for index in range(round((high - low) / step) + 1))


def _logarithmic(low: float, high: float, count: int) -> tuple[float, ...]:
    """Return positions evenly spaced in their logarithm, of two digits, each once."""
    values = (float(f"{value:.2g}") for value in np.geomspace(low, high, count))
    return tuple(dict.fromkeys(values))


def _whole_logarithmic(low: float, high: float, count: int, *wanted: float) -> tuple[float, ...]:
    """Return the same for whole numbers, and those that are wanted for their roundness."""
    return tuple(sorted({*wanted, *(float(round(value)) for value in _logarithmic(low, high, count))}))


MIXTURE, TRAINING, CHANCE = "Mixture", "Prompt and head", "Simulation"

_ALL = (
    Knob("tokens", "tokens", "T", MIXTURE, (), _whole_logarithmic(2, 256, 80, 32, 64, 128, 256), 1, 512, True),
    Knob("relevant_tokens", "relevant tokens", "R", MIXTURE, (), _whole_logarithmic(1, 128, 60, 32, 64), 1, 512, True),
    Knob("dimension", "dimension", "d", MIXTURE, (), _whole_logarithmic(3, 1000, 90, 51, 101, 201, 501), 2, 2000, True),
    Knob("context_norm", "context norm", "Q", MIXTURE, (), _even(0.1, 3, 0.05), 1e-3, 20),
    Knob("signal_norm", "signal norm", "W", MIXTURE, (), _even(0, 3, 0.05), 0, 20),
    Knob("noise", "noise", "σ", MIXTURE, (), _even(0.1, 3, 0.05), 0, 20),
    Knob("delta_context", "context elsewhere", "δ_q", MIXTURE, (), _even(-1, 1, 0.05), -5, 5),
    Knob("delta_signal", "signal elsewhere", "δ_w", MIXTURE, (), _even(-1, 1, 0.05), -5, 5),
    Knob("noise_kind", "noise is", "", MIXTURE, NOISE_KINDS),
    Knob("samples", "training sequences", "n", TRAINING, (), _whole_logarithmic(1, 50_000, 140), 1, 1_000_000, True),
    Knob("inverse_temperature", "inverse temperature", "τ", TRAINING, (), _even(0, 3, 0.05), 0, 50),
    Knob("kind", "head", "", TRAINING, HEADS),
    Knob("ridge", "penalty", "λ", TRAINING, (), (0.0, *_logarithmic(1e-3, 100, 61)), 0, 1e6),
    Knob("attention", "attention", "", TRAINING, ATTENTIONS),
    Knob("space", "head space", "", TRAINING, HEAD_SPACES),
    Knob("simulator", "simulator", "", CHANCE, SIMULATORS),
    Knob("repetitions", "training sets", "", CHANCE, (), (), 2, 100_000, True),
    Knob("seed", "seed", "", CHANCE, (), (), 0, 2**31, True),
    Knob("sequence", "sequence shown", "", CHANCE, (), (), 1, 2**31, True),
)

KNOBS = {knob.field: knob for knob in _ALL}
"""Every knob, by its field, in the order of the page."""
