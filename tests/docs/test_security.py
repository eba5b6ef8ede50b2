"""Each test that SECURITY.md names is there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`(tests/[\w/.]+)::(\w+)`", TEXT)
PATHS = re.findall(r"`((?:tests|composer)/[\w/.]+)`", TEXT)


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_promise_has_its_test(file, name):
    functions = ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8")))
    assert name in [each.name for each in functions if isinstance(each, ast.FunctionDef)]


@pytest.mark.parametrize("path", PATHS)
def test_named_files_are_there(path):
    assert (ROOT / path).exists()


def test_every_promise_names_a_test():
    rows = re.findall(r"^\| (?!promise|---).*", TEXT, re.MULTILINE)
    assert len(rows) > 25
    assert [row for row in rows if "::" not in row] == []
