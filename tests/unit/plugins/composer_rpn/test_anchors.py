import pytest
import torch

from composer.structures import TensorShape
from composer_rpn.anchors import AnchorGenerator

SHAPES = {"p2": TensorShape(channels=8, stride=4), "p3": TensorShape(channels=8, stride=8)}
FEATURES = {"p2": torch.zeros(2, 8, 6, 5), "p3": torch.zeros(2, 8, 3, 2)}


def test_each_level_gets_anchors_at_each_of_its_cells():
    anchors = AnchorGenerator(features_shape=SHAPES, sizes=((8.0,), (16.0,)))(FEATURES)
    assert [len(level) for level in anchors] == [6 * 5 * 3, 3 * 2 * 3]
    centers = (anchors[1][:, :2] + anchors[1][:, 2:]) / 2
    assert centers.amax(dim=0).tolist() == [8.0, 16.0]


def test_a_single_entry_serves_all_levels():
    generator = AnchorGenerator(
        features_shape=SHAPES, sizes=((8.0, 16.0),), aspect_ratios=((1.0,), (0.5, 2.0))
    )
    assert generator.num_cell_anchors == [2, 4]
    assert [len(level) for level in generator(FEATURES)] == [6 * 5 * 2, 3 * 2 * 4]


def test_anchors_do_not_depend_on_the_images():
    generator = AnchorGenerator(features_shape=SHAPES)
    others = {name: torch.rand(0, *map_.shape[1:]) for name, map_ in FEATURES.items()}
    for left, right in zip(generator(FEATURES), generator(others), strict=True):
        assert torch.equal(left, right)


def test_only_the_levels_that_were_asked_for_get_anchors():
    assert len(AnchorGenerator(features_shape=SHAPES, in_features=("p3",))(FEATURES)) == 1


def test_the_offset_is_a_part_of_the_stride():
    left = AnchorGenerator(features_shape=SHAPES)(FEATURES)
    right = AnchorGenerator(features_shape=SHAPES, offset=0.5)(FEATURES)
    assert torch.equal(right[1], left[1] + 4)


def test_it_adds_nothing_to_checkpoints():
    assert AnchorGenerator(features_shape=SHAPES).state_dict() == {}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"in_features": ("p9",)}, "no level p9, only p2, p3"),
        ({"sizes": ((8.0,),) * 3}, "sizes are given for 3 levels, but there are 2"),
        ({"aspect_ratios": ()}, "aspect_ratios are given for 0 levels"),
        ({"offset": 1.0}, "offset"),
        ({"features_shape": {"p2": TensorShape(channels=8)}}, "stride of level 'p2'"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        AnchorGenerator(**{"features_shape": SHAPES, **options})
