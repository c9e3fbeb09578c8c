"""What is predicted of a head that was trained under a known prompt."""

from __future__ import annotations

from dataclasses import dataclass

from theory.arguments import FloatArray


@dataclass(frozen=True)
class Prediction:
    """Predicted test error of a trained head (floats, or arrays of one shape).

    Attributes:
        error: P(y f(X) < 0), ties counted as one half, averaged over training sets and test sequences.
        error_bound: estimated bound on the numerical error of `error`.
        log_error: natural logarithm of `error`; where attention does not fluctuate, accurate where `error` underflows.
        regime: "exact" (every n and p) or "proportional" (the limit n, p → ∞ at fixed p/n).
        kappa: κ, signal-to-noise ratio of an attention feature; where attention fluctuates its root mean square.
        overlap: expected cos∠(ŵ, w⋆) over training sets, or its limit; negative where δ_w turns the signal round.
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
