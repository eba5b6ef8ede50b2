"""Outcomes are recalled exactly while nothing has changed that they depend on."""

import json
import os
import subprocess
import sys
import time

import pytest

from composer.cache_folders import find_cache_folder
from composer.outcomes import KIND, Outcome, make_plain, names_a_file, recall_or_find, source_hashes

ENTRIES = "[composer.nodes]\nscaled = outcome_plugin:Scaled\n"
PLUGIN = """
    from torch import nn, Tensor
    from outcome_library import FACTOR

    class Scaled(nn.Module):
        def __init__(self, *, factor: float = FACTOR) -> None:
            super().__init__()
            self.factor = factor

        def forward(self, x: Tensor) -> Tensor:
            return x * self.factor
"""
SPEC = "composer: 1\ninputs: {x: any}\nnodes: {scaled: {uses: scaled, inputs: {x: x}}}\n"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of its own, in a process whose sources count as old."""
    monkeypatch.setenv("COMPOSER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(source_hashes, "_IMPORTED_AT", time.time() + 1000)
    return find_cache_folder(KIND)


class Finder:
    """Counts how often it is asked."""

    def __init__(self, answer="found", is_lasting=True):
        self.outcome, self.calls = Outcome(answer, is_lasting), 0

    def __call__(self):
        self.calls += 1
        return self.outcome


def test_an_answer_is_found_once(cache):
    find = Finder({"rows": [["a", 1]]})
    assert [recall_or_find(["q"], find) for _ in range(3)] == [find.outcome.answer] * 3
    assert find.calls == 1
    recall_or_find(["another"], find)
    assert find.calls == 2
    assert len(list(cache.iterdir())) == 2


def test_what_does_not_last_or_fails_is_not_remembered(cache):
    find = Finder(is_lasting=False)
    recall_or_find(["q"], find)
    recall_or_find(["q"], find)
    assert find.calls == 2

    def fail():
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        recall_or_find(["q"], fail)
    assert not cache.exists()


def test_an_answer_that_took_a_file_of_the_user_is_not_remembered(tmp_path, cache):
    (tmp_path / "numbers.txt").write_text("1")

    def find():
        return Outcome((tmp_path / "numbers.txt").read_text())

    assert recall_or_find(["q"], find) == "1"
    (tmp_path / "numbers.txt").write_text("2")
    assert recall_or_find(["q"], find) == "2"


def test_sources_that_changed_while_the_process_ran_are_not_remembered(cache, monkeypatch):
    monkeypatch.setattr(source_hashes, "_IMPORTED_AT", 0.0)
    recall_or_find(["q"], Finder())
    assert not cache.exists()


def damage(text):
    found = json.loads(text)
    found["outcome"]["answer"] = "forged"
    return json.dumps(found)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: text[:-20],
        lambda text: "[1, 2]",
        lambda text: "[" * 100_000,
        lambda text: "\0" * 100,
        lambda text: text.replace('"form": 1', '"form": 2'),
        damage,
    ],
)
def test_a_damaged_file_is_none(change, cache):
    find = Finder()
    recall_or_find(["q"], find)
    (file,) = cache.iterdir()
    file.write_text(change(file.read_text()))
    assert recall_or_find(["q"], find) == "found"
    assert find.calls == 2
    recall_or_find(["q"], find)
    assert find.calls == 2  # it was replaced


def test_a_file_of_another_question_is_none(cache):
    recall_or_find(["q"], Finder("one"))
    (first,) = cache.iterdir()
    recall_or_find(["r"], Finder("two"))
    (second,) = set(cache.iterdir()) - {first}
    second.write_text(first.read_text())
    assert recall_or_find(["r"], Finder("two")) == "two"


@pytest.mark.parametrize("kind", ["file", "pipe"])
def test_a_cache_that_cannot_be_written_is_done_without(kind, tmp_path, monkeypatch):
    path = tmp_path / "blocked"
    path.write_text("") if kind == "file" else os.mkfifo(path)
    monkeypatch.setenv("COMPOSER_CACHE", str(path))
    find = Finder()
    assert recall_or_find(["q"], find) == recall_or_find(["q"], find) == "found"
    assert find.calls == 2


def test_old_files_make_room(cache, monkeypatch):
    monkeypatch.setattr("composer.outcomes.outcome_cache._MOST", 6)
    monkeypatch.setattr("composer.outcomes.outcome_cache._KEPT", 3)
    for number in range(7):
        recall_or_find([number], Finder())
    assert len(list(cache.iterdir())) == 3


def test_plain_forms_are_those_of_values_not_of_their_order():
    assert make_plain({"b": 1, "a": (2.5, {"y", "x"})}) == [["a", ["2.5", ["x", "y"]]], ["b", 1]]
    with pytest.raises(TypeError):
        make_plain(object())


def test_paths_are_seen_within_plain_values(tmp_path):
    (tmp_path / "there").mkdir()
    assert names_a_file([["key", [1, str(tmp_path / "there")]]])
    assert not names_a_file([["key", [1, str(tmp_path / "nowhere"), "a\0b", "x" * 10_000]]])


# Commands, each in a process of its own.

STATE = "import sys; print('torch' in sys.modules)"


@pytest.fixture
def installed(plugin_folder, tmp_path):
    """A plugin and a module that it needs, in a tree of sources, and old enough."""
    (tmp_path / "library").mkdir()
    library = tmp_path / "library" / "outcome_library.py"
    library.write_text("FACTOR = 2.0\n")
    plugin_folder.install("outcome-plugin", ENTRIES, {"outcome_plugin": PLUGIN})
    (tmp_path / "spec.yaml").write_text(SPEC)
    return plugin_folder.path / "outcome_plugin.py", library


def compose(tmp_path, *arguments):
    """What a command prints, its exit code, and whether it imported torch."""
    code = (
        "import sys, time\n"
        "from composer.outcomes import source_hashes\n"
        "source_hashes._IMPORTED_AT = time.time() + 1000\n"
        "from composer.cli.main import main\n"
        "code = main(sys.argv[1:])\n"
        "print(code, 'torch' in sys.modules)\n"
    )
    path = os.pathsep.join([str(tmp_path / "installed"), str(tmp_path / "library")])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    *lines, last = done.stdout.splitlines()
    code, has_torch = last.split()
    return "\n".join(lines) + done.stderr, int(code), has_torch == "True"


@pytest.mark.slow
def test_a_checked_spec_is_checked_anew_when_a_source_changes(installed, tmp_path):
    plugin, library = installed
    first = compose(tmp_path, "check", "spec.yaml")
    assert first == ("spec.yaml: ok (1 node from 1 plugin)", 0, True)
    assert compose(tmp_path, "check", "spec.yaml") == (*first[:2], False)
    state = library.stat()
    library.write_text("FACTOR = 'x'\n")  # a module that publishes nothing
    os.utime(library, ns=(state.st_atime_ns, state.st_mtime_ns))
    compose(tmp_path, "check", "spec.yaml")
    library.write_text("FACTOR = 2.0\n")
    assert compose(tmp_path, "check", "spec.yaml")[0] == first[0]
    state = plugin.stat()
    plugin.write_text(plugin.read_text().replace("factor: float", "factor: floot"))
    os.utime(plugin, ns=(state.st_atime_ns, state.st_mtime_ns))
    text, code, _ = compose(tmp_path, "check", "spec.yaml")
    assert code == 1
    assert "fails to import" in text


@pytest.mark.slow
def test_a_node_type_is_described_without_torch_the_second_time(installed, tmp_path):
    first = compose(tmp_path, "nodes", "scaled")
    assert first[1:] == (0, True)
    assert "factor" in first[0]
    assert compose(tmp_path, "nodes", "scaled") == (*first[:2], False)
    assert "2.0" in first[0]
    installed[1].write_text("FACTOR = 3.0\n")
    assert "3.0" in compose(tmp_path, "nodes", "scaled")[0]


@pytest.mark.slow
def test_the_schema_is_the_same_from_the_cache(installed, tmp_path):
    first = compose(tmp_path, "schema")
    assert first[1:] == (0, True)
    assert compose(tmp_path, "schema") == (*first[:2], False)
