"""Logistic regression on attention features, min (1/n) Σ log(1 + e^{-yᵢwᵀhᵢ}) + (λ/2)‖w‖², in the proportional regime.

With Z standard normal, ν² = w₁² + w_⊥², x = M W w₁ + S ν Z and q = V S², the margin u of an example solves
u = x + q f, f = 1/(1 + e^u), and with ℓ'' = f (1 - f) the limit is the solution of

    V (λ + a) = γ,   w₁ (λ + a) = W E[M f],   w_⊥² = γ E[S² f²]/(λ + a)²,   a = E[S² ℓ''/(1 + V S² ℓ'')].

These are the stationarity conditions of Gordon's scalar problem, which for given (w₁, w_⊥) has one best V and is convex
in (w₁, w_⊥).  For small w the loss is the square loss 1/4 · (2 - u)²/2 up to a constant, and the head that of ridge
regression with penalty 4λ: the solution is followed from there as λ falls, by Newton's method.
Source: derived here; Mignacco et al. (2020) and Deng, Kammoun & Thrampoulidis (2022) treat deterministic features.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from theory.arguments import FloatArray, single
from theory.attention.law import AttentionLaw, compact_law
from theory.proportional.averaging import averaging_head
from theory.proportional.max_margin import max_margin_head, separability_threshold
from theory.proportional.overlap import (
    CERTIFIED,
    ConvergenceError,
    ProportionalHead,
    certified,
    in_unit,
    ratio_argument,
    standardised,
)
from theory.proportional.ridge import log_effective_ridge, ridge_argument, ridge_head

NORMAL_RANGE = 7.0
NEWTON_STEPS = 60
SOLVED = 1e-11
FEWEST_INTERVALS = 32
MOST_NODES = 20_000
NEGLIGIBLE_WEIGHT = 1e-12
LARGEST_EXPONENT = 700.0
"""e^700 is still a float."""

SMALLEST_STEP = 1e-3
"""A step in log λ that has to be shorter than this is given up."""


def margins(x: FloatArray, q: FloatArray) -> FloatArray:
    """Return the root u of u = x + q/(1 + e^u), x and q > 0 of one shape, to rounding.

    g(u) = u - x - q/(1+e^u) grows, is convex for u < 0 and concave for u > 0, so that Newton's method goes
    monotonically to the root from 0 or, for a positive root, from any point between 0 and the root.  Such a point
    solves u = x + (q/2) e^{-u}, that is, with l = log(q/2) - x and Wright's function ω, u = x + ω(l); and ω(l) is at
    least 0 and, for l ≥ 1, at least l - log l (Hoorfar & Hassani 2008).

    Example:
        >>> u = margins(np.array([0.3]), np.array([4.0]))
        >>> round(float(u[0] - 0.3 - 4.0 / (1 + np.exp(u[0]))), 12)
        0.0
    """
    level = np.maximum(np.log(q / 2) - x, 1.0)
    start = x + np.where(level > 1, level - np.log(level), 0.0)
    u = np.where(x + q / 2 > 0, np.maximum(start, 0.0), 0.0)
    for _ in range(NEWTON_STEPS):
        odds = np.exp(np.minimum(u, LARGEST_EXPONENT))
        f = 1 / (1 + odds)
        step = (u - x - q * f) / (1 + q * f * (odds * f))
        u = u - step
        if np.all(np.abs(step) <= 4e-15 * (1 + np.abs(u))):
            break
    return np.asarray(u)


@dataclass(frozen=True)
class _State:
    """A point (log V, w₁, log w_⊥) of the search."""

    log_v: float
    along: float
    log_across: float

    def moved(self, change: FloatArray) -> _State:
        """Return the point moved by (log V, w₁/‖w‖, log w_⊥)."""
        length = math.hypot(self.along, math.exp(self.log_across))
        return _State(
            self.log_v + float(change[0]), self.along + length * float(change[1]), self.log_across + float(change[2])
        )


class _Equations:
    """The three equations for one law and ratio."""

    def __init__(self, law: AttentionLaw, gamma: float) -> None:
        """Take a law in units of its noise."""
        self.law, self.gamma = law, gamma
        self.spread = 0.0

    def lay_nodes(self, length: float) -> None:
        """Lay a grid of Z for each node of the law, for heads of up to twice this length.

        f is analytic in x within π of the real line, in Z within π/(S ν): a trapezoid of step h errs by e^{-2π²/(Sνh)}.
        Nodes of small weight need fewer digits.
        """
        self.spread = 2 * length
        digits = np.maximum(np.log(np.abs(self.law.weight) / NEGLIGIBLE_WEIGHT), 0.0)
        intervals = NORMAL_RANGE * self.law.noise * self.spread * digits / math.pi**2
        if intervals.max() > MOST_NODES:
            raise ConvergenceError(
                "the margins of the logistic head spread too widely: training data all but separable"
            )
        counts = 2 * np.ceil(np.maximum(FEWEST_INTERVALS, intervals) / 2).astype(int) + 1
        self.row = np.repeat(np.arange(len(counts)), counts)
        position = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        self.z = NORMAL_RANGE * (2 * position / (counts[self.row] - 1) - 1)
        weight = np.exp(-(self.z**2) / 2)
        self.weight = weight * (self.law.weight / np.bincount(self.row, weight))[self.row]
        self.noise, self.signal = self.law.noise[self.row], self.law.signal[self.row]

    def residual(self, state: _State, ridge: float) -> tuple[FloatArray, FloatArray]:
        """Return the relative residuals, shape (3,), and their derivatives by what a state moves by, shape (3, 3).

        From u = x + q f follows df = -g (dx + f dq), with g = ℓ''/(1 + q ℓ'').
        """
        v, across = math.exp(state.log_v), math.exp(state.log_across)
        length = math.hypot(state.along, across)
        if not self.spread / 8 <= length <= self.spread:
            self.lay_nodes(length)
        square = self.noise**2
        q, noisy = v * square, self.noise * self.z
        f = expit(-margins(self.signal * state.along + noisy * length, q))
        curvature = f * (1 - f)
        g = curvature / (1 + q * curvature)
        bent = float(self.weight @ (g * square))
        pull = float(self.weight @ (f * self.signal))
        force = float(self.weight @ (f * self.noise) ** 2)
        values = np.array(
            [
                math.log(v * (ridge + bent) / self.gamma),
                (state.along - v * pull / self.gamma) / length,
                state.log_across - state.log_v - 0.5 * math.log(force / self.gamma),
            ]
        )
        # Columns: by log V, by w₁ in units of the length, and by log w_⊥.
        longer = np.array([0.0, state.along, across**2 / length])
        change_of_f = -g * np.stack([f * q, length * self.signal + longer[1] * noisy, longer[2] * noisy])
        change_of_g = (1 - 2 * f) / (1 + q * curvature) ** 2 * change_of_f
        change_of_g[0] -= g**2 * q
        bent_by, pull_by = change_of_g @ (self.weight * square), change_of_f @ (self.weight * self.signal)
        force_by = change_of_f @ (2 * self.weight * f * square)
        in_v = np.array([1.0, 0.0, 0.0])
        step = np.array([0.0, length, 0.0]) - v / self.gamma * (pull * in_v + pull_by)
        jacobian = [
            in_v + bent_by / (ridge + bent),
            (step - values[1] * longer) / length,
            np.array([-1.0, 0.0, 1.0]) - 0.5 * force_by / force,
        ]
        return values, np.stack(jacobian)

    def newton(self, state: _State, ridge: float) -> tuple[_State, float]:
        """Return where Newton's method ends, and the largest residual there (infinite where it failed)."""
        try:
            values, jacobian = self.residual(state, ridge)
            for _ in range(30):
                size = float(np.abs(values).max())
                if size <= SOLVED:
                    break
                change: FloatArray = np.asarray(-np.linalg.solve(jacobian, values))
                change *= min(1.0, 1.0 / float(np.abs(change).max()))
                for _ in range(12):  # halved until the residual falls
                    moved = state.moved(change)
                    values, jacobian = self.residual(moved, ridge)
                    if float(np.abs(values).max()) < size:
                        break
                    change = change / 2
                else:
                    return state, size
                state = moved
            return state, float(np.abs(values).max())
        except (ArithmeticError, ValueError, np.linalg.LinAlgError):
            return state, math.inf


def logistic_head(law: AttentionLaw, ratio: float, ridge: float) -> ProportionalHead:
    """Return the limit of the logistic head, its length included.

    Args:
        law: law of (M W, S), S > 0.
        ratio: γ = p/n ≥ 0.
        ridge: λ ≥ 0; for 0 and separable data (γ above `separability_threshold`) the head grows without bound, and its
            direction, which is returned, is that of the max-margin head; for infinity that of the averaging head.

    Raises:
        ArgumentError: an argument is out of range.
        ConvergenceError: the equations were not solved to their certified residual.

    Example:
        >>> law = AttentionLaw(np.array([1.0]), np.array([1.0]), np.array([1.0]))
        >>> round(logistic_head(law, ratio=0.2, ridge=0.1).overlap, 6)
        0.879211
    """
    gamma, penalty = single(ratio_argument(ratio)), single(ridge_argument(ridge))
    if penalty == math.inf or gamma == 0:
        return averaging_head(law.mean(law.signal), max(law.mean(law.noise**2), 0.0), gamma)
    scaled, unit = standardised(law)
    penalty /= unit**2
    if penalty == 0 and gamma > separability_threshold(law):
        return max_margin_head(law, gamma)
    compact = compact_law(law)
    scaled = AttentionLaw(compact.signal / unit, compact.noise / unit, compact.weight)
    equations = _Equations(scaled, gamma)
    state, residual = _followed(equations, scaled, gamma, penalty)
    head = ProportionalHead(state.along, math.exp(state.log_across), residual)
    return certified(in_unit(head, unit), "the logistic head", gamma, ridge)


def _ridge_guess(law: AttentionLaw, gamma: float, ridge: float) -> _State:
    """Return the solution for the square loss that agrees with the logistic one for small margins."""
    head = ridge_head(law, gamma, 4 * ridge)
    log_v = log_effective_ridge(law, gamma, 4 * ridge)
    return _State(log_v + math.log(4), 2 * single(head.along), math.log(2 * single(head.across)))


def _followed(equations: _Equations, law: AttentionLaw, gamma: float, penalty: float) -> tuple[_State, float]:
    """Solve at the penalty: directly from the ridge guess, else along a path of falling penalties."""
    if penalty > 0:
        state, residual = equations.newton(_ridge_guess(law, gamma, penalty), penalty)
        if residual <= CERTIFIED:
            return state, residual
    elif gamma < 1:
        state, residual = equations.newton(_ridge_guess(law, gamma, 0.0), 0.0)
        if residual <= CERTIFIED:
            return state, residual
    here = max(1.0, penalty)
    state, residual = equations.newton(_ridge_guess(law, gamma, here), here)
    while residual > CERTIFIED and here < 1e12:
        here *= 10
        state, residual = equations.newton(_ridge_guess(law, gamma, here), here)
    factor = 0.1
    while here > penalty and residual <= CERTIFIED:
        following = max(here * factor, penalty)
        if following < 1e-14:
            following = penalty
        ahead, new = equations.newton(state, following)
        if new <= CERTIFIED:
            state, residual, here = ahead, new, following
        elif factor < 1 - SMALLEST_STEP:
            factor = math.sqrt(factor)
        else:
            return ahead, new
    return state, residual
