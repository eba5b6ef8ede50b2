"""Reading files of torch, zip archives and older ones, without running their code."""

from __future__ import annotations

import io
import mmap
import re
import warnings
from pathlib import Path
from typing import TypeGuard

import torch

from composer.checkpoint.torch_archive import inspect_archive
from composer.checkpoint.torch_globals import TorchClaims
from composer.checkpoint.unpickler import Unpickler
from composer.errors import CheckpointError

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
