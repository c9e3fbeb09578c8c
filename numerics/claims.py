"""The claims that `numerics verify` checks, as data."""

from __future__ import annotations

from dataclasses import dataclass, replace

from theory.arguments import single
from theory.head import Head
from theory.mixture import ContextualMixture


@dataclass(frozen=True)
class Setting:
    """One point at which a claim is checked: predicted for this mixture and head, simulated in this way.

    Attributes:
        mixture: the data.
        head: the head.
        simulator: how it is simulated.
        repetitions: how often.
        regime: of the prediction, "exact" or "proportional".
    """

    mixture: ContextualMixture
    head: Head
    simulator: str
    repetitions: int
    regime: str = "exact"

    def sizes(self) -> list[tuple[ContextualMixture, Head, float]]:
        """Return what is simulated, and with which weight its mean error enters the comparison.

        An exact prediction is compared with the error itself.  A proportional one is a limit n, p → ∞, from which the
        error at n differs by a/n + b/n² + O(1/n³): simulated at n, 2n and 4n with p in proportion, the combination
        (E_n - 6 E_2n + 8 E_4n)/3 is free of a and b.
        """
        if self.regime == "exact":
            return [(self.mixture, self.head, 1.0)]
        dimension, samples = single(self.mixture.dimension) - 1, single(self.head.samples)
        return [
            (
                replace(self.mixture, dimension=factor * dimension + 1),
                replace(self.head, samples=factor * samples),
                weight,
            )
            for factor, weight in ((1, 1 / 3), (2, -2.0), (4, 8 / 3))
        ]


@dataclass(frozen=True)
class Claim:
    """A statement that theory predicts and simulation can refute: both give the same test error, or its limit.

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
    kind: str,
    mixture: ContextualMixture,
    temperature: float,
    space: str = "orthogonal",
    simulators: tuple[str, ...] = tuple(HOW_OFTEN),
    attention: str = "softmax",
) -> tuple[Setting, ...]:
    """Return every training size with every simulator."""
    return tuple(
        Setting(mixture, Head(samples, temperature, attention, kind, space=space), simulator, HOW_OFTEN[simulator])
        for samples in SAMPLES
        for simulator in simulators
    )


FLUCTUATING = ContextualMixture(dimension=DIMENSION, tokens=6, relevant_tokens=2, signal_norm=1.25)
"""The same under isotropic noise: with a prompt attention fluctuates from sequence to sequence."""


def _limit(head: Head, repetitions: int) -> tuple[Setting, ...]:
    """Return the setting at which a head is compared with its proportional limit."""
    return (Setting(FLUCTUATING, head, "scores", repetitions, "proportional"),)


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
    Claim(
        "averaging-fluctuating-attention",
        "With a known prompt and isotropic noise, attention fluctuates; the averaging head errs with probability "
        "E P(xᵀy < 0), the means of x and y being Σ M W/√(Σ S²) over n sequences and M W/S of a fresh one.",
        "derived here; makes precise the abstract's claim of exact finite-sample performance with a known prompt",
        _settings("averaging", FLUCTUATING, 1.0, simulators=("tokens", "scores")),
    ),
    Claim(
        "weighted-averaging-fluctuating-attention",
        "The best head that n sequences allow, Σ (M/S²) y h, errs with probability E P(xᵀy < 0), the mean of x being "
        "√(Σ κ²), κ = M W/S.",
        "derived here; makes precise the abstract's claim of fundamental performance limits",
        _settings("weighted-averaging", FLUCTUATING, 1.0, simulators=("tokens", "scores")),
    ),
    Claim(
        "averaging-linear-attention",
        "The averaging head on linear-prompt-attention follows the same law, with noise S² of a noncentral χ²_m law.",
        "derived here",
        _settings("averaging", FLUCTUATING, 1.0, simulators=("tokens", "scores"), attention="linear"),
    ),
    Claim(
        "least-squares-proportional",
        "As n, p → ∞ at fixed p/n, the error of least squares under fluctuating attention tends to E Q(κ c), c from "
        "the fixed point of ridge regression without penalty.",
        "derived here",
        _limit(Head(40, kind="least-squares"), 6500),
    ),
    Claim(
        "ridge-proportional",
        "As n, p → ∞ at fixed p/n, the error of ridge regression tends to E Q(κ c), c from its fixed point.",
        "derived here",
        _limit(Head(20, kind="ridge", ridge=0.1), 4000),
    ),
    Claim(
        "ridge-linear-attention-proportional",
        "The same on linear-prompt-attention.",
        "derived here",
        _limit(Head(20, attention="linear", kind="ridge", ridge=0.1), 4000),
    ),
    Claim(
        "logistic-proportional",
        "As n, p → ∞ at fixed p/n, the error of logistic regression tends to E Q(κ c), c from Gordon's scalar problem.",
        "derived here",
        _limit(Head(20, kind="logistic", ridge=0.1), 2800),
    ),
    Claim(
        "max-margin-proportional",
        "As n, p → ∞ at fixed p/n above the separability threshold, the error of the max-margin head tends to "
        "E Q(κ c), c from Gordon's scalar problem.",
        "derived here",
        _limit(Head(20, kind="max-margin"), 7500),
    ),
)
