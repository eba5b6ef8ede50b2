"""Names and colours of classes in visualizations, from any metadata that has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from composer.visualization.colors import RGB, pick_color

# The lines of COCO's person, from top to bottom.
_PERSON = (
    ("left_ear", "left_eye"),
    ("right_ear", "right_eye"),
    ("left_eye", "nose"),
    ("right_eye", "nose"),
    ("left_shoulder", "right_shoulder"),
    ("left_shoulder", "left_elbow"),
    ("left_elbow", "left_wrist"),
    ("right_shoulder", "right_elbow"),
    ("right_elbow", "right_wrist"),
    ("left_shoulder", "left_hip"),
    ("right_shoulder", "right_hip"),
    ("left_hip", "right_hip"),
    ("left_hip", "left_knee"),
    ("left_knee", "left_ankle"),
    ("right_hip", "right_knee"),
    ("right_knee", "right_ankle"),
)


@dataclass(frozen=True)
class ClassNames:
    """Names and colours of classes, and which keypoints lines connect.

    Args:
        things: names of the classes of objects; a number without a name is written as it is.
        stuff: names of the classes of semantic segmentation.
        thing_colors: their colours, where there are some.
        stuff_colors: their colours, where there are some.
        connections: pairs of indices of keypoints.
        ignore_label: the semantic class of pixels that have none.
    """

    things: tuple[str, ...] = ()
    stuff: tuple[str, ...] = ()
    thing_colors: tuple[RGB, ...] = ()
    stuff_colors: tuple[RGB, ...] = ()
    connections: tuple[tuple[int, int], ...] = ()
    ignore_label: int = 255

    @classmethod
    def of(cls, metadata: object) -> ClassNames:
        """The names in a dataset's or a spec's metadata, or in anything with the same attributes.

        Lines between keypoints are `keypoint_connections`, pairs of indices or names. Without
        them, keypoints with the names of COCO's person are connected as its joints are.

        Args:
            metadata: it may lack any of `thing_classes`, `stuff_classes`, `thing_colors`,
                `stuff_colors`, `keypoint_names`, `keypoint_connections` and `ignore_label`, and
                may be None.
        """
        if isinstance(metadata, ClassNames):
            return metadata

        def given(name: str) -> tuple[Any, ...]:
            return tuple(getattr(metadata, name, None) or ())

        ignored = getattr(metadata, "ignore_label", None)
        return cls(
            things=tuple(map(str, given("thing_classes"))),
            stuff=tuple(map(str, given("stuff_classes"))),
            thing_colors=given("thing_colors"),
            stuff_colors=given("stuff_colors"),
            connections=_connect(given("keypoint_names"), given("keypoint_connections")),
            ignore_label=255 if ignored is None else ignored,
        )

    def name_thing(self, index: int) -> str:
        """The name of a class of objects."""
        return self.things[index] if 0 <= index < len(self.things) else f"class {index}"

    def name_stuff(self, index: int) -> str:
        """The name of a class of semantic segmentation."""
        return self.stuff[index] if 0 <= index < len(self.stuff) else f"class {index}"

    def color_thing(self, index: int) -> RGB:
        """The colour of a class of objects."""
        if 0 <= index < len(self.thing_colors):
            return self.thing_colors[index]
        return pick_color(index)

    def color_stuff(self, index: int) -> RGB:
        """The colour of a class of semantic segmentation; not those of objects of the number."""
        if 0 <= index < len(self.stuff_colors):
            return self.stuff_colors[index]
        return pick_color(index + 3, shade=index % 3)


def _connect(names: Sequence[Any], connections: Sequence[Any]) -> tuple[tuple[int, int], ...]:
    """Pairs of indices from pairs of indices or names."""
    places = {name: index for index, name in enumerate(names)}
    pairs = connections or [pair for pair in _PERSON if places.keys() >= set(pair)]
    return tuple((places.get(a, a), places.get(b, b)) for a, b in pairs)
