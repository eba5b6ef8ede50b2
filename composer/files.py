"""Writing files whole or not at all: a crash or a full disk leaves the old file, or none.

Every file that holds a result goes through `written_whole`. What is written beside the target is
flushed to the disk before it takes the target's name, so that a power failure leaves no empty file.

Libraries in C do not always notice that a disk took less than they gave it: the last bytes of a
picture are then missing, and nobody says so. What such a library makes is collected in memory, and
written by `write_bytes`.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_UNFINISHED = ".part"
_DEEPEST_FILE = 256  # bytes of the path of a file that we write into a folder
_LONGEST_NAME = 200  # bytes; file systems have 255, and we add a time


def is_there(path: str | os.PathLike[str]) -> bool:
    """Whether something has this path; nothing has one that is too long or no name at all."""
    try:
        return os.path.exists(path)
    except (OSError, ValueError):
        return False


@contextmanager
def written_whole(path: str | os.PathLike[str], *, follow_links: bool = True) -> Iterator[Path]:
    """Replaces a file by one that is written in the body of the `with` statement.

    Missing folders are made, and permissions are those of the file that is replaced, or of a new
    file. What is no plain file, such as `/dev/stdout`, is written to.

    Args:
        path: the file.
        follow_links: whether a symbolic link of that name is followed. It is where the user names
            the file; in a folder of results, where we choose the name, it is replaced: whoever made
            the folder may have put it there, and it leads anywhere.

    Yields:
        The file to write: beside the target, and with its suffix.

    Raises:
        OSError: the file cannot be written; `filename` is the target.
    """
    target = Path(path)
    is_replaced = target.is_symlink() and not follow_links
    if target.exists() and not target.is_file() and not target.is_dir() and not is_replaced:
        yield target
        return
    target.parent.mkdir(parents=True, exist_ok=True)  # a folder that cannot be made is named itself
    target = target.absolute() if is_replaced else target.resolve()
    unfinished = _beside(target)
    with _named_after(target, unfinished):
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            permissions = _create(unfinished, like=None if is_replaced else target)
            yield unfinished
            unfinished.chmod(permissions)  # writers such as safetensors' put another file there
            put_in_place(unfinished, target)
        finally:
            unfinished.unlink(missing_ok=True)


@contextmanager
def folder_written_whole(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Makes a folder whose files are written in the body of the `with` statement.

    Args:
        path: the folder, which must not exist.

    Yields:
        The folder to write to, beside the target. Its name ends as `is_unfinished` expects.

    Raises:
        OSError: it cannot be written; `filename` is the target.
    """
    target = Path(path)
    unfinished = _beside(target)
    with _named_after(target, unfinished):
        try:
            unfinished.mkdir(parents=True)
            yield unfinished
            _flush(unfinished)
            os.rename(unfinished, target)
            _flush_folder(target.parent)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


@contextmanager
def files_written_together(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Replaces a file, and others beside it that belong to it, by what is written in the body.

    Args:
        path: the file.

    Yields:
        The file to write, of the same name, in a folder of its own. Whatever else is put into this
        folder goes beside the target. If one of them cannot be put there, none is.

    Raises:
        OSError: they cannot be written; `filename` is the target.
    """
    target = Path(path)
    if target.is_dir() or (target.exists() and not target.is_file()):
        raise OSError(errno.EINVAL, "this is no plain file", os.fspath(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    target = target.resolve()
    folder = target.with_name(f".{target.stem[:100]}.{secrets.token_hex(8)}{_UNFINISHED}")
    with _named_after(target, folder / target.name):
        try:
            folder.mkdir()
            yield folder / target.name
            _put_all_in_place(folder, target)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _put_all_in_place(folder: Path, target: Path) -> None:
    """Moves the files of a folder beside a target, which goes last; all or none."""
    files = sorted(folder.iterdir(), key=lambda file: (file.name == target.name, file.name))
    replaced = folder / "replaced"
    replaced.mkdir()
    moved: list[Path] = []
    try:
        for file in files:
            place = target.with_name(file.name)
            if place.is_dir():
                raise OSError(errno.EISDIR, "there is a folder of this name", os.fspath(place))
            if place.exists() or place.is_symlink():
                os.replace(place, replaced / file.name)
            moved.append(place)
            put_in_place(file, place)
    except BaseException:
        for place in moved:
            place.unlink(missing_ok=True)
            if (replaced / place.name).exists():
                os.replace(replaced / place.name, place)
        raise


@contextmanager
def errors_named(path: str | os.PathLike[str]) -> Iterator[None]:
    """Gives errors of a stream the name of its file, which they lack."""
    with _named_after(Path(path), Path(path)):
        yield


def open_without_links(path: str | os.PathLike[str], flags: int) -> int:
    """Opens a file that is no symbolic link; its descriptor.

    Raises:
        OSError: it is one, or cannot be opened.
    """
    if os.path.islink(path):
        reason = "a symbolic link in a folder of results is not followed; remove it"
        raise OSError(errno.ELOOP, reason, os.fspath(path))
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def is_unfinished(path: Path) -> bool:
    """Whether a path is what a killed process left of a file or a folder."""
    return path.name.startswith(".") and _UNFINISHED in path.suffixes


def put_in_place(unfinished: Path, target: Path) -> None:
    """Gives a finished file its name, in place of what has that name.

    Raises:
        OSError: it cannot be flushed or renamed.
    """
    _flush(unfinished)
    os.replace(unfinished, target)
    _flush_folder(target.parent)


def check_file_name(name: str) -> str:
    """A name that becomes one file or folder, below the folder that it is put into.

    Raises:
        ValueError: it would lead elsewhere, or no file can have it.
    """
    if any(sign in name for sign in "/\\:") or name.strip(". ") == "":
        raise ValueError(
            f"'{name}' names a folder in 'runs/': it has no '/', '\\' or ':', and is not only dots"
        )
    if not name.isprintable() or len(name.encode("utf-8", "replace")) > _LONGEST_NAME:
        raise ValueError(
            f"the name of a folder has at most {_LONGEST_NAME} bytes, and no control characters"
        )
    return name


def write_bytes(
    path: str | os.PathLike[str], content: bytes | memoryview, *, follow_links: bool = True
) -> None:
    """Writes a file; see `written_whole`.

    Raises:
        OSError: it cannot be written.
    """
    with written_whole(path, follow_links=follow_links) as file:
        file.write_bytes(content)


def write_text(path: str | os.PathLike[str], text: str, *, follow_links: bool = True) -> None:
    """Writes a text file in UTF-8; see `written_whole`.

    Raises:
        OSError: it cannot be written.
    """
    with written_whole(path, follow_links=follow_links) as file:
        file.write_text(text, encoding="utf-8")


def write_json(
    path: str | os.PathLike[str],
    value: Any,
    *,
    indent: int | None = None,
    follow_links: bool = True,
) -> None:
    """Writes a file of one JSON document; see `written_whole`.

    Args:
        path: the file.
        value: plain values; see `without_infinities`.
        indent: spaces for each level; None writes one line.
        follow_links: as for `written_whole`.

    Raises:
        OSError: it cannot be written.
    """
    text = json.dumps(without_infinities(value), indent=indent, allow_nan=False)
    write_text(path, text + "\n", follow_links=follow_links)


def check_new_folder(path: str | os.PathLike[str]) -> None:
    """Makes sure that a folder can be made, or is there and can be written; nothing is made.

    Raises:
        OSError: it cannot, for what can be seen beforehand.
    """
    target = os.path.abspath(path)
    if "\0" in target:
        raise OSError(errno.EINVAL, "no path has the character NUL", target)
    place = target
    while not os.path.lexists(place):
        place = os.path.dirname(place)
    if not os.path.isdir(place):
        raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), place)
    if not os.access(place, os.W_OK | os.X_OK):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES), place)
    names = [os.fsencode(name) for name in Path(target).parts]
    longest, whole = _find_limits(place)
    if max(map(len, names)) > longest or len(os.fsencode(target)) + _DEEPEST_FILE > whole:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), target)


def _find_limits(folder: str) -> tuple[int, int]:
    """The bytes that a name, and a path, may have below a folder."""
    if not hasattr(os, "pathconf"):
        return 255, 4096
    return os.pathconf(folder, "PC_NAME_MAX"), os.pathconf(folder, "PC_PATH_MAX")


def make_subfolder(folder: str | os.PathLike[str], name: str) -> Path:
    """Makes a folder within a folder of results.

    Raises:
        OSError: it cannot be made, or is a symbolic link, which leads anywhere.
    """
    path = Path(folder, name)
    if path.is_symlink():
        reason = "a symbolic link in a folder of results is not followed; remove it"
        raise OSError(errno.ELOOP, reason, os.fspath(path))
    path.mkdir(parents=True, exist_ok=True)
    return path


def without_infinities(value: Any) -> Any:
    """A value with None for each number that JSON does not have: infinities and NaN."""
    if isinstance(value, Mapping):
        return {key: without_infinities(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_infinities(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _beside(target: Path) -> Path:
    name = f".{target.stem[:100]}.{secrets.token_hex(8)}{_UNFINISHED}{target.suffix[:50]}"
    return target.with_name(name)


def _create(file: Path, *, like: Path | None) -> int:
    """Creates an empty file; the permissions that it is to have in the end."""
    descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    try:
        status = like.stat() if like is not None and like.exists() else os.fstat(descriptor)
        return stat.S_IMODE(status.st_mode)
    finally:
        os.close(descriptor)


@contextmanager
def _named_after(target: Path, unfinished: Path) -> Iterator[None]:
    """Lets system errors name the file that was asked for, not the one beside it."""
    try:
        yield
    except OSError as error:
        if error.filename not in (None, os.fspath(unfinished)):
            raise
        if type(error).__module__ != "builtins":  # a library's own, whose name cannot be changed
            raise OSError(error.errno, error.strerror or str(error), os.fspath(target)) from error
        error.filename = os.fspath(target)
        del error.filename2  # a None would be printed
        raise


def _flush_folder(folder: Path) -> None:
    # The content is in place by now; some file systems cannot flush a folder.
    with contextlib.suppress(OSError):
        _flush(folder)


def _flush(path: Path) -> None:
    # Windows flushes only what is open for writing, and no folders.
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
