"""The documentation: its examples run, nothing on it leads nowhere or asks the network, and nothing is left out."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from figures import FIGURES
from figures.documentation.__main__ import main
from figures.documentation.checkout import extract
from figures.documentation.command_help import help_text
from figures.documentation.figure_blocks import SECONDS
from figures.documentation.generated_text import BLOCK
from figures.documentation.links import LINKS
from figures.documentation.public_names import PACKAGES, documented, public_names
from numerics.verification.catalogue import CLAIMS
from tests.browser import BROWSER, MISSING, QUIET
from tests.console_examples import assert_prints
from theory.arguments import NotAvailableError
from theory.derivations import ENTRIES, derive

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "figures" / "documentation" / "pages"
TEXTS = {str(path.relative_to(PAGES)): path.read_text(encoding="utf-8") for path in sorted(PAGES.rglob("*.md"))}
FENCE = re.compile(r"(?m)^```(\w+)\n((?:.*\n)*?)```$")
EXCUSE = re.compile(r"(?m)^% not run by the tests: .+\n```(?:sh|console)\n(?:.*\n)*?```$")


# --- examples ---


def examples(text):
    """Return the kind and the content of every example that is to run."""
    return FENCE.findall(EXCUSE.sub("", text))


def with_python_of_the_readme(text):
    """Put in the Python that a page takes from the README: what follows uses its names.  Its commands run elsewhere."""

    def taken(block):
        parts = FENCE.finditer(extract(block[2].strip())) if block[1] == "readme" else ()
        return "\n".join(part[0] for part in parts if part[1] == "python") or block[0]

    return BLOCK.sub(taken, text)


@pytest.mark.parametrize("page", [page for page in TEXTS if examples(TEXTS[page])])
def test_a_page_does_what_it_shows_from_top_to_bottom(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for place, (kind, content) in enumerate(examples(with_python_of_the_readme(TEXTS[page]))):
        assert kind in ("python", "console")
        if kind == "console":
            command, _, shown = content.removeprefix("$ ").partition("\n")
            assert_prints(command, shown, capsys)
        else:
            example = doctest.DocTestParser().get_doctest(content, names, f"{page}, example {place + 1}", page, 0)
            assert example.examples, "a Python example is written with >>>"
            faults = []
            runner.run(example, out=faults.append, clear_globs=False)
            names = example.globs
            assert not faults, "".join(faults)


def test_every_how_to_page_has_an_example_or_shows_one_of_the_readme():
    for page, text in TEXTS.items():
        if page.startswith("how-to/"):
            assert examples(text) or "```{readme}" in text, page


# --- nothing is left out ---


def blocks(kind):
    return [match[2].strip() for text in TEXTS.values() for match in BLOCK.finditer(text) if match[1] == kind]


def test_every_claim_has_its_place_and_what_belongs_to_it():
    assert sorted(blocks("claim")) == sorted(claim.id for claim in CLAIMS)
    assert LINKS.keys() == {claim.id for claim in CLAIMS}
    assert {name for links in LINKS.values() for name in links.derivations} <= ENTRIES.keys()
    assert [name for links in LINKS.values() for name in links.code if not documented(name)] == []


def test_every_derivation_has_its_place():
    assert sorted(blocks("derivation")) == sorted(ENTRIES)


def test_what_computes_a_derived_formula_is_documented():
    counterparts = {derive(name).counterpart for name in ENTRIES} - {""}
    parts = {
        "theory.attention.two_kinds.two_kind_moments",
        "theory.descent.step_law.feature_law",
        "theory.known_prompt.discriminant.DiscriminantLaw",
        "theory.proportional.logistic.margins",
        "theory.proportional.max_margin._hinge",
    }
    assert {name for name in counterparts if not documented(name)} == parts


def test_every_figure_has_its_place_and_time():
    assert blocks("figures") == [""]
    assert SECONDS.keys() == FIGURES.keys()
    assert set(blocks("figure-of")) <= FIGURES.keys()


def test_every_command_has_its_help():
    listed = re.compile(r"(?m)^    ([a-z-]+)(?:  |$)")
    commands = {
        f"{package} {name}" for package in ("theory", "numerics") for name in listed.findall(help_text(package))
    }
    assert "theory derive" in commands
    assert sorted(blocks("help")) == sorted(commands | {"figures", "figures report", "figures.documentation"})


def test_every_module_is_on_one_page_of_the_reference():
    asked = [name for words in blocks("api") for name in words.split()]
    missing = [
        public.name
        for public in public_names()
        if not any(public.module == name or public.module.startswith(f"{name}.") for name in asked)
    ]
    assert missing == []


# --- the site ---


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the site as `make docs` does; a warning, such as a name that is not found, is an error."""
    results = tmp_path_factory.mktemp("results")
    done = subprocess.run(
        [sys.executable, "-m", "figures.documentation", "--results", str(results)],
        cwd=ROOT,
        env={**os.environ, "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == str(results / "docs" / "index.html")
    assert [path.name for path in results.iterdir()] == ["docs"]
    return results / "docs"


class Links(HTMLParser):
    """What a page refers to, and what can be referred to."""

    def __init__(self, path):
        super().__init__()
        self.fetched, self.followed, self.places = [], [], {""}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.places.add(given.get("id") or "")
        if tag == "a" and "href" in given:
            self.followed.append(given["href"])
        elif (tag == "link" and given.get("href")) or given.get("src"):
            self.fetched.append(given.get("src") or given["href"])


@pytest.fixture(scope="module")
def links(site):
    return {path: Links(path) for path in sorted(site.rglob("*.html"))}


def broken(links):
    """Yield every page and address that leads to no file of the site, or to no place of a page."""
    for page, found in links.items():
        for address in (*found.followed, *found.fetched):
            parts = urlsplit(address)
            if parts.scheme in ("https", "data"):
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            place = unquote(parts.fragment)
            if not target.is_file() or (target.suffix == ".html" and place not in links[target].places):
                yield page.name, address


def test_the_search_for_broken_links_finds_them(tmp_path):
    addresses = ("a.html", "a.html#there", "#there", "b.html", "a.html#elsewhere", "#nowhere", "https://example.org/x")
    text = "".join(f'<a href="{address}">x</a>' for address in addresses)
    page = tmp_path / "a.html"
    page.write_text(f'<p id="there">{text}<img src="gone.png"></p>', encoding="utf-8")
    found = [address for _, address in broken({page: Links(page)})]
    assert found == ["b.html", "a.html#elsewhere", "#nowhere", "gone.png"]


def test_no_link_leads_nowhere(links):
    assert list(broken(links)) == []
    assert len(links) > 35
    assert sum(len(found.followed) for found in links.values()) > 3000


FETCHED = re.compile(r"""(?:url\(|@import|src=|fetch\(|import\()\s*["']?(?:https?:)?//""")


@pytest.mark.parametrize(
    "text",
    ["a { b: url(https://x.org/y) }", '@import "//x.org/y"', "<script src='https://x.org/y'>", 'fetch("http://x.org")'],
)
def test_the_search_for_what_is_fetched_finds_it(text):
    assert FETCHED.search(text)


def test_no_page_fetches_anything_from_elsewhere(site, links):
    assert [address for found in links.values() for address in found.fetched if urlsplit(address).scheme] == []
    texts = [path for path in site.rglob("*") if path.suffix in (".html", ".css", ".js", ".svg")]
    assert [path for path in texts if FETCHED.search(path.read_text(encoding="utf-8"))] == []


def test_every_formula_is_mathml(site):
    text = (site / "theory" / "known-prompt.html").read_text(encoding="utf-8")
    assert text.count('<math display="block"') > 40
    assert "$$" not in text
    assert not [path for path in site.rglob("*") if "mathjax" in path.name.lower() or "katex" in path.name.lower()]


def test_every_public_name_has_an_entry(links):
    places = {place for found in links.values() for place in found.places}
    for package in PACKAGES:
        for word in sys.modules[package].__all__:
            assert documented(f"{package}.{word}") in places, f"{package}.{word}"


def test_the_links_of_the_readme_hold():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    addresses = re.findall(r"\]\(([^)]+)\)", text)
    assert [name for name in addresses if not name.startswith("https://") and not (ROOT / name).is_file()] == []
    assert "CONTRIBUTING.md" in addresses


@pytest.mark.slow
def test_a_fault_is_named_and_the_old_site_stays(tmp_path, monkeypatch, capfd):
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "index.md").write_text("# Title\n\n{py:obj}`theory.no_such_name`\n", encoding="utf-8")
    old = tmp_path / "results" / "docs" / "index.html"
    old.parent.mkdir(parents=True)
    old.write_text("old", encoding="utf-8")
    monkeypatch.setattr("figures.documentation.site.PAGES", pages)
    monkeypatch.setattr("figures.documentation.site.draw_pictures", Path.mkdir)
    assert main(["--results", str(tmp_path / "results")]) == 1
    assert "theory.no_such_name" in capfd.readouterr().err
    assert old.read_text(encoding="utf-8") == "old"
    assert [path.name for path in old.parents[1].iterdir()] == ["docs"]


def test_an_installed_package_says_what_it_lacks(tmp_path, monkeypatch):
    monkeypatch.setattr("figures.documentation.checkout.ROOT", tmp_path)
    with pytest.raises(
        NotAvailableError, match=r"^the documentation is built from a checkout, .*: run make docs there$"
    ):
        main(["--results", str(tmp_path)])


# --- in a browser ---

SEEN = [
    (1280, ("index",)),
    (390, ("theory/known-prompt", "how-to/own-theorem", "api/risk")),
    pytest.param(1280, ("model",), marks=pytest.mark.slow),
    pytest.param(390, ("model", "theory/real-data", "genindex"), marks=pytest.mark.slow),
]
"""Widths of a desk and a phone, and pages of each kind, among them those with the widest formulas, tables and code."""


BEYOND_THE_EDGE = """
() => {
  const scrolls = (node) => {
    for (let one = node.parentElement; one && one.tagName !== "ARTICLE"; one = one.parentElement)
      if (["auto", "scroll"].includes(getComputedStyle(one).overflowX)) return true;
    return false;
  };
  return Array.from(document.querySelectorAll("article, article *"))
    .filter(one => one.getBoundingClientRect().right > innerWidth + 1 && one.checkVisibility() && !scrolls(one))
    .map(one => one.outerHTML.slice(0, 80));
}
"""
"""What can be seen by scrolling the page sideways alone: the theme hides that it is too wide."""


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright, of the extra test, is not installed")
    if BROWSER is None:
        pytest.skip(MISSING)
    with playwright.sync_playwright() as driver:
        process = driver.chromium.launch(executable_path=BROWSER, args=list(QUIET))
        yield process
        process.close()


@pytest.mark.parametrize(("width", "pages"), SEEN)
def test_pages_work_without_a_network_at_a_desk_and_on_a_phone(site, browser, width, pages):
    context = browser.new_context(viewport={"width": width, "height": 800})
    wrong, outside = [], []
    for name in pages:
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: outside.append(request.url))
        page.goto((site / f"{name}.html").as_uri())
        page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true })")
        assert page.evaluate(BEYOND_THE_EDGE) == [], name
        assert page.locator("h1").first.is_visible()
        images = page.locator("article img")
        images.evaluate_all("all => Promise.all(all.map(one => one.decode()))")
        assert all(images.evaluate_all("all => all.map(one => one.naturalWidth > 0)"))
        heights = page.locator("article math").evaluate_all("all => all.map(one => one.getBoundingClientRect().height)")
        assert all(height > 5 for height in heights)
        page.close()
    assert wrong == []
    assert [url for url in outside if not url.startswith(("file:", "data:"))] == []
    context.close()


def test_the_search_finds_a_function_without_a_network(site, browser):
    page = browser.new_page()
    page.goto((site / "search.html").as_uri() + "?q=hard_attention_error")
    page.locator("#search-results a", has_text="hard_attention_error").first.wait_for(timeout=10_000)
    page.close()
