"""The averaging heads: plain, and weighted by the known quality of each example, which is the best possible."""

from __future__ import annotations

import math

from theory.arguments import Numbers, real, single
from theory.proportional.overlap import ProportionalHead, ratio_argument


def averaging_head(signal_mean: Numbers, noise_square: Numbers, ratio: float) -> ProportionalHead:
    """Return the limit of (1/n) Σ yᵢ hᵢ: w₁ = W E M, w_⊥² = γ E S² (derived here).

    Args:
        signal_mean: W E M.
        noise_square: E S² ≥ 0.
        ratio: γ = p/n ≥ 0.

    Raises:
        ArgumentError: an argument is out of range.

    Example:
        >>> round(averaging_head(1.0, 1.0, ratio=0.5).overlap, 6)
        0.816497
    """
    across = math.sqrt(ratio_argument(ratio) * single(real("noise_square", noise_square, least=0)))
    return ProportionalHead(single(real("signal_mean", signal_mean)), across, 0.0)


def weighted_averaging_head(snr_square: float, ratio: float) -> ProportionalHead:
    """Return the limit of Σ (Mᵢ/Sᵢ²) yᵢ hᵢ: c_w² = k/(k + γ), k = E κ² = W² E[M²/S²] (derived here).

    Up to a factor w₁ = √k and w_⊥ = √γ.  With known scores and a direction of w⋆ that is uniformly random before the
    data are seen, this is the posterior mean of that direction: no head learned from the features aligns better.

    Args:
        snr_square: k ≥ 0, infinity included.
        ratio: γ = p/n ≥ 0.

    Raises:
        ArgumentError: an argument is out of range.

    Example:
        >>> round(weighted_averaging_head(4.0, ratio=1.0).overlap ** 2, 6)
        0.8
    """
    across = math.sqrt(ratio_argument(ratio))
    if snr_square == math.inf:
        return ProportionalHead(1.0, 0.0, 0.0)
    return ProportionalHead(math.sqrt(single(real("snr_square", snr_square, least=0))), across, 0.0)
