"""Checks what no linter looks at: line ends, final newlines, conflict markers, sizes, caches.

Takes the files to check, or checks every file that git knows. Prints one line a problem and
exits with 1 if there is one.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

MAX_BYTES = 600_000
MAX_DATA_BYTES = 2_000_000  # what parity tests compare with
MAX_MODEL_BYTES = 12_000_000  # weights that ship in the wheel
DATA = Path("tests/parity/data")
MODELS = Path("models")
CONFLICT_MARKERS = ("<" * 7 + " ", ">" * 7 + " ")


def find_limit(path: Path) -> int:
    """How many bytes a file may have, by where it is."""
    if MODELS in path.parents:
        return MAX_MODEL_BYTES
    return MAX_DATA_BYTES if DATA in path.parents else MAX_BYTES


def find_problems(path: Path) -> Iterator[str]:
    """Yields the problems of one file, as `path:line: message`."""
    if path.name == "CACHEDIR.TAG":
        yield f"{path}: marks a cache; its folder stays out of git"
    content = path.read_bytes()
    limit = find_limit(path)
    if len(content) > limit:
        yield f"{path}: {len(content)} bytes; files of more than {limit} stay out of git"
    if b"\0" in content[:8192] or not content:
        return
    if not content.endswith(b"\n") or content.endswith(b"\n\n"):
        yield f"{path}: ends with no newline, or with several"
    for number, line in enumerate(content.decode("utf-8").splitlines(keepends=True), start=1):
        if line.endswith("\r\n"):
            yield f"{path}:{number}: ends in the Windows manner (CRLF)"
        elif line.rstrip("\n") != line.rstrip():
            yield f"{path}:{number}: blanks at the end of the line"
        if line.startswith(CONFLICT_MARKERS):
            yield f"{path}:{number}: a merge conflict is left"


def list_files() -> list[str]:
    """Lists the files that git tracks."""
    output = subprocess.run(["git", "ls-files", "-z"], check=True, capture_output=True, text=True)  # noqa: S607
    return [name for name in output.stdout.split("\0") if name]


def main(names: list[str]) -> int:
    """Checks the named files, or all; gives the exit code."""
    paths = [path for name in names or list_files() if (path := Path(name)).is_file()]
    problems = [problem for path in paths for problem in find_problems(path)]
    print("\n".join(problems) or f"{len(paths)} files are in good form")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
