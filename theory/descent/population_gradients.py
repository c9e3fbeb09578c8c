"""Population gradients of the squared loss at a prompt of zero, for any head, any angle and any finite T.

The loss is E (y - f(X))²/2 with f(X) = wᵀ Xᵀ softmax(X q).  At q = 0 attention is uniform: f is the head on the mean
token x̄, and ∂f/∂q = C w with C the covariance of the tokens of one sequence, so that

    -∇_w = E[(y - wᵀx̄) x̄],   -∇_q = E[(y - wᵀx̄) C w].

Between the R relevant tokens and the m others, with z̄ and S_z the mean and the covariance of the m noises and
D = p + y r, p = (1+δ_q) q⋆, r = (1+δ_w) w⋆ the distance of the two centres,

    C = (1-ζ) S_z + ζ(1-ζ) (D - z̄)(D - z̄)ᵀ,   S_z independent of z̄ ~ N(0, (σ²/m) Σ).

With a_w = ζ - (1-ζ) δ_w, a_q = ζ - (1-ζ) δ_q, b = a_q q⋆ᵀw and s = a_w w⋆ᵀw, Σ the identity or the projection that is
orthogonal to q⋆, Wick's theorem leaves (derived here)

    -∇_w = a_w (1 - s) w⋆ - a_q b q⋆ - (1-ζ)(σ²/T) Σw,
    -∇_q = ζ(1-ζ) { (1-s) [(rᵀw) p + (pᵀw) r] - b [(pᵀw) p + (rᵀw) r] + (σ²/T) [(wᵀΣw) p + (pᵀw) Σw] }
           - b (1-ζ)(1 - 1/T) σ² Σw.

For δ = 0, q⋆ ⟂ w⋆ and w = c w⋆ the second is c ζ(1-ζ) W² [1 - c(ζW² - σ²/T)] q⋆: the prompt step finds q⋆.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from theory.arguments import FloatArray
from theory.risk.exact_risk import Delta, checked_data
from theory.risk.trained_model import TrainedModel

ROUNDINGS = 64.0
"""Rounding errors of one unit in products of a few sums over d coordinates."""


@dataclass(frozen=True)
class PopulationGradients:
    """Negative gradients of the population loss at (w, 0).

    Attributes:
        head: -∇_w, shape (d,).
        prompt: -∇_q, shape (d,).
        error_bound: estimated bound on the rounding error of any coordinate of the two.
    """

    head: FloatArray
    prompt: FloatArray
    error_bound: float


def population_gradients(
    context: npt.ArrayLike,
    signal: npt.ArrayLike,
    head: npt.ArrayLike,
    *,
    tokens: int,
    relevant_tokens: int,
    noise: float = 1.0,
    noise_kind: str = "isotropic",
    deltas: Sequence[Delta] = (Delta(0.0, 0.0),),
) -> PopulationGradients:
    """Return -∇_w and -∇_q of the population loss at the head w and the prompt 0: the formulas are above.

    Args:
        context: q⋆, shape (d,).
        signal: w⋆, shape (d,), at any angle to q⋆.
        head: w, shape (d,), any.
        tokens: T ≥ 1.
        relevant_tokens: R, between 1 and T.
        noise: σ ≥ 0.
        noise_kind: "isotropic" or "prompt-orthogonal".
        deltas: the values of (δ_q, δ_w) that an example may have, with probabilities that add up to 1.

    Raises:
        ArgumentError: an argument is out of range.

    Example:
        >>> gradients = population_gradients([2, 0, 0], [0, 1, 0], [0, 0.5, 0], tokens=8, relevant_tokens=2)
        >>> gradients.prompt  # c ζ(1-ζ) W² (1 - c(ζW² - σ²/T)) q⋆
        array([0.17578125, 0.        , 0.        ])
    """
    model = TrainedModel(np.asarray(context), np.asarray(signal), np.zeros(np.shape(context)), np.asarray(head))
    size, relevant, sigma = checked_data(model, tokens, relevant_tokens, noise, noise_kind, deltas)
    variance = sigma**2
    q, w_star, w = model.context, model.signal, model.head
    noisy = w
    if noise_kind == "prompt-orthogonal":
        unit = q / np.linalg.norm(q)
        noisy = w - (w @ unit) * unit
    share, rest = relevant / size, (size - relevant) / size
    head_step, prompt_step, scale = np.zeros_like(w), np.zeros_like(w), 0.0
    for delta in deltas:
        mean_signal, mean_context = share - rest * delta.signal, share - rest * delta.context
        fit, offset = 1 - mean_signal * (w_star @ w), mean_context * (q @ w)
        p, r = (1 + delta.context) * q, (1 + delta.signal) * w_star
        between = fit * ((r @ w) * p + (p @ w) * r) - offset * ((p @ w) * p + (r @ w) * r)
        fluctuation = variance / size * ((w @ noisy) * p + (p @ w) * noisy)
        within = -offset * rest * (1 - 1 / size) * variance * noisy
        head_step += delta.probability * (
            mean_signal * fit * w_star - mean_context * offset * q - rest * variance / size * noisy
        )
        prompt_step += delta.probability * (share * rest * (between + fluctuation) + within)
        lengths = np.linalg.norm(p) + np.linalg.norm(r) + np.linalg.norm(q) + np.linalg.norm(w_star)
        length = float(np.linalg.norm(w))
        scale += delta.probability * float((1 + length * lengths) * (1 + length) * (lengths + variance) * (1 + lengths))
    return PopulationGradients(head_step, prompt_step, float(np.finfo(np.float64).eps * ROUNDINGS * scale))
