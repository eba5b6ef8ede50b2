import numpy as np
import pytest
import torch

from composer.structures import (
    BitMasks,
    Boxes,
    ImageBatch,
    Instances,
    Keypoints,
    PolygonMasks,
    ROIMasks,
    RotatedBoxes,
)
from composer.structures.foreign_structures import adopt_field, adopt_instances
from strategies.look_alikes import Polygons, Records, Rows

BOXES = torch.tensor([[1.0, 2.0, 9.0, 8.0], [0.0, 0.0, 5.0, 5.0]])


def record(**entries):
    return {"image": torch.zeros(3, 20, 30, dtype=torch.uint8), **entries}


@pytest.mark.parametrize(
    ("tensor", "kind"),
    [
        (BOXES, Boxes),
        (torch.zeros(0, 4), Boxes),
        (torch.zeros(2, 5), RotatedBoxes),
        (torch.zeros(2, 20, 30, dtype=torch.bool), BitMasks),
        (torch.zeros(2, 20, 3, dtype=torch.uint8), BitMasks),
        (torch.zeros(2, 17, 3), Keypoints),
        (torch.zeros(2, 28, 28), ROIMasks),
    ],
)
def test_a_structure_is_reported_by_its_tensor(tensor, kind):
    adopted = adopt_field(Rows(tensor))
    assert type(adopted) is kind
    assert torch.equal(adopted.tensor, tensor.to(adopted.tensor.dtype))


def test_a_name_tells_more_than_a_tensor():
    square = torch.zeros(2, 3, 3)
    assert type(adopt_field(type("ROIMasks", (Rows,), {})(square))) is ROIMasks
    inherited = type("MyMasks", (type("BitMasks", (Rows,), {}),), {})
    assert type(adopt_field(inherited(square))) is BitMasks


def test_polygons_are_told_by_their_name():
    polygons = [[np.array([0.0, 0.0, 4.0, 0.0, 4.0, 4.0])], []]
    adopted = adopt_field(Polygons(polygons))
    assert type(adopted) is PolygonMasks
    assert adopted.polygons[0][0].tolist() == polygons[0][0].tolist()


@pytest.mark.parametrize(
    "value", [BOXES, ["a", "b"], Boxes(BOXES), Rows("text"), Rows(BOXES[0]), Rows(BOXES[:, :3])]
)
def test_anything_else_stays_as_it_is(value):
    assert adopt_field(value) is value


def test_instances_are_adopted_with_their_fields():
    classes, names = torch.tensor([1, 2]), ["a", "b"]
    found = adopt_instances(
        Records((20, 30), gt_boxes=Rows(BOXES), gt_classes=classes, names=names)
    )
    assert type(found) is Instances
    assert found.image_size == (20, 30)
    assert torch.equal(found.gt_boxes.tensor, BOXES)
    assert found.gt_classes is classes
    assert found.names is names


def test_instances_of_ours_are_given_back_themselves():
    ours = Instances((20, 30), gt_boxes=Boxes(BOXES))
    assert adopt_instances(ours) is ours
    assert adopt_instances([ours]) == [ours]


def test_instances_of_ours_may_hold_fields_of_others():
    mixed = Instances((20, 30), gt_boxes=Rows(BOXES))
    assert isinstance(adopt_instances(mixed).gt_boxes, Boxes)
    assert isinstance(mixed.gt_boxes, Rows)


def test_a_batch_takes_ground_truth_and_proposals_that_look_alike():
    truth = Records([20, 30], gt_boxes=Rows(BOXES), gt_classes=torch.tensor([1, 2]))
    proposals = Records(
        torch.Size([20, 30]), proposal_boxes=Rows(BOXES), objectness_logits=torch.zeros(2)
    )
    given = record(instances=truth, proposals=proposals)
    batch = ImageBatch.from_records([given])
    assert torch.equal(batch.instances[0].gt_boxes.tensor, BOXES)
    assert torch.equal(batch.proposals[0].proposal_boxes.tensor, BOXES)
    assert batch.to("meta").instances[0].gt_boxes.device == torch.device("meta")
    assert given["instances"] is truth


def test_a_batch_names_the_records_whose_instances_are_not_well_formed():
    uneven = Records((20, 30), gt_boxes=Rows(BOXES), gt_classes=torch.tensor([1]))
    broken = Records((20, 30), gt_masks=Polygons([[np.zeros(5)]]))
    odd = Records((20, 30), to=torch.zeros(2))
    with pytest.raises(ValueError, match="Record 0") as caught:
        ImageBatch.from_records(
            [record(instances=uneven), record(proposals=broken), record(instances=odd)]
        )
    first, second, third = str(caught.value).splitlines()
    assert "Record 0: 'instances' cannot be Instances: Field 'gt_classes' has 1 entries" in first
    assert "Record 1: 'proposals' cannot be Instances: Instance 0, polygon 0" in second
    assert "Record 2: 'instances' cannot be Instances: 'to' belongs to Instances" in third
