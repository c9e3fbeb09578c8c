"""The law of Fisher's linear discriminant of n₊ and n₋ examples of two normal classes, n = n₊ + n₋ ≥ p + 1.

The full-space head meets a constant coordinate along the prompt, an unpenalised intercept: least squares is then
Fisher's discriminant.  With k = 4n₊n₋/n, G/√k half the difference of the class means in units of S, G ~ N(√k κ e, I_p),
and A the scatter within the classes, a Wishart matrix of n - 2 degrees of freedom, its direction part is

    w = √k A⁻¹G / (1 + GᵀA⁻¹G) = √k (A + GGᵀ)⁻¹G.

For κ = 0 the total scatter A + GGᵀ is a Wishart matrix of n - 1 degrees of freedom, independent of (A + GGᵀ)^{-1/2} G,
which has a uniform direction and a Beta(p/2, (n-1-p)/2) squared length R².  Hence √k/‖w‖ = √q/R with q ~ χ²_{n-p}, and
G = R (√q ŵ + z), z standard normal orthogonal to w.  For κ > 0 the likelihood ratio e^{√k κ eᵀG - kκ²/2} is averaged
over z, and then over R at fixed X = √k/‖w‖: the cosine C = ŵᵀe and X together have the density

    f(C, X) ∝ (1 - C²)^{(p-3)/2} X^{n-p-1} e^{-D²/2} J((D² - kκ²)/2),     D = X - √k κ C,
    J(ζ) = ∫_0^1 t^{(n-p-3)/2} (1 - t)^{n/2-1} e^{ζt} dt   (Kummer's function; 1 for n = p + 1),

with one constant for all k and κ.  For p = 1, C is ±1.  Source: derived here.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import scipy

from theory.arguments import FloatArray
from theory.known_prompt.peaked_integral import peaked_integral
from theory.quadrature import NEGLIGIBLE, LogIntegral

STEP = 1 / 40
"""Step of the table of log J; a spline of degree 7 through it is accurate to a rounding error."""

LogFunction = Callable[[npt.NDArray[np.int_], FloatArray, FloatArray], FloatArray]


class _KummerTable:
    """log J(ζ) - (ζ + √(ζ² + b²))/2, b = n - (p+1)/2, as a spline in arsinh(ζ/b)."""

    def __init__(self, samples: float, dimension: float, lower: float, upper: float) -> None:
        """Tabulate for ζ from `lower` to `upper`."""
        self.left, self.right = (samples - dimension - 1) / 2, samples / 2
        self.scale = self.left + self.right
        self.relative_error = 0.0
        if self.left == 0:
            return
        first, last = (np.floor(np.arcsinh(end / self.scale) / STEP) for end in (lower, upper))
        nodes = np.arange(first - 4, last + 6) * STEP
        zeta = self.scale * np.sinh(nodes)
        integral = self._integral(zeta)
        self.relative_error = float(integral.relative_error.max())
        self.spline: scipy.interpolate.BSpline = scipy.interpolate.make_interp_spline(
            nodes, integral.log_value - self._excess(zeta), k=7
        )

    def _excess(self, zeta: FloatArray) -> FloatArray:
        """Return (√(ζ² + b²) - |ζ|)/2."""
        return np.asarray(self.scale**2 / (2 * (np.hypot(zeta, self.scale) + np.abs(zeta))))

    def _integral(self, zeta: FloatArray) -> LogIntegral:
        """Return log J(ζ) - max(ζ, 0), integrated over log t/(1-t)."""

        def log_integrand(logit: FloatArray) -> FloatArray:
            below, above = np.logaddexp(0, -logit), np.logaddexp(0, logit)
            tilt = np.where(zeta > 0, -zeta * np.exp(-above), zeta * np.exp(-below))
            return np.asarray(tilt - self.left * below - self.right * above)

        away = np.log1p(np.abs(zeta) / min(self.left, self.right))
        reach = 5 + away + NEGLIGIBLE / min(self.left, self.right)
        return peaked_integral(log_integrand, reach)

    def log_value(self, zeta: FloatArray) -> FloatArray:
        """Return log J(ζ) - max(ζ, 0)."""
        if self.left == 0:
            return -np.maximum(zeta, 0.0)
        return np.asarray(self.spline(np.arcsinh(zeta / self.scale)) + self._excess(zeta))


class DiscriminantLaw:
    """Law of (C, X) for one n ≥ p + 1 and one κ, at several label splits k at once."""

    def __init__(self, samples: float, dimension: float, kappa: float) -> None:
        """Tabulate Kummer's function, and normalise the density at κ = 0, where it has the same constant."""
        self.dimension, self.kappa, self.power = dimension, kappa, samples - dimension
        length = np.sqrt(samples) * kappa  # the largest √k κ
        largest = (samples + length) * np.exp(2 + 1.2 * NEGLIGIBLE / dimension)
        smallest = self.power / (np.sqrt(self.power) + length) * np.exp(-1 - 1.2 * NEGLIGIBLE / self.power)
        # Beyond, the tails X^{n-p} and X^{-p}, per unit of log X, are negligible.
        self.reach = max(largest, -np.log(smallest))
        self.table = _KummerTable(samples, dimension, -(length**2) / 2, (largest + length + 1) ** 2)
        flat = self._log_integral(np.zeros(1), lambda _, __, x: np.zeros_like(x))
        self.log_constant = float(flat.log_value[0])
        # Logarithms of the size of their exponents are subtracted, and each loses its rounding.
        rounding = 4 * np.finfo(np.float64).eps * (16 + samples + length**2)
        self.relative_error = self.table.relative_error + float(flat.relative_error[0]) + rounding

    def log_mean(self, splits: FloatArray, log_function: LogFunction) -> LogIntegral:
        """Return log E f(C, X) for a positive f, for label splits k > 0 of shape (settings,).

        `log_function` maps the index of a setting, C and X, arrays that broadcast, to log f.
        """
        integral = self._log_integral(np.sqrt(splits) * self.kappa, log_function)
        return LogIntegral(integral.log_value - self.log_constant, integral.relative_error + self.relative_error)

    def log_density(self, cosine: FloatArray, reciprocal: FloatArray, splits: FloatArray) -> FloatArray:
        """Return log f(C, X) at -1 < C < 1 and X > 0 for label splits k > 0, arrays that broadcast; p ≥ 2.

        Example:
            >>> law = DiscriminantLaw(4.0, 2.0, 1.0)
            >>> print(f"{float(law.log_density(np.array(0.0), np.array(1.0), np.array(4.0))):.6f}")
            -2.305196
        """
        radial = self._log_radial(cosine, reciprocal, np.log(reciprocal), np.sqrt(splits) * self.kappa)
        return np.asarray((self.dimension - 3) / 2 * np.log1p(-(cosine**2)) + radial - self.log_constant)

    def _log_radial(self, cosine: FloatArray, x: FloatArray, log_x: FloatArray, length: FloatArray) -> FloatArray:
        """Return log X^{n-p-1} e^{-D²/2} J((D² - kκ²)/2), for √k κ = `length`."""
        square, half = length**2 / 2, (x - length * cosine) ** 2 / 2
        # -D²/2 + max(ζ, 0) = -min(D², kκ²)/2
        return np.asarray((self.power - 1) * log_x - np.minimum(half, square) + self.table.log_value(half - square))

    def _log_integral(self, length: FloatArray, log_function: LogFunction) -> LogIntegral:
        """Integrate the density, up to its constant, times f, for √k κ of shape (settings,)."""
        setting = np.arange(len(length))
        inner_error = np.zeros_like(length)

        def log_integrand(u: FloatArray) -> FloatArray:
            lengths = np.broadcast_to(length, u.shape).ravel()
            settings = np.broadcast_to(setting, u.shape).ravel()
            inner = self._over_length(settings, np.tanh(u).ravel(), lengths, log_function)
            log_sine = np.log(2) - np.logaddexp(u, -u)  # of the angle whose cosine is tanh u
            log_value = (self.dimension - 1) * log_sine + inner.log_value.reshape(u.shape)
            share = np.exp(log_value - log_value.max(axis=0))
            inner_error[:] = (share * inner.relative_error.reshape(u.shape)).sum(axis=0) / share.sum(axis=0)
            return np.asarray(log_value)

        if self.dimension == 1:
            both = log_integrand(np.array([[40.0], [-40.0]]) * np.ones_like(length))
            return LogIntegral(np.logaddexp(*both), inner_error)

        reach = np.arcsinh(1 + length) + 3 + 1.2 * NEGLIGIBLE / (self.dimension - 1)
        integral = peaked_integral(log_integrand, reach)
        return LogIntegral(integral.log_value, integral.relative_error + inner_error)

    def _over_length(
        self, setting: npt.NDArray[np.int_], cosine: FloatArray, length: FloatArray, log_function: LogFunction
    ) -> LogIntegral:
        """Integrate over s, X = log(1 + e^s): e^s far below 0 and s far above; all arrays have shape (columns,)."""

        def log_integrand(s: FloatArray) -> FloatArray:
            small = np.log1p(np.exp(-np.abs(s)))
            x = np.maximum(s, 0) + small
            log_x = np.where(s < -40, s, np.log(np.maximum(x, 1e-20)))
            density = self._log_radial(cosine, x, log_x, length)
            return np.asarray(density + log_function(setting, cosine, x) + np.minimum(s, 0) - small)

        return peaked_integral(log_integrand, np.full_like(cosine, self.reach))
