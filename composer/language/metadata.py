"""Metadata of a model: names and colours of its classes, names of its keypoints."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from composer.documents import DocumentPart, Name


def _or_nothing(value: object) -> object:
    return () if value is None else value


def _check_color(value: object) -> object:
    if not isinstance(value, (list, tuple)) or len(value) != 3:
        raise ValueError("a colour is a list of three numbers: red, green and blue from 0 to 255")
    return value


def _check_pair(value: object) -> object:
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise ValueError("a pair is a list of two names of keypoints")
    return value


# A list may become a tuple; what is in it is still checked strictly. Null stands for nothing.
_AsTuple, _OrNothing = Field(strict=False), BeforeValidator(_or_nothing)

_Shade = Annotated[int, Field(ge=0, le=255)]
_Color = Annotated[tuple[_Shade, _Shade, _Shade], BeforeValidator(_check_color), _AsTuple]
_Pair = Annotated[tuple[Name, Name], BeforeValidator(_check_pair), _AsTuple]
_Numbers = Annotated[tuple[int, ...], _OrNothing, _AsTuple]
_Names = Annotated[tuple[Name, ...], _OrNothing, _AsTuple]
_Pairs = Annotated[tuple[_Pair, ...], _OrNothing, _AsTuple]
_Colors = Annotated[tuple[_Color, ...], _OrNothing, _AsTuple]


class SpecMetadata(DocumentPart):
    """Names and colours of the classes and keypoints of a model; empty if unknown.

    Classes are counted from 0, each kind by itself, in the order of their names.

    Attributes:
        thing_classes: names of the classes of instances.
        stuff_classes: names of the classes of semantic segmentation.
        thing_ids: the category number that a dataset has for each of `thing_classes`.
        stuff_ids: the same for `stuff_classes`.
        image_counts: the number of training images that have each of `thing_classes`; the federated
            loss draws classes by it.
        keypoint_names: names of an instance's keypoints.
        keypoint_flip_pairs: pairs of names of keypoints that change places in a mirror.
        thing_colors: red, green and blue from 0 to 255 for each of `thing_classes`.
        stuff_colors: the same for `stuff_classes`.
    """

    thing_classes: _Names = Field((), description="Names of the classes of instances.")
    stuff_classes: _Names = Field((), description="Names of the classes of semantic segmentation.")
    thing_ids: _Numbers = Field(
        (), description="The dataset's category number of each of `thing_classes`."
    )
    stuff_ids: _Numbers = Field(
        (), description="The dataset's category number of each of `stuff_classes`."
    )
    image_counts: _Numbers = Field(
        (), description="The number of training images that have each of `thing_classes`."
    )
    keypoint_names: _Names = Field((), description="Names of an instance's keypoints.")
    keypoint_flip_pairs: _Pairs = Field(
        (), description="Keypoints that change places in a mirror, by their names."
    )
    thing_colors: _Colors = Field((), description="A colour for each of `thing_classes`.")
    stuff_colors: _Colors = Field((), description="A colour for each of `stuff_classes`.")

    @model_validator(mode="after")
    def _belong_together(self) -> SpecMetadata:
        for kind in ("thing", "stuff"):
            classes = getattr(self, f"{kind}_classes")
            for key, what in ((f"{kind}_colors", "colour"), (f"{kind}_ids", "number")):
                given = getattr(self, key)
                if given and len(given) != len(classes):
                    raise ValueError(
                        f"'{key}' are {len(given)}, '{kind}_classes' {len(classes)}: "
                        f"each class has one {what}"
                    )
            ids = getattr(self, f"{kind}_ids")
            if len(set(ids)) != len(ids):
                raise ValueError(f"'{kind}_ids' has a number twice")
        if self.image_counts and len(self.image_counts) != len(self.thing_classes):
            raise ValueError(
                f"'image_counts' are {len(self.image_counts)}, 'thing_classes' "
                f"{len(self.thing_classes)}: each class has one number"
            )
        unknown = {name for pair in self.keypoint_flip_pairs for name in pair}
        unknown -= set(self.keypoint_names)
        if unknown:
            raise ValueError(f"'keypoint_flip_pairs' has '{min(unknown)}', which is no keypoint")
        return self

    def as_document(self) -> dict[str, Any]:
        """The section `metadata` of a spec: plain lists, without empty ones."""
        return self.model_dump(mode="json", exclude_defaults=True)
