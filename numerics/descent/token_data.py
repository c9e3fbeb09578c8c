"""A training set of token sequences that is never held whole: drawn chunk by chunk, and drawn again for each step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from numerics.descent.gradients import Gradients, draw_labels, token_gradients
from numerics.simulators.sequences import TokenSequences, draw_sequences
from numerics.simulators.tokens import CHUNK_BYTES
from theory.arguments import FloatArray, single
from theory.mixture import ContextualMixture


@dataclass(frozen=True)
class TokenData:
    """n labelled sequences, as the random streams that draw them.

    Attributes:
        mixture: their law.
        labels: shape (n,).
        chunk: sequences in memory at once.
        streams: one for each chunk.
    """

    mixture: ContextualMixture
    labels: FloatArray
    chunk: int
    streams: tuple[np.random.SeedSequence, ...]

    @classmethod
    def draw(cls, mixture: ContextualMixture, samples: int, rng: np.random.Generator, labels: str) -> TokenData:
        """Draw the labels, and name the streams of the tokens."""
        drawn = draw_labels(samples, labels, rng)
        chunk = max(1, CHUNK_BYTES // (8 * int(single(mixture.tokens)) * int(single(mixture.dimension))))
        seed = np.random.SeedSequence(rng.integers(2**63, size=4).tolist())
        return cls(mixture, drawn, chunk, tuple(seed.spawn(-(-samples // chunk))))

    def chunks(self) -> Iterator[TokenSequences]:
        """Draw the sequences, the same ones each time; memory is that of one chunk."""
        for index, seed in enumerate(self.streams):
            labels = self.labels[index * self.chunk : (index + 1) * self.chunk]
            yield draw_sequences(self.mixture, len(labels), rng=np.random.default_rng(seed), labels=labels)

    def gradients(self, head: FloatArray, prompt: FloatArray, *, small_head: bool = False) -> Gradients:
        """Return the gradients of the loss on all sequences.

        Example:
            >>> mixture = ContextualMixture(dimension=6, tokens=4, relevant_tokens=1)
            >>> data = TokenData.draw(mixture, 10, np.random.default_rng(1), "random")
            >>> first, again = (data.gradients(np.ones(6), np.zeros(6)) for _ in range(2))
            >>> bool(np.all(first.prompt == again.prompt))
            True
        """
        size = len(self.labels)
        total_head, total_prompt, loss = np.zeros_like(head), np.zeros_like(prompt), 0.0
        for sequences in self.chunks():
            share = len(sequences.labels) / size
            part = token_gradients(sequences, head, prompt, small_head=small_head)
            total_head, total_prompt = total_head + share * part.head, total_prompt + share * part.prompt
            loss += share * part.loss
        return Gradients(total_head, total_prompt, loss)
