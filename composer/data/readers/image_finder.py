"""Finds image files by the names that annotation files have for them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from composer.data.faults import BadPart
from composer.errors import DataError, InputError
from composer.images import IMAGE_SUFFIXES, has_image_suffix, walk_folder
from composer.names import fold_case

_UPLOAD_HASH = re.compile(r"^[0-9a-f]{8}-(?=.)")  # which Label Studio puts before a name


def require_image_folder(folder: Path) -> None:
    """Refuses what is no folder of images.

    Raises:
        DataError: there is no such folder, or it is a file.
    """
    if os.path.isdir(folder):
        return
    if os.path.isfile(folder):
        raise DataError(f"{folder} is a file; the folder of the images is expected")
    raise DataError(f"{folder}: there is no such folder of images")


def require_images(folder: str | os.PathLike[str]) -> Path:
    """The folder of images that a user names; one without an image is a mistake.

    Raises:
        InputError: there is no such folder, it is a file, or there is no image in it.
    """
    path = Path(folder)
    if not os.fspath(folder):
        raise InputError("the folder of the images has an empty name; the current one is '.'")
    try:
        require_image_folder(path)
    except DataError as error:
        raise InputError(str(error)) from None
    if next(list_images(path), None) is None:
        raise InputError(f"{folder}: there is no image in this folder of images")
    return path


def list_images(root: Path) -> Iterator[Path]:
    """The image files below a folder, in the order of their paths; hidden ones are passed over."""
    return (file for file in walk_folder(root) if has_image_suffix(file))


class ImageFinder:
    """Finds images below some folders by name.

    The longest end of a path that exists below a folder counts, so that a data set can be moved;
    then the only image of the name, wherever it lies, in any case and Unicode form; then the only
    one of its stem. Of several images, the one that shares the most folders with the path counts.

    Args:
        roots: the folders.

    Raises:
        DataError: one of them is none.
    """

    def __init__(self, *roots: Path) -> None:
        self.roots = tuple(dict.fromkeys(roots))
        for root in self.roots:
            require_image_folder(root)
        self._by_name: dict[str, list[Path]] | None = None
        self._by_stem: dict[str, list[Path]] = {}

    def find(self, name: str) -> Path:
        """The image of a name: a file name, a path in any notation, or a URL.

        Raises:
            BadPart: there is none, or several.
        """
        parts = split_path(name)
        if not parts:
            raise BadPart("missing_file", "the image has no file name")
        written = Path(name)
        if written.is_absolute() and _is_image(written):
            return written
        for start in range(len(parts)):
            for root in self.roots:
                path = root.joinpath(*parts[start:])
                if os.path.isfile(path):  # Path.is_file raises where a name is too long
                    return path
        for found in self._find_elsewhere(parts[-1]):
            found = _keep_longest_ends(found, parts)
            if len(found) == 1:
                return found[0]
            if found:
                several = ", ".join(str(path) for path in found[:3])
                raise BadPart("missing_file", f"several files could be meant: {several}")
        folders = ", ".join(str(root) for root in self.roots)
        raise BadPart("missing_file", f"there is no such file in {folders}")

    def find_first(self, *names: str) -> Path:
        """The image of the first of some names that has one; empty names are passed over.

        Raises:
            BadPart: none has one; the message is that of the first.
        """
        missing: list[BadPart] = []
        for name in filter(None, names):
            try:
                return self.find(name)
            except BadPart as bad:
                missing.append(BadPart(bad.kind, f"image '{name}': {bad.message}"))
        raise missing[0] if missing else BadPart("missing_file", "the image has no file name")

    def images(self) -> list[Path]:
        """All images below the folders."""
        return [path for paths in self._index().values() for path in paths]

    def _find_elsewhere(self, name: str) -> Iterator[list[Path]]:
        by_name = self._index()
        yield by_name.get(fold_case(name), [])
        yield self._by_stem.get(fold_case(name), [])
        if Path(name).suffix.lower() in IMAGE_SUFFIXES:
            yield self._by_stem.get(fold_case(Path(name).stem), [])
        bare = without_hash(name)
        if bare != name:
            yield by_name.get(fold_case(bare), [])

    def _index(self) -> dict[str, list[Path]]:
        if self._by_name is None:
            self._by_name = {}
            for path in dict.fromkeys(path for root in self.roots for path in list_images(root)):
                self._by_name.setdefault(fold_case(path.name), []).append(path)
                self._by_stem.setdefault(fold_case(path.stem), []).append(path)
        return self._by_name


def _keep_longest_ends(found: list[Path], parts: list[str]) -> list[Path]:
    """Of several files those that share the most folders with the end of a path."""
    if len(found) < 2:
        return found
    folders = [fold_case(part) for part in parts[-2::-1]]
    shared = []
    for path in found:
        own = [fold_case(part) for part in path.parts[-2::-1]]
        pairs = zip(own, folders, strict=False)
        shared.append(sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs)))
    return [path for path, count in zip(found, shared, strict=True) if count == max(shared)]


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and os.path.isfile(path)


def without_hash(name: str) -> str:
    """A file name without the hash that Label Studio puts before the name of an uploaded file."""
    return _UPLOAD_HASH.sub("", name)


def split_path(name: str) -> list[str]:
    """The parts of a path in any notation, without those that lead upwards.

    Of `/data/local-files/?d=a/b.jpg`, Label Studio's form, the path of the parameter counts.
    """
    text = name.strip()
    if "://" in text or text.startswith("/data/"):
        address = urlsplit(text)
        local = parse_qs(address.query).get("d")
        text = local[0] if local else unquote(address.path)
    parts = text.replace("\\", "/").split("/")
    return [part for part in parts if part not in ("", ".", "..") and not part.endswith(":")]
