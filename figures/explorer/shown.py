"""Everything that is on screen for one setting: what the page draws, and what is saved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from figures.explorer.attention_histogram import AttentionHistogram, attention_histogram
from figures.explorer.context_gain import ContextGain, context_gain
from figures.explorer.error_curves import DraftedCurves, Unavailable, drafted_curves
from figures.explorer.sampled_sequence import SampledSequence, sampled_sequence
from figures.explorer.setting import Setting
from numerics.simulation import Simulation
from theory.known_prompt.error import KnownPromptError

PANELS = ("error", "gain", "attention", "sequence")
Content = TypeVar("Content")


@dataclass(frozen=True)
class SimulatedPoint:
    """A simulated error, with the setting (its n included) that it belongs to."""

    setting: Setting
    simulation: Simulation


@dataclass(frozen=True)
class Shown:
    """What is on screen.

    Attributes:
        setting: whose picture this is.
        curves: test errors against n, drafted or exact; None where there are none.
        exact: whether the chosen head's curve and the limit are those of `known_prompt_error`.
        prediction: `known_prompt_error` of the setting, once it is there.
        gain: what the context is worth; None where that has no meaning.
        histogram: of the attention on the relevant tokens; None where there is none.
        sequence: a sampled sequence.
        points: simulated ones, of this setting and any n.
        refused: one sentence for each panel that has nothing to show.
        complete: whether nothing of the draft is left to do.
    """

    setting: Setting
    curves: DraftedCurves | None = None
    exact: bool = False
    prediction: KnownPromptError | None = None
    gain: ContextGain | None = None
    histogram: AttentionHistogram | None = None
    sequence: SampledSequence | None = None
    points: tuple[SimulatedPoint, ...] = ()
    refused: dict[str, str] = field(default_factory=dict)
    complete: bool = False


def shown(setting: Setting, *, draft: bool) -> Shown:
    """Return what a setting shows without a simulation and without what takes longer than a moment.

    Args:
        setting: any.
        draft: whether coarse curves will do.

    Raises:
        ArgumentError: the numbers of the setting do not go together: nothing can be shown.

    Example:
        >>> shown(Setting(attention="linear"), draft=True).refused
        {'attention': 'linear attention gives weights of either sign, which do not add up to 1'}
    """
    setting.mixture  # noqa: B018 - refuses what nothing can be shown of
    refused: dict[str, str] = {}

    def attempt(panel: str, compute: Callable[[], Content]) -> Content | None:
        try:
            return compute()
        except Unavailable as error:
            refused[panel] = str(error)
            return None

    curves = attempt("error", lambda: drafted_curves(setting))
    return Shown(
        setting,
        curves=curves,
        gain=attempt("gain", lambda: context_gain(setting, draft=draft)),
        histogram=attempt("attention", lambda: attention_histogram(setting, draft=draft)),
        sequence=attempt("sequence", lambda: sampled_sequence(setting)),
        refused=refused,
        complete=not draft and (curves is None or curves.complete),
    )


def any_samples(setting: Setting) -> Setting:
    """Return what a curve and the points on it have in common: all but n and what only the sequence depends on.

    Example:
        >>> any_samples(Setting(samples=50)) == any_samples(Setting(sequence=7))
        True
    """
    return replace(setting, samples=1, sequence=1, simulator="scores", repetitions=200, seed=0)
