"""Sequences that resemble real ones in some respects only: a ladder from the contextual mixture to the data.

    mixture        the fitted mixture itself: relevant tokens are q⋆ + y w⋆, q⋆ ⟂ w⋆, others -δ_q q⋆ + isotropic noise
    noisy-mixture  relevant tokens have isotropic noise, too, of the variance that is within a label
    two-moment     Gaussian tokens with the means and covariances of the real ones, of each label and of the others
    shuffled       real tokens, each exchanged with those of other sequences: independent given the label

Means and covariances are those of the training tokens.  A surrogate has the labels and the relevant places of the data
that it stands for; and tokens that were equal stay equal, so that an image that was used twice is still used twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from numerics.real_data.mixture_fit import MixtureFit, fit_mixture
from numerics.real_data.sequence_data import SequenceData
from theory.arguments import FloatArray, one_of, single

SURROGATES = ("mixture", "noisy-mixture", "two-moment", "shuffled")
LABELS = (-1.0, 1.0)


@dataclass(frozen=True)
class Gaussian:
    """A Gaussian law of tokens: mean of shape (d,), and a root of the covariance, shape (d, d)."""

    mean: FloatArray
    root: FloatArray

    @classmethod
    def of(cls, tokens: FloatArray) -> Gaussian:
        """Return the law with the mean and covariance of tokens of shape (k, d).

        Example:
            >>> Gaussian.of(np.array([[1.0, 0.0], [3.0, 0.0]])).root
            array([[1., 0.],
                   [0., 0.]])
        """
        mean = tokens.mean(axis=0)
        centred = tokens - mean
        values, vectors = np.linalg.eigh(centred.T @ centred / len(tokens))
        return cls(mean, (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T)

    def draw(self, size: int, rng: np.random.Generator) -> FloatArray:
        """Draw tokens, shape (size, d)."""
        return np.asarray(self.mean + rng.standard_normal((size, len(self.mean))) @ self.root)


@dataclass(frozen=True)
class TokenLaws:
    """What a surrogate is made from, learned from training sequences.

    Attributes:
        fit: the contextual mixture.
        relevant: of the relevant tokens of each label.
        background: of the irrelevant tokens.
    """

    fit: MixtureFit
    relevant: dict[float, Gaussian]
    background: Gaussian

    @classmethod
    def learned(cls, training: SequenceData) -> TokenLaws:
        """Learn them; errors as of `fit_mixture`."""
        fit, relevance = fit_mixture(training), _relevance(training)
        inside = {label: training.tokens[relevance & (training.labels == label)[:, None]] for label in LABELS}
        relevant = {label: Gaussian.of(tokens) for label, tokens in inside.items()}
        return cls(fit, relevant, Gaussian.of(training.tokens[~relevance]))

    def of_mixture(self, relevant_noise: float = 0.0) -> tuple[dict[float, Gaussian], Gaussian]:
        """Return the laws of the mixture, q⋆ and w⋆ along the first two axes; relevant tokens may be noisy, too."""
        mixture = self.fit.mixture
        dimension = int(single(mixture.dimension))
        first, second = np.eye(2, dimension)
        context, signal = single(mixture.context_norm) * first, single(mixture.signal_norm) * second
        spread = np.eye(dimension)
        relevant = {label: Gaussian(context + label * signal, relevant_noise * spread) for label in LABELS}
        return relevant, Gaussian(-single(mixture.delta_context) * context, single(mixture.noise) * spread)


def surrogate(kind: str, data: SequenceData, laws: TokenLaws, *, rng: np.random.Generator) -> SequenceData:
    """Return a surrogate of sequences.

    Args:
        kind: one of `SURROGATES`.
        data: whose labels and relevant places it has; with relevance.
        laws: what its tokens are drawn from.
        rng: source of the random numbers.

    Raises:
        ArgumentError: there is no such kind.

    Example:
        >>> data = SequenceData([[[2.0, 1], [0, 0]], [[2, -1], [0, 3]]], [1, -1], [[True, False], [True, False]])
        >>> surrogate("mixture", data, TokenLaws.learned(data), rng=np.random.default_rng(1)).tokens[:, 0]
        array([[ 2.,  1.],
               [ 2., -1.]])
    """
    one_of("kind", kind, SURROGATES)
    if kind == "shuffled":
        return _replaced(data, lambda tokens, _: rng.permutation(tokens))
    if kind == "two-moment":
        relevant, background = laws.relevant, laws.background
    else:
        relevant, background = laws.of_mixture(0.0 if kind == "mixture" else laws.fit.within_label)

    def drawn(tokens: FloatArray, label: float | None) -> FloatArray:
        law = background if label is None else relevant[label]
        different, places = _different(tokens)
        return np.asarray(law.draw(different, rng)[places])

    return _replaced(data, drawn)


def _different(tokens: FloatArray) -> tuple[int, npt.NDArray[np.int64]]:
    """Return how many different tokens there are, and for each token the number of the one that it is."""
    _, examples, places = np.unique(tokens[:, 0], return_index=True, return_inverse=True)
    if np.array_equal(tokens[examples[places]], tokens):
        return len(examples), places
    # Some that differ have one first coordinate: rows are sorted in full, which takes ten times as long.
    different, places = np.unique(tokens, axis=0, return_inverse=True)
    return len(different), places.ravel()


def _replaced(data: SequenceData, new: Callable[[FloatArray, float | None], FloatArray]) -> SequenceData:
    """Replace the relevant tokens of each label together, and the irrelevant ones (label None) together."""
    relevance, tokens = _relevance(data), np.empty_like(data.tokens)
    for label in (*LABELS, None):
        mine = ~relevance if label is None else relevance & (data.labels == label)[:, None]
        if mine.any():
            tokens[mine] = new(data.tokens[mine], label)
    return SequenceData(tokens, data.labels, data.relevance)


def _relevance(data: SequenceData) -> npt.NDArray[np.bool_]:
    """Return which tokens are relevant, none where nobody knows."""
    return np.zeros(data.tokens.shape[:2], dtype=bool) if data.relevance is None else data.relevance
