"""The commands as a user types them: what they print, what they refuse, and with which exit status."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from figures import FIGURES
from figures import __main__ as figures_command
from numerics import SIMULATORS
from numerics import __main__ as numerics_command
from numerics.verification import Arm, Claim, Setting, trial
from numerics.verification import engine as verification
from numerics.verification.catalogue import CLAIMS
from numerics.verification.experiments import trained_head_error
from numerics.verification.known_prompt_claims import predict_error
from tests import false_alarms
from theory import ContextualMixture, Head, known_prompt_error
from theory import __main__ as theory_command
from theory.command_line import run

ROOT = Path(__file__).parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
COMMANDS = {"theory": theory_command, "numerics": numerics_command, "figures": figures_command}

MIXTURE = "--dim 21 --tokens 6 --relevant 2"
SETTING = f"{MIXTURE} --samples 30 --noise-kind prompt-orthogonal"
ERROR = f"theory error {SETTING}"
SIMULATE = f"numerics simulate {SETTING} --jobs 1 --repetitions 20"


def slow(*values):
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.fixture
def type_in(capsys, tmp_path, monkeypatch):
    """Run a command in an empty folder; return its exit status, standard output and standard error."""
    monkeypatch.chdir(tmp_path)
    # One process more for each command would take most of the time; those that `in_a_process` runs have theirs.
    monkeypatch.setattr("numerics.executor._submitted", lambda function, tasks, _: map(function, tasks))

    def run_command(line):
        name, *words = shlex.split(line)
        with pytest.raises(SystemExit) as leaving:
            run(COMMANDS[name].PROG, lambda: COMMANDS[name].main(words))
        return leaving.value.code, *capsys.readouterr()

    return run_command


def in_a_process(line, **options):
    return subprocess.run(
        [sys.executable, "-m", *shlex.split(line)],
        **{"capture_output": True, "text": True, "env": ENVIRONMENT, **options},
    )


def strict_json(text):
    """Read JSON as the standard has it, without NaN and Infinity."""

    def refuse(constant):
        raise ValueError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


# --- help ---


HELPFUL = ["theory error", "theory derive", "numerics simulate", "numerics verify", "figures report"]


@pytest.mark.parametrize("command", [*COMMANDS, *HELPFUL])
def test_help_shows_an_example(type_in, command):
    status, output, complaint = type_in(f"{command} --help")
    assert (status, complaint) == (0, "")
    example = output.split("example:\n")[1].strip()
    assert example.startswith(f"python -m {command}")


@pytest.mark.parametrize("command", ["theory error", "numerics simulate"])
def test_the_example_of_the_help_runs(type_in, command):
    example = type_in(f"{command} --help")[1].split("example:\n")[1].strip()
    # Fewer repetitions than the example has, for the time that they take.
    extra = " --repetitions 2 --jobs 1" if command == "numerics simulate" else ""
    assert type_in(example.removeprefix("python -m ") + extra)[0] == 0


# --- theory error ---

PREDICTION_FIELDS = {"error", "error_bound", "regime", "kappa", "overlap", "limit", "population", "source"}

NUMBERS = ("context_norm", "signal_norm", "noise", "delta_context", "delta_signal")
UNIFORM = f"{MIXTURE} --samples 30 --noise-kind isotropic --inverse-temperature 0"


@pytest.mark.parametrize(
    ("options", "mixture", "head"),
    [
        (SETTING, {"noise_kind": "prompt-orthogonal"}, {"samples": 30}),
        (UNIFORM, {"noise_kind": "isotropic"}, {"samples": 30, "inverse_temperature": 0}),
        (
            f"{SETTING} --head least-squares",
            {"noise_kind": "prompt-orthogonal"},
            {"samples": 30, "kind": "least-squares"},
        ),
        (f"{SETTING} --head-space full", {"noise_kind": "prompt-orthogonal"}, {"samples": 30, "space": "full"}),
        (f"{UNIFORM} --head-space full", {}, {"samples": 30, "inverse_temperature": 0, "space": "full"}),
        (f"{SETTING} --samples inf", {"noise_kind": "prompt-orthogonal"}, {"samples": float("inf")}),
        (f"{SETTING} --regime exact", {"noise_kind": "prompt-orthogonal"}, {"samples": 30}),
        (
            f"{SETTING} --context-norm 1.1 --signal-norm 0.9 --noise 0.8 --delta-context -0.2 --delta-signal -1e-3",
            dict(zip(NUMBERS, (1.1, 0.9, 0.8, -0.2, -1e-3), strict=True)) | {"noise_kind": "prompt-orthogonal"},
            {"samples": 30},
        ),
    ],
)
def test_error_prints_the_prediction_of_the_library(type_in, options, mixture, head):
    status, output, complaint = type_in(f"theory error {options} --json")
    printed = strict_json(output)
    predicted = known_prompt_error(
        ContextualMixture(dimension=21, tokens=6, relevant_tokens=2, **mixture), Head(**head)
    )
    assert (status, complaint) == (0, "")
    assert printed == vars(predicted)
    assert printed.keys() >= PREDICTION_FIELDS
    assert 0 < printed["error"] < 0.5
    assert 0 < printed["error_bound"] < 1e-10 * printed["error"]
    # The bounds of both numbers: at n = ∞ they are one.
    assert printed["error"] > printed["population"] - printed["error_bound"] - 1e-16


def test_error_prints_readable_text(type_in):
    status, output, complaint = type_in(ERROR)
    assert (status, complaint) == (0, "")
    names = [line.split("  ")[0] for line in output.splitlines()]
    assert names == ["error", "log error", "kappa", "overlap", "limit", "population", "regime", "source"]
    exact = strict_json(type_in(f"{ERROR} --json")[1])["error"]
    # Twelve digits are printed.
    assert float(output.split()[1]) == pytest.approx(exact, rel=1e-11)


@pytest.mark.parametrize("setting", ["--noise 0", "--tokens 2"])
def test_without_noise_json_stays_strict(type_in, setting):
    """Sigma = 0, and T = R: κ is infinite, and so is the logarithm of an error of 0."""
    status, output, _ = type_in(f"{ERROR} {setting} --json")
    printed = strict_json(output)
    assert status == 0
    assert (printed["kappa"], printed["log_error"], printed["error"]) == (None, None, 0)


# --- numerics simulate ---

SIMULATION_FIELDS = {"error", "standard_error", "interval", "repetitions", "seed", "simulator", "seconds"}
COUNTS = {"dropped", "separable"}


@pytest.mark.parametrize("simulator", SIMULATORS)
@pytest.mark.parametrize("head", ["averaging", "least-squares"])
def test_simulate_prints_an_estimate_with_its_interval(type_in, simulator, head):
    status, output, complaint = type_in(f"{SIMULATE} --simulator {simulator} --head {head} --seed 4 --json")
    printed = strict_json(output)
    assert (status, complaint) == (0, "")
    assert printed.keys() >= SIMULATION_FIELDS | COUNTS
    assert (printed["dropped"], printed["separable"]) == (0, None)
    low, high = printed["interval"]
    assert 0 <= low < printed["error"] < high <= 1
    assert 0 < printed["standard_error"] < high - low
    assert (printed["repetitions"], printed["seed"], printed["simulator"]) == (20, 4, simulator)
    assert printed["seconds"] > 0


def test_simulate_prints_readable_text(type_in):
    status, output, complaint = type_in(SIMULATE)
    assert (status, complaint) == (0, "")
    assert re.match(r"error +0\.\d+  \(95 % confidence interval 0\.\d+ to 0\.\d+\)\n", output)
    assert "repetitions  20, seed 0, scores simulator" in output


def test_one_repetition_says_that_nothing_is_known(type_in):
    printed = strict_json(type_in(f"{SIMULATE} --repetitions 1 --json")[1])
    assert printed["standard_error"] is None
    # One number between 0 and 1 excludes, with 95 %, a mean farther from it than 1 - 0.025.
    assert printed["interval"] == [0, pytest.approx(printed["error"] + 0.975)]


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_a_seed_names_a_result_and_another_seed_another(type_in, simulator):
    first, again, other = (
        strict_json(type_in(f"{SIMULATE} --simulator {simulator} --seed {seed} --json")[1]) for seed in (1, 1, 2)
    )
    assert {**first, "seconds": 0} == {**again, "seconds": 0}
    assert first["error"] != other["error"]
    assert first["overlap"] != other["overlap"]


@pytest.mark.parametrize("simulator", ["scores", *map(slow, sorted(SIMULATORS.keys() - {"scores"}))])
def test_the_number_of_processes_changes_nothing_but_the_seconds(type_in, simulator, tmp_path):
    # Two whole blocks and part of a third.
    repetitions = SIMULATORS[simulator].block * 2 + 3
    line = f"numerics simulate {SETTING} --simulator {simulator} --repetitions {repetitions} --json"
    here = strict_json(type_in(f"{line} --jobs 1")[1])
    elsewhere = in_a_process(f"{line} --jobs 2", cwd=tmp_path)
    assert (elsewhere.returncode, elsewhere.stderr) == (0, "")
    assert {**here, "seconds": 0} == {**strict_json(elsewhere.stdout), "seconds": 0}
    assert list(tmp_path.iterdir()) == []


# --- numerics verify ---

DATA = ContextualMixture(dimension=21, tokens=6, relevant_tokens=2, noise_kind="prompt-orthogonal")
TAUGHT = Head(30, kind="least-squares")


def off_by(mixture, head, factor):
    """Return a wrong prediction; workers find it here."""
    return factor * predict_error(mixture, head)


CHEAP_SETTING = Setting(
    "n = 30",
    (Arm(trained_head_error(DATA, TAUGHT, "overlap")),),
    predict_error,
    {"mixture": DATA, "head": TAUGHT},
)
CHEAP = Claim("cheap-claim", "Cheap", "A true statement.", "x = x", "derived here", "equality", (CHEAP_SETTING,))

CHECK_FIELDS = {"id", "statement", "source", "verdict", "parameters"}
CHECK_NUMBERS = {"predicted", "simulated", "standard_error", "detectable"}


@pytest.fixture
def cheap_claims(monkeypatch):
    """Let there be one claim, cheap to check, and let it take one share of the false-alarm budget."""
    monkeypatch.setattr(verification, "CLAIMS", (CHEAP,))
    monkeypatch.setattr(verification, "FALSE_ALARM_RATE", false_alarms.share())


@pytest.fixture
def _in_this_process(monkeypatch):
    monkeypatch.setattr(numerics_command, "executor_from", lambda _: nullcontext())


@pytest.mark.usefixtures("cheap_claims", "_in_this_process")
def test_verify_confirms_a_true_claim(type_in, tmp_path):
    status, output, progress = type_in("numerics verify cheap-claim --jobs 1 --json")
    (check,) = strict_json(output)
    assert status == 0
    assert check.keys() >= CHECK_FIELDS | CHECK_NUMBERS
    assert (check["id"], check["verdict"], check["relation"]) == ("cheap-claim", "holds", "=")
    assert abs(check["simulated"] / check["predicted"] - 1) < check["detectable"] < 0.021
    low, high = check["interval"]
    assert low < check["simulated"] < high
    assert check["parameters"]["arguments"]["mixture"]["noise_kind"] == "prompt-orthogonal"
    assert check["parameters"]["arms"][0]["head"]["samples"] == 30
    assert re.search(r"^\d+ results computed, 0 taken from", progress, re.MULTILINE)
    assert "1 hold, 0 refuted, 0 undecided" in progress
    # A table of some claims would pass for a table of all.
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["results.sqlite"]


@pytest.mark.usefixtures("cheap_claims", "_in_this_process")
def test_verify_takes_stored_results_and_writes_the_tables_of_all_claims(type_in, tmp_path):
    type_in("numerics verify cheap-claim --jobs 1 --results kept")
    status, output, progress = type_in("numerics verify --jobs 1 --results kept --junit ci/theory.xml --csv table.csv")
    assert status == 0
    assert re.search(r"^0 results computed, [1-9]\d* taken from", progress, re.MULTILINE)
    assert re.search(r"^cheap-claim .* holds$", output, re.MULTILINE)
    text = (tmp_path / "kept" / "verification.csv").read_text(encoding="utf-8")
    assert (tmp_path / "table.csv").read_text(encoding="utf-8") == text
    (row,) = csv.DictReader(text.splitlines())
    assert (row["id"], row["setting"], row["verdict"]) == ("cheap-claim", "n = 30", "holds")
    assert float(row["interval_low"]) < float(row["simulated"]) < float(row["interval_high"])
    assert json.loads(row["parameters"])["arms"][0]["simulator"] == "overlap"
    record = json.loads((tmp_path / "kept" / "verification.json").read_text(encoding="utf-8"))
    assert record["run"]["computed"] == 0
    assert [claim["id"] for claim in record["claims"]] == ["cheap-claim"]
    assert record["checks"][0]["simulated"] == float(row["simulated"])
    suite = ElementTree.parse(tmp_path / "ci" / "theory.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("1", "0", "0")


@pytest.mark.usefixtures("cheap_claims")
@pytest.mark.parametrize("factor", [1.05, slow(0.95)])
def test_verify_refutes_a_prediction_that_is_five_per_cent_off(type_in, monkeypatch, tmp_path, factor):
    wrong = replace(CHEAP_SETTING, predict=off_by, arguments={**CHEAP_SETTING.arguments, "factor": factor})
    monkeypatch.setattr(verification, "CLAIMS", (replace(CHEAP, settings=(wrong,)),))
    status, output, progress = type_in("numerics verify --executor processes --jobs 1 --junit theory.xml")
    assert status == 1
    assert output.rstrip().endswith("refuted")
    assert "0 hold, 1 refuted, 0 undecided" in progress
    case = ElementTree.parse(tmp_path / "theory.xml").getroot()[0][0]
    assert case.get("classname") == "cheap-claim"
    assert [child.tag for child in case] == ["failure"]


@pytest.mark.usefixtures("cheap_claims", "_in_this_process")
def test_verify_calls_a_check_that_would_see_nothing_undecided(type_in, monkeypatch, tmp_path):
    monkeypatch.setattr(trial, "MOST_OBSERVATIONS", 20_000)
    monkeypatch.setattr(trial, "FIRST_PORTIONS", 2)
    status, output, progress = type_in("numerics verify --thorough --jobs 1 --junit theory.xml")
    assert status == 0
    assert output.rstrip().endswith("undecided")
    assert "0 hold, 0 refuted, 1 undecided" in progress
    case = ElementTree.parse(tmp_path / "theory.xml").getroot()[0][0]
    assert [child.tag for child in case] == ["skipped"]


@pytest.mark.parametrize(
    ("command", "names"),
    [("numerics verify --list", [claim.id for claim in CLAIMS]), ("figures --list", list(FIGURES))],
)
def test_a_list_names_everything_and_writes_nothing(type_in, tmp_path, command, names):
    status, output, complaint = type_in(command)
    assert (status, complaint) == (0, "")
    assert [line.split()[0] for line in output.splitlines()] == names
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["numerics verify --list --json", "figures --list --json"])
def test_a_list_is_json_where_json_is_asked_for(type_in, command):
    status, output, complaint = type_in(command)
    assert (status, complaint) == (0, "")
    assert isinstance(strict_json(output), list)


# --- refusals ---


def assert_refused(result, *mentions):
    status, output, line = result
    assert status == 2, line
    assert output == ""
    assert line.endswith("\n")
    assert line.count("\n") == 1, line
    assert line.startswith("python -m ")
    for mention in mentions:
        assert mention in line


BAD_IN_ANY = [
    ("--samples 0", "--samples", "got 0"),
    ("--samples -1", "--samples", "got -1"),
    ("--samples 1.5", "--samples", "got 1.5"),
    ("--samples nan", "--samples", "got nan"),
    ("--samples -inf", "--samples", "got -inf"),
    ("--samples many", "--samples", "'many'"),
    ("--samples 10,20", "--samples", "'10,20'"),
    ("--samples", "--samples", "expected one argument"),
    ("--dim 1", "--dim", "got 1"),
    ("--dim 2.5", "--dim", "got 2.5"),
    ("--dim inf", "--dim", "got inf"),
    ("--tokens 0", "--tokens", "got 0"),
    ("--tokens ''", "--tokens", "''"),
    ("--relevant 0", "--relevant", "got 0"),
    ("--relevant 7", "--relevant", "at most --tokens = 6, got 7"),
    ("--context-norm 0", "--context-norm", "got 0"),
    ("--context-norm -1", "--context-norm", "got -1"),
    ("--context-norm inf", "--context-norm", "got inf"),
    ("--signal-norm -1e-3", "--signal-norm", "got -0.001"),
    ("--noise -1", "--noise", "got -1"),
    ("--noise-kind pink", "--noise-kind", "'pink'"),
    ("--delta-context nan", "--delta-context", "got nan"),
    ("--delta-signal -inf", "--delta-signal", "got -inf"),
    ("--inverse-temperature -1", "--inverse-temperature", "got -1"),
    ("--inverse-temperature inf", "--inverse-temperature", "got inf"),
    ("--head median", "--head", "'median'"),
    ("--head-space half", "--head-space", "'half'"),
    ("--attention hard", "--attention", "'hard'"),
    ("--ridge 1", "--ridge", "left out for the averaging head, got 1"),
    ("--head ridge", "--ridge", "given for the ridge head, got none"),
    ("--head logistic", "--ridge", "given for the logistic head, got none"),
    ("--head ridge --ridge -1", "--ridge", "got -1"),
    ("--frobnicate", "--frobnicate", "unrecognized"),
    # An abbreviation would change its meaning when an option is added.
    ("--sampl 3", "--sampl", "unrecognized"),
    ("stray", "stray", "unrecognized"),
]


@pytest.mark.parametrize("command", [ERROR, SIMULATE], ids=["theory error", "numerics simulate"])
@pytest.mark.parametrize(("options", "option", "got"), BAD_IN_ANY)
def test_a_bad_description_is_refused_in_one_line(type_in, command, options, option, got):
    assert_refused(type_in(f"{command} {options}"), option, got)


@pytest.mark.parametrize(
    ("line", "option", "got"),
    [
        (f"{ERROR} --regime rough", "--regime", "'rough'"),
        (f"{SIMULATE} --samples inf", "--samples", "got inf"),
        (f"{SIMULATE} --simulator magic", "--simulator", "'magic'"),
        (f"{SIMULATE} --simulator overlap --noise-kind isotropic", "overlap", "isotropic"),
        (
            f"{SIMULATE} --simulator overlap --head least-squares --head-space full --noise-kind isotropic "
            "--inverse-temperature 0",
            *("overlap", "full"),
        ),
        (f"{SIMULATE} --simulator overlap --noise 0", "overlap", "noise"),
        (f"{SIMULATE} --repetitions 0", "--repetitions", "got 0"),
        (f"{SIMULATE} --repetitions -2", "--repetitions", "got -2"),
        (f"{SIMULATE} --repetitions 1e6", "--repetitions", "'1e6'"),
        (f"{SIMULATE} --seed -1", "--seed", "got -1"),
        (f"{SIMULATE} --seed 0.5", "--seed", "'0.5'"),
        (f"{SIMULATE} --jobs 0", "--jobs", "got 0"),
        (f"{SIMULATE} --jobs -1", "--jobs", "got -1"),
        (f"{SIMULATE} --jobs all", "--jobs", "'all'"),
        ("numerics verify unheard-of", "ID", "'unheard-of'"),
        ("numerics verify averging-known-prompt", "such as averaging-known-prompt", "'averging-known-prompt'"),
        ("numerics verify --seed -1", "--seed", "got -1"),
        ("numerics verify --jobs 0", "--jobs", "got 0"),
        ("figures unheard-of", "NAME", "'unheard-of'"),
        ("figures exlpore", "explore", "'exlpore'"),
        ("figures --jobs 0", "--jobs", "got 0"),
        ("figures explore --port 65536", "--port", "got 65536"),
        (f"{ERROR} --frobnicate", "--frobnicate", "see python -m theory error --help"),
        ("theory prophesy", "COMMAND", "'prophesy'"),
        ("numerics guess", "COMMAND", "'guess'"),
        ("theory", "COMMAND", "required"),
        ("numerics", "COMMAND", "required"),
        ("theory error --tokens 6 --relevant 2 --samples 30", "--dim", "required"),
        ("theory error --dim 21 --relevant 2 --samples 30", "--tokens", "required"),
        ("theory error --dim 21 --tokens 6 --samples 30", "--relevant", "required"),
        (f"theory error {MIXTURE}", "--samples", "required"),
        (f"numerics simulate {MIXTURE}", "--samples", "required"),
        (f"theory descent {MIXTURE} --prompt-norm 1", "--samples", "required"),
        (f"theory descent {MIXTURE} --samples 30", "--prompt-norm", "required"),
    ],
)
def test_a_bad_argument_is_refused_in_one_line(type_in, tmp_path, line, option, got):
    assert_refused(type_in(line), option, got)
    assert list(tmp_path.iterdir()) == []


def test_without_its_extra_the_explorer_says_how_to_install_it(type_in, monkeypatch):
    monkeypatch.setattr("numerics.extras.find_spec", lambda module: None)  # noqa: ARG005
    assert_refused(type_in("figures explore"), "pip install 'prompt-attention-theory[explore]'")


# --- the same in processes of their own ---


LEAVES = [(ERROR, 0), (f"{ERROR} --samples 0", 2), ("figures unheard-of", 2)]
LATER = [slow("theory derive nothing", 2), slow(f"{SIMULATE} --seed -1", 2), slow("numerics verify --list", 0)]


@pytest.mark.parametrize(("line", "status"), [*LEAVES, *LATER])
def test_a_command_leaves_with_its_status_and_no_traceback(tmp_path, line, status):
    # Warnings as errors: none may reach a user.
    done = in_a_process(line, cwd=tmp_path, env={**ENVIRONMENT, "PYTHONWARNINGS": "error"})
    assert done.returncode == status
    assert bool(done.stdout) == (status == 0)
    assert done.stderr.count("\n") == (status == 2)
    assert list(tmp_path.iterdir()) == []


def print_to(output, buffering):
    """Run a command whose standard output goes to an open file; return its exit status and standard error."""
    environment = {**ENVIRONMENT, "PYTHONUNBUFFERED": buffering}
    done = in_a_process(ERROR, capture_output=False, stdout=output, stderr=subprocess.PIPE, env=environment)
    return done.returncode, done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("buffering", ["", "1"])
def test_an_output_that_is_full_is_reported_in_one_line(buffering):
    with Path("/dev/full").open("w") as full:
        status, line = print_to(full, buffering)
    assert_refused((status, "", line), "No space left")


@pytest.mark.skipif(os.name == "nt", reason="Windows reports a closed pipe as a bad argument")
@pytest.mark.parametrize("buffering", ["", "1"])
def test_a_reader_that_goes_away_is_no_error_to_complain_of(buffering):
    reading, writing = os.pipe()
    os.close(reading)
    assert print_to(writing, buffering) == (141, "")
    os.close(writing)


@pytest.mark.parametrize("encoding", ["ascii", slow("latin-1"), slow("cp1252"), "utf-8"])
def test_greek_letters_reach_an_output_of_any_encoding(encoding):
    done = in_a_process("numerics verify --list", text=False, env={**ENVIRONMENT, "PYTHONIOENCODING": encoding})
    assert (done.returncode, done.stderr) == (0, b"")
    lines = done.stdout.decode(encoding).splitlines()
    assert [line.split()[0] for line in lines] == [claim.id for claim in CLAIMS]
    assert ("χ'²_p" in lines[0]) == (encoding == "utf-8")
