"""What a wrong theory changes of a setting: its prediction, what that is made for, or the experiments compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from numerics.verification import Arm, Setting
from numerics.verification.catalogue import CLAIMS
from numerics.verification.descent_claims import predict_three_steps
from numerics.verification.experiments import trained_head_error
from numerics.verification.expressivity_experiments import draw_trained_errors
from numerics.verification.known_prompt_claims import predict_error
from numerics.verification.trial import expect
from tests.real_data_means import measured_mean
from theory import ContextualMixture, Head
from theory.arguments import single

Change = Callable[[Setting], Setting]


@dataclass(frozen=True)
class WrongTheory:
    """A claim of the catalogue with a wrong theory in place of the true one.

    Attributes:
        claim: id of the claim.
        name: what is wrong.
        change: makes a setting of the claim one of the wrong theory.
    """

    claim: str
    name: str
    change: Change

    def applied(self, setting: Setting) -> Setting:
        """Return a setting of the claim as the wrong theory makes it, planned for as small a deviation as the true one.

        Deviations stay relative to the true scale: a prediction near 0 would call for endless simulation.
        """
        return replace(self.change(setting), scale=lambda **_: true_expectation(self.claim, setting.label)[1])

    def deviation(self, setting: Setting) -> float:
        """Return how far what is simulated is from what the wrong theory admits, as a share of the true scale."""
        changed = self.change(setting)
        predicted, (true, scale) = expect(changed)[0], true_expectation(self.claim, setting.label)
        kind = CLAIM[self.claim].kind
        if kind == "equality" or kind == "rate":
            return abs(predicted - true) / scale
        difference = (predicted - _mean_of(changed.arms)) / scale
        return difference if kind == "inequality" else abs(difference)


CLAIM = {claim.id: claim for claim in CLAIMS}


@cache
def true_expectation(claim: str, label: str) -> tuple[float, float]:
    """Return the prediction and the scale of the catalogue's own setting."""
    (setting,) = (setting for setting in CLAIM[claim].settings if setting.label == label)
    return expect(setting)


def _mean_of(arms: tuple[Arm, ...]) -> float:
    """Return what the theory expects of what is compared; a head without exact error has its limit."""
    return sum(arm.weight * _mean_of_one(arm.experiment.parameters) for arm in arms)


def _mean_of_one(known: Mapping[str, Any]) -> float:
    """Return what the theory expects of a trained head, or of a number that three steps come to, or what was seen."""
    if "arrangement" in known:
        return measured_mean(known)
    if "head" in known:
        return predict_error(known["mixture"], known["head"], "auto")
    if "model" in known:
        return _mean_trained_error(known["model"], known["mixture"], known["delta"])
    return predict_three_steps(known["mixture"], known["samples"], known["quantity"], known["labels"])


@cache
def _mean_trained_error(model: str, mixture: ContextualMixture, delta: tuple[float, float]) -> float:
    """Return the mean error of a few trained models, of which there is no theory."""
    rng = np.random.default_rng(7)
    return float(draw_trained_errors(12, rng, model=model, mixture=mixture, delta=delta).values.mean())


def claiming(predict: Callable[..., float]) -> Change:
    """Return the change to another prediction from the same arguments."""
    return lambda setting: replace(setting, predict=predict)


def times(factor: float) -> Change:
    """Return the change to a multiple of the prediction."""
    return lambda setting: replace(setting, predict=lambda **known: factor * setting.predict(**known))


def _with(name: str, changes: dict[str, Any]) -> Change:
    """Return the change of fields of an argument; a function of the old argument gives a field's new value."""

    def change(setting: Setting) -> Setting:
        old = setting.arguments[name]
        new = {field: value(old) if callable(value) else value for field, value in changes.items()}
        return replace(setting, arguments={**setting.arguments, name: replace(old, **new)})

    return change


def mixture(**changes: Any) -> Change:
    """Return the change to the prediction for another mixture."""
    return _with("mixture", changes)


def head(**changes: Any) -> Change:
    """Return the change to the prediction for another head."""
    return _with("head", changes)


def argument(name: str, value: Any) -> Change:
    """Return the change of a number that the prediction is made for."""
    return lambda setting: replace(setting, arguments={**setting.arguments, name: value})


def turned_round(setting: Setting) -> Setting:
    """Return the setting with the inequality turned round: the same experiments, their weights negated."""
    return replace(setting, arms=tuple(replace(arm, weight=-arm.weight) for arm in setting.arms))


def by_a_margin(share: float) -> Change:
    """Return the claim that every head errs more than the best by a share of the best error."""
    return claiming(lambda **known: share * predict_error(**known))


def compared_with(**changes: float | Callable[[ContextualMixture], float]) -> Change:
    """Return the change of the mixture in the second arm; the first arm keeps its simulation."""

    def change(setting: Setting) -> Setting:
        first, second = setting.arms
        parameters = first.experiment.parameters
        old: ContextualMixture = parameters["mixture"]
        other = replace(old, **{name: new(old) if callable(new) else new for name, new in changes.items()})
        experiment = trained_head_error(other, parameters["head"], parameters["simulator"])
        return replace(setting, arms=(first, Arm(experiment, second.weight)))

    return change


def compared_with_samples(power: float) -> Change:
    """Return the change of three steps of two sizes to n in proportion to a power of d."""

    def change(setting: Setting) -> Setting:
        large, small = setting.arms
        known = small.experiment.parameters
        factor = single(large.experiment.parameters["mixture"].dimension) / single(known["mixture"].dimension)
        parameters = {**large.experiment.parameters, "samples": round(factor**power * known["samples"])}
        return replace(setting, arms=(Arm(replace(large.experiment, parameters=parameters)), small))

    return change


def best_of_fewer_samples(setting: Setting) -> Setting:
    """Return the claim that no head of n samples beats the best one of n/4."""
    head_arm, best_arm = setting.arms
    parameters = best_arm.experiment.parameters
    best: Head = parameters["head"]
    fewer = replace(best, samples=int(single(best.samples)) // 4)
    experiment = trained_head_error(parameters["mixture"], fewer, parameters["simulator"])
    return replace(setting, arms=(head_arm, Arm(experiment, best_arm.weight)))
