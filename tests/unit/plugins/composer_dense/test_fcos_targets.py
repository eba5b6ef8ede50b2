import pytest
import torch

from composer.ops import place_anchors
from composer.structures import Boxes, Instances
from composer.testing import check_node_type
from composer_dense.fcos_targets import fcos_targets

BACKGROUND = 80
STRIDES = (8, 16, 32)
SIZE = 64


def cells_of(stride):
    half = stride / 2
    around_origin = torch.tensor([[-half, -half, half, half]])
    return place_anchors(around_origin, (SIZE // stride, SIZE // stride), stride, 0.5)


CELLS = [cells_of(stride) for stride in STRIDES]
POINTS = [Boxes(level).get_centers() for level in CELLS]


def truth(boxes, classes):
    return Instances((SIZE, SIZE), gt_boxes=Boxes(boxes), gt_classes=torch.tensor(classes).long())


def positives_of(boxes, **options):
    """The points (x, y) of each level that are for an object."""
    found = fcos_targets(CELLS, [truth(boxes, [0] * len(boxes))], **{"num_classes": 80, **options})
    levels = found.classes[0].split([len(level) for level in CELLS])
    return [
        points[level != BACKGROUND].tolist() for points, level in zip(POINTS, levels, strict=True)
    ]


def test_a_cell_is_for_an_object_that_it_lies_in():
    levels = positives_of([[10.0, 10.0, 21.0, 13.0]])
    assert levels == [[[12.0, 12.0], [20.0, 12.0]], [], []]


def test_a_cell_is_for_an_object_only_near_its_centre():
    wide = [[0.0, 18.0, 60.0, 22.0]]
    assert positives_of(wide)[0] == [[20.0, 20.0], [28.0, 20.0], [36.0, 20.0]]
    assert positives_of(wide, center_sampling_radius=0.9)[0] == [[28.0, 20.0], [36.0, 20.0]]


@pytest.mark.parametrize(
    ("side", "level"),
    # the farthest edge is half a side and half a stride away, up to 8 strides of a level
    [(16.0, 0), (60.0, 0), (200.0, 1), (500.0, 2)],
)
def test_larger_objects_belong_to_coarser_levels(side, level):
    box = [32.0 - side / 2, 32.0 - side / 2, 32.0 + side / 2, 32.0 + side / 2]
    filled = [bool(points) for points in positives_of([box])]
    assert filled == [index == level for index in range(3)]


def test_the_smaller_of_two_objects_gets_the_cell():
    large, small = [0.0, 0.0, 50.0, 50.0], [20.0, 20.0, 36.0, 36.0]
    found = fcos_targets(CELLS, [truth([large, small], [1, 2])], num_classes=80)
    at_center = POINTS[0].tolist().index([28.0, 28.0])
    assert found.classes[0][at_center] == 2
    assert found.boxes[0].tensor[at_center].tolist() == small


def test_without_objects_all_is_background():
    found = fcos_targets(CELLS, [truth([], [])], num_classes=3)
    assert set(found.classes[0].tolist()) == {3}
    assert len(found.boxes[0]) == sum(len(level) for level in CELLS)


def test_each_image_has_its_own_objects():
    found = fcos_targets(
        CELLS, [truth([], []), truth([[10.0, 10.0, 21.0, 13.0]], [5])], num_classes=80
    )
    assert [int((one != BACKGROUND).sum()) for one in found.classes] == [0, 2]


def test_one_level_is_for_objects_of_all_sizes():
    found = fcos_targets(CELLS[:1], [truth([[0.0, 0.0, 5000.0, 5000.0]], [0])], num_classes=80)
    assert not (found.classes[0] == 0).any()  # the centre is far away
    near = fcos_targets(CELLS[:1], [truth([[-500.0, -500.0, 564.0, 564.0]], [0])], num_classes=80)
    assert (near.classes[0] == 0).any()


def test_no_images_have_no_targets():
    assert fcos_targets(CELLS, [], num_classes=80) == ([], [])


def test_it_keeps_the_contract_of_node_types():
    targets = [truth([[10.0, 10.0, 21.0, 13.0]], [5]), truth([], [])]
    check_node_type(
        fcos_targets,
        {"anchors": CELLS, "targets": targets},
        config={"num_classes": 80},
        mode="training",
    )
