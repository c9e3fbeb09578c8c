"""`python -m numerics real-data`, and the figures of real data, in small."""

from __future__ import annotations

import csv
import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from figures import FIGURES, Drawing, real_attention, real_data, real_theory, write
from figures.__main__ import main as draw
from numerics.__main__ import main
from numerics.extras import REAL_DATA
from numerics.real_data import ImageSource, load_sequences
from numerics.real_data.attention_course import CourseTask, attention_examples
from numerics.real_data.discrepancy import RUNGS
from numerics.real_data.images import digit_pixels
from numerics.store import ResultStore
from numerics.verification.engine import select_claims
from theory.arguments import ArgumentError, NotAvailableError


@pytest.fixture(autouse=True)
def _without_new_processes(monkeypatch):
    """One process more for each command would take most of the time."""
    monkeypatch.setattr("numerics.executor._submitted", lambda function, tasks, _: map(function, tasks))


def typed(capsys, options):
    assert main(["real-data", *shlex.split(options)]) == 0
    return capsys.readouterr().out


SMALL = "--tokens 4 --relevant 1 --samples 30 --splits 2 --jobs 1"


def test_json_holds_every_model_with_its_interval(capsys):
    printed = json.loads(typed(capsys, f"{SMALL} --json"))
    assert printed["arrangement"] == "embedded"
    assert (printed["samples"], printed["splits"], printed["seed"]) == (30, 2, 0)
    names = [model["model"] for model in printed["models"]]
    assert names == [
        "prompt-attention",
        "linear attention",
        "self-attention",
        "uniform pooling",
        "three steps",
        "ceiling",
    ]
    for model in printed["models"]:
        low, high = model["accuracy"]["interval"]
        assert low <= model["accuracy"]["mean"] <= high
    assert typed(capsys, f"{SMALL} --json").split('"seconds"')[0] == json.dumps(printed, indent=2).split('"seconds"')[0]


def test_saved_sequences_are_read_again_and_their_groups_share_no_image(capsys, tmp_path):
    file = tmp_path / "digits.npz"
    assert typed(capsys, f"--save {file} --tokens 4 --relevant 1 --samples 100 --seed 3").strip() == str(file)
    data = load_sequences(file)
    assert data.tokens.shape == (100, 4, 64)
    assert sorted(np.unique(data.groups)) == list(range(20))
    digits = [
        {token.tobytes() for token in data.tokens[data.groups == g][data.relevance[data.groups == g]]}
        for g in range(20)
    ]
    assert sum(map(len, digits)) == len(set.union(*digits))
    table = typed(capsys, f"--data {file} --splits 2 --jobs 1")
    assert [line.split("  ")[0] for line in table.splitlines()[1:7:5]] == ["prompt-attention", "ceiling"]
    ladder = json.loads(typed(capsys, f"--data {file} --splits 2 --jobs 1 --ladder --json"))["ladder"]
    assert [rung["name"] for rung in ladder["rungs"]] == list(RUNGS)
    lines = typed(capsys, f"--data {file} --splits 2 --jobs 1 --ladder").splitlines()
    assert [line.split()[0] for line in lines[1:7]] == list(RUNGS)
    assert lines[7].startswith("noisy theory")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--data none.npz", "--data must be a file that can be read, got none.npz"),
        ("--data {file} --tokens 4", "--tokens must be left out with --data, got 4"),
        ("--data {file} --save x.npz", "--save must be left out with --data, got x.npz"),
        ("--splits 1", "--splits must be a whole number of at least 2, got 1"),
        ("--seed -1", "--seed must be a whole number of at least 0, got -1"),
        ("--tokens 65", "tokens must be a whole number of at least 1 and at most 64, got 65"),
        ("--relevant 17", "relevant_tokens must be a whole number of at least 1 and at most 16, got 17"),
        ("--samples 0", "samples must be a whole number of at least 1, got 0"),
        ("--data {file} --samples 99", "samples must be from 1 to "),
    ],
)
def test_bad_arguments_are_refused(options, sentence, tmp_path):
    file = tmp_path / "data.npz"
    np.savez(file, tokens=np.random.default_rng(1).normal(size=(60, 2, 3)), labels=[1, -1] * 30)
    with pytest.raises(ArgumentError) as refusal:
        main(["real-data", "--jobs", "1", *shlex.split(options.format(file=file))])
    assert str(refusal.value).startswith(sentence)


def test_without_scikit_learn_the_rest_goes_on(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("numerics.extras.find_spec", lambda _: None)
    digit_pixels.cache_clear()
    with pytest.raises(
        NotAvailableError, match=r"^scikit-learn is needed for real data: pip install '.*\[realdata\]'$"
    ):
        main(["real-data", "--jobs", "1"])
    chosen = select_claims([])
    assert chosen
    assert all(claim.extra is None for claim in chosen)
    said = capsys.readouterr().err
    assert said.startswith(
        "left out, for scikit-learn is not installed (pip install 'prompt-attention-theory[realdata]')"
    )
    assert said.rstrip().endswith("real-data-advantage, real-data-attention, real-data-predicted-attention")
    with pytest.raises(NotAvailableError, match=r"^scikit-learn is needed for the claim real-data-advantage"):
        select_claims(["real-data-advantage"])
    others = {name: figure for name, figure in FIGURES.items() if figure.extra == REAL_DATA}
    assert list(others) == ["real-data", "real-attention", "real-theory"]
    monkeypatch.setattr("figures.__main__.FIGURES", others)
    assert draw(["--results", str(tmp_path), "--draft", "--jobs", "1"]) == 0
    with pytest.raises(NotAvailableError, match=r"^scikit-learn is needed for real data"):
        draw(["real-data", "--results", str(tmp_path), "--draft", "--jobs", "1"])


# --- figures ---


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Return the rows of small drafts, and their pictures."""
    folder = tmp_path_factory.mktemp("results")
    found = {}
    with pytest.MonkeyPatch.context() as patch, ResultStore(folder) as store:
        patch.setattr(real_data, "settings", lambda _: [("embedded", 2, 100)])
        patch.setattr(real_theory, "settings", lambda _: [(2, 300)])
        patch.setattr(real_attention, "SAMPLES", 40)
        for name in ("real-data", "real-attention", "real-theory"):
            drawing = Drawing(store, None, True)
            rows = FIGURES[name].compute(drawing)
            files = write([FIGURES[name]], drawing, folder)
            figure = FIGURES[name].draw(rows)
            figure.draw_without_rendering()
            found[name] = rows, files, figure
    return found


@pytest.mark.parametrize("name", ["real-data", "real-attention", "real-theory"])
def test_files_are_there_and_panels_are_labelled(drawn, name):
    rows, files, figure = drawn[name]
    assert [path.suffix for path in files] == [".csv", ".pdf", ".png"]
    with files[0].open(newline="", encoding="utf-8") as stream:
        assert len(list(csv.DictReader(stream))) == len(rows)
    assert b"/Subtype /Type3" not in files[1].read_bytes()
    assert figure.axes


def test_accuracies_are_drawn_with_intervals_and_the_theory_of_the_three_steps(drawn):
    rows, _, figure = drawn["real-data"]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == list(real_data.MODELS.values())
    measured = [row for row in rows if row["kind"] == "measured"]
    assert {row["model"] for row in measured} == set(real_data.MODELS)
    assert all(row["accuracy_low"] <= row["accuracy"] <= row["accuracy_high"] for row in rows)
    assert {row["model"] for row in rows if row["kind"] == "theory"} == {"three steps"}


def test_attention_starts_uniform_and_pictures_are_whole(drawn):
    rows, _, _ = drawn["real-attention"]
    assert all(row["attention"] == pytest.approx(4 / 64, rel=1e-12) for row in rows if row["iterate"] == 0)
    for how in ("before", "after"):
        places = [row for row in rows if row["kind"] == how and row["example"] == 1]
        assert sum(row["attention"] for row in places) == pytest.approx(1, rel=1e-12)
        assert sum(row["relevant"] for row in places) == 4
        assert {len(row["pixels"].split()) for row in places} == {64}


def test_the_examples_of_the_gallery_are_what_their_seed_gives():
    """Other versions and kernels of linear algebra changed them by 4e-12."""
    file = Path(__file__).parents[1] / "figures" / "gallery" / "real-attention.csv"
    with file.open(newline="", encoding="utf-8") as stream:
        shown = [row for row in csv.DictReader(stream) if row["kind"] == "after"]
    source = ImageSource("embedded", real_attention.TOKENS, real_attention.RELEVANT)
    examples = attention_examples(CourseTask(source, real_attention.SAMPLES, real_attention.SEED, (0,)))
    attention = np.concatenate([example.after for example in examples])
    assert_allclose([float(row["attention"]) for row in shown], attention, atol=1e-8)
    relevance = np.concatenate([example.relevance for example in examples])
    assert [row["relevant"] == "True" for row in shown] == relevance.tolist()


def test_the_ladder_is_drawn_from_theory_to_data(drawn):
    rows, _, _ = drawn["real-theory"]
    assert [row["rung"] for row in rows] == [*RUNGS, "noisy theory"]
    steps = [row["step"] for row in rows[1:-1]]
    assert sum(steps) == pytest.approx(rows[-2]["error"] - rows[0]["error"], abs=1e-12)
