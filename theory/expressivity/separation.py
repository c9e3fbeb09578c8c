"""Where the four models part on data without noise: thresholds in δ for one sparsity ζ = R/T.

    uniform pooling     y f ∝ (ζ - (1-ζ) δ_w) y wᵀ(y w⋆) + …: the part that is odd in y vanishes at δ_w = ζ/(1-ζ),
    linear attention    the odd part is ∝ ζ + (1-ζ) δ_q δ_w: it vanishes at δ = (Δ, -Δ), Δ = √(ζ/(1-ζ)),
    self-attention      δ = (0, 0) or (Δ, Δ) with probability 1/2 each: above Δ⋆(ζ) (`expressivity.self_attention`),

and there the accuracy is 1/2 whatever the weights are.  Softmax-prompt-attention never errs on any of these data, nor
on any other with δ_q > -1 and δ_w bounded (`expressivity.constructions`).  Source: derived here; makes precise the
abstract's claim that softmax-prompt-attention is the more expressive.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from theory.arguments import ArgumentError, single, whole
from theory.expressivity.self_attention import self_attention_threshold


@dataclass(frozen=True)
class Separation:
    """Thresholds at one sparsity.

    Attributes:
        sparsity: ζ.
        self_attention_threshold: Δ⋆, above which every self-attention has the accuracy 1/2 on (0, 0) or (Δ, Δ).
        self_attention_threshold_error: bound on its numerical error.
        self_attention_score: (1+Δ⋆) rᵀKr of the K that does best there.
        self_attention_sufficient: Δ from which on the failure needs no computation.
        linear_attention_delta: Δ at which every linear-prompt-attention has the accuracy 1/2 on δ = (Δ, -Δ).
        uniform_pooling_delta: δ_w at which every head on the mean token has the accuracy 1/2.
    """

    sparsity: float
    self_attention_threshold: float
    self_attention_threshold_error: float
    self_attention_score: float
    self_attention_sufficient: float
    linear_attention_delta: float
    uniform_pooling_delta: float


def separation(tokens: int, relevant_tokens: int) -> Separation:
    """Return the thresholds between the four models.

    Args:
        tokens: T ≥ 2.
        relevant_tokens: R, at least 1 and less than T.

    Raises:
        ArgumentError: an argument is out of range.

    Example:
        >>> found = separation(tokens=8, relevant_tokens=2)
        >>> print(f"{found.self_attention_threshold:.6f} {found.linear_attention_delta:.6f}")
        3.107345 0.577350
    """
    size = single(whole("tokens", tokens, least=2))
    relevant = single(whole("relevant_tokens", relevant_tokens, least=1))
    if relevant >= size:
        raise ArgumentError("relevant_tokens", f"be less than tokens = {int(size)}", int(relevant))
    odds, found = relevant / (size - relevant), self_attention_threshold(relevant / size)
    return Separation(
        sparsity=relevant / size,
        self_attention_threshold=found.threshold,
        self_attention_threshold_error=found.error_bound,
        self_attention_score=found.score,
        self_attention_sufficient=found.sufficient,
        linear_attention_delta=math.sqrt(odds),
        uniform_pooling_delta=odds,
    )
