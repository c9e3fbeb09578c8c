"""Three steps of gradient descent, head, prompt, head: what they learn from n fresh sequences each, and how they err.

As n and d grow in proportion every step becomes a mean and noise of known length (`descent.step_law`): with γ = d/n and
V the variance of a coordinate elsewhere, cos² = mean²/(mean² + γ V).  At finite n eleven further numbers fluctuate by
O(1/√n): the three coordinates of each step along q⋆, w⋆ and the vector that it starts from, and the lengths of the rest
(ŵ₁ has two coordinates and a rest).  The mean label ȳ of the prompt's step moves q̂₁ most, by ȳ σ²(1 - 1/T)(1-ζ) ŵ₁:
an average over its law is taken.  The others enter to second order: a mean E f(x₁, x₂, …) over independent numbers is
f(0) + Σ E[f(x_i) - f(0)], each of these by a Gauss-Hermite rule of three nodes.  Interactions, of order 1/n², are left
out.  q̂₁ then has an overlap with w⋆, so that attention depends on the label; the test error is exact given the vectors
(`risk.exact_risk`).  Source: derived here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, astuple, dataclass, replace

import numpy as np
import scipy

from theory.arguments import ArgumentError, FloatArray, one_of, real, single, whole
from theory.attention.moments import LARGEST_SPREAD
from theory.descent.step_law import Geometry
from theory.descent.step_path import PARTS, STEPS, StepPath, StepVectors
from theory.mixture import ContextualMixture

LABELS = ("random", "balanced")
SMALLEST_DIMENSION = 8
"""Below it the length of the noise may fall to zero within the nodes of the rule."""

CANCELLED = 1e-14
"""A signal of the mean token that is smaller, relative to that of its relevant tokens, is a rounding error."""

LABEL_NODES = 9
STEP = math.sqrt(3)
STEP_WEIGHT = 1 / 6
"""The outer nodes of a Gauss-Hermite rule of three nodes, and their weight."""

LARGE = 0.1
CAUTION = (
    "caution: the corrections are as large as {:.2g} here, and what is left out may be of the order of their square"
)
"""Said where a number differs from its limit by more than `LARGE`."""

Case = tuple[float, FloatArray]
"""A mean label and fluctuations."""

Outcome = Callable[[StepPath, Sequence[Case]], tuple[FloatArray, FloatArray]]
"""What the steps come to in each case, a row a case, and bounds on the numerical errors of the last number."""


@dataclass(frozen=True)
class StepOutcomes:
    """Overlaps, attention and error; averages over the training sequences.

    Attributes:
        head_overlap: cos∠(ŵ₁, w⋆).
        prompt_overlap: cos∠(q̂₁, q⋆).
        attention: attention on the relevant tokens of a fresh sequence under q₁.
        final_overlap: cos∠(ŵ₂, w⋆).
        error: P(y f(X) < 0) for the head ŵ₂ and the prompt q₁.
    """

    head_overlap: float
    prompt_overlap: float
    attention: float
    final_overlap: float
    error: float


@dataclass(frozen=True)
class ThreeSteps(StepOutcomes):
    """The same, with what it leaves out.

    Attributes:
        error_bound: bound on the numerical error of `error`; the terms left out are no part of it.
        limit: the same numbers in the limit n, d → ∞ at this d/n.
        notes: corrections that are included, and those that are left out.
    """

    error_bound: float
    limit: StepOutcomes
    notes: tuple[str, ...]


NOTES = {
    "random": "included: all corrections of order 1/n, that of the mean label of the prompt's step to all orders",
    "balanced": "included: all corrections of order 1/n; the labels of each step are balanced",
}
LEFT_OUT = (
    "left out: terms of order 1/n^2, such as interactions between the fluctuations of different directions",
    "learning rates are small: residuals are the labels; each step has fresh sequences",
)


def three_steps(
    mixture: ContextualMixture, samples: float, prompt_norm: float, *, labels: str = "random"
) -> ThreeSteps:
    """Return what the three steps at the head of this file come to.

    Args:
        mixture: the data, its parameters single numbers; d ≥ 8, at least one irrelevant token, W > 0, neither δ equal
            to -1, and ζ ≠ (1-ζ) δ_w, for otherwise the population gradient of the head or the prompt vanishes.
        samples: n ≥ 1 of each step, `inf` for the population.
        prompt_norm: t = ‖q₁‖ ≥ 0; σt at most 5.
        labels: "random", or "balanced" for exactly n/2 of each in every step.

    Raises:
        ArgumentError: an argument is out of range.
        AccuracyError: the exact risk cannot be had to its accuracy, such as for a million tokens.

    Example:
        >>> mixture = ContextualMixture(dimension=200, tokens=16, relevant_tokens=2, context_norm=1.5, signal_norm=1.5)
        >>> steps = three_steps(mixture, samples=400, prompt_norm=0.8)
        >>> print(f"{steps.head_overlap:.3f} {steps.prompt_overlap:.3f} {steps.final_overlap:.3f} {steps.error:.3f}")
        0.750 0.738 0.839 0.211
    """
    path = _checked_path(mixture, samples, prompt_norm, labels)
    mean, bound = mean_outcome(path)
    limit, _ = mean_outcome(replace(path, limiting=True))
    finite, infinite = named_outcome(mean), named_outcome(limit)
    largest = max(abs(one - other) for one, other in zip(astuple(finite), astuple(infinite), strict=True))
    caution = (CAUTION.format(largest),) if largest > LARGE else ()
    return ThreeSteps(**asdict(finite), error_bound=bound, limit=infinite, notes=(NOTES[labels], *LEFT_OUT, *caution))


def three_step_attention(
    mixture: ContextualMixture, samples: float, prompt_norm: float, *, labels: str = "random"
) -> float:
    """Return `three_steps(…).attention` alone, in a quarter of the time: the risk takes the rest.

    Example:
        >>> mixture = ContextualMixture(dimension=200, tokens=16, relevant_tokens=2, context_norm=1.5, signal_norm=1.5)
        >>> three_step_attention(mixture, 400, 0.8) == three_steps(mixture, 400, 0.8).attention
        True
    """
    path = _checked_path(mixture, samples, prompt_norm, labels)
    mean, _ = mean_outcome(path, untested_outcome)
    return named_outcome(np.append(mean, 0.0)).attention


def _checked_path(mixture: ContextualMixture, samples: float, prompt_norm: float, labels: str) -> StepPath:
    """Return the steps of valid arguments, refusing others like `three_steps`."""
    size = single(whole("samples", samples, least=1, infinite=True))
    one_of("labels", labels, LABELS)
    geometry = checked_geometry(mixture)
    length = checked_length(geometry, prompt_norm)
    return StepPath(geometry, single(mixture.dimension), size, length, labels == "balanced")


def named_outcome(values: FloatArray) -> StepOutcomes:
    """Name the five numbers; an expansion in 1/n may leave their range where n is small."""
    *overlaps, error = np.clip(values, -1.0, 1.0)
    head, prompt, share, final = map(float, overlaps)
    return StepOutcomes(head, prompt, max(share, 0.0), final, max(float(error), 0.0))


def checked_geometry(mixture: ContextualMixture) -> Geometry:
    """Return the numbers of a mixture, refusing those under which a population gradient vanishes.

    Raises:
        ArgumentError: see `three_steps`.
    """
    for name, value in vars(mixture).items():
        if np.ndim(value) > 0:
            raise ArgumentError(name, "be a single number here", f"shape {np.shape(value)}")
    geometry = Geometry.of(mixture)
    if single(mixture.dimension) < SMALLEST_DIMENSION:
        raise ArgumentError("dimension", f"be at least {SMALLEST_DIMENSION} here", int(single(mixture.dimension)))
    if geometry.relevant == geometry.tokens:
        raise ArgumentError("relevant_tokens", "be less than tokens: otherwise the prompt has no gradient", "as many")
    if geometry.signal == 0:
        raise ArgumentError("signal_norm", "be greater than 0: otherwise the head has no gradient", "0")
    for name, delta in (("delta_context", geometry.delta_context), ("delta_signal", geometry.delta_signal)):
        if delta == -1:
            raise ArgumentError(name, "not be -1: otherwise the prompt has no gradient", "-1")
    inside, outside = geometry.share, (1 - geometry.share) * geometry.delta_signal
    if abs(inside - outside) <= CANCELLED * inside:
        raise ArgumentError("delta_signal", "not cancel the signal of the mean token", f"{geometry.delta_signal:g}")
    return geometry


def checked_length(geometry: Geometry, prompt_norm: float) -> float:
    """Return t ≥ 0 as a float, refusing scores that spread too widely.

    Raises:
        ArgumentError: t is out of range, or σt exceeds 5.
    """
    length = single(real("prompt_norm", prompt_norm, least=0))
    if geometry.noise * length > LARGEST_SPREAD:
        requirement = f"keep noise * prompt_norm at most {LARGEST_SPREAD:g}"
        raise ArgumentError("prompt_norm", requirement, f"{geometry.noise * length:.3g}")
    return length


def mean_label_nodes(samples: float) -> tuple[FloatArray, FloatArray]:
    """Return nodes ≥ 0 and weights of even functions of the mean of n fair labels ±1: Gauss's rule for that law.

    The orthogonal polynomials are Krawtchouk's, with recurrence coefficients √(k (n - k + 1))/n.

    Example:
        >>> nodes, weights = mean_label_nodes(10)
        >>> round(float(weights @ nodes**2), 12)
        0.1
    """
    count = int(min(LABEL_NODES, samples + 1))
    k = np.arange(1, count)
    recurrence = np.sqrt(k * (samples - k + 1)) / samples
    nodes = scipy.linalg.eigvalsh_tridiagonal(np.zeros(count), recurrence)
    # Christoffel's numbers, from the orthonormal polynomials at the nodes.
    polynomials = [np.ones(count)]
    for index, below in enumerate(recurrence):
        before = recurrence[index - 1] * polynomials[index - 1] if index > 0 else 0.0
        polynomials.append((nodes * polynomials[index] - before) / below)
    weights = 1 / np.sum(np.square(polynomials), axis=0)
    half = count // 2
    if count % 2:
        return np.append(0.0, nodes[half + 1 :]), np.append(weights[half], 2 * weights[half + 1 :])
    return np.asarray(nodes[half:]), np.asarray(2 * weights[half:])


def mean_outcome(path: StepPath, of: Outcome | None = None) -> tuple[FloatArray, float]:
    """Return the mean outcome, by default of `outcome`, and a bound on the numerical error of its last number."""
    still = path.limiting or math.isinf(path.samples)
    nodes, weights = (np.zeros(1), np.ones(1)) if path.balanced or still else mean_label_nodes(path.samples)
    directions = np.eye(STEPS * PARTS).reshape(-1, STEPS, PARTS)
    displaced = np.concatenate([[0 * directions[0]], *([] if still else [-STEP * directions, STEP * directions])])
    cases = [(float(mean_label), moved) for mean_label in nodes for moved in displaced]
    values, bounds = (
        each.reshape(len(nodes), len(displaced), -1) for each in (outcome if of is None else of)(path, cases)
    )
    centre, moved = np.split(values, [1], axis=1)
    centre_bound, moved_bound = np.split(bounds, [1], axis=1)
    means = (centre + STEP_WEIGHT * np.sum(moved - centre, axis=1, keepdims=True))[:, 0]
    mean_bounds = (centre_bound + STEP_WEIGHT * np.sum(moved_bound + centre_bound, axis=1, keepdims=True))[:, 0, 0]
    return np.asarray(weights @ means), float(weights @ mean_bounds)


def outcome(path: StepPath, cases: Sequence[Case]) -> tuple[FloatArray, FloatArray]:
    """Return the five numbers of `StepOutcomes` in each case, and bounds on the errors of the last."""
    vectors = [path.vectors(*case) for case in cases]
    errors, bounds = np.array(path.risks(vectors)).T
    return np.column_stack([_before_test(vectors), errors]), bounds


def untested_outcome(path: StepPath, cases: Sequence[Case]) -> tuple[FloatArray, FloatArray]:
    """Return the first four of them, which have no numerical error."""
    return _before_test([path.vectors(*case) for case in cases]), np.zeros(len(cases))


def _before_test(vectors: Sequence[StepVectors]) -> FloatArray:
    """Return the overlaps and the attention, in the order of `StepOutcomes`, a row for each."""
    return np.array([(each.head[1], each.prompt[0], each.share, each.final[1]) for each in vectors])
