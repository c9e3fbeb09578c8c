"""The claims on heads that are not kept orthogonal to the known prompt: the mean label shifts their decision."""

from __future__ import annotations

from dataclasses import replace

from numerics.verification.claim import Arm, Claim, Setting
from numerics.verification.experiments import trained_head_error
from numerics.verification.known_prompt_claims import DERIVED, POOLED, PROMPTED, every_size, predict_error
from theory import Head

SMALL = replace(PROMPTED, dimension=7)
"""The mean label matters where there are few examples, and least squares has an exact error from n = d on."""

SIMULATED = (
    (7, "overlap", "default"),
    (7, "tokens", "thorough"),
    (10, "overlap", "default"),
    (10, "scores", "default"),
    (10, "tokens", "thorough"),
)


def _least_squares(samples: int, simulator: str, effort: str) -> Setting:
    """Return the setting at which least squares in the full space is checked; whole sequences cost 15 s at 2 %."""
    head = Head(samples, kind="least-squares", space="full")
    return Setting(
        f"n = {samples}, {simulator}",
        (Arm(trained_head_error(SMALL, head, simulator)),),
        predict_error,
        {"mixture": SMALL, "head": head},
        effort=effort,
    )


FULL_HEAD_CLAIMS = (
    Claim(
        "averaging-full-head",
        "Averaging in the full space",
        "An averaging head that is not kept orthogonal to the prompt errs more: its decision is shifted by √n b² ȳ, "
        "b = B/S, ȳ the mean label of the training set.",
        r"\mathrm{ERR} = \mathbb{E}_{\bar y}\, \mathbb{P}\left( x^\top y < -\sqrt{n}\, b^2 \bar y \right), "
        r"\quad b = \frac{B}{S}",
        DERIVED,
        "equality",
        every_size(PROMPTED, Head(1, space="full")),
    ),
    Claim(
        "averaging-full-head-uniform-pooling",
        "Averaging in the full space without a prompt",
        "The same with noise along the prompt's direction: uniform pooling under isotropic noise.",
        r"\mathrm{ERR} = \mathbb{E}_{\bar y}\, \mathbb{P}(x^\top y < 0), \quad "
        r"x \sim N\left(\sqrt{n}(\kappa e + b \bar y \hat q), I_d\right), \; y \sim N(\kappa e + b \hat q, I_d)",
        DERIVED,
        "equality",
        every_size(POOLED, Head(1, 0.0, space="full")),
    ),
    Claim(
        "least-squares-full-head",
        "Least squares in the full space",
        "A least-squares head that is not kept orthogonal to the prompt is Fisher's discriminant with an intercept: "
        "for n ≥ d it errs with probability E Q((κ(1-ȳ)C + ȳX/√k)/√(1+1/n)), C the cosine between discriminant and w⋆, "
        "X its reciprocal length, ȳ the mean label of the training set, k = n(1-ȳ²).",
        r"\mathrm{ERR} = \mathbb{E}\, \mathcal{Q}\left( "
        r"\frac{\kappa (1 - \bar y)\, C + \bar y X / \sqrt{k}}{\sqrt{1 + 1/n}} \right), \quad k = n (1 - \bar y^2)",
        DERIVED,
        "equality",
        tuple(_least_squares(*each) for each in SIMULATED),
    ),
)
