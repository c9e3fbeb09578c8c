"""The session behind the explorer's page: at once, then exactly, then simulated; stale work is dropped."""

from __future__ import annotations

import base64
import json
import queue
import time
from concurrent.futures import Future
from dataclasses import asdict, replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from figures.explorer.error_curves import LIMIT
from figures.explorer.idle_work import IdleWork
from figures.explorer.point_simulation import PointSimulation, training_sizes
from figures.explorer.session import Session
from figures.explorer.setting import Setting, setting_from_file
from numerics import simulate
from theory import Head, known_prompt_error
from theory.arguments import ArgumentError

SMALL = Setting(tokens=4, relevant_tokens=1, dimension=6, samples=9, repetitions=20, noise_kind="prompt-orthogonal")


class FakePage:
    """Keeps what it is sent; time passes when a test says so."""

    def __init__(self):
        self.drawn, self.answers, self.waiting, self.calls = [], [], [], queue.Queue()

    def draw(self, shown):
        self.drawn.append(shown)

    def answer(self, **content):
        self.answers.append(content)

    def soon(self, callback):
        self.calls.put(callback)

    def after(self, _, callback):
        self.waiting.append(callback)
        return lambda: self.waiting.remove(callback) if callback in self.waiting else None

    def pause(self):
        """Let everything happen that was to happen after a while, but nothing in other threads."""
        while self.waiting:
            self.waiting.pop(0)()

    def until(self, found, seconds=60):
        """Carry out what other threads ask for until something is so."""
        end = time.monotonic() + seconds
        while not found():
            self.calls.get(timeout=max(end - time.monotonic(), 0.01))()

    def text(self, name):
        return next(answer["texts"][name] for answer in reversed(self.answers) if name in answer.get("texts", {}))


@pytest.fixture
def page():
    return FakePage()


@pytest.fixture
def session(page):
    session = Session(page, 1)
    yield session
    session.close()


def move(session, setting, number=1):
    session.request(json.dumps({"do": "move", "number": number, "setting": asdict(setting)}))


def test_a_move_is_answered_at_once_and_exactly_after_a_pause(page, session):
    setting = replace(SMALL, kind="least-squares")
    move(session, setting, number=7)
    (first,) = page.drawn
    assert page.answers[-1]["number"] == 7
    assert not page.answers[-1]["final"]
    assert page.text("error").startswith("≈")
    assert first.prediction is None
    page.pause()
    page.until(lambda: page.drawn[-1].exact)
    shown, prediction = page.drawn[-1], known_prompt_error(setting.mixture, setting.head)
    assert shown.prediction == prediction
    for curve in shown.curves.curves:
        if curve.head in (LIMIT, "least-squares"):
            exact = known_prompt_error(setting.mixture, replace(setting.head, samples=curve.samples))
            assert_allclose(curve.error, exact.limit if curve.head == LIMIT else exact.error, rtol=1e-12)
    assert page.text("regime") == "exact"
    assert page.text("source") == prediction.source
    assert page.answers[-1]["final"]


def test_what_an_earlier_setting_asked_for_is_not_shown(page, session):
    move(session, SMALL)
    page.pause()
    move(session, replace(SMALL, samples=11), number=2)
    page.pause()
    late: Future = Future()
    late.set_result(known_prompt_error(SMALL.mixture, SMALL.head))
    session._receive(SMALL, 0, late)
    assert page.drawn[-1].prediction is None
    assert page.drawn[-1].setting.samples == 11


def test_numbers_that_do_not_go_together_show_a_sentence_and_no_picture(page, session):
    move(session, SMALL)
    move(session, replace(SMALL, relevant_tokens=5), number=2)
    assert page.drawn[-1] is None
    assert page.answers[-1]["number"] == 2
    assert page.answers[-1]["refused"]
    assert page.text("refused") == "Relevant tokens R must be at most tokens = 4, got 5."
    before = len(page.answers)
    session.request('{"do": "simulate"}')
    session.request('{"do": "save", "suffix": "csv"}')
    assert len(page.answers) == before
    assert page.waiting == []
    session.request('{"do": "move", "number": 3, "setting": {"tokens": -1}}')
    assert "from 1 to 512" in page.text("refused")


def test_simulated_points_are_those_of_the_command_and_hide_when_the_setting_moves(page, session):
    move(session, SMALL)
    session.request('{"do": "simulate"}')
    page.until(lambda: page.answers[-1].get("simulation", {}).get("text") == "Done.")
    points = page.drawn[-1].points
    assert [point.setting.samples for point in points] == training_sizes(SMALL) == [9, 4, 18, 2, 36]
    for point in points[:2]:
        mine = replace(SMALL, samples=point.setting.samples)
        again = simulate(mine.mixture, mine.head, simulator="scores", repetitions=20, seed=0)
        assert_allclose(point.simulation.error, again.error, rtol=1e-12)
        assert_allclose(point.simulation.interval, again.interval, rtol=1e-9)
    assert f"{points[0].simulation.error:.3f}"[:4] in page.text("simulated")
    move(session, replace(SMALL, noise=0.9))
    assert page.drawn[-1].points == ()
    assert page.text("points-note") == "5 simulated points of other settings are kept, and hidden here."
    move(session, replace(SMALL, samples=4))
    assert page.drawn[-1].points == points
    assert page.text("points-note") == ""
    # None of the shares goes back, and the last is all.
    shares = [answer["simulation"].get("share") for answer in page.answers if "simulation" in answer]
    shares = [share for share in shares if share is not None]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_a_simulation_stops_at_once_when_its_setting_moves(page, session):
    endless = replace(SMALL, repetitions=100_000, simulator="tokens")
    move(session, endless)
    session.request('{"do": "simulate"}')
    page.until(lambda: page.answers[-1].get("simulation", {}).get("share", 0) > 0)
    begun = time.monotonic()
    move(session, replace(endless, noise=0.9))
    # Nothing that is running is waited for: it would take minutes.
    assert time.monotonic() - begun < 5
    assert not session._simulation.running
    assert any("setting has moved" in answer.get("simulation", {}).get("text", "") for answer in page.answers)


def test_a_training_set_too_large_for_memory_is_refused(page, session):
    large = Setting(dimension=2000, samples=1_000_000)
    with pytest.raises(ArgumentError, match="at most 5000"):
        PointSimulation(1).start(large, print)
    move(session, large)
    session.request('{"do": "simulate"}')
    assert page.answers[-1]["simulation"]["text"].startswith("Training sequences n must be at most 5000")


def test_a_formula_that_takes_long_does_not_keep_the_next_setting_waiting():
    """The exact error of least squares in the full space takes seconds an n: a minute for these."""
    slow = Setting(dimension=11, tokens=256, noise_kind="prompt-orthogonal", kind="least-squares", space="full")
    found: queue.Queue = queue.Queue()
    work = IdleWork()
    try:
        many = Head(np.arange(11, 40), 1.0, kind="least-squares", space="full")
        work.start(slow.mixture, [many], lambda *_: None)
        begun = time.monotonic()
        work.start(SMALL.mixture, [SMALL.head], lambda _, future: found.put(future))
        assert found.get(timeout=60).result() == known_prompt_error(SMALL.mixture, SMALL.head)
        assert time.monotonic() - begun < 30
    finally:
        work.close()


def test_files_are_sent_and_a_setting_is_loaded_again(page, session):
    move(session, SMALL)
    for suffix, start in (("csv", b"# prompt"), ("json", b"{"), ("svg", b"<?xml"), ("png", b"\x89PNG")):
        session.request(json.dumps({"do": "save", "suffix": suffix}))
        file = page.answers[-1]["file"]
        assert file["name"] == f"prompt-attention.{suffix}"
        content = base64.b64decode(file["content"])
        assert content.startswith(start)
        if suffix == "json":
            assert setting_from_file(content.decode()) == SMALL
            session.request(json.dumps({"do": "load", "text": content.decode()}))
            assert page.answers[-1]["setting"] == asdict(SMALL)
    session.request(json.dumps({"do": "load", "text": '{"format": "another"}'}))
    assert page.text("loaded").startswith("The file must be a JSON object")


def test_a_refusal_of_the_exact_number_takes_the_place_of_the_number(page, session):
    setting = replace(SMALL, kind="max-margin", samples=900)
    move(session, setting)
    page.pause()
    page.until(lambda: page.answers[-1].get("final") is True)
    assert "no max-margin head" in page.text("bound")
    assert np.isnan(page.drawn[-1].curves.error)
