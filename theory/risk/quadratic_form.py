"""P(c + Σ_t u_t v_t < 0) for m independent pairs of Gaussian numbers: the law behind linear attention.

With (u, v) ~ N((a, b), C), α = a/√C_uu, β = b/√C_vv and the correlation r, u + v and u - v are independent, so that

    Σ u_t v_t/√(C_uu C_vv) = (1+r)/2 χ'²_m(m (α+β)²/(2(1+r))) - (1-r)/2 χ'²_m(m (α-β)²/(2(1-r))),

an indefinite quadratic form.  With k = c/√(C_uu C_vv) its cumulant generating function is

    K(s) = k s - m/2 log[(1 - (1+r) s)(1 + (1-r) s)] + m s/4 [(α+β)²/(1 - (1+r) s) - (α-β)²/(1 + (1-r) s)],

and P(· < 0) = -(1/2πi) ∫ e^{K(s)} ds/s on any contour that crosses the real axis at a negative s before the left pole
(Imhof 1961 and Davies 1980 invert on the imaginary axis).  It crosses here at the saddle point of K(s) - log(-s), which
is convex, so that nothing cancels, and bends away from the poles.  If the mean is negative, the other tail is taken.
Source: derived here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import log_ndtr

from theory.arguments import FloatArray
from theory.quadrature import NEGLIGIBLE, LogIntegral, support, trapezoidal_sums
from theory.saddle_point import saddle_logit

SADDLE = 1e-10
"""A saddle point may be off by such a share: the contour through a point beside it serves as well."""

NOISELESS = 1e-11
"""A standard deviation that is smaller, relative to its mean, leaves no trace beside the other noise."""

NOTHING = -1e5
"""Logarithm of a probability below which Chernoff's bound, the integrand at the saddle point, stands for it."""

INTERVALS, MOST_INTERVALS = 64, 4096
TOLERANCE = 1e-12
"""Relative difference of two step widths at which the number of nodes is not doubled any more."""


@dataclass(frozen=True)
class GaussianPairs:
    """The parameters of c + Σ u_t v_t, arrays that broadcast.

    Attributes:
        constant: c.
        terms: m ≥ 0.
        means: a and b.
        variances: C_uu and C_vv ≥ 0.
        ends: 1 + r and 1 - r of the correlation r, both exact where the other is almost 2; of no account where a
            variance is 0.
    """

    constant: FloatArray
    terms: FloatArray
    means: tuple[FloatArray, FloatArray]
    variances: tuple[FloatArray, FloatArray]
    ends: tuple[FloatArray, FloatArray]


def log_probability_below_zero(pairs: GaussianPairs) -> LogIntegral:
    """Return log P(c + Σ u_t v_t < 0), with the relative error of the probability; ties count as one half.

    Below e^-100000 a bound is returned, with the relative error 1.

    Example:
        >>> one, zero = np.array(1.0), np.array(0.0)
        >>> pairs = GaussianPairs(zero, one, (2 * one, 2 * one), (one, one), (one, one))  # two numbers differ in sign
        >>> print("%.12f" % np.exp(log_probability_below_zero(pairs).log_value))
        0.044465126889
    """
    parameters = np.broadcast_arrays(pairs.constant, pairs.terms, *pairs.means, *pairs.variances, *pairs.ends)
    shape = parameters[0].shape
    constant, terms, a, b, uu, vv, up, down = (np.asarray(x, dtype=float).ravel() for x in parameters)
    r = (up - down) / 2
    mean = constant + terms * (a * b + r * np.sqrt(uu * vv))
    spread = np.sqrt(terms * (a**2 * vv + b**2 * uu + uu * vv * (1 + r**2) + 2 * a * b * r * np.sqrt(uu * vv)))
    log_value, relative_error = np.empty(mean.shape), np.zeros(mean.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        sure = np.where(mean == 0, np.log(0.5), np.where(mean < 0, 0.0, -np.inf))
        log_value[:] = np.where(spread > 0, log_ndtr(-mean / spread), sure)
    # Where a variance is 0, or below a rounding error of its mean, the sum is Gaussian.
    product = (np.sqrt(uu) > NOISELESS * np.abs(a)) & (np.sqrt(vv) > NOISELESS * np.abs(b)) & (terms > 0)
    if product.any():
        scale = np.sqrt(uu[product] * vv[product])
        lower = mean[product] > 0
        sign = np.where(lower, 1.0, -1.0)
        tail = _lower_tail(
            sign * constant[product] / scale,
            terms[product],
            a[product] / np.sqrt(uu[product]),
            sign * b[product] / np.sqrt(vv[product]),
            np.where(lower, up[product], down[product]),
            np.where(lower, down[product], up[product]),
        )
        with np.errstate(divide="ignore"):
            other = np.log1p(-np.exp(np.minimum(tail.log_value, 0.0)))
        log_value[product] = np.where(lower, tail.log_value, other)
        change = np.where(lower, 1.0, np.exp(tail.log_value - other))
        relative_error[product] = tail.relative_error * change
    return LogIntegral(log_value.reshape(shape), relative_error.reshape(shape))


def _lower_tail(
    constant: FloatArray, terms: FloatArray, alpha: FloatArray, beta: FloatArray, up: FloatArray, down: FloatArray
) -> LogIntegral:
    """Return log P(k + Σ < 0) where the mean is not negative, in units of √(C_uu C_vv); arrays of shape (settings,)."""
    log_value, error = np.full(constant.shape, -np.inf), np.zeros(constant.shape)
    plus, minus = terms * (alpha + beta) ** 2 / 4, terms * (alpha - beta) ** 2 / 4
    # With r = 1 the sum is one of squares, less a constant.
    rest = np.flatnonzero((down > 0) | (constant < minus))
    settings = np.stack([constant, terms / 2, up, down, plus, minus])[:, rest]
    settings = np.vstack([settings, *_saddle_point(*settings)])
    log_value[rest], error[rest] = _Phase(*settings).at_saddle(), 1.0
    settings, rest = settings[:, log_value[rest] > NOTHING], rest[log_value[rest] > NOTHING]
    intervals = INTERVALS
    while len(rest) and intervals <= MOST_INTERVALS:
        phase = _Phase(*settings)
        start = np.zeros(len(rest))
        _, end = support(lambda x, phase=phase: phase.along(x)[0].real, start, phase.reach())  # type: ignore[misc]
        fine, coarse, peak = trapezoidal_sums(phase.along, start, end, intervals)
        with np.errstate(divide="ignore", invalid="ignore"):
            log_value[rest] = np.log(fine) + peak + phase.at_saddle() - np.log(np.pi)
            # Where the tail is long, halving the step gains less than elsewhere: the difference itself.
            error[rest] = np.where(fine > 0, np.abs(coarse / fine - 1), np.inf)
        settings, rest = settings[:, error[rest] > TOLERANCE], rest[error[rest] > TOLERANCE]
        intervals *= 2
    return LogIntegral(log_value, error)


def _saddle_point(
    constant: FloatArray, half: FloatArray, up: FloatArray, down: FloatArray, plus: FloatArray, minus: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the minimiser s < 0 of K(s) - log(-s), and 1 + (1-r) s, both in full digits.

    There two sums of positive terms are equal; the logarithm of their ratio is nearly linear in log(-s/(1 + (1-r) s)).
    """
    falling, rising = np.maximum(constant, 0.0), np.maximum(-constant, 0.0)

    def imbalance(logit: FloatArray) -> tuple[FloatArray, FloatArray]:
        size = np.exp(logit)
        left = 1 / (1 + down * size)
        square, length = left**2, size * left
        right = 1 + up * length
        # The derivative, times -s left²: bounded at both ends.
        before = square * (1 + length * (falling + half * up / right + plus / right**2))
        behind = length * (square * rising + half * down * left + minus)
        return np.log(before / behind), tolerance

    tolerance = np.full(half.shape, SADDLE)
    mean = constant + half * (up - down) + plus - minus
    variance = half * (up**2 + down**2) + 2 * (plus * up + minus * down)
    # If the sum were Gaussian.
    logit = saddle_logit(imbalance, np.log((mean + np.hypot(mean, 2 * np.sqrt(variance))) / (2 * variance)))
    size = np.exp(logit)
    left = np.asarray(1 / (1 + down * size))
    return np.asarray(-size * left), left


class _Phase:
    """The exponent K(s) - log(-s) along a contour through its saddle point, for some settings of shape (settings,)."""

    def __init__(
        self,
        constant: FloatArray,
        half: FloatArray,
        up: FloatArray,
        down: FloatArray,
        plus: FloatArray,
        minus: FloatArray,
        saddle: FloatArray,
        left: FloatArray,
    ) -> None:
        """Choose the contour's shape; `plus` and `minus` are m (α ± β)²/4, `left` is 1 + (1-r) s."""
        self.constant, self.half, self.up, self.down = constant, half, up, down
        self.plus, self.minus, self.saddle, self.left = plus, minus, saddle, left
        self.right = 1 - up * saddle
        curvature = (
            half * ((up / self.right) ** 2 + (down / left) ** 2)
            + 2 * plus * up / self.right**3
            + 2 * minus * down / left**3
            + 1 / saddle**2
        )
        # Distances from the poles; a pole that is far off does not count.
        with np.errstate(divide="ignore"):
            to_right, to_left = self.right / up, left / down
        near = np.minimum(to_left, to_right)
        self.radius = np.sqrt(near * np.minimum(np.maximum(to_left, to_right), 4 * near - 3 * saddle))
        self.width = 1 / (self.radius * np.sqrt(curvature))
        # e^{ks} must decay along the contour, which bends away from where it grows.  A pole that is so far off that the
        # integrand is negligible before the contour gets there acts as a part of k.
        slope = constant + np.where(to_left > to_right, -minus / left**2, plus / self.right**2)
        self.far = np.maximum(to_left, to_right) / 2
        acts = self.far * np.abs(slope) > 2 * NEGLIGIBLE
        self.far[~acts] = np.inf
        slope = np.where(acts, slope, constant)
        self.bend = np.where(slope < 0, np.minimum(-saddle, self.radius), np.maximum(saddle, -self.radius))

    def at_saddle(self) -> FloatArray:
        """Return K at the saddle point."""
        s = self.saddle
        quadratic = self.plus / self.right - self.minus / self.left
        return np.asarray(self.constant * s - self.half * (np.log1p(-self.up * s) + np.log(self.left)) + s * quadratic)

    def along(self, x: FloatArray) -> tuple[npt.NDArray[np.complex128], npt.NDArray[np.complex128]]:
        """Return the exponent relative to the saddle point, and -i ds/dx/s, at nodes x of shape (nodes, settings)."""
        v = self.width * np.sinh(x)
        sinh = np.sinh(v)
        step = self.bend * 2 * np.sinh(v / 2) ** 2 + 1j * self.radius * sinh
        derivative = (self.bend * sinh + 1j * self.radius * np.cosh(v)) * self.width * np.cosh(x)
        right, left = -self.up * step / self.right, self.down * step / self.left
        # One factor turns up and the other down, so that the logarithm of the product is the sum of theirs.
        exponent = self.constant * step - self.half * _log1p(right + left + right * left)
        # s/(1 - (1+r) s) has the derivative 1/(1 - (1+r) s)².
        exponent = exponent + self.plus * step / (self.right**2 * (1 + right))
        exponent = exponent - self.minus * step / (self.left**2 * (1 + left))
        return exponent, 1j * derivative / (self.saddle + step)

    def reach(self) -> FloatArray:
        """Return x beyond which the powers of s alone make the integrand negligible."""
        growth = np.minimum(NEGLIGIBLE / np.maximum(self.half, 0.5), 300.0)
        height = np.minimum(growth + np.log(2 + 1 / self.radius), np.arcsinh(self.far / self.radius))
        return np.asarray(np.arcsinh(height / self.width))


def _log1p(change: npt.NDArray[np.complex128]) -> npt.NDArray[np.complex128]:
    """Return log(1 + change): NumPy's complex log1p loses the digits of a small change."""
    real, imaginary = change.real, change.imag
    value = 0.5 * np.log1p(2 * real + real**2 + imaginary**2) + 1j * np.arctan2(imaginary, 1 + real)
    return np.asarray(value, dtype=np.complex128)
