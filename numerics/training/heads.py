"""The heads: what each of them makes of label-signed training features xᵢ = yᵢ hᵢ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import lstsq
from scipy.linalg.lapack import dpocon, dpotrf, dpotrs

from numerics.training.logistic import logistic_head
from numerics.training.max_margin import max_margin_head
from numerics.training.row_space import in_row_space
from theory.arguments import ArgumentError, FloatArray, single
from theory.head import Head

SAFE_CONDITION = 1e6
"""Up to this condition the normal equations keep ten digits; they take a third of the time of a QR factorisation."""

SAFE_SIZE = 1e-250, 1e250
"""Between these no square of a feature that counts underflows or overflows."""


@dataclass(frozen=True)
class TrainingSet:
    """What a head is trained on.

    Attributes:
        features: label-signed attention features xᵢ = yᵢ hᵢ, shape (n, p).
        gains: Mᵢ of xᵢ = Mᵢ w⋆ + Sᵢ ξᵢ, known from the attention weights, shape (n,).
        spreads: Sᵢ ≥ 0, shape (n,).
    """

    features: FloatArray
    gains: FloatArray
    spreads: FloatArray


@dataclass(frozen=True)
class TrainedHead:
    """A trained head.

    Attributes:
        weights: ŵ, shape (p,); None where the training data have no such head.
        separable: whether some w has wᵀxᵢ > 0 for all i, for the logistic head with λ = 0; None for the other heads.
    """

    weights: FloatArray | None
    separable: bool | None = None


def train_head(training: TrainingSet, head: Head) -> TrainedHead:
    """Return what `head` learns.

        averaging             (1/n) Σ xᵢ
        weighted-averaging    Σ (Mᵢ/Sᵢ²) xᵢ, up to scale
        least-squares         argmin Σ (1 - wᵀxᵢ)², the shortest one
        ridge                 argmin (1/2n) Σ (1 - wᵀxᵢ)² + (λ/2)‖w‖²; the shortest one for λ = 0
        logistic              argmin (1/n) Σ log(1 + e^{-wᵀxᵢ}) + (λ/2)‖w‖²; for λ = 0 and separable data its limit
                              direction as λ → 0, the max-margin head
        max-margin            argmin ‖w‖² subject to wᵀxᵢ ≥ 1, if there is such a w

    An infinite λ stands for the limit of the direction, averaging.

    Args:
        training: the training set.
        head: the head; its number of samples is not read.

    Raises:
        TrainingError: a solver failed, or cannot tell whether the data are separable.

    Example:
        >>> training = TrainingSet(np.array([[2.0, 0.0], [0.0, 1.0]]), gains=np.ones(2), spreads=np.ones(2))
        >>> train_head(training, Head(2)).weights
        array([1. , 0.5])
        >>> train_head(training, Head(2, kind="max-margin")).weights
        array([0.5, 1. ])
    """
    return HEADS[effective_kind(head)](training, 0.0 if head.ridge is None else single(head.ridge))


def effective_kind(head: Head) -> str:
    """Return the kind of a head, "averaging" where an infinite λ makes it that.

    Example:
        >>> effective_kind(Head(10, kind="logistic", ridge=np.inf))
        'averaging'
    """
    return "averaging" if head.ridge is not None and np.isposinf(single(head.ridge)) else head.kind


def refuse_infinite_samples(head: Head) -> None:
    """Raise `ArgumentError` for n = ∞, which no simulation can draw."""
    if not np.isfinite(single(head.samples)):
        raise ArgumentError("samples", "be finite in a simulation", "inf")


def importance(gains: FloatArray, spreads: FloatArray) -> FloatArray:
    """Return the weights Mᵢ/Sᵢ² of weighted averaging, up to a common scale, for training sets of shape (..., n).

    Features without noise (Sᵢ = 0) outweigh all others: as their common Sᵢ → 0 they alone count, in proportion to Mᵢ.

    Example:
        >>> importance(np.array([1.0, 1.0, 2.0]), np.array([0.1, 0.2, 0.2]))
        array([1.  , 0.25, 0.5 ])
        >>> importance(np.array([1.0, 1.0, 2.0]), np.array([0.1, 0.0, 0.0]))
        array([0., 1., 2.])
    """
    least = spreads.min(axis=-1, keepdims=True)
    ratio = least / np.where(spreads == 0, 1.0, spreads)  # it keeps a small S² from underflowing
    return np.asarray(gains * np.where(least == 0, spreads == 0, ratio**2))


def _averaging(training: TrainingSet, _: float) -> TrainedHead:
    """Return the mean feature."""
    samples = len(training.features)
    return TrainedHead(np.ones(samples) @ training.features / samples)


def _weighted_averaging(training: TrainingSet, _: float) -> TrainedHead:
    """Return the mean feature, weighted by what is known of each feature's signal and noise."""
    weights = importance(training.gains, training.spreads)
    return TrainedHead(weights @ training.features / len(weights))


def _ridge(training: TrainingSet, penalty: float) -> TrainedHead:
    """Return the ridge regression; without a penalty the shortest least-squares solution."""
    return TrainedHead(ridge_head(training.features, penalty))


def _logistic(training: TrainingSet, penalty: float) -> TrainedHead:
    """Return the logistic regression; where that runs away to infinity, the direction in which it does."""
    if penalty > 0:
        return TrainedHead(logistic_head(training.features, penalty))
    widest = max_margin_head(training.features)
    if widest is not None:
        return TrainedHead(widest, separable=True)
    return TrainedHead(logistic_head(training.features, 0.0), separable=False)


def _max_margin(training: TrainingSet, _: float) -> TrainedHead:
    """Return the max-margin head if there is one."""
    return TrainedHead(max_margin_head(training.features))


HEADS: dict[str, Callable[[TrainingSet, float], TrainedHead]] = {
    "averaging": _averaging,
    "weighted-averaging": _weighted_averaging,
    "least-squares": _ridge,
    "ridge": _ridge,
    "logistic": _logistic,
    "max-margin": _max_margin,
}


def minimum_norm_solution(features: FloatArray, targets: FloatArray) -> FloatArray:
    """Return the shortest w that minimises ‖targets - features w‖, by a pivoted QR factorisation.

    Example:
        >>> minimum_norm_solution(np.array([[3.0, 4.0]]), np.array([25.0])).round(12)
        array([3., 4.])
    """
    return np.asarray(lstsq(features, targets, lapack_driver="gelsy", check_finite=False)[0])


def by_normal_equations(features: FloatArray, added: float) -> FloatArray | None:
    """Return argmin Σ (1 - wᵀxᵢ)² + added ‖w‖², the shortest one for 0, or None if the condition is not safe.

    By a Cholesky factorisation of the smaller of XᵀX and XXᵀ, to which `added` is added.

    Example:
        >>> by_normal_equations(np.array([[3.0, 0.0], [0.0, 1.0], [0.0, 1.0]]), 0.0).round(12)
        array([0.33333333, 1.        ])
        >>> by_normal_equations(np.array([[3.0, 0.0], [3.0, 1e-9]]), 0.0) is None
        True
    """
    samples, dimension = features.shape
    targets, wide = np.ones(samples), samples < dimension
    gram = features @ features.T if wide else features.T @ features
    gram.flat[:: len(gram) + 1] += added
    norm = float(np.abs(gram).sum(axis=0).max())
    if not SAFE_SIZE[0] < norm < SAFE_SIZE[1]:
        return None
    # LAPACK itself: on the small matrices of thousands of repetitions SciPy's wrappers take longer than it does.
    factor, failed = dpotrf(gram, clean=False)
    if failed:
        return None
    reciprocal, _ = dpocon(factor, norm)
    if reciprocal * SAFE_CONDITION < 1:
        return None
    if wide:
        return np.asarray(features.T @ dpotrs(factor, targets)[0])
    return np.asarray(dpotrs(factor, features.T @ targets)[0])


def ridge_head(features: FloatArray, penalty: float) -> FloatArray:
    """Return argmin (1/2n) Σ (1 - wᵀxᵢ)² + (λ/2)‖w‖², the shortest one for λ = 0.

    By the normal equations where their condition is safe, and elsewhere by a QR factorisation of the features with rows
    √(nλ) I below them.

    Args:
        features: label-signed features, shape (n, p).
        penalty: λ ≥ 0, finite.

    Example:
        >>> ridge_head(np.array([[1.0, 0.0], [1.0, 0.0]]), 0.25)
        array([0.8, 0. ])
    """
    samples, added = len(features), len(features) * penalty
    weights = by_normal_equations(features, added)
    if weights is not None:
        return weights
    targets = np.ones(samples)
    if added == 0:
        return minimum_norm_solution(features, targets)
    coordinates, basis = in_row_space(features)
    rank = coordinates.shape[1]
    rows = np.vstack([coordinates, np.sqrt(added) * np.eye(rank)])
    return basis @ minimum_norm_solution(rows, np.concatenate([targets, np.zeros(rank)]))
