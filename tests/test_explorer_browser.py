"""The explorer in a real browser: one server and one page for most tests, offline, by mouse, keys and on a phone."""

from __future__ import annotations

import csv
import json
import re
import shlex
import signal

import numpy as np
import pytest
from numpy.testing import assert_allclose

import theory.__main__
from figures.explorer.knobs import KNOBS
from figures.explorer.setting import Setting, setting_from_file
from tests.browser import BROWSER, MISSING, QUIET
from tests.explorer_server import Server

pytest.importorskip("bokeh", reason="Bokeh is not installed (the extra explore has it)")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (the extra test has it)")
pytestmark = pytest.mark.skipif(BROWSER is None, reason=MISSING)

START = Setting(tokens=4, relevant_tokens=1, dimension=11, samples=30, noise_kind="prompt-orthogonal", repetitions=20)
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        process = driver.chromium.launch(executable_path=BROWSER, args=list(QUIET))
        yield process
        process.close()


@pytest.fixture(scope="module")
def server():
    with Server("--stay") as server:
        yield server
        server.process.send_signal(signal.SIGINT)
        # Ctrl-C is how one leaves: no error, no traceback.
        assert server.ended() == (0, "")


@pytest.fixture(scope="module")
def opened(browser, server):
    """Open the page once; whatever is asked of another host is refused, and told."""
    page = browser.new_page(viewport=DESK)
    page.set_default_timeout(20_000)
    page.wrong, page.elsewhere = [], []
    page.on(
        "console", lambda message: page.wrong.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: page.wrong.append(str(error)))

    def only_here(route):
        if route.request.url.startswith((server.url, "data:", "blob:")):
            route.continue_()
        else:
            page.elsewhere.append(route.request.url)
            route.abort()

    page.route("**/*", only_here)
    go(page, server.url)
    yield page
    page.close()


@pytest.fixture
def page(opened, tmp_path):
    """The page at a desk with a small setting; nothing may go wrong, or be fetched elsewhere, while a test looks."""
    opened.set_viewport_size(DESK)
    file = tmp_path / "start.json"
    file.write_text(START.file, encoding="utf-8")
    before = moves(opened)
    opened.set_input_files("#load", file)
    opened.wait_for_function(f"window.explorer.moves.length > {before}")
    yield opened
    assert (opened.wrong, opened.elsewhere) == ([], [])


def go(page, url):
    page.goto(url)
    page.wait_for_function("document.documentElement.dataset.ready === 'yes'")


def data(page, name):
    """Return the columns of the data that a plot draws."""
    return page.evaluate(
        """name => {
            const columns = Bokeh.documents[0].get_model_by_name(name).data;
            return Object.fromEntries(Object.entries(columns).map(([key, values]) =>
                [key, Array.from(values, one => typeof one === "object" && one !== null ? Array.from(one) : one)]));
        }""",
        name,
    )


def curve(page, head):
    """Return the line of a head."""
    lines = data(page, "error-lines")
    place = lines["head"].index(head)
    return np.array([lines["x"][place], lines["y"][place]])


def moves(page):
    return page.evaluate("window.explorer.moves.length")


def press(page, knob, key, times=1):
    """Press a key on a slider, and wait until the picture has changed."""
    page.focus(f"#{knob}")
    for _ in range(times):
        before = moves(page)
        page.keyboard.press(key)
        page.wait_for_function(f"window.explorer.moves.length > {before}")


def final(page):
    page.wait_for_function("!document.body.classList.contains('draft')")


def number_in(text):
    return float(re.search(r"[-\d.e]+", text)[0])


# --- at a desk ---


def test_a_slider_moves_the_curve_the_marker_and_the_link(page):
    before, picture = curve(page, "averaging"), page.locator("#panel-error .plot").screenshot()
    press(page, "context_norm", "ArrowRight", 3)
    assert page.input_value("#context_norm-number") == "1.65"
    after = curve(page, "averaging")
    assert after.shape != before.shape or not np.allclose(after, before)
    assert page.locator("#panel-error .plot").screenshot() != picture
    press(page, "samples", "ArrowRight")
    assert data(page, "error-here")["x"] == [float(page.input_value("#samples-number"))]
    assert "context_norm=1.65" in page.url
    press(page, "inverse_temperature", "ArrowLeft", 2)
    assert data(page, "gain-here")["x"] == [0.4]


def test_the_link_restores_the_setting(page):
    page.select_option("#kind", "ridge")
    page.fill("#ridge-number", "0.37")
    page.wait_for_function("location.search.includes('ridge=0.37')")
    link, shown = page.url, curve(page, "ridge")
    go(page, link)
    assert page.input_value("#kind") == "ridge"
    assert page.input_value("#ridge-number") == "0.37"
    assert_allclose(curve(page, "ridge"), shown)


def test_the_texts_on_the_page_give_the_numbers_on_it(page, capsys):
    final(page)
    shown, bound = page.inner_text("#error"), page.inner_text("#bound")
    assert bound.startswith("numerical error at most")
    predict, simulate = page.inner_text("#command").splitlines()
    assert predict.startswith("python -m theory ")
    assert theory.__main__.main([*shlex.split(predict)[3:], "--json"]) == 0
    prediction = json.loads(capsys.readouterr().out)
    assert_allclose(number_in(shown), prediction["error"], rtol=1e-5)  # six digits are shown
    assert page.inner_text("#regime") == prediction["regime"]
    assert page.inner_text("#source") == prediction["source"]
    page.click("#simulate")
    page.wait_for_function("document.getElementById('simulation-text').textContent === 'Done.'")
    points = data(page, "error-points")
    place = points["x"].index(30)
    exec(page.inner_text("#python"), {})
    first, second = capsys.readouterr().out.splitlines()
    assert float(first.split()[0]) == prediction["error"]
    assert_allclose(points["y"][place], float(second.split()[0]), rtol=1e-12)
    low, high = re.findall(r"[\d.]+(?=[,)])", second.split("(", 1)[1])[-2:]
    assert_allclose([points["low"][place], points["high"][place]], [float(low), float(high)], rtol=1e-9)
    assert len(points["x"]) == 5
    assert "20 training sets, seed 0, scores" in page.inner_text("#simulated")
    assert f"--repetitions 20 --seed {0}" in simulate
    # Points of one setting never stand on the curve of another.
    press(page, "noise", "ArrowLeft")
    assert data(page, "error-points")["x"] == []
    assert page.inner_text("#points-note") == "5 simulated points of other settings are kept, and hidden here."
    press(page, "noise", "ArrowRight")
    assert len(data(page, "error-points")["x"]) == 5


def saved(page, suffix, folder):
    with page.expect_download() as download:
        page.click(f"[data-save={suffix}]")
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_picture_data_and_setting_are_saved_and_the_setting_is_loaded_again(page, tmp_path):
    assert saved(page, "svg", tmp_path).read_text(encoding="utf-8").count("<path") > 20
    assert saved(page, "png", tmp_path).read_bytes().startswith(b"\x89PNG")
    lines = saved(page, "csv", tmp_path).read_text(encoding="utf-8").splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    assert sum(row["series"] == "simulated averaging" for row in rows) == len(data(page, "error-points")["x"])
    file = saved(page, "json", tmp_path)
    setting = setting_from_file(file.read_text(encoding="utf-8"))
    assert setting.tokens == 4
    press(page, "tokens", "ArrowRight")
    page.set_input_files("#load", file)
    page.wait_for_function("document.getElementById('tokens-number').value === '4'")
    assert page.inner_text("#loaded") == "Loaded."
    file.write_text(file.read_text(encoding="utf-8").replace('"tokens": 4', '"tokens": "all"'), encoding="utf-8")
    page.set_input_files("#load", file)
    page.wait_for_function("document.getElementById('loaded').textContent.startsWith('Tokens T must be')")


def test_an_impossible_setting_says_why_and_shows_no_picture(page):
    page.fill("#relevant_tokens-number", "7")
    page.wait_for_selector("#refused:not(:empty)")
    assert page.inner_text("#refused") == "Relevant tokens R must be at most tokens = 4, got 7."
    assert not page.is_visible(".panels")
    page.fill("#relevant_tokens-number", "1")
    page.wait_for_selector(".panels", state="visible")
    assert page.inner_text("#refused") == ""
    page.select_option("#attention", "linear")
    page.wait_for_selector("#refused-attention:not(:empty)")
    assert page.inner_text("#refused-attention").startswith("Linear attention gives weights of either sign")
    page.select_option("#attention", "softmax")
    page.wait_for_selector("#refused-attention", state="hidden")


def test_another_sequence_is_drawn_by_a_button(page):
    before = data(page, "sequence-tokens")
    page.click("#another")
    page.wait_for_function("document.getElementById('note-sequence').textContent.startsWith('Sequence 2 ')")
    after = data(page, "sequence-tokens")
    assert sorted(after["kind"]) == sorted(before["kind"])
    assert after["score"] != before["score"]
    assert_allclose(sum(after["weight"]), 1.0)


def test_of_a_drag_only_what_can_be_shown_is_computed_and_the_last_is_right(page):
    before = moves(page)
    page.evaluate(
        """async () => {
            const slider = document.getElementById("signal_norm");
            for (let place = 0; place <= 60; place++) {
                slider.value = place;
                slider.dispatchEvent(new Event("input"));
                await new Promise(done => setTimeout(done, 5));
            }
        }"""
    )
    page.wait_for_function("location.search.includes('signal_norm=3')")
    assert page.input_value("#signal_norm-number") == "3"
    assert 1 <= moves(page) - before < 40
    page.wait_for_timeout(50)
    assert "signal_norm=3.0" in page.inner_text("#python")


# --- by keys alone ---


def test_every_control_has_a_label_and_is_reached_by_the_tab_key(page):
    unlabelled = page.evaluate(
        """Array.from(document.querySelectorAll("input, select"))
            .filter(one => one.checkVisibility() && !one.labels.length && !one.getAttribute("aria-label"))
            .map(one => one.id)"""
    )
    assert unlabelled == []
    page.focus(".skip")
    reached = []
    for _ in range(80):
        page.keyboard.press("Tab")
        name = page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()")
        if page.evaluate("document.activeElement === document.body"):
            break
        reached.append(name)
    ranges = {name for name, knob in KNOBS.items() if name != "ridge"}
    assert ranges <= set(reached)
    assert {"another", "simulate", "Copy", "Picture, SVG", "Data, CSV", "Setting, JSON", "load"} <= set(reached)
    page.focus("#kind")
    page.keyboard.type("least")
    page.wait_for_function("document.getElementById('source').textContent.includes('least squares')")


# --- on a phone ---


def test_on_a_phone_nothing_scrolls_sideways_and_the_curve_stays_in_sight(page):
    page.set_viewport_size(PHONE)
    page.wait_for_timeout(200)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    wide = page.evaluate(
        """Array.from(document.querySelectorAll("main *")).filter(one => {
            const box = one.getBoundingClientRect();
            return box.width && (box.right > innerWidth + 1 || box.left < -1);
        }).map(one => one.id || one.tagName)"""
    )
    assert wide == []
    page.locator("#inverse_temperature").scroll_into_view_if_needed()
    plot, slider = page.locator("#panel-error .plot"), page.locator("#inverse_temperature")
    assert plot.bounding_box()["y"] >= -60
    # A thumb finds it, and it is not hidden behind the curve.
    assert slider.bounding_box()["height"] >= 30
    press(page, "inverse_temperature", "ArrowRight")
    assert data(page, "gain-here")["x"] == [float(page.input_value("#inverse_temperature-number"))]


# --- how it ends ---


@pytest.mark.slow
def test_a_link_that_is_no_setting_says_so(browser, server):
    page = browser.new_page()
    go(page, f"{server.url}?tokens=-3")
    assert page.inner_text("#refused") == (
        "The link was not understood: Tokens T must be a whole number from 1 to 512, got -3.0."
    )
    assert page.input_value("#tokens-number") == "16"
    page.close()


@pytest.mark.slow
def test_a_page_that_lost_its_connection_is_whole_again(browser):
    """Bokeh would ask for its document anew, in which nothing is drawn, or fail to."""
    page = browser.new_page()
    page.add_init_script(
        """const Socket = WebSocket;
        window.sockets = [];
        window.WebSocket = class extends Socket { constructor(...all) { super(...all); sockets.push(this); } };"""
    )
    with Server("--stay") as server:
        go(page, f"{server.url}?tokens=4&noise=0.5")
        with page.expect_navigation():
            page.evaluate("window.sockets[0].close()")
        page.wait_for_function("document.documentElement.dataset.ready === 'yes'")
        press(page, "samples", "ArrowRight")
        assert page.input_value("#noise-number") == "0.5"
        assert data(page, "error-lines")["head"] == ["limit", "least-squares", "averaging"]
        page.close()


@pytest.mark.slow
def test_the_server_ends_when_its_last_page_is_closed(browser):
    page = browser.new_page()
    with Server() as server:
        go(page, server.url)
        page.click("#simulate")
        page.wait_for_timeout(500)
        page.close()
        assert server.ended() == (0, "the page was closed\n")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_server_and_all_its_processes_in_the_midst_of_work(browser, number):
    page = browser.new_page()
    with Server("--stay") as server:
        go(page, f"{server.url}?repetitions=100000&kind=logistic")
        page.click("#simulate")
        page.wait_for_timeout(3000)
        server.process.send_signal(number)
        assert server.ended() == (0, "")
    page.close()


@pytest.mark.slow
def test_a_move_is_answered_fast_for_every_head(browser, server):
    """How long a move takes is printed; a loaded machine may take a second, a queue of stale work would take more."""
    page = browser.new_page(viewport=DESK)
    for kind in ("averaging", "weighted-averaging", "least-squares", "ridge", "logistic", "max-margin"):
        go(page, f"{server.url}?kind={kind}&tokens=64&relevant_tokens=8")
        for knob in ("context_norm", "inverse_temperature", "samples", "noise", "dimension"):
            press(page, knob, "ArrowRight", 4)
        times = page.evaluate("window.explorer.moves")
        print(f"{kind}: median {np.median(times):.0f} ms, worst {max(times):.0f} ms of {len(times)} moves")
        assert np.median(times) < 1000
    page.close()
