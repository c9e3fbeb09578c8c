"""The error of prompt-attention with a known prompt and a trained head: exact where it can be, else in the limit."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

import numpy as np

from theory.arguments import FloatArray, NotAvailableError, broadcast, one_of, plain, single
from theory.attention.deterministic import attention_fluctuates
from theory.head import Head
from theory.known_prompt.deterministic_prediction import deterministic_prediction, has_exact_formula
from theory.known_prompt.fluctuating_prediction import fluctuating_prediction
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

    @cache  # along a curve in n it is one
    def mixture_at(*values: float) -> ContextualMixture:
        return ContextualMixture(noise_kind=mixture.noise_kind, **dict(zip(MIXTURE_NUMBERS, values, strict=True)))

    predictions = [
        _one_prediction(
            mixture_at(*(single(arrays[name][index]) for name in MIXTURE_NUMBERS)),
            Head(
                single(arrays["samples"][index]),
                single(arrays["inverse_temperature"][index]),
                head.attention,
                head.kind,
                single(arrays["ridge"][index]) if "ridge" in arrays else None,
                head.space,
            ),
            regime,
        )
        for index in np.ndindex(shape)
    ]
    return KnownPromptError(**{field.name: _gathered(predictions, field.name, shape) for field in fields(Prediction)})


def _gathered(predictions: list[Prediction], name: str, shape: tuple[int, ...]) -> Any:
    """Return one field of all predictions: an array of numbers, or a text, joined where texts differ."""
    values = [getattr(prediction, name) for prediction in predictions]
    if isinstance(values[0], str):
        return "; ".join(dict.fromkeys(values))
    return plain(np.array(values, dtype=float).reshape(shape))


def _one_prediction(mixture: ContextualMixture, head: Head, regime: str) -> Prediction:
    """Return the prediction for single numbers by the most exact formula that `regime` allows."""
    if regime == "proportional":
        return proportional_prediction(mixture, head)
    fluctuates = bool(attention_fluctuates(mixture, head.inverse_temperature).any())
    try:
        if not fluctuates and has_exact_formula(mixture, head):
            return deterministic_prediction(mixture, head)
        if fluctuates:
            return fluctuating_prediction(mixture, head)
        raise NotAvailableError(
            f"there is no exact formula for the {head.kind} head in the {head.space} space; "
            "the proportional regime has one"
        )
    except NotAvailableError:
        if regime == "exact":
            raise
    return proportional_prediction(mixture, head)
