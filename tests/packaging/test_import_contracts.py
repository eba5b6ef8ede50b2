"""The contracts of .importlinter name every package, and each of them can break.

The contracts are tried on a skeleton: empty packages with the names of the real ones, the imports
that the contracts leave out (an exception without its import is a problem, too), and one import
that must not be.
"""

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFIGURATION = ROOT / ".importlinter"
PLUGINS = sorted(path.parent.name for path in ROOT.glob("plugins/*/__init__.py"))
ON_THE_CORE = {"composer_exporters"}  # it takes graphs apart, which node types never do

FORBIDDEN_IMPORTS = [
    (
        "composer/language/x.py",
        "import composer.graph",
        "Each layer imports only what stands below",
    ),
    ("composer/cli/x.py", "import composer.testing", "Each layer imports only what stands below"),
    ("composer/structures/x.py", "import composer.errors", "Each layer imports only what stands"),
    ("composer/unplaced.py", "", "Each layer imports only what stands below"),
    ("composer_rcnn/x.py", "import composer_rpn", "Plugins stand on composer.structures"),
    ("composer_rcnn/x.py", "from composer.errors import X", "Plugins stand on composer.structures"),
    ("composer_rcnn/x.py", "from composer import Graph", "Nothing below the core imports"),
    ("composer/ops/x.py", "from composer import Graph", "Nothing below the core imports"),
    ("composer/graph/x.py", "import composer_fpn", "The core knows no plugin"),
    ("composer/registry/x.py", "import entrypoints", "One module imports entrypoints"),
    ("composer/language/x.py", "import torch", "does without torch"),
    ("composer/registry/x.py", "import composer.structures.boxes", "does without torch"),
]


def read_contract(name: str) -> configparser.SectionProxy:
    parser = configparser.ConfigParser()
    parser.read(CONFIGURATION)
    return parser[f"importlinter:contract:{name}"]


def list_exceptions() -> list[tuple[str, str]]:
    """Importing and imported module of each import that the core's contract leaves out."""
    lines = read_contract("core")["ignore_imports"].strip().splitlines()
    pairs = [line.split(" -> ") for line in lines]
    return [(importer.strip(), imported.strip()) for importer, imported in pairs]


def name_core_modules() -> list[str]:
    return re.findall(r"\w+", read_contract("core")["layers"])


@pytest.fixture
def skeleton(tmp_path):
    packages = [*PLUGINS, "composer", *(f"composer/{name}" for name in name_core_modules())]
    for package in packages:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "composer/structures/boxes.py").write_text("import torch\n")
    (tmp_path / "composer/discovery/entry_points.py").write_text("import entrypoints\n")
    for importer, imported in list_exceptions():
        with (tmp_path / f"{importer.replace('.', '/')}.py").open("a") as file:
            file.write(f"import {imported}\n")
    shutil.copy(CONFIGURATION, tmp_path)
    return tmp_path


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    linter = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [linter, "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
    )


def test_skeleton_without_forbidden_imports_keeps_every_contract(skeleton):
    result = lint(skeleton)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(("file", "line", "contract"), FORBIDDEN_IMPORTS)
def test_forbidden_import_breaks_its_contract(skeleton, file, line, contract):
    path = skeleton / file
    path.unlink(missing_ok=True)
    path.write_text(line + "\n")
    result = lint(skeleton)
    assert result.returncode == 1
    broken = [text for text in result.stdout.splitlines() if " BROKEN" in text]
    assert any(contract in text for text in broken), result.stdout


def test_every_plugin_on_disk_stands_in_every_row_of_plugins():
    parser = configparser.ConfigParser()
    parser.read(CONFIGURATION)
    rows = [
        parser["importlinter"]["root_packages"],
        read_contract("plugins")["layers"],
        read_contract("no_model")["forbidden_modules"],
    ]
    for row in rows:
        assert sorted(set(re.findall(r"\bcomposer_\w+", row))) == PLUGINS
    below = set(re.findall(r"\bcomposer_\w+", read_contract("root")["source_modules"]))
    assert sorted(below | ON_THE_CORE) == PLUGINS
    assert not below & ON_THE_CORE


def test_every_module_of_the_core_stands_above_the_plugins():
    above = read_contract("plugins")["layers"].split("composer_dense")[0]
    below = {"events", "layers", "limits", "memory", "ops", "processor", "ranges", "structures"}
    below |= {"kernels", "translation", "lazy_face", "parallel_calls", "telemetry"}
    below |= {"escapes", "html_parts"}
    assert set(re.findall(r"composer\.(\w+)", above)) == set(name_core_modules()) - below
