"""The error of many prompts and heads at once, roughly: to find where it is worth computing exactly.

Given the scores σ‖q‖ g_t of the irrelevant tokens, y f is Gaussian (`risk.exact_risk` has the formula), so that the
error is the mean of a Gaussian tail over g ~ N(0, I_m).  Here it is a mean over a few hundred points of a Kronecker
lattice, a deterministic sequence that fills the cube evenly: good to one or two digits, whatever m is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import scipy
from scipy.special import ndtr, ndtri

from theory.arguments import FloatArray
from theory.risk.exact_risk import Delta

POINTS = 192
LARGEST_EXPONENT = 300.0


def kronecker_scores(terms: int, points: int = POINTS) -> FloatArray:
    """Return points of a lattice in the unit cube, taken to Gaussian numbers, shape (points, m).

    The steps are powers of 1/φ, φ^{m+1} = φ + 1: the golden ratio in one dimension.

    Example:
        >>> kronecker_scores(1, 4).round(3)
        array([[-1.185],
               [ 0.631],
               [-0.374],
               [ 1.913]])
    """
    ratio = float(scipy.optimize.brentq(lambda x: (terms + 1) * math.log(x) - math.log1p(x), 1.0 + 1e-12, 2.0))
    steps = ratio ** -np.arange(1, terms + 1)
    return np.asarray(ndtri((0.5 + np.arange(1, points + 1)[:, None] * steps) % 1.0 * (1 - 1e-9) + 5e-10))


def lattice_errors(
    prompts: FloatArray,
    heads: FloatArray,
    *,
    context: FloatArray,
    signal: FloatArray,
    counts: tuple[int, int],
    sigma: float,
    noise_kind: str,
    deltas: Sequence[Delta],
) -> FloatArray:
    """Return rough errors of every prompt with every head, shape (prompts, heads).

    Args:
        prompts: q, shape (prompts, 2).
        heads: w, shape (heads, 2).
        context: q⋆, shape (2,).
        signal: w⋆, shape (2,).
        counts: R and m.
        sigma: σ > 0.
        noise_kind: "isotropic" or "prompt-orthogonal", context then being along the first axis.
        deltas: the values of (δ_q, δ_w) with their probabilities.

    Example:
        >>> axes = np.eye(2)
        >>> data = {"counts": (2, 14), "sigma": 1.0, "noise_kind": "isotropic", "deltas": [Delta(0, 0)]}
        >>> found = lattice_errors(axes[:1], axes[1:], context=axes[0], signal=axes[1], **data)
        >>> bool(abs(found[0, 0] - 0.244774) < 0.01)
        True
    """
    scores = kronecker_scores(counts[1])
    seen = np.array([0.0, 1.0]) if noise_kind == "prompt-orthogonal" else np.ones(2)
    errors = np.zeros((len(prompts), len(heads)))
    cases = [(delta, label) for delta in deltas for label in (1.0, -1.0)]
    inside = np.array([context + label * signal for _, label in cases])
    outside = np.array([-delta.context * context - delta.signal * label * signal for delta, label in cases])
    labels, shares = np.array([(label, delta.probability / 2) for delta, label in cases]).T
    # Rows for the relevant tokens, the irrelevant ones and their noise, columns for cases and heads.
    means = np.stack([labels[:, None] * (tokens @ heads.T) for tokens in (inside, outside, 0 * outside)])
    for place, prompt in enumerate(prompts):
        noisy = prompt * seen
        length = float(np.linalg.norm(noisy))
        direction = noisy / length if length > 0 else np.array([0.0, 1.0])
        along = heads @ (seen * direction)
        across = np.linalg.norm(heads * seen - along[:, None] * direction, axis=1)
        means[2] = labels[:, None] * (sigma * along)
        # Relative to the largest one, so that none overflows.
        exponents = sigma * length * scores
        top = exponents.max(axis=1)
        weights = np.exp(np.maximum(exponents - top[:, None], -LARGEST_EXPONENT))
        advantage = (inside - outside) @ prompt + math.log(counts[0]) - top[:, None]
        relevant = np.exp(np.clip(advantage, -LARGEST_EXPONENT, LARGEST_EXPONENT))
        by_noise = np.stack([weights.sum(axis=1), np.einsum("pm,pm->p", weights, scores)], axis=1)
        deviation = sigma * np.sqrt(np.einsum("pm,pm->p", weights, weights))[:, None] * across
        for case, share in enumerate(shares):
            mean = relevant[:, case, None] * means[0, case] + by_noise @ means[1:, case]
            with np.errstate(divide="ignore", invalid="ignore"):
                tail = np.where(deviation > 0, ndtr(-mean / deviation), mean < 0)
            errors[place] += share * tail.mean(axis=0)
    return errors
