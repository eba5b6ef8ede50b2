"""Where the files of a Pascal VOC dataset are: VOC's folders with lists, or any folders."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from composer.data.faults import BadPart
from composer.data.readers.split_names import name_split
from composer.data.readers.text_lines import read_text
from composer.errors import DataError
from composer.images import find_in_folder, walk_folder

_LISTS = "ImageSets"
_WHOLE = "trainval"  # the list that is read by default
_OF_CLASSES = ("_train", "_val", "_trainval", "_test")  # ends of the names of lists of one class
_MARKS = ("1", "0", "-1")  # behind the names in those
_XML = ".xml"


@dataclass(frozen=True)
class VocLayout:
    """The folders and lists of a dataset.

    Args:
        folder: the folder of the dataset.
        annotations: the folder of the XML files.
        images: the folder of the images.
        lists: the lists of images by the name of their split.
        lists_folder: where the lists are, or would be.
    """

    folder: Path
    annotations: Path
    images: Path
    lists: Mapping[str, Path]
    lists_folder: Path

    def default_split(self, split: str | None) -> str | None:
        """The split, or the one that is read where none is named; None for all XML files."""
        return _WHOLE if split is None and _WHOLE in self.lists else split

    def list_names(self, split: str | None) -> list[str]:
        """The names of the images of a split: the paths of the XML files without their ending.

        Raises:
            DataError: there is no such split, or no XML file.
        """
        chosen = self.default_split(split)
        if chosen is not None and chosen in self.lists:
            return self._read_list(self.lists[chosen])
        files = list(self.annotation_files())
        if chosen is not None:
            files = [file for file in files if self._find_split(file) == chosen]
            if not files:
                raise DataError(self._describe_missing(chosen))
        if not files:
            raise DataError(f"{self.annotations}: there is no XML file in this folder")
        return [file.relative_to(self.annotations).with_suffix("").as_posix() for file in files]

    def folder_splits(self) -> list[str]:
        """The splits that the folders of the XML files name; an empty one for those without."""
        return sorted({self._find_split(file) or "" for file in self.annotation_files()})

    def annotation_files(self) -> Iterator[Path]:
        """All XML files, in the order of their paths."""
        for file in walk_folder(self.annotations):
            if file.suffix.lower() == _XML:
                yield file

    def find_annotations(self, name: str) -> Path:
        """The XML file of a name."""
        return self.annotations / f"{name}{_XML}"

    def image_folders(self, file: Path) -> Iterator[Path]:
        """Where the image of an XML file may be, the likeliest folder first."""
        if self.images != self.folder:
            yield self.images
            return
        yield file.parent
        if file.parent.parent.is_relative_to(self.folder):
            yield file.parent.parent
        yield self.folder

    def _read_list(self, file: Path) -> list[str]:
        """The names in a list, which may have spaces; lists of one class have a mark behind them.

        Raises:
            DataError: the list cannot be read.
        """
        try:
            lines = [line.strip() for line in read_text(file).splitlines()]
        except BadPart as bad:
            raise DataError(f"{file}: the list of images cannot be read: {bad.message}") from None
        names = []
        for line in filter(None, lines):
            name, _, last = line.rpartition(" ")
            is_marked = (
                last in _MARKS and name.strip() and not os.path.isfile(self.find_annotations(line))
            )
            names.append(name.strip() if is_marked else line)
        return names

    def _find_split(self, file: Path) -> str | None:
        inner = file.parent.relative_to(self.annotations).parts
        return next((split for part in inner if (split := name_split(part))), None)

    def _describe_missing(self, split: str) -> str:
        splits = ", ".join([*self.lists, *filter(None, self.folder_splits())])
        there = f"; there are: {splits}" if splits else f"; there is no list in {self.lists_folder}"
        file = self.lists_folder / f"{split}.txt"
        return f"{file}: the list of images cannot be read: there is no such split{there}"


def find_layout(
    folder: Path,
    annotations: Path | None = None,
    images: Path | None = None,
    semantic: bool = False,
) -> VocLayout:
    """The layout of a folder.

    Args:
        folder: the folder of the dataset.
        annotations: the folder of the XML files, if it is not `Annotations`.
        images: the folder of the images, if it is not `JPEGImages`.
        semantic: whether the lists are those of semantic segmentation.
    """
    lists_folder = folder / _LISTS / ("Segmentation" if semantic else "Main")
    if not lists_folder.is_dir() and find_in_folder(folder / _LISTS, ".txt"):
        lists_folder = folder / _LISTS
    return VocLayout(
        folder,
        annotations or _find_folder(folder, "Annotations"),
        images or _find_folder(folder, "JPEGImages"),
        {
            file.stem: file
            for file in find_in_folder(lists_folder, ".txt")
            if not file.stem.endswith(_OF_CLASSES)
        },
        lists_folder,
    )


def _find_folder(folder: Path, name: str) -> Path:
    """A folder inside of a name in any case; the folder itself if there is none."""
    if (folder / name).is_dir():
        return folder / name
    inner = sorted(folder.iterdir()) if folder.is_dir() else []
    alike = [one for one in inner if one.name.lower() == name.lower() and one.is_dir()]
    return alike[0] if alike else folder
