"""The explorer's server, without a browser: what it sends needs no other host, and Ctrl-C ends it."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from urllib.request import urlopen

import pytest

from figures.explorer.setting import Setting
from figures.explorer.shown import drafted, finer
from tests.explorer_server import ROOT, Server

pytest.importorskip("bokeh", reason="Bokeh is not installed (the extra explore has it)")


def fetched(url):
    with urlopen(url) as answer:
        return answer.read().decode()


def test_the_page_names_no_other_host_takes_no_markup_and_ctrl_c_ends_the_server():
    with Server() as server:
        page = fetched(f"{server.url}?tokens=33&kind=ridge")
        assert '<input type="range" id="tokens"' in page
        assert 'max="512" step="1" value="33"' in page
        assert "<option selected>ridge</option>" in page
        loaded = re.findall(r'(?:src|href)="([^"#]+)"', page)
        assert len(loaded) >= 3
        assert [one for one in loaded if not one.startswith(("/static/", "static/", "data:"))] == []
        page = fetched(f"{server.url}?kind=%3Cscript%3Ealert(1)%3C/script%3E")
        assert "<script>alert" not in page
        assert "The link was not understood: Head must be one of" in page
        server.process.send_signal(signal.SIGINT)
        assert server.ended() == (0, "")


@pytest.mark.slow
def test_a_port_that_is_taken_is_refused():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "figures", "explore", "--no-browser", "--port", port]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"python -m figures: --port must be free, got {port}\n"


def test_only_what_changes_is_sent_and_nothing_is_lost_before_the_page_listens():
    from figures.explorer.error_plot import ErrorPlot
    from figures.explorer.page import merged

    plot, setting = ErrorPlot(), Setting(kind="max-margin", samples=110, dimension=6)
    shown = drafted(setting)
    plot.show(shown)
    first = plot.taken_changes()
    # Of n = 22 p separable data there is next to no max-margin head: NaN is null in JSON.
    assert None in first[plot._nodes.id]["data"]["y"]
    json.dumps(first, allow_nan=False)
    plot.show(finer(shown))
    assert plot.taken_changes() == {}
    plot.show(drafted(replace(setting, samples=109)))
    second = plot.taken_changes()
    assert second[plot._line_here.id] == {"location": 109}
    assert plot.model.x_range.id not in second
    both = merged({"models": first, "texts": {"a": "1", "b": "2"}}, {"models": second, "texts": {"b": "3"}})
    assert both["texts"] == {"a": "1", "b": "3"}
    assert both["models"][plot._line_here.id] == {"location": 109}
    assert both["models"][plot.model.x_range.id] == first[plot.model.x_range.id]
