"""The joint law of signal and noise of an attention feature, as nodes and weights.

Given its attention a label-signed feature is y h = M w⋆ + S ξ in the directions across the prompt.  With m irrelevant
tokens, M and S depend on two numbers:

    softmax:  X = Σ L_t and Y = Σ L_t², L_t = e^{s g_t}, s = τσQ, c = R e^{(1+δ_q)τQ²}:
              A = c/(c + X),  M = A - δ_w (1 - A),  S = σ √Y/(c + X);
    linear:   G = Σ g_t/√m ~ N(0, 1) and C = Σ (g_t - ḡ)² ~ χ²_{m-1} are independent; with Z = (σ/Q) G - √m δ_q and in
              units of τQ², of no account,  M = (R - δ_w √m Z)/T,  S² = σ² (Z² + (σ/Q)² C)/T².

The law of (log X, log Y/X²) is a convolution power (`attention.planar_measure`): functions of M and S are analytic in
them, within π/2 and π of the real line.  Source: derived here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from theory.arguments import FloatArray, NotAvailableError, one_of, real, single
from theory.attention.deterministic import attention_fluctuates, deterministic_attention
from theory.attention.planar_measure import Accuracy, PlanarMeasure, convolution_power, thinned
from theory.head import ATTENTIONS
from theory.mixture import ContextualMixture

DIGITS = {"fine": 24.0, "coarse": 17.0, "draft": 12.0, "sketch": 10.0}
"""Natural logarithms of the accuracies: 4e-11, 4e-8 to estimate an error by, 6e-6 for a picture drawn at once, and 5e-5
for one drawn while something is dragged."""

DEGREES = (8, 12, 16, 20, 24)
"""A law is thinned to the first of these degrees at which functions like those of the heads keep their means."""

COMPACT = 1e-8

LARGEST_SPREAD = 3.0
"""Beyond it (τσQ) the boxes grow so long that a law would take a minute or more."""

SMALLEST_SQUARE = 1e-200
"""A node may fall on a score of 0, where a single token has no noise; sequences do so with probability 0."""

SCORE_RANGE = 7.8
"""A normal number is larger with probability 6e-15."""

BLOCK = 50_000
"""Values at once of functions of the nodes and of something else."""


@dataclass(frozen=True, eq=False)
class AttentionLaw:
    """Law of (M W, S).

    Attributes:
        signal: M W at each node, of either sign; shape (nodes,).
        noise: S ≥ 0, same shape.
        weight: same shape; adds up to 1, single weights may be negative.
    """

    signal: FloatArray
    noise: FloatArray
    weight: FloatArray

    def mean(self, values: FloatArray) -> float:
        """Return the expectation of a function given by its values at the nodes."""
        return float(self.weight @ values)

    def blocks(self, points: int) -> Iterator[slice]:
        """Yield slices of so few points that arrays of shape (points, nodes) stay in the second-level cache."""
        size = max(1, BLOCK // len(self.weight))
        for first in range(0, points, size):
            yield slice(first, first + size)


def attention_law(
    mixture: ContextualMixture, inverse_temperature: float, attention: str = "softmax", resolution: str = "fine"
) -> AttentionLaw:
    """Return the law of (M W, S) under the known prompt τ q⋆.

    Args:
        mixture: the data, its parameters single numbers.
        inverse_temperature: τ ≥ 0, a single number.
        attention: "softmax" or "linear".
        resolution: "fine", "coarse" for an estimate of the error of whatever is computed from it, "draft", which takes
            a tenth of a second and moves the curves of up to 512 tokens by 1 %, seldom by 5 %, or "sketch", a third of
            that, which moves errors by up to 1e-3.

    Raises:
        ArgumentError: an argument is out of range.
        NotAvailableError: τσQ is larger than 3 under isotropic noise.

    Example:
        >>> law = attention_law(ContextualMixture(dimension=101, tokens=16, relevant_tokens=2), 1.0)
        >>> print(f"{law.mean(law.signal):.6f} {law.mean(law.noise**2):.6f}")
        0.204112 0.096225
    """
    one_of("attention", attention, ATTENTIONS)
    one_of("resolution", resolution, tuple(DIGITS))
    temperature = single(real("inverse_temperature", inverse_temperature, least=0))
    irrelevant = int(single(mixture.irrelevant_tokens))
    noise, context = single(mixture.noise), single(mixture.context_norm)
    if not attention_fluctuates(mixture, temperature).any():
        fixed = deterministic_attention(mixture, temperature, attention)
        return AttentionLaw(np.atleast_1d(fixed.signal), np.atleast_1d(fixed.noise), np.ones(1))
    if attention == "linear":
        return _linear_law(mixture, resolution)
    spread = temperature * noise * context
    if spread > LARGEST_SPREAD:
        raise NotAvailableError(
            f"the law of fluctuating attention is available for noise * inverse_temperature * context_norm up to "
            f"{LARGEST_SPREAD:g}, got {spread:.3g}"
        )
    sums = lognormal_sums(spread, irrelevant, resolution)
    logit = math.log(single(mixture.relevant_tokens)) + (1 + single(mixture.delta_context)) * temperature * context**2
    with np.errstate(over="ignore"):
        share, rest = 1 / (1 + np.exp(sums.x - logit)), 1 / (1 + np.exp(logit - sums.x))
    gain = share - single(mixture.delta_signal) * rest
    return AttentionLaw(single(mixture.signal_norm) * gain, noise * np.exp(sums.y / 2) * rest, sums.weight)


@lru_cache(maxsize=256)
def lognormal_sums(spread: float, terms: int, resolution: str) -> PlanarMeasure:
    """Return the law of (log X, log Y/X²), X = Σ e^{s g}, Y = Σ e^{2 s g} over m independent standard normal g.

    That of half the terms is kept, from which the whole takes a step or two.

    Example:
        >>> law = lognormal_sums(0.5, 4, "coarse")
        >>> round(float(law.weight @ np.exp(law.x)) / (4 * math.exp(0.5**2 / 2)), 6)
        1.0
    """
    digits = DIGITS[resolution]
    # Functions of L are analytic within π/(2 s) of the real line; a trapezoid of step h leaves e^{-π²/(s h)}.  A single
    # token is not helped by others that smooth what is asked of it, and costs next to nothing.
    step = min(math.pi**2 / (spread * (digits + 4)), 3.6 / math.sqrt(digits)) / (6 if terms == 1 else 1)
    g = step * np.arange(-math.ceil(SCORE_RANGE / step), math.ceil(SCORE_RANGE / step) + 1)
    weight: FloatArray = np.exp(-(g**2) / 2)
    weight /= weight.sum()
    base = PlanarMeasure(np.asarray(spread * g), np.zeros_like(g), weight)
    half = lognormal_sums(spread, terms // 2, resolution) if terms >= 4 else None
    return convolution_power(base, terms, _add_logarithms, Accuracy(digits, math.pi / 2, math.pi), half)


@lru_cache(maxsize=64)
def compact_law(law: AttentionLaw, tolerance: float = COMPACT) -> AttentionLaw:
    """Return the law on as few nodes as keep what a training loss asks for; the law itself if there are none.

    Polynomials in log S and arcsinh κ are kept, to the first degree at which means of functions like those of the heads
    agree to the tolerance.  Test errors, which change abruptly with κ, call for the whole law.

    Example:
        >>> law = attention_law(ContextualMixture(dimension=101, tokens=16, relevant_tokens=2), 1.0)
        >>> len(compact_law(law).weight) < len(law.weight) / 2
        True
    """
    if not np.all(law.noise > 0):
        return law
    whole = PlanarMeasure(np.log(law.noise), np.arcsinh(law.signal / law.noise), law.weight)
    size = law.mean(law.noise**2 + law.signal**2)
    probes = _probes(law, size)
    exact, magnitude = probes @ law.weight, np.abs(probes) @ np.abs(law.weight)
    for degree in DEGREES:
        small = thinned(whole, degree)
        noise = np.exp(small.x)
        candidate = AttentionLaw(noise * np.sinh(small.y), noise, small.weight)
        if np.all(np.abs(_probes(candidate, size) @ small.weight - exact) <= tolerance * magnitude):
            return candidate
    return law


def _probes(law: AttentionLaw, size: float) -> FloatArray:
    """Return values at the nodes of functions like those of the heads: M and S damped by several penalties."""
    square, signal = law.noise**2, law.signal
    functions = [square, signal]
    for scale in (1.0, 10.0, 100.0, 1000.0):
        bent = 1 + scale * square / size
        functions += [square / bent, signal / bent, signal**2 / bent, (square / bent) ** 2]
    return np.array(functions)


def _add_logarithms(
    x: FloatArray, y: FloatArray, other_x: FloatArray, other_y: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Add two pairs (X, Y) given by x = log X and y = log(Y/X²)."""
    larger = np.maximum(x, other_x)
    total = np.exp(x - larger) + np.exp(other_x - larger)
    squares = np.exp(2 * (x - larger) + y) + np.exp(2 * (other_x - larger) + other_y)
    return larger + np.log(total), np.log(squares / total**2)


def _linear_law(mixture: ContextualMixture, resolution: str) -> AttentionLaw:
    """Return the law under linear attention, in units of τ Q², which are of no account."""
    names = ("tokens", "relevant_tokens", "context_norm", "noise", "delta_context", "delta_signal")
    tokens, relevant, context, noise, delta_context, delta_signal = (single(getattr(mixture, name)) for name in names)
    terms = tokens - relevant
    if delta_context == delta_signal == 0:
        chi_square, weight = _chi_square_nodes(terms, resolution)
        normal = np.zeros_like(chi_square)
    else:
        normal, chi_square, weight = _normal_and_chi_square(terms, resolution)
    along = noise / context * normal - math.sqrt(terms) * delta_context
    gain = (relevant - delta_signal * math.sqrt(terms) * along) / tokens
    spread = noise / tokens * np.sqrt(np.maximum(along**2 + (noise / context) ** 2 * chi_square, SMALLEST_SQUARE))
    return AttentionLaw(single(mixture.signal_norm) * gain, spread, weight)


def _chi_square_nodes(freedom: float, resolution: str) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights of χ²_k by a trapezoid in its logarithm, in which functions are analytic within π/2."""
    half = freedom / 2
    step = min(6.6 / DIGITS[resolution], 2.8 / math.sqrt(half * DIGITS[resolution]))
    # Below its mode the density of log χ² falls like e^{k y/2}, above it like exp(-e^y/2).
    # The mean of 1/χ² is to be had as well, where it exists.
    lower = -(SCORE_RANGE + 1) / math.sqrt(half) - 33 / max(half - 1, 0.5)
    upper = min((SCORE_RANGE + 3) / math.sqrt(half), math.log1p(70 / half) + 0.5)
    y = np.arange(math.floor(lower / step), math.ceil(upper / step) + 1) * step + math.log(freedom)
    density = half * y - np.exp(y) / 2
    weight = np.exp(density - density.max())
    return np.exp(y), weight / weight.sum()


def _normal_and_chi_square(terms: float, resolution: str) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return nodes and weights of independent G ~ N(0, 1) and C ~ χ²_{m-1}."""
    # A single token may have a score near 0, where S = 0: there only many nodes tell.
    count = (64 if terms > 1 else 1024) // (1 if resolution == "fine" else 2)
    g = (np.arange(count) + 0.5) * (2 * SCORE_RANGE / count) - SCORE_RANGE
    g_weight: FloatArray = np.exp(-(g**2) / 2)
    g_weight /= g_weight.sum()
    if terms == 1:
        return np.asarray(g), np.zeros_like(g), g_weight
    chi_square, weight = _chi_square_nodes(terms - 1, resolution)
    return (
        np.repeat(g, len(chi_square)),
        np.tile(chi_square, len(g)),
        np.outer(g_weight, weight).ravel(),
    )
