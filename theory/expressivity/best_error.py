"""The least population error of each prompted model with noise, over all its weights, where δ is random.

Weights in the plane of q⋆ and w⋆ suffice: a part across it adds noise and no signal.  What is searched there:

    uniform pooling    one angle, of the head: the error is a mean of Gaussian tails,
    linear attention   two angles, of the prompt and the head (`risk.linear_attention_risk`),
    prompt-attention   the prompt, two numbers, and the head's angle (`risk.exact_risk`).

Reflection in q⋆, with the label turned, leaves the data as they are and takes (q_∥, q_w) to (q_∥, -q_w), so that
q = τ q⋆, w = ± w⋆ are candidates; with strong noise others are seen to be better.  The searches start from fixed
points, and return weights with their exact error: the least that was found, no proof that there is no smaller one.
(Self-attention has no exact risk; `numerics.expressivity` trains it.)  Source: derived here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from scipy.special import ndtr

from theory.arguments import ArgumentError, FloatArray, single
from theory.expressivity.lattice_error import lattice_errors
from theory.mixture import ContextualMixture
from theory.risk.exact_risk import Delta, ExactRisk, check_deltas, exact_risk
from theory.risk.linear_attention_risk import linear_attention_errors, linear_attention_risk
from theory.risk.lognormal_sum import AccuracyError
from theory.risk.trained_model import TrainedModel

LARGEST_SPREAD = 10.0
"""Prompts with σ‖q‖ up to here are tried."""

LENGTHS, MAP_ANGLES = 14, 24
"""Lengths of prompts, and angles of prompts and heads, of a rough map of the error of prompt-attention."""

NEIGHBOURS = 2
RESOLVED = 1e-4
ANGLES = 32
POOLING_ANGLES = 1536
POLISHED = 3
"""Points of a grid around which others follow."""

FINEST = 1e-5
"""Grids around each are at least so many times the first spacing wide: near a minimum the error is flat."""

FITTING = 0.1
"""A parabola fits where it misses errors by so small a share of their range."""

ROUGH_STEPS, STEPS = 40, 80
"""Evaluations of a simplex, in which every one takes milliseconds, to see which start leads lowest, and from there."""

TIED = 1e-2
"""A simplex goes on where the logarithm of its error is that close to the least."""

FLAT = 1e-4, 1e-8
"""A simplex ends that is so small, over which the logarithm of the error changes so little."""

SMALLEST = 1e-14
"""Below the bound on what an error is known to, all are alike."""

PROMISING = 1.5
"""A simplex starts where the error is at most so many times the least."""


@dataclass(frozen=True)
class BestError:
    """The least error found.

    Attributes:
        error: P(y f < 0), ties counted as one half.
        error_bound: bound on its numerical error at these weights.
        prompt: q along q⋆ and along w⋆, shape (2,); zero for pooling.
        head: w, of length 1, shape (2,).
    """

    error: float
    error_bound: float
    prompt: FloatArray
    head: FloatArray


@dataclass(frozen=True)
class PlanarData:
    """A mixture in the plane of q⋆ and w⋆, with random δ.

    Args:
        mixture: the data, single numbers; its own δ is of no account.
        deltas: the values of (δ_q, δ_w) with probabilities that add up to 1.

    Raises:
        ArgumentError: the noise is 0, no token is irrelevant, or the probabilities do not add up to 1.
    """

    mixture: ContextualMixture
    deltas: Sequence[Delta]

    def __post_init__(self) -> None:
        """Check what the search needs."""
        check_deltas(self.deltas)
        if single(self.mixture.noise) == 0:
            raise ArgumentError("noise", "be greater than 0 (without noise: best_accuracies)", 0)
        if self.counts[1] == 0:
            raise ArgumentError("relevant_tokens", "be less than tokens, for nothing errs otherwise", self.counts[0])

    @property
    def vectors(self) -> tuple[FloatArray, FloatArray]:
        """Return q⋆ and w⋆."""
        return np.array([single(self.mixture.context_norm), 0.0]), np.array([0.0, single(self.mixture.signal_norm)])

    @property
    def counts(self) -> tuple[int, int]:
        """Return R and m."""
        return int(single(self.mixture.relevant_tokens)), int(single(self.mixture.irrelevant_tokens))

    def risk(self, exact: Callable[..., ExactRisk], prompt: FloatArray, head: FloatArray) -> ExactRisk:
        """Return the exact error of a prompt and a head, by `exact_risk` or `linear_attention_risk`."""
        return exact(
            TrainedModel(*self.vectors, prompt, head),
            tokens=sum(self.counts),
            relevant_tokens=self.counts[0],
            noise=single(self.mixture.noise),
            noise_kind=self.mixture.noise_kind,
            deltas=self.deltas,
        )


def best_pooling_error(mixture: ContextualMixture, deltas: Sequence[Delta]) -> BestError:
    """Return the least error of a head on the mean token.

    Given y and δ, y f = w·(ȳ Q (ζ - (1-ζ) δ_q), W (ζ - (1-ζ) δ_w)) plus noise of variance σ²(1-ζ)/T ‖w‖², the angle of
    the head being searched.

    Args:
        mixture: the data, σ > 0; its own δ is of no account.
        deltas: the values of (δ_q, δ_w) with probabilities that add up to 1.

    Raises:
        ArgumentError: an argument is out of range.

    Example:
        >>> both = Delta(0.0, 0.0, 0.5), Delta(4.0, 4.0, 0.5)
        >>> print("%.4f" % best_pooling_error(ContextualMixture(2, 8, 2, noise=0.5), both).error)
        0.3956
    """
    data = PlanarData(mixture, deltas)

    def error(angles: FloatArray) -> FloatArray:
        return _pooling_errors(data, directions(angles[..., 0]))

    head = directions(_least(error, _circle(POOLING_ANGLES)[:, None], 2 * math.pi / POOLING_ANGLES)[0])
    risk = float(_pooling_errors(data, head[None])[0])
    return BestError(risk, 64 * float(np.finfo(float).eps), np.zeros(2), head)


def _pooling_errors(data: PlanarData, heads: FloatArray) -> FloatArray:
    """Return the errors of heads, shape (…, 2), on the mean token."""
    tokens = sum(data.counts)
    share = data.counts[0] / tokens
    context, signal = data.vectors
    noisy = heads.copy()
    if data.mixture.noise_kind == "prompt-orthogonal":
        noisy[..., 0] = 0.0
    deviation = single(data.mixture.noise) * math.sqrt((1 - share) / tokens) * np.linalg.norm(noisy, axis=-1)
    total: FloatArray = np.zeros(heads.shape[:-1])
    for delta in data.deltas:
        along = (share - (1 - share) * delta.context) * (heads @ context)
        odd = (share - (1 - share) * delta.signal) * (heads @ signal)
        for label in (1.0, -1.0):
            mean = odd + label * along
            with np.errstate(divide="ignore", invalid="ignore"):
                score = np.where(deviation > 0, -mean / deviation, -np.sign(mean) * np.inf)
            total = total + delta.probability / 2 * np.where(np.isnan(score), 0.5, ndtr(np.nan_to_num(score)))
    return total


def best_linear_attention_error(mixture: ContextualMixture, deltas: Sequence[Delta]) -> BestError:
    """Return the least error found of linear-prompt-attention.

    Args:
        mixture: the data, σ > 0; its own δ is of no account.
        deltas: the values of (δ_q, δ_w) with probabilities that add up to 1.

    Raises:
        ArgumentError: an argument is out of range.
        AccuracyError: an error cannot be had to 1e-10.

    Example:
        >>> both = Delta(0.0, 0.0, 0.5), Delta(4.0, 4.0, 0.5)
        >>> print("%.4f" % best_linear_attention_error(ContextualMixture(2, 8, 2, noise=0.5), both).error)
        0.0012
    """
    data = PlanarData(mixture, deltas)
    context, signal = data.vectors
    sigma = single(mixture.noise)

    def error(angles: FloatArray) -> FloatArray:
        prompts, heads = (directions(angle) for angle in np.moveaxis(angles, -1, 0))
        log_error = linear_attention_errors(
            prompts,
            heads,
            context=context,
            signal=signal,
            counts=data.counts,
            sigma=sigma,
            noise_kind=mixture.noise_kind,
            deltas=deltas,
        )
        return np.asarray(np.exp(log_error.log_value))

    # f has the sign of the product of both: half of the prompts suffice, and the whole circle of heads.
    circle = _circle(ANGLES)
    grid = np.stack(np.meshgrid(circle[: ANGLES // 2], circle, indexing="ij"), axis=-1).reshape(-1, 2)
    prompt, head = directions(_least(error, grid, 2 * math.pi / ANGLES))
    risk = data.risk(linear_attention_risk, prompt, head)
    return BestError(risk.error, risk.error_bound, prompt, head)


def best_prompt_attention_error(mixture: ContextualMixture, deltas: Sequence[Delta]) -> BestError:
    """Return the least error found of softmax-prompt-attention, prompts with σ‖q‖ ≤ 10 being tried.

    Args:
        mixture: the data, σ > 0; its own δ is of no account.
        deltas: the values of (δ_q, δ_w) with probabilities that add up to 1.

    Raises:
        ArgumentError: an argument is out of range.
        AccuracyError: an error cannot be had to 1e-10.

    Example:
        >>> both = Delta(0.0, 0.0, 0.5), Delta(4.0, 4.0, 0.5)
        >>> best = best_prompt_attention_error(ContextualMixture(2, 8, 2, noise=0.5), both)
        >>> print("%.6f" % best.error, best.head.round(2))
        0.000638 [0. 1.]
    """
    data = PlanarData(mixture, deltas)
    longest = LARGEST_SPREAD / single(mixture.noise)

    def error(weights: FloatArray) -> float:
        if np.hypot(*weights[:2]) > longest:
            return math.inf
        try:
            # The logarithm: small errors change by factors.
            return math.log(max(data.risk(exact_risk, weights[:2], directions(weights[2])).error, SMALLEST))
        except AccuracyError:
            return math.inf

    def searched(simplex: FloatArray, steps: int) -> Any:
        options = {"maxfev": steps, "initial_simplex": simplex, "xatol": FLAT[0], "fatol": FLAT[1]}
        return scipy.optimize.minimize(error, simplex[0], method="Nelder-Mead", options=options)  # type: ignore[call-overload]

    rough = []
    for start in _prompt_starts(data, longest):
        size = 0.2 * max(float(np.hypot(*start[:2])), 1 / longest)
        rough.append(searched(np.vstack([start, start + np.diag([size, size, 0.3])]), ROUGH_STEPS))
    least = min(result.fun for result in rough)
    found = [searched(result.final_simplex[0], STEPS) for result in rough if result.fun <= least + TIED]
    best = min(found, key=lambda result: float(result.fun)).x
    head = directions(best[2])
    risk = data.risk(exact_risk, best[:2], head)
    return BestError(risk.error, risk.error_bound, best[:2], head)


def _prompt_starts(data: PlanarData, longest: float) -> list[FloatArray]:
    """Return weights from which a search is worth while: places of a rough map that are low and far from each other."""
    lengths = longest * (np.arange(LENGTHS) / (LENGTHS - 1)) ** 2
    circle = _circle(MAP_ANGLES)
    # The reflection in q⋆ makes half of the prompts suffice.
    half = circle[: MAP_ANGLES // 2 + 1]
    prompts = (lengths[:, None, None] * directions(half)).reshape(-1, 2)
    context, signal = data.vectors
    errors = lattice_errors(
        prompts,
        directions(circle),
        context=context,
        signal=signal,
        counts=data.counts,
        sigma=single(data.mixture.noise),
        noise_kind=data.mixture.noise_kind,
        deltas=data.deltas,
    ).reshape(LENGTHS, len(half), MAP_ANGLES)
    # What is rarer than its points show is alike in the map, and the shortest prompt comes first.
    errors = np.maximum(errors, RESOLVED)
    chosen: list[tuple[int, ...]] = []
    for index in np.argsort(errors, axis=None, kind="stable"):
        place = tuple(int(i) for i in np.unravel_index(index, errors.shape))
        if len(chosen) == POLISHED or errors[place] > PROMISING * errors[chosen[0] if chosen else place]:
            break
        if all(_apart(place, other) for other in chosen):
            chosen.append(place)
    return [np.array([*(lengths[k] * directions(half[j])), circle[i]]) for k, j, i in chosen]


def _apart(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Return whether two places of the map are more than neighbours of neighbours."""
    turn = abs(one[2] - other[2])
    return max(abs(one[0] - other[0]), abs(one[1] - other[1]), min(turn, MAP_ANGLES - turn)) > NEIGHBOURS


def directions(angles: FloatArray) -> FloatArray:
    """Return unit vectors at some angles to q⋆, shape (…, 2)."""
    return np.stack([np.cos(angles), np.sin(angles)], axis=-1)


def _circle(points: int) -> FloatArray:
    """Return evenly spaced angles."""
    return np.asarray(2 * math.pi * np.arange(points) / points)


def _least(errors: Callable[[FloatArray], FloatArray], grid: FloatArray, spacing: float) -> FloatArray:
    """Return where a function of angles, shape (points, k) to (points,), is least.

    Around each of the best points of a grid, ever finer grids follow.  Where a parabola fits one, its vertex is the
    centre of the next, which is as much finer as the fit is good.
    """
    offsets = np.stack(np.meshgrid(*[np.arange(-3, 4) / 3] * grid.shape[1]), axis=-1).reshape(-1, grid.shape[1])
    fit = np.linalg.pinv(_parabola(offsets))
    best = []
    for start in grid[np.argsort(errors(grid), kind="stable")[:POLISHED]]:
        place, radius = start, spacing
        while radius > FINEST * spacing:
            near = place + radius * offsets
            values = errors(near)
            place = near[np.argmin(values)]
            best.append((float(values.min()), tuple(place)))
            coefficients = fit @ values
            vertex = _vertex(coefficients, grid.shape[1])
            misfit = np.abs(_parabola(offsets) @ coefficients - values).max() / max(float(np.ptp(values)), SMALLEST)
            if misfit < FITTING and vertex is not None:
                place = near.mean(axis=0) + radius * vertex
                radius *= max(2 * misfit, 0.02)
            else:
                radius *= 0.4
    return np.array(min(best)[1])


def _parabola(x: FloatArray) -> FloatArray:
    """Return 1, all x_i and all products x_i x_j, i ≤ j, for x of shape (points, k)."""
    rows, columns = np.triu_indices(x.shape[1])
    return np.column_stack([np.ones(len(x)), x, x[:, rows] * x[:, columns]])


def _vertex(coefficients: FloatArray, size: int) -> FloatArray | None:
    """Return where a parabola of these coefficients is least, or None if it is nowhere within 1 of 0."""
    slope, half = coefficients[1 : 1 + size], np.zeros((size, size))
    half[np.triu_indices(size)] = coefficients[1 + size :]
    curvature = half + half.T
    if np.linalg.eigvalsh(curvature)[0] <= 0:
        return None
    vertex = np.asarray(np.linalg.solve(curvature, -slope), dtype=float)
    return vertex if (np.abs(vertex) <= 1).all() else None
