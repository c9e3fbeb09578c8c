"""The error of prompt-attention with a known prompt and a trained head: exact where it can be, else in the limit."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from theory.arguments import FloatArray, NotAvailableError, broadcast, one_of, plain, single
from theory.attention.deterministic import attention_fluctuates
from theory.head import Head
from theory.known_prompt.deterministic_prediction import deterministic_prediction, has_exact_formula
from theory.known_prompt.fluctuating_prediction import fluctuating_prediction, has_fluctuating_formula
from theory.known_prompt.proportional_prediction import proportional_prediction
from theory.mixture import ContextualMixture
from theory.prediction import Prediction

REGIMES = ("auto", "exact", "proportional")

MIXTURE_NUMBERS = (
    "dimension",
    "tokens",
    "relevant_tokens",
    "context_norm",
    "signal_norm",
    "noise",
    "delta_context",
    "delta_signal",
)

OF_ATTENTION = (*MIXTURE_NUMBERS[1:], "inverse_temperature")
"""The numbers on which the law of an attention feature depends: all but n, d and λ."""

Places = npt.NDArray[np.intp]
Settings = Callable[[Places], tuple[ContextualMixture, Head]]
"""What gives the setting at places, one or several, under one attention."""

Part = tuple[Places, Prediction]
"""A prediction for the points at these places."""


@dataclass(frozen=True)
class KnownPromptError(Prediction):
    """Predicted test error of a head trained under a known prompt; see `theory.prediction.Prediction`."""


def known_prompt_error(mixture: ContextualMixture, head: Head, *, regime: str = "auto") -> KnownPromptError:
    """Predict the test error of `head`, trained on sequences of `mixture` under the known prompt q = τ q⋆.

    Exact for every n and d are averaging, weighted averaging and what equals them (an infinite ridge), least squares
    (no ridge) where attention does not fluctuate, and in the full space, where it does not, the averaging head and,
    for n ≥ d and a constant coordinate along the prompt, least squares.  All heads have a limit in the proportional
    regime n, d → ∞ at a fixed p/n, with p = d - 1, or d in the full space; there the two spaces do not differ.

    Args:
        mixture: the data.
        head: the head and its training; its numbers broadcast against those of the mixture.
        regime: "exact", "proportional", or "auto", which takes the exact formula where there is one.

    Returns:
        The prediction, with its numerical error; in the proportional regime the distance of a finite n from the limit,
        of order 1/n, is not part of it.

    Raises:
        ArgumentError: arguments are out of range, or their shapes do not broadcast.
        NotAvailableError: there is no formula: no exact one, no max-margin head (data are not separable), or a law of
            attention that spreads too widely; with "exact", also thousands of tokens whose law cannot be resolved.

    Example:
        >>> mixture = ContextualMixture(dimension=101, tokens=16, relevant_tokens=2, noise_kind="prompt-orthogonal")
        >>> prediction = known_prompt_error(mixture, Head(samples=[50, 100, 200], kind="least-squares"))
        >>> prediction.error.round(4)
        array([0.23  , 0.4621, 0.1772])
    """
    one_of("regime", regime, REGIMES)
    fluctuates = attention_fluctuates(mixture, head.inverse_temperature)
    if regime != "proportional" and not fluctuates.any() and has_exact_formula(mixture, head):
        with suppress(NotAvailableError):  # a few settings may have none: each is asked by itself
            return KnownPromptError(**vars(deterministic_prediction(mixture, head)))
    numbers: dict[str, FloatArray] = {name: np.asarray(getattr(mixture, name)) for name in MIXTURE_NUMBERS}
    numbers["samples"] = np.asarray(head.samples)
    numbers["inverse_temperature"] = np.asarray(head.inverse_temperature)
    if head.ridge is not None:
        numbers["ridge"] = np.asarray(head.ridge)
    arrays = dict(zip(numbers, broadcast(**numbers), strict=True))
    shape = arrays["samples"].shape
    points = {name: array.ravel() for name, array in arrays.items()}

    def at(places: Places) -> tuple[ContextualMixture, Head]:
        """Return the setting at places that differ in n, d and λ only."""
        if shape == ():
            return mixture, head
        changes: dict[str, Any] = {name: single(points[name][places.flat[0]]) for name in OF_ATTENTION}
        changes |= {name: values[places] for name, values in points.items() if name not in OF_ATTENTION}
        training = {name: changes.pop(name) for name in points if name not in MIXTURE_NUMBERS}
        return replace(mixture, **changes), replace(head, **training)

    parts = [part for places in _alike(points) for part in _predictions(at, places, regime)]
    parts.sort(key=lambda part: int(part[0].flat[0]))
    return KnownPromptError(**{field.name: _gathered(parts, field.name, shape) for field in fields(Prediction)})


def _alike(points: dict[str, FloatArray]) -> list[Places]:
    """Return the places of points that differ in n, d and λ only, and of which all have an exact formula or none.

    Without a ridge and with an infinite one a head is another; so is least squares in the full space for n ≥ d.
    """
    ridge = points.get("ridge", np.zeros(()))
    formulas = np.sign(ridge) + np.isinf(ridge), points["samples"] >= points["dimension"]
    columns = np.broadcast_arrays(*(points[name] for name in OF_ATTENTION), *formulas)
    places: dict[tuple[float, ...], list[int]] = {}
    for place, row in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        places.setdefault(row, []).append(place)
    return [np.array(alike) for alike in places.values()]


def _predictions(at: Settings, places: Places, regime: str) -> list[Part]:
    """Return predictions by the most exact formula that `regime` allows: exact ones one by one, limits together."""
    together = at(places)
    if regime == "proportional" or (regime == "auto" and not _has_exact_formula(*together)):
        return [(places, proportional_prediction(*together))]
    exact = [part for place in places for part in _exact_prediction(at, np.array(place), regime)]
    left = np.setdiff1d(places, [place for place, _ in exact])
    return [*exact, (left, proportional_prediction(*at(left)))] if left.size else exact


def _has_exact_formula(mixture: ContextualMixture, head: Head) -> bool:
    """Return whether a head under one attention has an exact error."""
    if attention_fluctuates(mixture, head.inverse_temperature).any():
        return has_fluctuating_formula(head)
    return has_exact_formula(mixture, head)


def _exact_prediction(at: Settings, place: Places, regime: str) -> list[Part]:
    """Return the exact prediction for one place; none where there is none, unless the regime is "exact"."""
    mixture, head = at(place)
    try:
        if attention_fluctuates(mixture, head.inverse_temperature).any():
            return [(place, fluctuating_prediction(mixture, head))]
        if has_exact_formula(mixture, head):
            return [(place, deterministic_prediction(mixture, head))]
        raise NotAvailableError(
            f"there is no exact formula for the {head.kind} head in the {head.space} space; "
            "the proportional regime has one"
        )
    except NotAvailableError:
        if regime == "exact":
            raise
        return []


def _gathered(parts: list[Part], name: str, shape: tuple[int, ...]) -> Any:
    """Return one field of all predictions: an array of numbers, or a text, joined where texts differ."""
    values = [getattr(prediction, name) for _, prediction in parts]
    if isinstance(values[0], str):
        return "; ".join(dict.fromkeys(text for value in values for text in value.split("; ")))
    gathered = np.empty(math.prod(shape))
    for (places, _), value in zip(parts, values, strict=True):
        gathered[places] = value
    return plain(gathered.reshape(shape))
