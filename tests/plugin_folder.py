"""Distributions that a test makes up and puts on the path, with entry points that are real."""

import sys
import textwrap
from pathlib import Path

import pytest

from composer.discovery import forget_entry_points


class PluginFolder:
    """A folder of installed distributions."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def install(
        self, name: str, entry_points: str, modules: dict[str, str] | None = None, version="1.0"
    ) -> None:
        """Writes what pip leaves of a distribution: its modules and its metadata."""
        metadata = self.path / f"{name.replace('-', '_')}-{version}.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        (metadata / "entry_points.txt").write_text(textwrap.dedent(entry_points))
        for module, text in (modules or {}).items():
            (self.path / f"{module}.py").write_text(textwrap.dedent(text))
        forget_entry_points()


@pytest.fixture
def plugin_folder(tmp_path, monkeypatch):
    folder = tmp_path / "installed"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)
    yield PluginFolder(folder)
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "") or "").startswith(str(folder)):
            del sys.modules[name]
    forget_entry_points()
