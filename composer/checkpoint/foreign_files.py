"""Names files that hold a model, and yet no weights that can be read without running code."""

from __future__ import annotations

import mmap
import re
import zipfile
from pathlib import Path

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
    except (OSError, zipfile.BadZipFile, ValueError, RuntimeError, NotImplementedError):
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
    if not zipfile.is_zipfile(file):
        with (
            file.open("rb") as opened,
            mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ):
            return [], all(content.find(mark, 0, _MOST_BYTES) >= 0 for mark in _MODULE_MARKS)
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        pickles = [one for one in archive.infolist() if one.filename.endswith("/data.pkl")]
        if not pickles or pickles[0].compress_type != zipfile.ZIP_STORED:
            return names, False
        with archive.open(pickles[0]) as member:
            pickle = member.read(min(_MOST_BYTES, pickles[0].file_size))
        return names, all(mark in pickle for mark in _MODULE_MARKS)
