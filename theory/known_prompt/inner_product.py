"""P(xᵀy < t) for two independent Gaussian vectors: the one probability behind every known-prompt error.

For x ~ N(μ_x, I_p) and y ~ N(μ_y, I_p), completing the square under the integral gives the moment generating function

    E e^{z xᵀy} = (1 - z²)^{-p/2} exp( (B z + C z²) / (1 - z²) ),   |Re z| < 1,
    B = μ_xᵀμ_y,   C = (‖μ_x‖² + ‖μ_y‖²)/2,

and Laplace inversion on any contour that crosses the real axis at some s in (-1, 0) the probability

    P(xᵀy < t) = (1/2πi) ∫ E e^{z xᵀy} e^{-zt} dz / (-z).

The phase -log(-z) + log E e^{z xᵀy} - zt is convex on (-1, 0); its minimum is the saddle point s, where the integrand
is as small as it can be made, so that nothing cancels and probabilities of e^{-1000} keep their digits.  From s the
contour bends away from the essential singularities at ±1,

    z = s + β (cosh v - 1) + i √(1-s²) sinh v,   v = w (h x + (1-h) sinh x).

The second step stretches both the peak, of width w, and the tails (1 - z²)^{-p/2}, slow for small p (h near 0), to unit
size: the trapezoidal rule in x then converges exponentially, at a cost that hardly depends on p, B or C.  Source:
derived here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from theory.arguments import FloatArray
from theory.quadrature import NEGLIGIBLE, LogIntegral, decay, trapezoid
from theory.saddle_point import saddle_logit

ComplexArray = npt.NDArray[np.complex128]

INTERVALS = 36
INTERVALS_WITH_THRESHOLD = 288
"""Of the rule along half of the contour.  With a threshold the integrand falls off, for small p, as |z|^{-p-1} until
|z| ~ 1/t: a longer way to go.  The number is doubled up to there where the error is above `TOLERANCE`."""

TOLERANCE = 1e-13

CHUNK = 512
"""Settings integrated at once: 37 nodes of 512 complex numbers stay in the second-level cache."""


@dataclass(frozen=True)
class Contour:
    """Points z = s + step of a contour, (1 - z²)/(1 - s²) - 1 there, and dz/dx; all of shape (nodes, settings)."""

    step: ComplexArray
    change: ComplexArray
    derivative: ComplexArray


class Phase:
    """Moment generating function of xᵀy - t along the contour through its saddle point, for one chunk of settings."""

    def __init__(
        self,
        dimension: FloatArray,
        product: FloatArray,
        square: FloatArray,
        threshold: FloatArray,
        saddle: tuple[FloatArray, FloatArray] | None = None,
        spread: FloatArray | float = 0.0,
    ) -> None:
        """Set out the contour; all arrays have shape (settings,).

        Args:
            dimension: p.
            product: B.
            square: C.
            threshold: t.
            saddle: where the contour is to cross, s and 1 + s; at the saddle point if not given.
            spread: variance of B, where the integrand is to be averaged over it: the peak is narrower then.
        """
        self.dimension, self.threshold = dimension, threshold
        self.product, self.square = product, square
        self.gap = np.maximum(square - product, 0.0)  # half of ‖μ_x - μ_y‖²; rounding may turn its sign
        self.saddle, self.distance = saddle if saddle is not None else self._saddle_point()
        s = self.saddle
        self.complement = self.distance * (1 - s)
        curvature = (
            dimension * (1 + s**2) / self.complement**2
            + (square + product) / (1 - s) ** 3
            + self.gap / self.distance**3
            + 1 / s**2
            + spread * ((1 + s**2) / self.complement**2) ** 2
        )
        self.radius = np.sqrt(self.complement)
        self.width = 1 / (self.radius * np.sqrt(curvature))
        # e^{-zt} must decay along the contour: it bends to the left for t ≤ 0 and to the right for t > 0, there by at
        # most 45°, so that it stays clear of the singularity at +1.
        self.bend = np.where(threshold > 0, np.minimum(-s, self.radius), s)
        # h: where p is large, and the pole at 0 is far from a peak so narrow, the integrand is near a Gaussian already.
        slow = np.maximum(1 / (dimension * self.width) ** 2, (self.width * self.radius / s) ** 2)
        self.straight = np.where(threshold == 0, 1 - np.minimum(slow / 2, 1.0), 0.0)

    def _saddle_point(self) -> tuple[FloatArray, FloatArray]:
        """Return the minimiser s of the convex phase and its distance 1 + s from the singularity, both in full digits.

        A contour that misses it by a hundredth of the width of the peak serves as well.
        """
        p, t, gap = self.dimension, self.threshold, self.gap
        positive, negative = np.maximum(self.product, 0), np.maximum(-self.product, 0)

        def imbalance(logit: FloatArray) -> tuple[FloatArray, FloatArray]:
            size, distance = expit(logit), expit(-logit)
            complement = distance * (1 + size)
            # The slope is zero where these two sums of positive terms agree; the logit makes their logarithms linear.
            pull = complement**2 * (1 + size * np.maximum(-t, 0)) + size * positive * distance**2
            push = size**2 * (p * complement + 2 * gap) + size * (
                np.maximum(t, 0) * complement**2 + negative * distance**2
            )
            return np.log(pull / push), np.maximum(1e-2 * complement / np.sqrt(pull), 1e-14)

        linear, quadratic = self.product - t, p + 2 * self.square
        guess = (linear + np.sqrt(linear**2 + 4 * quadratic)) / (2 * quadratic)
        logit = saddle_logit(imbalance, np.log(guess))
        return -expit(logit), expit(-logit)

    def at_saddle(self) -> FloatArray:
        """Return log E e^{s (xᵀy - t)}, without cancellation where s is close to -1 and the means nearly agree."""
        s = self.saddle
        near_zero = s > -0.5
        log_complement = np.where(near_zero, np.log1p(-(np.maximum(s, -0.5) ** 2)), np.log(self.complement))
        linear = np.where(near_zero, self.product + self.square * s, self.square * self.distance - self.gap)
        return np.asarray(-self.dimension / 2 * log_complement + s * linear / self.complement - s * self.threshold)

    def contour(self, x: FloatArray) -> Contour:
        """Return the contour at nodes x of shape (nodes, settings)."""
        sinh, less = _hyperbolic(x)
        v = self.width * (x + (1 - self.straight) * (sinh - x))
        stretch = self.width * (1 + (1 - self.straight) * less)
        sinh, less = _hyperbolic(v)
        step = _complex(self.bend * less, self.radius * sinh)
        derivative = _complex(self.bend * sinh * stretch, self.radius * (1 + less) * stretch)
        return Contour(step, -step * (2 * self.saddle + step) / self.complement, derivative)

    def exponent(self, at: Contour) -> ComplexArray:
        """Return the exponent relative to the saddle point."""
        real, imaginary = at.change.real, at.change.imag
        # log(1 + change): NumPy's complex log1p loses the digits of a small change.
        log_ratio = _complex(0.5 * np.log1p(2 * real + real**2 + imaginary**2), np.arctan2(imaginary, 1 + real))
        slope = self.product * self.distance**2 + 2 * self.gap * self.saddle
        bent = slope + (self.product * self.distance + self.gap) * at.step
        exponent = -self.dimension / 2 * log_ratio + at.step * bent / (self.complement**2 * (1 + at.change))
        return np.asarray(exponent - at.step * self.threshold)

    def product_slope(self, at: Contour) -> ComplexArray:
        """Return the derivative of that exponent by the product B: z/(1 - z²) less its value at the saddle point."""
        s = self.saddle
        return np.asarray(at.step * (1 + s * s + s * at.step) / (self.complement**2 * (1 + at.change)))

    def factor(self, at: Contour) -> ComplexArray:
        """Return i dz/dx / z."""
        return np.asarray(1j * at.derivative / (self.saddle + at.step))

    def along(self, x: FloatArray) -> tuple[ComplexArray, ComplexArray]:
        """Return the exponent relative to the saddle point, and i dz/dx / z, at nodes x of shape (nodes, settings)."""
        at = self.contour(x)
        return self.exponent(at), self.factor(at)

    def reach(self) -> FloatArray:
        """Return x beyond which (1 - z²)^{-p/2} alone makes the integrand negligible."""
        growth = np.minimum(2 * NEGLIGIBLE / self.dimension, 600.0)
        v = np.arcsinh(self.radius * np.sqrt(np.expm1(growth))) / self.width
        with np.errstate(divide="ignore"):
            return np.asarray(np.minimum(v / self.straight, np.arcsinh(v / (1 - self.straight))))


def _complex(real: FloatArray, imaginary: FloatArray) -> ComplexArray:
    """Return real + i imaginary; multiplying by 1j would cost a complex product."""
    result = np.empty(real.shape, dtype=np.complex128)
    result.real, result.imag = real, imaginary
    return result


def _hyperbolic(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return sinh x and cosh x - 1 from one exponential, both in full digits."""
    grown = np.expm1(x)
    shrunk = grown / (1 + grown)
    return (grown + shrunk) / 2, grown * shrunk / 2


def _lower_tail(settings: FloatArray, intervals: int) -> LogIntegral:
    """Integrate settings, the rows of `settings` being p, B, C and t ≤ B, all t = 0 or none, with nodes enough."""
    log_value, relative_error = np.empty((2, settings.shape[1]))
    for first in range(0, settings.shape[1], CHUNK):
        part = slice(first, first + CHUNK)
        phase = Phase(*settings[:, part])
        end = decay(lambda x, phase=phase: phase.along(x)[0].real, phase.reach())  # type: ignore[misc]
        integral = trapezoid(phase.along, np.zeros_like(end), end, intervals)
        log_value[part] = integral.log_value + phase.at_saddle() - np.log(np.pi)
        # With a threshold the tail is long and halving the step gains less: the difference of two step widths itself.
        relative_error[part] = np.where(phase.threshold == 0, integral.relative_error, integral.relative_error**0.8)
    again = relative_error > TOLERANCE
    if again.any() and intervals < INTERVALS_WITH_THRESHOLD:
        finer = _lower_tail(settings[:, again], 2 * intervals)
        log_value[again], relative_error[again] = finer.log_value, finer.relative_error
    return LogIntegral(log_value, relative_error)


def log_inner_product_cdf(
    dimension: FloatArray, product: FloatArray, square: FloatArray, threshold: FloatArray | float = 0.0
) -> LogIntegral:
    """Return log P(xᵀy < t) for independent x ~ N(μ_x, I_p), y ~ N(μ_y, I_p), with its relative error.

    Args:
        dimension: p ≥ 1.
        product: B = μ_xᵀμ_y.
        square: C = (‖μ_x‖² + ‖μ_y‖²)/2 ≥ |B|.
        threshold: t.  Above the mean B the probability is taken as 1 less the other tail.

    Returns:
        Arrays of the broadcast shape.  Formula and source: at the head of this file.

    Example:
        >>> import math
        >>> log_cdf = log_inner_product_cdf(np.array(1.0), np.array(4.0), np.array(4.0)).log_value
        >>> one_normal = math.erfc(2 / math.sqrt(2)) / 2       # p = 1: two numbers of mean 2 differ in sign
        >>> print(f"{math.exp(log_cdf):.12f} {2 * one_normal * (1 - one_normal):.12f}")
        0.044465126889 0.044465126889
    """
    arrays = np.broadcast_arrays(*(np.asarray(value, dtype=float) for value in (dimension, product, square, threshold)))
    shape = arrays[0].shape
    flat = np.stack([array.ravel() for array in arrays])
    upper = flat[3] > flat[1]
    flat[1], flat[3] = np.where(upper, -flat[1], flat[1]), np.where(upper, -flat[3], flat[3])
    log_value, relative_error = np.empty((2, flat.shape[1]))
    for intervals, those in ((INTERVALS, flat[3] == 0), (INTERVALS_WITH_THRESHOLD, flat[3] != 0)):
        tail = _lower_tail(flat[:, those], intervals)
        log_value[those], relative_error[those] = tail.log_value, tail.relative_error
    with np.errstate(divide="ignore"):
        other = np.log1p(-np.exp(np.minimum(log_value, 0)))
    relative_error = np.where(upper, relative_error * np.exp(log_value - other), relative_error)
    return LogIntegral(np.where(upper, other, log_value).reshape(shape), relative_error.reshape(shape))
