"""The report as a document: its structure, its words, what it refuses, and that nothing of its input becomes markup."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from figures import FIGURES, report
from figures import __main__ as command
from figures.report import _picture, page, write_report
from figures.verification_record import read_record
from tests.test_house import setup_cfg
from tests.verification_example import CLAIMS, HOSTILE, PNG, example, write_example
from theory.arguments import ArgumentError
from theory.command_line import run

ROOT = Path(__file__).parents[1]
VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}


class Document(HTMLParser):
    """A page as lists of (tag, attributes, text inside), every element closed by its own end tag."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self._open = [], []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        names = [name for name, _ in attributes]
        assert len(names) == len(set(names))
        element = (tag, dict(attributes), [])
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes), []))

    def handle_endtag(self, tag):
        assert self._open.pop()[0] == tag

    def handle_data(self, data):
        for _, _, text in self._open:
            text.append(data)

    def all(self, *tags, **wanted):
        """Return the attributes and text of every element of these tags with these attributes."""
        wanted = {name.rstrip("_"): value for name, value in wanted.items()}
        return [
            (attributes, " ".join("".join(text).split()))
            for tag, attributes, text in self.elements
            if tag in tags and wanted.items() <= attributes.items()
        ]


DERIVED = ("best-temperature", "ridge-overlap")


@pytest.fixture(scope="module", autouse=True)
def few_derivations():
    """Let the page show two: to derive all takes a while."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "SHOWN", DERIVED)
        yield


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    write_example(folder)
    (folder / "figures").mkdir()
    for stem in ("double-descent", "heads-draft", "not-a-figure"):
        (folder / "figures" / f"{stem}.png").write_bytes(PNG)
    return folder


@pytest.fixture(scope="module")
def text(results):
    return write_report(results).path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def document(text):
    return Document(text)


# --- structure ---


def test_the_page_is_html_in_english_for_any_width(text, document):
    assert text.startswith("<!DOCTYPE html>\n")
    assert document.all("html", lang="en")
    assert document.all("meta", name="viewport")[0][0]["content"] == "width=device-width, initial-scale=1"
    assert document.all("meta", charset="utf-8")


def test_headings_are_in_order_below_a_single_first(document):
    levels = [int(tag[1]) for tag, _, _ in document.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= former + 1 for former, later in pairwise(levels))
    assert levels.count(3) == len(CLAIMS) + len(DERIVED) + 2


def test_every_name_is_there_once_and_every_reference_finds_its_own(document):
    names = [attributes["id"] for _, attributes, _ in document.elements if "id" in attributes]
    assert len(names) == len(set(names))
    used = [attributes["href"][1:] for attributes, _ in document.all("a")]
    used += [attributes["aria-labelledby"] for _, attributes, _ in document.elements if "aria-labelledby" in attributes]
    assert set(used) <= set(names)
    # The first link leads past the others.
    assert used[0] == "content"
    assert document.all("main", id="content")


def test_every_picture_says_what_it_shows(document):
    assert all(len(attributes["alt"]) > 20 for attributes, _ in document.all("img"))
    pictures = [attributes for attributes, _ in document.all("svg") if attributes.get("aria-hidden") != "true"]
    assert {attributes["role"] for attributes in pictures} == {"img"}
    assert all(" checks: " in attributes["aria-label"] for attributes in pictures)
    # Two for each claim that was checked.
    assert len(pictures) == 2 * (len(CLAIMS) - 1)


def test_every_control_has_a_label(document):
    labels = {attributes["for"]: words for attributes, words in document.all("label")}
    assert [labels[attributes["id"]] for attributes, _ in document.all("input", "select")] == [
        "Verdict",
        "Words of the claim or setting",
    ]


def test_nothing_is_fetched_from_anywhere(text, document):
    for tag, attributes, _ in document.elements:
        for name in ("src", "href", "action", "data", "poster", "srcset", "xlink:href", "formaction", "background"):
            address = attributes.get(name, "")
            assert not address or address.startswith("#" if tag == "a" else "data:")
    assert not re.search(r"https?://", re.sub(r'xmlns(:\w+)?="[^"]*"', "", text))
    assert not re.search(r"@import|url\(", text)
    (policy,) = (attributes["content"] for attributes, _ in document.all("meta") if "http-equiv" in attributes)
    assert "default-src 'none'; img-src data:;" in policy
    assert not {name for _, attributes, _ in document.elements for name in attributes if name.startswith("on")}


# --- content ---


def test_the_verdicts_are_counted_and_the_guarantee_is_given(document):
    ((_, counts),) = document.all("ul", class_="counts")
    assert counts == "38 hold ✓ 1 refuted ✗ 2 undecided ?"
    ((_, guarantee),) = document.all("p", class_="guarantee")
    assert guarantee == (
        "7 claims of the theory were checked at 41 settings in all. "
        "A true theory is refuted anywhere with probability at most 10⁻⁶."
    )


def test_every_claim_stands_there_in_words_and_as_a_formula(document):
    articles = document.all("article", class_="claim")
    formulas = document.all("math")[: len(CLAIMS)]
    assert len(articles) == len(formulas) == len(CLAIMS)
    for (_, words), (shown, _), claim in zip(articles, formulas, CLAIMS, strict=True):
        for field in ("title", "statement", "source", "id"):
            assert " ".join(claim[field].split()) in words
        assert shown["alttext"] == claim["latex"]
    assert "This run did not check it." in articles[-2][1]


def test_every_check_is_a_row_of_the_table(document):
    rows = document.all("tr")
    rows = [words for attributes, words in rows if "data-verdict" in attributes]
    checks = example()["checks"]
    assert len(rows) == len(checks)
    assert rows[12] == (
        "✗ refuted Least squares with a known prompt n = 20, tokens = 0.45781 0.46926 0.00096 0.46738 to 0.47114 "
        "4.8 × 10⁻³² 23 2.0 % 2.1 × 10⁻⁸ 60,000 1.25 s"
    )
    # Nulls are dashes, and zeros are not.
    assert rows[-1].endswith("nothing simulated = 0.250000 – – – to – – – – 2.1 × 10⁻⁸ 0 –")
    assert "≥ 0.28700" in rows[21]
    assert "= 0.32146 ± 0.00040" in rows[18]
    assert "17 dropped" in rows[25]


def test_the_run_is_described(document):
    ((_, words),) = document.all("dl", class_="run")
    for said in ("2026-11-25, 03:00 UTC", "2 min 3 s", "54 computed, 3 taken", "3.11.7", "2.4.6", "at most 10⁻⁶"):
        assert said in words


def test_figures_are_those_that_are_drawn_and_drafts_say_so(document):
    pictures = document.all("img")
    names = ("double-descent", "heads")
    assert [attributes["alt"] for attributes, _ in pictures] == [FIGURES[name].description for name in names]
    for attributes, _ in pictures:
        kind, data = attributes["src"].split(",")
        assert kind == "data:image/png;base64"
        assert base64.b64decode(data) == PNG
        assert (attributes["width"], attributes["height"]) == ("3", "2")
    assert [words for _, words in document.all("h3")][-2:] == ["Double descent", "Heads (a draft)"]


def test_a_figure_is_preferred_to_its_draft(tmp_path):
    for stem in ("heads", "heads-draft"):
        (tmp_path / f"{stem}.png").write_bytes(PNG)
    assert _picture("heads", "All.", tmp_path).stem == "heads"


def test_without_figures_the_page_says_how_they_are_drawn(results):
    document = Document(page(read_record(results), []))
    assert "None is drawn yet: python -m figures draws them." in document.all("main")[0][1]


def test_a_run_that_checked_nothing_has_a_page(tmp_path):
    content = {**example(), "claims": [], "checks": []}
    write_example(tmp_path, content)
    document = Document(write_report(tmp_path).path.read_text(encoding="utf-8"))
    assert document.all("ul", class_="counts")[0][1] == "0 hold ✓ 0 refuted ✗ 0 undecided ?"


# --- what is put in stays text ---


def test_hostile_text_stays_text(text, document):
    assert len(document.all("script")) == 1
    assert not document.all("b", "iframe", "object", "embed")
    assert HOSTILE not in text
    assert "{{ 7 * 7 }}" in document.all("main")[0][1]
    (row,) = [words for attributes, words in document.all("tr") if HOSTILE in attributes.get("data-text", "")][:1]
    assert HOSTILE in row


def test_the_only_script_that_may_run_is_the_page_s_own(text):
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)[1]
    assert script == (ROOT / "figures" / "templates" / "report.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in text


# --- the same input, the same page ---


def test_the_page_depends_on_its_input_alone(results, tmp_path):
    write_example(tmp_path)
    (tmp_path / "figures").mkdir()
    for path in (results / "figures").iterdir():
        (tmp_path / "figures" / path.name).write_bytes(path.read_bytes())
    pages = [write_report(folder).path.read_bytes() for folder in (results, results, tmp_path)]
    assert pages[0] == pages[1] == pages[2]


# --- colours ---


def luminance(colour):
    """Return the relative luminance of a colour such as #0072b2 (WCAG 2.2)."""
    channels = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


COLOURS = dict(
    re.findall(r"--([\w-]+): (#\w{6});", (ROOT / "figures/templates/report.css").read_text(encoding="utf-8"))
)


def test_contrast_is_computed_as_the_standard_has_it():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    # The lightest grey that passes on white, and the next one, as every table of them says.
    assert contrast("#767676", "#ffffff") > 4.5 > contrast("#777777", "#ffffff")


@pytest.mark.parametrize("paper", ["paper", "sheet"])
@pytest.mark.parametrize("ink", ["ink", "quiet", "link", "holds", "refuted", "undecided"])
def test_text_is_readable_on_its_paper(ink, paper):
    assert contrast(COLOURS[ink], COLOURS[paper]) >= 4.5


@pytest.mark.parametrize("verdict", ["holds", "refuted", "undecided"])
def test_a_verdict_is_readable_on_its_own_ground(verdict):
    assert contrast(COLOURS[verdict], COLOURS[f"{verdict}-pale"]) >= 4.5


@pytest.mark.parametrize("ground", ["paper", "pale", "band"])
@pytest.mark.parametrize("mark", ["theory", "ink", "refuted", "undecided"])
def test_marks_stand_out_from_their_ground(mark, ground):
    assert contrast(COLOURS[mark], COLOURS[ground]) >= 3


# --- refusals ---


def changed(where, value):
    """Return the example with one place set to another value, or without it."""
    content = copy.deepcopy(example())
    *path, last = where
    place = content
    for step in path:
        place = place[step]
    if value is KeyError:
        del place[last]
    else:
        place[last] = value
    return content


@pytest.mark.parametrize(
    ("where", "value", "sentence"),
    [
        (("run",), KeyError, r"verification\.json must have the field run, got \['checks', 'claims'\]"),
        (("checks",), {}, r"checks must be a list, got {}"),
        (("run", "seed"), -1, r"run\.seed must be a whole number of at least 0, got -1"),
        (("run", "seed"), True, r"run\.seed must be a whole number"),
        (("run", "started"), "today", r"run\.started must be a time such as .*, got 'today'"),
        (("run", "started"), "2026-11-25T03:00:00", r"run\.started must say its offset from universal time"),
        (("run", "false_alarm_rate"), 0, r"run\.false_alarm_rate must be a number between 0 and 1, got 0"),
        (("run", "versions"), {"numpy": 2}, r"run\.versions\.numpy must be a text, got 2"),
        (("claims", 1, "kind"), "guess", r"claims\[1\]\.kind must be one of equality, .*, got 'guess'"),
        (("claims", 1, "latex"), KeyError, r"claims\[1\] must have the field latex"),
        (("claims", 1, "latex"), r"\frac{a", r"claims\[1\]\.latex must be a formula .*, got .*braces are not balanced"),
        (("claims", 1, "id"), CLAIMS[0]["id"], r"claims\[1\]\.id must differ from all before it"),
        (("claims", 1, "title"), " ", r"claims\[1\]\.title must be a text"),
        (("checks", 3, "id"), "unheard-of", r"checks\[3\]\.id must be the id of a claim, got 'unheard-of'"),
        (("checks", 3, "verdict"), "maybe", r"checks\[3\]\.verdict must be one of refuted, undecided, holds, got"),
        (("checks", 3, "verdict"), ["holds"], r"checks\[3\]\.verdict must be one of"),
        (("checks", 3, "relation"), "<", r"checks\[3\]\.relation must be one of =, <=, >=, got '<'"),
        (("checks", 3, "predicted"), "0.2", r"checks\[3\]\.predicted must be a number or null, got '0\.2'"),
        (("checks", 3, "predicted"), False, r"checks\[3\]\.predicted must be a number or null, got False"),
        (("checks", 3, "interval"), [0.3, 0.2], r"checks\[3\]\.interval must be two numbers in order"),
        (("checks", 3, "interval"), [0.3], r"checks\[3\]\.interval must be two numbers, got"),
        (("checks", 3, "interval", 1), "x", r"checks\[3\]\.interval\[1\] must be a number or null"),
        (("checks", 3, "confidence"), None, r"checks\[3\]\.confidence must be a number between 0 and 1, got None"),
        (("checks", 3, "observations"), 1.5, r"checks\[3\]\.observations must be a whole number"),
        (("checks", 3, "parameters"), [], r"checks\[3\]\.parameters must be an object"),
        (("checks", 3, "scale"), "x", r"checks\[3\]\.scale must be a number or null"),
        (("checks", 3), "x" * 1000, r"checks\[3\] must be an object, got 'x+\.\.\.x+'$"),
    ],
)
def test_what_is_wrong_with_the_file_is_said_in_one_sentence(tmp_path, where, value, sentence):
    write_example(tmp_path, changed(where, value))
    with pytest.raises(ArgumentError) as refusal:
        write_report(tmp_path)
    assert re.search(f"verification.json.*{sentence}" if where != ("run",) else sentence, str(refusal.value))
    assert len(str(refusal.value).splitlines()) == 1
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"run": NaN}', b"\xff\xfe\xff"])
def test_what_is_no_json_is_refused(tmp_path, text):
    (tmp_path / "verification.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ArgumentError, match=r"verification\.json must "):
        write_report(tmp_path)


def test_a_number_too_large_for_a_float_is_refused(tmp_path):
    content = json.dumps(changed(("checks", 0, "seconds"), 12345)).replace("12345", "1e999")
    (tmp_path / "verification.json").write_text(content, encoding="utf-8")
    with pytest.raises(ArgumentError, match=r"checks\[0\]\.seconds must be a finite number or null, got inf"):
        write_report(tmp_path)


def test_a_picture_that_is_none_is_refused(tmp_path):
    write_example(tmp_path)
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "heads.png").write_bytes(b"<svg>")
    with pytest.raises(ArgumentError, match=r"heads\.png must be a PNG picture, got 5 bytes of another kind"):
        write_report(tmp_path)


def test_an_error_leaves_the_old_page_as_it_was(tmp_path):
    write_example(tmp_path)
    before = write_report(tmp_path).path.read_bytes()
    write_example(tmp_path, changed(("claims", 0, "latex"), "}"))
    with pytest.raises(ArgumentError):
        write_report(tmp_path)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["report.html", "results.sqlite", "verification.json"]
    assert (tmp_path / "report.html").read_bytes() == before


# --- the command ---


@pytest.fixture
def type_in(capsys, tmp_path, monkeypatch):
    """Run the command in an empty folder; return its exit status, standard output and standard error."""
    monkeypatch.chdir(tmp_path)

    def run_command(*words):
        with pytest.raises(SystemExit) as leaving:
            run(command.PROG, lambda: command.main(list(words)))
        return leaving.value.code, *capsys.readouterr()

    return run_command


def test_the_command_prints_where_the_page_is(type_in, tmp_path):
    write_example(tmp_path / "results")
    assert type_in("report") == (0, "results/report.html\n", "")
    assert (tmp_path / "results" / "report.html").is_file()


def test_the_command_prints_json(type_in, tmp_path):
    write_example(tmp_path / "elsewhere")
    status, output, complaint = type_in("report", "--results", "elsewhere", "--json")
    assert (status, complaint) == (0, "")
    assert json.loads(output) == {
        "path": "elsewhere/report.html",
        "bytes": (tmp_path / "elsewhere" / "report.html").stat().st_size,
        "claims": len(CLAIMS),
        "checks": 41,
        "holds": 38,
        "refuted": 1,
        "undecided": 2,
        "derivations": 2,
        "derivations_failing": 0,
        "figures": [],
    }


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["report"], "--results must be a folder with verification.json, which python -m numerics verify writes"),
        (["report", "heads"], "unrecognized arguments: heads"),
        (["heads", "report"], "report must be the first word, before options and names"),
    ],
)
def test_the_command_refuses_in_one_line(type_in, words, sentence):
    status, output, complaint = type_in(*words)
    assert (status, output) == (2, "")
    assert sentence in complaint
    assert complaint.count("\n") == 1


@pytest.mark.parametrize("missing", ["jinja2", "latex2mathml"])
def test_without_its_libraries_the_command_says_how_to_get_them(tmp_path, missing):
    write_example(tmp_path)
    code = f"import sys; sys.modules['{missing}'] = None; sys.argv[1:] = ['report', '--results', '.']\n"
    code += "import runpy; runpy.run_module('figures', run_name='__main__', alter_sys=True)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert re.search(r"pip install 'prompt-attention-theory\[report\]'\n$", done.stderr)
    assert done.stderr.count("\n") == 1


# --- what is installed ---


def test_every_template_is_installed_with_the_package():
    patterns = setup_cfg()["options.package_data"]["figures"].split()
    shipped = {path for pattern in patterns for path in (ROOT / "figures").glob(pattern)}
    assert shipped >= set((ROOT / "figures" / "templates").iterdir())
    assert len(shipped) > 4
