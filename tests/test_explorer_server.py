"""The explorer's server, without a browser: what it sends needs no other host, and Ctrl-C ends it."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from urllib.request import urlopen

import pytest

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
