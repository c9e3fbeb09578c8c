"""Predictions where attention does not fluctuate: exact for averaging and least squares."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from theory.arguments import broadcast, plain
from theory.attention.deterministic import deterministic_attention
from theory.head import Head
from theory.known_prompt.averaging import averaging_error
from theory.known_prompt.full_head import full_head_averaging_error
from theory.known_prompt.full_head_least_squares import full_head_least_squares_error
from theory.known_prompt.full_head_least_squares_overlap import full_head_least_squares_overlap
from theory.known_prompt.least_squares import least_squares_error
from theory.known_prompt.overlap import averaging_overlap, full_head_averaging_overlap, least_squares_overlap
from theory.mixture import ContextualMixture
from theory.prediction import Prediction
from theory.probability import ErrorProbability

EXACT_HEADS = {
    "averaging": (averaging_error, averaging_overlap, "averaging head, deterministic attention: exact, derived here"),
    "least-squares": (
        least_squares_error,
        least_squares_overlap,
        "least squares and minimum norm, deterministic attention: exact, derived here",
    ),
}


def plain_kind(head: Head) -> str:
    """Return "averaging" or "least-squares" for a head that is one of these where attention does not fluctuate.

    All examples weigh the same there, an infinite penalty leaves the direction of the averaging head, and none at all
    leaves least squares.

    Example:
        >>> plain_kind(Head(10, kind="ridge", ridge=0.0)), plain_kind(Head(10, kind="weighted-averaging"))
        ('least-squares', 'averaging')
    """
    if head.kind == "weighted-averaging":
        return "averaging"
    if head.ridge is not None and np.all(np.isinf(head.ridge)):
        return "averaging"
    if head.kind == "ridge" and np.all(np.asarray(head.ridge) == 0):
        return "least-squares"
    return head.kind


def _complement_where(probability: ErrorProbability, where: npt.NDArray[np.bool_]) -> ErrorProbability:
    """Return 1 - p where asked for."""
    error = np.where(where, -np.expm1(probability.log_error), probability.error)
    log_error = np.where(where, np.log1p(-np.asarray(probability.error)), probability.log_error)
    return replace(probability, error=plain(np.asarray(error)), log_error=plain(np.asarray(log_error)))


def has_exact_formula(mixture: ContextualMixture, head: Head) -> bool:
    """Return whether a head has an exact error where attention does not fluctuate.

    In the full space least squares needs n ≥ d, and a constant coordinate along the prompt: its intercept.
    """
    kind = plain_kind(head)
    if kind == "least-squares" and head.space == "full":
        noisy_context = mixture.noise_kind == "isotropic" and head.attention == "softmax"
        return not noisy_context and bool(np.all(np.asarray(head.samples) >= np.asarray(mixture.dimension)))
    return kind in EXACT_HEADS


def deterministic_prediction(mixture: ContextualMixture, head: Head) -> Prediction:
    """Return the exact prediction for a head of which `has_exact_formula` is true, numbers or arrays.

    Label-signed features are κ e + ξ up to scale (`theory.attention.deterministic`); the errors are those of
    `known_prompt.averaging`, `known_prompt.least_squares` and `known_prompt.full_head`.  The limit is the error of the
    averaging head orthogonal to the prompt: no head learned from the features has a smaller one, averaged over the
    direction of w⋆.

    Raises:
        ArgumentError: shapes do not broadcast.
        NotAvailableError: attention fluctuates.

    Example:
        >>> mixture = ContextualMixture(dimension=101, tokens=16, relevant_tokens=2, noise_kind="prompt-orthogonal")
        >>> print("%.4f" % deterministic_prediction(mixture, Head(samples=50)).error)
        0.1492
    """
    law = deterministic_attention(mixture, head.inverse_temperature, head.attention)
    shapes = {} if head.ridge is None else {"ridge": np.asarray(head.ridge)}
    n, d, k, *_ = broadcast(
        samples=np.asarray(head.samples), dimension=np.asarray(mixture.dimension), kappa=law.kappa, **shapes
    )
    if head.space == "orthogonal":
        head_error, head_overlap, source = EXACT_HEADS[plain_kind(head)]
        probability, cosine = head_error(n, d - 1, k), head_overlap(n, d - 1, k)
    elif plain_kind(head) == "least-squares":
        features = (n, d - 1, law.signal, law.noise, law.context)
        probability = full_head_least_squares_error(*features)
        cosine = full_head_least_squares_overlap(*features)
        source = "least squares in the full space, deterministic attention, an intercept: exact, derived here"
    else:
        features = (n, d if law.noisy_context else d - 1, law.signal, law.noise, law.context)
        probability = full_head_averaging_error(*features, noisy_context=law.noisy_context)
        cosine = full_head_averaging_overlap(*features, noisy_context=law.noisy_context)
        source = "averaging head in the full space, deterministic attention, given the mean label: exact, derived here"
    # log ERR changes by at most 1 + 2 |log ERR| times the relative change of κ.
    sensitivity = 1 + 2 * np.abs(np.where(np.isfinite(probability.log_error), probability.log_error, 0.0))
    bound = np.asarray(probability.error_bound + probability.error * sensitivity * law.kappa_error)
    turned = law.signal < 0
    if head.kind == "weighted-averaging" and turned.any():
        # Known weights turn the head back to w⋆, and a test feature that carries -w⋆ is then taken for the other label.
        probability = _complement_where(probability, turned)
        turned = np.zeros_like(turned)
    return Prediction(
        error=probability.error,
        error_bound=plain(np.minimum(bound, 1.0)),
        log_error=probability.log_error,
        regime="exact",
        kappa=plain(np.array(k)),
        overlap=plain(np.asarray(np.where(turned, -1.0, 1.0) * cosine)),
        limit=averaging_error(n, d - 1, k).error,
        population=plain(np.asarray(ndtr(np.where((law.signal < 0) & (head.kind == "weighted-averaging"), k, -k)))),
        source=source,
    )
