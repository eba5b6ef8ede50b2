import pytest
import torch

from composer.structures import Boxes, ImageList, Instances
from composer_rpn.given_proposals import given_proposals
from composer_rpn.proposal_instances import proposal_instances

IMAGES = ImageList(torch.zeros(2, 3, 8, 8), [(8, 8), (4, 6)])
BOXES = [Boxes([[0.0, 0.0, 2.0, 2.0]]), Boxes([])]
LOGITS = [torch.tensor([1.5]), torch.zeros(0)]


def test_proposals_are_gathered_by_image_and_taken_apart_again():
    gathered = proposal_instances(IMAGES, BOXES, LOGITS)
    assert [one.image_size for one in gathered] == [(8, 8), (4, 6)]
    boxes, logits = given_proposals(gathered)
    assert [one.tensor.tolist() for one in boxes] == [[[0.0, 0.0, 2.0, 2.0]], []]
    assert [one.tolist() for one in logits] == [[1.5], []]


def test_no_images_have_no_proposals():
    assert given_proposals([]) == ([], [])
    assert proposal_instances(ImageList(torch.zeros(0, 3, 1, 1), []), [], []) == []


def test_a_missing_field_is_named():
    with pytest.raises(AttributeError, match="no field 'proposal_boxes'"):
        given_proposals([Instances((8, 8), boxes=BOXES[0])])


def test_there_are_proposals_for_every_image():
    with pytest.raises(ValueError, match="Boxes of 1 and logits of 2 images, but 2"):
        proposal_instances(IMAGES, BOXES[:1], LOGITS)
