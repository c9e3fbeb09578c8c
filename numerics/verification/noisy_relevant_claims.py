"""The claim on three steps of gradient descent where relevant tokens are noisy, too."""

from __future__ import annotations

import numpy as np

from numerics.real_data.sequence_data import SequenceData
from numerics.real_data.three_step_training import STEPS, three_steps_on
from numerics.real_data.training import relevant_share
from numerics.simulators.sequences import draw_sequences
from numerics.verification.claim import Arm, Claim, Experiment, Observations, Setting
from theory.arguments import single
from theory.descent.noisy_relevant_steps import noisy_relevant_steps
from theory.mixture import ContextualMixture

MIXTURE = ContextualMixture(20, 6, 2, context_norm=1.8, signal_norm=1.2, noise=0.9, delta_context=0.2)
NUMBERS = {"mixture": MIXTURE, "samples": 60, "prompt_norm": 0.9, "relevant_noise": 1.3}
QUANTITIES = {
    "prompt_overlap": "overlap of the prompt",
    "attention": "attention",
    "final_overlap": "overlap of the last head",
}
TEST_SEQUENCES = 50

CUT_OFF = 0.4
"""Seven deviations or more below the means: cutting off there does not move them."""


def draw_noisy_sequences(
    mixture: ContextualMixture, samples: int, relevant_noise: float, rng: np.random.Generator
) -> SequenceData:
    """Draw sequences of the mixture, the labels taking turns, and add noise to their relevant tokens."""
    labels = np.where(np.arange(samples) % 2 == 0, 1.0, -1.0)
    tokens = draw_sequences(mixture, samples, rng=rng, labels=labels).tokens
    relevant = int(single(mixture.relevant_tokens))
    tokens[:, :relevant] += relevant_noise * rng.standard_normal(tokens[:, :relevant].shape)
    return SequenceData(tokens, labels, np.tile(np.arange(tokens.shape[1]) < relevant, (samples, 1)))


def draw_noisy_steps(
    repetitions: int,
    rng: np.random.Generator,
    *,
    mixture: ContextualMixture,
    samples: int,
    prompt_norm: float,
    relevant_noise: float,
    quantity: str,
    lower: float,
) -> Observations:
    """Make three steps on so many training sets; draw an overlap or the attention on fresh sequences, cut off below."""
    values = np.empty(repetitions)
    for index in range(repetitions):
        training = draw_noisy_sequences(mixture, STEPS * samples, relevant_noise, rng)
        (trained,) = three_steps_on(training, (prompt_norm,))
        head, prompt = np.split(trained.weights, 2)
        if quantity == "attention":
            test = draw_noisy_sequences(mixture, TEST_SEQUENCES, relevant_noise, rng)
            share = relevant_share(trained.model, trained.weights, test)
            values[index] = np.nan if share is None else share
        else:
            values[index] = head[1] if quantity == "final_overlap" else prompt[0] / prompt_norm
    return Observations(np.maximum(values, lower))


def predict_noisy_steps(
    mixture: ContextualMixture, samples: int, prompt_norm: float, relevant_noise: float, quantity: str
) -> float:
    """Return what the theory says of it."""
    return float(getattr(noisy_relevant_steps(mixture, samples, prompt_norm, relevant_noise), quantity))


def _setting(quantity: str, label: str) -> Setting:
    """Return the setting of one number."""
    known = {**NUMBERS, "quantity": quantity}
    experiment = Experiment(draw_noisy_steps, {**known, "lower": CUT_OFF}, lower=CUT_OFF, portion=200)
    return Setting(label, (Arm(experiment),), predict_noisy_steps, known)


NOISY_RELEVANT_CLAIMS = (
    Claim(
        "descent-noisy-relevant-tokens",
        "Three steps where relevant tokens are noisy",
        "Where relevant tokens have noise of their own, the overlaps and the attention that three steps of gradient "
        "descent come to are those of the mixture with the noise of either kind of token counted as its own.",
        r"x_t = q_\star + y\, w_\star + \sigma_r z_t \;\Rightarrow\; \cos\angle(\hat q_1, q_\star),\ "
        r"\mathbb{E} A,\ \cos\angle(\hat w_2, w_\star)\ \text{to order } 1/n",
        "derived here; makes the second claim of the abstract hold for data whose relevant tokens vary",
        "equality",
        tuple(_setting(quantity, label) for quantity, label in QUANTITIES.items()),
    ),
)
