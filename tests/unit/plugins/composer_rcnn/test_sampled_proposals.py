import pytest
import torch

from composer.events import EventStorage
from composer.structures import Boxes, Instances
from composer_rcnn.sampled_proposals import sampled_proposals

OBJECTS = [[0.0, 0.0, 10.0, 10.0], [20.0, 20.0, 30.0, 30.0]]
NEAR_SECOND = [20.0, 20.0, 30.0, 28.0]
FAR = [50.0, 50.0, 60.0, 60.0]


def truth_of(boxes, classes):
    return Instances((64, 64), gt_boxes=Boxes(boxes), gt_classes=torch.tensor(classes).long())


def sample(proposals, targets, seed=0, **options):
    generator = torch.Generator().manual_seed(seed)
    boxes = [Boxes(one) for one in proposals]
    return sampled_proposals(boxes, targets, generator=generator, **{"num_classes": 9, **options})


def by_box(found, image=0):
    columns = [
        found.boxes[image].tensor,
        found.classes[image],
        found.matched_boxes[image].tensor,
        found.matched_indices[image],
    ]
    return {tuple(box): rest for box, *rest in zip(*(c.tolist() for c in columns), strict=True)}


def test_regions_learn_from_the_object_that_they_overlap_most():
    found = sample([[NEAR_SECOND, FAR]], [truth_of(OBJECTS, [3, 4])], proposal_append_gt=False)
    rows = by_box(found)
    assert rows[tuple(NEAR_SECOND)] == [4, OBJECTS[1], 1]
    assert rows[tuple(FAR)][0] == 9


def test_objects_are_regions_too_unless_that_is_switched_off():
    targets = [truth_of(OBJECTS, [3, 4])]
    found = sample([[FAR]], targets)
    assert found.classes[0].tolist().count(9) == 1
    assert sorted(found.classes[0].tolist()) == [3, 4, 9]
    assert len(sample([[FAR]], targets, proposal_append_gt=False).boxes[0]) == 1


def test_regions_with_an_object_come_first_and_have_their_share():
    proposals = [NEAR_SECOND] * 6 + [FAR] * 6
    options = {"batch_size_per_image": 8, "proposal_append_gt": False}
    found = sample([proposals], [truth_of(OBJECTS, [3, 4])], **options)
    assert found.classes[0].tolist() == [4] * 2 + [9] * 6


def test_the_generator_decides_which_regions_are_drawn():
    proposals = [[0.0, 0.0, 50.0, 50.0 + 0.01 * row] for row in range(50)]
    targets = [truth_of([], [])]
    first, again, other = (
        sample([proposals], targets, seed, batch_size_per_image=9).boxes[0].tensor
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_an_image_without_objects_is_background():
    found = sample([[FAR], [FAR]], [truth_of([], []), truth_of(OBJECTS, [1, 2])])
    assert by_box(found)[tuple(FAR)] == [9, FAR, 0]
    assert len(found.boxes[1]) == 3


def test_an_image_may_have_no_proposals():
    found = sample([[], []], [truth_of([], []), truth_of(OBJECTS, [1, 2])])
    assert [len(boxes) for boxes in found.boxes] == [0, 2]


def test_regions_between_thresholds_can_be_left_out():
    options = {"iou_thresholds": (0.1, 0.9), "iou_labels": (0, -1, 1), "proposal_append_gt": False}
    found = sample([[NEAR_SECOND, FAR]], [truth_of(OBJECTS, [3, 4])], **options)
    assert found.boxes[0].tensor.tolist() == [FAR]


def test_counts_are_recorded_per_image():
    with EventStorage() as storage:
        sample([[FAR], [FAR]], [truth_of([], []), truth_of(OBJECTS, [1, 2])])
    latest = {name: value for name, (value, _) in storage.latest().items()}
    assert latest == {"roi_head/num_fg_samples": 1.0, "roi_head/num_bg_samples": 1.0}


def test_no_images_have_no_samples():
    assert sample([], []) == ([], [], [], [])


def test_there_is_a_target_for_every_image():
    with pytest.raises(ValueError, match="Proposals of 1 images, but targets of 0"):
        sample([[FAR]], [])
