"""Versions of packages, plugins and code, for the run folder."""

from __future__ import annotations

import platform
import subprocess
from typing import Any

from composer.discovery import DISTRIBUTION, find_version
from composer.graph import Graph, plugin_versions

_DISTRIBUTIONS = (DISTRIBUTION, "torch", "torchvision", "numpy", "pillow", "pycocotools")
_SECONDS = 10  # for git, in a folder that may be far away


def find_versions(graph: Graph) -> dict[str, Any]:
    """Versions of Python, of packages and of the plugins of a graph, and the state of git.

    Args:
        graph: the graph.
    """
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "packages": {name: version for name in _DISTRIBUTIONS if (version := find_version(name))},
        "plugins": plugin_versions(graph),
        "git": _find_git_state(),
    }


def _find_git_state() -> dict[str, Any] | None:
    """The commit of the current folder and whether it was changed since; None without git."""
    commit = _git("rev-parse", "HEAD")
    if not commit:
        return None
    return {"commit": commit, "is_changed": bool(_git("status", "--porcelain"))}


def _git(*arguments: str) -> str:
    try:
        found = subprocess.run(  # noqa: S603
            ["git", *arguments],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return found.stdout.strip() if found.returncode == 0 else ""
