"""Every snippet and command of the documentation does what the page shows."""

import re
import shutil
import sys
from pathlib import Path

import pytest

from composer.discovery import forget_entry_points
from snippets.page_run import PageRun
from zoo_server import running_zoo

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"  # never committed
NEEDS_DATA = "<!-- needs: data -->"
NEEDS_EXTRAS = {
    "<!-- needs: transformers -->": "transformers",
    "<!-- needs: parquet -->": "pyarrow",
}
TOP_PAGES = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "changelog.d/README.md"]
FROM_NOTHING = ["README.md", "docs/index.md", "docs/tutorial.md"]
SLOW_FOLDERS = {"guides", "reference"}
DOCS = sorted(path for path in ROOT.glob("docs/**/*.md") if "_build" not in path.parts)


def slow_page(path):
    """The mark of a page that takes about as long as its commands do."""
    return pytest.mark.slow(seconds=5 * path.read_text().count("$ composer "))


PAGES = [
    *TOP_PAGES,
    *(
        pytest.param(str(path.relative_to(ROOT)), marks=[slow_page(path)] * is_slow)
        for path in DOCS
        for is_slow in [path.parent.name in SLOW_FOLDERS]
    ),
]


@pytest.fixture
def folder(tmp_path, monkeypatch, page):
    """A folder, current and importable from; with the specs in it for pages that change them.

    A page may install a plugin there, which is looked for anew.
    """
    monkeypatch.setenv("COMPOSER_CACHE", str(tmp_path / "cache"))
    if page not in FROM_NOTHING:
        shutil.copytree(ROOT / "specs", tmp_path / "specs")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    forget_entry_points()
    yield tmp_path
    forget_entry_points()
    for name in set(sys.modules) - before:  # other tests have modules of these names
        if str(getattr(sys.modules[name], "__file__", "") or "").startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture(scope="module", autouse=True)
def zoo():
    """Published models without a network: from this machine, with random weights."""
    with running_zoo() as mirrors, pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMPOSER_MIRRORS", mirrors)
        yield


@pytest.mark.parametrize("page", PAGES)
def test_page_does_what_it_shows(page, folder):
    for mark, package in NEEDS_EXTRAS.items():
        if mark in (ROOT / page).read_text():
            pytest.importorskip(package, reason="the page needs an extra")
    if NEEDS_DATA in (ROOT / page).read_text():
        if not DATA.is_dir():
            pytest.skip("the page trains on photographs, and there is no ../shared/data")
        (folder / "data").symlink_to(DATA)
    PageRun(ROOT / page, folder).run()


@pytest.mark.parametrize("page", TOP_PAGES)
def test_links_to_files_lead_somewhere(page):
    links = re.findall(r"\]\((?!\w+:|#)([^)#]+)[^)]*\)", (ROOT / page).read_text())
    missing = [link for link in links if not (ROOT / page).parent.joinpath(link).exists()]
    assert missing == []
