"""Recognises JSON documents in COCO's formats, also as Roboflow and Label Studio write them."""

from __future__ import annotations

import mmap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from composer.data.faults import FaultLog
from composer.data.formats.data_path import DataPath, open_path
from composer.data.formats.recognition import Recognition, sort_splits
from composer.data.json_file import load_json
from composer.data.json_values import as_integer
from composer.data.readers.image_files import ImageFiles
from composer.data.readers.image_finder import split_path, without_hash
from composer.data.readers.split_names import name_split
from composer.names import fold_case
from composer.regular_files import open_regular_file

_ROBOFLOW = "_annotations.coco.json"
_BESIDE_IMAGES = ("annotations", "annotation", "ann", "labels", "json")  # folders
_MAX_NAMED = 2  # images, in a message
_SAMPLE = 40  # images of a document that are looked for
_OTHER_TASKS = ("captions", "person_keypoints", "stuff", "image_info")  # files beside instances
_TITLES = {
    "coco": "COCO",
    "coco_panoptic": "COCO, panoptic",
    "lvis": "LVIS",
}


def recognise_coco(path: DataPath) -> Recognition | None:
    """COCO's instances and keypoints, with Roboflow's and Label Studio's ways."""
    return _recognise(path, "coco")


def recognise_panoptic(path: DataPath) -> Recognition | None:
    """COCO's panoptic segments."""
    return _recognise(path, "coco_panoptic")


def recognise_lvis(path: DataPath) -> Recognition | None:
    """LVIS."""
    return _recognise(path, "lvis")


def _recognise(path: DataPath, reader: str) -> Recognition | None:
    found = {
        file: document
        for file, document in path.json_documents()
        if choose_coco_reader(file, document) == reader
    }
    found = _without_other_tasks(found)
    if not found:
        return None
    around = open_path(path.image_folder) if path.image_folder else _look_around(path)
    notes: list[str] = []
    datasets: dict[str, dict[str, Any]] = {}
    for file, document in found.items():
        images = find_image_folder(document, file, around) or path.image_folder
        if images is None:
            looked_for = ", ".join(_list_names(document)[:_MAX_NAMED])
            notes.append(
                f"{path.relative(file)}: its images, such as {looked_for or 'nothing'}, are not "
                f"found; --images DIR names their folder{_hint_at_suffix(document, around)}"
            )
            continue
        configuration: dict[str, Any] = {"annotations": file, "images": images}
        if reader == "coco" and not _are_at_their_paths(document, images):
            configuration["find_anywhere"] = True
        if reader == "coco_panoptic":
            configuration["panoptic"] = file.with_suffix("")  # called like the annotations
        datasets[_name(file, path, found)] = configuration
    unused = _find_unused(found) if reader == "coco" else []
    if unused:
        datasets = {name: {**c, "unused_categories": unused} for name, c in datasets.items()}
    evidence = ", ".join(path.relative(file) for file in list(found)[:4])
    title = _TITLES[reader]
    if any(file.name == _ROBOFLOW for file in found):
        title = "COCO, as Roboflow has it"
    return Recognition(title, reader, evidence, sort_splits(datasets), tuple(notes))


def choose_coco_reader(file: Path, document: object) -> str | None:
    """The reader of a document in one of COCO's formats; None if it is of none of them.

    Args:
        file: where the document is.
        document: the document, or its beginning.
    """
    if not isinstance(document, Mapping):
        return None
    images, annotations = _first(document, "images"), _first(document, "annotations")
    has_images = "file_name" in images or "coco_url" in images
    has_objects = "image_id" in annotations and "category_id" in annotations
    if "segments_info" in annotations:
        return "coco_panoptic"
    if not (has_images or has_objects):
        return None
    if "caption" in annotations:
        return None
    if "categories" not in document and not _mentions(file, b'"categories"'):
        return None
    if not has_objects and has_images and not _mentions(file, b'"annotations"'):
        return None
    is_lvis = "not_exhaustive_category_ids" in images or _mentions(
        file, b'"not_exhaustive_category_ids"'
    )
    return "lvis" if is_lvis else "coco"


def _first(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The first entry of a list; an empty mapping if there is none."""
    entries = document.get(key)
    first = entries[0] if isinstance(entries, list) and entries else None
    return first if isinstance(first, Mapping) else {}


def _mentions(file: Path, text: bytes) -> bool:
    """Whether a text occurs anywhere in a file, which may be large."""
    try:
        with (
            open_regular_file(file) as stream,
            mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ):
            return content.find(text) >= 0
    except (OSError, ValueError):
        return False


def _without_other_tasks(found: Mapping[Path, Any]) -> dict[Path, Any]:
    """Without the files of other tasks for the same images, where there are instances."""
    folders = {file.parent for file in found if file.name.startswith("instances")}
    return {
        file: document
        for file, document in found.items()
        if file.parent not in folders or not file.name.startswith(_OTHER_TASKS)
    }


def _name(file: Path, path: DataPath, found: Mapping[Path, Any]) -> str:
    """The split of a document, by its name or its folder; its stem where others have that split."""
    if len(found) == 1 and not path.is_folder:
        return ""
    splits = Counter(_find_split(other, path) for other in found)
    own = _find_split(file, path)
    if own is not None and splits[own] == 1:
        return own
    if len(found) == 1:
        return ""
    stem = file.stem if file.name != _ROBOFLOW else file.parent.name
    stems = Counter(other.stem for other in found)
    return stem if stems[file.stem] == 1 else f"{file.parent.name}_{stem}"


def _find_split(file: Path, path: DataPath) -> str | None:
    return name_split(file.stem) or name_split(file.parent.name if file.parent != path.path else "")


def _look_around(path: DataPath) -> DataPath:
    """The folder; of a file, its own folder, or the one above one of annotations."""
    if path.is_folder:
        return path
    own = open_path(path.folder)
    folder = path.folder.resolve()
    return (
        own if own.images or folder.name.lower() not in _BESIDE_IMAGES else open_path(folder.parent)
    )


def find_image_folder(document: Any, file: Path, around: DataPath) -> Path | None:
    """The folder that a document's file names are relative to, by looking for the images.

    Args:
        document: the document, or its beginning.
        file: where it is.
        around: the folder in which the images are looked for.
    """
    split_names = [split_path(fold_case(name)) for name in _list_names(document)]
    wanted = {parts[-1]: parts for parts in split_names if parts}
    wanted |= {without_hash(parts[-1]): parts for parts in split_names if parts}
    votes: Counter[Path] = Counter()
    for image in around.images:
        parts = wanted.get(fold_case(image.name))
        if parts is not None:
            votes[_strip(image, parts)] += 1
    if not votes:
        return None
    split = name_split(file.stem) or name_split(file.parent.name)

    def rank(folder: Path) -> tuple[int, bool, bool, int]:
        inner = folder.relative_to(around.folder).parts
        is_of_split = split is not None and split in map(name_split, inner)
        return votes[folder], is_of_split, folder.is_relative_to(file.parent), -len(inner)

    return max(votes, key=rank)


def _list_names(document: Any) -> list[str]:
    """The file names of the first images."""
    entries = document.get("images")
    return [
        str(entry.get("file_name") or entry.get("coco_url") or "")
        for entry in (entries if isinstance(entries, list) else [])[:_SAMPLE]
        if isinstance(entry, Mapping)
    ]


def _are_at_their_paths(document: Any, folder: Path) -> bool:
    """Whether the first images that are anywhere below a folder are where their names say."""
    files, anywhere = ImageFiles(folder), ImageFiles(folder, anywhere=True)
    return all(files.has(name) or not anywhere.has(name) for name in _list_names(document))


def _hint_at_suffix(document: Any, around: DataPath) -> str:
    """A hint where images have other endings than a document says."""
    stems = {
        fold_case(Path(parts[-1]).stem) for n in _list_names(document) if (parts := split_path(n))
    }
    other = next((image for image in around.images if fold_case(image.stem) in stems), None)
    return "" if other is None else f" ({other.name} is there, which has another ending)"


def _strip(image: Path, parts: Sequence[str]) -> Path:
    """The folder of an image, without the end that its name has, too."""
    folder = image.parent
    for part in reversed(parts[:-1]):
        if fold_case(folder.name) != part:
            break
        folder = folder.parent
    return folder


def _find_unused(found: Mapping[Path, Any]) -> list[int]:
    """The id of the category that Roboflow puts before the classes, if no object is of it."""
    dummies = {dummy for document in found.values() for dummy in _find_dummies(document)}
    for file in found if dummies else ():
        annotations = load_json(file, FaultLog()).get("annotations", [])
        own_ids = (e.get("category_id") for e in annotations if isinstance(e, Mapping))
        dummies -= {own_id for given in own_ids if (own_id := as_integer(given)) is not None}
    return sorted(dummies)


def _find_dummies(document: Mapping[str, Any]) -> Iterator[int]:
    """The ids of categories that are only the parents of all the others."""
    categories = document.get("categories")
    if not isinstance(categories, list) or len(categories) < 2:
        return
    entries = [entry for entry in categories if isinstance(entry, Mapping)]
    for entry in entries:
        others = [other for other in entries if other is not entry]
        is_parent = all(other.get("supercategory") == entry.get("name") for other in others)
        if entry.get("supercategory") == "none" and is_parent and isinstance(entry.get("id"), int):
            yield entry["id"]
