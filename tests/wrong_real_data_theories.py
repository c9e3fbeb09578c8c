"""Wrong theories of real data: claims that other models, other sequences or other numbers would have to bear out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from numerics.verification import Setting
from tests.wrong_changes import Change, claiming


def experiment(upper: float | None = None, **changes: Any) -> Change:
    """Return the change of what is drawn."""

    def change(setting: Setting) -> Setting:
        (arm,) = setting.arms
        old = arm.experiment
        top = old.upper if upper is None else upper
        changed = replace(old, parameters={**old.parameters, **changes}, upper=top)
        return replace(setting, arms=(replace(arm, experiment=changed),))

    return change


def all_attention(setting: Setting) -> Setting:
    """Return the claim that nine tenths of the attention come to the digits."""
    return claiming(lambda **_: 0.9)(experiment(upper=1.0, cut_off=1.0)(setting))


REAL_DATA: dict[str, dict[str, Change]] = {
    "real-data-advantage": {
        "pooling beats prompt-attention": experiment(model="uniform pooling", other="prompt-attention"),
        "pooling beats self-attention": experiment(model="uniform pooling", other="self-attention"),
        "prompt-attention beats itself": experiment(other="prompt-attention"),
        "at ζ = 1/2, too": experiment(relevant=8),
    },
    "real-data-attention": {
        "pooling attends to the digits": experiment(model="uniform pooling"),
        "self-attention attends to the digits as much": experiment(model="self-attention"),
        "nearly all attention": all_attention,
    },
    "real-data-predicted-attention": {
        "no prompt": experiment(predicted_norm=0.0),
        "half the prompt": experiment(predicted_norm=0.5),
        "twice the prompt": experiment(predicted_norm=2.0),
        "15 points above the prediction": claiming(lambda: 0.15),
    },
}
