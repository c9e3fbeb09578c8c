"""Gradient descent on the population loss in the plane w = c w⋆, q = τ q⋆, in steps and in continuous time.

With learning rates η_w and η_q and the equations of `descent.population_flow`,

    c ← c + η_w head(c, τ),   τ ← τ + η_q prompt(c, τ),   and   dc/dt = η_w head,   dτ/dt = η_q prompt.

Steps of size η follow the flow with an error of order η.  From (0, 0) the prompt starts to move once the head has.
Source: derived here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy

from theory.arguments import LARGEST_REAL, ArgumentError, FloatArray, real, single, whole
from theory.descent.population_flow import PopulationPlane, population_plane
from theory.mixture import ContextualMixture

RELATIVE_TOLERANCE = 1e-11
ABSOLUTE_TOLERANCE = 1e-13
LOOSER = 100.0
"""The flow is solved once more with tolerances so many times as large: the difference estimates the error."""


@dataclass(frozen=True)
class PopulationTrajectory:
    """Points on the way, arrays of one length.

    Attributes:
        time: number of steps done, or the time of the flow.
        head_length: c.
        inverse_temperature: τ.
        loss: L.
        share: E A, attention on the relevant tokens.
        error_bound: estimated bound on the numerical error of c, τ, E A and L.  For steps it is the distance to a
            trajectory, each step of which is off by the error bound of its gradients; for the flow, that to a
            solution with tolerances a hundred times as large.
    """

    time: FloatArray
    head_length: FloatArray
    inverse_temperature: FloatArray
    loss: FloatArray
    share: FloatArray
    error_bound: FloatArray


def gradient_descent(
    mixture: ContextualMixture,
    steps: int,
    *,
    head_rate: float,
    prompt_rate: float,
    start: tuple[float, float] = (0.0, 0.0),
) -> PopulationTrajectory:
    """Return `steps` steps of gradient descent and the start: arrays of length steps + 1.

    Args:
        mixture: the data, single numbers; q⋆ and w⋆ are orthogonal.
        steps: how many, at least 0.
        head_rate: η_w ≥ 0, the learning rate of the head.
        prompt_rate: η_q ≥ 0, the learning rate of the prompt.
        start: (c, τ).

    Raises:
        ArgumentError: an argument is out of range, or the trajectory leaves the range of `PopulationPlane`.

    Example:
        >>> mixture = ContextualMixture(dimension=101, tokens=16, relevant_tokens=2)
        >>> descent = gradient_descent(mixture, 2000, head_rate=0.5, prompt_rate=0.5)
        >>> print(f"c = {descent.head_length[-1]:.4f}, tau = {descent.inverse_temperature[-1]:.4f}")
        c = 1.8420, tau = 0.5922
    """
    count = int(single(whole("steps", steps, least=0)))
    rates = _rates(head_rate, prompt_rate)
    plane, begin = population_plane(mixture), _start(start)
    path, shadow = (_descend(plane, begin, count, rates, errors) for errors in (0.0, 1.0))
    return _trajectory(np.arange(count + 1.0), path, shadow)


def gradient_flow(
    mixture: ContextualMixture,
    times: npt.ArrayLike,
    *,
    head_rate: float = 1.0,
    prompt_rate: float = 1.0,
    start: tuple[float, float] = (0.0, 0.0),
) -> PopulationTrajectory:
    """Return the flow from `start` at time 0 at each of `times`.

    The solver changes between methods for stiff and other equations: for many tokens the head is fast, the way along
    the curve of best heads slow.  Its tolerances are 1e-11 (relative) and 1e-13 (absolute) a step.

    Args:
        mixture: the data, single numbers; q⋆ and w⋆ are orthogonal.
        times: at least 0 and not falling, shape (k,).
        head_rate: η_w ≥ 0.
        prompt_rate: η_q ≥ 0.
        start: (c, τ).

    Raises:
        ArgumentError: an argument is out of range, or the flow leaves the range of `PopulationPlane`.

    Example:
        >>> mixture = ContextualMixture(dimension=101, tokens=16, relevant_tokens=2)
        >>> flow = gradient_flow(mixture, [0.0, 1.0, 1000.0])
        >>> flow.inverse_temperature.round(4)
        array([0.    , 0.0066, 0.5922])
    """
    t = np.atleast_1d(real("times", times, least=0))
    if t.ndim > 1 or t.size == 0 or (np.diff(t) < 0).any():
        raise ArgumentError("times", "be a list of numbers that do not fall", repr(times))
    rates = _rates(head_rate, prompt_rate)
    plane, begin = population_plane(mixture), _start(start)
    path, rough = (_follow(plane, begin, t, rates, looser) for looser in (1.0, LOOSER))
    return _trajectory(t, path, rough)


def _trajectory(time: FloatArray, path: FloatArray, other: FloatArray) -> PopulationTrajectory:
    """Wrap c, τ, L and E A, rows of `path`; how far `other` is from them is the error."""
    rounding = float(np.finfo(np.float64).eps) * np.abs(path).max(axis=0)
    c, temperature, loss, share = path
    return PopulationTrajectory(time, c, temperature, loss, share, np.abs(path - other).max(axis=0) + rounding)


def _rates(head_rate: float, prompt_rate: float) -> tuple[float, float]:
    """Return the checked learning rates."""
    return single(real("head_rate", head_rate, least=0)), single(real("prompt_rate", prompt_rate, least=0))


def _start(start: tuple[float, float]) -> tuple[float, float]:
    """Return the checked start."""
    point = real("start", start)
    if point.shape != (2,):
        raise ArgumentError("start", "be two numbers, c and τ", f"{start}")
    return float(point[0]), float(point[1])


def _check_inside(plane: PopulationPlane, head_length: float, temperature: float, where: str) -> None:
    """Refuse a point beyond the plane; NaN is beyond it."""
    if not (abs(head_length) <= LARGEST_REAL and abs(temperature) <= min(plane.largest, LARGEST_REAL)):
        requirement = (
            f"stay within |τ| ≤ {plane.largest:.4g} and finite c: choose smaller learning rates or fewer steps"
        )
        raise ArgumentError("the trajectory", requirement, f"c = {head_length:.4g}, τ = {temperature:.4g} at {where}")


def _descend(
    plane: PopulationPlane, start: tuple[float, float], steps: int, rates: tuple[float, float], errors: float
) -> FloatArray:
    """Return c, τ, L and E A for each step, shape (4, steps + 1); `errors` times their bounds go onto the gradients."""
    path = np.empty((4, steps + 1))
    c, temperature = start
    for step in range(steps + 1):
        _check_inside(plane, c, temperature, f"step {step}")
        here = plane.at(temperature)
        path[:, step] = c, temperature, max(here.loss(c), 0.0) + errors * here.loss_error(c), here.share
        head = here.head(c) + errors * here.head_error(c)
        prompt = here.prompt(c) + errors * here.prompt_error(c)
        c, temperature = c + rates[0] * head, temperature + rates[1] * prompt
    return path


def _follow(
    plane: PopulationPlane, start: tuple[float, float], times: FloatArray, rates: tuple[float, float], looser: float
) -> FloatArray:
    """Return c, τ, L and E A at each time, shape (4, times)."""

    def velocity(time: float, point: FloatArray) -> list[float]:
        c, temperature = point.tolist()
        _check_inside(plane, c, temperature, f"time {time:.4g}")
        here = plane.at(temperature)
        return [rates[0] * here.head(c), rates[1] * here.prompt(c)]

    points = np.tile(np.array(start)[:, None], len(times))
    if times[-1] > 0:
        solution = scipy.integrate.solve_ivp(
            velocity,
            (0.0, float(times[-1])),
            start,
            method="LSODA",
            t_eval=np.unique(times),
            rtol=RELATIVE_TOLERANCE * looser,
            atol=ABSOLUTE_TOLERANCE * looser,
        )
        if not solution.success:
            raise ArgumentError("times", "end before the flow becomes too fast to follow", solution.message)
        points = solution.y[:, np.searchsorted(solution.t, times)]
    path = np.empty((4, len(times)))
    for index, (c, temperature) in enumerate(points.T.tolist()):
        _check_inside(plane, c, temperature, f"time {times[index]:.4g}")
        here = plane.at(temperature)
        path[:, index] = c, temperature, max(here.loss(c), 0.0), here.share
    return path
