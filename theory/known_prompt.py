"""The exact finite-sample error of prompt-attention with a known prompt and a trained head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from theory.arguments import FloatArray, NotAvailableError, broadcast, one_of, plain
from theory.attention import deterministic_attention
from theory.averaging import averaging_error
from theory.full_head import full_head_averaging_error
from theory.head import Head
from theory.least_squares import least_squares_error
from theory.mixture import ContextualMixture
from theory.overlap import averaging_overlap, full_head_averaging_overlap, least_squares_overlap

REGIMES = ("auto", "exact", "proportional")

EXACT_HEADS = {
    "averaging": (averaging_error, averaging_overlap, "averaging head, deterministic attention: exact, derived here"),
    "least-squares": (
        least_squares_error,
        least_squares_overlap,
        "least squares and minimum norm, deterministic attention: exact, derived here",
    ),
}


@dataclass(frozen=True)
class KnownPromptError:
    """Predicted test error of a head trained under a known prompt (floats, or arrays of one shape).

    Attributes:
        error: P(y f(X) < 0), ties counted as one half, averaged over training sets and test sequences.
        error_bound: estimated bound on the numerical error of `error`, rounding of κ included.
        log_error: natural logarithm of `error`, accurate where `error` underflows.
        regime: "exact" (every n and p) or "proportional".
        kappa: κ, signal-to-noise ratio of an attention feature.
        overlap: expected cos∠(ŵ, w⋆) over training sets; negative where δ_w turns the signal of a feature round.
        limit: error of the best head that n training features allow, the direction of w⋆ being unknown.
        population: error at n = ∞.
        source: where the formula comes from.
    """

    error: float | FloatArray
    error_bound: float | FloatArray
    log_error: float | FloatArray
    regime: str
    kappa: float | FloatArray
    overlap: float | FloatArray
    limit: float | FloatArray
    population: float | FloatArray
    source: str


def known_prompt_error(mixture: ContextualMixture, head: Head, *, regime: str = "auto") -> KnownPromptError:
    """Predict the test error of `head`, trained on sequences of `mixture` under the known prompt q = τ q⋆.

    Where attention does not fluctuate, label-signed features are κ e + ξ up to scale (`theory.attention`) and the error
    is exact for every n and d: see `theory.averaging`, `theory.least_squares` and `theory.full_head`.

    Args:
        mixture: the data.
        head: the head and its training; its numbers broadcast against those of the mixture.
        regime: "exact" or "auto", which takes the most exact formula there is.

    Returns:
        The prediction, with its numerical error.  The limit is the error of the averaging head orthogonal to the
        prompt: under deterministic attention no head learned from the features has a smaller one, averaged over the
        direction of w⋆.

    Raises:
        ArgumentError: arguments are out of range, or their shapes do not broadcast.
        NotAvailableError: the toolkit has no formula for this combination yet.

    Example:
        >>> mixture = ContextualMixture(dimension=101, tokens=16, relevant_tokens=2, noise_kind="prompt-orthogonal")
        >>> prediction = known_prompt_error(mixture, Head(samples=[50, 100, 200], kind="least-squares"))
        >>> prediction.error.round(4)
        array([0.23  , 0.4621, 0.1772])
    """
    one_of("regime", regime, REGIMES)
    _refuse_unavailable(head, regime)
    law = deterministic_attention(mixture, head.inverse_temperature)
    n, d, k = broadcast(samples=np.asarray(head.samples), dimension=np.asarray(mixture.dimension), kappa=law.kappa)
    if head.space == "orthogonal":
        head_error, head_overlap, source = EXACT_HEADS[head.kind]
        probability, cosine = head_error(n, d - 1, k), head_overlap(n, d - 1, k)
    else:
        features = (n, d if law.noisy_context else d - 1, law.signal, law.noise, law.context)
        probability = full_head_averaging_error(*features, noisy_context=law.noisy_context)
        cosine = full_head_averaging_overlap(*features, noisy_context=law.noisy_context)
        source = "averaging head in the full space, deterministic attention, given the mean label: exact, derived here"
    # log ERR changes by at most 1 + 2 |log ERR| times the relative change of κ.
    sensitivity = 1 + 2 * np.abs(np.where(np.isfinite(probability.log_error), probability.log_error, 0.0))
    bound = np.asarray(probability.error_bound + probability.error * sensitivity * law.kappa_error)
    return KnownPromptError(
        error=probability.error,
        error_bound=plain(np.minimum(bound, 1.0)),
        log_error=probability.log_error,
        regime="exact",
        kappa=plain(np.array(k)),
        overlap=plain(np.asarray(np.where(law.signal < 0, -1.0, 1.0) * cosine)),
        limit=averaging_error(n, d - 1, k).error,
        population=plain(np.asarray(ndtr(-k))),
        source=source,
    )


def _refuse_unavailable(head: Head, regime: str) -> None:
    """Raise for the combinations that have no exact finite-sample formula here."""
    if regime == "proportional":
        raise NotAvailableError("the proportional regime is not available yet; the exact regime is")
    if head.attention == "linear":
        raise NotAvailableError("the known-prompt error of linear-prompt-attention is not available yet")
    if head.kind not in EXACT_HEADS:
        raise NotAvailableError(
            f"the known-prompt error of the {head.kind} head is not available yet; "
            f"it is available for the heads {' and '.join(EXACT_HEADS)}"
        )
    if head.space == "full" and head.kind != "averaging":
        raise NotAvailableError(
            f"the known-prompt error of the {head.kind} head in the full space is not available yet; "
            "it is available in the orthogonal space"
        )
