"""A folder with specs in it, and what is wrong with them."""

import textwrap
from pathlib import Path
from typing import Any

import pytest

from composer.blueprint import Blueprint
from composer.construction import check_source
from composer.documents import Problem
from composer.errors import SpecError
from sample_nodes import NODES


class SpecFolder:
    """The current folder of a test; specs in it use the sample node types."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, text: str) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text), encoding="utf-8")
        return file

    def check(self, text: str, **options: Any) -> Blueprint:
        self.write("spec.yaml", text)
        return check_source("spec.yaml", **{"nodes": NODES, **options})

    def complain(self, text: str, **options: Any) -> str:
        """The whole message about a spec."""
        with pytest.raises(SpecError) as caught:
            self.check(text, **options)
        return str(caught.value)

    def problems(self, text: str, **options: Any) -> tuple[Problem, ...]:
        with pytest.raises(SpecError) as caught:
            self.check(text, **options)
        return caught.value.problems

    def problem(self, text: str, **options: Any) -> Problem:
        """The only problem of a spec."""
        problems = self.problems(text, **options)
        assert len(problems) == 1, "\n".join(problem.render() for problem in problems)
        return problems[0]


def marked(problem: Problem) -> str:
    """The text that the marker of a message stands under."""
    excerpt, marker = problem.place.excerpt().splitlines()
    start, stop = marker.index("^"), marker.rindex("^") + 1
    assert marker.strip("^ ") == ""
    return excerpt[start:stop]


@pytest.fixture
def spec_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return SpecFolder(tmp_path)
