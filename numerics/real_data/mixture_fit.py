"""The contextual mixture that fits given sequences, from their tokens, labels and relevance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from numerics.real_data.sequence_data import SequenceData
from theory.arguments import ArgumentError, FloatArray
from theory.mixture import ContextualMixture


@dataclass(frozen=True)
class MixtureFit:
    """A fitted mixture, and what it leaves out.

    Attributes:
        mixture: with T, R, Q, W, σ and δ_q; δ_w = 0, isotropic noise.
        context: q⋆, half the sum of the mean relevant tokens of both labels, shape (d,).
        signal: w⋆, half their difference, shape (d,).
        cosine: ρ of q⋆ and w⋆, which the mixture takes for 0.
        within_label: standard deviation of a coordinate of relevant tokens around their label's mean; the mixture says
            that they do not vary.
    """

    mixture: ContextualMixture
    context: FloatArray
    signal: FloatArray
    cosine: float
    within_label: float


def fit_mixture(data: SequenceData) -> MixtureFit:
    """Fit by moments: means of relevant tokens, the mean of the others along q⋆, and their mean variance σ².

    Args:
        data: sequences with as many relevant tokens each, and at least one irrelevant.

    Raises:
        ArgumentError: it is not known which tokens are relevant, or their number differs, or all are, or one label is
            missing.

    Example:
        >>> from numerics.simulators.sequences import draw_sequences
        >>> drawn = draw_sequences(ContextualMixture(20, 8, 2, context_norm=2, noise=0.5), 500, rng=1)
        >>> relevance = np.tile(np.arange(8) < 2, (500, 1))
        >>> fit = fit_mixture(SequenceData(drawn.tokens, drawn.labels, relevance))
        >>> print(f"{fit.mixture.context_norm:.3f} {fit.mixture.noise:.3f} {fit.within_label:.3f}")
        2.000 0.498 0.000
    """
    if data.relevance is None:
        raise ArgumentError("relevance", "be given to fit the mixture", "none")
    counts = data.relevance.sum(axis=1)
    (_, tokens, dimension), relevant = data.tokens.shape, int(counts[0])
    if (counts != relevant).any():
        raise ArgumentError("relevance", "mark as many tokens in each sequence to fit the mixture", "another number")
    if relevant == tokens:
        raise ArgumentError("relevance", "leave an irrelevant token in each sequence to fit the mixture", "none")
    inside = {label: data.tokens[data.labels == label][data.relevance[data.labels == label]] for label in (1.0, -1.0)}
    if not all(map(len, inside.values())):
        raise ArgumentError("labels", "be of both kinds to fit the mixture", "one")
    means = {label: part.mean(axis=0) for label, part in inside.items()}
    outside = data.tokens[~data.relevance]
    context, signal = (means[1.0] + means[-1.0]) / 2, (means[1.0] - means[-1.0]) / 2
    context_norm, signal_norm = float(np.linalg.norm(context)), float(np.linalg.norm(signal))
    return MixtureFit(
        mixture=ContextualMixture(
            dimension=dimension,
            tokens=tokens,
            relevant_tokens=relevant,
            context_norm=context_norm,
            signal_norm=signal_norm,
            noise=float(np.sqrt(np.mean(np.var(outside, axis=0)))),
            delta_context=-float(outside.mean(axis=0) @ context) / context_norm**2,
        ),
        context=context,
        signal=signal,
        cosine=float(context @ signal) / (context_norm * signal_norm),
        within_label=float(np.sqrt(np.mean([np.var(part, axis=0) for part in inside.values()]))),
    )
