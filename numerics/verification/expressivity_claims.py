"""The claims on expressivity: where no weights do better than a coin, what noise leaves, and what training finds."""

from __future__ import annotations

from numerics.verification.claim import Arm, Claim, Experiment, Setting
from numerics.verification.expressivity_experiments import (
    FAILING,
    LEAST,
    draw_errors_of_the_best,
    draw_prompted_errors,
    draw_right_answers,
    draw_trained_errors,
    half,
    predict_coin,
    predict_gap,
    predict_least_error,
    predict_prompted_error,
)
from theory import ContextualMixture

EXPRESSIVITY = (
    "derived here; makes precise the abstract's claim that softmax-prompt-attention is more expressive than "
    "softmax-self-attention and linear-prompt-attention"
)
SEEN = "derived here for any weights; that training shows it is the abstract's claim, and the gap was seen, not derived"

NOISY = ContextualMixture(4, 8, 2, noise=1.5)
PROMPTED = {"mixture": NOISY, "delta": 4.0, "margin": 0.3}
LEAST_ERROR = {"mixture": ContextualMixture(3, 8, 2), "delta": (4.0, 4.0)}
TRAINED = ContextualMixture(6, 8, 4, noise=0.3)
TRAINED_NOISY = ContextualMixture(6, 8, 4, noise=0.7)
FAILURES = {
    "self-attention": (1.5, 1.5),
    "linear attention": (1.5, -1.5),
    "uniform pooling": (0.0, 1.5),
}
"""The value of δ beside (0, 0) on which a model fails, where half of the tokens are relevant."""

GAP = 0.3
FINEST = 0.4
"""Every observation is a model to train: a hundred of them find a gap that is smaller by 0.4 of 1/2."""


def _trained(
    model: str, mixture: ContextualMixture, delta: tuple[float, float], weight: float = 1.0, cut_off: float = 0.6
) -> Arm:
    """Return the test error of a trained model."""
    parameters = {"model": model, "mixture": mixture, "delta": delta, "cut_off": cut_off}
    return Arm(Experiment(draw_trained_errors, parameters, upper=cut_off, portion=8), weight)


EXPRESSIVITY_CLAIMS = (
    Claim(
        "expressivity-failures",
        "Where other models are a coin",
        "Without noise no self-attention does better than a coin on δ = (0, 0) or (Δ, Δ), Δ above the sharp threshold, "
        "no linear-prompt-attention on δ = (Δ, -Δ), Δ² = ζ/(1-ζ), and no pooling at δ_w = ζ/(1-ζ), for any weights.",
        r"\max_u \left\{ \zeta\, \frac{\zeta e^u}{\zeta e^u + 1 - \zeta} + (1 - \zeta)\, "
        r"\frac{\zeta e^{-\Delta u}}{\zeta e^{-\Delta u} + 1 - \zeta} \right\} < \frac{\Delta}{1 + \Delta} "
        r"\;\Rightarrow\; \mathbb{P}(y f > 0) = \tfrac12",
        EXPRESSIVITY,
        "equality",
        tuple(
            Setting(
                model,
                (Arm(Experiment(draw_right_answers, {"model": model}, portion=10_000)),),
                predict_coin,
            )
            for model in FAILING
        ),
    ),
    Claim(
        "expressivity-prompt-with-noise",
        "The winning prompt with noise",
        "On data on which every self-attention is a coin without noise, the prompt that wins there errs, with noise, "
        "with the probability that the exact risk gives for two values of δ.",
        r"\mathbb{P}(y f < 0) = \tfrac12 \left[ \mathrm{ERR}_{(0, 0)} + \mathrm{ERR}_{(\Delta, \Delta)} \right]",
        EXPRESSIVITY,
        "equality",
        (
            Setting(
                "σ = 1.5, Δ = 4",
                (Arm(Experiment(draw_prompted_errors, PROMPTED, portion=10_000)),),
                predict_prompted_error,
                PROMPTED,
            ),
        ),
    ),
    Claim(
        "expressivity-least-error",
        "The best weights with noise",
        "With noise, the best weights found for prompt-attention, linear-prompt-attention and uniform pooling err as "
        "often as their exact risks say, δ being (0, 0) or (Δ, Δ).",
        r"\mathbb{P}(y f < 0) = \min_{q, w} \tfrac12 \left[ \mathrm{ERR}_{(0, 0)}(q, w) + "
        r"\mathrm{ERR}_{(\Delta, \Delta)}(q, w) \right]",
        EXPRESSIVITY,
        "equality",
        tuple(
            Setting(
                f"{model}, σ = 1, Δ = 4",
                (Arm(Experiment(draw_errors_of_the_best, {"model": model, **LEAST_ERROR}, portion=50_000)),),
                predict_least_error,
                {"model": model, **LEAST_ERROR},
            )
            for model in LEAST
        ),
    ),
    Claim(
        "expressivity-trained-above-least",
        "Training does not beat the best weights",
        "With noise, models trained by gradient descent on sampled sequences err at least as often, on average, as the "
        "best weights that theory finds for them.",
        r"\mathbb{E}\, \mathbb{P}(y \hat f < 0) \ge \min_{q, w} \mathbb{P}(y f_{q, w} < 0)",
        EXPRESSIVITY,
        "inequality",
        tuple(
            Setting(
                f"{model}, σ = 0.7, δ = {delta}",
                (_trained(model, TRAINED_NOISY, delta),),
                predict_least_error,
                {"model": model, "mixture": TRAINED_NOISY, "delta": delta},
                scale=half,
                finest=FINEST,
            )
            for model, delta in {**FAILURES, "prompt-attention": FAILURES["self-attention"]}.items()
            if model in LEAST
        ),
    ),
    Claim(
        "expressivity-trained",
        "The same separation after training",
        "Trained by gradient descent from small weights on the same data, each of the other models errs, where it "
        f"fails without noise, more often than prompt-attention: by more than {GAP:g}.",
        rf"\mathbb{{E}}\, \mathrm{{ERR}}(\hat f_{{\text{{other}}}}) - \mathbb{{E}}\, "
        rf"\mathrm{{ERR}}(\hat f_{{\text{{prompt}}}}) \ge {GAP:g}",
        SEEN,
        "inequality",
        tuple(
            Setting(
                f"{model}, σ = 0.3, δ = {delta}",
                (_trained(model, TRAINED, delta), _trained("prompt-attention", TRAINED, delta, -1.0, 1.0)),
                predict_gap,
                {"gap": GAP},
                scale=half,
                finest=FINEST,
            )
            for model, delta in FAILURES.items()
        ),
    ),
)
