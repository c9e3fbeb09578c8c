"""The claims on gradient descent: its first steps, what they learn from n sequences, and where it goes."""

from __future__ import annotations

import math
from dataclasses import replace

from numerics.simulators.sequences import context_vector, signal_vector
from numerics.verification.claim import Arm, Claim, Setting
from numerics.verification.descent_experiments import final_share, gradient_component, three_step_value
from theory import (
    ContextualMixture,
    Delta,
    full_head_averaging_overlap,
    gradient_descent,
    population_gradients,
    three_steps,
)
from theory.arguments import single
from theory.descent.step_law import Geometry, mean_token_law

DESCENT = (
    "derived here; makes precise the abstract's claim that the first steps of gradient descent learn prompt and head"
)

MIXTURE = ContextualMixture(60, 8, 2, context_norm=1.5, signal_norm=1.5)
TURNED = replace(MIXTURE, delta_context=0.2, delta_signal=0.1, noise_kind="prompt-orthogonal")
WEAK = ContextualMixture(200, 8, 2, context_norm=1.2, signal_norm=0.8)
"""Errors near 1/4 cost least."""

SMALL = replace(MIXTURE, dimension=10)
SPARSE = ContextualMixture(10, 256, 1, context_norm=4.0, signal_norm=2.0)

PROMPT_NORM = 0.8
LEFT_OUT = 1e-3
"""Share of an overlap that terms of order 1/n² may make at n = 120; at most (0.4 ± 0.4) 1e-3 was seen."""

LEFT_OUT_OF_ERRORS = 1.5e-3
"""Share of an error that they may make at n = 800: the correction of order 1/n is 0.03 of it, its square 0.001."""


# --- predictions ---


def predict_gradient(mixture: ContextualMixture, head: tuple[float, ...], gradient: str, axis: int) -> float:
    """Return one coordinate of a population gradient."""
    context, signal = context_vector(mixture)[: len(head)], signal_vector(mixture)[: len(head)]
    gradients = population_gradients(
        context,
        signal,
        head,
        tokens=int(single(mixture.tokens)),
        relevant_tokens=int(single(mixture.relevant_tokens)),
        noise=single(mixture.noise),
        noise_kind=mixture.noise_kind,
        deltas=[Delta(single(mixture.delta_context), single(mixture.delta_signal))],
    )
    return float(getattr(gradients, gradient)[axis])


def length_of_gradient(mixture: ContextualMixture, head: tuple[float, ...], gradient: str, axis: int) -> float:
    """Return the length of a population gradient; its coordinate along an axis may be 0."""
    return math.hypot(*(predict_gradient(mixture, head, gradient, each) for each in {0, 1, 2, axis}))


def predict_head_overlap(mixture: ContextualMixture, samples: int) -> float:
    """Return E cos∠(ŵ₁, w⋆), exact for every n and d."""
    law, noisy = mean_token_law(Geometry.of(mixture), 1.0), mixture.noise_kind == "isotropic"
    dimension = int(single(mixture.dimension)) - (not noisy)
    overlap = full_head_averaging_overlap(
        samples, dimension, law.mean[1], law.elsewhere**0.5, law.mean[0], noisy_context=noisy
    )
    return float(overlap)


def predict_three_steps(mixture: ContextualMixture, samples: int, quantity: str, labels: str) -> float:
    """Return a number that three steps come to, to order 1/n."""
    return float(getattr(three_steps(mixture, samples, PROMPT_NORM, labels=labels), quantity))


def predict_share(mixture: ContextualMixture, steps: int, rates: tuple[float, float]) -> float:
    """Return the attention on the relevant tokens after so many steps of gradient descent on the population loss."""
    path = gradient_descent(mixture, steps, head_rate=rates[0], prompt_rate=rates[1])
    return float(path.share[-1])


# --- settings that several claims share ---


def _component(label: str, mixture: ContextualMixture, head: tuple[float, ...], gradient: str, axis: int) -> Setting:
    """Return the setting of one coordinate; with 200 sequences a value eight deviations off is rarer than 1e-9."""
    small = replace(mixture, dimension=6)
    known = {"mixture": small, "head": head, "gradient": gradient, "axis": axis}
    experiment = gradient_component(small, head, gradient, axis, 200, limit=1.0)
    return Setting(label, (Arm(experiment),), predict_gradient, known)


def _steps(
    quantity: str, *, samples: int = 120, allowance: float = LEFT_OUT, finest: float = 0.0
) -> tuple[Setting, ...]:
    """Return the settings of a number: labels random and balanced, either kind of noise, and whole sequences."""
    places = (
        ("random labels", MIXTURE, "random", "scores"),
        ("balanced labels", MIXTURE, "balanced", "scores"),
        ("prompt-orthogonal noise, δ ≠ 0", TURNED, "random", "scores"),
        ("balanced labels, tokens", MIXTURE, "balanced", "tokens"),
    )
    return tuple(
        Setting(
            label,
            (Arm(three_step_value(mixture, samples, PROMPT_NORM, quantity, labels, simulator)),),
            predict_three_steps,
            {"mixture": mixture, "samples": samples, "quantity": quantity, "labels": labels},
            allowance=allowance,
            finest=finest,
            effort="thorough" if simulator == "tokens" and quantity != "prompt_overlap" else "default",
        )
        for label, mixture, labels, simulator in places
    )


def scale_of_overlap(mixture: ContextualMixture, samples: int, quantity: str, **_: object) -> float:
    """Return the overlap of the smaller of two sizes."""
    return predict_three_steps(mixture, samples, quantity, "balanced")


def predict_departure(mixture: ContextualMixture, samples: int, quantity: str, factor: int) -> float:
    """Return by how much the overlap of a multiple of both sizes is larger: a correction of order 1/n."""
    return scale_of_overlap(_times(factor, mixture), factor * samples, quantity) - scale_of_overlap(
        mixture, samples, quantity
    )


def _times(factor: int, mixture: ContextualMixture) -> ContextualMixture:
    """Return the mixture in a multiple of its dimensions."""
    return replace(mixture, dimension=factor * single(mixture.dimension))


def _collapse(quantity: str, factor: int) -> Setting:
    """Return the setting at which an overlap is the same for d and a multiple at one d/n; labels are balanced.

    Corrections of order 1/n make 0.4 % of it at n = 120, and are part of the prediction.
    """
    samples, large = 120, _times(factor, MIXTURE)
    return Setting(
        f"{quantity.replace('_', ' ')}, d and {factor}d",
        (
            Arm(three_step_value(large, factor * samples, PROMPT_NORM, quantity, "balanced")),
            Arm(three_step_value(MIXTURE, samples, PROMPT_NORM, quantity, "balanced"), -1.0),
        ),
        predict_departure,
        {"mixture": MIXTURE, "samples": samples, "quantity": quantity, "factor": factor},
        allowance=LEFT_OUT,
        scale=scale_of_overlap,
        finest=0.02,
    )


def _trajectory(
    label: str,
    mixture: ContextualMixture,
    steps: int,
    samples: int,
    rates: tuple[float, float],
    cut_off: tuple[float, float],
) -> Setting:
    """Return the setting at which gradient descent has made so many steps; finite n moves its end by 0.1 % or so."""
    return Setting(
        label,
        (Arm(final_share(mixture, steps, samples, rates, cut_off)),),
        predict_share,
        {"mixture": mixture, "steps": steps, "rates": rates},
        allowance=2e-3,
    )


DESCENT_CLAIMS = (
    Claim(
        "descent-population-gradients",
        "The first gradients of the population",
        "At a prompt of zero the population gradients of head and prompt are polynomials in q⋆, w⋆ and w, for any δ; "
        "at w = c w⋆ and δ = 0 that of the prompt is along q⋆.",
        r"-\nabla_q(c\, w_\star, 0) = c\, \zeta (1-\zeta) W^2 "
        r"\left[ 1 - c \left( \zeta W^2 - \tfrac{\sigma^2}{T} \right) \right] q_\star",
        DESCENT,
        "equality",
        (
            _component("head at w = 0, along w⋆", MIXTURE, (0.0, 0.0, 0.0), "head", 1),
            _component("prompt at w = w⋆/2, along q⋆", MIXTURE, (0.0, 0.75, 0.0), "prompt", 0),
            _component("prompt at any w, δ ≠ 0, along w⋆", TURNED, (0.6, 0.4, 0.3), "prompt", 1),
            replace(
                _component("prompt at w = w⋆/2, nothing along w⋆", MIXTURE, (0.0, 0.75, 0.0), "prompt", 1),
                scale=length_of_gradient,
            ),
        ),
    ),
    Claim(
        "descent-head-overlap",
        "The head after one step",
        "After one step from n sequences the head has the expected overlap with w⋆ of an averaging head on mean "
        "tokens, the imbalance of labels included, for every n and d.",
        r"\hat w_1 = \frac1n \sum_i y_i \bar x_i: \quad \mathbb{E} \cos\angle(\hat w_1, w_\star) = "
        r"\mathbb{E}_{\bar y}\, \mathbb{E}\, \frac{x_1}{\|x\|}, \quad "
        r"x \sim N\left( \sqrt n (\kappa_0 e + b \bar y \hat q), I_d \right)",
        DESCENT,
        "equality",
        tuple(
            Setting(
                f"n = {samples}, {simulator}",
                (Arm(three_step_value(MIXTURE, samples, PROMPT_NORM, "head_overlap", simulator=simulator)),),
                predict_head_overlap,
                {"mixture": MIXTURE, "samples": samples},
                effort="default" if samples == 30 else "thorough",
            )
            for samples in (30, 120)
            for simulator in ("scores", "tokens")
        ),
    ),
    Claim(
        "descent-prompt-overlap",
        "The prompt after its step",
        "The step of the prompt has an overlap with q⋆ of mean² over mean² plus noise, the mean label of its sequences "
        "averaged over, to order 1/n.",
        r"\cos^2\angle(\hat q_1, q_\star) \to \frac{1}{1 + g_2 \gamma + g_1 \gamma^2}, \quad \gamma = \frac dn",
        DESCENT,
        "equality",
        _steps("prompt_overlap"),
    ),
    Claim(
        "descent-final-overlap",
        "The head after the prompt",
        "Under the prompt that was learned a further step of the head has the overlap of an averaging head under a "
        "known prompt, to order 1/n.",
        r"\cos^2\angle(\hat w_2, w_\star) \to "
        r"\frac{W^2 \mathbb{E}[M]^2}{W^2 \mathbb{E}[M]^2 + \gamma\, \mathbb{E}[S^2]}",
        DESCENT,
        "equality",
        _steps("final_overlap"),
    ),
    Claim(
        "descent-attention",
        "The prompt attends to the relevant tokens",
        "Under the prompt that was learned the relevant tokens receive the attention that the law of the scores "
        "predicts, to order 1/n.",
        r"\mathbb{E}[A] = c \int_0^\infty e^{-c u}\, \psi(u)^m \, du, \quad "
        r"\log c = \log R + (1 + \delta_q)\, q_1^\top q_\star + y\, (1 + \delta_w)\, q_1^\top w_\star",
        DESCENT,
        "equality",
        _steps("attention")[:1],
    ),
    Claim(
        "descent-three-step-error",
        "The error after three steps",
        "After three steps on n fresh sequences each the model errs with the probability that the exact risk gives, "
        "averaged over what fluctuates, to order 1/n.",
        r"\mathrm{ERR} = \mathbb{E}\, \mathbb{P}\left( y\, \hat w_2^\top X^\top \mathrm{softmax}(X q_1) < 0 \right)",
        DESCENT,
        "equality",
        tuple(
            Setting(
                f"{labels} labels",
                (Arm(three_step_value(WEAK, 800, PROMPT_NORM, "error", labels)),),
                predict_three_steps,
                {"mixture": WEAK, "samples": 800, "quantity": "error", "labels": labels},
                allowance=LEFT_OUT_OF_ERRORS,
            )
            for labels in ("random", "balanced")
        ),
    ),
    Claim(
        "descent-collapse",
        "Curves collapse in n/d",
        "The overlaps after each step depend on n and d through n/d alone, up to terms of order 1/n that theory has.",
        r"\cos\angle(\cdot; n, d) = f\left( \frac nd \right) + O\left( \frac1n \right)",
        DESCENT,
        "collapse",
        (
            *(_collapse(quantity, 4) for quantity in ("head_overlap", "prompt_overlap", "final_overlap")),
            _collapse("prompt_overlap", 16),
        ),
    ),
    Claim(
        "descent-trajectory",
        "Gradient descent follows its population",
        "On fresh sequences gradient descent from zero follows the two equations of the population in w = c w⋆, "
        "q = τ q⋆, to relevant tokens down to one in 256, or away from them where irrelevant ones speak louder.",
        r"\dot c = \mathbb{E} M - c\, G, \quad \dot \tau = \frac{W^2}{Q^2} "
        r"\left[ c\, (\mathbb{E} M)' - \frac{c^2}{2} G' \right], \quad G = W^2\, \mathbb{E} M^2 + \mathbb{E} S^2",
        DESCENT,
        "equality",
        (
            _trajectory("12 steps", SMALL, 12, 500, (0.3, 0.3), (0.38, 0.41)),
            _trajectory("40 steps", SMALL, 40, 500, (0.3, 0.3), (0.455, 0.493)),
            _trajectory("δ_w = 0.6, 40 steps", replace(SMALL, delta_signal=0.6), 40, 500, (0.3, 0.3), (0.082, 0.102)),
            _trajectory("one token in 256, 150 steps", SPARSE, 150, 100, (0.1, 2.0), (0.886, 0.925)),
        ),
    ),
)
