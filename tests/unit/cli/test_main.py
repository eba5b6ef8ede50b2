import importlib.metadata
import subprocess
import sys

import click
import pytest

from composer.cli import clash
from composer.cli.main import composer, main
from composer.errors import InputError

COMMAND = [sys.executable, "-m", "composer"]


def test_version_is_that_of_the_distribution(cli):
    version = importlib.metadata.version("detection-composer")
    assert cli("--version") == (0, f"detection-composer {version}\n", "")


def test_help_lists_the_commands(cli):
    result = cli("--help")
    assert result.code == 0
    for command in ("run", "check", "show", "nodes", "specs", "describe", "schema"):
        assert f"\n  {command} " in result.out


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["run"], ["run", "a", "b"], ["check"], ["--nonsense"]]
)
def test_wrong_use_ends_with_two(cli, arguments):
    result = cli(*arguments)
    assert result.code == 2
    assert "Usage: composer" in result.err
    assert result.out == ""


def test_mistake_ends_with_one_and_a_message(cli):
    result = cli("run", "no_such_spec")
    assert (result.code, result.out) == (1, "")
    assert "there is no model 'no_such_spec'" in result.err
    assert "Traceback" not in result.err


def test_traceback_is_shown_where_it_is_wanted(cli, monkeypatch):
    assert "Traceback" in cli("--debug", "run", "no_such_spec").err
    monkeypatch.setenv("COMPOSER_DEBUG", "1")
    assert "Traceback" in cli("run", "no_such_spec").err


@pytest.fixture
def failing(monkeypatch):
    """Adds a command that raises what it is given."""

    def add(error):
        @click.command()
        def fail():
            raise error

        monkeypatch.setitem(composer.commands, "fail", fail)

    return add


def test_interruption_ends_with_130(cli, failing):
    failing(KeyboardInterrupt())
    result = cli("fail")
    assert result.code == 130
    assert "Traceback" not in result.err


def test_error_of_the_system_is_a_message(cli, failing):
    failing(PermissionError(13, "Permission denied", "results"))
    result = cli("fail")
    assert result.code == 1
    assert result.err == "error: results: Permission denied\n"


def test_message_of_an_error_is_printed_after_its_kind(cli, failing):
    failing(InputError("a.jpg: there is no such file"))
    assert cli("fail") == (1, "", "error: a.jpg: there is no such file\n")


def test_own_mistake_is_not_hidden(failing):
    failing(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        main(["fail"])


def test_module_is_the_command():
    result = subprocess.run([*COMMAND, "--version"], capture_output=True, text=True)
    assert result.returncode == 0
    assert result.stdout.startswith("detection-composer ")


def test_reader_that_leaves_early_is_no_error():
    with subprocess.Popen(
        [*COMMAND, "nodes"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0


HEAVY = ["torch", "torchvision", "numpy", "pydantic", "networkx", "jaxtyping"]


@pytest.mark.parametrize(
    ("arguments", "heavy"),
    [
        (["--help"], HEAVY),
        (["--version"], HEAVY),
        *[
            ([command, "--help"], HEAVY)
            for command in ("run", "train", "eval", "predict", "extract", "data")
        ],
        (["nodes"], HEAVY),
        (["specs"], [name for name in HEAVY if name != "pydantic"]),
        (["check", "--form", "mask_rcnn_r50_fpn"], ["torch", "torchvision", "jaxtyping"]),
        (["show", "mask_rcnn_r50_fpn"], ["torch", "torchvision", "jaxtyping"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_command_does_not_import_what_it_does_not_need(arguments, heavy):
    _run_light(arguments, heavy)


@pytest.mark.slow
def test_datasets_are_checked_and_converted_without_torch(tmp_path):
    heavy = ["torch", "torchvision"]
    drawn = str(tmp_path / "drawn")
    _run_light(["data", "shapes", drawn, "-n", "2"], heavy)
    _run_light(["data", "check", drawn], heavy)
    _run_light(["data", "list", drawn], heavy)
    _run_light(["data", "convert", drawn, str(tmp_path / "yolo"), "--to", "yolo"], heavy)
    _run_light(["data", "split", drawn, str(tmp_path / "parts")], heavy)


def _run_light(arguments, heavy):
    """Runs a command in a process of its own, which is not to import some packages."""
    program = (
        "import sys; from composer.cli.main import main\n"
        f"code = main({arguments!r})\n"
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)\n"
        "sys.exit(code)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "[]\n"), result.stdout


class Distribution:
    name, version = "mosaicml", "0.32.1"

    def __init__(self, *files):
        self.files = files


def find_only(distribution):
    def find(name):
        if name != distribution.name:
            raise importlib.metadata.PackageNotFoundError(name)
        return distribution

    return find


def test_clash_with_a_package_of_the_same_name_is_reported(cli, monkeypatch):
    other = Distribution("composer/trainer.py", "composer/__init__.py")
    monkeypatch.setattr(importlib.metadata, "distribution", find_only(other))
    result = cli("specs")
    assert result.code == 0
    assert result.err.startswith("warning: mosaicml 0.32.1 is installed beside detection-composer")


def test_distribution_without_the_package_is_no_clash(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "distribution", find_only(Distribution("other/x.py")))
    assert clash.find_clash() is None
