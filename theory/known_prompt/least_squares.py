"""Test error of the least-squares head and of minimum-norm interpolation, exact for every n and p.

The head lies at a random angle θ from the averaging direction (`known_prompt.beta_angle`).  Turning the training vector
by a fixed θ turns its mean by θ, so that

    ERR = E_θ P(xᵀy < 0),   x ~ N(√n κ v, I_p), y ~ N(κ e, I_p), vᵀe = cos θ.

The moment generating function of xᵀy (`known_prompt.inner_product`) averages over θ to

    M(z) = (1 - z²)^{-p/2} e^{C z²/(1 - z²)} E_θ e^{w cos θ},   w = B z/(1 - z²),   B = κ²√n,  C = κ²(n+1)/2,

and ERR = (1/2πi) ∫ M(z) dz/(-z) on one contour for all θ.  The contour crosses the real axis where the largest value
over θ of log M(s) - log(-s) is least: a maximum of convex functions of s, it has one minimum, (s, θ).  The law of θ is
taken around the peak that it has there.  Nothing then cancels, and both trapezoidal rules converge exponentially.
"""

from __future__ import annotations

import numpy as np

from theory.arguments import FloatArray, Numbers, broadcast, whole
from theory.known_prompt.averaging import log_head_error, signal_to_noise
from theory.known_prompt.beta_angle import TiltedAngle
from theory.known_prompt.inner_product import ComplexArray, Phase
from theory.probability import ErrorProbability, error_probability
from theory.quadrature import LogIntegral, decay
from theory.saddle_point import saddle_logit

INTERVALS = 44, 36
"""Of the rules over θ and along half of the contour; each is doubled where its error is above `TOLERANCE`."""

TOLERANCE = 1e-13
MOST_DOUBLINGS = 5

CONVERGENCE = np.array([[3 / 2], [5 / 4]])
"""The error is taken as this power of its change when a step is halved, which would square it in a simple case."""

EPS = np.finfo(np.float64).eps

CHUNK = 512
"""Settings treated at once: a few arrays of 45 nodes for each stay in the second-level cache."""

BLOCK = 10_000
"""Points treated at once: for few settings those of several nodes of the contour."""

KAPPA_RANGE = 1e-30, 1e30
"""Below, the error is 1/2 to all digits; above (for n, p ≤ 1e15) it is proportional to κ^{-a}, and is scaled."""


class _Saddle:
    """The point (s, θ) for logit(ω cos θ/a), where e^{-ω cos θ}, ω = -w(s), is the weight under which θ is the peak."""

    def __init__(self, settings: FloatArray, logit: FloatArray) -> None:
        """Take p, a, b, B and C as the rows of `settings`."""
        p, a, b, product, square = settings
        self.angle = TiltedAngle(a, b, logit)
        tilt = self.angle.tilt
        self.size = 2 * tilt / (product + np.hypot(product, 2 * tilt))  # -s
        complement = product * self.size / tilt
        self.distance = complement / (1 + self.size)
        self.product = product * self.angle.cosine
        # The slope in s is zero where these two agree; their logarithms are nearly linear in the logit.
        pull = complement**2 + self.size * self.product * self.distance**2
        push = self.size**2 * (p * complement + 2 * (square - self.product))
        self.imbalance = np.log(pull / push)
        self.tolerance = np.maximum(1e-2 * complement / np.sqrt(pull), 1e-12)


def _saddle(settings: FloatArray) -> _Saddle:
    """Find the saddle point; a contour that misses it by a hundredth of the width of the peak serves as well."""
    p, a, b, product, square = settings
    cosine = np.sqrt(a / (a + b))
    size = (product * cosine + np.sqrt((product * cosine) ** 2 + 4 * (p + 2 * square))) / (2 * (p + 2 * square))

    def imbalance(logit: FloatArray) -> tuple[FloatArray, FloatArray]:
        saddle = _Saddle(settings, logit)
        return saddle.imbalance, saddle.tolerance

    return _Saddle(settings, saddle_logit(imbalance, np.log(product * size * cosine / a)))


def _integrate(settings: FloatArray, intervals: tuple[int, int]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return log ERR, the relative errors of both rules and rounding for one chunk of settings, rows p, a, b, B, C."""
    p, _, _, product, square = settings
    saddle = _saddle(settings)
    offset, log_weight = saddle.angle.nodes(intervals[0])
    weight = np.exp(log_weight)
    mean = (weight * offset).sum(axis=0) / weight.sum(axis=0)
    variance = product**2 * (weight * (offset - mean) ** 2).sum(axis=0) / weight.sum(axis=0)
    phase = Phase(p, saddle.product, square, np.zeros_like(p), (-saddle.size, saddle.distance), variance)

    def log_magnitude(x: FloatArray) -> FloatArray:
        at = phase.contour(x)
        return np.asarray(phase.exponent(at).real - np.log1p(np.abs(phase.product_slope(at)) ** 2 * variance) / 2)

    step = decay(log_magnitude, phase.reach()) / intervals[1]
    at = phase.contour(step * np.arange(intervals[1] + 1)[:, None])
    outer = np.exp(phase.exponent(at)) * phase.factor(at) * step
    outer[[0, -1]] /= 2
    inner = _generating_function(offset, log_weight, product * phase.product_slope(at))
    terms = (outer * inner[0]).real
    total = terms.sum(axis=0)
    if not (total > 0).all():
        raise ArithmeticError("the integral of a density did not come out positive; please report the setting")
    along_theta = (outer * inner[1:]).real.sum(axis=1)
    along_contour = np.tensordot(_alternating(np.arange(intervals[1] + 1) / intervals[1])[:2], terms, axes=1)
    error = np.stack([(alternating**2).sum(axis=0) for alternating in (along_theta, along_contour)])
    log_value = phase.at_saddle() + saddle.angle.log_peak() + np.log(total / np.pi)
    # Besides log ERR itself the exponent holds ω cos θ, up to twice its size, which a part of C cancels.
    rounding = EPS * (16 + saddle.angle.tilt * saddle.angle.cosine)
    return log_value, (np.sqrt(error) / total) ** CONVERGENCE, rounding


def _alternating(position: FloatArray) -> FloatArray:
    """Return alternating weights, whose sum is the change when the step is halved, and two turned by a small angle.

    Where that change vanishes by chance it says nothing about the error; the turned sums then do not.
    """
    signs = (-1.0) ** np.arange(len(position))
    return np.stack([signs, signs * np.cos(2 * position), signs * np.sin(2 * position)])


def _generating_function(offset: FloatArray, log_weight: FloatArray, slopes: ComplexArray) -> ComplexArray:
    """Return Σ_j e^{log_weight_j + slope_k offset_j} and its alternating sums, of shape (4, k, settings)."""
    nodes = len(offset)
    rows = np.concatenate([np.ones((1, nodes)), _alternating(np.linspace(-1, 1, nodes))])
    result = np.empty((len(slopes), len(rows), offset.shape[1]), dtype=np.complex128)
    block = max(1, BLOCK // offset.size)
    for first in range(0, len(slopes), block):
        part = slice(first, first + block)
        slope = slopes[part, None]
        value = offset * slope.real
        value += log_weight
        np.exp(value, out=value)
        # cos φ and sin φ from t = tan φ/2, which NumPy computes five times as fast as either.
        tangent = offset * (slope.imag / 2)
        np.tan(tangent, out=tangent)
        square = tangent * tangent
        square += 1
        np.divide(value, square, out=square)
        tangent *= square
        square *= 2
        square -= value
        result[part].real, result[part].imag = rows @ square, 2 * (rows @ tangent)
    return result.swapaxes(0, 1)


def _log_mean_error(settings: FloatArray, intervals: tuple[int, int] = INTERVALS, doublings: int = 0) -> LogIntegral:
    """Integrate all settings, the rows of `settings` being p, a, b, B and C, with nodes enough for each."""
    log_value, errors = np.empty(settings.shape[1]), np.empty((3, settings.shape[1]))
    for first in range(0, settings.shape[1], CHUNK):
        part = slice(first, first + CHUNK)
        log_value[part], errors[:2, part], errors[2, part] = _integrate(settings[:, part], intervals)
    relative_error = errors.sum(axis=0)
    if doublings < MOST_DOUBLINGS:
        inexact = ~(errors[:2] < TOLERANCE)
        for which in ((True, False), (False, True), (True, True)):
            again = (inexact == np.array(which)[:, None]).all(axis=0)
            if again.any():
                finer = intervals[0] * (1 + which[0]), intervals[1] * (1 + which[1])
                integral = _log_mean_error(settings[:, again], finer, doublings + 1)
                log_value[again], relative_error[again] = integral.log_value, integral.relative_error
    return LogIntegral(log_value, relative_error)


def least_squares_error(samples: Numbers, dimension: Numbers, kappa: Numbers) -> ErrorProbability:
    """Return the exact test error of min Σ (yᵢ - wᵀhᵢ)² on n features y h = κ e + ξ in p dimensions.

    For n > p it is ordinary least squares, for n ≤ p the interpolating solution of minimum norm; at n = p the error
    peaks (double descent).  With the formula at the head of this file it is a sum over a thousand points for each
    setting, with a relative error below 1e-12 down to errors of 1e-300.  Source: derived here.

    Args:
        samples: n ≥ 1, whole, or `inf`.
        dimension: p ≥ 1, whole.
        kappa: κ ≥ 0, signal-to-noise ratio of a feature, `inf` included.

    Raises:
        ArgumentError: a parameter is out of range, or shapes do not broadcast.

    Example:
        >>> least_squares_error(samples=[25, 50, 100], dimension=50, kappa=1.0).error.round(6)
        array([0.340177, 0.468228, 0.280611])
    """
    arrays = broadcast(
        samples=whole("samples", samples, least=1, infinite=True),
        dimension=whole("dimension", dimension, least=1),
        kappa=signal_to_noise(kappa),
    )
    shape = arrays[0].shape
    n, p, k = (array.ravel() for array in arrays)
    log_value, relative_error = np.empty_like(k), np.empty_like(k)
    random = np.isfinite(n) & np.isfinite(k) & (k > 0) & (np.minimum(n, p) > 1)
    fixed = ~random
    if fixed.any():
        head = log_head_error(n[fixed], p[fixed], k[fixed], np.ones_like(k[fixed]))
        log_value[fixed], relative_error[fixed] = head.log_value, head.relative_error
    if random.any():
        n, p, k = n[random], p[random], k[random]
        within = np.clip(k, *KAPPA_RANGE)
        a, b = np.abs(n - p) + 1, np.minimum(n, p) - 1
        mean = _log_mean_error(np.stack([p, a, b, within**2 * np.sqrt(n), within**2 * (n + 1) / 2]))
        log_value[random] = mean.log_value - a * np.log(np.maximum(k / within, 1.0))
        relative_error[random] = mean.relative_error
    return error_probability(log_value.reshape(shape), relative_error.reshape(shape))
