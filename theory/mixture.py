"""The contextual mixture: a few tokens carry context and label, the rest are noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theory.arguments import ArgumentError, ComparedByValue, FloatArray, Numbers, broadcast, one_of, real, single, whole

NOISE_KINDS = ("isotropic", "prompt-orthogonal")


@dataclass(frozen=True, eq=False)
class ContextualMixture(ComparedByValue):
    """Law of one labelled sequence of T tokens in d dimensions (the abstract's setting, made concrete here).

    The label is y = ±1 with probability 1/2.  R tokens are relevant and equal q⋆ + y w⋆; the other T - R are
    irrelevant and equal -δ_q q⋆ - δ_w y w⋆ + z, with z Gaussian and independent between tokens.  The context q⋆ and
    the signal w⋆ are orthogonal, of norms Q and W.

    Each numeric parameter is a number or an array; arrays broadcast against each other.  The object is immutable.

    Args:
        dimension: d, dimension of a token; at least 2, for q⋆ and w⋆ are orthogonal.
        tokens: T, tokens in a sequence; at least 1.
        relevant_tokens: R, how many of them are relevant; between 1 and T.
        context_norm: Q = ‖q⋆‖ > 0.
        signal_norm: W = ‖w⋆‖ ≥ 0.
        noise: σ ≥ 0, standard deviation of a noise coordinate.
        noise_kind: "isotropic" for covariance σ² I, "prompt-orthogonal" for σ² (I - q⋆q⋆ᵀ/Q²).
        delta_context: δ_q, how much context the irrelevant tokens carry, with its sign turned.
        delta_signal: δ_w, how much signal they carry, with its sign turned.

    Raises:
        ArgumentError: a parameter is out of range, or shapes do not broadcast.

    Example:
        >>> mixture = ContextualMixture(dimension=101, tokens=16, relevant_tokens=2, noise_kind="prompt-orthogonal")
        >>> float(mixture.sparsity)
        0.125
        >>> ContextualMixture(dimension=101, tokens=16, relevant_tokens=17)
        Traceback (most recent call last):
        ...
        theory.arguments.ArgumentError: relevant_tokens must be at most tokens = 16, got 17
    """

    dimension: Numbers
    tokens: Numbers
    relevant_tokens: Numbers
    context_norm: Numbers = 1.0
    signal_norm: Numbers = 1.0
    noise: Numbers = 1.0
    noise_kind: str = "isotropic"
    delta_context: Numbers = 0.0
    delta_signal: Numbers = 0.0

    def __post_init__(self) -> None:
        """Replace every number by a checked, read-only array."""
        checked = {
            "dimension": whole("dimension", self.dimension, least=2),
            "tokens": whole("tokens", self.tokens, least=1),
            "relevant_tokens": whole("relevant_tokens", self.relevant_tokens, least=1),
            "context_norm": real("context_norm", self.context_norm, above=0),
            "signal_norm": real("signal_norm", self.signal_norm, least=0),
            "noise": real("noise", self.noise, least=0),
            "delta_context": real("delta_context", self.delta_context),
            "delta_signal": real("delta_signal", self.delta_signal),
        }
        one_of("noise_kind", self.noise_kind, NOISE_KINDS)
        broadcast(**checked)
        tokens, relevant = np.broadcast_arrays(checked["tokens"], checked["relevant_tokens"])
        if (relevant > tokens).any():
            index = np.unravel_index(int(np.argmax(relevant > tokens)), tokens.shape)
            requirement = f"be at most tokens = {int(tokens[index])}"
            raise ArgumentError("relevant_tokens", requirement, int(relevant[index]))
        for name, values in checked.items():
            object.__setattr__(self, name, values)

    @property
    def irrelevant_tokens(self) -> FloatArray:
        """Number m = T - R of irrelevant tokens."""
        return np.asarray(np.asarray(self.tokens) - np.asarray(self.relevant_tokens))

    @property
    def sparsity(self) -> FloatArray:
        """Share ζ = R/T of relevant tokens."""
        return np.asarray(np.asarray(self.relevant_tokens) / np.asarray(self.tokens))


def single_numbers(mixture: ContextualMixture, names: tuple[str, ...]) -> list[float]:
    """Return some parameters of a mixture as floats.

    Raises:
        ArgumentError: a parameter is an array of one or more dimensions.

    Example:
        >>> single_numbers(ContextualMixture(dimension=101, tokens=16, relevant_tokens=2), ("tokens", "noise"))
        [16.0, 1.0]
    """
    for name in names:
        if shape := np.shape(getattr(mixture, name)):
            raise ArgumentError(name, "be a single number", f"an array of shape {shape}")
    return [single(getattr(mixture, name)) for name in names]
