"""Names files that hold a model, and yet no weights that can be read without running code."""

from __future__ import annotations

import mmap
import re
from pathlib import Path

from composer.checkpoint.zip_directory import read_directory
from composer.regular_files import open_regular_file

_MOST_BYTES = 64 * 2**20  # of a pickle, to look for the names of a module's attributes in
_MODULE_MARKS = (b"_parameters", b"_buffers", b"_modules")
_REFUSED = re.compile(r"(torch )?refused the global '[\w.]+'")
_AGAIN = "torch.save({}.state_dict(), 'weights.pth')"
_KINDS = (
    (
        re.compile(r"/(code/|constants\.pkl$)"),
        "a TorchScript archive, which holds code. Save its weights with torch: "
        + _AGAIN.format("torch.jit.load(file)"),
    ),
    (
        re.compile(r"(^|/)(models/[^/]+\.json|archive_format|serialized_exported_program\.json)$"),
        "a program of torch.export, whose nodes are gone. Save its weights with torch: "
        + "torch.save(torch.export.load(file).state_dict, 'weights.pth')",
    ),
    (re.compile(r"\.npy$"), "arrays of numpy (.npz): a checkpoint is .safetensors, .pth or .pkl"),
)


def explain_foreign(file: Path, reason: str) -> str | None:
    """Says what a file is that could not be read as a checkpoint; None if that is not known.

    Args:
        file: the file, of which nothing is unpickled.
        reason: why it could not be read.
    """
    try:
        names, is_module = _look_into(file)
    except (OSError, ValueError):
        return None
    for pattern, what in _KINDS:
        if any(pattern.search(name) for name in names):
            return f"{file}: {what}."
    if is_module:
        refused = _REFUSED.search(reason)
        named = f" ({refused[0]})" if refused else ""
        return (
            f"{file}: a whole module instead of its weights, whose code would have to run{named}. "
            f"Save the weights where it was written: {_AGAIN.format('model')}."
        )
    return None


def _look_into(file: Path) -> tuple[list[str], bool]:
    """The names of the members of an archive, and whether its pickle is one of a module."""
    with (
        open_regular_file(file) as opened,
        mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        if not content[:4].startswith(b"PK\x03\x04"):
            return [], _describes_module(content[:_MOST_BYTES])
        members = read_directory(content, len(content))
        for name, member in members.items():
            if name.endswith("/data.pkl") and not member.is_compressed:
                end = member.start + min(member.size, _MOST_BYTES)
                return list(members), _describes_module(content[member.start : end])
        return list(members), False


def _describes_module(pickle: bytes) -> bool:
    return all(mark in pickle for mark in _MODULE_MARKS)
