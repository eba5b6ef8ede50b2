"""Projects of VIA 3, whose files, views, attributes and regions refer to one another by id.

A view shows one or more files, and a region belongs to a view. The codes of shapes, kinds of
attributes and kinds of files are those of VIA 3's documentation (https://gitlab.com/vgg/via,
`CodeDoc.md` of via-3.x.y).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from composer.data.faults import FaultLog
from composer.data.json_values import show_value

_KEYS = ("project", "attribute", "file", "view", "metadata")
_OF_PROJECT = ("pid", "data_format_version")
_IMAGE = 2
_FILE_KINDS = {4: "a video", 8: "a sound"}
_CHECKBOX = 2
_POINT, _RECTANGLE, _CIRCLE, _ELLIPSE, _LINE, _POLYLINE, _POLYGON = range(1, 8)
_NAMES = {_POINT: "point", _LINE: "line", _POLYLINE: "polyline"}
_NUMBERS = {
    _RECTANGLE: ("rect", ("x", "y", "width", "height")),
    _CIRCLE: ("circle", ("cx", "cy", "r")),
    _ELLIPSE: ("ellipse", ("cx", "cy", "rx", "ry")),
}

Region = tuple[Mapping[str, Any], Mapping[str, Any]]


def is_via3(document: object) -> bool:
    """Whether a JSON document, or its beginning, is a project of VIA 3."""
    if not isinstance(document, Mapping) or "attribute" not in document:
        return False
    project = document.get("project")
    return isinstance(project, Mapping) and all(key in project for key in _OF_PROJECT)


def read_via3(document: Mapping[str, Any], log: FaultLog) -> dict[str, list[Region]]:
    """The regions of each image by its name, as shapes and attributes of VIA 2.

    Args:
        document: the project.
        log: takes files that are no images, and entries of another form.
    """
    parts = {key: _as_mapping(document.get(key)) for key in _KEYS}
    views = _list_views(parts["view"], parts["file"], log)
    found: dict[str, list[Region]] = {name: [] for name in views.values() if name}
    for key, entry in parts["metadata"].items():
        region = _as_mapping(entry)
        view, shape = str(region.get("vid")), region.get("xy")
        if not shape:  # it is about the file, or about a time of it
            continue
        if view not in views:
            log.add("malformed", f"there is no view {show_value(region.get('vid'))}", entry=key)
        elif not isinstance(shape, list):
            message = f"'xy' is a list, not {show_value(shape)}"
            log.add("malformed", message, views[view] or None, entry=key)
        elif views[view]:
            attributes = _read_attributes(_as_mapping(region.get("av")), parts["attribute"])
            found[views[view]].append((_read_shape(shape), attributes))
    return found


def _as_mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list_views(
    views: Mapping[str, Any], files: Mapping[str, Any], log: FaultLog
) -> dict[str, str]:
    """The name of the image of each view; empty for a view of something else, which is noted."""
    found: dict[str, str] = {}
    for key, view in views.items():
        listed = _as_mapping(view).get("fid_list")
        shown = listed if isinstance(listed, list) else []
        file = _as_mapping(files.get(str(shown[0]))) if len(shown) == 1 else {}
        name, kind = str(file.get("fname") or file.get("src") or ""), file.get("type")
        found[key] = ""
        if len(shown) > 1:
            log.add("malformed", f"a view of {len(shown)} files; one was expected", entry=key)
        elif kind != _IMAGE or not name:
            what = _FILE_KINDS.get(kind, "no file") if isinstance(kind, int) else "no file"
            log.add("malformed", f"a view of {what}; an image was expected", entry=name or key)
        else:
            found[key] = name
    return found


def _read_shape(shape: Sequence[Any]) -> dict[str, Any]:
    code, numbers = shape[0], list(shape[1:])
    if not isinstance(code, int):
        return {"name": code}
    if code == _POLYGON:
        return {"name": "polygon", "all_points_x": numbers[::2], "all_points_y": numbers[1::2]}
    if code in _NUMBERS:
        name, keys = _NUMBERS[code]
        return {"name": name, **dict(zip(keys, numbers, strict=False))}
    return {"name": _NAMES.get(code, f"number {code}")}


def _read_attributes(values: Mapping[str, Any], attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of a region by name; where one is chosen from options, the option."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        described = _as_mapping(attributes.get(key))
        options = _as_mapping(described.get("options"))
        name = str(described.get("aname") or key)
        if described.get("type") == _CHECKBOX:
            chosen = [one for one in str(value).split(",") if one]
            found[name] = {str(options.get(one, one)): True for one in chosen}
        else:
            found[name] = options.get(str(value), value)
    return found
