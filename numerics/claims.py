"""The claims that `numerics verify` checks, as data."""

from __future__ import annotations

from dataclasses import dataclass

from theory.head import Head
from theory.mixture import ContextualMixture


@dataclass(frozen=True)
class Setting:
    """One point at which a claim is checked: predicted for this mixture and head, simulated in this way."""

    mixture: ContextualMixture
    head: Head
    simulator: str
    repetitions: int


@dataclass(frozen=True)
class Claim:
    """A statement that theory predicts and simulation can refute: both give the same test error.

    Attributes:
        id: short name, as typed at the shell.
        statement: what is claimed, in words.
        source: "derived here", or the paper's abstract.
        settings: where it is checked.
    """

    id: str
    statement: str
    source: str
    settings: tuple[Setting, ...]


DIMENSION = 21
SAMPLES = (DIMENSION // 2, DIMENSION - 1, 2 * DIMENSION)
"""Training sizes below, at and above p = d - 1, the dimension of the head."""

PROMPTED = ContextualMixture(
    dimension=DIMENSION,
    tokens=6,
    relevant_tokens=1,
    noise_kind="prompt-orthogonal",
    delta_context=0.2,
    delta_signal=0.1,
)
POOLED = ContextualMixture(dimension=DIMENSION, tokens=6, relevant_tokens=2, signal_norm=1.25)

HOW_OFTEN = {"tokens": 3000, "scores": 10_000, "overlap": 500_000}
"""Repetitions that make a deviation of a few per cent visible from tokens, and of a few per mille from overlaps."""


def _settings(
    kind: str, mixture: ContextualMixture, temperature: float, space: str = "orthogonal"
) -> tuple[Setting, ...]:
    """Return every training size with every simulator."""
    return tuple(
        Setting(mixture, Head(samples, temperature, kind=kind, space=space), simulator, repetitions)
        for samples in SAMPLES
        for simulator, repetitions in HOW_OFTEN.items()
    )


CLAIMS = (
    Claim(
        "averaging-known-prompt",
        "With a known prompt and prompt-orthogonal noise, the averaging head errs with probability "
        "P(χ'²_p(κ²(√n+1)²/2) < χ'²_p(κ²(√n-1)²/2)), p = d - 1, for every n.",
        "derived here; makes precise the abstract's claim of exact finite-sample performance with a known prompt",
        _settings("averaging", PROMPTED, 1.0),
    ),
    Claim(
        "least-squares-known-prompt",
        "With a known prompt and prompt-orthogonal noise, the least-squares head (minimum norm for n ≤ p) errs with "
        "probability E P(xᵀy < 0), the means of x and y at an angle θ, cos²θ ~ Beta((|n-p|+1)/2, (min(n,p)-1)/2).",
        "derived here; makes precise the abstract's claim of exact finite-sample performance with a known prompt",
        _settings("least-squares", PROMPTED, 1.0),
    ),
    Claim(
        "averaging-uniform-pooling",
        "Without a prompt (uniform pooling, isotropic noise) the averaging head follows the same law with "
        "κ² = T ζ² W²/((1-ζ) σ²).",
        "derived here",
        _settings("averaging", POOLED, 0.0),
    ),
    Claim(
        "least-squares-uniform-pooling",
        "Without a prompt (uniform pooling, isotropic noise) the least-squares head follows the same law with "
        "κ² = T ζ² W²/((1-ζ) σ²).",
        "derived here",
        _settings("least-squares", POOLED, 0.0),
    ),
    Claim(
        "averaging-full-head",
        "An averaging head that is not kept orthogonal to the prompt errs more: its decision is shifted by b² ȳ y, "
        "ȳ the mean label of the training set.",
        "derived here",
        _settings("averaging", PROMPTED, 1.0, "full"),
    ),
    Claim(
        "averaging-full-head-uniform-pooling",
        "The same with noise along the prompt's direction: uniform pooling under isotropic noise.",
        "derived here",
        _settings("averaging", POOLED, 0.0, "full"),
    ),
)
