"""The best accuracy of each model without noise where δ is (0, 0) or one other value: ranges of (δ_q, δ_w, ζ).

δ is (0, 0) or (δ_q, δ_w), equally likely, δ_q > -1, and q⋆ ⟂ w⋆.  With o = ζ/(1-ζ) some weights reach the
accuracy 1 of

    uniform pooling     if and only if  δ_w < o;  else 3/4 at best, and 1/2 where |ζ - (1-ζ) δ_q| = (1-ζ) δ_w - ζ > 0,
    linear attention    if and only if  δ_q δ_w > -o;  else 3/4 at best,
    self-attention      if and only if  δ_q ≠ δ_w or δ_q = δ_w < Δ⋆(ζ);  1/2 above Δ⋆,
    prompt-attention    always.

Pooling: y f is a_w X + y a_q Y with a = ζ - (1-ζ) δ, and ζ (X + y Y) at δ = (0, 0); the latter is right for both labels
only where X > |Y|, and then the former is wrong for one where a_w < 0.  Linear attention is the same with
ζ + (1-ζ) δ_q δ_w for a_w.  Three of the four cases are right for some Y/X but where |a_q| = |a_w|.  Self-attention with
K = (a q⋆q⋆ᵀ/Q⁴)/(1+δ_q) + (b w⋆w⋆ᵀ/W⁴)/(1+δ_w): relevant tokens prefer relevant ones by a + b, the others by
-(δ_q a + δ_w b), and both can be as large as one likes unless δ_q = δ_w; for δ_w ≤ -1 it succeeds as pooling, K = 0.
Source: derived here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theory.arguments import ArgumentError, FloatArray, NotAvailableError, real, single
from theory.expressivity.self_attention import self_attention_threshold


@dataclass(frozen=True)
class BestAccuracies:
    """The largest accuracy that weights of each model reach, ties counted as one half.

    Attributes:
        prompt_attention: softmax-prompt-attention.
        self_attention: softmax-self-attention; a supremum where δ_q and δ_w are close.
        linear_attention: linear-prompt-attention.
        uniform_pooling: a head on the mean token.
    """

    prompt_attention: float
    self_attention: float
    linear_attention: float
    uniform_pooling: float


def best_accuracies(delta_context: float, delta_signal: float, sparsity: float) -> BestAccuracies:
    """Return the best accuracies where δ is (0, 0) or (δ_q, δ_w), equally likely: the ranges are above.

    Args:
        delta_context: δ_q > -1.
        delta_signal: δ_w.
        sparsity: ζ, greater than 0 and less than 1.

    Raises:
        ArgumentError: an argument is out of range.

    Example:
        >>> best_accuracies(4.0, 4.0, 0.25)
        BestAccuracies(prompt_attention=1.0, self_attention=0.5, linear_attention=1.0, uniform_pooling=0.5)
    """
    context = single(real("delta_context", delta_context, above=-1))
    signal = single(real("delta_signal", delta_signal))
    share = single(real("sparsity", sparsity, above=0))
    if share >= 1:
        raise ArgumentError("sparsity", "be less than 1", share)
    along_context, along_signal = share - (1 - share) * context, share - (1 - share) * signal
    pooling = 1.0 if along_signal > 0 else 0.75
    if along_signal < 0 and abs(along_context) == abs(along_signal):
        pooling = 0.5
    attentive = context != signal or context < self_attention_threshold(share).threshold
    linear = share + (1 - share) * context * signal
    return BestAccuracies(1.0, 1.0 if attentive else 0.5, 1.0 if linear > 0 else 0.75, pooling)


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
