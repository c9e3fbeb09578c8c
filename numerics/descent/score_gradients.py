"""The gradients on fresh sequences, exact in law without a token.

The noise z of an irrelevant token enters attention and decisions through its coordinates along q and w alone, two
numbers a token.  Given these, what it adds to a gradient in all other directions is Gaussian: -∇_w and -∇_q are sums
Σ c_t z_t over all irrelevant tokens of all sequences, with coefficients

    c_t = e a_t  for the head,      c_t = e a_t (x_tᵀw - f)  for the prompt,      e = y - f,

that are known by then, so that the two sums are jointly normal with covariance σ² Σ c c', coordinate by coordinate.
A step costs O(n m + d) instead of O(n T d).  Source: derived here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from numerics.descent.gradients import Gradients, draw_labels
from numerics.simulators.sequences import context_vector, signal_vector
from numerics.softmax import TAME, row_sums
from theory.arguments import FloatArray, single
from theory.mixture import ContextualMixture

CHUNK_SCORES = 2**16
"""Noise numbers held at once: half a megabyte, so that each step of the computation finds them in the cache."""

DEPENDENT = 1e-12
"""A part of the head across the prompt that is shorter, relative to the head, is a rounding error."""


def draw_gradients(
    mixture: ContextualMixture,
    head: FloatArray,
    prompt: FloatArray,
    samples: int,
    *,
    rng: np.random.Generator,
    labels: str = "random",
    small_head: bool = False,
) -> Gradients:
    """Draw the gradients on n fresh sequences.

    Args:
        mixture: the data, its parameters single numbers; q⋆ and w⋆ lie along the first two axes.
        head: w, shape (d,).
        prompt: q, shape (d,).
        samples: n ≥ 1.
        rng: source of the random numbers.
        labels: "random", or "balanced" for n/2 of each.
        small_head: whether residuals are the labels.

    Raises:
        ArgumentError: an argument is out of range.

    Example:
        >>> mixture = ContextualMixture(dimension=1000, tokens=16, relevant_tokens=2)
        >>> step = draw_gradients(mixture, np.zeros(1000), np.zeros(1000), 4000, rng=np.random.default_rng(1))
        >>> print(f"{step.head[1]:.2f}")  # ζ W = 0.125 on average
        0.13
    """
    drawn = draw_labels(samples, labels, rng)
    context, signal = context_vector(mixture), signal_vector(mixture)
    basis = _noisy_basis(mixture, head, prompt)
    noise, irrelevant = single(mixture.noise), int(single(mixture.irrelevant_tokens))
    sums = _Sums(len(basis))
    scene = _Scene(mixture, basis, head, prompt, small_head)
    chunk = max(1, CHUNK_SCORES // max(1, irrelevant * max(1, len(basis))))
    for first in range(0, samples, chunk):
        part = drawn[first : first + chunk]
        noises = rng.standard_normal((len(part), irrelevant, len(basis)))
        noises *= noise
        scene.add(sums, part, noises)
    values, vectors = np.linalg.eigh(sums.squares)
    elsewhere = noise * (vectors * np.sqrt(np.maximum(values, 0.0))) @ rng.standard_normal((2, len(context)))
    if mixture.noise_kind == "prompt-orthogonal":
        elsewhere[:, 0] = 0.0
    elsewhere -= (elsewhere @ basis.T) @ basis
    total = np.outer(sums.along_context, context) + np.outer(sums.along_signal, signal) + sums.along_basis @ basis
    gradients = (total + elsewhere) / samples
    return Gradients(gradients[0], gradients[1], sums.loss / samples)


def _noisy_basis(mixture: ContextualMixture, head: FloatArray, prompt: FloatArray) -> FloatArray:
    """Return an orthonormal basis of what q and w see of the noise, shape (0, 1 or 2, d)."""
    basis: list[FloatArray] = []
    for vector in (prompt, head):
        rest = np.array(vector, dtype=np.float64)
        if mixture.noise_kind == "prompt-orthogonal":
            rest[0] = 0.0
        for _ in range(2):  # once more removes what rounding left
            for one in basis:
                rest -= (rest @ one) * one
        length = float(np.linalg.norm(rest))
        if length > DEPENDENT * float(np.linalg.norm(vector)):
            basis.append(rest / length)
    return np.array(basis).reshape(len(basis), len(head))


@dataclass
class _Sums:
    """What sequences add up to for the head (row 0) and the prompt (row 1): coefficients of q⋆, w⋆ and the basis."""

    size: int
    along_context: FloatArray = field(default_factory=lambda: np.zeros(2))
    along_signal: FloatArray = field(default_factory=lambda: np.zeros(2))
    squares: FloatArray = field(default_factory=lambda: np.zeros((2, 2)))
    loss: float = 0.0

    def __post_init__(self) -> None:
        """Begin with zero."""
        self.along_basis = np.zeros((2, self.size))


@dataclass(frozen=True)
class _Scene:
    """One model on sequences of one law."""

    mixture: ContextualMixture
    basis: FloatArray
    head: FloatArray
    prompt: FloatArray
    small_head: bool

    def add(self, sums: _Sums, labels: FloatArray, noises: FloatArray) -> None:
        """Add sequences of these labels and noises along the basis, shape (sequences, m, basis)."""
        inside_scores, scores = self._products(self.prompt, labels, noises)
        inside, outside = self._products(self.head, labels, noises)
        inside_scores = inside_scores + np.log(single(self.mixture.relevant_tokens))
        if not max(np.abs(inside_scores).max(), scores.max(initial=0), -scores.min(initial=0)) <= TAME:
            largest = np.maximum(scores.max(axis=1, initial=-np.inf), inside_scores)
            scores -= largest[:, None]
            inside_scores -= largest
        # Weights before they are divided by their sums.
        powers, share = np.exp(scores, out=scores), np.exp(inside_scores)
        totals = share + row_sums(powers)
        share /= totals
        decisions = share * inside + np.einsum("nt,nt->n", powers, outside) / totals
        sums.loss += float(np.sum((labels - decisions) ** 2)) / 2
        residuals = labels if self.small_head else labels - decisions
        on_relevant = np.stack([residuals * share, residuals * share * (inside - decisions)])
        # Attention adds up to 1, and deviations from the decision to 0.
        others = np.stack([residuals - on_relevant[0], -on_relevant[1]])
        on_others = np.empty((2, *powers.shape))
        np.multiply(powers, (residuals / totals)[:, None], out=on_others[0])
        outside -= decisions[:, None]
        np.multiply(on_others[0], outside, out=on_others[1])
        delta_context, delta_signal = single(self.mixture.delta_context), single(self.mixture.delta_signal)
        sums.along_context += (on_relevant - delta_context * others).sum(axis=1)
        sums.along_signal += (on_relevant - delta_signal * others) @ labels
        for_head, for_prompt = flat = on_others.reshape(2, powers.size)
        sums.along_basis += flat @ _flat(noises)
        both = for_head @ for_prompt
        sums.squares += np.array([[for_head @ for_head, both], [both, for_prompt @ for_prompt]])

    def _products(self, vector: FloatArray, labels: FloatArray, noises: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return vᵀx for relevant tokens, shape (sequences,), and for irrelevant ones, shape (sequences, m)."""
        context = single(self.mixture.context_norm) * vector[0]
        signal = single(self.mixture.signal_norm) * vector[1] * labels
        centre = -single(self.mixture.delta_context) * context - single(self.mixture.delta_signal) * signal
        along = (_flat(noises) @ (self.basis @ vector)).reshape(noises.shape[:2])
        along += centre[:, None]
        return context + signal, along


def _flat(noises: FloatArray) -> FloatArray:
    """Return noises token by token, shape (sequences m, basis): one product of matrices instead of one a sequence."""
    sequences, irrelevant, basis = noises.shape
    return noises.reshape(sequences * irrelevant, basis)
