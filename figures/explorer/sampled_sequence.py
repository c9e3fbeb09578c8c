"""One sequence, drawn as the mixture says, with the attention that the known prompt gives to each token."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from figures.explorer.setting import Setting
from numerics.simulators.prompt_attention import attention_weights
from numerics.simulators.sequences import context_vector, draw_sequences
from numerics.streams import stream
from theory.arguments import FloatArray, single
from theory.mixture import ContextualMixture

KEY = 50
"""Number that names the streams of these sequences."""


@dataclass(frozen=True)
class SampledSequence:
    """A sequence in the order in which it is shown; attention does not see positions.

    Attributes:
        label: y.
        weight: attention on each token, shape (T,).
        score: q⋆ᵀx_t/Q, how much context each token has; same shape.
        relevant: which tokens are relevant; same shape.
    """

    label: int
    weight: FloatArray
    score: FloatArray
    relevant: npt.NDArray[np.bool_]


def sampled_sequence(setting: Setting) -> SampledSequence:
    """Draw the sequence that the seed and its number name.

    The same numbers stand behind it whatever the norms are: move a slider, and the tokens move.

    Example:
        >>> sequence = sampled_sequence(Setting())
        >>> int(sequence.relevant.sum()), round(float(sequence.weight.sum()), 9)
        (2, 1.0)
    """
    attention = replace(setting.of_attention, dimension=setting.dimension)
    return _attended(replace(attention, seed=setting.seed, sequence=setting.sequence))


@lru_cache(maxsize=16)
def _attended(setting: Setting) -> SampledSequence:
    """Return the same object for the same sequence and attention."""
    label, context, order = _drawn(setting.mixture, setting.seed, setting.sequence)
    prompt = np.array([setting.inverse_temperature * setting.context_norm])
    weight = attention_weights(context[None, :, None], prompt, setting.attention)[0]
    relevant = np.arange(setting.tokens) < setting.relevant_tokens
    return SampledSequence(label, weight[order], context[order], relevant[order])


@lru_cache(maxsize=16)
def _drawn(mixture: ContextualMixture, seed: int, number: int) -> tuple[int, FloatArray, npt.NDArray[np.int64]]:
    """Return the label, the part of every token along q⋆, and the order in which tokens are shown."""
    rng = stream(seed, KEY, number)
    order = rng.permutation(int(single(mixture.tokens)))
    sequence = draw_sequences(mixture, 1, rng=rng)
    direction = context_vector(mixture) / single(mixture.context_norm)
    return int(sequence.labels[0]), sequence.tokens[0] @ direction, order
