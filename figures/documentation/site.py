"""The site from its pages: pictures are drawn, Sphinx builds, and what is whole takes the place of what was there."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from sphinx.cmd.build import build_main

from figures.documentation.checkout import ROOT, require_checkout
from figures.documentation.pictures import draw_pictures

HERE = Path(__file__).parent
PAGES = HERE / "pages"


def build_site(results: Path) -> Path | None:
    """Build the site and return its first page, or None where Sphinx had a warning, which it prints.

    Args:
        results: the folder whose `docs` becomes the site, and whose `figures` are shown if they are there.

    Raises:
        NotAvailableError: this is an installed package, not a checkout, which has the texts.
        OSError: a file cannot be read or written.
    """
    require_checkout()
    results.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".docs-", dir=results) as scratch:
        pages, built = Path(scratch) / "pages", Path(scratch) / "site"
        shutil.copytree(PAGES, pages)
        draw_pictures(pages / "pictures")
        _collect_figures(results / "figures", pages / "pictures")
        options = ["-b", "html", "-c", str(HERE), "-d", f"{scratch}/read", "-W", "--keep-going", "-q", "-n"]
        if build_main([*options, str(pages), str(built)]):
            return None
        (built / ".buildinfo").unlink(missing_ok=True)
        shutil.rmtree(built / "_sources", ignore_errors=True)
        site = results / "docs"
        shutil.rmtree(site, ignore_errors=True)
        built.replace(site)
    return site / "index.html"


def _collect_figures(drawn: Path, pictures: Path) -> None:
    """Copy the figures that the project keeps, or that are drawn, beside the pictures of the pages."""
    for folder in (ROOT / "figures" / "gallery", drawn):
        for file in folder.glob("*.png"):
            shutil.copyfile(file, pictures / file.name)
