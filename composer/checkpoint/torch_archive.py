"""The zip archive that torch writes, checked before torch reads it."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from composer.errors import CheckpointError

_PICKLE = "data.pkl"


@dataclass(frozen=True)
class TorchArchive:
    """The members of an archive.

    Attributes:
        pickle: the pickle that describes the saved value.
        sizes: member name below the archive's root folder -> bytes.
    """

    pickle: bytes
    sizes: Mapping[str, int]


def inspect_archive(path: Path) -> TorchArchive:
    """The members of the archive at `path`, once they are known to be harmless.

    torch stores its members as they are and in one folder: an archive that compresses them, or
    whose names lead elsewhere, was not written by it. Nothing is ever unpacked to disk.

    Raises:
        CheckpointError: it is damaged, not of torch, holds code, or has suspicious members.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            for member in members:
                _check_member(path, member)
            root = _root(path, members)
            pickle = archive.read(f"{root}/{_PICKLE}")
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, RuntimeError, struct.error) as error:
        raise CheckpointError(
            f"{path}: begins like a file of torch, but is truncated or damaged: {error}."
        ) from error
    sizes = {member.filename.removeprefix(f"{root}/"): member.file_size for member in members}
    if sum(sizes.values()) > path.stat().st_size or len(sizes) != len(members):
        raise CheckpointError(f"{path}: refused: members of the archive overlap.")
    return TorchArchive(pickle, sizes)


def _check_member(path: Path, member: zipfile.ZipInfo) -> None:
    name = member.orig_filename
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not name.isprintable() or name.startswith(("/", "\\")) or ".." in parts or ":" in name:
        raise CheckpointError(
            f"{path}: refused the member {name!r:.100}: its name leads out of the archive."
        )
    if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
        raise CheckpointError(
            f"{path}: refused the member '{name}': it is compressed, which torch never does. "
            "If this is a zip file with a checkpoint in it, unpack it first."
        )


def _root(path: Path, members: list[zipfile.ZipInfo]) -> str:
    roots = {member.filename.partition("/")[0] for member in members}
    names = {member.filename for member in members}
    if any(f"{root}/constants.pkl" in names for root in roots):
        raise CheckpointError(
            f"{path}: a TorchScript archive, which holds code. Save the state dict instead."
        )
    if len(roots) != 1 or f"{(root := roots.pop())}/{_PICKLE}" not in names:
        raise CheckpointError(
            f"{path}: a zip archive that torch did not write: it has no '{_PICKLE}'. "
            "If a checkpoint is inside, unpack it first."
        )
    return root
