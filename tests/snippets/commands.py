"""Runs a command of a page: by bash or, where bash adds nothing, `composer` without its imports."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from forked_commands import run_composer

_TIMEOUT = 600  # seconds for one command
_QUOTED = re.compile(r"'[^']*'|\"[^\"$`\\!]*\"")
_CONTINUED = re.compile(r"\\\n\s*")
_OF_SHELLS = re.compile(r"[^\w\s./=:,@%+-]")  # may be more to bash than part of a word


def run_command(command: str, folder: Path) -> tuple[int, str]:
    """Runs a command in a folder, from which it can import.

    Returns:
        Its exit code, and what it printed to both streams, without the name of the folder.
    """
    environment = os.environ | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(folder),
        "COLUMNS": "100",
        "NO_COLOR": "1",
    }
    words = read_words(command)
    if words[:1] == ["composer"]:
        code, printed = run_composer(words[1:], folder, environment)
    else:
        code, printed = _run_in_bash(command, folder, environment)
    return code, printed.replace(f"{folder}{os.sep}", "")


def read_words(command: str) -> list[str]:
    """The words of a command that is nothing but words, also quoted ones; else none."""
    line = _CONTINUED.sub(" ", command)
    if "\n" in line or _OF_SHELLS.search(_QUOTED.sub("", line)):
        return []
    return shlex.split(line)


def _run_in_bash(command: str, folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    result = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_TIMEOUT,
    )
    return result.returncode, result.stdout
