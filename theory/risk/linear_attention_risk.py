"""The exact test error of any trained linear-prompt-attention f(X) = wᵀXᵀXq/T, without a test set.

Given the label y, a relevant token adds (qᵀr)(wᵀr) to T f, r = q⋆ + y w⋆, and an irrelevant one the product of two
correlated Gaussian numbers, of means qᵀμ and wᵀμ, μ = -δ_q q⋆ - δ_w y w⋆, and covariance σ² (qᵀq, qᵀw; qᵀw, wᵀw); with
prompt-orthogonal noise that of the parts of q and w orthogonal to q⋆.  So y T f is a constant plus m = T - R products
(`risk.quadratic_form`).  Source: derived here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from theory.arguments import FloatArray
from theory.quadrature import LogIntegral
from theory.risk.exact_risk import Delta, ExactRisk, checked_data
from theory.risk.lognormal_sum import PROMISED, AccuracyError
from theory.risk.quadratic_form import GaussianPairs, log_probability_below_zero
from theory.risk.trained_model import TrainedModel

ROUNDINGS = 64.0
"""Rounding errors of one unit that the constant and the means may add up to."""


def linear_attention_risk(
    model: TrainedModel,
    *,
    tokens: int,
    relevant_tokens: int,
    noise: float = 1.0,
    noise_kind: str = "isotropic",
    deltas: Sequence[Delta] = (Delta(0.0, 0.0),),
) -> ExactRisk:
    """Return P(y f(X) < 0) for linear-prompt-attention on the contextual mixture, ties counted as one half.

    Args:
        model: the vectors q⋆, w⋆, q and w, at any angles.
        tokens: T ≥ 1.
        relevant_tokens: R, between 1 and T.
        noise: σ ≥ 0.
        noise_kind: "isotropic" or "prompt-orthogonal".
        deltas: the values of (δ_q, δ_w) that an example may have, with probabilities that add up to 1.

    Raises:
        ArgumentError: an argument is out of range.
        AccuracyError: the error cannot be had to 1e-10.

    Example:
        >>> model = TrainedModel(context=[1, 0, 0], signal=[0, 1, 0], prompt=[1, 0, 0], head=[0, 1, 1])
        >>> print(f"{linear_attention_risk(model, tokens=16, relevant_tokens=2).error:.10f}")
        0.3451645449
    """
    size, relevant, sigma = checked_data(model, tokens, relevant_tokens, noise, noise_kind, deltas)
    directions = [vector / max(float(np.abs(vector).max()), 1e-300) for vector in (model.prompt, model.head)]
    chance = linear_attention_errors(
        *directions,
        context=model.context,
        signal=model.signal,
        counts=(relevant, size - relevant),
        sigma=sigma,
        noise_kind=noise_kind,
        deltas=deltas,
    )
    error = np.exp(chance.log_value)
    bound = float(error * chance.relative_error + ROUNDINGS * np.finfo(float).eps)
    if bound > PROMISED:
        raise AccuracyError(f"the test error is known to {bound:.1g} only, not to {PROMISED:g}")
    return ExactRisk(float(error), bound)


def linear_attention_errors(
    prompts: FloatArray,
    heads: FloatArray,
    *,
    context: FloatArray,
    signal: FloatArray,
    counts: tuple[int, int],
    sigma: float,
    noise_kind: str,
    deltas: Sequence[Delta],
) -> LogIntegral:
    """Return the logarithms of the errors of many prompts and heads, shape (…, d) each, at once; R and m in `counts`.

    Example:
        >>> axes = np.eye(2)
        >>> data = {"context": axes[0], "signal": axes[1], "counts": (1, 3), "noise_kind": "isotropic"}
        >>> both = linear_attention_errors(axes, axes[::-1], sigma=1.0, deltas=[Delta(0, 0)], **data)
        >>> np.exp(both.log_value).round(6)
        array([0.238513, 0.238513])
    """
    relevant, terms = counts
    blind = prompts, heads
    if noise_kind == "prompt-orthogonal":
        direction = context / np.linalg.norm(context)
        blind = tuple(x - (x @ direction)[..., None] * direction for x in blind)  # type: ignore[assignment]
    lengths = [np.linalg.norm(x, axis=-1) for x in blind]
    units = [x / np.where(length > 0, length, 1.0)[..., None] for x, length in zip(blind, lengths, strict=True)]
    # 1 + r and 1 - r of unit vectors, without cancellation where they are almost parallel.
    ends = [((units[0] + sign * units[1]) ** 2).sum(axis=-1) / 2 for sign in (1, -1)]
    cases = [(delta, label) for delta in deltas for label in (1.0, -1.0)]
    # One row a case, which broadcasts against the models.
    labels, shares = (
        np.array(column).reshape(-1, *[1] * np.ndim(ends[0]))
        for column in zip(*[(label, delta.probability / 2) for delta, label in cases], strict=True)
    )
    inside = [context + label * signal for _, label in cases]
    outside = [-delta.context * context - delta.signal * label * signal for delta, label in cases]
    prompt_in, head_in, prompt_out, head_out = (
        np.stack([weights @ token for token in tokens]) for tokens in (inside, outside) for weights in (prompts, heads)
    )
    chance = log_probability_below_zero(
        GaussianPairs(
            constant=labels * relevant * prompt_in * head_in,
            terms=np.asarray(float(terms)),
            means=(prompt_out, labels * head_out),
            variances=((sigma * lengths[0]) ** 2, (sigma * lengths[1]) ** 2),
            ends=(np.where(labels > 0, ends[0], ends[1]), np.where(labels > 0, ends[1], ends[0])),
        )
    )
    parts = shares * np.exp(chance.log_value)
    error, bound = parts.sum(axis=0), (parts * chance.relative_error).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return LogIntegral(np.log(error), np.where(error > 0, bound / error, 0.0))
