"""Label Studio's own JSON: a list of tasks with results, in percents of the image."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from composer.data.dataset import Dataset
from composer.data.faults import BadPart
from composer.data.json_file import load_json
from composer.data.json_values import are_numbers, as_id, as_name, show_value
from composer.data.readers.brush_masks import decode_brush
from composer.data.readers.image_finder import ImageFinder
from composer.data.readers.outlines import make_ellipse, make_rectangle
from composer.data.readers.record_builder import DatasetBuilder, FoundImage
from composer.errors import DataError
from composer.structures import RunLengths, encode_mask

_KINDS = ("rectanglelabels", "polygonlabels", "ellipselabels", "keypointlabels", "brushlabels")
_IMAGE_KEYS = ("image", "img", "image_url", "url", "ocr")

Entry = Mapping[str, Any]


def label_studio(
    *, annotations: Path, images: Path | None = None, classes: tuple[str, ...] | None = None
) -> Dataset:
    """Reads rectangles, polygons, ellipses and painted masks of a JSON or JSON-MIN export.

    Of a task that several people annotated, the first annotation that was not skipped counts.

    Args:
        annotations: the JSON file.
        images: the folder of the images; by default that of the file. The hash that Label Studio
            puts before names of uploaded files may be missing.
        classes: names of the classes in order; by default all that occur, sorted.

    Raises:
        DataError: the file cannot be read, or is no such export.
    """
    builder = DatasetBuilder(classes)
    tasks = load_json(annotations, builder.log)
    if not is_export(tasks):
        raise DataError(f"{annotations}: it is no list of tasks of Label Studio")
    finder = ImageFinder(images or annotations.parent)
    for at, task in enumerate(tasks):
        if not isinstance(task, Mapping):
            message = f"a task is a mapping, not {show_value(task)}"
            builder.log.add("malformed", message, entry=f"task {at}")
            continue
        name, to_id = find_image(task), partial(_to_id, task)
        image = builder.find_image(finder, name, to_id=to_id, place=f"task {at}")
        if image is None:
            continue
        if (count := len(_list_annotations(task))) > 1:
            image.note("duplicate_id", f"the task has {count} annotations; the first counts")
        for number, result in enumerate(list_results(task)):
            _add(image, result, f"result {number}")
    return builder.build(annotations.stem)


def _to_id(task: Entry, file: Path) -> int | str:
    """The id of a task, or the name of its image."""
    own = as_id(task.get("id"))
    return file.name if own is None else own


def is_export(document: object) -> bool:
    """Whether a JSON document is a list of annotated tasks."""
    if not isinstance(document, list) or not document:
        return False
    return all(isinstance(task, Mapping) and _is_task(task) for task in document[:3])


def _is_task(task: Entry) -> bool:
    data = task.get("data")
    if isinstance(data, Mapping):
        return "annotations" in task or "completions" in task
    return bool(find_image(task)) and any(_is_short(value) for value in task.values())


def _is_short(value: object) -> bool:
    """Whether it is a list of results in the form of JSON-MIN."""
    first = value[0] if isinstance(value, list) and value else None
    return isinstance(first, Mapping) and any(kind in first for kind in _KINDS)


def find_image(task: Entry) -> str:
    """The image of a task: a path or an address; empty if it has none."""
    data = task.get("data")
    data = data if isinstance(data, Mapping) else task
    texts = {str(key): value for key, value in data.items() if isinstance(value, str)}
    named = [texts[key] for key in _IMAGE_KEYS if key in texts]
    return next(iter([*named, *(value for value in texts.values() if "/" in value)]), "")


def list_results(task: Entry) -> Iterator[Entry]:
    """The results of the first annotation that was not skipped, in one form."""
    for annotation in _list_annotations(task)[:1]:
        results = annotation.get("result")
        yield from (r for r in results or () if isinstance(r, Mapping))
        return
    for value in task.values():
        if _is_short(value):
            for one in value:
                kind = next((kind for kind in _KINDS if kind in one), "")
                yield {"type": kind, "value": one}


def _list_annotations(task: Entry) -> list[Entry]:
    """The annotations of a task, one an annotator, without those that were skipped."""
    given = task.get("annotations", task.get("completions"))
    entries = given if isinstance(given, list) else []
    return [e for e in entries if isinstance(e, Mapping) and not e.get("was_cancelled")]


def _add(image: FoundImage, result: Entry, place: str) -> None:
    kind, value = str(result.get("type", "")), result.get("value")
    if not isinstance(value, Mapping) or kind in ("choices", "textarea", "rating", "labels"):
        return
    labels = value.get(kind)
    named = labels if isinstance(labels, list) else []
    try:
        if kind not in _KINDS:
            raise BadPart("no_object", f"results of the type '{kind}' are not read")
        label = _to_label(named)
        if kind == "brushlabels":
            image.add(label, segmentation=_read_brush(value, image), place=place)
            return
        box, outline = _read_shape(kind, value, image)
    except BadPart as bad:
        image.note(bad.kind, bad.message, place)
        return
    image.add(label, box, segmentation=None if outline is None else [outline], place=place)


def _read_brush(value: Entry, image: FoundImage) -> RunLengths:
    """The run lengths of a mask.

    Raises:
        BadPart: the mask cannot be read, or is empty.
    """
    mask = decode_brush(value.get("rle"), image.height or 1, image.width or 1)
    if not mask.any():
        raise BadPart("bad_mask", "nothing is painted")
    return encode_mask(mask)


def _to_label(labels: Sequence[object]) -> str:
    """The only label of a result.

    Raises:
        BadPart: it has none, or several.
    """
    if len(labels) > 1:
        several = ", ".join(map(str, labels))
        message = f"the result has several labels, {several:.60}: an object has one"
        raise BadPart("unknown_category", message)
    label = as_name(labels[0]) if labels else None
    if label is None:
        raise BadPart("unknown_category", "the result has no label")
    return label


def _read_shape(
    kind: str, value: Entry, image: FoundImage
) -> tuple[Sequence[float] | None, list[float] | None]:
    """The box of a rectangle; of other shapes the outline, which they have their box from."""
    across, down = (image.width or 1) / 100, (image.height or 1) / 100
    angle = math.radians(_read_numbers(value, "rotation")[0]) if value.get("rotation") else 0.0
    if kind == "rectanglelabels":
        x, y, width, height = _read_numbers(value, "x", "y", "width", "height")
        x0, y0 = x * across, y * down
        box = x0, y0, x0 + width * across, y0 + height * down
        # a rectangle is turned around its top left corner
        return (None, make_rectangle(box, angle, x0, y0)) if angle else (box, None)
    if kind == "ellipselabels":
        x, y, radius_x, radius_y = _read_numbers(value, "x", "y", "radiusX", "radiusY")
        outline = make_ellipse(x * across, y * down, radius_x * across, radius_y * down, angle)
        return None, outline
    if kind == "polygonlabels":
        points = value.get("points")
        points = points if isinstance(points, list) else []
        if not all(isinstance(p, list) and len(p) == 2 and are_numbers(p) for p in points):
            raise BadPart("malformed", "'points' is a list of pairs of percents x, y")
        return None, [scaled for x, y in points for scaled in (x * across, y * down)]
    raise BadPart("no_object", "a keypoint has no area, and is no object")


def _read_numbers(value: Entry, *names: str) -> list[float]:
    numbers = [value.get(name) for name in names]
    if not are_numbers(numbers):
        raise BadPart("malformed", f"the result has the numbers {', '.join(names)}")
    return [float(number) for number in numbers if number is not None]
