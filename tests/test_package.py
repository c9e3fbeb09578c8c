"""The wheel: what is in it, what it says of itself, and that its commands work away from the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from email import message_from_string
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.metadata import Metadata

ROOT = Path(__file__).parents[1]
PACKAGES = ("theory", "numerics", "figures")
ERROR = "--dim 101 --tokens 16 --relevant 2 --noise-kind prompt-orthogonal --samples 200 --head least-squares"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build it from a copy, so that nothing is left in the checkout."""
    pytest.importorskip("setuptools", reason="the wheel is built by setuptools, which is not installed")
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "source"
    copy.mkdir()
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    build = ["pip", "wheel", "-qq", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder), "."]
    subprocess.run([sys.executable, "-m", *build], cwd=copy, check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def away(wheel, tmp_path_factory):
    """Install it into a folder of its own; return what runs a module of it from another one."""
    installed, elsewhere = tmp_path_factory.mktemp("installed"), tmp_path_factory.mktemp("elsewhere")
    with ZipFile(wheel) as archive:
        archive.extractall(installed)
    environment = {**os.environ, "PYTHONPATH": str(installed), "MPLBACKEND": "agg"}

    def run(*arguments):
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=elsewhere, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run.folder, run.installed = elsewhere, installed
    return run


def test_it_holds_the_packages_their_data_and_nothing_else(wheel):
    with ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == set(PACKAGES)
    for package in PACKAGES:
        assert f"{package}/py.typed" in names
        sources = {str(path.relative_to(ROOT)) for path in (ROOT / package).rglob("*.py")}
        assert sources <= set(names)
    templates = {str(path.relative_to(ROOT)) for path in (ROOT / "figures" / "templates").iterdir()}
    assert templates <= set(names)


def test_its_metadata_are_valid_and_complete(wheel):
    with ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        text = archive.read(name).decode()
    metadata = Metadata.from_email(text, validate=True)
    assert metadata.name == "prompt-attention-theory"
    assert metadata.description.startswith("# The theory of prompt-attention")
    assert metadata.description_content_type == "text/markdown"
    assert metadata.requires_python == ">=3.11"
    core = {requirement.name for requirement in metadata.requires_dist if requirement.marker is None}
    assert core == {"numpy", "scipy", "sympy", "matplotlib"}
    assert message_from_string(text)["License-File"] == "LICENSE"


def test_its_commands_work_away_from_the_checkout(away):
    where = away("-c", "import theory, numerics, figures; print(theory.__file__, numerics.__file__, figures.__file__)")
    assert where.split() == [str(away.installed / package / "__init__.py") for package in PACKAGES]
    assert "error       0.177244434319" in away("-m", "theory", "error", *ERROR.split())
    away("-m", "numerics", "verify", "small-errors", "--jobs", "1")
    away("-m", "figures", "benefit-of-context", "--draft", "--jobs", "1")
    written = {path.name for path in (away.folder / "results").rglob("*") if path.is_file()}
    assert {"results.sqlite", "benefit-of-context-draft.png", "benefit-of-context-draft.csv"} <= written
