"""Reading files of torch, zip archives (checked first) and older ones, without running code."""

from __future__ import annotations

import io
import mmap
import re
import struct
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeGuard

import torch

from composer.checkpoint.torch_globals import TorchClaims
from composer.checkpoint.unpickler import Unpickler
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


_LEGACY_HEADER = (0x1950A86A20F9469CFC6C, 1001)  # magic number, version
_COUNT_BYTES = 8  # in a legacy file, each storage follows its number of items
_REFUSED_GLOBAL = re.compile(r"GLOBAL ([\w.]+)")


def read_torch(path: Path) -> object:
    """The value in a zip archive of torch. Its tensors are views of the memory-mapped file.

    Raises:
        CheckpointError: it is damaged, or holds more than tensors and plain containers.
    """
    archive = inspect_archive(path)
    claims = TorchClaims()
    Unpickler(
        io.BytesIO(archive.pickle),
        size=len(archive.pickle),
        vocabulary=claims.vocabulary(),
        source=str(path),
    ).load()
    for key, num_bytes in claims.storages.items():
        if num_bytes > (stored := archive.sizes.get(f"data/{key}", 0)):
            raise CheckpointError(
                f"{path}: damaged or hostile: tensor storage '{key}' should have {num_bytes} "
                f"bytes and has {stored}."
            )
    return _load(path, is_archive=True)


def read_legacy_torch(path: Path) -> object:
    """The value in a file of torch before 1.6: five pickles, then the storages.

    Raises:
        CheckpointError: it is damaged, or holds more than tensors and plain containers.
        OSError: the file cannot be read.
    """
    claims = TorchClaims()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        magic, version, _, _, keys = (
            Unpickler(
                content, size=len(content), vocabulary=claims.vocabulary(), source=str(path)
            ).load()
            for _ in range(5)
        )
        left = len(content) - content.tell()
    if (magic, version) != _LEGACY_HEADER or not _are_texts(keys):
        raise CheckpointError(f"{path}: an old file of torch whose header is damaged.")
    needed = sum(claims.storages.values()) + _COUNT_BYTES * len(claims.storages)
    if sorted(keys) != sorted(claims.storages) or needed > left:
        raise CheckpointError(
            f"{path}: truncated, damaged or hostile: its tensors take {needed} bytes, and {left} "
            "are left."
        )
    return _load(path, is_archive=False)


def _are_texts(values: object) -> TypeGuard[list[str]]:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _load(path: Path, *, is_archive: bool) -> object:
    # torch judges by the suffix first: a misnamed archive must not reach it by its name.
    by_name = is_archive and path.suffix != ".safetensors"
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(
                str(path) if by_name else file,
                map_location="cpu",
                weights_only=True,
                mmap=by_name,
            )
    except Exception as error:  # a hostile file can make torch raise anything
        refused = _REFUSED_GLOBAL.search(str(error))
        reason = (
            f"torch refused the global '{refused[1]}', which could run code"
            if refused
            else f"torch cannot read it: {str(error).splitlines()[0] if str(error) else error!r}"
        )
        raise CheckpointError(f"{path}: {reason}.") from error
