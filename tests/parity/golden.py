"""What detectron2 computed for small models, and how it is compared."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from composer.structures import Boxes, Instances

DATA = Path(__file__).parent / "data"
MORE = os.environ.get("COMPOSER_GOLDEN")  # a folder with cases that are too large to ship

# Relative to the maximum, for features and logits; kernels and thread counts move them by 1e-4.
FEATURE_TOLERANCE = 1e-3
BOX_TOLERANCE = 0.05  # pixels
SCORE_TOLERANCE = 1e-3
SMALLEST_MASK_IOU = 0.99
SMALLEST_MATCHED_SHARE = 0.99

# The images are BGR; these models were given their channels in the other order.
RGB_CASES = ("cascade_mask_rcnn_swin", "mask_rcnn_mvitv2_t", "mask_rcnn_vitdet")


@dataclass(frozen=True)
class GoldenCase:
    """One model with its weights, and what it gives for the two images of `images.npz`."""

    name: str

    @property
    def folder(self) -> Path:
        """Where its files are."""
        is_shipped = MORE is None or (DATA / self.name).is_dir()
        return DATA / self.name if is_shipped else Path(MORE) / self.name

    @property
    def is_at_hand(self) -> bool:
        """Whether its files are here."""
        return self.folder.is_dir()

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        """The batch that the model was given."""
        with np.load(DATA / "images.npz") as images:
            arrays = [images["image0"], images["image1"]]
        records = []
        for index, array in enumerate(arrays):
            height, width = self.values[f"input/{index}/height_width"].tolist()
            if self.name in RGB_CASES:
                array = array[:, :, ::-1]
            image = torch.from_numpy(array.transpose(2, 0, 1).copy())
            given = self._read_given_proposals(index, image)
            records.append({"image": image, "height": height, "width": width, **given})
        return records

    @property
    def weights(self) -> dict[str, Path]:
        """The checkpoints by node; the backbone of `fast_rcnn_fpn` is that of the cascade."""
        own = self.folder / "model.pth"
        if self.name != "fast_rcnn_fpn":
            return {"": own}
        return {"backbone": DATA / "cascade_mask_rcnn_fpn" / "model.pth", "roi_heads": own}

    @cached_property
    def state_dict(self) -> dict[str, Tensor]:
        """The weights, with detectron2's keys."""
        return torch.load(self.folder / "model.pth", weights_only=True)["model"]

    @cached_property
    def values(self) -> dict[str, np.ndarray]:
        """The arrays of `inference.npz` by name."""
        with np.load(self.folder / "inference.npz") as values:
            return {name: values[name] for name in values.files}

    def tensor(self, name: str) -> Tensor:
        return torch.from_numpy(self.values[name])

    @property
    def features(self) -> dict[str, Tensor]:
        """The backbone's output; a name with `.every4` has every fourth row and column."""
        prefix = "intermediate/backbone/"
        return {n.removeprefix(prefix): self.tensor(n) for n in self.values if n.startswith(prefix)}

    @property
    def proposals(self) -> tuple[list[Boxes], list[Tensor]]:
        """Boxes and objectness logits per image."""
        prefix = "intermediate/proposal_generator"
        boxes = [Boxes(self.tensor(f"{prefix}/{i}/proposal_boxes")) for i in range(2)]
        return boxes, [self.tensor(f"{prefix}/{i}/objectness_logits") for i in range(2)]

    @property
    def instances(self) -> list[Instances]:
        """The model's output per image, masks unpacked."""
        return [self._read_instances(index) for index in range(2)]

    def _read_given_proposals(self, index: int, image: Tensor) -> dict[str, Instances]:
        """The proposals that come with an image, where they do."""
        prefix = f"input/{index}/"
        if f"{prefix}proposal_boxes" not in self.values:
            return {}
        boxes = Boxes(self.tensor(f"{prefix}proposal_boxes"))
        logits = self.tensor(f"{prefix}objectness_logits")
        size = (image.shape[1], image.shape[2])
        return {"proposals": Instances(size, proposal_boxes=boxes, objectness_logits=logits)}

    def _read_instances(self, index: int) -> Instances:
        prefix = f"output/{index}/instances/"
        height, width = self.values[f"input/{index}/height_width"].tolist()
        instances = Instances(
            (height, width),
            pred_boxes=Boxes(self.tensor(f"{prefix}pred_boxes")),
            scores=self.tensor(f"{prefix}scores"),
            pred_classes=self.tensor(f"{prefix}pred_classes"),
        )
        if f"{prefix}pred_masks.packed" in self.values:
            packed = self.values[f"{prefix}pred_masks.packed"]
            bits = np.unpackbits(packed, axis=1, count=height * width).astype(bool)
            instances.pred_masks = torch.from_numpy(bits.reshape(-1, height, width))
        if f"{prefix}pred_keypoints" in self.values:
            instances.pred_keypoints = self.tensor(f"{prefix}pred_keypoints")
        return instances


def relative_error(actual: Tensor, expected: Tensor) -> float:
    """Returns the largest difference, relative to the largest expected value."""
    assert actual.shape == expected.shape
    return float((actual - expected).abs().max() / expected.abs().max())


def assert_features_match(found: dict[str, Tensor], golden: GoldenCase) -> None:
    """Compares a backbone's output level by level."""
    assert golden.features
    for name, expected in golden.features.items():
        level, _, strided = name.partition(".")
        actual = found[level][:, :, ::4, ::4] if strided else found[level]
        assert relative_error(actual, expected) < FEATURE_TOLERANCE, name


def match_boxes(
    actual: Boxes, expected: Boxes, allowed: Tensor | None = None
) -> list[tuple[int, int]]:
    """Pairs boxes within the tolerance, each at most once; near-ties may come in any order.

    Args:
        actual: boxes to look at.
        expected: boxes to find.
        allowed: which pairs may be made, actual by expected.
    """
    distance = (actual.tensor[:, None] - expected.tensor[None]).abs().amax(dim=2)
    if allowed is not None:
        distance = distance.masked_fill(~allowed, float("inf"))
    pairs, taken = [], set()
    for row in range(len(actual)):
        for column in distance[row].argsort().tolist():
            if distance[row, column] > BOX_TOLERANCE:
                break
            if column not in taken:
                taken.add(column)
                pairs.append((row, column))
                break
    return pairs


def match_instances(actual: Instances, expected: Instances) -> list[tuple[int, int]]:
    """Pairs instances of one class whose boxes, scores and masks are within the tolerances."""
    allowed = actual.pred_classes[:, None] == expected.pred_classes[None]
    allowed &= (actual.scores[:, None] - expected.scores[None]).abs() < SCORE_TOLERANCE
    pairs = match_boxes(actual.pred_boxes, expected.pred_boxes, allowed)
    if not expected.has("pred_masks"):
        return pairs
    return [
        (row, column)
        for row, column in pairs
        if mask_iou(actual.pred_masks[row], expected.pred_masks[column]) >= SMALLEST_MASK_IOU
    ]


def mask_iou(left: Tensor, right: Tensor) -> float:
    """Returns the intersection over union of two bit masks; two empty ones are alike."""
    union = int((left | right).sum())
    return 1.0 if union == 0 else int((left & right).sum()) / union


def matched_share(pairs: list[tuple[int, int]], actual_count: int, expected_count: int) -> float:
    """Returns the share of the larger side that found a partner."""
    return len(pairs) / max(actual_count, expected_count)


def assert_instances_match(found: list[Instances], expected: list[Instances]) -> None:
    """Over all images at once: in a mask of 70 pixels, one pixel is 1.4 % of its IoU."""
    assert [one.image_size for one in found] == [one.image_size for one in expected]
    pairs = [
        pair
        for actual, golden in zip(found, expected, strict=True)
        for pair in match_instances(actual, golden)
    ]
    num_found, num_expected = (sum(len(one) for one in side) for side in (found, expected))
    assert matched_share(pairs, num_found, num_expected) >= SMALLEST_MATCHED_SHARE
