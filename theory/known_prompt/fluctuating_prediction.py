"""Predictions where attention fluctuates: exact for the averaging heads, at every n."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

import numpy as np

from theory.arguments import NotAvailableError, single
from theory.attention.deterministic import attention_fluctuates
from theory.attention.law import AttentionLaw, attention_law
from theory.attention.linear_snr import linear_snr_square
from theory.attention.moments import attention_moments
from theory.head import Head
from theory.known_prompt.fluctuating_averaging import error_given_overlap, fluctuating_averaging_error
from theory.mixture import ContextualMixture
from theory.prediction import Prediction

ACCEPTED = 1e-4
"""An exact error of a larger estimated bound is refused; the bound is that of the coarse resolution, far above the
error of the fine one."""

ROUNDING = 1e-12
"""Signed weights that add up to 1 lose this much."""


def mean_snr_square(mixture: ContextualMixture, head: Head, law: AttentionLaw | None) -> float:
    """Return E κ² = W² E[M²/S²] of one attention feature, infinite where it is."""
    if head.attention == "softmax" or law is None:
        return _softmax_snr_square(without_dimension(mixture), single(head.inverse_temperature))
    if attention_fluctuates(mixture, head.inverse_temperature).any():
        return linear_snr_square(mixture)
    return law.mean((law.signal / law.noise) ** 2)


def both_laws(mixture: ContextualMixture, head: Head) -> tuple[AttentionLaw, AttentionLaw]:
    """Return the fine and the coarse law of attention; along a curve in n they are made once."""
    return _both_laws(without_dimension(mixture), single(head.inverse_temperature), head.attention)


@lru_cache(maxsize=16)
def without_dimension(mixture: ContextualMixture) -> ContextualMixture:
    """Return the mixture at one dimension: attention is the same at all."""
    return replace(mixture, dimension=2)


@lru_cache(maxsize=16)
def _softmax_snr_square(mixture: ContextualMixture, temperature: float) -> float:
    """Return E κ²; along a curve in n it is computed once."""
    return single(attention_moments(mixture, temperature).snr_square)


@lru_cache(maxsize=16)
def _both_laws(mixture: ContextualMixture, temperature: float, attention: str) -> tuple[AttentionLaw, AttentionLaw]:
    """Make the laws of a mixture, to which the dimension is of no account."""
    fine, coarse = (attention_law(mixture, temperature, attention, resolution) for resolution in ("fine", "coarse"))
    return fine, coarse


def noiseless_prediction(law: AttentionLaw, head: Head, regime: str) -> Prediction:
    """Return the prediction where features have no noise: every head is along w⋆, and errs only without signal."""
    signal = law.mean(law.signal)
    error = 0.0 if signal != 0 else 0.5
    return Prediction(
        error=error,
        error_bound=0.0,
        log_error=math.log(error) if error > 0 else -math.inf,
        regime=regime,
        kappa=math.inf if signal != 0 else 0.0,
        overlap=float(np.sign(signal)),
        limit=error,
        population=error,
        source=f"{head.kind} head on features without noise: derived here",
    )


def has_fluctuating_formula(head: Head) -> bool:
    """Return whether a head has an exact error where attention fluctuates: the averaging heads across the prompt do.

    Example:
        >>> has_fluctuating_formula(Head(10)), has_fluctuating_formula(Head(10, kind="ridge", ridge=0.1))
        (True, False)
    """
    averaging = head.kind in ("averaging", "weighted-averaging")
    return head.space == "orthogonal" and (averaging or (head.ridge is not None and bool(np.isinf(head.ridge).all())))


def fluctuating_prediction(mixture: ContextualMixture, head: Head) -> Prediction:
    """Return the exact prediction for single numbers.

    The numerical error is estimated by the distance from the same computation at coarse resolution, which is far less
    accurate.

    Raises:
        NotAvailableError: the head has no exact error where attention fluctuates, or τσQ is larger than 3.

    Example:
        >>> mixture = ContextualMixture(dimension=61, tokens=16, relevant_tokens=2)
        >>> print("%.6f" % fluctuating_prediction(mixture, Head(samples=100)).error)
        0.323719
    """
    weighted = head.kind == "weighted-averaging"
    if not has_fluctuating_formula(head):
        raise NotAvailableError(
            f"there is no exact formula for the {head.kind} head in the {head.space} space where attention fluctuates "
            "(isotropic noise with an inverse temperature above 0); the proportional regime has one"
        )
    laws = both_laws(mixture, head)
    if not np.all(laws[0].noise > 0):
        return noiseless_prediction(laws[0], head, "exact")
    samples, dimension = single(head.samples), int(single(mixture.dimension)) - 1
    direction = 1.0 if weighted else math.copysign(1.0, laws[0].mean(laws[0].signal))
    population = error_given_overlap(laws[0], direction)
    if math.isinf(samples):
        outcomes = [(error_given_overlap(law, direction), direction) for law in laws]
        limit = min(population, 1 - population)
    else:
        count = int(samples)
        outcomes = [
            fluctuating_averaging_error(law, count, dimension, weighted=weighted, resolution=resolution)
            for law, resolution in zip(laws, ("fine", "coarse"), strict=True)
        ]
        best = outcomes[0][0] if weighted else fluctuating_averaging_error(laws[0], count, dimension, weighted=True)[0]
        # Where δ_w turns the signal of most features round, the best head is the opposite one.
        limit = min(best, 1 - best)
    error, overlap = outcomes[0]
    bound = abs(error - outcomes[1][0]) + ROUNDING
    if bound > ACCEPTED:
        raise NotAvailableError(
            f"the exact error of the {head.kind} head is known to {bound:.1g} only, for very many tokens or examples "
            "make its law hard to resolve; the proportional regime has it"
        )
    return Prediction(
        error=error,
        error_bound=bound,
        log_error=math.log(error) if error > 0 else -math.inf,
        regime="exact",
        kappa=math.sqrt(mean_snr_square(mixture, head, laws[0])),
        overlap=overlap,
        limit=limit,
        population=population,
        source=f"{head.kind} head, fluctuating attention, given the scores: exact, derived here",
    )
