"""The words and numbers beside the picture, by the name of the place where the page puts each."""

from __future__ import annotations

from figures.explorer.error_curves import DRAFT_ERROR
from figures.explorer.knobs import KNOBS
from figures.explorer.recipe import error_command, python_text, simulate_command
from figures.explorer.shown import PANELS, Shown
from figures.number_text import ABSENT, measured_number, plain_number
from theory.arguments import ArgumentError, single

WAITING = "…"
DRAFT = f"Curve: a draft, the limit of large n and d, mostly to {100 * DRAFT_ERROR:g} %"
SKETCH = "Curve: a sketch, the limit of large n and d but for 0.001 or so; a draft follows at once."


def sentence(error: Exception) -> str:
    """Return what is wrong in the words of the page.

    Example:
        >>> sentence(ArgumentError("relevant_tokens", "be at most tokens = 16", 17))
        'Relevant tokens R must be at most tokens = 16, got 17.'
    """
    text = str(error)
    if isinstance(error, ArgumentError) and error.parameter in KNOBS:
        knob = KNOBS[error.parameter]
        text = f"{knob.label} {knob.symbol}".strip() + f" must {error.requirement}, got {error.received}"
    return f"{text[0].upper()}{text[1:]}." if text else "This setting has no numbers."


def numbers(shown: Shown) -> dict[str, str]:
    """Return the numbers of the setting as `python -m theory error` gives them, or their drafts.

    Example:
        >>> from figures.explorer.setting import Setting
        >>> from figures.explorer.shown import drafted
        >>> numbers(drafted(Setting()))["regime"]
        '…'
    """
    prediction = shown.prediction
    if prediction is None:
        drafted = shown.curves.error if shown.curves else float("nan")
        text = f"≈ {plain_number(drafted)}" if drafted == drafted else ABSENT
        waiting = WAITING if shown.curves else ABSENT
        names = ("bound", "limit", "population", "kappa", "overlap", "regime", "source")
        return {"error": text, **dict.fromkeys(names, waiting)}
    bound = single(prediction.error_bound)
    return {
        "error": plain_number(single(prediction.error), 6),
        "bound": f"numerical error at most {plain_number(bound, 1)}",
        "limit": plain_number(single(prediction.limit), 4),
        "population": plain_number(single(prediction.population), 4),
        "kappa": plain_number(single(prediction.kappa), 4),
        "overlap": plain_number(single(prediction.overlap), 4),
        "regime": prediction.regime,
        "source": prediction.source,
    }


def _notes(shown: Shown) -> dict[str, str]:
    """Return the lines below the panels."""
    setting, gain, histogram, sequence = shown.setting, shown.gain, shown.histogram, shown.sequence
    notes = {}
    if gain is not None:
        notes["note-gain"] = (
            f"At τ = {setting.inverse_temperature:g} a feature's E κ² is {plain_number(gain.here)} times that of "
            f"uniform pooling, with linear attention {plain_number(gain.linear)} times (exact)."
        )
    if histogram is not None:
        how = "in every sequence" if histogram.certain else "on average"
        notes["note-attention"] = (
            f"{plain_number(histogram.mean, 4)} of all attention is on the relevant tokens {how} (exact, numerical "
            f"error at most {plain_number(histogram.mean_error, 1)}); under uniform pooling "
            f"R/T = {plain_number(histogram.uniform)}."
        )
    if sequence is not None:
        share = float(sequence.weight[sequence.relevant].sum())
        label = "+1" if sequence.label > 0 else "−1"
        notes["note-sequence"] = (
            f"Sequence {setting.sequence} of seed {setting.seed}, label y = {label}: attention on the relevant tokens "
            f"{plain_number(share)}."
        )
    return notes


def simulated(shown: Shown) -> str:
    """Return what the simulation says at the setting's own n."""
    for point in shown.points:
        if point.setting.samples == shown.setting.samples:
            simulation = point.simulation
            low, high = simulation.interval
            uncertainty = simulation.standard_error
            return (
                f"simulated {measured_number(simulation.error, uncertainty)}, 95 % interval "
                f"{measured_number(low, uncertainty)} to {measured_number(high, uncertainty)} "
                f"({simulation.repetitions} training sets, seed {simulation.seed}, {simulation.simulator})"
            )
    return ""


def status(shown: Shown, exact_points: tuple[int, int] | None) -> str:
    """Return how exact the curve of the chosen head is.

    Args:
        shown: what is on screen.
        exact_points: how many points of the exact curve are there, and of how many; None while none is asked for.
    """
    if shown.curves is None:
        return ""
    if shown.exact:
        regime = shown.prediction.regime if shown.prediction else "exact"
        return "Curve: exact at every point." if regime == "exact" else "Curve: the limit of large n and d at each n/p."
    if shown.curves.sketched:
        return SKETCH
    if exact_points:
        return f"{DRAFT}; final points: {exact_points[0]} of {exact_points[1]}."
    return f"{DRAFT}; the final one follows when you pause."


def texts(shown: Shown, exact_points: tuple[int, int] | None) -> dict[str, str]:
    """Return every text of the page, the empty ones as well."""
    found = {f"note-{panel}": "" for panel in PANELS}
    found |= {f"refused-{panel}": "" for panel in PANELS}
    found |= {f"refused-{panel}": f"{reason[0].upper()}{reason[1:]}." for panel, reason in shown.refused.items()}
    return {
        "refused": "",
        **found,
        **numbers(shown),
        **_notes(shown),
        "note-error": status(shown, exact_points),
        "simulated": simulated(shown),
        "command": f"{error_command(shown.setting)}\n{simulate_command(shown.setting)}",
        "python": python_text(shown.setting),
    }
