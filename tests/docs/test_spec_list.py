"""The list of shipped specs has every spec and every param once, and nothing else."""

import re
from pathlib import Path

import pytest

from composer.discovery import shipped_specs
from composer.language import load_spec

PAGE = Path(__file__).parents[2] / "docs/reference/specs.md"


def first_cells(head):
    """The code words in the first cells of all tables that begin so, in order."""
    found, inside = [], False
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        inside = line.startswith("|") and (inside or cells[0] == head)
        if inside and len(cells) > 1:
            found += re.findall(r"`([^`]+)`", cells[0])
    return found


@pytest.fixture(scope="module")
def specs():
    return {name: load_spec(name) for name in shipped_specs()}


def test_each_spec_is_listed_once(specs):
    assert sorted(first_cells("spec")) == sorted(specs)


def test_each_param_and_short_name_is_explained_once(specs):
    names = {name for spec in specs.values() for name in [*spec.params, *spec.resolved.aliases]}
    assert sorted(first_cells("name")) == sorted(names)


def test_each_spec_says_what_it_is_and_whose_weights_fit():
    rows = re.findall(r"^\| `.*", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert all(cell.strip() for row in rows for cell in row.strip("|").split("|"))
