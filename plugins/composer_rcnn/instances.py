"""Detected objects with all their fields, gathered by image.

The fields are called as in detectron2.
"""

from collections.abc import Sequence
from typing import Any

from composer.structures import (
    AnyBoxes,
    Classes,
    ClassProbabilities,
    ImageList,
    Instances,
    KeypointHeatmaps,
    MaskProbabilities,
    PredictedKeypoints,
    Scores,
)
from composer.translation import translated_by


@translated_by("composer_rcnn.onnx_results:translate_instances")
def instances(
    images: ImageList,
    boxes: list[AnyBoxes],
    scores: list[Scores],
    classes: list[Classes],
    masks: list[MaskProbabilities] | None = None,
    class_probabilities: list[ClassProbabilities] | None = None,
    keypoints: list[PredictedKeypoints] | None = None,
    keypoint_heatmaps: list[KeypointHeatmaps] | None = None,
) -> list[Instances]:
    """Puts the detections of each image into Instances, in the resolution of the network.

    Args:
        images: for their sizes.
        boxes: become `pred_boxes`.
        scores: become `scores`.
        classes: become `pred_classes`.
        masks: become `pred_masks`, within the boxes, when they are wired.
        class_probabilities: become `class_probabilities`, when they are wired.
        keypoints: become `pred_keypoints`, when they are wired.
        keypoint_heatmaps: become `pred_keypoint_heatmaps`, within the boxes, when they are wired.

    Raises:
        ValueError: something is given for another number of images or detections.
    """
    columns: dict[str, Sequence[Any] | None] = {
        "pred_boxes": boxes,
        "scores": scores,
        "pred_classes": classes,
        "pred_masks": masks,
        "class_probabilities": class_probabilities,
        "pred_keypoints": keypoints,
        "pred_keypoint_heatmaps": keypoint_heatmaps,
    }
    wired = {name: values for name, values in columns.items() if values is not None}
    for name, values in wired.items():
        if len(values) != len(images):
            raise ValueError(f"'{name}' of {len(values)} images, but {len(images)} images.")
    return [
        Instances(image_size, **{name: values[image] for name, values in wired.items()})
        for image, image_size in enumerate(images.image_sizes)
    ]
