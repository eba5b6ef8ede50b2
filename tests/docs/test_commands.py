"""Commands of pages: what bash runs, and that a forked command is as the program itself."""

import importlib.util
import signal
import textwrap

import pytest

from forked_commands import end_group, start_command
from forked_processes import PRELOADED
from snippets.commands import read_words, run_command

PLUGIN = """
    from torch import Tensor

    def halve(x: Tensor) -> Tensor:
        return x / 2
"""
SPEC = "composer: 1\ninputs: {x: any}\nnodes: {a: {uses: NAME, inputs: {x: x}}}\noutputs: {y: a}\n"


@pytest.fixture
def folder(tmp_path):
    """A folder with a plugin, as an installation leaves it, and two specs."""
    folder = tmp_path / "page"
    metadata = folder / "halving-1.0.dist-info"
    metadata.mkdir(parents=True)
    (folder / "halving.py").write_text(textwrap.dedent(PLUGIN))
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: halving\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[composer.nodes]\nhalve = halving:halve\n")
    for name in ("halve", "quarter"):
        (folder / f"{name}.yaml").write_text(SPEC.replace("NAME", name))
    return folder


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("composer nodes", ["composer", "nodes"]),
        (
            "composer run a \\\n    --set 'a={b: [1]}'",
            ["composer", "run", "a", "--set", "a={b: [1]}"],
        ),
        ('composer run "a b"', ["composer", "run", "a b"]),
        ("composer run x --set a.b=1,2", ["composer", "run", "x", "--set", "a.b=1,2"]),
    ],
)
def test_a_command_of_words_has_them_as_arguments(command, words):
    assert read_words(command) == words


@pytest.mark.parametrize(
    "command",
    [
        "composer nodes | cat",
        "composer nodes > file",
        "composer nodes; composer specs",
        "composer nodes && true",
        "composer predict *.jpg",
        "composer predict ~/a.jpg",
        "composer predict $HOME",
        'composer predict "$HOME"',
        "composer run a --set b=[1]",
        "composer run a --set b={1,2}",
        "composer run it's",
        "composer nodes # all",
        "composer nodes\ncomposer specs",
    ],
)
def test_a_command_with_more_for_a_shell_is_left_to_bash(command):
    assert read_words(command) == []


@pytest.mark.parametrize(
    "command",
    [
        "composer --version",
        "composer check halve.yaml",
        "composer check quarter.yaml",
        "composer check no-such-file.yaml",
        "composer nodes halve",
        "composer --nonsense",
    ],
)
def test_a_forked_command_does_what_the_program_does(command, folder):
    assert read_words(command)
    forked, program = (run_command(line, folder) for line in (command, f"{command} | cat"))
    assert forked == program
    assert forked[1]


def test_variables_of_a_forked_command_are_those_that_are_given(folder, monkeypatch):
    assert "Traceback" not in run_command("composer run no-such-spec", folder)[1]
    monkeypatch.setenv("COMPOSER_DEBUG", "1")
    assert "Traceback" in run_command("composer run no-such-spec", folder)[1]


def test_a_forked_command_ends_by_a_signal(folder):
    process = start_command(["train", "people"], folder, folder / "printed.txt")
    end_group(process, signal.SIGKILL)
    process.join(60)
    assert process.exitcode == -signal.SIGKILL


@pytest.mark.parametrize("name", sorted({*PRELOADED} - {"numba", "tabulate"}))  # of extras
def test_a_module_that_is_imported_before_is_there(name):
    assert importlib.util.find_spec(name) is not None
