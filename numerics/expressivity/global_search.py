"""A global search for the weights of a model that err least on data without noise.

Accuracy is a step function of the weights, so that what is climbed is the margin, min y f over labels and δ, in units
of the head's length: positive where nothing errs.  Weights that err on some data only are kept for their accuracy all
the same.  Three optimisers take part: random weights of lengths from 1e-2 to 1e2 and of either sign, Nelder and Mead's
simplex from the best of them, and differential evolution.  Only what weights make of q⋆ and w⋆ counts, so that the
search takes place in their plane: six numbers for self-attention, (K, w), and four for linear attention, (q, w).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, differential_evolution, minimize

from numerics.softmax import softmax
from numerics.streams import Random, as_generator
from theory.arguments import FloatArray
from theory.risk.exact_risk import Delta

LONGEST, SHORTEST = 100.0, 0.01
"""Lengths of the weights that are tried."""

RANDOM_STARTS = 4000
POLISHED = 12
GENERATIONS = 60
TIE = 1e-12
"""A decision that is smaller, relative to the head's length, is a tie."""

Decisions = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class PlaneData:
    """Data without noise, in coordinates of the plane of q⋆ and w⋆.

    Attributes:
        relevant: r = q⋆ + y w⋆ of each case, shape (cases, 2).
        irrelevant: s = -δ_q q⋆ - δ_w y w⋆, shape (cases, 2).
        label: y, shape (cases,).
        probability: of each case, shape (cases,).
        counts: R and m.
    """

    relevant: FloatArray
    irrelevant: FloatArray
    label: FloatArray
    probability: FloatArray
    counts: tuple[int, int]

    @classmethod
    def of(
        cls, context_norm: float, signal_norm: float, angle: float, tokens: int, relevant: int, deltas: Sequence[Delta]
    ) -> PlaneData:
        """Make the cases of both labels and every δ, for vectors of these lengths at this angle."""
        context = np.array([context_norm, 0.0])
        signal = signal_norm * np.array([math.cos(angle), math.sin(angle)])
        cases = [(delta, label) for delta in deltas for label in (1.0, -1.0)]
        return cls(
            relevant=np.array([context + label * signal for _, label in cases]),
            irrelevant=np.array([-d.context * context - d.signal * label * signal for d, label in cases]),
            label=np.array([label for _, label in cases]),
            probability=np.array([d.probability / 2 for d, _ in cases]),
            counts=(relevant, tokens - relevant),
        )


@dataclass(frozen=True)
class SearchResult:
    """The best weights that were found.

    Attributes:
        accuracy: P(y f > 0), ties counted as one half.
        margin: min y f/‖w‖ over all cases.
        weights: shape (6,), (4,) or (2,): K row by row, or q, or nothing, and then w.
        optimiser: which one found them.
    """

    accuracy: float
    margin: float
    weights: FloatArray
    optimiser: str


def self_attention_decisions(data: PlaneData) -> Decisions:
    """Return y f of each case for weights of shape (batch, 6), w scaled to length 1; shape (batch, cases).

    Example:
        >>> data = PlaneData.of(1.0, 1.0, np.pi / 2, 4, 2, [Delta(0.0, 0.0)])
        >>> self_attention_decisions(data)(np.array([[0, 0, 0, 0, 0, 2.0]]))
        array([[0.5, 0.5]])
    """
    kinds = np.stack([data.relevant, data.irrelevant], axis=1)
    with np.errstate(divide="ignore"):
        log_counts = np.log(np.array(data.counts, dtype=float))
    share = np.array(data.counts) / sum(data.counts)

    def decisions(weights: FloatArray) -> FloatArray:
        key, head = weights[:, :4].reshape(-1, 2, 2), _unit(weights[:, 4:])
        scores = kinds @ key[:, None] @ kinds.transpose(0, 2, 1)
        attention = share @ softmax(scores + log_counts)
        return np.asarray(data.label * ((attention[:, :, None] @ kinds)[:, :, 0] @ head[:, :, None])[:, :, 0])

    return decisions


def linear_attention_decisions(data: PlaneData) -> Decisions:
    """Return the same for f = wᵀXᵀXq/T and weights of shape (batch, 4), q and w scaled to length 1.

    Example:
        >>> data = PlaneData.of(1.0, 1.0, np.pi / 2, 4, 2, [Delta(0.0, 0.0)])
        >>> linear_attention_decisions(data)(np.array([[2.0, 0, 0, 1.0]])).round(12)
        array([[0.5, 0.5]])
    """
    share = np.array(data.counts) / sum(data.counts)

    def decisions(weights: FloatArray) -> FloatArray:
        prompt, head = _unit(weights[:, :2]), _unit(weights[:, 2:])
        parts = ((prompt @ x.T) * (head @ x.T) for x in (data.relevant, data.irrelevant))
        return np.asarray(data.label * sum(part * size for part, size in zip(parts, share, strict=True)))

    return decisions


def prompt_attention_decisions(data: PlaneData) -> Decisions:
    """Return the same for f = wᵀXᵀsoftmax(Xq) and weights of shape (batch, 4), w scaled to length 1.

    Example:
        >>> data = PlaneData.of(1.0, 1.0, np.pi / 2, 4, 2, [Delta(0.0, 1.0)])
        >>> prompt_attention_decisions(data)(np.array([[50.0, 0, 0, 1.0]])).round(12)
        array([[1., 1.]])
    """
    kinds = np.stack([data.relevant, data.irrelevant], axis=1)
    with np.errstate(divide="ignore"):
        log_counts = np.log(np.array(data.counts, dtype=float))

    def decisions(weights: FloatArray) -> FloatArray:
        attention = softmax((kinds @ weights[:, None, :2, None])[..., 0] + log_counts)
        along = (kinds @ _unit(weights[:, 2:])[:, None, :, None])[..., 0]
        return np.asarray(data.label * (attention * along).sum(axis=2))

    return decisions


def uniform_pooling_decisions(data: PlaneData) -> Decisions:
    """Return the same for f = wᵀXᵀ1/T and weights of shape (batch, 2), w scaled to length 1."""
    attentive = prompt_attention_decisions(data)
    return lambda weights: attentive(np.hstack([np.zeros_like(weights), weights]))


def search(data: PlaneData, decisions: Decisions, size: int, *, rng: Random, enough: float = math.inf) -> SearchResult:
    """Return the best weights found: by accuracy, and among equals by margin.

    Args:
        data: the cases.
        decisions: of one of the models on these cases, such as `self_attention_decisions(data)`.
        size: how many weights there are.
        rng: source of the random numbers.
        enough: the accuracy at which the search ends; by default it goes on, for the sake of the margin.

    Example:
        >>> deltas = [Delta(0.0, 0.0, 0.5), Delta(3.0, 3.0, 0.5)]
        >>> data = PlaneData.of(1.0, 1.0, np.pi / 2, 4, 1, deltas)
        >>> search(data, self_attention_decisions(data), 6, rng=1).accuracy  # the threshold is at 3.107
        1.0
    """
    generator = as_generator(rng)

    def loss(weights: FloatArray) -> float:
        return -float(decisions(weights[None])[0].min())

    best = SearchResult(-1.0, -math.inf, np.zeros(size), "none")

    def consider(weights: FloatArray, optimiser: str) -> None:
        nonlocal best
        values = decisions(weights[None])[0]
        accuracy = float(data.probability @ np.where(np.abs(values) <= TIE, 0.5, values > 0))
        if (accuracy, values.min()) > (best.accuracy, best.margin):
            best = SearchResult(accuracy, float(values.min()), weights, optimiser)

    directions = generator.standard_normal((RANDOM_STARTS, size))
    lengths = np.exp(generator.uniform(math.log(SHORTEST), math.log(LONGEST), (RANDOM_STARTS, 1)))
    starts = np.hstack([directions[:, :-2] * lengths, directions[:, -2:]])
    values = decisions(starts)
    right = np.where(np.abs(values) <= TIE, 0.5, values > 0) @ data.probability
    order = np.lexsort((values.min(axis=1), right))[::-1]
    consider(starts[order[0]], "random weights")
    if best.accuracy >= enough:
        return best
    by_margin = np.argsort(-values.min(axis=1))[: POLISHED // 2]
    for start in starts[np.concatenate([order[: POLISHED // 2], by_margin])]:
        found = minimize(loss, start, method="Nelder-Mead", options={"maxiter": 1200, "xatol": 1e-9, "fatol": 1e-13})
        consider(np.asarray(found.x), "Nelder-Mead")
        if best.accuracy >= enough:
            return best

    reach = math.asinh(LONGEST / SHORTEST)
    bounds = Bounds([-reach] * (size - 2) + [-1.0] * 2, [reach] * (size - 2) + [1.0] * 2)

    def from_logarithms(points: FloatArray) -> FloatArray:
        # sinh: both signs, and lengths over decades.
        return np.concatenate([SHORTEST * np.sinh(points[:-2]), points[-2:]])

    def losses_of_logarithms(points: FloatArray) -> FloatArray:
        return np.asarray(-decisions(from_logarithms(points).T).min(axis=1))

    # A whole generation at once.
    evolved = differential_evolution(
        losses_of_logarithms,  # type: ignore[arg-type]  # the stubs know losses of one point only
        bounds,
        maxiter=GENERATIONS,
        popsize=12,
        tol=0.0,
        rng=generator,
        polish=False,
        updating="deferred",
        vectorized=True,
    )
    consider(from_logarithms(np.asarray(evolved.x)), "differential evolution")
    return best


def _unit(vectors: FloatArray) -> FloatArray:
    """Return vectors, shape (batch, 2), scaled to length 1."""
    lengths = np.hypot(vectors[:, :1], vectors[:, 1:])
    lengths[lengths == 0] = 1.0
    return np.asarray(vectors / lengths)
