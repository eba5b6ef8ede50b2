"""The wheel holds what a user needs, and nothing else."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGINS = sorted(path.parent.name for path in ROOT.glob("plugins/*/__init__.py"))


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """Names of the files in a wheel built from the working tree."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run([*command, "--directory", str(folder)], cwd=ROOT, check=True)
    (wheel,) = folder.glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def list_files(folder):
    """The files in a folder and its folders, but for compiled code."""
    return [
        path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    ]


def test_every_source_file_is_in_the_wheel(names):
    sources = [
        str(path.relative_to(root))
        for root, package in [(ROOT, "composer"), *((ROOT / "plugins", name) for name in PLUGINS)]
        for path in list_files(root / package)
    ]
    assert len(sources) > 100
    assert sorted(set(sources) - names) == []


def test_specs_are_in_the_wheel(names):
    specs = [path.relative_to(ROOT / "specs") for path in ROOT.glob("specs/**/*.yaml")]
    assert specs
    assert {f"composer/_specs/{spec}" for spec in specs} <= names


def test_models_are_in_the_wheel(names):
    models = [path.relative_to(ROOT / "models") for path in list_files(ROOT / "models")]
    assert models
    assert {f"composer/_models/{model}" for model in models} <= names


def test_every_package_says_that_it_is_typed(names):
    assert {f"{package}/py.typed" for package in ["composer", *PLUGINS]} <= names


def test_licence_is_in_the_wheel(names):
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_nothing_else_is_in_the_wheel(names):
    roots = {name.split("/")[0] for name in names}
    assert {root for root in roots if not root.endswith(".dist-info")} == {"composer", *PLUGINS}
    assert not [name for name in names if "/test_" in name or "__pycache__" in name]
