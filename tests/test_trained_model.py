"""Models from files: what is read, what is refused, and that nothing in a file is executed."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

import theory.__main__
from theory import ArgumentError, TrainedModel, exact_risk, load_model

GOOD = {"context": [1.0, 0, 0], "signal": [0, 1.0, 0], "prompt": [1.0, 0.1, 0], "head": [0, 1.0, 0.5]}


class Bomb:
    """An object whose unpickling would be seen."""

    def __reduce__(self):
        return (pytest.fail, ("a pickle was executed",))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.npz"


def test_a_model_is_read_as_it_was_written(path):
    np.savez(path, **GOOD, extra=np.arange(3))
    assert load_model(path) == TrainedModel(**GOOD)
    np.savez_compressed(path, **{name: np.array(values, dtype=np.float32) for name, values in GOOD.items()})
    assert load_model(str(path)).context.dtype == np.float64


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"head": None}, "MODEL.npz must hold the array 'head', got a file that holds context, signal, prompt"),
        ({"head": [1.0, 2]}, "head must have the shape of context, (3,), got (2,)"),
        ({"context": np.eye(3)}, "context must be a vector of shape (d,), got shape (3, 3)"),
        ({"context": 1.0}, "context must be a vector of shape (d,), got shape ()"),
        ({"context": []}, "context must be a vector of shape (d,), got shape (0,)"),
        ({"prompt": [1.0, np.nan, 0]}, "prompt must not be NaN, got nan"),
        ({"prompt": [1.0, np.inf, 0]}, "prompt must be finite, got inf"),
        ({"prompt": ["a", "b", "c"]}, "prompt must be a real number or an array of real numbers, got array"),
        ({"prompt": [1j, 0, 0]}, "prompt must be a real number or an array of real numbers, got array"),
        (
            {"prompt": np.array([Bomb()] * 3)},
            "prompt must be an array of real numbers, got pickled objects or a damaged array",
        ),
    ],
)
def test_a_bad_file_is_refused_in_one_sentence(path, change, sentence):
    np.savez(path, **{name: values for name, values in {**GOOD, **change}.items() if values is not None})
    with pytest.raises(ArgumentError) as caught:
        load_model(path)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 and then nothing", b"\x80\x04K\x01."])
def test_what_is_no_npz_file_is_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(ArgumentError, match=r"MODEL\.npz must be an \.npz file"):
        load_model(path)


def test_a_single_array_a_cut_file_a_folder_and_nothing_are_refused(path, tmp_path):
    np.savez(path, **GOOD)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ArgumentError, match=r"MODEL\.npz must"):
        load_model(path)
    damaged = bytearray(whole)
    damaged[150] ^= 0xFF
    path.write_bytes(bytes(damaged))
    with pytest.raises(ArgumentError, match="must"):
        load_model(path)
    np.save(tmp_path / "one.npy", np.arange(3.0))
    shutil.move(tmp_path / "one.npy", path)
    with pytest.raises(ArgumentError, match="file of several arrays"):
        load_model(path)
    for absent in (tmp_path, tmp_path / "absent.npz"):
        with pytest.raises(ArgumentError, match="file that can be read"):
            load_model(absent)


def test_the_command_prints_the_exact_risk(path, capsys):
    np.savez(path, **GOOD)
    options = ["--tokens", "16", "--relevant", "2", "--noise", "0.7", "--delta-context", "0.1"]
    assert theory.__main__.main(["risk", str(path), *options, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert set(record) == {"error", "error_bound"}
    assert 0 < record["error"] < 0.5
    assert theory.__main__.main(["risk", str(path), *options]) == 0
    assert capsys.readouterr().out.startswith(f"error  {record['error']:.12g}")
    assert exact_risk(load_model(path), tokens=16, relevant_tokens=2, noise=0.7).error != record["error"]
