"""Proposals that somebody else has computed."""

from composer.structures import Instances
from composer_rpn.proposals import ProposalBoxes


def given_proposals(proposals: list[Instances]) -> ProposalBoxes:
    """Takes the proposals that come with the images, as Fast R-CNN does (Girshick 2015).

    Args:
        proposals: per image, with `proposal_boxes` and `objectness_logits`, in pixels of the
            image that the network is given.
    """
    return ProposalBoxes(
        [one.proposal_boxes for one in proposals],
        [one.objectness_logits for one in proposals],
    )
