"""The averaging heads: plain, and weighted by the known quality of each example, which is the best possible."""

from __future__ import annotations

import numpy as np

from theory.arguments import FloatArray, Numbers, as_numbers, broadcast, plain, real
from theory.proportional.overlap import ProportionalHead, ratio_argument


def averaging_head(signal_mean: Numbers, noise_square: Numbers, ratio: Numbers) -> ProportionalHead:
    """Return the limit of (1/n) Σ yᵢ hᵢ: w₁ = W E M, w_⊥² = γ E S² (derived here).  Numbers broadcast.

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
    across = np.sqrt(ratio_argument(ratio) * real("noise_square", noise_square, least=0))
    return _closed_form(real("signal_mean", signal_mean), np.asarray(across))


def weighted_averaging_head(snr_square: Numbers, ratio: Numbers) -> ProportionalHead:
    """Return the limit of Σ (Mᵢ/Sᵢ²) yᵢ hᵢ: c_w² = k/(k + γ), k = E κ² = W² E[M²/S²] (derived here).

    Up to a factor w₁ = √k and w_⊥ = √γ.  With known scores and a direction of w⋆ that is uniformly random before the
    data are seen, this is the posterior mean of that direction: no head learned from the features aligns better.
    Numbers broadcast.

    Args:
        snr_square: k ≥ 0, infinity included.
        ratio: γ = p/n ≥ 0.

    Raises:
        ArgumentError: an argument is out of range.

    Example:
        >>> round(weighted_averaging_head(4.0, ratio=1.0).overlap ** 2, 6)
        0.8
    """
    across, square = np.sqrt(ratio_argument(ratio)), as_numbers("snr_square", snr_square)
    exact = np.isposinf(square)
    along = np.sqrt(real("snr_square", np.where(exact, 1.0, square), least=0))
    return _closed_form(np.asarray(along), np.asarray(np.where(exact, 0.0, across)))


def _closed_form(along: FloatArray, across: FloatArray) -> ProportionalHead:
    """Return heads that solve no equations."""
    along, across, residual = (np.array(x) for x in broadcast(along=along, across=across, residual=np.zeros(())))
    return ProportionalHead(plain(along), plain(across), plain(residual))
