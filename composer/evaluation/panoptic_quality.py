"""Panoptic quality of one image (Kirillov et al. 2019, Panoptic Segmentation, section 4).

Legend: H W the image's height and width.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Int

# Whether it is a thing, and its index among the thing classes or the stuff classes.
SegmentClass: TypeAlias = tuple[bool, int]

VOID = 0  # the id of pixels that belong to no segment
_MIN_OVERLAP = 0.5  # two segments that overlap by more match, and nothing else can match them


@dataclass(frozen=True)
class Quality:
    """Counts of one class.

    Args:
        overlap: the sum of the intersections over union of the matched segments.
        matched: true positives.
        invented: false positives.
        missed: false negatives.
    """

    overlap: float = 0.0
    matched: int = 0
    invented: int = 0
    missed: int = 0

    def __add__(self, other: "Quality") -> "Quality":
        return Quality(
            self.overlap + other.overlap,
            self.matched + other.matched,
            self.invented + other.invented,
            self.missed + other.missed,
        )

    @property
    def is_defined(self) -> bool:
        """Whether there is any segment, true or predicted."""
        return self.matched + self.invented + self.missed > 0

    @property
    def recognition(self) -> float:
        """RQ, recognition quality: the F1 score of segments."""
        return self.matched / (self.matched + 0.5 * self.invented + 0.5 * self.missed)

    @property
    def segmentation(self) -> float:
        """SQ, segmentation quality: the mean overlap of matches; 0 if there is none."""
        return self.overlap / self.matched if self.matched else 0.0

    @property
    def panoptic(self) -> float:
        """PQ, the product of the two."""
        return self.overlap / (self.matched + 0.5 * self.invented + 0.5 * self.missed)


def compare_segments(
    true_ids: Int[np.ndarray, "H W"],
    true_classes: Mapping[int, SegmentClass],
    found_ids: Int[np.ndarray, "H W"],
    found_classes: Mapping[int, SegmentClass],
    crowds: frozenset[int] = frozenset(),
) -> dict[SegmentClass, Quality]:
    """Matches the segments of an image, and counts by class, as COCO's panoptic task does.

    Pixels of a predicted segment that are truly void do not count for its overlap. A predicted
    segment without a match is ignored where most of it is void or a crowd of its class.
    A crowd is never missed. Ids without a class are void.

    Args:
        true_ids: for each pixel the id of its true segment.
        true_classes: the class of each true segment.
        found_ids: for each pixel the id of its predicted segment.
        found_classes: the class of each predicted segment.
        crowds: the true segments that stand for groups.
    """
    shared = _count_pairs(true_ids, true_classes, found_ids, found_classes)
    true_areas, found_areas = _sum_areas(shared, 0), _sum_areas(shared, 1)
    matches: dict[int, int] = {}
    counts: dict[SegmentClass, Quality] = {}

    def count(of: SegmentClass, quality: Quality) -> None:
        counts[of] = counts.get(of, Quality()) + quality

    for (true, found), area in shared.items():
        if VOID in (true, found) or true in crowds or true_classes[true] != found_classes[found]:
            continue
        union = true_areas[true] + found_areas[found] - area - shared.get((VOID, found), 0)
        if area / union > _MIN_OVERLAP:
            matches[true] = found
            count(true_classes[true], Quality(overlap=area / union, matched=1))
    for true in true_areas.keys() - matches.keys() - crowds - {VOID}:
        count(true_classes[true], Quality(missed=1))
    for found in found_areas.keys() - set(matches.values()) - {VOID}:
        of = found_classes[found]
        excused = shared.get((VOID, found), 0) + sum(
            shared.get((crowd, found), 0) for crowd in crowds if true_classes.get(crowd) == of
        )
        if excused / found_areas[found] <= _MIN_OVERLAP:
            count(of, Quality(invented=1))
    return counts


def _count_pairs(
    true_ids: Int[np.ndarray, "H W"],
    true_classes: Mapping[int, SegmentClass],
    found_ids: Int[np.ndarray, "H W"],
    found_classes: Mapping[int, SegmentClass],
) -> dict[tuple[int, int], int]:
    """The number of pixels that each pair of a true and a predicted segment shares."""
    # As one number each: numpy is a hundred times slower to tell pairs apart.
    truth, found = true_ids.astype(np.int64), found_ids.astype(np.int64)
    lowest = int(found.min(initial=0))
    count = int(found.max(initial=0)) - lowest + 1
    pairs, areas = np.unique(truth * count + (found - lowest), return_counts=True)
    columns = pairs // count, pairs % count + lowest, areas
    shared: dict[tuple[int, int], int] = {}
    for true, predicted, area in np.stack(columns, axis=1).tolist():
        known = (
            true if true in true_classes else VOID,
            predicted if predicted in found_classes else VOID,
        )
        shared[known] = shared.get(known, 0) + area
    return shared


def _sum_areas(shared: Mapping[tuple[int, int], int], side: int) -> dict[int, int]:
    areas: dict[int, int] = {}
    for pair, area in shared.items():
        areas[pair[side]] = areas.get(pair[side], 0) + area
    return areas
