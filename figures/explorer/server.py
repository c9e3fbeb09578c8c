"""The server behind the page: on this machine only, until Ctrl-C or until the last page is closed."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
from contextlib import suppress
from functools import partial
from typing import Any

from bokeh.application import Application
from bokeh.application.handlers.function import FunctionHandler
from bokeh.server.server import Server

from figures.explorer.page import make_document
from figures.explorer.session import Session
from theory.arguments import ArgumentError
from theory.threads import THREAD_VARIABLES

ADDRESS = "127.0.0.1"
CLOSED_FOR = 5_000
"""Milliseconds after which a page without a connection counts as closed; one that is loaded again is back by then."""


class ExplorerServer:
    """Serves pages, each with a session of its own."""

    def __init__(self, port: int, jobs: int, *, stay: bool) -> None:
        """Take a port; 0 takes any that is free.

        Raises:
            ArgumentError: the port is taken.
        """
        # A worker process is one of several, and computes the same on any number of cores.
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
        # It warns of every answer that a page is too closed to hear.
        logging.getLogger("bokeh.server.views.ws").setLevel(logging.ERROR)
        self._sessions: list[Session] = []
        self._stay = stay
        application = Application(FunctionHandler(partial(make_document, jobs=jobs, opened=self._sessions.append)))
        settings: dict[str, Any] = {
            "address": ADDRESS,
            "port": port,
            "unused_session_lifetime_milliseconds": CLOSED_FOR,
            "check_unused_sessions_milliseconds": CLOSED_FOR // 5,
        }
        try:
            self._server = Server({"/": application}, **settings)
        except OSError:
            raise ArgumentError("--port", "be free", port) from None
        # What was imported stays: to look through it for garbage, again and again, takes a tenth of a second of a move.
        gc.freeze()
        self.url = f"http://{ADDRESS}:{self._server.port}/"

    def run(self, *, browser: bool) -> None:
        """Serve until Ctrl-C, a signal to end, or the last page is closed."""
        loop = self._server.io_loop
        self._server.start()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: loop.add_callback(loop.stop))
        if browser:
            loop.add_callback(self._server.show, "/")
        if not self._stay:
            self._watch()
        # A Ctrl-C that comes while a process starts is held until then, and raised.
        with suppress(KeyboardInterrupt):
            loop.start()
        self.close()

    def _watch(self) -> None:
        """Stop when the last page has been closed."""
        if self._sessions and not self._server.get_sessions():
            print("the page was closed", file=sys.stderr)
            self._server.io_loop.stop()
        else:
            self._server.io_loop.call_later(0.5, self._watch)

    def close(self) -> None:
        """End all sessions and what they compute."""
        for session in self._sessions:
            session.close()
        self._server.stop()
