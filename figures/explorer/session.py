"""One open page: it hears of every move, answers within a moment, and refines the answer when nothing moves."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from dataclasses import asdict, replace
from typing import Any, Protocol

import numpy as np

from figures.explorer.error_curves import LIMIT, Curve, Unavailable, exact_tasks
from figures.explorer.idle_work import Found, IdleWork
from figures.explorer.picture import picture
from figures.explorer.point_simulation import PointSimulation, Progress
from figures.explorer.readout import sentence, texts
from figures.explorer.saved_data import data_csv
from figures.explorer.setting import Setting, setting_from_file, setting_from_values
from figures.explorer.shown import Shown, SimulatedPoint, any_samples, drafted, finer
from numerics.process_executor import WorkerError
from theory.arguments import ArgumentError, single
from theory.head import Head
from theory.known_prompt.error import KnownPromptError

PAUSE = 300
"""Milliseconds without a move after which exact numbers are begun."""

BREATH = 5
"""Milliseconds between two pieces of a draft, in which a move is heard."""

MIME = {"svg": "image/svg+xml", "png": "image/png", "csv": "text/csv", "json": "application/json"}


class Page(Protocol):
    """What a session needs of the page."""

    def draw(self, shown: Shown | None) -> None:
        """Draw all panels, or none."""

    def answer(self, **content: Any) -> None:
        """Send texts, states and files."""

    def soon(self, callback: Callable[[], None]) -> None:
        """Call back in the page's thread; may be called from any thread."""

    def after(self, milliseconds: int, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back after a while; the result takes that back."""


class Session:
    """What is on one page, and the work behind it."""

    def __init__(self, page: Page, jobs: int) -> None:
        """Begin with nothing shown."""
        self._page = page
        self._shown: Shown | None = None
        self._points: list[SimulatedPoint] = []
        self._idle = IdleWork()
        self._exact: dict[int, Found | None] = {}
        self._heads: list[Head] = []
        self._simulation = PointSimulation(jobs)
        self._forget: Callable[[], None] = lambda: None
        self._closed = False

    def close(self) -> None:
        """End all work."""
        self._closed = True
        self._forget()
        self._idle.close()
        self._simulation.close()

    def request(self, text: str) -> None:
        """Do what the page asks for: a JSON object with its number and what is to be done."""
        asked = json.loads(text)
        actions = {
            "move": self._move,
            "simulate": self._simulate,
            "stop": self._stop,
            "save": self._save,
            "load": self._load,
        }
        try:
            actions[asked["do"]](asked)
        except Exception as error:
            # The page waits for an answer: it is to go on, and somebody to hear of this.
            logging.getLogger(__name__).exception("the explorer failed at %s", text)
            self._page.answer(number=asked["number"], texts={"refused": f"This failed: {error!r}."}, refused=True)

    # --- moves ---

    def _move(self, asked: dict[str, Any]) -> None:
        """Show another setting."""
        try:
            setting = setting_from_values(asked["setting"])
        except ArgumentError as error:
            self._refuse(asked["number"], error)
            return
        self.show(setting, asked["number"])

    def show(self, setting: Setting, number: int = 0) -> None:
        """Show a setting as well as it can be done within a moment, and better soon after."""
        self._forget()
        self._idle.drop()
        before = self._shown
        try:
            self._shown = drafted(setting)
        except ArgumentError as error:
            self._refuse(number, error)
            return
        if before is not None and any_samples(before.setting) != any_samples(setting) and self._simulation.running:
            self._simulation.stop()
            self._page.answer(simulation={"running": False, "text": "Stopped, for the setting has moved."})
        self._shown = replace(self._shown, points=self._fitting_points(setting))
        self._heads, self._exact = [], {}
        self._page.draw(self._shown)
        self._tell(number=number)
        self._forget = self._page.after(PAUSE, self._refine)

    def _refuse(self, number: int, error: Exception) -> None:
        """Show a sentence instead of a picture of something else."""
        self._forget()
        self._idle.drop()
        self._simulation.stop()
        self._shown = None
        self._page.draw(None)
        self._page.answer(number=number, texts={"refused": sentence(error)}, link="", refused=True)

    def _fitting_points(self, setting: Setting) -> tuple[SimulatedPoint, ...]:
        """Return the simulated points that belong on the curve."""
        return tuple(point for point in self._points if any_samples(point.setting) == any_samples(setting))

    def _tell(self, **content: Any) -> None:
        """Send all words and numbers of what is shown."""
        if self._shown is None:
            return
        progress = (len(self._exact), len(self._heads)) if self._heads else None
        words = texts(self._shown, progress)
        hidden = len(self._points) - len(self._shown.points)
        words["points-note"] = (
            "" if hidden == 0 else f"{hidden} simulated points of other settings are kept, and hidden here."
        )
        curves = self._shown.curves.curves if self._shown.curves else ()
        self._page.answer(
            texts=words,
            link=self._shown.setting.query,
            heads=[curve.head for curve in curves],
            chosen=self._shown.setting.kind,
            refused=False,
            final=self._shown.prediction is not None,
            **content,
        )

    # --- refinement ---

    def _refine(self) -> None:
        """Finish the drafts, a piece at a time, and then begin the exact numbers."""
        if self._shown is None or self._closed:
            return
        if self._shown.coarse:
            before, self._shown = self._shown, finer(self._shown)
            if self._shown is not before:
                self._page.draw(self._shown)
                self._tell()
            self._forget = self._page.after(BREATH, self._refine)
            return
        if self._shown.curves is None:
            return
        setting = self._shown.setting
        mixture, head = setting.mixture, setting.head
        ridge = None if head.ridge is None else single(head.ridge)
        self._heads = [
            Head(samples, setting.inverse_temperature, setting.attention, setting.kind, ridge, setting.space)
            for samples in exact_tasks(setting)
        ]

        def report(place: int, future: Future[Any]) -> None:
            if not self._closed:
                self._page.soon(lambda: self._receive(setting, place, future))

        self._idle.start(mixture, self._heads, report)
        self._tell()

    def _receive(self, setting: Setting, place: int, future: Future[Any]) -> None:
        """Take one exact number, or a portion of the exact curve."""
        if self._shown is None or self._shown.setting != setting or not self._heads or future.cancelled():
            return
        found: Found | None = None
        try:
            found = future.result()
        except (WorkerError, CancelledError):
            return
        except Unavailable as error:
            if place == 0:
                self._heads = []
                self._idle.drop()
                self._page.answer(texts={"bound": sentence(error), "note-error": ""}, final=True)
                return
        if isinstance(found, KnownPromptError):
            self._shown = replace(self._shown, prediction=found)
        self._exact[place] = found
        if len(self._exact) == len(self._heads):
            self._shown = self._with_exact_curve(self._shown)
        self._page.draw(self._shown)
        self._tell()

    def _with_exact_curve(self, before: Shown) -> Shown:
        """Put the exact curve, and the exact limit, in the place of the drafts."""
        parts = [
            (self._heads[place].samples, found) for place, found in sorted(self._exact.items()) if found is not None
        ]
        samples = np.concatenate([np.atleast_1d(one) for one, _ in parts])
        order = np.argsort(samples)
        error, limit = (
            np.concatenate([np.atleast_1d(getattr(found, name)) for _, found in parts])[order]
            for name in ("error", "limit")
        )
        exact = {LIMIT: limit, before.setting.kind: error}
        if before.curves is None:
            return before
        curves = tuple(
            Curve(curve.head, samples[order], exact[curve.head]) if curve.head in exact else curve
            for curve in before.curves.curves
        )
        return replace(before, curves=replace(before.curves, curves=curves), exact=True)

    # --- simulation ---

    def _simulate(self, asked: dict[str, Any]) -> None:  # noqa: ARG002
        """Simulate the setting on the page."""
        if self._shown is None:
            return

        def report(progress: Progress) -> None:
            if not self._closed:
                self._page.soon(lambda: self._progress(progress))

        try:
            self._simulation.start(self._shown.setting, report)
        except ArgumentError as error:
            self._page.answer(simulation={"running": False, "text": sentence(error)})
            return
        self._page.answer(simulation={"running": True, "text": "Starting …", "share": 0.0})

    def _progress(self, progress: Progress) -> None:
        """Show how far the simulation is, and a point that is finished."""
        if progress.point is not None:
            mine = progress.point
            self._points = [point for point in self._points if point.setting != mine.setting]
            self._points.append(mine)
            if self._shown is not None:
                self._shown = replace(self._shown, points=self._fitting_points(self._shown.setting))
                self._page.draw(self._shown)
                self._tell()
        if progress.refused is not None:
            self._page.answer(simulation={"running": not progress.ended, "refused": f"{progress.refused}."})
        if progress.ended:
            self._page.answer(simulation={"running": False, "text": "Done.", "share": 1.0})
        elif self._simulation.running:
            share = progress.done / progress.total
            self._page.answer(simulation={"running": True, "text": f"{share:.0%}", "share": share})

    def _stop(self, asked: dict[str, Any]) -> None:  # noqa: ARG002
        """Stop the simulation."""
        self._simulation.stop()
        self._page.answer(simulation={"running": False, "text": "Stopped; finished points stay."})

    # --- files ---

    def _save(self, asked: dict[str, Any]) -> None:
        """Send what is shown as a file."""
        if self._shown is None or asked["suffix"] not in MIME:
            return
        suffix = asked["suffix"]
        if suffix == "csv":
            content = data_csv(self._shown).encode()
        elif suffix == "json":
            content = self._shown.setting.file.encode()
        else:
            content = picture(self._shown, suffix)
        name = f"prompt-attention.{suffix}"
        self._page.answer(file={"name": name, "type": MIME[suffix], "content": base64.b64encode(content).decode()})

    def _load(self, asked: dict[str, Any]) -> None:
        """Take the setting of a file."""
        try:
            setting = setting_from_file(str(asked["text"]))
        except ArgumentError as error:
            self._page.answer(texts={"loaded": sentence(error)})
            return
        self._page.answer(texts={"loaded": "Loaded."}, setting=asdict(setting))
