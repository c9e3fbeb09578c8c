"""Token sequences in files: what was written is read again, and everything else is refused in one sentence."""

from __future__ import annotations

import re

import numpy as np
import pytest

from numerics.real_data.sequence_data import SequenceData, load_sequences
from theory.arguments import ArgumentError

GOOD = {
    "tokens": np.arange(24.0).reshape(4, 3, 2),
    "labels": np.array([1, 1, -1, -1]),
    "relevance": np.array([[1, 0, 0], [0, 1, 1], [0, 0, 1], [1, 1, 1]]) > 0,
    "groups": np.array([7, 7, 8, 9]),
}


@pytest.mark.parametrize("left_out", [(), ("relevance",), ("groups",), ("relevance", "groups")])
def test_what_was_saved_is_read_again(tmp_path, left_out):
    arrays = {name: array for name, array in GOOD.items() if name not in left_out}
    SequenceData(**arrays).save(tmp_path / "data.npz")
    read = load_sequences(tmp_path / "data.npz")
    for name in GOOD:
        if name in left_out:
            assert getattr(read, name) is None
        else:
            assert np.array_equal(getattr(read, name), GOOD[name])


def test_a_part_keeps_what_belongs_together():
    part = SequenceData(**GOOD).part(np.array([2, 0]))
    for name, array in GOOD.items():
        assert np.array_equal(getattr(part, name), array[[2, 0]])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"tokens": np.zeros((4, 3))}, "tokens must have the shape (n, T, d), none of them 0, got (4, 3)"),
        ({"tokens": np.zeros((0, 3, 2))}, "tokens must have the shape (n, T, d), none of them 0, got (0, 3, 2)"),
        ({"tokens": np.full((4, 3, 2), np.nan)}, "tokens must not be NaN, got nan"),
        ({"tokens": np.full((4, 3, 2), np.inf)}, "tokens must be finite, got inf"),
        ({"labels": [1, 1, -1]}, "labels must have the shape (4,), to fit the tokens, got (3,)"),
        ({"labels": [0, 1, 1, 0]}, "labels must be 1 or -1, got 0"),
        ({"labels": ["a", "b", "a", "b"]}, "labels must be a real number or an array of real numbers"),
        ({"relevance": np.ones((4, 2))}, "relevance must have the shape (4, 3), to fit the tokens, got (4, 2)"),
        ({"relevance": np.full((4, 3), 0.5)}, "relevance must be true or false, got 0.5"),
        ({"relevance": np.zeros((4, 3))}, "relevance must mark at least one token of each sequence"),
        ({"groups": [0.5, 1, 2, 3]}, "groups must be whole numbers, got 0.5"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes, sentence):
    with pytest.raises(ArgumentError, match="^" + re.escape(sentence)):
        SequenceData(**{**GOOD, **changes})


class Trap:
    """An object whose unpickling would be noticed."""

    def __reduce__(self):
        return pytest.fail, ("a pickled object was executed",)


def test_nothing_pickled_is_executed(tmp_path):
    for name in GOOD:
        trap = np.empty(4, dtype=object)
        trap[:] = Trap()
        np.savez(tmp_path / "trap.npz", **{**GOOD, name: trap})
        with pytest.raises(ArgumentError, match=f"^{name} must be an array of real numbers, got pickled objects"):
            load_sequences(tmp_path / "trap.npz")


def test_files_of_another_kind_are_refused(tmp_path):
    np.save(tmp_path / "one.npy", GOOD["tokens"])
    np.savez(tmp_path / "poor.npz", tokens=GOOD["tokens"])
    (tmp_path / "text.npz").write_text("tokens")
    whole = tmp_path / "whole.npz"
    SequenceData(**GOOD).save(whole)
    (tmp_path / "half.npz").write_bytes(whole.read_bytes()[:300])
    for file, sentence in {
        "none.npz": "be a file that can be read, got",
        "one.npy": "be a file of several arrays",
        "poor.npz": "hold the array 'labels', got a file that holds tokens",
        "text.npz": "be an .npz file",
        "half.npz": "be an .npz file",
    }.items():
        with pytest.raises(ArgumentError, match="^--data must " + re.escape(sentence)):
            load_sequences(tmp_path / file)
