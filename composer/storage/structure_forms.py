"""The structures that can be stored: how each comes apart, and how it is put together again.

This is an allow-list. A file names a structure, and nothing but what stands here is ever made
because of that.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from composer import structures
from composer.structures import (
    BitMasks,
    Boxes,
    ImageBatch,
    ImageList,
    Instances,
    Keypoints,
    PolygonMasks,
    ROIMasks,
    RotatedBoxes,
    TensorShape,
)

Parts = Mapping[str, Any]


@dataclass(frozen=True)
class StructureForm:
    """How a class is stored.

    Args:
        kind: the class; its name is what files say.
        take_apart: gives its parts by name, made of what can be stored.
        put_together: makes it of its parts.
    """

    kind: type
    take_apart: Callable[[Any], Parts]
    put_together: Callable[[Parts], Any]


def find_form(value: object) -> StructureForm | None:
    """The form of a structure; None for anything else."""
    return next((form for form in STRUCTURE_FORMS.values() if type(value) is form.kind), None)


def _of_attributes(kind: type, *names: str) -> StructureForm:
    """The form of a class whose constructor takes some of its attributes."""
    return StructureForm(
        kind,
        take_apart=lambda value: {name: getattr(value, name) for name in names},
        put_together=lambda parts: kind(**{name: parts[name] for name in names}),
    )


def _of_named_tuple(kind: type) -> StructureForm:
    return StructureForm(
        kind,
        take_apart=lambda value: value._asdict(),
        put_together=lambda parts: kind(**parts),
    )


def _is_named_tuple(kind: object) -> bool:
    return inspect.isclass(kind) and issubclass(kind, tuple) and hasattr(kind, "_fields")


_FORMS = (
    _of_attributes(BitMasks, "tensor"),
    _of_attributes(Boxes, "tensor"),
    _of_attributes(ImageList, "tensor", "image_sizes"),
    _of_attributes(PolygonMasks, "polygons"),
    _of_attributes(ROIMasks, "tensor"),
    _of_attributes(RotatedBoxes, "tensor"),
    _of_attributes(TensorShape, "channels", "height", "width", "stride"),
    StructureForm(
        Keypoints,
        take_apart=lambda keypoints: {"tensor": keypoints.tensor},
        put_together=lambda parts: Keypoints(parts["tensor"]),
    ),
    StructureForm(
        Instances,
        take_apart=lambda instances: {
            "image_size": instances.image_size,
            "fields": instances.get_fields(),
        },
        put_together=lambda parts: Instances(parts["image_size"], **parts["fields"]),
    ),
    StructureForm(
        ImageBatch,
        take_apart=lambda batch: {"records": list(batch)},
        put_together=lambda parts: ImageBatch.from_records(parts["records"]),
    ),
    *(_of_named_tuple(kind) for kind in vars(structures).values() if _is_named_tuple(kind)),
)

STRUCTURE_FORMS: Mapping[str, StructureForm] = {form.kind.__name__: form for form in _FORMS}
