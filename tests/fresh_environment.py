"""A fresh virtual environment with wheels installed and nothing of the repository in it.

PyTorch and the like come from the running environment, without whatever is installed there as
editable: its packages are linked into a folder, which a `.pth` file puts on the path.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_OURS = ("composer", "detection_composer", "_detection_composer")


@dataclass(frozen=True)
class Environment:
    """A virtual environment.

    Args:
        root: its folder.
    """

    root: Path

    @classmethod
    def make(cls, root: Path, wheels: Sequence[Path]) -> Environment:
        """Makes one and installs wheels into it, offline."""
        venv.create(root, with_pip=False, symlinks=True)
        environment = cls(root)
        foreign = root / "foreign"
        foreign.mkdir()
        for folder in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
            for entry in Path(folder).iterdir():
                if not entry.name.startswith(_OURS) and entry.suffix != ".pth":
                    (foreign / entry.name).symlink_to(entry)
        (environment.site_packages / "foreign.pth").write_text(f"{foreign}\n")
        pip = [sys.executable, "-m", "pip", "--python", str(environment.program("python"))]
        options = ["--quiet", "--no-index", "--no-deps", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", *options, *map(str, wheels)], check=True)
        return environment

    @property
    def site_packages(self) -> Path:
        """Where its own packages are."""
        (folder,) = self.root.glob("lib/python*/site-packages")
        return folder

    def program(self, name: str) -> Path:
        """One of its programs."""
        return self.root / "bin" / name

    def run(
        self, *command: str | Path, folder: Path, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Runs one of its programs in a folder, with no path of the running environment.

        Raises:
            AssertionError: it ends with another code than 0, and `check` is set.
        """
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "COVERAGE", "PYTEST", "COMPOSER"))
        }
        program, *arguments = command
        result = subprocess.run(
            [self.program(str(program)), *arguments],
            cwd=folder,
            env=inherited | {"PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "120", "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=600,
        )
        if check:
            assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
        return result


def build_wheel(project: Path, folder: Path) -> Path:
    """Builds a project's wheel into a folder and gives its path."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run([*command, "--directory", str(folder)], cwd=project, check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel
