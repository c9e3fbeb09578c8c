"""The page: native controls, Bokeh's plots, and the line between them and a session."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

import jinja2
from bokeh.core.properties import String
from bokeh.document import Document
from bokeh.events import DocumentReady
from bokeh.model import DataModel
from bokeh.models import CustomJS
from bokeh.server.contexts import BokehSessionContext
from tornado.ioloop import IOLoop

from figures.explorer.attention_plot import AttentionPlot
from figures.explorer.error_curves import LIMIT
from figures.explorer.error_plot import ErrorPlot
from figures.explorer.gain_plot import GainPlot
from figures.explorer.knobs import KNOBS
from figures.explorer.look import GAIN_LOOKS, LIMIT_COLOUR, LIMIT_NAME, NAMES, head_look
from figures.explorer.readout import sentence
from figures.explorer.sequence_plot import SequencePlot
from figures.explorer.session import Session
from figures.explorer.setting import Setting, setting_from_query
from figures.explorer.shown import Shown
from theory.arguments import ArgumentError

TITLE = "Prompt-attention explorer"
TEMPLATES = Path(__file__).parents[1] / "templates"


class Exchange(DataModel):
    """The line between the page and its session: JSON texts in both directions."""

    request = String(default="")
    answer = String(default="")


class BokehPage:
    """One page in a browser."""

    def __init__(self, document: Document) -> None:
        """Lay out the plots; `open` shows a setting."""
        self._document, self._loop = document, IOLoop.current()
        self._exchange = Exchange(name="exchange")
        self._sent, self._heard = 0, False
        self._unheard: dict[str, Any] = {}
        self._plots = (ErrorPlot(), GainPlot(), AttentionPlot(), SequencePlot())

    def open(self, session: Session, setting: Setting, refused: str) -> None:
        """Put everything into the document and listen to the page."""
        # Only what a root refers to is kept in step with the browser.
        self._plots[0].model.tags = [self._exchange]
        with self._document.models.freeze():
            for plot in self._plots:
                self._document.add_root(plot.model)
        self._document.title = TITLE
        templates = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES))
        self._document.template = templates.get_template("explorer.html.j2")
        self._document.template_variables.update(template_variables(setting, refused))

        def heard(attribute: str, old: str, new: str) -> None:  # noqa: ARG001
            self._heard = True
            session.request(new)

        self._exchange.on_change("request", heard)
        connect = CustomJS(args={"exchange": self._exchange}, code="window.explorer.connect(exchange)")
        self._document.js_on_event(DocumentReady, connect)
        # Bokeh would bring its models as they were before anything was drawn, if at all; the link has the setting.
        self._document.js_on_event("connection_lost", CustomJS(code="window.explorer.lost()"))
        self._document.on_session_destroyed(lambda context: session.close())  # noqa: ARG005
        session.show(setting)

    def draw(self, shown: Shown | None) -> None:
        """Draw all panels; without anything to show the page hides them."""
        if shown is not None:
            for plot in self._plots:
                plot.show(shown)

    def answer(self, **content: Any) -> None:
        """Send texts, states and files, and what was drawn; a page that may not listen yet is sent all of it again."""
        self._sent += 1
        models = {model: changed for plot in self._plots for model, changed in plot.taken_changes().items()}
        answer = merged(self._unheard, {"sent": self._sent, "models": models, **content})
        self._unheard = {} if self._heard else answer
        self._exchange.update(answer=json.dumps(answer))

    def soon(self, callback: Callable[[], None]) -> None:
        """Call back in the thread of the document, unless the page has been closed: only that thread can tell."""

        def if_open() -> None:
            context = self._document.session_context
            if context is not None and not context.destroyed:
                self._document.add_next_tick_callback(callback)

        self._loop.add_callback(if_open)

    def after(self, milliseconds: int, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back after a while, unless that is taken back."""
        waiting = self._document.add_timeout_callback(callback, milliseconds)

        def forget() -> None:
            if waiting in self._document.session_callbacks:
                self._document.remove_timeout_callback(waiting)

        return forget


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return JSON objects merged, the new one's values where both have one."""
    both = {name: merged(old[name], new[name]) for name in old.keys() & new.keys() if isinstance(new[name], dict)}
    return {**old, **new, **both}


def make_document(document: Document, *, jobs: int, opened: Callable[[Session], None]) -> None:
    """Fill the document of one page, whose link may hold a setting."""
    context = document.session_context
    request = context.request if isinstance(context, BokehSessionContext) else None
    query = {
        name: values[-1].decode(errors="replace") for name, values in (request.arguments if request else {}).items()
    }
    refused = ""
    try:
        setting = setting_from_query(query)
    except ArgumentError as error:
        setting, refused = Setting(), f"The link was not understood: {sentence(error)}"
    page = BokehPage(document)
    session = Session(page, jobs)
    opened(session)
    page.open(session, setting, refused)


def template_variables(setting: Setting, refused: str) -> dict[str, Any]:
    """Return what the template needs."""
    values = asdict(setting)
    groups = [(name, list(knobs)) for name, knobs in groupby(KNOBS.values(), key=lambda knob: knob.group)]
    heads = [
        {"kind": kind, "name": name, "colour": head_look(kind).colour, "dashes": head_look(kind).dashes}
        for kind, name in NAMES.items()
    ]
    limit = {"kind": LIMIT, "name": LIMIT_NAME, "colour": LIMIT_COLOUR, "dashes": []}
    knobs = {
        name: {"positions": knob.positions, "whole": knob.whole, "symbol": knob.symbol} for name, knob in KNOBS.items()
    }
    return {
        "groups": groups,
        "values": values,
        "heads": [limit, *heads],
        "gains": [
            {"name": name, "colour": GAIN_LOOKS[line].colour, "dashes": GAIN_LOOKS[line].dashes, "thin": thin}
            for line, name, thin in (
                ("snr", "in E<i>κ</i>²", False),
                ("error", "in the error of <i>w</i>⋆", False),
                ("linear", "in E<i>κ</i>², linear attention", False),
                ("many_tokens", "in E<i>κ</i>², many tokens", True),
            )
        ],
        "not_understood": refused,
        "knobs_json": json.dumps(knobs),
        "values_json": json.dumps(values),
        "style": (TEMPLATES / "explorer.css").read_text(encoding="utf-8"),
        "script": (TEMPLATES / "explorer.js").read_text(encoding="utf-8"),
    }
