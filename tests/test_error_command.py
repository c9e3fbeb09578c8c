"""`theory error` answers for every head, attention, space and noise, or says in one line why it cannot."""

from __future__ import annotations

import json

import pytest

import theory.__main__
from theory import NotAvailableError

FIELDS = {
    "error",
    "error_bound",
    "log_error",
    "regime",
    "kappa",
    "overlap",
    "limit",
    "population",
    "source",
}
HEADS = {
    "averaging": "exact",
    "weighted-averaging": "exact",
    "least-squares": "proportional",
    "ridge --ridge 0.1": "proportional",
    "ridge --ridge inf": "exact",
    "logistic --ridge 0.1": "proportional",
    "logistic --ridge 0": "proportional",
    "max-margin": "proportional",
}
MIXTURE = "error --dim 21 --tokens 6 --relevant 2 --samples 30 --json"


@pytest.fixture
def predicted(capsys):
    def run(line):
        assert theory.__main__.main(f"{MIXTURE} {line}".split()) == 0
        return json.loads(capsys.readouterr().out)

    return run


@pytest.mark.parametrize("attention", ["softmax", "linear"])
@pytest.mark.parametrize(("head", "regime"), HEADS.items())
def test_every_head_under_fluctuating_attention(predicted, head, regime, attention):
    answer = predicted(f"--head {head} --attention {attention}")
    assert set(answer) == FIELDS
    assert answer["regime"] == regime
    assert 0 < answer["population"] < answer["limit"] <= answer["error"] + answer["error_bound"] < 0.5
    assert 0 < answer["overlap"] < 1
    assert answer["error_bound"] < 1e-4
    assert "derived here" in answer["source"]
    limit = predicted(f"--head {head} --attention {attention} --regime proportional")
    assert limit["regime"] == "proportional"
    # At n = 30 a limit is off by 1/n or so.
    assert abs(limit["error"] - answer["error"]) < 0.02


@pytest.mark.parametrize("head", HEADS)
def test_every_head_in_the_full_space(predicted, head):
    answer = predicted(f"--head {head} --head-space full")
    assert answer["regime"] == "proportional"
    # One dimension more of twenty, and a ratio p/n that moves by 0.03.
    assert answer["error"] != predicted(f"--head {head} --regime proportional")["error"]
    assert abs(answer["error"] - predicted(f"--head {head} --regime proportional")["error"]) < 0.02


@pytest.mark.parametrize("noise", ["--noise-kind prompt-orthogonal --delta-context 0.5", "--inverse-temperature 0"])
@pytest.mark.parametrize("head", HEADS)
def test_every_head_under_deterministic_attention(predicted, head, noise):
    answer = predicted(f"--head {head} {noise}")
    exact = head.split(" --ridge ")[-1] == "inf" or head.split()[0].endswith(("averaging", "squares"))
    assert answer["regime"] == ("exact" if exact else "proportional")
    assert answer["limit"] <= answer["error"] * (1 + 1e-9) if exact else answer["error"] > 0


def test_logistic_without_penalty_says_that_it_is_the_max_margin_head(predicted):
    separable = predicted("--head logistic --ridge 0")
    assert "max-margin" in separable["source"]
    assert separable["error"] == predicted("--head max-margin")["error"]
    # Ten times as many samples: no longer separable.
    theory_line = "--head logistic --ridge 0 --samples 3000 --signal-norm 0.5"
    assert "max-margin" not in predicted(theory_line)["source"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--head max-margin --samples 3000 --signal-norm 0.5", "no max-margin head at p/n"),
        ("--head ridge --ridge 1 --regime exact", "no exact formula for the ridge head"),
        ("--head ridge --ridge 1 --inverse-temperature 4", "up to 3, got 4"),
        ("--head averaging --inverse-temperature 6", "up to 5, got 6"),
    ],
)
def test_what_there_is_not_is_said_in_one_line(predicted, line, message):
    with pytest.raises(NotAvailableError, match=message) as refusal:
        predicted(line)
    assert "\n" not in str(refusal.value)
