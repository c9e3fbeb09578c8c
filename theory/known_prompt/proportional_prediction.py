"""Predictions in the proportional regime: every head, every attention."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from theory.arguments import NotAvailableError, single
from theory.attention.deterministic import attention_fluctuates
from theory.attention.law import LARGEST_SPREAD, AttentionLaw
from theory.attention.moments import LARGEST_SPREAD as LARGEST_MOMENT_SPREAD
from theory.attention.moments import AttentionMoments, attention_moments
from theory.head import Head
from theory.known_prompt.fluctuating_averaging import error_given_overlap
from theory.known_prompt.fluctuating_prediction import ROUNDING, both_laws, mean_snr_square, noiseless_prediction
from theory.mixture import ContextualMixture
from theory.prediction import Prediction
from theory.proportional.averaging import averaging_head, weighted_averaging_head
from theory.proportional.logistic import logistic_head
from theory.proportional.max_margin import max_margin_head, separability_threshold
from theory.proportional.ridge import ridge_head
from theory.risk.lognormal_sum import LognormalSum, probability_below_zero

SOURCE = "in the proportional regime: derived here"


def proportional_prediction(mixture: ContextualMixture, head: Head) -> Prediction:
    """Return the limit n, p → ∞ at γ = p/n for single numbers, p = d - 1 or, in the full space, d.

    Heads: `theory.proportional`.  Test error given the overlap c_w: E Q(M W c_w/S).  The limit is that of weighted
    averaging, c_w² = k/(k + γ) with k = E κ².

    Raises:
        NotAvailableError: the data are not separable and the head is max-margin; or τσQ is larger than 3 (5 for the
            averaging heads).
        ConvergenceError: the equations of the head were not solved.

    Example:
        >>> mixture = ContextualMixture(dimension=101, tokens=16, relevant_tokens=2)
        >>> print("%.5f" % proportional_prediction(mixture, Head(samples=200, kind="ridge", ridge=0.01)).error)
        0.34730
    """
    space = single(mixture.dimension) - (1 if head.space == "orthogonal" else 0)
    ratio = space / single(head.samples)
    spread = single(head.inverse_temperature) * single(mixture.noise) * single(mixture.context_norm)
    fluctuates = bool(attention_fluctuates(mixture, head.inverse_temperature).any())
    averages = head.kind in ("averaging", "weighted-averaging")
    if head.attention == "softmax" and fluctuates and spread > LARGEST_SPREAD and averages:
        return _from_moments(mixture, head, ratio)
    laws = both_laws(mixture, head)
    if not np.all(laws[0].noise > 0):
        return noiseless_prediction(laws[0], head, "proportional")
    snr_square = mean_snr_square(mixture, head, laws[0])
    (overlap, source), (coarse_overlap, _) = (head_overlap(law, head, ratio, snr_square) for law in laws)
    error = error_given_overlap(laws[0], overlap)
    best = error_given_overlap(laws[0], weighted_averaging_head(snr_square, ratio).overlap)
    return Prediction(
        error=error,
        error_bound=abs(error - error_given_overlap(laws[1], coarse_overlap)) + ROUNDING,
        log_error=math.log(error) if error > 0 else -math.inf,
        regime="proportional",
        kappa=math.sqrt(snr_square),
        overlap=overlap,
        limit=min(best, 1 - best),
        population=_population(lambda cosine: error_given_overlap(laws[0], cosine), overlap),
        source=f"{source} {SOURCE}",
    )


def _population(error: Callable[[float], float], overlap: float) -> float:
    """Return the error at n = ∞, where the overlap is 1 of the sign that the head has."""
    return error(math.copysign(1.0, overlap) if overlap != 0 else 1.0)


def head_overlap(law: AttentionLaw, head: Head, ratio: float, snr_square: float) -> tuple[float, str]:
    """Return c_w of a head in the proportional regime, and what the head is called.

    Args:
        law: law of (M W, S), S > 0.
        head: the head; of its training its kind and penalty count.
        ratio: γ = p/n ≥ 0.
        snr_square: E κ² of the law.

    Raises:
        NotAvailableError: the data are not separable and the head is max-margin.
        ConvergenceError: the equations of the head were not solved.

    Example:
        >>> law = AttentionLaw(np.array([1.0]), np.array([1.0]), np.array([1.0]))
        >>> overlap, name = head_overlap(law, Head(1), 0.5, 1.0)
        >>> print(f"{name}: {overlap:.6f}")
        averaging head: 0.816497
    """
    if head.kind == "averaging":
        return averaging_head(law.mean(law.signal), max(law.mean(law.noise**2), 0.0), ratio).overlap, "averaging head"
    if head.kind == "weighted-averaging":
        return weighted_averaging_head(snr_square, ratio).overlap, "weighted averaging head"
    if head.kind == "max-margin":
        return max_margin_head(law, ratio).overlap, "max-margin head"
    penalty = 0.0 if head.ridge is None else single(head.ridge)
    if head.kind == "logistic":
        separable = penalty == 0 and ratio > separability_threshold(law)
        name = "logistic head without penalty on separable data, the max-margin head" if separable else "logistic head"
        return logistic_head(law, ratio, penalty).overlap, name
    name = "ridge head" if head.kind == "ridge" else "least squares and minimum norm"
    return ridge_head(law, ratio, penalty).overlap, name


def _from_moments(mixture: ContextualMixture, head: Head, ratio: float) -> Prediction:
    """Return the prediction for an averaging head from moments alone, which reach further than the law."""
    spread = single(head.inverse_temperature) * single(mixture.noise) * single(mixture.context_norm)
    if spread > LARGEST_MOMENT_SPREAD:
        raise NotAvailableError(
            "moments of fluctuating attention are available for noise * inverse_temperature * context_norm up to "
            f"{LARGEST_MOMENT_SPREAD:g}, got {spread:.3g}"
        )
    moments = attention_moments(mixture, head.inverse_temperature)
    snr_square = single(moments.snr_square)
    best = weighted_averaging_head(snr_square, ratio)
    chosen = best
    if head.kind == "averaging":
        chosen = averaging_head(single(moments.signal), single(moments.noise_square), ratio)
    bounds: list[float] = []

    def error(overlap: float) -> float:
        probability = probability_below_zero(unit_head_decision(mixture, single(head.inverse_temperature), overlap))
        bounds.append(probability.bound)
        return probability.value

    value, limit = error(chosen.overlap), error(best.overlap)
    return Prediction(
        error=value,
        # The error changes by at most e^{-1/2}/√(2π) E|κ| per unit of overlap.
        error_bound=bounds[0] + _overlap_bound(moments, head.kind, ratio) * (1 + math.sqrt(snr_square)),
        log_error=math.log(value) if value > 0 else -math.inf,
        regime="proportional",
        kappa=math.sqrt(snr_square),
        overlap=chosen.overlap,
        limit=min(limit, 1 - limit),
        population=_population(error, chosen.overlap),
        source=f"{head.kind} head {SOURCE}",
    )


def _overlap_bound(moments: AttentionMoments, kind: str, ratio: float) -> float:
    """Return a bound on the error of an averaging head's overlap x/√(1 + x²), which changes by less than x and ln x."""
    bound = single(moments.relative_error)
    if kind == "averaging":  # x = E M W/√(γ E S²)
        across = math.sqrt(ratio * single(moments.noise_square))
        bound += single(moments.signal_error) / across if across > 0 else 0.0
    elif 0 < single(moments.snr_square) < math.inf:  # x = √(E κ²/γ)
        bound += single(moments.snr_square_error) / single(moments.snr_square)
    return min(bound, 1.0)


def unit_head_decision(mixture: ContextualMixture, temperature: float, overlap: float) -> LognormalSum:
    """Return the law whose sign decides, for a head of length 1 orthogonal to the prompt, at this overlap with w⋆.

    Raises:
        NotAvailableError: the prompt gives relevant tokens e^300 times the weight of a noiseless irrelevant one.

    Example:
        >>> unit_head_decision(ContextualMixture(11, 16, 2), 0.0, 0.5)
        LognormalSum(constant=1.0, terms=14, spread=0.0, mean=-0.0, slope=0.0, noise=1.0)
    """
    context, noise = single(mixture.context_norm), single(mixture.noise)
    gain = overlap * single(mixture.signal_norm)
    logit = (1 + single(mixture.delta_context)) * temperature * context**2
    if logit > 300:
        raise NotAvailableError(
            f"the prompt outweighs the noise by e^{logit:.0f}: the error is that of relevant tokens alone"
        )
    return LognormalSum(
        constant=single(mixture.relevant_tokens) * math.exp(logit) * gain,
        terms=int(single(mixture.irrelevant_tokens)),
        spread=temperature * noise * context,
        mean=-single(mixture.delta_signal) * gain,
        slope=0.0,
        noise=noise,
    )
