"""Moments of attention as functions of τ: Chebyshev interpolation of their logarithms, panel by panel.

An exact evaluation costs milliseconds, an interpolated one tens of microseconds.  The moments are positive and analytic
in τ; where attention does not fluctuate, their nearest singularities lie at a distance of π/|(1+δ_q)Q²|, where
1 + e^{logit} = 0.  A panel's half-width is at most 1/2 on this scale and 1/4 on that of s = τσQ, so that Chebyshev
coefficients fall about tenfold with each degree.
Source: derived here.
"""

from __future__ import annotations

import math

import numpy as np
import scipy
from numpy.polynomial import chebyshev

from theory.arguments import FloatArray
from theory.attention.mixed_moments import LARGEST_LOG_CONSTANT, AttentionScores, MixedMoments
from theory.attention.moments import LARGEST_SPREAD
from theory.mixture import ContextualMixture, single_numbers

DEGREES = (16, 32, 64)
ACCURATE = 1e-12
"""A panel whose last coefficients exceed this gets the next degree."""

TAIL = 3
"""Coefficients that the error estimate looks at: of a symmetric function every other one vanishes."""

WIDEST_IN_EXPONENT = 1.0
WIDEST_IN_SPREAD = 0.5


class InterpolatedMoments:
    """Mixed moments of one mixture at many inverse temperatures; panels are computed when they are first asked for.

    Args:
        mixture: the data, single numbers.

    Attributes:
        mixture: the data.
        fluctuates: whether attention fluctuates for τ ≠ 0; where it does not, moments are closed forms.
        largest: |τ| up to which there are moments, infinite where attention does not fluctuate.

    Raises:
        ArgumentError: a parameter is an array.

    Example:
        >>> moments = InterpolatedMoments(ContextualMixture(dimension=101, tokens=16, relevant_tokens=2))
        >>> moments.largest
        5.0
        >>> print(f"{moments(1.0).share:.6f}")
        0.204112
    """

    def __init__(self, mixture: ContextualMixture) -> None:
        """Take the mixture's numbers."""
        names = ("tokens", "relevant_tokens", "context_norm", "noise", "delta_context")
        self.mixture = mixture
        self._numbers = single_numbers(mixture, names)
        tokens, relevant, context, noise, delta_context = self._numbers
        self.fluctuates = bool(mixture.noise_kind == "isotropic" and noise * context > 0 and relevant < tokens)
        self.largest = math.inf
        if self.fluctuates:
            rate = abs((1 + delta_context) * context**2)
            self.largest = LARGEST_SPREAD / (noise * context)
            if rate > 0:
                self.largest = min(self.largest, (LARGEST_LOG_CONSTANT - math.log(relevant)) / rate)
            panels = self.largest * max(rate / WIDEST_IN_EXPONENT, noise * context / WIDEST_IN_SPREAD)
            self._width = self.largest / math.ceil(panels)
        self._panels: dict[int, tuple[FloatArray, float]] = {}

    def exact(self, inverse_temperature: float) -> AttentionScores:
        """Return the law of attention at τ.

        Raises:
            ArgumentError: τ is out of the range of `mixed_moments`.
        """
        return AttentionScores.of(self.mixture.noise_kind, inverse_temperature, *self._numbers)

    def __call__(self, inverse_temperature: float) -> MixedMoments:
        """Return the moments at τ; `relative_error` holds the estimated error of the interpolation, too.

        Raises:
            ArgumentError: τ is out of the range of `mixed_moments`.
        """
        law = self.exact(inverse_temperature)
        if law.spread == 0:
            return law.moments()
        position = inverse_temperature / self._width
        index = math.floor(position)
        coefficients, error = self._panel(index)
        # T_k(x) = cos(k arccos x); rounding may lead out of [-1, 1].
        angle = math.acos(min(max(2 * (position - index) - 1, -1.0), 1.0))
        logs = np.cos(angle * np.arange(len(coefficients))) @ coefficients
        return MixedMoments(*[*np.exp(logs).tolist(), error])

    def nodes(self, index: int) -> FloatArray:
        """Return the inverse temperatures at which panel number `index`, from 0 for the first above 0, is sampled."""
        return np.asarray(self._width * (index + (1 + chebyshev.chebpts2(DEGREES[0] + 1)) / 2))

    @property
    def panels(self) -> range:
        """Numbers of all panels between -`largest` and `largest`; none where attention does not fluctuate."""
        count = round(self.largest / self._width) if self.fluctuates else 0
        return range(-count, count)

    def _panel(self, index: int) -> tuple[FloatArray, float]:
        """Return the Chebyshev coefficients, of shape (degree + 1, moments), and the relative error of a panel."""
        if index not in self._panels:
            self._panels[index] = self._interpolate(index)
        return self._panels[index]

    def _interpolate(self, index: int) -> tuple[FloatArray, float]:
        """Raise the degree until the last coefficients are negligible."""
        for degree in DEGREES:
            # From the right end to the left one, as the cosine transform wants them.
            nodes = self._width * (index + (1 + np.cos(np.pi * np.arange(degree + 1) / degree)) / 2)
            samples = [self.exact(min(max(node, -self.largest), self.largest)).log_moments() for node in nodes.tolist()]
            coefficients = scipy.fft.dct(np.array([logs for logs, _ in samples]), type=1, axis=0) / degree
            coefficients[[0, -1]] /= 2
            tail = float(np.abs(coefficients[-TAIL:]).max())
            if tail < ACCURATE:
                break
        # Errors of the samples enter the coefficients; the interpolant amplifies them by at most 1 + log(degree).
        error = tail + (1 + math.log(degree)) * max(error for _, error in samples)
        return coefficients, error
