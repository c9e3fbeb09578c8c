"""Everything that is on screen for one setting: what the page draws, and what is saved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TypeVar

from figures.explorer.attention_histogram import AttentionHistogram, attention_histogram, histogram_evaluated
from figures.explorer.context_gain import ContextGain, context_gain, gain_evaluated
from figures.explorer.error_curves import DraftedCurves, Unavailable, drafted_curves, law_evaluated
from figures.explorer.sampled_sequence import SampledSequence, sampled_sequence
from figures.explorer.setting import Setting
from numerics.simulation import Simulation
from theory.known_prompt.error import KnownPromptError

PIECE = 0.02
"""Seconds; in pieces of about this drafts are finished."""

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
        coarse: panels of which only a coarse draft is there.
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
    coarse: tuple[str, ...] = ()


def drafted(setting: Setting) -> Shown:
    """Return what can be shown of a setting within a tenth of a second.

    Args:
        setting: any.

    Raises:
        ArgumentError: the numbers of the setting do not go together: nothing can be shown.

    Example:
        >>> drafted(Setting(attention="linear")).refused
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

    return Shown(
        setting,
        curves=attempt("error", lambda: drafted_curves(setting, sketch=True)),
        gain=attempt("gain", lambda: _gain(setting.of_attention, True)),
        histogram=attempt("attention", lambda: _histogram(setting.of_attention, True)),
        sequence=attempt("sequence", lambda: sampled_sequence(setting)),
        refused=refused,
        coarse=tuple(panel for panel in ("error", "attention", "gain") if panel not in refused),
    )


@lru_cache(maxsize=32)
def _gain(setting: Setting, draft: bool) -> ContextGain:
    """Return the same object for the same attention: what has not changed need not be drawn again."""
    return context_gain(setting, draft=draft)


@lru_cache(maxsize=32)
def _histogram(setting: Setting, draft: bool) -> AttentionHistogram:
    """Return the same object for the same attention."""
    return attention_histogram(setting, draft=draft)


def finer(shown: Shown) -> Shown:
    """Finish one of the panels that are coarse, or another piece of it: a move is kept waiting by one piece at most.

    Example:
        >>> finer(drafted(Setting())).coarse
        ('attention', 'gain')
    """
    panel, *others = shown.coarse
    rest = replace(shown, coarse=tuple(others))
    setting = shown.setting
    if panel == "error":
        if not law_evaluated(setting.of_attention, PIECE):
            return shown
        curves = drafted_curves(setting)
        # A sketch of all points says more than drafts of a few.
        waiting = shown.curves is not None and shown.curves.sketched and not curves.complete
        return shown if waiting else replace(rest if curves.complete else shown, curves=curves)
    try:
        evaluated = histogram_evaluated if panel == "attention" else gain_evaluated
        if not evaluated(setting.of_attention, PIECE):
            return shown
        if panel == "attention":
            return replace(rest, histogram=_histogram(setting.of_attention, False))
        return replace(rest, gain=_gain(setting.of_attention, False))
    except Unavailable:  # of a bin or a point that the draft did not need
        return rest


def any_samples(setting: Setting) -> Setting:
    """Return what a curve and the points on it have in common: all but n and what only the sequence depends on.

    Example:
        >>> any_samples(Setting(samples=50)) == any_samples(Setting(sequence=7))
        True
    """
    return replace(setting, samples=1, sequence=1, simulator="scores", repetitions=200, seed=0)
