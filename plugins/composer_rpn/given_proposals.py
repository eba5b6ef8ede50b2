"""Proposals that come with the images."""

from typing import NamedTuple

from composer.structures import Boxes, Instances, Scores


class GivenProposals(NamedTuple):
    """The proposals of every image.

    Args:
        boxes: per image.
        objectness_logits: per image, one a box.
    """

    boxes: list[Boxes]
    objectness_logits: list[Scores]


def given_proposals(proposals: list[Instances]) -> GivenProposals:
    """Takes the proposals that come with the images, as Fast R-CNN does (Girshick 2015).

    Args:
        proposals: per image, with `proposal_boxes` and `objectness_logits`, in pixels of the
            image that the network is given.
    """
    return GivenProposals(
        [one.proposal_boxes for one in proposals],
        [one.objectness_logits for one in proposals],
    )
