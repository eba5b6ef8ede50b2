"""Proposals as results, gathered by image.

The fields are called as in detectron2.
"""

from composer.structures import AnyBoxes, ImageList, Instances, Scores
from composer.translation import translated_by


@translated_by("composer_rpn.onnx_translations:translate_proposal_instances")
def proposal_instances(
    images: ImageList,
    boxes: list[AnyBoxes],
    objectness_logits: list[Scores],
) -> list[Instances]:
    """Puts the proposals of each image into Instances, in the resolution of the network.

    Args:
        images: for their sizes.
        boxes: become `proposal_boxes`.
        objectness_logits: become `objectness_logits`.

    Raises:
        ValueError: something is given for another number of images or proposals.
    """
    if not len(images) == len(boxes) == len(objectness_logits):
        raise ValueError(
            f"Boxes of {len(boxes)} and logits of {len(objectness_logits)} images, but "
            f"{len(images)} images."
        )
    return [
        Instances(size, proposal_boxes=one, objectness_logits=logits)
        for size, one, logits in zip(images.image_sizes, boxes, objectness_logits, strict=True)
    ]
