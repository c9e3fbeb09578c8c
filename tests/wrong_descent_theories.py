"""Wrong theories of gradient descent."""

from __future__ import annotations

import math
from dataclasses import replace

from numerics.verification import Setting
from numerics.verification.descent_claims import (
    PROMPT_NORM,
    predict_gradient,
    predict_head_overlap,
    predict_share,
    predict_three_steps,
    scale_of_overlap,
)
from tests.wrong_changes import Change, argument, claiming, compared_with_samples, mixture
from theory import ContextualMixture, full_head_averaging_overlap, known_prompt_error, three_steps
from theory.arguments import single
from theory.attention.prompt_share import prompt_share
from theory.descent.step_law import Geometry, mean_token_law
from theory.head import Head


def limit(mixture: ContextualMixture, samples: int, quantity: str, labels: str) -> float:
    """Return a number in the limit n, d → ∞."""
    return float(getattr(three_steps(mixture, samples, PROMPT_NORM, labels=labels).limit, quantity))


def with_labels(labels: str) -> Change:
    """Return the change to the prediction for other labels."""
    return argument("labels", labels)


def with_length(length: float) -> Change:
    """Return the change to the prediction for another length of the prompt."""

    def predict(mixture: ContextualMixture, samples: int, quantity: str, labels: str) -> float:
        return float(getattr(three_steps(mixture, samples, length, labels=labels), quantity))

    return claiming(predict)


def prompt_is_found(mixture: ContextualMixture, samples: int, quantity: str, **_: str) -> float:
    """Return a number as if q̂₁ were q̂⋆: the known prompt of the same length."""
    if quantity == "attention":
        return prompt_share(mixture, [PROMPT_NORM, 0.0])
    head = Head(samples, PROMPT_NORM / single(mixture.context_norm))
    prediction = known_prompt_error(mixture, head, regime="proportional")
    return float(prediction.error if quantity == "error" else prediction.overlap)


def head_is_found(mixture: ContextualMixture, samples: int, **_: str) -> float:
    """Return the prompt's overlap as if ŵ₁ were ŵ⋆: cos² = 1/(1 + g d/n), g the noise over the mean²."""
    geometry = Geometry.of(mixture)
    gap, signal, _third = geometry.gap(1.0)
    terms = geometry.tokens - geometry.relevant
    square = geometry.noise**2 / terms
    noise = (geometry.noise**2 * (1 - 1 / terms) / geometry.share**2 + square) * square / (signal * gap) ** 2
    return float((1 + (noise + square / gap**2) * single(mixture.dimension) / samples) ** -0.5)


def inside(change: Change) -> Change:
    """Return a change whose prediction stays in the range of the experiment; beyond it would be refused at once."""

    def kept(setting: Setting) -> Setting:
        changed, (low, high) = change(setting), setting.bounds
        return replace(changed, predict=lambda **known: min(max(changed.predict(**known), low), high))

    return kept


def without_imbalance(mixture: ContextualMixture, samples: int) -> float:
    """Return the overlap of the first head with balanced labels."""
    law = mean_token_law(Geometry.of(mixture), 1.0)
    dimension = int(single(mixture.dimension))
    return float(full_head_averaging_overlap(samples, dimension, law.mean[1], law.elsewhere**0.5, 0.0))


MORE_TOKENS = mixture(tokens=lambda old: single(old.tokens) + 2)
NO_NOISE_IN_SCORES = mixture(noise_kind="prompt-orthogonal")

DESCENT: dict[str, dict[str, Change]] = {
    "descent-population-gradients": {
        "ζ for 1 - ζ": claiming(lambda **known: predict_gradient(**known) / 3),
        "T + R for T": MORE_TOKENS,
        "δ dropped": mixture(delta_context=0.0, delta_signal=0.0),
        "-δ for δ": mixture(delta_context=-0.2, delta_signal=-0.1),
        "residuals are the labels": claiming(
            lambda mixture, head, gradient, axis: (
                1e6 * predict_gradient(mixture, tuple(1e-6 * part for part in head), gradient, axis)
                if gradient == "prompt"
                else predict_gradient(mixture, head, gradient, axis)
            )
        ),
        "W for W²": claiming(lambda mixture, **known: predict_gradient(mixture, **known) / single(mixture.signal_norm)),
    },
    "descent-head-overlap": {
        "n for √n": claiming(lambda mixture, samples: predict_head_overlap(mixture, samples**2)),
        "2n for n": argument("samples", 60),
        "cos² for cos": claiming(lambda **known: predict_head_overlap(**known) ** 2),
        "T + R for T": MORE_TOKENS,
    },
    "descent-prompt-overlap": {
        "the limit": claiming(limit),
        "balanced labels": with_labels("balanced"),
        "random labels": with_labels("random"),
        "the head is w⋆": claiming(head_is_found),
        "cos² for cos": claiming(lambda **known: predict_three_steps(**known) ** 2),
        "2n for n": argument("samples", 240),
        "T + R for T": MORE_TOKENS,
    },
    "descent-final-overlap": {
        "the prompt is q⋆": claiming(prompt_is_found),
        "no prompt": with_length(0.0),
        "cos² for cos": claiming(lambda **known: predict_three_steps(**known) ** 2),
        "2n for n": argument("samples", 240),
    },
    "descent-attention": {
        "the prompt is q⋆": claiming(prompt_is_found),
        "no prompt": with_length(0.0),
        "q for t q": with_length(1.0),
        "T + R for T": MORE_TOKENS,
    },
    "descent-three-step-error": {
        "the limit": claiming(limit),
        "the prompt is q⋆": claiming(prompt_is_found),
        "balanced labels": with_labels("balanced"),
        "random labels": with_labels("random"),
        "no prompt": with_length(0.0),
        "infinitely many sequences": argument("samples", math.inf),
    },
    "descent-trajectory": {
        "half the steps": inside(claiming(lambda steps, **known: predict_share(steps=steps // 2, **known))),
        "rates exchanged": inside(claiming(lambda rates, **known: predict_share(rates=rates[::-1], **known))),
        "S dropped": inside(mixture(noise=0.01)),
        "T + R for T": inside(MORE_TOKENS),
        "no fluctuation": inside(NO_NOISE_IN_SCORES),
    },
    "descent-collapse": {
        "n/d^1.5": compared_with_samples(1.5),
        "n/√d": compared_with_samples(0.5),
        "n alone": compared_with_samples(0),
        "they differ by 5 %": claiming(lambda **known: 0.05 * scale_of_overlap(**known)),
    },
}

UNSEEN_DESCENT: dict[str, dict[str, Change]] = {
    "descent-head-overlap": {"label imbalance dropped": claiming(without_imbalance)},
}
