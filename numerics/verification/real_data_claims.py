"""The claims on real data: prompt-attention beats uniform pooling where few patches matter, and attends to these.

Images are what scikit-learn ships and stay the same; a repetition divides them anew into training, validation and test,
makes new sequences of them and trains anew.  Repetitions are independent, and a claim speaks of the mean over all ways
to divide and arrange these images; it does not speak of other images.
"""

from __future__ import annotations

import numpy as np

from numerics.extras import REAL_DATA
from numerics.real_data.comparison import whitened_split
from numerics.real_data.mixture_fit import fit_mixture
from numerics.real_data.sources import ImageSource
from numerics.real_data.three_step_training import STEPS, three_steps_on
from numerics.real_data.training import accuracy, relevant_share, train_and_choose
from numerics.training.attention_models import MODELS, PromptAttention
from numerics.verification.claim import Arm, Claim, Experiment, Observations, Setting
from theory.descent.three_steps import three_step_attention

ABSTRACT = (
    "measured here; makes concrete the abstract's claim that prompt-tuning on real data attends to context-relevant "
    "information; data and numbers chosen here"
)
TOKENS, SAMPLES = 16, 100
SPARSE = {"ζ = 1/16": 1, "ζ = 1/8": 2}
MARGIN, RISE = 0.06, 3
PROMPT_NORM = 1.0
FINEST = 0.05
"""Five points of an accuracy, or of a share of attention, are found."""


def draw_advantages(
    repetitions: int,
    rng: np.random.Generator,
    *,
    arrangement: str,
    relevant: int,
    model: str,
    other: str,
    cut_off: float,
) -> Observations:
    """Train two models on as many splits; draw the advantage in test accuracy of the first, cut off above."""
    advantages = np.empty(repetitions)
    for index in range(repetitions):
        split = whitened_split(ImageSource(arrangement, TOKENS, relevant), SAMPLES, rng)
        first, second = (train_and_choose(MODELS[name], split, rng=rng) for name in (model, other))
        right = [accuracy(trained.decisions(split.test), split.test.labels) for trained in (first, second)]
        advantages[index] = right[0] - right[1]
    return Observations(np.minimum(advantages, cut_off))


def draw_final_shares(
    repetitions: int, rng: np.random.Generator, *, arrangement: str, relevant: int, model: str, cut_off: float
) -> Observations:
    """Train a model on as many splits; draw its attention on the relevant patches of test sequences, cut off above."""
    shares = np.empty(repetitions)
    for index in range(repetitions):
        split = whitened_split(ImageSource(arrangement, TOKENS, relevant), SAMPLES, rng)
        shares[index] = train_and_choose(MODELS[model], split, rng=rng).share(split.test)
    return Observations(np.minimum(shares, cut_off))


def draw_share_differences(
    repetitions: int,
    rng: np.random.Generator,
    *,
    arrangement: str,
    relevant: int,
    samples: int,
    predicted_norm: float,
    cut_off: float,
) -> Observations:
    """Make three steps on as many splits; draw how far the attention exceeds the predicted one, cut off at both ends.

    The prediction is that of the mixture fitted to the training sequences, for a prompt of the length `predicted_norm`.
    """
    differences = np.empty(repetitions)
    for index in range(repetitions):
        split = whitened_split(ImageSource(arrangement, TOKENS, relevant), samples, rng)
        (trained,) = three_steps_on(split.training, (PROMPT_NORM,))
        share = relevant_share(PromptAttention(), trained.weights, split.test)
        mixture = fit_mixture(split.training).mixture
        expected = three_step_attention(mixture, samples // STEPS, predicted_norm, labels="balanced")
        differences[index] = np.nan if share is None else share - expected
    return Observations(np.clip(differences, -cut_off, cut_off))


def predict_margin(margin: float) -> float:
    """Return what an advantage is to be at least."""
    return margin


def predict_risen_share(relevant: int, rise: float) -> float:
    """Return ζ, which is the attention before training, times the factor by which it is to rise at least."""
    return rise * relevant / TOKENS


def predict_nothing() -> float:
    """Return 0."""
    return 0.0


def whole_scale(**_: float) -> float:
    """Return 1: deviations are in points of an accuracy or a share, not relative to the prediction."""
    return 1.0


def _advantage(relevant: int) -> Arm:
    """Return the experiment of the first claim.  Cutting off can but lower the mean, and makes fewer splits enough."""
    parameters = {
        "arrangement": "embedded",
        "relevant": relevant,
        "model": "prompt-attention",
        "other": "uniform pooling",
        "cut_off": 0.1,
    }
    return Arm(Experiment(draw_advantages, parameters, lower=-1.0, upper=0.1, portion=10))


def _share(relevant: int) -> Arm:
    """Return the experiment of the second claim, cut off above like the first."""
    cut_off = predict_risen_share(relevant, RISE) + 0.05
    parameters = {
        "arrangement": "embedded",
        "relevant": relevant,
        "model": "prompt-attention",
        "cut_off": cut_off,
    }
    return Arm(Experiment(draw_final_shares, parameters, upper=cut_off, portion=10))


def _difference() -> Arm:
    """Return the experiment of the third claim; six deviations from split to split are within the cut-off."""
    parameters = {
        "arrangement": "embedded",
        "relevant": 2,
        "samples": 300,
        "predicted_norm": PROMPT_NORM,
        "cut_off": 0.2,
    }
    return Arm(Experiment(draw_share_differences, parameters, lower=-0.2, upper=0.2, portion=20))


REAL_DATA_CLAIMS = (
    Claim(
        "real-data-advantage",
        "Prompt-attention beats pooling on sparse digits in photographs",
        "Where at most one patch in eight is a digit, the rest pieces of photographs, trained prompt-attention is more "
        "accurate than uniform pooling on the same budget: by 6 points at least, a split counting for 10 at most.",
        r"\mathbb{E}\left[\mathrm{ACC}_{\mathrm{prompt}} - \mathrm{ACC}_{\mathrm{pooling}}\right] \geq 0.06,"
        r"\quad \zeta \leq \tfrac18",
        ABSTRACT,
        "inequality",
        tuple(
            Setting(
                label, (_advantage(relevant),), predict_margin, {"margin": MARGIN}, scale=whole_scale, finest=FINEST
            )
            for label, relevant in SPARSE.items()
        ),
        REAL_DATA,
    ),
    Claim(
        "real-data-attention",
        "Training moves attention to the digits",
        "In the same sequences the attention on the digits rises from ζ before training to 3 ζ at least after it, a "
        "split counting for 3 ζ and 5 points at most.",
        r"\mathbb{E}\left[\textstyle\sum_{t\ \mathrm{relevant}} \mathrm{softmax}(X q)_t\right] \geq 3\,\zeta",
        ABSTRACT,
        "inequality",
        tuple(
            Setting(
                label,
                (_share(relevant),),
                predict_risen_share,
                {"relevant": relevant, "rise": RISE},
                scale=whole_scale,
                finest=FINEST,
            )
            for label, relevant in SPARSE.items()
        ),
        REAL_DATA,
    ),
    Claim(
        "real-data-predicted-attention",
        "Theory predicts the attention on real digits",
        "The mixture fitted to the training sequences predicts the attention that three steps of gradient descent put "
        "on the digits of test sequences, to within 5 points on average over splits.",
        r"\left|\mathbb{E}\left[A_{\mathrm{measured}} - A_{\mathrm{predicted}}\right]\right| \leq 0.05",
        "derived here, for the mixture; that it carries over to these images is measured",
        "collapse",
        (
            Setting(
                "n = 300, ζ = 1/8",
                (_difference(),),
                predict_nothing,
                {},
                allowance=0.05,
                scale=whole_scale,
                finest=2 * FINEST,
            ),
        ),
        REAL_DATA,
    ),
)
