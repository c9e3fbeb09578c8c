"""Known-prompt errors by a zonal-harmonic series, in arithmetic of any precision.

The toolkit integrates a moment generating function along a contour.  This module reaches the same
probabilities by another road, with which it shares no formula.  For unit vectors x, y in p dimensions let
C_l be the Gegenbauer polynomial of degree l (index p/2 - 1) scaled to C_l(1) = 1.  Then

    1{t < 0} = 1/2 - sum over odd l of b_l C_l(t)                        (half-space indicator),
    E C_l(x.e) = a_l(m)              for x the direction of N(m e, I_p),
    E C_l(x.y) = a_l(m) a_l(k) E C_l(e.f)   for independent x, y, zonal around e and f   (addition theorem),

so that the error of a head trained on n examples at signal-to-noise ratio k is

    ERR = 1/2 - sum_l b_l a_l(sqrt(n) k) a_l(k) e_l,

with e_l = 1 for the averaging head, and for least squares e_l = E C_l(c), c**2 ~ Beta((|n-p|+1)/2, (min(n,p)-1)/2).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import mpmath as mp

GUARD_DIGITS = 15
WANTED_DIGITS = 50


def harmonic_means(dimension: int, norm: mp.mpf, level: int) -> Iterator[mp.mpf]:
    """Yield a_1, a_3, a_5, … of N(norm e, I): x**(l/2)/Gamma(l/2) * int_0^1 v**(l/2-1) (1-v)**((p+l)/2-1) e**(-x v) dv.

    Here x = norm**2/2.  With v = tanh(u)**2, u = scale * sinh(s), every integrand of the family is a positive, doubly
    exponentially decaying function of s, and one set of trapezoid nodes, 2**-level apart, serves all l.
    """
    half_square = norm**2 / 2
    scale = 1 / mp.sqrt(dimension + 2 * half_square)
    step = mp.mpf(1) / 2**level
    negligible = mp.mpf(10) ** (-mp.mp.dps - 5)
    powers, values = [], []
    while len(values) < 6 or values[-1] > negligible * values[0]:
        position = step * len(values)
        argument = scale * mp.sinh(position)
        square, complement = mp.tanh(argument) ** 2, mp.sech(argument) ** 2
        density = complement ** (mp.mpf(dimension + 1) / 2) * mp.exp(-half_square * square)
        powers.append(square * complement)
        values.append(density * scale * mp.cosh(position) * step * (2 if values else 1))
    prefactor, index = mp.sqrt(half_square / mp.pi), 0
    while True:
        yield prefactor * mp.fsum(values)
        values = [value * power for value, power in zip(values, powers, strict=True)]
        prefactor *= half_square / (index + mp.mpf(1) / 2)
        index += 1


def half_space_coefficients(dimension: int) -> Iterator[mp.mpf]:
    """Yield b_1, b_3, …: the number of harmonics of degree l times int_0^1 C_l(t) w(t) dt, by Rodrigues' formula."""
    half = mp.mpf(dimension) / 2
    normalisation = mp.exp(mp.loggamma(half) - mp.loggamma(half - mp.mpf(1) / 2)) / mp.sqrt(mp.pi)
    index = 0
    while True:
        degree = 2 * index + 1
        harmonics = mp.mpf(2 * degree + dimension - 2) / (degree + dimension - 2)
        harmonics *= mp.binomial(degree + dimension - 2, degree)
        derivative = mp.factorial(2 * index) * mp.binomial(degree + half - mp.mpf(3) / 2, index)
        rodrigues = mp.mpf(2) ** degree * mp.rf(half - mp.mpf(1) / 2, degree)
        yield (-1) ** index * harmonics * normalisation * derivative / rodrigues
        index += 1


def least_squares_harmonics(samples: int, dimension: int) -> Iterator[mp.mpf]:
    """Yield e_1, e_3, …: E c times a terminating 3F2(1), which Chu and Vandermonde sum for samples >= dimension."""
    half = mp.mpf(1) / 2
    first, total = mp.mpf(abs(samples - dimension) + 1) / 2, mp.mpf(max(samples, dimension)) / 2
    mean = mp.exp(mp.loggamma(first + half) - mp.loggamma(first) + mp.loggamma(total) - mp.loggamma(total + half))
    index = 0
    while True:
        if min(samples, dimension) == 1:
            yield mp.mpf(1)
        elif samples >= dimension:
            lower = mp.mpf(samples + 1) / 2
            yield mean * mp.rf(lower - index - mp.mpf(dimension) / 2, index) / mp.rf(lower, index)
        else:
            yield mean * _terminating_sum(samples, dimension, index)
        index += 1


def _terminating_sum(samples: int, dimension: int, index: int) -> mp.mpf:
    """Return 3F2(-k, k+p/2, (n-1)/2; (p-1)/2, (p+1)/2; 1); the terms alternate and reach 6**k, so digits are added."""
    with mp.workdps(mp.mp.dps + index):
        half_dimension, shape = mp.mpf(dimension) / 2, mp.mpf(samples - 1) / 2
        lower, upper = mp.mpf(dimension - 1) / 2, mp.mpf(dimension + 1) / 2
        term = total = mp.mpf(1)
        for j in range(index):
            term *= (j - index) * (index + half_dimension + j) * (shape + j)
            term /= (lower + j) * (upper + j) * (j + 1)
            total += term
        return total


def _sum_series(
    samples: int, dimension: int, kappa: float, least_squares: bool, level: int, digits: int
) -> tuple[mp.mpf, mp.mpf]:
    """Return the series and its largest term, summed until four terms in a row are negligible."""
    with mp.workdps(digits):
        ratio = mp.mpf(kappa)
        training = harmonic_means(dimension, mp.sqrt(samples) * ratio, level)
        testing = harmonic_means(dimension, ratio, level)
        coefficients = half_space_coefficients(dimension)
        angles = least_squares_harmonics(samples, dimension) if least_squares else iter(lambda: mp.mpf(1), None)
        total, largest, negligible = mp.mpf(1) / 2, mp.mpf(0), 0
        for coefficient, train, test, angle in zip(coefficients, training, testing, angles, strict=True):
            term = coefficient * train * test * angle
            total -= term
            largest = max(largest, abs(term))
            small = mp.mpf(10) ** (GUARD_DIGITS - digits)
            negligible = negligible + 1 if abs(coefficient * train * test) < small else 0
            if negligible == 4:
                return total, largest
    raise AssertionError("the iterators never end")


def reference_error(samples: int, dimension: int, kappa: float, *, least_squares: bool) -> mp.mpf:
    """Return ERR to 50 digits: the precision is raised until two step widths and the cancellation allow it."""
    if dimension == 1:
        with mp.workdps(WANTED_DIGITS + 350):
            test, train = mp.mpf(kappa), mp.sqrt(samples) * mp.mpf(kappa)
            below, above = (lambda z: mp.erfc(z / mp.sqrt(2)) / 2), (lambda z: mp.erfc(-z / mp.sqrt(2)) / 2)
            return above(train) * below(test) + below(train) * above(test)
    ratio = kappa**2 * math.sqrt(samples) / math.sqrt(kappa**2 * (samples + 1) + dimension)
    digits = 90 + int(0.25 * ratio**2) + int(0.2 * kappa**2)
    while True:
        level = max(4, math.ceil(math.log2(digits / 2.0)))
        coarse, largest = _sum_series(samples, dimension, kappa, least_squares, level, digits)
        magnitude = max(largest, mp.mpf(1))
        if coarse > magnitude * mp.mpf(10) ** (WANTED_DIGITS + GUARD_DIGITS - digits):
            fine, _ = _sum_series(samples, dimension, kappa, least_squares, level + 1, digits)
            if abs(fine - coarse) < fine * mp.mpf(10) ** -WANTED_DIGITS:
                return fine
        digits = int(1.5 * digits)
