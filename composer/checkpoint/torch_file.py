"""Reading files of torch, zip archives and older ones, without running code.

Both are read by ourselves and once: what was checked is what tensors are made of.
"""

from __future__ import annotations

import io
import mmap
import sys
import unicodedata
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TypeGuard

import torch
from torch import Tensor

from composer.checkpoint.byte_order import swap_bytes
from composer.checkpoint.formats import detect_container
from composer.checkpoint.nesting import check_nesting
from composer.checkpoint.torch_pickle import make_torch_vocabulary
from composer.checkpoint.unpickler import Unpickler
from composer.checkpoint.zip_directory import Member, read_directory
from composer.errors import CheckpointError
from composer.limits import Expansion
from composer.regular_files import open_regular_file

_PICKLE = "data.pkl"
_ALIGNMENT = 16  # bytes of the largest item
_LEGACY_HEADER = (0x1950A86A20F9469CFC6C, 1001)  # magic number, version
_MAX_WALK = 1_000_000  # items in a value that is given to a graph
_COUNT_BYTES = 8  # in a legacy file, each storage follows its number of items


def read_torch(path: Path, *, has_placeholders: bool = True) -> object:
    """The value in a zip archive of torch. Its tensors are views of the memory-mapped file.

    torch stores its members as they are and in one folder: an archive that compresses them, or
    whose names lead elsewhere, was not written by it. Nothing is ever unpacked to disk.

    Args:
        path: the file.
        has_placeholders: whether placeholders stand for other objects, or these are refused.

    Raises:
        CheckpointError: it is damaged, not of torch, or holds what is not read.
        OSError: the file cannot be read.
    """
    with open_regular_file(path) as file:
        # The tensors are writable, and what is written to them does not reach the file.
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    members = _read_members(path, content)
    pickle = _view(content, members[_PICKLE]).numpy().tobytes()
    storages = _ArchiveStorages(path, content, members)
    return Unpickler(
        io.BytesIO(pickle),
        size=len(pickle),
        vocabulary=make_torch_vocabulary(storages.find, has_placeholders=has_placeholders),
        source=str(path),
        expansion=Expansion(path, len(content)),
    ).load()


def read_torch_value(path: Path) -> object:
    """The value in a file of torch of either kind: tensors and plain containers.

    Raises:
        CheckpointError: it is no such file, is damaged, or holds something else.
        OSError: the file cannot be read.
    """
    container = detect_container(path)
    if container not in ("torch", "legacy torch"):
        raise CheckpointError(f"{path}: not a file of torch, but one of the kind '{container}'.")
    read = read_torch if container == "torch" else read_legacy_torch
    value = read(path, has_placeholders=False)
    check_nesting(value, source=str(path), max_walk=_MAX_WALK)
    return value


def _read_members(path: Path, content: mmap.mmap) -> dict[str, Member]:
    """The members of an archive by their names below its folder."""
    try:
        members = read_directory(content, len(content))
    except ValueError as error:
        raise CheckpointError(
            f"{path}: begins like a file of torch, but is truncated, damaged or hostile: {error}."
        ) from error
    for member in members.values():
        _check_member(path, member)
    root = _find_root(path, members)
    by_name = {name.removeprefix(f"{root}/"): member for name, member in members.items()}
    if len({_fold(name) for name in by_name}) != len(by_name):
        raise CheckpointError(
            f"{path}: refused: two members of the archive have names that some readers take for "
            "one."
        )
    return by_name


def _fold(name: str) -> str:
    return unicodedata.normalize("NFKC", name.replace("\\", "/")).casefold().rstrip("/")


def _check_member(path: Path, member: Member) -> None:
    name = member.name
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not name.isprintable() or name.startswith(("/", "\\")) or ".." in parts or ":" in name:
        raise CheckpointError(
            f"{path}: refused the member {name!r:.100}: its name leads out of the archive."
        )
    if member.is_compressed:
        raise CheckpointError(
            f"{path}: refused the member '{name:.100}': it is compressed, which torch never does. "
            "If this is a zip file with a checkpoint in it, unpack it first."
        )


def _find_root(path: Path, members: Mapping[str, Member]) -> str:
    roots = {name.partition("/")[0] for name in members}
    if any(f"{root}/constants.pkl" in members for root in roots):
        raise CheckpointError(
            f"{path}: a TorchScript archive, which holds code. Save the state dict instead."
        )
    if len(roots) != 1 or f"{(root := roots.pop())}/{_PICKLE}" not in members:
        raise CheckpointError(
            f"{path}: a zip archive that torch did not write: it has no '{_PICKLE}'. "
            "If a checkpoint is inside, unpack it first."
        )
    return root


def _view(content: mmap.mmap, member: Member) -> Tensor:
    """The bytes of a member, where they are."""
    if not member.size:
        return torch.empty(0, dtype=torch.uint8)
    return torch.frombuffer(content, dtype=torch.uint8, offset=member.start, count=member.size)


class _ArchiveStorages:
    """The storages of an archive: views of its members."""

    def __init__(self, path: Path, content: mmap.mmap, members: Mapping[str, Member]) -> None:
        self._path, self._content, self._members = path, content, members
        self._is_swapped = self._byte_order() != sys.byteorder
        self._found: dict[str, Tensor] = {}

    def find(self, key: str, num_bytes: int, dtype: torch.dtype) -> Tensor:
        member = self._members.get(f"data/{key}")
        if num_bytes > (stored := member.size if member else 0):
            raise ValueError(
                f"tensor storage '{key:.80}' should have {num_bytes!s:.30} bytes and has {stored}"
            )
        if key not in self._found:
            data = _view(self._content, member) if member else torch.empty(0, dtype=torch.uint8)
            if data.data_ptr() % _ALIGNMENT:
                data = data.clone()
            if self._is_swapped:
                swap_bytes(data, dtype)
            self._found[key] = data
        return self._found[key]

    def _byte_order(self) -> str:
        member = self._members.get("byteorder")
        if member is None:
            return "little"
        order = bytes(_view(self._content, member)[:10].tolist()).decode("ascii", "replace")
        if order not in ("little", "big"):
            raise CheckpointError(f"{self._path}: refused: the byte order {order!r}.")
        return order


def read_legacy_torch(path: Path, *, has_placeholders: bool = True) -> object:
    """The value in a file of torch before 1.6: five pickles, then the storages.

    Args:
        path: the file.
        has_placeholders: as of `read_torch`.

    Raises:
        CheckpointError: it is damaged, or holds what is not read.
        OSError: the file cannot be read.
    """
    with (
        open_regular_file(path) as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        storages = _LegacyStorages(len(content))
        expansion = Expansion(path, len(content))
        magic, version, _, value, keys = (
            Unpickler(
                content,
                size=len(content),
                vocabulary=make_torch_vocabulary(storages.find, has_placeholders=has_placeholders),
                source=str(path),
                expansion=expansion,
            ).load()
            for _ in range(5)
        )
        begin = content.tell()
    if (magic, version) != _LEGACY_HEADER or not _are_texts(keys):
        raise CheckpointError(f"{path}: an old file of torch whose header is damaged.")
    try:
        storages.fill(path, begin, keys)
    except ValueError as error:
        raise CheckpointError(f"{path}: truncated, damaged or hostile: {error}.") from None
    return value


def _are_texts(values: object) -> TypeGuard[list[str]]:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


class _LegacyStorages:
    """The storages of an old file, whose data follow all that refers to them.

    Args:
        length: bytes of the file. Storages are made as they are referred to, never more than that.
    """

    def __init__(self, length: int) -> None:
        self._left = length
        self._found: dict[str, tuple[Tensor, torch.dtype]] = {}

    def find(self, key: str, num_bytes: int, dtype: torch.dtype) -> Tensor:
        if key not in self._found:
            self._left -= num_bytes + _COUNT_BYTES
            if self._left < 0:
                raise ValueError("its tensor storages take more than the file has")
            self._found[key] = torch.empty(num_bytes, dtype=torch.uint8), dtype
        data = self._found[key][0]
        if len(data) != num_bytes:
            raise ValueError(f"tensor storage '{key:.80}' has two sizes")
        return data

    def fill(self, path: Path, begin: int, keys: list[str]) -> None:
        """Reads the data.

        Raises:
            ValueError: other storages are in the file than were referred to.
        """
        if sorted(keys) != sorted(self._found):
            raise ValueError("its tensor storages are not those that it lists")
        with open_regular_file(path) as file:
            file.seek(begin)
            for key in keys:
                data, dtype = self._found[key]
                count = file.read(_COUNT_BYTES)
                if len(count) < _COUNT_BYTES:
                    raise ValueError(f"tensor storage '{key:.80}' is cut off")
                if int.from_bytes(count, "little") * dtype.itemsize != len(data):
                    raise ValueError(f"tensor storage '{key:.80}' has another size than it claims")
                if file.readinto(data.numpy().data) != len(data):
                    raise ValueError(f"tensor storage '{key:.80}' is cut off")
            if sys.byteorder != "little":
                for data, dtype in self._found.values():
                    swap_bytes(data, dtype)
