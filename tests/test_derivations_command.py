"""`python -m figures.derivations`: the files of `python -m theory derive`, each derivation checked once for all."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from figures import derivations, report
from figures.report import write_report
from tests.test_report import DERIVED
from tests.verification_example import write_example
from theory.__main__ import main as theory_main
from theory.derivations import ENTRIES, derive
from theory.derivations.verification import verify


@pytest.fixture
def checked(monkeypatch):
    """Let the catalogue hold two derivations; return the list of those that were checked, in their order."""
    names = []

    def noted(derivation):
        names.append(derivation.name)
        return verify(derivation)

    monkeypatch.setattr(derivations, "ENTRIES", {name: ENTRIES[name] for name in DERIVED})
    monkeypatch.setattr(derivations, "verify", noted)
    monkeypatch.setattr(report, "SHOWN", DERIVED)
    return names


def test_the_files_are_those_of_the_command_byte_for_byte_also_from_the_store(tmp_path, capsys, checked):
    assert theory_main(["derive", *DERIVED, "--latex", str(tmp_path / "expected.tex")]) == 0
    expected = capsys.readouterr().out
    for _ in range(2):
        assert derivations.main(["--results", str(tmp_path)]) == 0
        text, latex = tmp_path / "derivations.txt", tmp_path / "derivations.tex"
        assert capsys.readouterr() == (f"{text}\n{latex}\n", "")
        assert text.read_bytes() == expected.encode()
        assert latex.read_bytes() == (tmp_path / "expected.tex").read_bytes()
    assert checked == list(DERIVED)


def test_a_report_checks_nothing_again(tmp_path, checked):
    write_example(tmp_path)
    derivations.write_derivations(tmp_path)
    pages = [write_report(tmp_path).path.read_bytes()]
    assert checked == list(DERIVED)
    (tmp_path / "results.sqlite").unlink()
    pages += [write_report(tmp_path).path.read_bytes() for _ in range(2)]
    assert checked == 2 * list(DERIVED)
    assert pages[0] == pages[1] == pages[2]


@pytest.mark.parametrize(
    ("module", "library"),
    [
        ("theory.derivations.context", ""),
        ("theory.derivations.verification", ""),
        ("", "sympy"),
        ("", "mpmath"),
    ],
)
def test_other_code_or_libraries_have_it_checked_anew(tmp_path, monkeypatch, checked, module, library):
    assert ENTRIES["best-temperature"].module == "context"
    derivations.stored_checks("best-temperature", tmp_path)
    code, version = derivations.code_fingerprint, derivations.version
    monkeypatch.setattr(derivations, "code_fingerprint", lambda name: "other" if name == module else code(name))
    monkeypatch.setattr(derivations, "version", lambda name: "0.0" if name == library else version(name))
    for _ in range(2):
        derivations.stored_checks("best-temperature", tmp_path)
    assert checked == ["best-temperature"] * 2


def test_a_step_that_fails_fails_the_command_each_time_and_is_shown(tmp_path, capsys, monkeypatch, checked):
    whole = derive("best-temperature")
    wrong = replace(whole, steps=(whole.steps[0], replace(whole.steps[1], after=2 * whole.result)))
    monkeypatch.setattr(derivations, "derive", lambda name: wrong if name == wrong.name else derive(name))
    for _ in range(2):
        assert derivations.main(["--results", str(tmp_path), "--json"]) == 1
        output, complaint = capsys.readouterr()
        assert json.loads(output)["failing"] == ["best-temperature"]
        assert complaint == "python -m figures.derivations: a step fails in best-temperature\n"
        assert (tmp_path / "derivations.txt").read_text(encoding="utf-8").endswith(": 1 fails\n")
    assert checked == list(DERIVED)


def test_an_interruption_leaves_the_old_files_and_keeps_what_was_checked(tmp_path, monkeypatch, checked):
    derivations.write_derivations(tmp_path)
    before = [(tmp_path / f"derivations.{kind}").read_bytes() for kind in ("txt", "tex")]
    (tmp_path / "results.sqlite").unlink()

    def interrupted(derivation):
        if derivation.name == DERIVED[1]:
            raise KeyboardInterrupt
        checked.append(derivation.name)
        return verify(derivation)

    monkeypatch.setattr(derivations, "verify", interrupted)
    with pytest.raises(KeyboardInterrupt):
        derivations.write_derivations(tmp_path)
    assert before == [(tmp_path / f"derivations.{kind}").read_bytes() for kind in ("txt", "tex")]
    derivations.stored_checks(DERIVED[0], tmp_path)
    assert checked == [*DERIVED, DERIVED[0]]
    assert {path.name for path in tmp_path.iterdir()} == {"derivations.tex", "derivations.txt", "results.sqlite"}
