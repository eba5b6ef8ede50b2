import numpy as np
import pytest
import torch

from composer.ops import place_anchors
from composer.structures import Boxes, Instances, pairwise_iou
from composer.testing import check_node_type
from composer_dense.atss_targets import atss_targets

STRIDES = (8, 16, 32)
SIZE = 128
NUM_CLASSES = 5


def cells_of(stride):
    half = stride / 2
    around_origin = torch.tensor([[-half, -half, half, half]])
    return place_anchors(around_origin, (SIZE // stride, SIZE // stride), stride, 0.5)


CELLS = [cells_of(stride) for stride in STRIDES]


def truth(boxes, classes=None):
    boxes = torch.tensor(boxes).reshape(-1, 4)
    classes = torch.arange(len(boxes)) if classes is None else torch.tensor(classes)
    return Instances((SIZE, SIZE), gt_boxes=Boxes(boxes), gt_classes=classes.long())


def find_fitting(box, topk, scale):
    """The paper's algorithm 1 for one object, cell by cell: which of all cells are for it."""
    candidates, start = [], 0
    center = (box[:2] + box[2:]) / 2
    for level in CELLS:
        middles = (level[:, :2] + level[:, 2:]).numpy() / 2
        order = np.argsort(((middles - center) ** 2).sum(1), kind="stable")[:topk]
        candidates += [start + index for index in order]
        start += len(level)
    cells = torch.cat(CELLS).numpy()
    middles, halves = (cells[:, :2] + cells[:, 2:]) / 2, (cells[:, 2:] - cells[:, :2]) * scale / 2
    squares = Boxes(torch.from_numpy(np.concatenate([middles - halves, middles + halves], axis=1)))
    overlaps = pairwise_iou(Boxes(torch.from_numpy(box)[None]), squares)[0].numpy()
    least = overlaps[candidates].mean() + overlaps[candidates].std(ddof=1)
    return {
        index
        for index in candidates
        if overlaps[index] >= least
        and (middles[index] > box[:2]).all()
        and (middles[index] < box[2:]).all()
    }


@pytest.mark.parametrize("box", [[11, 13, 30, 42], [3, 5, 90, 71], [1, 1, 120, 127]])
@pytest.mark.parametrize(("topk", "scale"), [(9, 8.0), (7, 5.0)])
def test_cells_are_chosen_by_mean_and_deviation_of_overlaps(box, topk, scale):
    box = np.array(box, dtype=np.float32)
    found = atss_targets(
        CELLS, [truth(box.tolist(), [2])], num_classes=NUM_CLASSES, topk=topk, anchor_scale=scale
    )
    positives = (found.classes[0] == 2).nonzero().flatten().tolist()
    expected = find_fitting(box, topk, scale)
    assert expected
    assert set(positives) == expected
    assert torch.equal(found.boxes[0].tensor[positives[0]], torch.from_numpy(box))
    assert set(found.classes[0].tolist()) == {2, NUM_CLASSES}


def test_a_cell_of_several_objects_is_for_that_of_the_largest_overlap():
    # A square of 8 strides around (60, 60) overlaps the first object more.
    boxes = [[28.0, 28.0, 92.0, 92.0], [50.0, 50.0, 70.0, 70.0]]
    found = atss_targets(CELLS, [truth(boxes)], num_classes=NUM_CLASSES)
    cell = next(i for i, one in enumerate(CELLS[0].tolist()) if one == [56.0, 56.0, 64.0, 64.0])
    assert found.classes[0][cell] == 0


def test_all_objects_may_be_of_one_class():
    targets = [truth([[28.0, 28.0, 92.0, 92.0]], [4])]
    own = atss_targets(CELLS, targets, num_classes=NUM_CLASSES)
    found = atss_targets(CELLS, targets, num_classes=1, class_agnostic=True)
    assert torch.equal(found.classes[0] == 0, own.classes[0] == 4)
    assert targets[0].gt_classes.tolist() == [4]


def test_an_image_without_objects_is_background():
    found = atss_targets(CELLS, [truth([])], num_classes=NUM_CLASSES)
    assert set(found.classes[0].tolist()) == {NUM_CLASSES}
    assert len(found.boxes[0]) == len(found.classes[0])


def test_maps_may_be_smaller_than_the_number_of_candidates():
    found = atss_targets(
        [CELLS[2][:1]], [truth([[0.0, 0.0, 100.0, 100.0]])], num_classes=NUM_CLASSES
    )
    assert found.classes[0].tolist() == [0]


def test_it_keeps_the_contract_of_node_types():
    inputs = {"anchors": CELLS, "targets": [truth([[9.0, 9.0, 40.0, 40.0]]), truth([])]}
    check_node_type(atss_targets, inputs, config={"num_classes": NUM_CLASSES})
