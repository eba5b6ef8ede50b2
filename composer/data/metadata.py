"""Metadata of a dataset: classes, keypoints, colours."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from composer.names import label_names

Color = tuple[int, int, int]

_LONE_L = re.compile(r"(?<![a-z])l(?![a-z])")


@dataclass(frozen=True)
class Metadata:
    """Names and colours of the classes and keypoints of a dataset.

    Args:
        thing_classes: names of the classes that objects have, by contiguous index.
        stuff_classes: names of the classes of semantic segmentation, by contiguous index. Where
            things are one class of it, that is index 0, called `things`.
        thing_ids: the dataset's own category id of each thing class.
        stuff_ids: the dataset's own category id of each stuff class.
        sem_seg_of_things: for each thing class, the class that its pixels have in semantic
            segmentation; empty where things take no part in it.
        keypoint_names: names of the keypoints in order.
        keypoint_flip_pairs: pairs of indices of keypoints that change places in a mirror.
        no_flip_pairs: whether it is known that none does; else no pairs are unknown pairs.
        keypoint_connections: pairs of indices of keypoints to draw a line between.
        thing_colors: RGB of each thing class, where the dataset has colours.
        stuff_colors: RGB of each stuff class.
        has_masks: whether objects have masks; one without is one whose mask is not known.
        ignore_label: semantic class of pixels that count for nothing.
        image_counts: for each thing class, how many images have it (LVIS).
        frequencies: for each thing class `r` (rare), `c` (common) or `f` (frequent) (LVIS).
    """

    thing_classes: tuple[str, ...] = ()
    stuff_classes: tuple[str, ...] = ()
    thing_ids: tuple[int, ...] = ()
    stuff_ids: tuple[int, ...] = ()
    sem_seg_of_things: tuple[int, ...] = ()
    keypoint_names: tuple[str, ...] = ()
    keypoint_flip_pairs: tuple[tuple[int, int], ...] = ()
    no_flip_pairs: bool = False
    keypoint_connections: tuple[tuple[int, int], ...] = ()
    thing_colors: tuple[Color, ...] = ()
    stuff_colors: tuple[Color, ...] = ()
    has_masks: bool = False
    ignore_label: int = 255
    image_counts: tuple[int, ...] = ()
    frequencies: tuple[str, ...] = ()

    @property
    def thing_labels(self) -> tuple[str, ...]:
        """The names of the thing classes, told apart by their ids where several have one name."""
        return label_names(self.thing_classes, self.thing_ids)

    @property
    def stuff_labels(self) -> tuple[str, ...]:
        """The same of the stuff classes."""
        return label_names(self.stuff_classes, self.stuff_ids)

    @property
    def can_be_mirrored(self) -> bool:
        """Whether it is known which keypoints change places in a mirror."""
        return bool(self.keypoint_flip_pairs) or self.no_flip_pairs or len(self.keypoint_names) < 2

    @property
    def keypoint_flip_indices(self) -> tuple[int, ...]:
        """For each keypoint, the one that takes its place in a mirror."""
        partners = {a: b for pair in self.keypoint_flip_pairs for a, b in (pair, pair[::-1])}
        return tuple(partners.get(index, index) for index in range(len(self.keypoint_names)))


def describe_unknown_flips(metadata: Metadata) -> str:
    """Why keypoints cannot be mirrored, and what a dataset is to say of them."""
    names = metadata.keypoint_names
    pairs = ", ".join(f"[{names[a]}, {names[b]}]" for a, b in find_flip_pairs(names))
    told = "it is not known which keypoints change places in a mirror, so they cannot be flipped. "
    begin = "By their names: " if pairs else ""
    value = f"[{pairs or '[name, name], ...'}]"
    return (
        f"{told}{begin}`keypoint_flip_pairs: {value}` in `with:` of the dataset says it, as does "
        f"`--set '*.keypoint_flip_pairs={value}'` on the command line, and `[]` that none does"
    )


def find_flip_pairs(names: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Pairs of indices of names that differ in `left` and `right`, or `l` and `r`, only.

    Case does not matter; `l` and `r` have to stand alone, as in `l_eye` or `eye.L`.
    """
    positions = {name.lower(): index for index, name in enumerate(names)}
    found = []
    for name, index in positions.items():
        mirrored = name.replace("left", "right") if "left" in name else _LONE_L.sub("r", name)
        partner = positions.get(mirrored)
        if mirrored != name and partner is not None:
            found.append((index, partner))
    return tuple(found)
