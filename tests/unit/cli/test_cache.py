"""`composer cache`."""

import json

import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("COMPOSER_CACHE", str(tmp_path))
    entry = tmp_path / "contracts" / f"{'0' * 64}.json"
    entry.parent.mkdir()
    entry.write_text("{}")
    return entry


def test_contents_are_listed_by_kind(cli, tmp_path):
    result = cli("cache", "show")
    assert result.code == 0
    lines = result.out.splitlines()
    assert [line.split()[:2] for line in lines[1:4]] == [
        ["downloads", "0"],
        ["compiled", "0"],
        ["contracts", "1"],
    ]
    assert lines[-1].endswith(f" in {tmp_path}")


def test_contents_are_written_as_json(cli, tmp_path):
    found = json.loads(cli("cache", "show", "--kind", "contracts", "--json").out)
    kind = {"kind": "contracts", "folder": str(tmp_path / "contracts"), "num_entries": 1, "size": 2}
    assert found == {"folder": str(tmp_path), "size": 2, "kinds": [kind]}


def test_one_kind_is_cleared(cli, cache):
    assert cli("cache", "clear", "--kind", "compiled").out.startswith("compiled: removed 0 entries")
    assert cache.exists()
    assert cli("cache", "clear", "--kind", "contracts").out == (
        "contracts: removed 1 entry, 2 bytes\n"
    )
    assert not cache.exists()


def test_all_kinds_are_cleared(cli, cache):
    found = json.loads(cli("cache", "clear", "--json").out)
    assert [(each["kind"], each["num_entries"]) for each in found] == [
        ("downloads", 0),
        ("compiled", 0),
        ("contracts", 1),
    ]
    assert not cache.exists()


def test_an_unknown_kind_is_a_wrong_use(cli):
    assert cli("cache", "show", "--kind", "pictures").code == 2
