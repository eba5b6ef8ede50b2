"""Files that code depends on besides the sources of plugins: other modules, and opened files."""

from __future__ import annotations

import os
import re
import site
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

_METADATA = re.compile(r"\.(dist|egg)-info[/\\]")
_SYSTEM = ("/proc/", "/sys/", "/dev/")
_PROGRAM = ("__main__", "__mp_main__")
_MODULES = (".py", ".pyc", ".so", ".pyd")


class OpenedFiles:
    """The files that are opened while it watches, without modules and files of the system."""

    def __init__(self) -> None:
        self.paths: set[str] = set()
        self.is_watching = False

    def note(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Takes an audit event of Python."""
        if not self.is_watching or event != "open" or not isinstance(arguments[0], str):
            return
        _, _, flags = arguments
        if not flags & os.O_EXCL:  # a new file has nothing that an outcome could depend on
            path = os.path.abspath(os.fspath(arguments[0]))
            is_code = path.endswith(_MODULES) or path in sys.path or path == _find_program()
            is_code = is_code or _METADATA.search(path) is not None
            if not is_code and not path.startswith(_SYSTEM):
                self.paths.add(path)


@contextmanager
def watched_files() -> Iterator[OpenedFiles]:
    """Notes the files that are opened in the body of the `with` statement."""
    opened = _opened_files()
    opened.paths.clear()
    opened.is_watching = True
    try:
        yield opened
    finally:
        opened.is_watching = False


@cache
def _opened_files() -> OpenedFiles:
    # Python never removes a hook, so there is one for the life of the process.
    opened = OpenedFiles()
    sys.addaudithook(opened.note)
    return opened


def _find_program() -> str:
    """The script that Python runs, which is read for its lines."""
    return os.path.abspath(getattr(sys.modules.get("__main__"), "__file__", None) or "")


def is_installed(path: str, folders: Sequence[str]) -> bool:
    """Whether a file belongs to Python, to an installed distribution, or to one of the folders."""
    return path.startswith((*installed_folders(), *(_as_start(folder) for folder in folders)))


def list_other_modules(folders: Sequence[str]) -> list[str]:
    """The files of imported modules that are neither installed nor in one of the folders."""
    found = set[str]()
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        # torch gives two of its modules names that are no paths.
        if not isinstance(path, str) or not os.path.isabs(path) or name in _PROGRAM:
            continue
        if not is_installed(path, folders) and path not in folders:
            found.add(path)
    return sorted(found)


@cache
def installed_folders() -> tuple[str, ...]:
    """The folders of Python's own modules and of what pip has installed."""
    paths = sysconfig.get_paths()
    named = [paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    named += [*site.getsitepackages(), site.getusersitepackages()]
    return tuple(dict.fromkeys(_as_start(os.path.realpath(each)) for each in named)) + tuple(
        dict.fromkeys(_as_start(each) for each in named)
    )


def _as_start(folder: str) -> str:
    return folder.rstrip(os.sep) + os.sep
