"""The error of the best head, w⋆ itself, under a known prompt, by Monte Carlo over the scores of single sequences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from numerics.estimate import Moments
from numerics.simulators.scores import draw_attention
from numerics.streams import stream
from theory.arguments import ArgumentError, FloatArray
from theory.mixture import ContextualMixture

CONFIDENCE = 0.95
KEY = 4
"""Number that names the streams of this simulator; those of `numerics.simulation` are 1 to 3."""


@dataclass(frozen=True)
class PopulationSimulation:
    """A simulated population error.

    Attributes:
        error: mean over the sequences drawn.
        standard_error: its standard error; infinite for one sequence.
        interval: 95 % confidence interval.
        sequences: sequences drawn.
        seed: the seed that reproduces the numbers.
    """

    error: float
    standard_error: float
    interval: tuple[float, float]
    sequences: int
    seed: int


def draw_population_errors(
    mixture: ContextualMixture, inverse_temperature: float, sequences: int, rng: np.random.Generator
) -> FloatArray:
    """Draw the scores of so many sequences; return the error Q(M W/S) of the head w⋆ given each, shape (sequences,).

    Example:
        >>> mixture = ContextualMixture(dimension=11, tokens=16, relevant_tokens=2)
        >>> draw_population_errors(mixture, 1.0, 3, np.random.default_rng(1)).shape
        (3,)
    """
    draws = draw_attention(mixture, inverse_temperature, sequences, rng)
    # With all attention on relevant tokens no noise is left: the sign of the signal decides, and a tie errs by half.
    silent = draws.noise == 0
    ratio = draws.signal / np.where(silent, 1.0, draws.noise)
    return np.where(silent, (1 - np.sign(draws.signal)) / 2, ndtr(-ratio))


def simulate_population_error(
    mixture: ContextualMixture, inverse_temperature: float, *, sequences: int, seed: int = 0, key: tuple[int, ...] = ()
) -> PopulationSimulation:
    """Estimate the error of the head w⋆ under the prompt τ q⋆.

    The scores are drawn; given them the feature is Gaussian, and a sequence adds its exact error Q(M W/S), Q the
    Gaussian tail, rather than a sign.  A large τ draws hard attention: where τσQ exceeds 10⁴, the two largest scores
    are within a factor e of each other once in thousands of sequences.

    Args:
        mixture: the data, its parameters single numbers.
        inverse_temperature: τ ≥ 0, finite.
        sequences: how many to draw, at least 1.
        seed: whole number of at least 0.
        key: further whole numbers that name the random stream, so that runs of one seed are independent.

    Raises:
        ArgumentError: `sequences` is out of range.

    Example:
        >>> mixture = ContextualMixture(dimension=11, tokens=16, relevant_tokens=2)
        >>> low, high = simulate_population_error(mixture, 1.0, sequences=2000, seed=1).interval
        >>> low < 0.244774 < high  # theory.population_error
        True
    """
    if sequences < 1:
        raise ArgumentError("sequences", "be at least 1", sequences)
    moments = Moments.of(draw_population_errors(mixture, inverse_temperature, sequences, stream(seed, KEY, *key)))
    return PopulationSimulation(
        moments.mean, moments.standard_error, moments.interval(CONFIDENCE, 0.0, 1.0), sequences, seed
    )
