"""Predictions in the proportional regime: every head, every attention."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from theory.arguments import FloatArray, NotAvailableError, Numbers, broadcast, plain, single
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
    """Return the limit n, p → ∞ at γ = p/n under one attention, p = d - 1 or, in the full space, d.

    Heads: `theory.proportional`.  Test error given the overlap c_w: E Q(M W c_w/S).  The limit is that of weighted
    averaging, c_w² = k/(k + γ) with k = E κ².

    Args:
        mixture: the data; its parameters single numbers, the dimension excepted.
        head: the head, its inverse temperature a single number; samples, ridge and dimension broadcast.

    Raises:
        ArgumentError: shapes do not broadcast.
        NotAvailableError: the data are not separable and the head is max-margin; or τσQ is larger than 3 (5 for the
            averaging heads).
        ConvergenceError: the equations of the head were not solved.

    Example:
        >>> mixture = ContextualMixture(dimension=101, tokens=16, relevant_tokens=2)
        >>> proportional_prediction(mixture, Head(samples=[200, 400], kind="ridge", ridge=0.01)).error.round(5)
        array([0.3473 , 0.30911])
    """
    dimension, samples, _ = broadcast(
        dimension=np.asarray(mixture.dimension), samples=np.asarray(head.samples), ridge=_penalty(head)
    )
    ratio = np.asarray((dimension - 1 if head.space == "orthogonal" else dimension) / samples)
    spread = single(head.inverse_temperature) * single(mixture.noise) * single(mixture.context_norm)
    fluctuates = bool(attention_fluctuates(mixture, head.inverse_temperature).any())
    averages = head.kind in ("averaging", "weighted-averaging")
    if head.attention == "softmax" and fluctuates and spread > LARGEST_SPREAD and averages:
        return _in_shape(_from_moments(mixture, head, ratio), ratio.shape)
    laws = both_laws(mixture, head)
    if not np.all(laws[0].noise > 0):
        return _in_shape(noiseless_prediction(laws[0], head, "proportional"), ratio.shape)
    snr_square = mean_snr_square(mixture, head, laws[0])
    (overlap, names), (coarse_overlap, _) = (head_overlap(law, head, ratio, snr_square) for law in laws)
    error, best = error_given_overlap(laws[0], [overlap, weighted_averaging_head(snr_square, ratio).overlap])
    prediction = Prediction(
        error=error,
        error_bound=np.abs(error - error_given_overlap(laws[1], coarse_overlap)) + ROUNDING,
        log_error=_logarithm(error),
        regime="proportional",
        kappa=math.sqrt(snr_square),
        overlap=overlap,
        limit=np.minimum(best, 1 - best),
        population=_at_each(partial(error_given_overlap, laws[0]), _population_overlap(overlap)),
        source="; ".join(f"{name} {SOURCE}" for name in names),
    )
    return _in_shape(prediction, ratio.shape)


def _penalty(head: Head) -> FloatArray:
    """Return λ, 0 where the head has none."""
    return np.asarray(0.0 if head.ridge is None else head.ridge)


def _in_shape(prediction: Prediction, shape: tuple[int, ...]) -> Prediction:
    """Return the prediction with all its numbers in this shape."""
    numbers = {name: value for name, value in vars(prediction).items() if not isinstance(value, str)}
    return replace(prediction, **{name: plain(np.array(np.broadcast_to(x, shape))) for name, x in numbers.items()})


def _logarithm(error: FloatArray) -> FloatArray:
    """Return log ERR, -∞ for an error of 0."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(error))


def _population_overlap(overlap: FloatArray) -> FloatArray:
    """Return the overlap at n = ∞: 1, of the sign that the head has."""
    return np.where(overlap < 0, -1.0, 1.0)


def _at_each(function: Callable[[FloatArray], FloatArray], values: FloatArray) -> FloatArray:
    """Return a function of values of which many may be the same."""
    different, index = np.unique(values, return_inverse=True)
    return np.asarray(function(different))[..., index.reshape(values.shape)]


def head_overlap(
    law: AttentionLaw, head: Head, ratio: Numbers, snr_square: float
) -> tuple[FloatArray, tuple[str, ...]]:
    """Return c_w of a head in the proportional regime, and what the head is called; all names that occur.

    Args:
        law: law of (M W, S), S > 0.
        head: the head; of its training its kind and penalty count.
        ratio: γ = p/n ≥ 0; it broadcasts against the penalty.
        snr_square: E κ² of the law.

    Raises:
        NotAvailableError: the data are not separable and the head is max-margin.
        ConvergenceError: the equations of the head were not solved.

    Example:
        >>> law = AttentionLaw(np.array([1.0]), np.array([1.0]), np.array([1.0]))
        >>> overlap, names = head_overlap(law, Head(1), 0.5, 1.0)
        >>> print(f"{names[0]}: {overlap:.6f}")
        averaging head: 0.816497
    """
    if head.kind == "averaging":
        averaging = averaging_head(law.mean(law.signal), max(law.mean(law.noise**2), 0.0), ratio)
        return np.asarray(averaging.overlap), ("averaging head",)
    if head.kind == "weighted-averaging":
        return np.asarray(weighted_averaging_head(snr_square, ratio).overlap), ("weighted averaging head",)
    if head.kind in ("ridge", "least-squares"):
        name = "ridge head" if head.kind == "ridge" else "least squares and minimum norm"
        return np.asarray(ridge_head(law, ratio, _penalty(head)).overlap), (name,)
    ratios, penalties = broadcast(ratio=np.asarray(ratio, dtype=np.float64), ridge=_penalty(head))
    points = list(zip(ratios.ravel().tolist(), penalties.ravel().tolist(), strict=True))
    if head.kind == "max-margin":
        overlaps, names = [max_margin_head(law, gamma).overlap for gamma, _ in points], ["max-margin head"]
    else:
        overlaps = [logistic_head(law, gamma, penalty).overlap for gamma, penalty in points]
        separable = [penalty == 0 and gamma > separability_threshold(law) for gamma, penalty in points]
        without = "logistic head without penalty on separable data, the max-margin head"
        names = [without if one else "logistic head" for one in separable]
    return np.array(overlaps).reshape(ratios.shape), tuple(dict.fromkeys(names))


def _from_moments(mixture: ContextualMixture, head: Head, ratio: FloatArray) -> Prediction:
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
        chosen = averaging_head(moments.signal, moments.noise_square, ratio)

    def error(overlaps: FloatArray) -> FloatArray:
        decisions = [unit_head_decision(mixture, single(head.inverse_temperature), overlap) for overlap in overlaps]
        probabilities = [probability_below_zero(decision) for decision in decisions]
        return np.array([[one.value for one in probabilities], [one.bound for one in probabilities]])

    overlap = np.asarray(chosen.overlap)
    value, bound = _at_each(error, overlap)
    limit = value if chosen is best else _at_each(error, np.asarray(best.overlap))[0]
    return Prediction(
        error=value,
        # The error changes by at most e^{-1/2}/√(2π) E|κ| per unit of overlap.
        error_bound=bound + _overlap_bound(moments, head.kind, ratio) * (1 + math.sqrt(snr_square)),
        log_error=_logarithm(value),
        regime="proportional",
        kappa=math.sqrt(snr_square),
        overlap=overlap,
        limit=np.minimum(limit, 1 - limit),
        population=_at_each(error, _population_overlap(overlap))[0],
        source=f"{head.kind} head {SOURCE}",
    )


def _overlap_bound(moments: AttentionMoments, kind: str, ratio: FloatArray) -> FloatArray:
    """Return a bound on the error of an averaging head's overlap x/√(1 + x²), which changes by less than x and ln x."""
    bound = np.full(ratio.shape, single(moments.relative_error))
    if kind == "averaging":  # x = E M W/√(γ E S²)
        across = np.sqrt(ratio * single(moments.noise_square))
        bound += np.divide(single(moments.signal_error), across, out=np.zeros_like(bound), where=across > 0)
    elif 0 < single(moments.snr_square) < math.inf:  # x = √(E κ²/γ)
        bound += single(moments.snr_square_error) / single(moments.snr_square)
    return np.asarray(np.minimum(bound, 1.0))


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
