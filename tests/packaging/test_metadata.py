"""What pyproject.toml says, what is installed and what lies on disk is the same."""

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
DISTRIBUTION = "detection-composer"
GROUPS = [
    "composer.nodes",
    "composer.checkpoints",
    "composer.types",
    "composer.catalogues",
    "composer.addresses",
    "composer.engines",
    "composer.exporters",
]
STALE = "the installed metadata are stale: run pip install -e . again"


PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
ENTRY_POINTS = {group: PROJECT["entry-points"][group] for group in GROUPS}
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/__init__.py"))


@pytest.fixture(scope="module")
def installed():
    return importlib.metadata.distribution(DISTRIBUTION)


@pytest.mark.parametrize("group", [*GROUPS, "console_scripts"])
def test_installed_entry_points_are_those_of_pyproject(installed, group):
    wanted = (ENTRY_POINTS | {"console_scripts": PROJECT["scripts"]})[group]
    found = {point.name: point.value for point in installed.entry_points.select(group=group)}
    assert found == wanted, STALE


def test_installed_version_is_that_of_pyproject(installed):
    assert installed.version == PROJECT["version"], STALE


def test_packages_of_the_wheel_are_those_on_disk():
    listed = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert sorted(listed) == ["composer", *(f"plugins/{folder.name}" for folder in PLUGINS)]


def test_every_plugin_publishes_node_types_a_catalogue_or_engines():
    names = ("composer.nodes", "composer.catalogues", "composer.engines", "composer.exporters")
    groups = [ENTRY_POINTS[group] for group in names]
    publishing = {value.split(".")[0] for group in groups for value in group.values()}
    assert publishing == {folder.name for folder in PLUGINS}


@pytest.mark.parametrize(
    ("group", "name"), [(group, name) for group in GROUPS for name in ENTRY_POINTS[group]]
)
def test_entry_point_leads_to_something(group, name):
    assert importlib.metadata.EntryPoint(name, ENTRY_POINTS[group][name], group).load()


@pytest.mark.parametrize("folder", [ROOT / "composer", *PLUGINS], ids=lambda folder: folder.name)
def test_every_package_is_typed(folder):
    assert (folder / "py.typed").is_file()


def run(*command):
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_command_and_module_print_the_same_version(installed):
    by_command = run(Path(sys.executable).with_name("composer"), "--version")
    assert installed.version in by_command
    assert run(sys.executable, "-m", "composer", "--version") == by_command


@pytest.mark.parametrize("argument", ["--version", "--help", "nodes", "specs"])
def test_listings_do_not_import_torch(argument):
    program = (
        "import runpy, sys\n"
        f"sys.argv = ['composer', '{argument}']\n"
        "try:\n"
        "    runpy.run_module('composer', run_name='__main__')\n"
        "except SystemExit as exit:\n"
        "    assert not exit.code, exit.code\n"
        "assert 'torch' not in sys.modules\n"
    )
    run(sys.executable, "-c", program)
