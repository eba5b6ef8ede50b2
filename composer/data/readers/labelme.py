"""labelme's JSON files (github.com/wkentaro/labelme): one an image, with a list of shapes."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from composer.data.dataset import Dataset
from composer.data.faults import BadPart, FaultLog
from composer.data.json_file import load_json
from composer.data.json_values import are_numbers, as_id, as_integer, as_name, show_value
from composer.data.readers.embedded_images import keep_encoded_image
from composer.data.readers.flip_pairs import index_pairs
from composer.data.readers.image_finder import ImageFinder
from composer.data.readers.outlines import enclose, flatten, make_ellipse
from composer.data.readers.record_builder import DatasetBuilder, FoundImage, read_size
from composer.data.readers.split_names import name_split
from composer.data.readers.yolo_layout import read_class_file
from composer.data.records import Box
from composer.documents import Name
from composer.errors import DataError
from composer.images import opened_content, walk_folder
from composer.structures import encode_mask

_CORNERED = ("polygon", "oriented_rectangle", "rotation")  # the last is X-AnyLabeling's
_WITHOUT_AREA = ("line", "linestrip", "point", "points")
_LABELS = "labels.txt"  # labelme's list of classes, with two that are none
_NO_CLASSES = ("__ignore__", "_background_")

Group = tuple[str, int | str]  # the label and the group of an object, or a number of its own


def labelme(
    *,
    folder: Path,
    images: Path | None = None,
    split: str | None = None,
    classes: tuple[str, ...] | None = None,
    keypoint_flip_pairs: list[tuple[Name, Name]] | None = None,
) -> Dataset:
    """Reads polygons, rectangles, circles and masks; points of an object's group are its keypoints.

    Shapes of one label and one group are one object. Rectangles are boxes without a mask. Lines,
    and points without an object in their group, are reported and left out.

    Args:
        folder: the folder of the JSON files, or one file.
        images: the folder of the images, where they are elsewhere; `imagePath` or the name of the
            JSON file names an image. Where there is none, the copy in the JSON file (`imageData`)
            is kept in the cache and read.
        split: only the files below folders of this name: `train`, `val`, `test`.
        classes: names of the classes in order; by default those of `labels.txt`, or all labels.
        keypoint_flip_pairs: names of keypoints that change places in a mirror, [] if none does; by
            default they are unknown, and keypoints are not mirrored.

    Raises:
        DataError: there is no such file in the folder.
    """
    log = FaultLog()
    documents = {file: read_document(file, log) for file in list_files(folder)}
    found = {file: document for file, document in documents.items() if document is not None}
    if not found:
        raise DataError(f"{folder}: there is no JSON file of labelme")
    names = sorted(_list_keypoints(found.values()))
    builder = DatasetBuilder(
        classes or _list_classes(folder, found.values()),
        keypoint_names=names,
        flip_pairs=index_pairs(keypoint_flip_pairs or [], names),
        no_flip_pairs=keypoint_flip_pairs == [],
        log=log,
    )
    reader = _Reader(builder, folder if folder.is_dir() else folder.parent, images, names)
    for file, document in found.items():
        if split is None or find_split(file, folder) == split:
            reader.read(file, document)
    return builder.build("_".join(filter(None, [folder.resolve().stem, split])))


def list_files(folder: Path) -> list[Path]:
    """The JSON files below a folder, or the file itself."""
    if folder.is_file():
        return [folder]
    return [file for file in walk_folder(folder) if file.suffix.lower() == ".json"]


def find_split(file: Path, folder: Path) -> str | None:
    """The split that the folders of a file name."""
    inner = file.parent.relative_to(folder).parts if folder.is_dir() else ()
    return next((split for part in inner if (split := name_split(part))), None)


def read_document(file: Path, log: FaultLog) -> Mapping[str, Any] | None:
    """The content of labelme's file without the image in it; None if it is no such file.

    Args:
        file: a JSON file.
        log: takes keys that have several values.
    """
    own = FaultLog()
    try:
        document = load_json(file, own)
    except DataError:
        return None
    if not is_document(document):
        return None
    log.faults += own.faults
    return without_image(document)


def is_document(document: object) -> bool:
    """Whether a JSON document is one of labelme's."""
    return (
        isinstance(document, Mapping)
        and isinstance(document.get("shapes"), list)
        and ("imagePath" in document or "imageData" in document)
    )


def without_image(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """A document with only whether it has the image."""
    return {**document, "imageData": bool(document.get("imageData"))}


def _list_shapes(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from (shape for shape in document["shapes"] if isinstance(shape, Mapping))


def _kind(shape: Mapping[str, Any]) -> str:
    return str(shape.get("shape_type") or "polygon")  # the first versions had polygons only


def _find_group(shape: Mapping[str, Any]) -> int | str | None:
    """The group of a shape; None if it has none."""
    group = as_id(shape.get("group_id"))
    return None if group == "" else group


def _list_keypoints(documents: Any) -> set[str]:
    """The labels of points that belong to an object."""
    found = set()
    for document in documents:
        objects = {
            _find_group(shape) for shape in _list_shapes(document) if _kind(shape) != "point"
        }
        for shape in _list_shapes(document):
            group = _find_group(shape)
            name = as_name(shape.get("label"))
            is_of_object = group is not None and group in objects
            if _kind(shape) == "point" and is_of_object and name is not None:
                found.add(name)
    return found


def _list_classes(folder: Path, documents: Any) -> Sequence[str]:
    """The classes of `labels.txt` if it has all that occur, else those, sorted."""
    occurring = {
        label
        for document in documents
        for shape in _list_shapes(document)
        if _kind(shape) not in _WITHOUT_AREA and (label := as_name(shape.get("label"))) is not None
    }
    root = folder if folder.is_dir() else folder.parent
    for file in (root / _LABELS, root.parent / _LABELS):
        if file.is_file():
            listed = [name for name in read_class_file(file) if name not in _NO_CLASSES]
            if occurring <= set(listed):
                return listed
    return sorted(occurring)


@dataclass
class _Object:
    """The shapes of one object."""

    label: str
    group: int | str | None
    boxes: list[Box] = field(default_factory=list)
    outlines: list[list[float]] = field(default_factory=list)
    mask: np.ndarray | None = None
    keypoints: dict[str, tuple[float, float]] = field(default_factory=dict)
    has_outline: bool = False


class _Reader:
    def __init__(
        self, builder: DatasetBuilder, root: Path, images: Path | None, keypoints: Sequence[str]
    ) -> None:
        self._builder, self._root, self._images = builder, root, images
        self._keypoints = keypoints
        self._finders: dict[Path, ImageFinder] = {}

    def read(self, file: Path, document: Mapping[str, Any]) -> None:
        """Reads one file."""
        try:
            image = self._find(file, document)
            height, width = _to_size(document) or read_size(image)
        except BadPart as bad:
            self._builder.log.add(bad.kind, bad.message, file.name)
            return
        name = file.relative_to(self._root).with_suffix("").as_posix()
        found = self._builder.add_image(image, name, height, width)
        for place, one in self._collect(document, found).items():
            self._add(one, found, place)

    def _find(self, file: Path, document: Mapping[str, Any]) -> Path:
        if file.parent not in self._finders:
            roots = [self._images] if self._images else [file.parent, self._root]
            self._finders[file.parent] = ImageFinder(*roots)
        written = str(document.get("imagePath") or "")
        try:
            return self._finders[file.parent].find_first(written, file.stem)
        except BadPart:
            if not document.get("imageData"):
                raise
        return keep_encoded_image(load_json(file, FaultLog()).get("imageData"), file.stem)

    def _collect(self, document: Mapping[str, Any], image: FoundImage) -> dict[str, _Object]:
        """The objects of a file by the places of their first shapes."""
        objects: dict[Group, tuple[str, _Object]] = {}
        points = []
        for number, shape in enumerate(document["shapes"]):
            place = f"shape {number}"
            try:
                if not isinstance(shape, Mapping):
                    raise BadPart("malformed", f"a shape is a mapping, not {shape!r:.60}")
                kind = _kind(shape)
                group = _to_group(shape)
                if kind == "point" and group is not None:
                    points.append((place, shape))
                    continue
                if kind in _WITHOUT_AREA:
                    raise BadPart("no_object", f"a '{kind}' has no area, and is no object")
                label = _to_label(shape)
                key = (label, f"#{number}" if group is None else group)
                _, one = objects.setdefault(key, (place, _Object(label, group)))
                _add_shape(one, shape, kind, image)
            except BadPart as bad:
                image.note(bad.kind, bad.message, place)
        _add_points([one for _, one in objects.values()], points, image)
        return {place: one for place, one in objects.values() if one.boxes}

    def _add(self, one: _Object, image: FoundImage, place: str) -> None:
        x0, y0, x1, y1 = zip(*one.boxes, strict=True)
        segmentation: object = one.outlines if one.has_outline else None
        if one.mask is not None:
            segmentation = encode_mask(one.mask)
        keypoints = [
            value
            for name in self._keypoints
            for value in ((*one.keypoints[name], 2.0) if name in one.keypoints else (0.0, 0.0, 0.0))
        ]
        image.add(
            one.label,
            (min(x0), min(y0), max(x1), max(y1)),
            segmentation=segmentation,
            keypoints=keypoints if one.keypoints else None,
            place=place,
        )


def _to_label(shape: Mapping[str, Any]) -> str:
    """The label of a shape.

    Raises:
        BadPart: it has none.
    """
    label = as_name(shape.get("label"))
    if label is None:
        given = show_value(shape.get("label"))
        raise BadPart("unknown_category", f"the 'label' of a shape is a name, not {given}")
    return label


def _to_group(shape: Mapping[str, Any]) -> int | str | None:
    """The group of a shape; None if it has none.

    Raises:
        BadPart: it is neither a number nor a text.
    """
    given, group = shape.get("group_id"), _find_group(shape)
    if group is None and given not in (None, ""):
        message = f"the 'group_id' of a shape is a number or a text, not {show_value(given)}"
        raise BadPart("malformed", message)
    return group


def _to_size(document: Mapping[str, Any]) -> tuple[int, int] | None:
    sides = document.get("imageHeight"), document.get("imageWidth")
    height, width = (as_integer(side) or 0 for side in sides)
    return (height, width) if height > 0 and width > 0 else None


def _add_shape(one: _Object, shape: Mapping[str, Any], kind: str, image: FoundImage) -> None:
    """Adds a shape to its object.

    Raises:
        BadPart: it has not the points of its kind.
    """
    points = _to_points(shape.get("points"))
    if kind == "mask":
        _add_mask(one, shape, points, image)
        return
    if kind == "rectangle":
        box = _enclose(points, 2, kind)
        one.boxes.append(box)
        x0, y0, x1, y1 = box
        one.outlines.append([x0, y0, x1, y0, x1, y1, x0, y1])
        return
    if kind == "circle":
        _enclose(points, 2, kind)
        (x, y), (edge_x, edge_y) = points[:2]
        radius = math.hypot(edge_x - x, edge_y - y)
        outline = make_ellipse(x, y, radius, radius)
        box = (x - radius, y - radius, x + radius, y + radius)
    elif kind in _CORNERED:
        box = _enclose(points, 3, kind)
        outline = flatten(points)
    else:
        raise BadPart("malformed", f"there is no shape '{kind}' in labelme")
    one.boxes.append(box)
    one.outlines.append(outline)
    one.has_outline = True


def _to_points(written: object) -> list[tuple[float, float]]:
    points = written if isinstance(written, list) else []
    if not points or not all(
        isinstance(p, list) and len(p) == 2 and are_numbers(p) for p in points
    ):
        raise BadPart("malformed", "'points' is a list of pairs of numbers x, y")
    return [(float(x), float(y)) for x, y in points]


def _enclose(points: Sequence[tuple[float, float]], fewest: int, kind: str) -> Box:
    if len(points) < fewest:
        raise BadPart("empty_polygon", f"a '{kind}' has {fewest} points, not {len(points)}")
    return enclose(points)


def _add_mask(
    one: _Object, shape: Mapping[str, Any], points: Sequence[tuple[float, float]], image: FoundImage
) -> None:
    """Adds pixels: a PNG in the file, whose corner is the first point."""
    height, width = image.confirm_size()
    part = _decode(shape.get("mask"), height, width)
    x, y = (int(value) for value in points[0])
    rows, columns = part.shape
    if x < 0 or y < 0 or y + rows > height or x + columns > width or not part.any():
        raise BadPart("bad_mask", "the mask is empty or not within the image")
    whole = np.zeros((height, width), dtype=bool) if one.mask is None else one.mask
    whole[y : y + rows, x : x + columns] |= part
    filled = np.argwhere(part)
    (top, left), (bottom, right) = filled.min(axis=0), filled.max(axis=0) + 1
    one.boxes.append((float(x + left), float(y + top), float(x + right), float(y + bottom)))
    one.mask, one.has_outline = whole, True


def _decode(written: object, height: int, width: int) -> np.ndarray:
    if not isinstance(written, str):
        raise BadPart("bad_mask", "a 'mask' has a PNG image in base64")
    try:
        with opened_content(base64.b64decode(written), "the mask") as image:
            if image.width <= width and image.height <= height:
                return np.asarray(image.convert("L")) > 0
    except Exception as error:  # bytes can break a decoder in ways that nobody has listed
        raise BadPart("bad_mask", f"the mask cannot be read: {error}") from None
    raise BadPart("bad_mask", "the mask is larger than the image")


def _add_points(
    objects: Sequence[_Object], points: Sequence[tuple[str, Mapping[str, Any]]], image: FoundImage
) -> None:
    """Gives points to the only object of their group."""
    for place, shape in points:
        group = _find_group(shape)
        own = [one for one in objects if one.group == group and one.group is not None]
        try:
            if len(own) != 1:
                which = "no object is" if not own else "several objects are"
                raise BadPart("no_object", f"{which} of the group {group} of this point")
            (point,) = _to_points(shape.get("points"))[:1]
            own[0].keypoints[_to_label(shape)] = point
        except BadPart as bad:
            image.note(bad.kind, bad.message, place)
