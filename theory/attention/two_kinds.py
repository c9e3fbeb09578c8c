"""Moments of attention where tokens of two kinds, relevant and irrelevant, both fluctuate.

Token t of kind k has the weight L_t = e^{b_k + s_k g_t} and the noise σ_k g_t along the prompt; p_t = L_t/Σ L are the
attention on the tokens, A is that on all relevant ones, N = Σ p_t σ_t g_t and P = Σ p_t² σ_t².  With
1/D^j = ∫ u^{j-1} e^{-uD} du/Γ(j), a moment of order j in the weights is one outer integral over products of

    ψ_k(u) = E e^{-uL},        ψ_k^{ab}(u) = E[L^a g^b e^{-uL}],

such as E A = R ∫ ψ_r^{10} ψ_r^{R-1} ψ_i^m du.  Both integrals are trapezoidal sums, whose error falls geometrically
with the step; the difference to every second node of both bounds it.  Source: derived here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from theory.arguments import FloatArray

SCORE_RANGE = 9.0
SCORE_STEP = 0.2
LOG_STEP = 0.2
MARGIN = 30.0
"""Of log u beyond the weights that are likely: e^-30 is a rounding error."""

ORDERS = ((0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2))


@dataclass(frozen=True)
class TokenKind:
    """Tokens of one kind.

    Attributes:
        count: how many, at least 1.
        offset: b, logarithm of the weight of a token whose noise is zero.
        spread: s ≥ 0, standard deviation of the logarithm of a weight.
        noise: σ ≥ 0, standard deviation of the noise along the prompt.
    """

    count: int
    offset: float
    spread: float
    noise: float


@dataclass(frozen=True)
class TwoKindMoments:
    """Moments over the noise of one sequence.

    Attributes:
        share: E A.
        share_square: E A².
        score: E N.
        share_score: E[A N].
        score_square: E N².
        pair: E P.
        error: bound on the numerical error of each.
    """

    share: float
    share_square: float
    score: float
    share_score: float
    score_square: float
    pair: float
    error: float


@lru_cache(maxsize=1024)
def two_kind_moments(relevant: TokenKind, irrelevant: TokenKind) -> TwoKindMoments:
    """Return the moments; accurate to 1e-9 for spreads of at most 5.

    Example:
        >>> moments = two_kind_moments(TokenKind(2, 0.0, 1.0, 1.0), TokenKind(6, 0.0, 1.0, 1.0))
        >>> print(f"{moments.share:.6f}")  # two of eight that are alike
        0.250000
    """
    spread = max(relevant.spread, irrelevant.spread)
    top = max(kind.offset + np.log(kind.count) for kind in (relevant, irrelevant))
    u = np.exp(np.arange(-MARGIN - SCORE_RANGE * spread, 5 + SCORE_RANGE * spread, LOG_STEP))
    r, i = (_laplace(kind, kind.offset - top, u) for kind in (relevant, irrelevant))
    fine = _moments(relevant, irrelevant, u, r[0], i[0]) * LOG_STEP
    coarse = _moments(relevant, irrelevant, u[::2], r[1][:, ::2], i[1][:, ::2]) * (2 * LOG_STEP)
    share, share_square, score, share_score, score_square, pair = map(float, fine)
    error = float(np.max(np.abs(fine - coarse)))
    return TwoKindMoments(share, share_square, score, share_score, score_square, pair, error)


def _moments(
    relevant: TokenKind, irrelevant: TokenKind, u: FloatArray, psi_r: FloatArray, psi_i: FloatArray
) -> FloatArray:
    """Return the moments in the order of the fields, over the step in log u; ψ^{ab}(u) of shape (orders, len(u))."""
    r, i = (dict(zip(ORDERS, psi, strict=True)) for psi in (psi_r, psi_i))
    many, more = relevant.count, irrelevant.count
    r0, r1, r2 = (_power(r[0, 0], many - less) for less in range(3))
    i0, i1, i2 = (_power(i[0, 0], more - less) for less in range(3))
    a, b = relevant.noise, irrelevant.noise

    def integral(order: int, values: FloatArray) -> float:
        return float(values @ u**order)

    pairs = {
        "rr": many * (many - 1) * r2 * i0,
        "ii": more * (more - 1) * i2 * r0,
        "ri": many * more * r1 * i1,
    }
    inside, outside = many * r1 * i0, more * i1 * r0
    return np.array(
        [
            integral(1, inside * r[1, 0]),
            integral(2, inside * r[2, 0] + pairs["rr"] * r[1, 0] ** 2),
            integral(1, a * inside * r[1, 1] + b * outside * i[1, 1]),
            integral(
                2,
                a * (inside * r[2, 1] + pairs["rr"] * r[1, 0] * r[1, 1]) + b * pairs["ri"] * r[1, 0] * i[1, 1],
            ),
            integral(
                2,
                a**2 * (inside * r[2, 2] + pairs["rr"] * r[1, 1] ** 2)
                + b**2 * (outside * i[2, 2] + pairs["ii"] * i[1, 1] ** 2)
                + 2 * a * b * pairs["ri"] * r[1, 1] * i[1, 1],
            ),
            integral(2, a**2 * inside * r[2, 0] + b**2 * outside * i[2, 0]),
        ]
    )


def _laplace(kind: TokenKind, offset: float, u: FloatArray) -> FloatArray:
    """Return ψ^{ab}(u) for all orders, by all nodes of the score and by every second, shape (2, orders, len(u))."""
    scores, density = score_rule(kind.spread)
    weights = np.exp(offset + kind.spread * scores)
    powers = np.array([weights**a * scores**b for a, b in ORDERS])
    rules = (with_every_second(density).T[:, None] * powers).reshape(-1, len(scores))
    decay = np.multiply.outer(weights, -u)
    return np.asarray((rules @ np.exp(decay, out=decay)).reshape(2, len(ORDERS), len(u)))


def score_rule(spread: float) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights of a trapezoidal rule for means over a normal number g of functions of e^{s g}."""
    step = SCORE_STEP / max(spread, 1.0)
    half = int(np.ceil(SCORE_RANGE / step))
    nodes = step * np.arange(-half, half + 1)
    density: FloatArray = np.exp(-(nodes**2) / 2)
    return np.asarray(nodes), np.asarray(density / float(np.sum(density)))


def with_every_second(weights: FloatArray) -> FloatArray:
    """Return a rule's weights beside those of the rule with twice the step, shape (nodes, 2).

    Example:
        >>> with_every_second(np.array([0.25, 0.5, 0.25]))
        array([[0.25, 0.5 ],
               [0.5 , 0.  ],
               [0.25, 0.5 ]])
    """
    rules = np.zeros((len(weights), 2))
    rules[:, 0] = weights
    rules[::2, 1] = weights[::2] / float(np.sum(weights[::2]))
    return rules


def _power(values: FloatArray, exponent: int) -> FloatArray:
    """Return a power; one of a negative exponent is multiplied by a count of zero."""
    return np.asarray(values**exponent) if exponent > 0 else np.ones_like(values)
