"""Rules of the house that a tool can check: arrows between packages, honest tests, pins, a fast start."""

from __future__ import annotations

import ast
import configparser
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PACKAGES = ("theory", "numerics", "figures")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py*") if path.suffix != ".pyc")
TESTS = sorted((ROOT / "tests").rglob("*.py"))

MAY_IMPORT = {"theory": {"theory"}, "numerics": {"theory", "numerics"}, "figures": {"theory", "numerics", "figures"}}


def name_of(path):
    return str(path.relative_to(ROOT))


def every(paths):
    return pytest.mark.parametrize("path", paths, ids=name_of)


def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def dotted(node):
    """Return the dotted name of an expression such as np.random.normal, or an empty text."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def imports(tree):
    """Yield the full name of everything that a file imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


# --- arrows ---


@every(SOURCES)
def test_arrows_between_packages_run_one_way(path):
    package = path.relative_to(ROOT).parts[0]
    imported = {name.split(".")[0] for name in imports(parsed(path))}
    assert imported & set(PACKAGES) <= MAY_IMPORT[package]
    assert package == "figures" or "matplotlib" not in imported
    assert "tests" not in imported


SOURCE_OF_CHANCE = re.compile(r"\b(random|default_rng|RandomState|SeedSequence|rvs|secrets|qmc|uuid\d?)\b")


@every([path for path in SOURCES if path.is_relative_to(ROOT / "theory")])
def test_theory_draws_no_random_number(path):
    tree = parsed(path)
    # Attributes, such as np.random or law.rvs; a name by itself has been imported, or is a variable.
    used = [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    assert not [name for name in (*imports(tree), *used) if SOURCE_OF_CHANCE.search(name)]


# --- honest tests ---

COMPARISONS = {"allclose", "isclose", "array_equal", "array_equiv", "equal", "all", "any", "isfinite", "isnan"}


def thrown_away(node):
    """Tell whether an expression is a comparison, or a negation or combination of some."""
    if isinstance(node, ast.Compare):
        return True
    if isinstance(node, ast.UnaryOp):
        return thrown_away(node.operand)
    if isinstance(node, ast.BoolOp):
        return any(map(thrown_away, node.values))
    return isinstance(node, ast.Call) and dotted(node.func).rsplit(".", 1)[-1] in COMPARISONS


def without_reason(node):
    """Tell whether a call or decorator skips or excuses a test and does not say why."""
    if isinstance(node, ast.Call):
        name = dotted(node.func)
        said = any(keyword.arg == "reason" for keyword in node.keywords)
        # pytest.skip("…") takes its reason first; the first argument of a mark is its condition.
        said |= name in ("pytest.skip", "pytest.xfail", "pytest.mark.skip") and bool(node.args)
        return name.removeprefix("pytest.").removeprefix("mark.") in ("skip", "skipif", "xfail") and not said
    return False


def faults(tree):
    """Yield (line, what is wrong) for everything that makes a test say less than it seems to."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and thrown_away(node.value):
            yield node.lineno, "a comparison thrown away"
        elif isinstance(node, ast.ExceptHandler) and all(
            isinstance(line, ast.Pass) or (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
            for line in node.body
        ):
            yield node.lineno, "an error ignored"
        elif without_reason(node):
            yield node.lineno, "a test skipped without a reason"
        elif isinstance(node, ast.Attribute) and id(node) not in called:
            if dotted(node) in ("pytest.mark.skip", "pytest.mark.xfail"):
                yield node.lineno, "a test skipped without a reason"
        elif isinstance(node, ast.Assert) and isinstance(node.test, ast.Tuple | ast.Constant):
            yield node.lineno, "an assertion that cannot fail"


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("np.allclose(a, b)", 1),
        ("numpy.testing.assert_allclose(a, b)", 0),
        ("assert np.allclose(a, b)", 0),
        ("not math.isclose(a, b)", 1),
        ("a == b", 1),
        ("0 < a < b and c", 1),
        ("(a == b).all()", 1),
        ("same = a == b", 0),
        ("try:\n    f()\nexcept ValueError:\n    pass", 1),
        ("try:\n    f()\nexcept:\n    ...", 1),
        ("try:\n    f()\nexcept ValueError:\n    failed = True", 0),
        ("pytest.skip()", 1),
        ("pytest.skip('no terminal')", 0),
        ("@pytest.mark.skip\ndef test(): f()", 1),
        ("@pytest.mark.skip()\ndef test(): f()", 1),
        ("@pytest.mark.skip(reason='no terminal')\ndef test(): f()", 0),
        ("@pytest.mark.skipif(windows)\ndef test(): f()", 1),
        ("@pytest.mark.skipif(windows, reason='no terminal')\ndef test(): f()", 0),
        ("@pytest.mark.xfail\ndef test(): f()", 1),
        ("@pytest.mark.xfail(raises=ValueError)\ndef test(): f()", 1),
        ("assert (a == b, 'message')", 1),
    ],
)
def test_the_search_for_faults_finds_them(code, found):
    assert len(list(faults(ast.parse(code)))) == found


@every([*SOURCES, *TESTS])
def test_no_file_throws_a_comparison_away_or_hides_an_error(path):
    assert list(faults(parsed(path))) == []


@every(SOURCES)
def test_the_product_checks_nothing_by_assert(path):
    """An assertion vanishes under python -O and shows a user a traceback."""
    assert [node.lineno for node in ast.walk(parsed(path)) if isinstance(node, ast.Assert)] == []


@every([*SOURCES, *TESTS])
def test_a_file_is_short_and_named_after_its_content(path):
    assert not {path.stem.removeprefix("test_"), path.parent.name} & {"utils", "util", "helpers", "common", "misc"}
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 500


# --- dependencies ---


def setup_cfg():
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg", encoding="utf-8")
    return settings


def requirements(text):
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return {requirement.name.lower(): requirement.specifier for requirement in map(Requirement, lines)}


def pins(file):
    """Return the version that a constraints file fixes for each package."""
    text = (ROOT / file).read_text(encoding="utf-8")
    found = {}
    for name, specifier in requirements(text).items():
        (clause,) = specifier
        assert clause.operator == "==", f"{file}: {name} is not pinned"
        found[name] = Version(clause.version)
    return found


RUNTIME = requirements(setup_cfg()["options"]["install_requires"])
EXTRAS = {
    name: specifier
    for extra in ("dask", "docs", "explore", "progress", "realdata", "report")
    for name, specifier in requirements(setup_cfg()["options.extras_require"][extra]).items()
}


@pytest.mark.parametrize("name", [*RUNTIME, *EXTRAS])
def test_a_lower_bound_is_the_version_that_the_lowest_environment_tests(name):
    (bound,) = {**RUNTIME, **EXTRAS}[name]
    assert bound.operator == ">="
    assert Version(bound.version) == pins("constraints-lowest.txt")[name]


@pytest.mark.parametrize("name", [*RUNTIME, *EXTRAS])
def test_a_dependency_is_locked_at_a_version_that_is_admitted(name):
    assert {**RUNTIME, **EXTRAS}[name].contains(pins("constraints.txt")[name])


def test_every_tool_of_the_tests_is_locked():
    assert requirements(setup_cfg()["options.extras_require"]["test"]).keys() <= pins("constraints.txt").keys()


def test_the_oldest_python_is_the_same_everywhere():
    settings = setup_cfg()
    oldest = re.fullmatch(r">=3\.(\d+)", settings["options"]["python_requires"])[1]
    versions = re.findall(r"Python :: 3\.(\d+)$", settings["metadata"]["classifiers"], re.MULTILINE)
    assert min(map(int, versions)) == int(oldest)
    assert settings["mypy"]["python_version"] == f"3.{oldest}"
    assert f'target-version = "py3{oldest}"' in (ROOT / "ruff.toml").read_text(encoding="utf-8")


# --- cold start ---

SLOW = {
    "matplotlib",
    "sympy",
    "mpmath",
    "tqdm",
    "numerics",
    "figures",
    "multiprocessing",
    "jinja2",
    "latex2mathml",
    "distributed",
    "sklearn",
    "bokeh",
    "sphinx",
}


@pytest.mark.parametrize(
    ("command", "slow"),
    [
        (
            "theory error --dim 21 --tokens 6 --relevant 2 --samples 30 --inverse-temperature 0 --head least-squares",
            SLOW,
        ),
        (
            "numerics simulate --dim 21 --tokens 6 --relevant 2 --samples 30 --repetitions 2 --jobs 1",
            {"matplotlib", "sympy", "dask", "distributed", "sklearn"},
        ),
    ],
)
def test_a_command_starts_without_libraries_that_it_does_not_use(tmp_path, command, slow):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", *command.split()],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    modules = [line.rsplit("|", 1)[1].strip() for line in done.stderr.splitlines() if "|" in line]
    imported = {module.split(".")[0] for module in modules}
    assert imported >= {"theory", "scipy"}
    assert not imported & slow
    # NumPy reads once, when it is loaded, how many threads it may use.
    assert modules.index("theory.single_thread") < modules.index("numpy")


# --- what the repository says of other places ---

SUFFIXES = {"", ".cfg", ".css", ".csv", ".in", ".j2", ".js", ".md", ".py", ".pyi", ".toml", ".txt", ".typed", ".yml"}
TEXTS = sorted(
    path
    for folder, pattern in ((ROOT, "*"), (ROOT, ".ci/*"), *((ROOT / name, "**/*") for name in (*PACKAGES, "tests")))
    for path in folder.glob(pattern)
    if path.is_file() and path.suffix in SUFFIXES
)

# In pieces, for this file is read as well.
ELSEWHERE = {
    "a folder that is not part of the project": r"\bshare[d]/|\b(?:THEOR[Y]|INTERFAC[E]|STYL[E])\.md\b",
    "a path of one machine": r"(?<![\w.])/(?:hom[e]|User[s]|roo[t]|wor[k]|mn[t]|op[t])/|\b[C-Z]:\\\w",
}


@every(TEXTS)
def test_no_file_names_what_only_its_author_has(path):
    text = path.read_text(encoding="utf-8")
    found = {what: match[0] for what, pattern in ELSEWHERE.items() if (match := re.search(pattern, text))}
    assert not found


def test_every_kind_of_text_was_read():
    names = set(map(name_of, TEXTS))
    assert names >= {"Makefile", "README.md", "setup.cfg", "theory/mixture.py", "tests/test_house.py"}
    assert names >= {f"figures/templates/report.{kind}" for kind in ("css", "html.j2", "js")}
