import pytest
import torch
import torch.nn.functional as F

from composer.structures import BitMasks, Boxes, Instances
from composer.testing import check_node_type
from composer_panoptic.panoptic import panoptic

SIZE = (4, 10)
NUM_SEMANTIC = 4


def strip(start, stop):
    """A mask from one column to another."""
    mask = torch.zeros(SIZE, dtype=torch.bool)
    mask[:, start:stop] = True
    return mask


def instances_of(*rows):
    """From (mask, score, class)."""
    masks, scores, classes = zip(*rows, strict=True) if rows else ((), (), ())
    return Instances(
        SIZE,
        pred_boxes=Boxes(torch.zeros(len(rows), 4)),
        scores=torch.tensor(scores, dtype=torch.float32),
        pred_classes=torch.tensor(classes, dtype=torch.int64),
        pred_masks=torch.stack(masks) if rows else torch.zeros(0, *SIZE, dtype=torch.bool),
    )


def scores_of(classes):
    return F.one_hot(classes, NUM_SEMANTIC).permute(2, 0, 1).float()


THINGS_ONLY = scores_of(torch.zeros(SIZE, dtype=torch.int64))


def combine(instances, semantic=THINGS_ONLY, **options):
    (found,) = panoptic([instances], [semantic], **{"stuff_area_limit": 4, **options})
    return found


def test_instances_become_segments_best_first():
    found = combine(instances_of((strip(0, 3), 0.6, 5), (strip(5, 9), 0.75, 7)))
    assert found.segments_info == [
        {"id": 1, "isthing": True, "score": 0.75, "category_id": 7, "instance_id": 1},
        {"id": 2, "isthing": True, "score": pytest.approx(0.6), "category_id": 5, "instance_id": 0},
    ]
    assert found.segment_ids[0].tolist() == [2, 2, 2, 0, 0, 1, 1, 1, 1, 0]
    assert found.segment_ids.dtype == torch.int32


def test_what_is_taken_stays_with_the_better_instance():
    found = combine(instances_of((strip(0, 6), 0.9, 0), (strip(4, 10), 0.8, 0)))
    assert found.segment_ids[0].tolist() == [1] * 6 + [2] * 4


@pytest.mark.parametrize(("start", "count"), [(3, 2), (2, 1)])  # half of it is taken, and more
def test_an_instance_that_is_mostly_taken_is_dropped(start, count):
    found = combine(instances_of((strip(0, 6), 0.9, 0), (strip(start, start + 6), 0.8, 0)))
    assert len(found.segments_info) == count


def test_uncertain_instances_are_dropped():
    rows = (strip(0, 3), 0.5, 0), (strip(4, 6), 0.49, 0)
    assert len(combine(instances_of(*rows)).segments_info) == 1
    lower = combine(instances_of(*rows), instances_confidence_threshold=0.4)
    assert len(lower.segments_info) == 2


def test_instances_without_a_pixel_are_dropped():
    assert combine(instances_of((strip(3, 3), 0.9, 0))).segments_info == []


def test_stuff_fills_what_instances_leave():
    classes = torch.full(SIZE, 2)
    classes[:, 8:] = 3
    found = combine(instances_of((strip(0, 5), 0.9, 2)), scores_of(classes))
    assert found.segments_info[1:] == [
        {"id": 2, "isthing": False, "category_id": 2, "area": 12},
        {"id": 3, "isthing": False, "category_id": 3, "area": 8},
    ]
    assert found.segment_ids[0].tolist() == [1] * 5 + [2] * 3 + [3] * 2


@pytest.mark.parametrize(("limit", "count"), [(8, 1), (9, 0), (0, 1)])
def test_small_stuff_is_dropped(limit, count):
    classes = torch.zeros(SIZE, dtype=torch.int64)
    classes[:, 8:] = 3
    found = combine(instances_of(), scores_of(classes), stuff_area_limit=limit)
    assert len(found.segments_info) == count


def test_the_class_of_all_things_is_no_stuff():
    assert combine(instances_of()).segments_info == []


def test_bit_masks_are_taken():
    instances = instances_of((strip(0, 3), 0.9, 5))
    instances.pred_masks = BitMasks(instances.pred_masks)
    assert combine(instances).segment_ids.sum() == 12


def test_no_images_have_no_segments():
    assert panoptic([], []) == []


def test_as_many_instances_as_logits_are_needed():
    with pytest.raises(ValueError, match="Instances of 1 images, logits of 0"):
        panoptic([instances_of()], [])


def test_it_describes_itself_in_a_few_words():
    classes = torch.full(SIZE, 2)
    found = combine(instances_of((strip(0, 5), 0.9, 2)), scores_of(classes))
    assert found.summary() == "4x10 with 1 things and 1 regions of stuff"


def test_it_keeps_the_contract_of_node_types():
    instances = instances_of((strip(0, 6), 0.9, 0), (strip(4, 10), 0.8, 0))
    check_node_type(
        panoptic,
        {"instances": [instances], "sem_seg": [THINGS_ONLY]},
        config={"stuff_area_limit": 4},
    )
