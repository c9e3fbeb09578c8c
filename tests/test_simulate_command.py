"""`python -m numerics simulate` with every head: it runs, and says where there is no head or another one."""

from __future__ import annotations

import json
import shlex

import pytest

from numerics.__main__ import main
from numerics.training.training_error import TrainingError

SETTING = "--dim 21 --tokens 6 --relevant 2 --noise-kind prompt-orthogonal --repetitions 20 --jobs 1"


@pytest.fixture(autouse=True)
def _without_new_processes(monkeypatch):
    """One process more for each command would take most of the time."""
    monkeypatch.setattr("numerics.executor._submitted", lambda function, tasks, _: map(function, tasks))


def typed(capsys, options):
    assert main(["simulate", *shlex.split(f"{SETTING} {options}")]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("simulator", ["tokens", "scores"])
@pytest.mark.parametrize(
    "options",
    [
        "--head weighted-averaging",
        "--head ridge --ridge 0",
        "--head ridge --ridge 0.1",
        "--head ridge --ridge inf",
        "--head logistic --ridge 0.1",
        "--head logistic --ridge inf",
        "--head max-margin --head-space full",
        "--attention linear --delta-context -2",
        "--attention linear --delta-context -2 --head logistic --ridge 0 --noise-kind isotropic",
    ],
)
def test_every_head_is_trained(capsys, simulator, options):
    printed = json.loads(typed(capsys, f"--samples 15 --simulator {simulator} {options} --json"))
    assert 0 < printed["error"] < 0.5
    assert printed["dropped"] == 0
    assert printed["separable"] == (20 if "--ridge 0 " in f"{options} " and "logistic" in options else None)


@pytest.mark.parametrize("simulator", ["tokens", "scores"])
def test_training_sets_that_are_separable_are_counted(capsys, simulator):
    """At n slightly above 2 p some are and some are not; the logistic head is the max-margin one where they are."""
    line = f"--samples 42 --signal-norm 0.2 --simulator {simulator}"
    logistic = json.loads(typed(capsys, f"{line} --head logistic --ridge 0 --json"))
    widest = json.loads(typed(capsys, f"{line} --head max-margin --json"))
    # Training sets have the same streams: what is separable for the one is for the other.
    assert (logistic["dropped"], widest["separable"]) == (0, None)
    assert 0 < logistic["separable"] < 20
    assert widest["dropped"] + logistic["separable"] == widest["repetitions"] == 20
    text = typed(capsys, f"{line} --head logistic --ridge 0")
    assert f"separable    {logistic['separable']} repetitions: the head is the max-margin one there" in text
    text = typed(capsys, f"{line} --head max-margin")
    assert f"dropped      {widest['dropped']} repetitions, for their data are not separable" in text


def test_a_setting_without_a_single_head_is_refused(capsys):
    with pytest.raises(TrainingError, match="none of 20 training sets of 400 samples is separable"):
        typed(capsys, "--samples 400 --signal-norm 0.1 --head max-margin")
