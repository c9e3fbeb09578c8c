"""The report in a real browser: what a reader sees and can do, at a desk, on a phone and on paper."""

from __future__ import annotations

import pytest

from figures import report
from figures.report import write_report
from tests.browser import BROWSER, NAMES, QUIET
from tests.verification_example import CLAIMS, HOSTILE, PNG, example, write_example

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (the extra test has it)")

pytestmark = pytest.mark.skipif(
    BROWSER is None, reason=f"no {', '.join(NAMES)} is on the PATH, and CHROMIUM names no browser"
)

CHECKS = example()["checks"]


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        process = driver.chromium.launch(executable_path=BROWSER, args=list(QUIET))
        yield process
        process.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    results = tmp_path_factory.mktemp("results")
    write_example(results)
    (results / "figures").mkdir()
    for name in ("double-descent", "heads", "hard-attention-draft"):
        (results / "figures" / f"{name}.png").write_bytes(PNG)
    with pytest.MonkeyPatch.context() as patch:
        # To derive all takes a while; this one has a wide formula.
        patch.setattr(report, "SHOWN", ("prompt-step-overlap",))
        return write_report(results).path.as_uri()


@pytest.fixture
def page(browser, address):
    """Open the report at a desk; nothing may go wrong or be fetched while a test looks at it."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(10_000)
    wrong, fetched = [], []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: fetched.append(request.url))
    page.goto(address)
    yield page
    page.close()
    assert wrong == []
    assert [url for url in fetched if not url.startswith("data:")] == [address]


def column(page, number):
    """Return what a column shows, of the rows that can be seen, from top to bottom."""
    rows = page.locator("#table-of-checks tbody tr:visible")
    return rows.evaluate_all(f"rows => rows.map(row => row.cells[{number}].innerText.trim())")


def orders(page):
    heads = page.locator("#table-of-checks thead th")
    return heads.evaluate_all("heads => heads.map(head => head.getAttribute('aria-sort'))")


# --- at a desk ---


def test_what_means_harm_is_shown_and_not_done(page):
    assert page.title() == "Verification of the theory of prompt-attention: 38 of 41 checks hold"
    assert page.get_by_role("heading", name=f"Hostile {HOSTILE}", level=3, exact=True).is_visible()


def test_a_column_is_sorted_up_then_down_then_as_it_was(page):
    numbers = [check["simulated"] for check in CHECKS]
    known = sorted(number for number in numbers if number is not None)
    before = column(page, 4)
    head = page.locator("#table-of-checks thead button", has_text="Simulated")
    keys = "rows => rows.map(row => row.cells[4].dataset.sort)"
    rows = page.locator("#table-of-checks tbody tr")
    assert orders(page) == ["none"] * 13
    head.click()
    assert orders(page) == [*["none"] * 4, "ascending", *["none"] * 8]
    assert [float(text) for text in rows.evaluate_all(keys)[:-1]] == known
    head.click()
    assert orders(page)[4] == "descending"
    # What has no number is last in either direction.
    assert [float(text) for text in rows.evaluate_all(keys)[:-1]] == known[::-1]
    assert column(page, 4)[-1] == "–"
    head.click()
    assert orders(page) == ["none"] * 13
    assert column(page, 4) == before


def test_sorting_by_another_column_by_the_keyboard_takes_over(page):
    page.get_by_role("button", name="Setting", exact=True).press("Enter")
    assert orders(page)[2] == "ascending"
    page.get_by_role("button", name="Verdict", exact=True).press("Space")
    assert orders(page) == ["ascending", *["none"] * 12]
    # The gravest first.
    assert [text.split()[-1] for text in column(page, 0)][:4] == ["refuted", "undecided", "undecided", "holds"]


def test_filters_hide_rows_and_count_what_is_left(page):
    count = page.locator("#count")
    assert count.inner_text() == f"{len(CHECKS)} of {len(CHECKS)} checks"
    page.get_by_label("Verdict", exact=True).select_option("refuted")
    assert column(page, 2) == ["n = 20, tokens"]
    assert count.inner_text() == f"1 of {len(CHECKS)} checks"
    page.get_by_label("Verdict", exact=True).select_option("all")
    search = page.get_by_label("Words of the claim or setting")
    search.fill("MINIMUM norm  n = 42")
    # All words must be there: of the statement, and of the setting.
    assert column(page, 2) == ["n = 42, tokens", "n = 42, scores", "n = 42, overlap"]
    assert count.inner_text() == f"3 of {len(CHECKS)} checks"
    page.get_by_label("Verdict", exact=True).select_option("undecided")
    assert column(page, 2) == []
    assert count.inner_text() == f"0 of {len(CHECKS)} checks"
    search.fill("")
    search.press("Enter")
    assert len(column(page, 2)) == 2


def test_every_figure_and_formula_takes_room(page):
    page.locator(".derivation details").evaluate_all("all => all.forEach(one => { one.open = true })")
    assert (
        page.locator("img").evaluate_all("all => all.map(one => [one.naturalWidth, one.naturalHeight])") == [[3, 2]] * 3
    )
    sizes = page.locator("math, math *:not(mspace):not(mrow:empty)").evaluate_all(
        "all => all.map(one => { const box = one.getBoundingClientRect(); return [box.width, box.height] })"
    )
    formulas = page.locator(".claim math").evaluate_all("all => all.map(one => one.getBoundingClientRect().width)")
    assert len(formulas) == len(CLAIMS)
    assert min(formulas[:6]) > 80
    assert all(width > 0 and height > 0 for width, height in sizes)
    plots = page.locator("svg[role=img]").evaluate_all("all => all.map(one => one.getBoundingClientRect().width)")
    assert min(plots) > 300


def test_labels_and_numbers_of_a_picture_do_not_overlap(page):
    overlaps = page.locator("svg[role=img]").evaluate_all(
        """pictures => pictures.flatMap(picture => {
            const boxes = Array.from(picture.querySelectorAll("text"), one => one.getBoundingClientRect());
            return boxes.flatMap((a, i) => boxes.slice(i + 1).filter(b =>
                a.left < b.right && b.left < a.right && a.top + 1 < b.bottom && b.top + 1 < a.bottom));
        }).length"""
    )
    assert overlaps == 0


def test_the_first_key_leads_past_the_navigation(page):
    page.keyboard.press("Tab")
    skip = page.locator(":focus")
    assert skip.inner_text() == "Skip to the content"
    assert skip.bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#content"


CONTRASTS = """
() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const linear = (one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) =>
    0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const ground = (node) => {
    for (let one = node; one; one = one.parentElement) {
      const colour = channels(getComputedStyle(one).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const worst = {};
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !node.checkVisibility() || node.closest("script")) continue;
    const style = getComputedStyle(node);
    const ink = channels(node.closest("svg") ? style.fill : style.color);
    const [light, dark] = [luminance(ink), luminance(ground(node))].sort((a, b) => b - a);
    worst[`${ink} on ${ground(node)}`] = (light + 0.05) / (dark + 0.05);
  }
  return worst;
}
"""


def test_all_text_that_is_seen_has_enough_contrast(page):
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) >= 8
    assert {pair: ratio for pair, ratio in contrasts.items() if ratio < 4.5} == {}


# --- on a phone ---


def test_on_a_phone_nothing_makes_the_page_scroll_sideways(page):
    page.set_viewport_size({"width": 360, "height": 740})
    page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    # The wide table moves inside its own box.
    box = page.get_by_role("region", name="Table of checks", exact=True)
    box = box.locator("#table-of-checks").locator("..")
    inside, width = box.evaluate("one => [one.scrollWidth, one.clientWidth]")
    assert inside > width > 300
    # Letters of the pictures are as large as they are drawn, or nearly.
    assert page.locator("svg[role=img]").first.evaluate("one => one.getBoundingClientRect().width") > 0.9 * 340


# --- on paper ---


def test_on_paper_all_rows_are_there_and_no_control_is(page):
    page.get_by_label("Verdict", exact=True).select_option("refuted")
    assert len(column(page, 0)) == 1
    page.emulate_media(media="print")
    assert len(column(page, 0)) == len(CHECKS)
    assert page.locator("#controls").is_hidden()
    assert page.get_by_role("navigation").count() == 0
    assert len(page.pdf(prefer_css_page_size=True)) > 50_000


def test_without_scripts_the_page_shows_everything(browser, address):
    page = browser.new_page(java_script_enabled=False)
    page.goto(address)
    assert page.locator("#table-of-checks tbody tr:visible").count() == len(CHECKS)
    assert page.locator("#controls").is_hidden()
    page.close()
