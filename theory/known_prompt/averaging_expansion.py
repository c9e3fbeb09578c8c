"""Averaging head under fluctuating attention: the plug-in error and its correction of order 1/n.

Given the scores of its training set, the error of the averaging head depends on the means M̄ and S̄² over n examples,

    G(M̄, S̄²) = E_κ P(xᵀy < 0),   x ~ N(√n M̄W/S̄ e, I_p), y ~ N(κ e, I_p),

and they are E M and E S² up to fluctuations with the covariance C/n of one example.  So

    ERR = G(E M, E S²) + (1/2n) Σ_ij C_ij ∂_i ∂_j G + O(1/n²):

the plug-in value is off by O(1/n), and with the correction O(1/n²) is left out, at a fixed ratio p/n as at a fixed p.
Source: derived here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from theory.arguments import ArgumentError, NotAvailableError, single, whole
from theory.attention.law import AttentionLaw
from theory.known_prompt.fluctuating_averaging import LENGTH_DEGREE, one_number
from theory.known_prompt.inner_product import log_inner_product_cdf

STEP = 0.1
"""Step of the second differences, in standard deviations of the means; it adds a share of its square to what is of
order 1/n² anyway."""


@dataclass(frozen=True)
class AveragingExpansion:
    """Error of the averaging head to first order in 1/n.

    Attributes:
        plug_in: error with E M and E S² in place of their means over the training set.
        correction: of order 1/n; their sum leaves out O(1/n²).
    """

    plug_in: float
    correction: float


def averaging_expansion(law: AttentionLaw, samples: float, dimension: float) -> AveragingExpansion:
    """Return the expansion at the head of this file.

    Args:
        law: law of (M W, S), S > 0 (`theory.attention.law`).
        samples: n ≥ 1, finite.
        dimension: p ≥ 1, the dimension that the head lives in.

    Raises:
        ArgumentError: an argument is out of range.
        NotAvailableError: S² varies so much that n examples do not settle its mean.

    Example:
        >>> law = AttentionLaw(np.array([0.5, 1.5]), np.array([1.0, 1.0]), np.array([0.5, 0.5]))
        >>> expansion = averaging_expansion(law, 100, 50)
        >>> print(f"{expansion.plug_in:.6f} {expansion.correction:+.6f}")
        0.225832 +0.000189
    """
    n, p = single(whole("samples", samples, least=1)), single(whole("dimension", dimension, least=1))
    if not np.all(law.noise > 0):
        raise ArgumentError("law", "have noise S > 0 at every node", "S = 0")
    kappa, weight = one_number(law.signal / law.noise, law.weight, LENGTH_DEGREE["fine"])

    def error(mean: float, square: float) -> float:
        length = math.sqrt(n / square) * mean * np.ones_like(kappa)
        logs = log_inner_product_cdf(np.full_like(kappa, p), length * kappa, (length**2 + kappa**2) / 2).log_value
        return float(weight @ np.exp(logs))

    centre = np.array([law.mean(law.signal), law.mean(law.noise**2)])
    deviations = np.stack([law.signal - centre[0], law.noise**2 - centre[1]])
    covariance = (deviations * law.weight) @ deviations.T / n
    units = np.sqrt(np.maximum(np.diag(covariance), np.finfo(float).tiny))
    values, vectors = np.linalg.eigh(covariance / np.outer(units, units))
    plug_in, correction = error(*centre), 0.0
    for value, vector in zip(values, vectors.T, strict=True):
        step = STEP * math.sqrt(max(float(value), 0.0)) * vector * units
        if abs(step[1]) >= centre[1]:
            raise NotAvailableError(
                f"noise varies so much between sequences that {n:.0f} of them do not settle its mean"
            )
        change = error(*(centre + step)) + error(*(centre - step)) - 2 * plug_in
        correction += change / STEP**2 / 2
    return AveragingExpansion(plug_in, correction)
