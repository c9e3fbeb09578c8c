"""The exact test error of any trained prompt-attention model, without a test set."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from theory.arguments import ArgumentError, FloatArray, one_of, real, single, whole
from theory.mixture import NOISE_KINDS
from theory.risk.lognormal_contour import LognormalSum
from theory.risk.lognormal_sum import PROMISED, AccuracyError, Probability, probabilities_below_zero
from theory.risk.trained_model import TrainedModel

LARGEST_LOG_RATIO = 300.0
PARALLEL = 1e-14
"""A part of the head across the prompt that is smaller, relative to the head, is a rounding error."""


@dataclass(frozen=True)
class Delta:
    """One value of (δ_q, δ_w) and its probability."""

    context: float
    signal: float
    probability: float = 1.0


@dataclass(frozen=True)
class ExactRisk:
    """Test error of a trained model.

    Attributes:
        error: P(y f(X) < 0), ties counted as one half.
        error_bound: bound on its absolute numerical error, at most 1e-10.
    """

    error: float
    error_bound: float


def exact_risk(
    model: TrainedModel,
    *,
    tokens: int,
    relevant_tokens: int,
    noise: float = 1.0,
    noise_kind: str = "isotropic",
    deltas: Sequence[Delta] = (Delta(0.0, 0.0),),
) -> ExactRisk:
    """Return the exact test error of f(X) = wᵀ Xᵀ softmax(X q) on the contextual mixture, for any w and q.

    The softmax's denominator does not change the sign of f.  With q̂ = q/‖q‖, w_q = wᵀq̂, ν² = σ²(‖w‖² - w_q²) and
    μ = -δ_q q⋆ - δ_w y w⋆, given the label y,

        y f D = R e^{qᵀ(q⋆ + y w⋆)} y wᵀ(q⋆ + y w⋆) + Σ_t e^{qᵀμ + σ‖q‖ g_t} (y wᵀμ + σ y w_q g_t + ν N_t),

    a constant plus m = T - R independent terms (`risk.lognormal_sum`).  With prompt-orthogonal noise q and w enter
    the noise through their parts orthogonal to q⋆.  Any angle between q⋆ and w⋆, any q, w, δ.  Source: derived here.

    Args:
        model: the vectors q⋆, w⋆, q and w.
        tokens: T ≥ 1.
        relevant_tokens: R, between 1 and T.
        noise: σ ≥ 0.
        noise_kind: "isotropic" or "prompt-orthogonal".
        deltas: the values of (δ_q, δ_w) that an example may have, with probabilities that add up to 1.

    Raises:
        ArgumentError: an argument is out of range.
        AccuracyError: the error cannot be had to 1e-10: seen for a few models of up to 14 irrelevant tokens with a head
            at an angle below 0.001 to the prompt, for more than a million irrelevant tokens, and where σ‖q‖ > 12.

    Example:
        >>> model = TrainedModel(context=[1, 0, 0], signal=[0, 1, 0], prompt=[1, 0, 0], head=[0, 1, 1])
        >>> print(f"{exact_risk(model, tokens=16, relevant_tokens=2).error:.10f}")
        0.3091180656
    """
    return exact_risks(
        [model], tokens=tokens, relevant_tokens=relevant_tokens, noise=noise, noise_kind=noise_kind, deltas=deltas
    )[0]


def exact_risks(
    models: Sequence[TrainedModel],
    *,
    tokens: int,
    relevant_tokens: int,
    noise: float = 1.0,
    noise_kind: str = "isotropic",
    deltas: Sequence[Delta] = (Delta(0.0, 0.0),),
) -> list[ExactRisk]:
    """Return the exact test errors of several models, as `exact_risk`: sooner than one by one.

    Example:
        >>> models = [TrainedModel([1, 0], [0, 1], [length, 0], [0, 1]) for length in (0.5, 1.0)]
        >>> print([f"{risk.error:.6f}" for risk in exact_risks(models, tokens=16, relevant_tokens=2)])
        ['0.238909', '0.244774']
    """
    laws: list[LognormalSum] = []
    lengths: list[list[float]] = []
    for model in models:
        size, relevant, sigma = checked_data(model, tokens, relevant_tokens, noise, noise_kind, deltas)
        largest = float(np.abs(model.head).max())
        head = model.head / largest if largest > 0 else model.head  # the sign of f has no scale
        laws += _decisions(model, head, size, relevant, _noise_parts(model, head, sigma, noise_kind), deltas)
        lengths.append([float(np.linalg.norm(each)) for each in (model.context, model.signal, model.prompt, head)])
    probabilities = iter(zip(laws, probabilities_below_zero(laws), strict=True))
    return [_averaged(each, deltas, probabilities) for each in lengths]


def _averaged(
    lengths: Sequence[float], deltas: Sequence[Delta], probabilities: Iterator[tuple[LognormalSum, Probability]]
) -> ExactRisk:
    """Take the laws of one model and their probabilities, two for each δ, and return their mean."""
    error = bound = 0.0
    for delta in deltas:
        for law, probability in islice(probabilities, 2):
            error += delta.probability / 2 * probability.value
            bound += delta.probability / 2 * (probability.bound + _rounding(lengths, law, delta))
    if bound > PROMISED:
        raise AccuracyError(f"the test error is known to {bound:.1g} only, not to {PROMISED:g}")
    return ExactRisk(error, bound)


def checked_data(
    model: TrainedModel,
    tokens: int,
    relevant_tokens: int,
    noise: float,
    noise_kind: str,
    deltas: Sequence[Delta],
) -> tuple[int, int, float]:
    """Return T, R and σ of data whose vectors are the model's; raise `ArgumentError` for what is out of range."""
    size = int(single(whole("tokens", tokens, least=1)))
    relevant = int(single(whole("relevant_tokens", relevant_tokens, least=1)))
    if relevant > size:
        raise ArgumentError("relevant_tokens", f"be at most tokens = {size}", relevant)
    sigma = single(real("noise", noise, least=0))
    one_of("noise_kind", noise_kind, NOISE_KINDS)
    if noise_kind == "prompt-orthogonal" and not np.any(model.context):
        raise ArgumentError("context", "not be zero where the noise is orthogonal to it", "0")
    check_deltas(deltas)
    return size, relevant, sigma


def check_deltas(deltas: Sequence[Delta]) -> None:
    """Refuse an empty distribution, or one that does not add up to 1."""
    if not deltas:
        raise ArgumentError("deltas", "hold at least one value", "none")
    for delta in deltas:
        if not isinstance(delta, Delta):
            raise ArgumentError("deltas", "hold objects of the class Delta", repr(delta))
    real("deltas", [(delta.context, delta.signal) for delta in deltas])
    real("deltas", [delta.probability for delta in deltas], least=0)
    total = math.fsum(delta.probability for delta in deltas)
    if abs(total - 1) > 1e-12:
        raise ArgumentError("deltas", "have probabilities that add up to 1", f"{total:g}")


def _rounding(lengths: Sequence[float], law: LognormalSum, delta: Delta) -> float:
    """Return what rounding the law's numbers may change of the probability.

    The exponent and the products of w are sums with roundings of their largest parts.  A relative change x of the
    constant moves the probability by x c f(c), and c f(c) is of the order of 1, or of the ratio of the mean to the
    deviation of the sum where they cancel.
    """
    size = law.noise + abs(law.slope) + abs(law.mean) * min(law.spread, 1.0)
    if law.terms == 0 or size == 0:
        return 0.0
    context, signal, prompt, scale = lengths
    outside = abs(delta.context) * context + abs(delta.signal) * signal
    exponent = prompt * (context + signal + outside) + law.spread + 8
    steepness = 1 + min(abs(law.constant), law.terms * abs(law.mean)) / (size * math.sqrt(law.terms))
    mean = math.sqrt(law.terms) * scale * outside / size
    return float(np.finfo(float).eps * (exponent * steepness + mean))


def _noise_parts(model: TrainedModel, head: FloatArray, sigma: float, noise_kind: str) -> tuple[float, float, float]:
    """Return σ‖q‖, σ w_q and ν: what the noise adds to the score, and to wᵀz along and across the prompt."""
    prompt = model.prompt
    if noise_kind == "prompt-orthogonal":
        direction = model.context / np.linalg.norm(model.context)
        prompt, head = (vector - (vector @ direction) * direction for vector in (prompt, head))
    length = float(np.linalg.norm(prompt))
    along = float(head @ prompt) / length if length > 0 else 0.0
    across = float(np.linalg.norm(head - along * prompt / length if length > 0 else head))
    if across <= PARALLEL * float(np.linalg.norm(head)):
        across = 0.0
    return sigma * length, sigma * along, sigma * across


def _decisions(
    model: TrainedModel,
    head: FloatArray,
    tokens: int,
    relevant: int,
    noise_parts: tuple[float, float, float],
    deltas: Sequence[Delta],
) -> list[LognormalSum]:
    """Return the laws of y f D e^{-qᵀμ} given δ and the label, the labels -1 and 1 of one δ after another."""
    labels = np.array([-1.0, 1.0])
    inside = model.context + labels[:, None] * model.signal
    context, signal = np.array([(delta.context, delta.signal) for delta in deltas]).T
    outside = -context[:, None, None] * model.context - np.outer(signal, labels)[..., None] * model.signal
    # Beyond e^300 the other kind of token has no weight that a float could show.
    log_ratio = (inside - outside) @ model.prompt + math.log(relevant)
    ratio = np.exp(np.clip(log_ratio, -LARGEST_LOG_RATIO, LARGEST_LOG_RATIO))
    constants, means = ratio * labels * (inside @ head), labels * (outside @ head)
    spread, slope, noise = noise_parts
    return [
        LognormalSum(constant, tokens - relevant, spread, mean, label * slope, noise)
        for constant, mean, label in zip(
            constants.ravel().tolist(), means.ravel().tolist(), len(deltas) * [-1.0, 1.0], strict=True
        )
    ]
