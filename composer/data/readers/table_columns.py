"""Which columns of a table of boxes mean what, by their names or by what is in them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from composer.errors import InputError
from composer.names import did_you_mean

CORNERS = ("x0", "y0", "x1", "y1")
SIDES = ("x", "y", "width", "height")
CENTRES = ("cx", "cy", "width", "height")
_BOXES = (CORNERS, SIDES, CENTRES)
MEANINGS = (
    "file",
    "label",
    "box",
    *CORNERS,
    *SIDES,
    *CENTRES[:2],
)  # that a user can name columns for

_NAMES = {
    "file": (
        "filename", "file", "imagefilename", "filepath", "path", "imagepath", "imagename", "image",
        "img", "imgpath", "imageid", "imgid", "imagefile", "frame",
    ),
    "label": (
        "class", "label", "classname", "labelname", "category", "categoryname", "objectname",
        "objectclass", "cls", "tag", "species", "name", "type", "classid", "categoryid", "labelid",
    ),
    "x0": ("xmin", "x1", "left", "x0", "xtl", "bboxxmin", "xtopleft", "startx"),
    "y0": ("ymin", "y1", "top", "y0", "ytl", "bboxymin", "ytopleft", "starty"),
    "x1": ("xmax", "x2", "right", "xbr", "bboxxmax", "xbottomright", "endx"),
    "y1": ("ymax", "y2", "bottom", "ybr", "bboxymax", "ybottomright", "endy"),
    "x": ("x", "bboxx", "boxx"),
    "y": ("y", "bboxy", "boxy"),
    "cx": ("xcenter", "centerx", "xcentre", "centrex", "cx", "xc", "bboxxcenter", "boxcenterx"),
    "cy": ("ycenter", "centery", "ycentre", "centrey", "cy", "yc", "bboxycenter", "boxcentery"),
    "box": ("bbox", "box", "boundingbox", "coordinates"),
    "group": ("isgroupof", "iscrowd", "crowd"),
    "difficult": ("difficult", "isdifficult"),
}  # fmt: skip
_IMAGE_WIDTH = ("width", "imagewidth", "imgwidth", "w")
_IMAGE_HEIGHT = ("height", "imageheight", "imgheight", "h")
_BOX_WIDTH = ("width", "w", "bboxwidth", "boxwidth", "bboxw", "boxw")
_BOX_HEIGHT = ("height", "h", "bboxheight", "boxheight", "bboxh", "boxh")
_OPEN_IMAGES = ("imageid", "labelname", "xmin", "isgroupof")


@dataclass(frozen=True)
class Columns:
    """The place of each meaning in a row.

    Args:
        places: positions by meaning: `file`, `label`, sides of the box, `image_height`, ...
        has_header: whether the first row has the names of the columns.
        is_open_images: whether coordinates are fractions, as Open Images has them.
    """

    places: Mapping[str, int]
    has_header: bool
    is_open_images: bool = False

    def describe(self) -> str:
        """The columns in the table's order, for messages."""
        ordered = sorted(self.places, key=lambda meaning: self.places[meaning])
        return f"columns {', '.join(ordered)}"


def find_columns(
    rows: Sequence[Sequence[str]], chosen: Mapping[str, str] | None = None
) -> Columns | None:
    """The columns of a table of boxes; None if it is no such table.

    Args:
        rows: the first rows.
        chosen: names of columns by meaning, over those that are found by their names.

    Raises:
        InputError: there is no such meaning, or no column of a name.
    """
    if not rows:
        return None
    names = [re.sub(r"[^a-z0-9]", "", cell.lower()) for cell in rows[0]]
    if chosen:
        return _find_chosen(rows[0], names, chosen)
    places = _find_named(names)
    if places is not None:
        return Columns(places, True, all(name in names for name in _OPEN_IMAGES))
    return _find_unnamed(rows)


def _find_chosen(
    header: Sequence[str], names: Sequence[str], chosen: Mapping[str, str]
) -> Columns | None:
    """Columns as chosen; of the box all or none, and others as their names say."""
    for meaning, name in chosen.items():
        if meaning not in MEANINGS:
            hint = did_you_mean(meaning, MEANINGS)
            raise InputError(f"a column has no meaning '{meaning}'. {hint}")
        if name not in header:
            hint = did_you_mean(name, header)
            raise InputError(f"there is no column '{name}' for '{meaning}'. {hint}")
    places = {meaning: header.index(name) for meaning, name in chosen.items()}
    found = _find_known(names)
    of_box = {"box", *CORNERS, *SIDES, *CENTRES}
    if not places.keys() & of_box:
        found = _find_named(names) or found
    else:
        found = {m: place for m, place in found.items() if m not in of_box}
    places = {**found, **places}
    return Columns(places, True) if "file" in places and _has_box(places) else None


def _find_known(names: Sequence[str]) -> dict[str, int]:
    places = {}
    for meaning, known in _NAMES.items():
        found = next((names.index(name) for name in known if name in names), None)
        if found is not None:
            places[meaning] = found
    return places


def _has_box(places: Mapping[str, int]) -> bool:
    return "box" in places or find_sides(places) is not None


def find_sides(places: Mapping[str, int]) -> tuple[str, ...] | None:
    """The meanings of the four columns of a box; None if there are none, or only some."""
    return next((sides for sides in _BOXES if all(side in places for side in sides)), None)


def _find_named(names: Sequence[str]) -> dict[str, int] | None:
    sizes: list[tuple[str, tuple[str, ...]]]
    places = _find_known(names)
    if "file" not in places:
        return None
    if "x0" in places and names[places["x0"]] == "x1" and "x2" not in names:  # x0, y0, x1, y1
        places |= {side: names.index(side) for side in CORNERS if side in names}
    if all(side in places for side in CORNERS):
        sizes = [("image_width", _IMAGE_WIDTH), ("image_height", _IMAGE_HEIGHT)]
    else:
        places = {m: p for m, p in places.items() if m not in CORNERS or m in ("x0", "y0")}
        places = _as_sides(places)
        sizes = [("width", _BOX_WIDTH), ("height", _BOX_HEIGHT)]
    for meaning, known in sizes:
        found = next((names.index(name) for name in known if name in names), None)
        if found is not None:
            places[meaning] = found
    return places if _has_box(places) else None


def _as_sides(places: dict[str, int]) -> dict[str, int]:
    """Left and top as the corner of a box that has a width and a height."""
    renamed = {"x0": "x", "y0": "y"}
    found = {m: p for m, p in places.items() if m not in renamed}
    return {**{renamed[m]: p for m, p in places.items() if m in renamed}, **found}


def _find_unnamed(rows: Sequence[Sequence[str]]) -> Columns | None:
    """Without a header: a path, four corners and a class, as keras-retinanet has them."""
    filled = [row for row in rows if len(row) == 6 and row[1]]
    if not filled or any(len(row) != 6 for row in rows):
        return None
    if not all(all(is_number(cell) for cell in row[1:5]) and row[5] for row in filled):
        return None
    if any(is_number(row[0]) for row in filled):
        return None
    places = {"file": 0, "x0": 1, "y0": 2, "x1": 3, "y1": 4, "label": 5}
    return Columns(places, False)


def is_number(text: str) -> bool:
    """Whether a cell has a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
