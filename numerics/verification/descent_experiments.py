"""The experiments on gradient descent: components of a gradient, three steps, and where long runs arrive."""

from __future__ import annotations

import numpy as np

from numerics.descent.gradient_descent import descend
from numerics.descent.score_gradients import draw_gradients
from numerics.descent.three_steps import draw_three_steps
from numerics.verification.claim import Experiment, Observations
from theory.arguments import single
from theory.attention.prompt_share import prompt_share
from theory.mixture import ContextualMixture

GRADIENTS = ("head", "prompt")


def draw_gradient_components(
    repetitions: int,
    rng: np.random.Generator,
    *,
    mixture: ContextualMixture,
    head: tuple[float, ...],
    gradient: str,
    axis: int,
    samples: int,
    limit: float,
) -> Observations:
    """Draw one coordinate of a gradient at (w, 0), averaged over n sequences and cut off at ± limit."""
    zero = np.zeros(int(single(mixture.dimension)))
    vector = np.array([*head, *zero[len(head) :]])
    values = np.empty(repetitions)
    for index in range(repetitions):
        values[index] = getattr(draw_gradients(mixture, vector, zero, samples, rng=rng), gradient)[axis]
    return Observations(np.clip(values, -limit, limit))


def gradient_component(
    mixture: ContextualMixture, head: tuple[float, ...], gradient: str, axis: int, samples: int, limit: float
) -> Experiment:
    """Return the experiment of one coordinate of -∇_w or -∇_q; the cut-off is to be many deviations from its mean."""
    parameters = {
        "mixture": mixture,
        "head": head,
        "gradient": gradient,
        "axis": axis,
        "samples": samples,
        "limit": limit,
    }
    return Experiment(draw_gradient_components, parameters, lower=-limit, upper=limit, portion=1000)


STEPS = {"head_overlap": 1, "prompt_overlap": 2, "attention": 2}
"""How many of the three steps a number takes; all of them where it is not here."""


def draw_three_step_values(
    repetitions: int,
    rng: np.random.Generator,
    *,
    mixture: ContextualMixture,
    samples: int,
    prompt_norm: float,
    labels: str,
    simulator: str,
    quantity: str,
    lower: float,
    upper: float,
) -> Observations:
    """Draw what three steps of gradient descent come to, an overlap, the attention or the test error, cut off."""
    steps = STEPS.get(quantity, 3)
    draws = draw_three_steps(
        mixture, samples, prompt_norm, repetitions, rng=rng, labels=labels, simulator=simulator, steps=steps
    )
    return Observations(np.clip(getattr(draws, quantity), lower, upper))


CUT_OFF = {
    "head_overlap": (0.1, 1.0),
    "prompt_overlap": (0.5, 1.0),
    "final_overlap": (0.8, 1.0),
    "attention": (0.2, 0.6),
    "error": (0.14, 0.35),
}
"""Seven deviations or more from the means of the settings of the catalogue, so that cutting off does not move them."""


def three_step_value(
    mixture: ContextualMixture,
    samples: int,
    prompt_norm: float,
    quantity: str,
    labels: str = "random",
    simulator: str = "scores",
    portion: int = 200,
) -> Experiment:
    """Return the experiment "make three steps on fresh sequences; look at one number"."""
    lower, upper = CUT_OFF[quantity]
    parameters = {
        "mixture": mixture,
        "samples": samples,
        "prompt_norm": prompt_norm,
        "labels": labels,
        "simulator": simulator,
        "quantity": quantity,
        "lower": lower,
        "upper": upper,
    }
    return Experiment(draw_three_step_values, parameters, lower=lower, upper=upper, portion=portion)


def draw_final_shares(
    repetitions: int,
    rng: np.random.Generator,
    *,
    mixture: ContextualMixture,
    steps: int,
    samples: int,
    head_rate: float,
    prompt_rate: float,
    lower: float,
    upper: float,
) -> Observations:
    """Run gradient descent from zero on fresh sequences; draw the attention on relevant tokens at its end, cut off."""
    shares = np.empty(repetitions)
    for index in range(repetitions):
        path = descend(mixture, steps, samples=samples, head_rate=head_rate, prompt_rate=prompt_rate, rng=rng)
        shares[index] = prompt_share(mixture, path.prompt[-1])
    return Observations(np.clip(shares, lower, upper))


def final_share(
    mixture: ContextualMixture,
    steps: int,
    samples: int,
    rates: tuple[float, float],
    cut_off: tuple[float, float],
    portion: int = 20,
) -> Experiment:
    """Return the experiment "how much attention do the relevant tokens have after so many steps?".

    The ends of the range are to be many deviations from the mean: the narrower it is, the fewer runs are needed.
    """
    parameters = {
        "mixture": mixture,
        "steps": steps,
        "samples": samples,
        "head_rate": rates[0],
        "prompt_rate": rates[1],
        "lower": cut_off[0],
        "upper": cut_off[1],
    }
    return Experiment(draw_final_shares, parameters, lower=cut_off[0], upper=cut_off[1], portion=portion)
