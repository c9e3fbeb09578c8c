"""Which models tell the labels apart without noise where δ is (0, 0) or one other value: ranges of (δ_q, δ_w, ζ).

δ is (0, 0) or (δ_q, δ_w), each with positive probability, δ_q and δ_w > -1, and q⋆ ⟂ w⋆.  With o = ζ/(1-ζ) some weights
reach the accuracy 1 of

    uniform pooling     if and only if  δ_w < o,
    linear attention    if and only if  δ_q δ_w > -o,
    self-attention      if and only if  δ_q ≠ δ_w or δ_q = δ_w < Δ⋆(ζ),
    prompt-attention    always.

Pooling and linear attention: at δ = (0, 0) the part of y f that is odd in y has to be positive, which fixes the sign of
the weights; at the other δ it has their sign times that of ζ - (1-ζ) δ_w, or of ζ + (1-ζ) δ_q δ_w; with wᵀq⋆ = qᵀw⋆ = 0
there is no other part.  Self-attention with K = (a q⋆q⋆ᵀ/Q⁴)/(1+δ_q) + (b w⋆w⋆ᵀ/W⁴)/(1+δ_w): relevant tokens prefer
relevant ones by a + b, the others by -(δ_q a + δ_w b), and both can be as large as one likes unless δ_q = δ_w.
Source: derived here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theory.arguments import ArgumentError, FloatArray, NotAvailableError, real, single
from theory.expressivity.self_attention import self_attention_threshold


@dataclass(frozen=True)
class Successes:
    """Whether some weights of each model never err.

    Attributes:
        prompt_attention: softmax-prompt-attention.
        self_attention: softmax-self-attention.
        linear_attention: linear-prompt-attention.
        uniform_pooling: a head on the mean token.
    """

    prompt_attention: bool
    self_attention: bool
    linear_attention: bool
    uniform_pooling: bool


def who_succeeds(delta_context: float, delta_signal: float, sparsity: float) -> Successes:
    """Return which models never err with the right weights, for δ = (0, 0) or (δ_q, δ_w): the ranges are above.

    Args:
        delta_context: δ_q > -1.
        delta_signal: δ_w > -1.
        sparsity: ζ, greater than 0 and less than 1.

    Raises:
        ArgumentError: an argument is out of range.

    Example:
        >>> who_succeeds(4.0, 4.0, 0.25)
        Successes(prompt_attention=True, self_attention=False, linear_attention=True, uniform_pooling=False)
    """
    context = single(real("delta_context", delta_context, above=-1))
    signal = single(real("delta_signal", delta_signal, above=-1))
    share = single(real("sparsity", sparsity, above=0))
    if share >= 1:
        raise ArgumentError("sparsity", "be less than 1", share)
    odds = share / (1 - share)
    attentive = context != signal or context < self_attention_threshold(share).threshold
    return Successes(True, attentive, context * signal > -odds, signal < odds)


def off_diagonal_key(
    context_norm: float, signal_norm: float, *, delta_context: float, delta_signal: float, preference: float
) -> FloatArray:
    """Return K, shape (2, 2) in the directions of q⋆ and w⋆, with which all tokens prefer relevant ones by so much.

    Args:
        context_norm: Q > 0.
        signal_norm: W > 0.
        delta_context: δ_q > -1.
        delta_signal: δ_w > -1, another number than δ_q.
        preference: difference of the scores, in every row of the attention matrix.

    Raises:
        ArgumentError: an argument is out of range.
        NotAvailableError: δ_q = δ_w, where no K does that.

    Example:
        >>> off_diagonal_key(1.0, 1.0, delta_context=1.0, delta_signal=3.0, preference=10.0)
        array([[10. ,  0. ],
               [ 0. , -2.5]])
    """
    norms = real("context_norm", context_norm, above=0), real("signal_norm", signal_norm, above=0)
    deltas = np.array(
        [
            single(real("delta_context", delta_context, above=-1)),
            single(real("delta_signal", delta_signal, above=-1)),
        ]
    )
    if deltas[0] == deltas[1]:
        raise NotAvailableError("where delta_context = delta_signal no key makes all tokens prefer the relevant ones")
    # a + b = p and δ_q a + δ_w b = -p.
    wanted = np.linalg.solve(np.array([[1.0, 1.0], deltas]), [preference, -preference])
    return np.diag(wanted / (1 + deltas) / np.array([single(norm) for norm in norms]) ** 2)
