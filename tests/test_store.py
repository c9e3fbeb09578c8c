"""Results on disk: taken instead of computed, kept through every accident, and foreign or damaged files left alone."""

from __future__ import annotations

import errno
import os
import re
import shlex
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from figures.__main__ import main as figures_main
from numerics.__main__ import main as numerics_main
from numerics.atomic_file import replaced_file
from numerics.store import ResultStore, StoreError
from theory.command_line import run

ROOT = Path(__file__).parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
IDENTITY = {"code": "abc", "samples": 10, "nested": {"kappa": 1.5}}
RESULT = {"error": 0.1, "interval": [0.0, 0.3]}


def fail():
    raise AssertionError("computed although it was stored")


def stored(folder, identity=None, result=None):
    """Store one result and close; return the file."""
    with ResultStore(folder) as store:
        store.fetch(identity or IDENTITY, lambda: result or RESULT)
    return folder / "results.sqlite"


def script(code, *arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=ENVIRONMENT,
        text=True,
        stdout=subprocess.PIPE,
        **options,
    )


def test_a_second_fetch_takes_the_result_from_the_store(tmp_path):
    with ResultStore(tmp_path) as store:
        assert store.fetch(IDENTITY, lambda: RESULT) == RESULT
        assert store.fetch(IDENTITY, fail) == RESULT
        assert (store.computed, store.taken) == (1, 1)
        assert store.summary() == f"1 results computed, 1 taken from {tmp_path / 'results.sqlite'}"


def test_a_result_survives_reopening_and_reading_changes_no_byte(tmp_path):
    file = stored(tmp_path / "new" / "folder")
    before = file.read_bytes()
    with ResultStore(file.parent) as store:
        assert store.fetch(IDENTITY, fail) == RESULT
    assert file.read_bytes() == before


def test_the_order_of_an_identity_does_not_matter(tmp_path):
    with ResultStore(tmp_path) as store:
        store.fetch(IDENTITY, lambda: RESULT)
        assert store.fetch(dict(reversed(IDENTITY.items())), fail) == RESULT


@pytest.mark.parametrize(
    "changed",
    [
        {**IDENTITY, "code": "abd"},
        {**IDENTITY, "samples": 11},
        {**IDENTITY, "nested": {"kappa": 1.5000000000000002}},
        {**IDENTITY, "more": None},
        {key: value for key, value in IDENTITY.items() if key != "code"},
    ],
)
def test_a_changed_identity_is_computed_anew_and_the_old_result_stays(tmp_path, changed):
    with ResultStore(tmp_path) as store:
        store.fetch(IDENTITY, lambda: RESULT)
        assert store.fetch(changed, lambda: "fresh") == "fresh"
        assert store.fetch(IDENTITY, fail) == RESULT


@pytest.mark.parametrize("value", [float("inf"), 5e-324, 0.1 + 0.2, [1, [None, True]], "χ²", {}])
def test_a_result_comes_back_as_it_went_in(tmp_path, value):
    with ResultStore(tmp_path) as store:
        assert store.fetch(IDENTITY, lambda: value) == value
        assert store.fetch(IDENTITY, fail) == value


@pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt])
def test_a_failed_computation_stores_nothing_and_loses_nothing(tmp_path, error):
    def compute():
        raise error("while computing")

    with ResultStore(tmp_path) as store:
        store.fetch(IDENTITY, lambda: RESULT)
        with pytest.raises(error, match="while computing"):
            store.fetch({"another": 1}, compute)
        assert store.computed == 1
    with ResultStore(tmp_path) as store:
        assert store.fetch(IDENTITY, fail) == RESULT
        assert store.fetch({"another": 1}, lambda: "fresh") == "fresh"


def test_two_stores_on_one_file_share_their_results(tmp_path):
    with ResultStore(tmp_path) as one, ResultStore(tmp_path) as other:
        one.fetch(IDENTITY, lambda: RESULT)
        assert other.fetch(IDENTITY, fail) == RESULT


# --- files that are not stores, or no longer ---


def foreign_database(file):
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE diary (day TEXT)")
    connection.commit()
    connection.close()


def database_of_another_program(file):
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA application_id = 7")
    connection.commit()
    connection.close()


def store_of_an_older_version(file):
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA application_id = 0x50415431")
    connection.execute("CREATE TABLE results (key TEXT PRIMARY KEY, identity TEXT NOT NULL, value TEXT NOT NULL)")
    connection.commit()
    connection.close()


def text_file(file):
    file.write_text("not a database, but long enough to hold the header of one\n" * 100, encoding="utf-8")


def damaged(change):
    def make(file):
        stored(file.parent)
        before = file.read_bytes()
        assert change(before) != before
        file.write_bytes(change(before))

    return make


PAGE = 4096


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(foreign_database, id="database with other tables"),
        pytest.param(database_of_another_program, id="empty database of another program"),
        pytest.param(store_of_an_older_version, id="store of an older version"),
        pytest.param(text_file, id="text"),
        pytest.param(damaged(lambda raw: raw[: PAGE + 100]), id="cut in a page"),
        pytest.param(damaged(lambda raw: raw[:PAGE]), id="cut after the first page"),
        pytest.param(damaged(lambda raw: raw[:100] + bytes(PAGE - 100) + raw[PAGE:]), id="table of contents erased"),
        pytest.param(damaged(lambda raw: raw[:PAGE] + bytes(PAGE) + raw[2 * PAGE :]), id="results erased"),
        pytest.param(damaged(lambda raw: raw[:PAGE] + b"\xff" * PAGE + raw[2 * PAGE :]), id="results overwritten"),
        pytest.param(damaged(lambda raw: raw.replace(b'"error": 0.1', b'"error": }.1')), id="result no longer JSON"),
        pytest.param(
            damaged(lambda raw: raw.replace(b'"error"', b'"\xff\xff\xff\xff\xff"')), id="result no longer text"
        ),
        pytest.param(damaged(lambda raw: raw.replace(b'"error": 0.1', b'"error": 0.2')), id="another digit"),
    ],
)
def test_a_foreign_or_damaged_file_is_refused_and_left_as_it_is(tmp_path, make):
    file = tmp_path / "results.sqlite"
    make(file)
    before = file.read_bytes()
    with pytest.raises(StoreError) as refusal, ResultStore(tmp_path) as store:
        store.fetch(IDENTITY, lambda: RESULT)
    assert str(file) in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("bit", range(8))
def test_an_array_with_a_flipped_bit_is_refused_and_left_as_it_is(tmp_path, bit):
    values = np.full(100, np.pi)
    with ResultStore(tmp_path) as store:
        store.save_numbers(IDENTITY, values)
        assert np.array_equal(store.load_numbers(IDENTITY), values)
    file = tmp_path / "results.sqlite"
    raw = bytearray(file.read_bytes())
    raw[raw.index(values.tobytes()) + 8 * 50] ^= 1 << bit
    file.write_bytes(raw)
    refusal = f"the store {file} is damaged; move it away to start afresh"
    with ResultStore(tmp_path) as store, pytest.raises(StoreError, match=re.escape(refusal)):
        store.load_numbers(IDENTITY)
    assert file.read_bytes() == raw


def test_an_array_under_another_key_is_refused(tmp_path):
    """As if an index of the file led to the wrong row."""
    with ResultStore(tmp_path) as store:
        store.save_numbers({"portion": 1}, np.array([0.25]))
        store.save_numbers({"portion": 2}, np.array([0.5]))
    connection = sqlite3.connect(tmp_path / "results.sqlite")
    with connection:
        (key, *_), (other, *_) = connection.execute("SELECT key FROM results").fetchall()
        connection.execute("DELETE FROM results WHERE key = ?", (key,))
        connection.execute("UPDATE results SET key = ? WHERE key = ?", (key, other))
    connection.close()
    with ResultStore(tmp_path) as store:
        outcomes = [outcome(store, portion) for portion in (1, 2)]
    assert sorted(outcomes) == ["damaged", "nothing"]


def outcome(store, portion):
    try:
        return "nothing" if store.load_numbers({"portion": portion}) is None else "a number"
    except StoreError:
        return "damaged"


@pytest.mark.parametrize("values", [[], [0.1 + 0.2], [np.inf, -0.0, 5e-324, -1.5e308]])
def test_an_array_comes_back_to_the_last_bit(tmp_path, values):
    with ResultStore(tmp_path) as store:
        assert store.load_numbers(IDENTITY) is None
        store.save_numbers(IDENTITY, np.array(values))
        assert (store.computed, store.taken) == (1, 0)
    with ResultStore(tmp_path) as store:
        assert store.load_numbers(IDENTITY).tobytes() == np.array(values).tobytes()
        assert (store.computed, store.taken) == (0, 1)


def test_a_folder_in_the_place_of_the_store_is_refused(tmp_path):
    (tmp_path / "results.sqlite").mkdir()
    with pytest.raises(StoreError, match=r"results\.sqlite"):
        ResultStore(tmp_path)


@pytest.mark.parametrize(
    ("main", "arguments"), [(numerics_main, "verify averaging-full-head"), (figures_main, "double-descent --draft")]
)
@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_results_folder_that_is_a_file_is_refused_by_one_sentence(tmp_path, capsys, main, arguments, below):
    file = tmp_path / "taken"
    file.write_text("by a file", encoding="utf-8")
    with pytest.raises(SystemExit) as leaving:
        run("prog", lambda: main([*shlex.split(arguments), "--results", str(file / below), "--jobs", "1"]))
    output, line = capsys.readouterr()
    assert leaving.value.code == 2
    assert output == ""
    assert line.startswith(f"prog: the results folder must be a folder that can be written, got {file / below}: ")
    assert line.count("\n") == 1
    assert file.read_text(encoding="utf-8") == "by a file"


# --- accidents ---

KILLED_WHILE_COMPUTING = """
import sys, time
from pathlib import Path
from numerics.store import ResultStore
def compute():
    print("computing", flush=True)
    time.sleep(100)
with ResultStore(Path(sys.argv[1])) as store:
    store.fetch({"number": 1}, lambda: "first")
    store.fetch({"number": 2}, compute)
"""


def test_a_killed_process_leaves_what_it_had_stored(tmp_path):
    process = script(KILLED_WHILE_COMPUTING, tmp_path)
    with process:
        assert process.stdout.readline() == "computing\n"
        process.kill()
    with ResultStore(tmp_path) as store:
        assert store.fetch({"number": 1}, fail) == "first"
        assert store.fetch({"number": 2}, lambda: "second") == "second"


# No file of this process may grow beyond a size: what a full disk does, without filling one.
FULL_DISK = """
import resource, sys
from pathlib import Path
from numerics.atomic_file import replaced_file
from numerics.store import ResultStore, StoreError
folder = Path(sys.argv[1])
with ResultStore(folder) as store:
    store.fetch({"number": 1}, lambda: "first")
    size = (folder / "results.sqlite").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    try:
        store.fetch({"number": 2}, lambda: "x" * 10 * size)
    except StoreError as error:
        print(error)
    assert store.fetch({"number": 1}, None) == "first"
try:
    with replaced_file(folder / "table.csv") as path:
        path.write_text("x" * 10 * size)
except OSError as error:
    print(error)
"""


def test_a_full_disk_loses_nothing_and_leaves_no_half_file(tmp_path):
    pytest.importorskip("resource", reason="Windows cannot limit the size of a file")
    table = tmp_path / "table.csv"
    table.write_text("old", encoding="utf-8")
    process = script(FULL_DISK, tmp_path)
    refusals = process.communicate()[0].splitlines()
    assert process.returncode == 0
    assert len(refusals) == 2
    assert str(tmp_path / "results.sqlite") in refusals[0]
    assert table.read_text(encoding="utf-8") == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results.sqlite", "table.csv"]
    with ResultStore(tmp_path) as store:
        assert store.fetch({"number": 1}, fail) == "first"
        assert store.fetch({"number": 2}, lambda: "second") == "second"


def no_space(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def write_half(target, error):
    with replaced_file(target) as path:
        path.write_text("half", encoding="utf-8")
        raise error


def test_a_replaced_file_is_whole_readable_and_alone(tmp_path):
    target = tmp_path / "new" / "table.csv"
    for text in ("first", "second"):
        with replaced_file(target) as path:
            path.write_text(text, encoding="utf-8")
            assert path.suffix == ".csv"
        assert target.read_text(encoding="utf-8") == text
    assert target.stat().st_mode & 0o444 == 0o444
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("old", ["old", None])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_while_writing_leaves_the_old_file_alone(tmp_path, old, error):
    target = tmp_path / "table.csv"
    if old is not None:
        target.write_text(old, encoding="utf-8")
    before = [(path.name, path.read_bytes()) for path in tmp_path.iterdir()]
    with pytest.raises(error):
        write_half(target, error)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == before


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_disk_that_is_full_at_the_last_step_leaves_the_old_file_alone(tmp_path, monkeypatch, failing):
    target = tmp_path / "table.csv"
    target.write_text("old", encoding="utf-8")
    monkeypatch.setattr(*{"fsync": (os, "fsync"), "replace": (Path, "replace")}[failing], no_space)
    with pytest.raises(OSError, match="No space left"), replaced_file(target) as path:
        path.write_text("new", encoding="utf-8")
    assert target.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [target]
