"""`theory descent` prints what the functions return, or says in one line why it cannot."""

from __future__ import annotations

import json

import pytest

from theory import ContextualMixture, sample_complexity, three_steps
from theory.__main__ import PROG, main
from theory.command_line import run

MIXTURE_OPTIONS = ["--dim", "100", "--tokens", "16", "--relevant", "2", "--context-norm", "1.5"]
COMMAND = ["descent", *MIXTURE_OPTIONS, "--samples", "150", "--prompt-norm", "0.8"]


def test_the_command_prints_what_the_function_returns(capsys):
    assert main([*COMMAND, "--labels", "balanced", "--epsilon", "0.1", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    mixture = ContextualMixture(100, 16, 2, context_norm=1.5)
    steps = three_steps(mixture, 150, 0.8, labels="balanced")
    for name in ("head_overlap", "prompt_overlap", "attention", "final_overlap", "error", "error_bound"):
        assert record[name] == getattr(steps, name)
    assert record["notes"] == list(steps.notes)
    assert record["limit"]["error"] == steps.limit.error
    assert record["sample_complexity"]["whole"]["ratio"] == sample_complexity(mixture, 0.1, 0.8).whole.ratio


def test_the_command_prints_a_table(capsys):
    assert main([*COMMAND, "--epsilon", "0.1"]) == 0
    out = capsys.readouterr().out
    for text in ("head overlap", "prompt overlap", "attention", "final overlap", "error", "note: left out", "whole"):
        assert text in out


@pytest.mark.parametrize(
    ("line", "option", "got"),
    [
        ("--samples 0", "--samples", "got 0"),
        ("--samples many", "--samples", "'many'"),
        ("--prompt-norm -1", "--prompt-norm", "got -1"),
        ("--prompt-norm 6", "--prompt-norm", "got 6"),
        ("--relevant 16", "--relevant", "less than tokens"),
        ("--dim 5", "--dim", "got 5"),
        ("--delta-context -1", "--delta-context", "got -1"),
        ("--labels sorted", "--labels", "'sorted'"),
        ("--epsilon 1", "--epsilon", "got 1"),
    ],
)
def test_a_bad_argument_is_refused_in_one_line(capsys, line, option, got):
    with pytest.raises(SystemExit) as leaving:
        run(PROG, lambda: main([*COMMAND, *line.split(" ")]))
    output, error = capsys.readouterr()
    assert (leaving.value.code, output) == (2, "")
    assert error.count("\n") == 1
    assert option in error
    assert got in error
