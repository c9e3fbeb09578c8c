"""Scaling and centring, learned from the training tokens alone: x ↦ (C + ε I)^{-1/2} (x - mean).

C is the covariance of the training tokens, relevant or not, and ε a tenth of its mean eigenvalue.  For patches without
brightness and contrast, whose coordinates have variance 1, that is the ε = 0.1 of the published code of Coates, Lee &
Ng 2011.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theory.arguments import ArgumentError, FloatArray

REGULARISATION = 0.1


@dataclass(frozen=True)
class Whitening:
    """A map of tokens.

    Attributes:
        mean: of the training tokens, shape (d,).
        matrix: (C + ε I)^{-1/2}, shape (d, d), symmetric.
    """

    mean: FloatArray
    matrix: FloatArray

    @classmethod
    def learned(cls, tokens: FloatArray) -> Whitening:
        """Learn it from tokens of shape (n, T, d).

        Raises:
            ArgumentError: all tokens are the same.

        Example:
            >>> tokens = np.random.default_rng(1).normal(5.0, [1.0, 2.0], (500, 4, 2))
            >>> Whitening.learned(tokens)(tokens).std(axis=(0, 1)).round(1)
            array([0.9, 1. ])
        """
        flat = tokens.reshape(-1, tokens.shape[-1])
        mean = flat.mean(axis=0)
        centred = flat - mean
        values, vectors = np.linalg.eigh(centred.T @ centred / len(flat))
        regularisation = REGULARISATION * float(np.mean(values))
        if not regularisation > 0:
            raise ArgumentError("tokens", "differ from each other", "tokens that are all the same")
        return cls(mean, (vectors / np.sqrt(np.maximum(values, 0) + regularisation)) @ vectors.T)

    def __call__(self, tokens: FloatArray) -> FloatArray:
        """Return tokens of any shape (..., d), scaled and centred."""
        return np.asarray((tokens - self.mean) @ self.matrix)
