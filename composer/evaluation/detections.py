"""Detections by image, in the terms of COCO's results format.

Legend: R instances, H W the image's height and width, K keypoints.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import torch
from jaxtyping import Bool
from torch import Tensor

from composer.data import Dataset, Record
from composer.errors import InputError
from composer.evaluation.collectives import gather_parts
from composer.evaluation.image_index import ImageIndex
from composer.structures import (
    BitMasks,
    Boxes,
    Instances,
    Keypoints,
    ROIMasks,
    RotatedBoxes,
    encode_masks,
    mask_to_text,
)

# `category_id` (contiguous, from 0), `score`, `bbox` (x, y, width, height; a rotated one: centre x,
# centre y, width, height, degrees counter-clockwise), and optionally `segmentation` (run
# lengths) and `keypoints` (x, y, score; COCO's integer pixels).
Detection: TypeAlias = dict[str, Any]

# COCO gives a keypoint by its pixel's index; ours lies in the middle of the pixel.
KEYPOINT_OFFSET = 0.5

ROTATED_KIND = "rotated_bbox"


class Detections:
    """The detections in the images of a dataset, in the order in which they were added.

    Evaluators that share one may each add the same batches and gather: it is done once.

    Args:
        dataset: the dataset.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.index = ImageIndex(dataset)
        self.by_image: dict[int, list[Detection]] = {}
        self.sizes: dict[int, tuple[int, int]] = {}
        self.kinds: set[str] = set()  # bbox or rotated_bbox, segmentation, keypoints
        self._latest: list[tuple[int, Instances]] = []
        self._is_gathered = False

    def add(
        self, inputs: Sequence[Mapping[str, Any]], outputs: Sequence[Mapping[str, Any]]
    ) -> None:
        """Adds the detections of a batch; those of an image replace earlier ones.

        Raises:
            InputError: the outputs are not one for each image, have no instances, or are of an
                image that the dataset does not have.
        """
        check_pairs(inputs, outputs)
        batch = [
            (self.index.find(record), read_instances(output))
            for record, output in zip(inputs, outputs, strict=True)
        ]
        if _is_same(batch, self._latest):
            return
        self._is_gathered = False
        for place, instances in batch:
            check_size(self.dataset.records[place], instances.image_size)
            self.sizes[place] = instances.image_size
            self.by_image[place] = describe_instances(instances)
            self._check_classes(self.by_image[place])
            self.kinds |= _find_kinds(instances)
        self._latest = batch

    def _check_classes(self, detections: Sequence[Detection]) -> None:
        count = len(self.dataset.metadata.thing_classes)
        highest = max((one["category_id"] for one in detections), default=-1)
        if highest >= count:
            raise InputError(
                f"the model predicts class {highest}, but dataset '{self.dataset.name}' has "
                f"no more than {count}, counted from 0; `metadata:` of a spec names its classes"
            )

    def require_upright(self, task: str) -> None:
        """Refuses boxes at any angle.

        Raises:
            InputError: there are some.
        """
        if ROTATED_KIND in self.kinds:
            raise InputError(
                f"the task '{task}' compares upright boxes, but the model's lie at any angle; "
                f"'{ROTATED_KIND}' compares these"
            )

    def gather(self) -> None:
        """Gathers the detections of all processes on rank 0."""
        if self._is_gathered:
            return
        self._latest, self._is_gathered = [], True
        for by_image, sizes, kinds in gather_parts((self.by_image, self.sizes, self.kinds)):
            self.by_image.update(by_image)
            self.sizes.update(sizes)
            self.kinds |= kinds

    def to_coco(self) -> list[dict[str, Any]]:
        """The detections in COCO's results format, with the dataset's own ids.

        Written as JSON, an evaluation server of COCO's kind takes it.
        """
        ids = self.dataset.metadata.thing_ids
        found = []
        for place in self.index.order():
            image_id = self.dataset.records[place].image_id
            for detection in self.by_image.get(place, ()):
                entry = {"image_id": image_id, **detection}
                entry["category_id"] = ids[detection["category_id"]]
                if "segmentation" in detection:
                    entry["segmentation"] = mask_to_text(detection["segmentation"])
                found.append(entry)
        return found


def _is_same(batch: list[tuple[int, Instances]], other: list[tuple[int, Instances]]) -> bool:
    """Whether two batches have the very same instances in the same images."""
    return len(batch) == len(other) and all(
        place == at and instances is known
        for (place, instances), (at, known) in zip(batch, other, strict=True)
    )


def check_pairs(inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
    """Refuses outputs that are not one for each image.

    Raises:
        InputError: there are more or fewer.
    """
    if not isinstance(outputs, Sequence) or len(outputs) != len(inputs):
        found = len(outputs) if isinstance(outputs, Sequence) else f"a {type(outputs).__name__}"
        raise InputError(
            f"{len(inputs)} images went in, but {found} came out; evaluation expects a list with "
            "one dict for each image, as a graph in inference mode returns it"
        )


def check_size(record: Record, size: tuple[int, int]) -> None:
    """Refuses an output in another resolution than the annotations.

    Raises:
        InputError: the output's (height, width) differs from the image's.
    """
    wanted = record.height or size[0], record.width or size[1]
    if wanted != size:
        raise InputError(
            f"{record.file_name}: the output is {size[0]} high and {size[1]} wide, the annotated "
            f"image {wanted[0]} and {wanted[1]}; the batch's 'height' and 'width' say how large "
            "outputs are to be"
        )


def describe_instances(instances: Instances) -> list[Detection]:
    """Converts the instances of an image to detections.

    Args:
        instances: `pred_boxes`, which may be rotated, `scores`, `pred_classes`, and optionally
            `pred_masks` (R x H x W, or within boxes) and `pred_keypoints` (R x K x 3).
    """
    detections = list(_describe_boxes(instances))
    if instances.has("pred_masks"):
        codes = encode_masks(_read_masks(instances))
        for detection, code in zip(detections, codes, strict=True):
            detection["segmentation"] = code
    if instances.has("pred_keypoints"):
        for detection, points in zip(detections, _read_keypoints(instances), strict=True):
            detection["keypoints"] = points
    return detections


def _describe_boxes(instances: Instances) -> Iterator[Detection]:
    boxes = instances.pred_boxes
    rows = (boxes.tensor if isinstance(boxes, Boxes | RotatedBoxes) else boxes).tolist()
    classes, scores = instances.pred_classes.tolist(), instances.scores.tolist()
    for row, category, score in zip(rows, classes, scores, strict=True):
        box = row
        if not isinstance(boxes, RotatedBoxes):
            x0, y0, x1, y1 = row
            box = [x0, y0, x1 - x0, y1 - y0]
        yield {"category_id": category, "bbox": box, "score": score}


def _read_masks(instances: Instances) -> Bool[Tensor, "R H W"]:
    masks = instances.pred_masks
    if isinstance(masks, ROIMasks):
        return masks.paste(instances.pred_boxes, instances.image_size)
    tensor = masks.tensor if isinstance(masks, BitMasks) else masks
    if tensor.shape[1:] != instances.image_size:
        raise InputError(
            f"masks of {tuple(tensor.shape)} in an image of {instances.image_size}: "
            "evaluation expects masks in the resolution of the output, one for each instance"
        )
    return tensor.bool()


def _read_keypoints(instances: Instances) -> list[list[float]]:
    keypoints = instances.pred_keypoints
    tensor = keypoints.tensor if isinstance(keypoints, Keypoints) else keypoints
    shift = torch.tensor([KEYPOINT_OFFSET, KEYPOINT_OFFSET, 0.0])
    return (tensor.detach().cpu().float() - shift).flatten(1).tolist()


def _find_kinds(instances: Instances) -> set[str]:
    is_rotated = isinstance(instances.pred_boxes, RotatedBoxes)
    fields = {"segmentation": "pred_masks", "keypoints": "pred_keypoints"}
    kinds = {kind for kind, field in fields.items() if instances.has(field)}
    return kinds | {ROTATED_KIND if is_rotated else "bbox"}


def read_instances(output: Mapping[str, Any], field: str = "instances") -> Instances:
    """The instances of a model's output for one image.

    Raises:
        InputError: there are none.
    """
    found = output.get(field) if isinstance(output, Mapping) else None
    if not isinstance(found, Instances):
        keys = ", ".join(map(repr, output)) if isinstance(output, Mapping) else ""
        raise InputError(f"the outputs have no '{field}'; they have {keys or 'no keys'}")
    return found
