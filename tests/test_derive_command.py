"""`python -m theory derive`: what it prints, writes and refuses."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sympy import Rational

from theory import __main__ as command
from theory.command_line import run
from theory.derivations import ENTRIES, catalogue, derive
from theory.derivations import command_line as derive_module
from theory.derivations.document import plain_text

ROOT = Path(__file__).parents[1]


@pytest.fixture
def type_in(capsys, tmp_path, monkeypatch):
    """Run the command in an empty folder; return its exit status, standard output and standard error."""
    monkeypatch.chdir(tmp_path)

    def run_command(line):
        with pytest.raises(SystemExit) as leaving:
            run(command.PROG, lambda: command.main(["derive", *line.split()]))
        return leaving.value.code, *capsys.readouterr()

    return run_command


def test_the_listing_names_everything_and_imports_no_sympy(tmp_path):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "theory", "derive", "--list"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(ENTRIES)
    imported = {line.rsplit("|", 1)[1].strip().split(".")[0] for line in done.stderr.splitlines() if "|" in line}
    assert not imported & {"sympy", "mpmath"}
    assert list(tmp_path.iterdir()) == []


def test_the_listing_as_json(type_in):
    status, output, complaint = type_in("--list --json")
    assert (status, complaint) == (0, "")
    assert json.loads(output) == [{"name": name, "title": entry.title} for name, entry in ENTRIES.items()]


def test_a_derivation_is_printed_with_every_step_and_its_kind_of_check(type_in):
    status, output, complaint = type_in("ridge-overlap")
    assert (status, complaint) == (0, "")
    derivation = derive("ridge-overlap")
    for step in derivation.steps:
        assert step.name in output
        assert step.why in output
        assert f"= {step.after}" in output
        for symbol, value in step.given:
            assert f"with {symbol} = {value}" in output
    assert output.count("exact simplification to zero: holds") == len(derivation.steps)
    assert all(assumption in output for assumption in derivation.assumptions)
    assert "1 derivation, 3 steps: none fails" in output


def test_numbers_are_put_in_exactly(type_in):
    output = type_in("benefit-of-context --set Q=2 --set sigma=1")[1]
    assert "exp(-8*tau**2 + 8*tau*(delta_q + 1))" in output
    output = type_in("best-temperature --set delta_q=1/3 --set sigma=0.1")[1]
    assert "200/3 = 66.6666666666667" in output


def test_json_holds_all_of_it_and_nothing_else_is_printed(type_in):
    status, output, complaint = type_in("best-gain best-temperature --set Q=2 --set sigma=1 --set delta_q=0 --json")
    assert (status, complaint) == (0, "")
    gain, temperature = json.loads(output)
    assert gain["name"] == "best-gain"
    assert gain["holds"] is True
    assert gain["value"] == pytest.approx(math.exp(2), rel=1e-14)
    assert gain["set"] == {"Q": "2", "sigma": "1", "delta_q": "0"}
    assert gain["symbols"].keys() == {"Q", "sigma", "delta_q"}
    assert gain["counterpart"] == "theory.context_benefit"
    assert (temperature["substituted"], temperature["value"]) == ("1/2", 0.5)
    assert [step["holds"] for step in temperature["steps"]] == [True, True]
    assert {step["check"] for step in temperature["steps"]} == {"exact simplification to zero"}


def test_a_symbol_left_free_has_no_value(type_in):
    (record,) = json.loads(type_in("best-gain --set Q=2 --json")[1])
    assert record["value"] is None
    assert "sigma" in record["substituted"]


def test_a_check_that_fails_gives_the_status_of_a_refuted_claim(type_in, monkeypatch):
    whole = derive("best-gain")
    wrong = replace(whole, result=Rational(21, 20) * whole.result)
    monkeypatch.setattr(derive_module, "derive", lambda _: wrong)
    status, output, _ = type_in("best-gain")
    assert status == 1
    assert "FAILS, it does not end at the result" in output
    assert "1 derivation, 1 step: 1 fails" in output


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("benefit-of-contexts", ["NAME", "benefit-of-context", "'benefit-of-contexts'"]),
        ("zzz", ["NAME", "--list", "'zzz'"]),
        ("best-gain --set tau=1", ["--set", "Q, delta_q, sigma", "'tau'"]),
        ("best-gain --set Q", ["--set", "SYMBOL=NUMBER", "'Q'"]),
        ("best-gain --set Q=", ["--set", "SYMBOL=NUMBER", "'Q='"]),
        ("best-gain --set =2", ["--set", "'=2'"]),
        ("best-gain --set Q=two", ["--set", "'Q=two'"]),
        ("best-gain --set Q=1/0", ["--set", "'Q=1/0'"]),
        ("best-gain --set Q=nan", ["--set", "'Q=nan'"]),
        ("best-gain --set Q=inf", ["--set", "'Q=inf'"]),
        ("best-gain --set Q=-1", ["--set", "greater than 0", "Q=-1"]),
        ("best-gain --set delta_q=-1", ["--set", "greater than -1", "delta_q=-1"]),
        ("uniform-pooling-delta --set zeta=1", ["--set", "greater than 0 and less than 1", "zeta=1"]),
        ("hard-attention-threshold --set m=1.5", ["--set", "a whole number of at least 1", "m=3/2"]),
        ("best-gain --set Q=1 --set Q=2", ["--set", "once", "Q twice"]),
        ("linear-attention-gain-exact --set m=2", ["--set", "linear-attention-gain-exact a number"]),
        ("best-gain --latex folder-that-is-a-file/x.tex", ["folder-that-is-a-file"]),
        ("best-gain --frobnicate", ["--frobnicate"]),
    ],
)
def test_what_is_wrong_is_said_in_one_line(type_in, tmp_path, line, words):
    (tmp_path / "folder-that-is-a-file").write_text("", encoding="utf-8")
    status, _, complaint = type_in(line)
    assert status == 2
    assert complaint.count("\n") == 1
    assert complaint.startswith("python -m theory")
    assert all(word in complaint for word in words)


def test_the_document_holds_every_derivation_asked_for_and_replaces_the_old_one(type_in, tmp_path):
    file = tmp_path / "new" / "derivations.tex"
    assert type_in(f"best-gain --latex {file}")[0] == 0
    before = file.read_text(encoding="utf-8")
    assert type_in(f"best-gain best-weights --latex {file}")[0] == 0
    after = file.read_text(encoding="utf-8")
    assert (before.count(r"\section{"), after.count(r"\section{")) == (1, 2)
    assert "exact simplification to zero: holds" in after
    assert [path.name for path in file.parent.iterdir()] == ["derivations.tex"]


def test_a_failure_leaves_the_old_document(type_in, tmp_path, monkeypatch):
    file = tmp_path / "derivations.tex"
    file.write_text("old", encoding="utf-8")

    def no_space(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    assert type_in(f"best-gain --latex {file}")[0] == 2
    assert file.read_text(encoding="utf-8") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["derivations.tex"]


def test_every_letter_of_the_texts_can_be_typeset():
    for name in ENTRIES:
        derivation = derive(name)
        texts = [derivation.title, derivation.statement, *derivation.assumptions]
        texts += [text for step in derivation.steps for text in (step.name, step.why)]
        texts += [parameter.meaning for parameter in derivation.parameters.values()]
        assert [text for text in texts if not plain_text(text).isascii()] == []


@pytest.mark.skipif(
    not (shutil.which("pdflatex") or shutil.which("lualatex")), reason="there is no LaTeX (Debian: texlive-latex-base)"
)
def test_the_document_compiles(tmp_path):
    """Compile all derivations; that they hold is tested elsewhere, and here taken from one check for each step."""
    from theory.derivations.document import write_document
    from theory.derivations.verification import StepCheck

    file = tmp_path / "derivations.tex"
    derivations = [derive(name) for name in ENTRIES]
    write_document(
        file, [(d, tuple(StepCheck(step.name, step.check, True, "") for step in d.steps)) for d in derivations]
    )
    compiler = shutil.which("pdflatex") or shutil.which("lualatex")
    done = subprocess.run(
        [compiler, "-interaction=nonstopmode", "-halt-on-error", file.name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        errors="replace",
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "derivations.pdf").stat().st_size > 100_000


def test_names_of_the_catalogue_are_built_once():
    assert derive("best-gain") is catalogue.derive("best-gain")
