"""Self-attention whose weights respect the plane of q⋆ and w⋆: seven numbers, on sequences made ready for them.

    K = B on the plane + κ (I - projection),   w in the plane.

With p_t the two coordinates of a token in the plane and z_t those across it, the scores are linear in five products
that no weights enter,

    x_s·K x_t = Σ_ab B_ab p_sa p_tb + κ z_s·z_t,

and the R relevant tokens of a sequence, which are the same, make one row and one column that counts R times.  Sequences
lie along the last axis, so that sums over tokens add whole rows of memory.  Source: derived here.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from numerics.simulators.sequences import TokenSequences
from numerics.training.attention_models import Decisions
from theory.arguments import FloatArray

LARGEST_SCORE = 600.0
"""e^600 is a float after a product with any number of tokens, and e^-600 has all its digits."""


@dataclass(frozen=True)
class PlaneSequences:
    """Labelled sequences of k = m + 1 different tokens.

    Attributes:
        plane: the two coordinates of the tokens in the plane, shape (2, k, n).
        products: p_sa p_tb for ab = 00, 01, 10, 11 and z_s·z_t, shape (5, k, k, n).
        counts: how often each token is there, shape (k,).
        labels: shape (n,), ±1.
    """

    plane: FloatArray
    products: FloatArray
    counts: FloatArray
    labels: FloatArray


def plane_sequences(sequences: TokenSequences, relevant: int) -> PlaneSequences:
    """Return sequences whose first R ≥ 1 tokens are the same, q⋆ and w⋆ being along the first two axes.

    Memory: 40 n k² bytes.

    Example:
        >>> tokens = np.array([[[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [-2.0, 0.5, 3.0]]])
        >>> made = plane_sequences(TokenSequences(tokens, np.array([1.0])), 2)
        >>> made.products[:, 0, 1, 0].tolist(), made.counts.tolist()
        ([-2.0, 0.5, -2.0, 0.5, 0.0], [2.0, 1.0])
    """
    different = sequences.tokens[:, relevant - 1 :]
    size, length, _ = different.shape
    plane, across = np.ascontiguousarray(different[:, :, :2].transpose(2, 1, 0)), different[:, :, 2:]
    products = np.empty((5, length, length, size))
    for place, (one, other) in enumerate(product(plane, plane)):
        np.multiply(one[:, None], other, out=products[place])
    products[4] = (across @ across.transpose(0, 2, 1)).transpose(1, 2, 0)
    counts = np.ones(length)
    counts[0] = relevant
    return PlaneSequences(plane, products, counts, sequences.labels)


def plane_decisions(weights: FloatArray, sequences: PlaneSequences) -> Decisions:
    """Return f(X) of weights w, B row by row, κ, shape (7,), and its gradient.

    Example:
        >>> tokens = np.array([[[1.0, 1.0, 0.0], [-2.0, 0.5, 3.0]]])
        >>> made = plane_sequences(TokenSequences(tokens, np.array([1.0])), 1)
        >>> plane_decisions(np.array([0, 1.0, 0, 0, 0, 0, 0]), made).values
        array([0.75])
    """
    plane, products, counts = sequences.plane, sequences.products, sequences.counts
    shares = counts / counts.sum()
    along = (weights[:2] @ plane.reshape(2, -1)).reshape(plane.shape[1:])
    powers = (weights[2:] @ products.reshape(5, -1)).reshape(products.shape[1:])
    # Scores that are not large need no shift, which costs more than the exponentials.
    if not max(powers.max(), -powers.min()) <= LARGEST_SCORE:
        powers -= powers.max(axis=1, keepdims=True)
    np.exp(powers, out=powers)
    powers[:, 0] *= counts[0]
    totals = powers.sum(axis=1)
    outputs = np.einsum("stn,tn->sn", powers, along) / totals

    def gradient(slopes: FloatArray) -> FloatArray:
        by_row = shares[:, None] * slopes / totals
        head = plane.reshape(2, -1) @ np.einsum("stn,sn->tn", powers, by_row).ravel()
        by_score = along - outputs[:, None]
        by_score *= powers
        by_score *= by_row[:, None]
        return np.concatenate([head, products.reshape(5, -1) @ by_score.ravel()])

    return Decisions(np.asarray(shares @ outputs), gradient)
