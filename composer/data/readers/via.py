"""The VGG Image Annotator's projects and annotations (Dutta and Zisserman, ACM MM 2019)."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from composer.data.dataset import Dataset
from composer.data.faults import BadPart, FaultLog
from composer.data.json_file import load_json
from composer.data.json_values import are_numbers, as_name, show_value
from composer.data.readers.image_finder import ImageFinder
from composer.data.readers.outlines import make_ellipse
from composer.data.readers.record_builder import DatasetBuilder, FoundImage
from composer.data.readers.text_lines import read_table
from composer.data.readers.via3 import is_via3, read_via3
from composer.errors import DataError
from composer.json_documents import parse_json_document

_USUAL = ("class", "label", "name", "type", "category", "object", "object_name", "species")
_UNNAMED = "object"
_METADATA, _SETTINGS = "_via_img_metadata", "_via_settings"
_WITHOUT_AREA = ("point", "line", "polyline")
_HEADER = ("filename", "region_shape_attributes", "region_attributes")

Attributes = Mapping[str, Any]


@dataclass(frozen=True)
class ViaImage:
    """An image and its regions.

    Args:
        name: the file name, or an address.
        regions: the shape and the attributes of each region.
    """

    name: str
    regions: tuple[tuple[Attributes, Attributes], ...]


def via(
    *,
    annotations: Path,
    images: Path | None = None,
    attribute: str | None = None,
    classes: tuple[str, ...] | None = None,
) -> Dataset:
    """Reads rectangles, polygons, circles and ellipses.

    Args:
        annotations: a project or annotations, as JSON; or annotations as CSV. Of VIA 3, a project.
        images: the folder of the images; by default that of the annotations, and the one that the
            project names.
        attribute: the attribute of regions that is their class; by default the only one, or one
            with a usual name (`class`, `label`, `name`, ...).
        classes: names of the classes in order; by default all that occur, sorted.

    Raises:
        DataError: the file cannot be read, or it does not say which attribute is the class.
    """
    log = FaultLog()
    found, folder = read_via(annotations, log)
    chosen = attribute or choose_attribute(found, annotations)
    finder = ImageFinder(*([images] if images else _list_folders(annotations, folder)))
    own = list_classes(found, chosen) if classes is None else list(classes)
    builder = DatasetBuilder(own, log=log)
    if chosen is None and any(image.regions for image in found):
        only = f"'{own[0]}'" if len(own) == 1 else "nothing"
        message = f"regions have no attributes; their class is {only}"
        if classes is None:
            builder.log.add("unnamed_category", message)
    for image in found:
        drawn = builder.find_image(finder, image.name)
        if drawn is None:
            continue
        for number, (shape, attributes) in enumerate(image.regions):
            label = own[0] if chosen is None and len(own) == 1 else _to_label(attributes, chosen)
            if label:
                _add(drawn, label, shape, f"region {number}")
            else:
                drawn.note("unknown_category", _explain(attributes, chosen), f"region {number}")
    return builder.build(annotations.stem)


def _list_folders(annotations: Path, folder: str) -> Iterator[Path]:
    yield annotations.parent
    named = annotations.parent / folder.replace("\\", "/")
    if folder and os.path.isdir(named):  # it may be a folder of another machine
        yield named


def is_via(document: object) -> bool:
    """Whether a JSON document is a project of VIA, or its annotations."""
    if not isinstance(document, Mapping):
        return False
    if is_via3(document):
        return True
    entries = document.get(_METADATA) if _METADATA in document else document
    values = list(entries.values())[:3] if isinstance(entries, Mapping) else []
    if _METADATA in document and not values:
        return isinstance(entries, Mapping)
    return bool(values) and all(
        isinstance(value, Mapping) and "filename" in value and "regions" in value
        for value in values
    )


def is_via_header(cells: Sequence[str]) -> bool:
    """Whether the first row of a table is that of VIA's annotations."""
    names = [cell.lstrip("#") for cell in cells]
    return all(name in names for name in _HEADER)


def read_via(file: Path, log: FaultLog | None = None) -> tuple[list[ViaImage], str]:
    """The images of a file, and the folder that a project names.

    Args:
        file: JSON or a table.
        log: takes keys that have several values; by default they are not reported.

    Raises:
        DataError: the file cannot be read, or is of another form.
    """
    if file.suffix.lower() == ".csv":
        return _read_csv(file), ""
    log = FaultLog() if log is None else log
    document = load_json(file, log)
    if not is_via(document):
        raise DataError(f"{file}: it is neither a project nor annotations of VIA")
    if is_via3(document):
        regions = read_via3(document, log)
        return [ViaImage(name, tuple(own)) for name, own in regions.items()], ""
    settings = document.get(_SETTINGS)
    core = settings.get("core") if isinstance(settings, Mapping) else None
    folder = core.get("default_filepath") if isinstance(core, Mapping) else ""
    entries = document.get(_METADATA, document)
    images = [_to_image(str(key), entry, log) for key, entry in entries.items()]
    return [*filter(None, images)], folder if isinstance(folder, str) else ""


def _to_image(key: str, entry: object, log: FaultLog) -> ViaImage | None:
    if not isinstance(entry, Mapping):
        log.add("malformed", f"an image is a mapping, not {show_value(entry)}", entry=key)
        return None
    name, regions = str(entry.get("filename", "")), entry.get("regions")
    listed = list(regions.values()) if isinstance(regions, Mapping) else regions or []
    if not isinstance(listed, list):  # VIA 1 has a mapping
        log.add("malformed", f"'regions' is a list, not {show_value(listed)}", name)
        listed = []
    found = []
    for number, region in enumerate(listed):
        if not isinstance(region, Mapping):
            message = f"region {number}: a region is a mapping, not {show_value(region)}"
            log.add("malformed", message, name)
            continue
        parts = [_as_mapping(region.get(f"{part}_attributes")) for part in ("shape", "region")]
        found.append((parts[0], parts[1]))
    return ViaImage(name, tuple(found))


def _as_mapping(value: object) -> Attributes:
    return value if isinstance(value, Mapping) else {}


def _read_csv(file: Path) -> list[ViaImage]:
    try:
        header, *rows = read_table(file) or [[]]
    except BadPart as bad:
        raise DataError(bad.message) from None
    if not is_via_header(header):
        raise DataError(f"{file}: it has not the columns of VIA: {', '.join(_HEADER)}")
    names = [name.lstrip("#") for name in header]
    regions: dict[str, list[tuple[Attributes, Attributes]]] = {}
    for row in rows:
        cells = dict(zip(names, row, strict=False))
        own = regions.setdefault(cells["filename"], [])
        shape = _parse(cells.get("region_shape_attributes", ""))
        if shape:
            own.append((shape, _parse(cells.get("region_attributes", ""))))
    return [ViaImage(name, tuple(found)) for name, found in regions.items()]


def _parse(text: str) -> Attributes:
    try:
        return _as_mapping(parse_json_document(text or "{}"))
    except ValueError:
        return {"name": text}


def choose_attribute(images: Sequence[ViaImage], file: Path) -> str | None:
    """The attribute that is the class; None if regions have none.

    Raises:
        DataError: it could be several.
    """
    counts = Counter(name for image in images for _, own in image.regions for name in own)
    if not counts:
        return None
    usual = [name for name in counts if name.lower() in _USUAL]
    candidates = usual or list(counts)
    if len(candidates) > 1:
        candidates.sort(key=lambda n: _USUAL.index(n.lower()) if n.lower() in _USUAL else 0)
        if not usual:
            raise DataError(
                f"{file}: regions have the attributes {', '.join(sorted(counts))}; the option "
                "'attribute' says which of them is the class"
            )
    return candidates[0]


def list_classes(images: Sequence[ViaImage], attribute: str | None) -> list[str]:
    """The classes of all regions, sorted."""
    if attribute is None:
        return [_UNNAMED]
    labels = {_to_label(own, attribute) for image in images for _, own in image.regions}
    return sorted(label for label in labels if label)


def _to_label(attributes: Attributes, attribute: str | None) -> str:
    """The value of an attribute; of boxes to tick, the only one that is ticked; else nothing."""
    value = attributes.get(attribute or "", "")
    if isinstance(value, Mapping):
        ticked = _list_ticked(value)
        value = ticked[0] if len(ticked) == 1 else ""
    return (as_name(value) or "").strip()


def _list_ticked(boxes: Attributes) -> list[str]:
    """The boxes that are ticked: VIA writes true, and a text where a table was edited."""
    return [name for name, ticked in boxes.items() if ticked is True or ticked in ("true", 1)]


def _explain(attributes: Attributes, attribute: str | None) -> str:
    """Why a region has no class."""
    value = attributes.get(attribute or "")
    ticked = _list_ticked(value) if isinstance(value, Mapping) else []
    if len(ticked) > 1:
        return f"'{attribute}' has several classes, {', '.join(ticked)}: a region has one"
    return "the region has no class"


def _add(image: FoundImage, label: str, shape: Attributes, place: str) -> None:
    try:
        box, outline = _read_shape(shape)
    except BadPart as bad:
        image.note(bad.kind, bad.message, place)
        return
    image.add(label, box, segmentation=None if outline is None else [outline], place=place)


def _read_shape(shape: Attributes) -> tuple[Sequence[float] | None, list[float] | None]:
    """The box of a rectangle; of other shapes the outline, which they have their box from."""
    name = shape.get("name")
    if name == "rect":
        x, y, width, height = _read_numbers(shape, "x", "y", "width", "height")
        return (x, y, x + width, y + height), None
    if name == "polygon":
        xs, ys = shape.get("all_points_x"), shape.get("all_points_y")
        if not isinstance(xs, list) or not isinstance(ys, list) or len(xs) != len(ys):
            raise BadPart("malformed", "a polygon has as many 'all_points_x' as 'all_points_y'")
        return None, [value for point in zip(xs, ys, strict=True) for value in point]
    if name == "circle":
        x, y, radius = _read_numbers(shape, "cx", "cy", "r")
        box = x - radius, y - radius, x + radius, y + radius
        return box, make_ellipse(x, y, radius, radius)
    if name == "ellipse":
        x, y, radius_x, radius_y = _read_numbers(shape, "cx", "cy", "rx", "ry")
        has_angle = shape.get("theta") is not None
        (angle,) = _read_numbers(shape, "theta") if has_angle else (0.0,)  # in radians
        return None, make_ellipse(x, y, radius_x, radius_y, angle)
    if name in _WITHOUT_AREA:
        raise BadPart("no_object", f"a '{name}' has no area, and is no object")
    raise BadPart("malformed", f"there is no shape {show_value(name)}")


def _read_numbers(shape: Attributes, *keys: str) -> list[float]:
    values = [shape.get(key) for key in keys]
    if not are_numbers(values):
        raise BadPart("malformed", f"a '{shape.get('name')}' has the numbers {', '.join(keys)}")
    return [float(value) for value in values if value is not None]
