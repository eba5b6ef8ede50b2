import pytest
import torch
from torchvision.ops import roi_align, roi_pool

from composer.structures import Boxes, TensorShape
from composer_rcnn.roi_pooler import ROIPooler

SHAPES = {f"p{level}": TensorShape(channels=2, stride=2**level) for level in (2, 3, 4, 5)}


def features_of(num_images=1, side=512):
    """Every level holds its own number, so that pooled values show where they come from."""
    return {
        name: torch.full((num_images, 2, side // s.stride, side // s.stride), float(name[1:]))
        for name, s in SHAPES.items()
    }


def levels_of(pooled):
    return pooled[:, 0, 0, 0].tolist()


def test_regions_come_from_the_level_of_their_size_in_their_own_order():
    sides = [448.0, 56.0, 224.0, 112.0]
    boxes = Boxes([[0.0, 0.0, side, side] for side in sides])
    pooled = ROIPooler(features_shape=SHAPES, output_size=3)(features_of(), [boxes])
    assert pooled.shape == (4, 2, 3, 3)
    assert levels_of(pooled) == [5.0, 2.0, 4.0, 3.0]


def test_regions_come_from_their_own_image():
    features = features_of(num_images=2)
    features["p2"][1] = 9.0
    box = Boxes([[8.0, 8.0, 40.0, 40.0]])
    pooled = ROIPooler(features_shape=SHAPES, output_size=2)(features, [box, Boxes.cat([box, box])])
    assert levels_of(pooled) == [2.0, 9.0, 9.0]


@pytest.mark.parametrize(
    ("pooler_type", "reference"),
    [
        ("ROIAlignV2", lambda *args: roi_align(*args, 0, True)),
        ("ROIAlign", lambda *args: roi_align(*args, 0, False)),
        ("ROIPool", roi_pool),
    ],
)
def test_each_type_pools_as_torchvision_does(pooler_type, reference):
    shapes = {"res4": TensorShape(channels=2, stride=16)}
    features = {"res4": torch.rand(1, 2, 10, 10)}
    boxes = Boxes(torch.tensor([[3.0, 5.0, 90.0, 120.0], [0.0, 0.0, 160.0, 160.0]]))
    pooler = ROIPooler(features_shape=shapes, output_size=(3, 5), pooler_type=pooler_type)
    expected = reference(features["res4"], [boxes.tensor], (3, 5), 1 / 16)
    assert torch.equal(pooler(features, [boxes]), expected)
    assert pooler.output_shape == TensorShape(channels=2, height=3, width=5)


def test_the_number_of_samples_can_be_fixed():
    features = {"res4": torch.rand(1, 2, 10, 10)}
    boxes = Boxes([[3.0, 5.0, 90.0, 120.0]])
    pooler = ROIPooler(
        features_shape={"res4": TensorShape(channels=2, stride=16)}, output_size=2, sampling_ratio=1
    )
    expected = roi_align(features["res4"], [boxes.tensor], 2, 1 / 16, 1, True)
    assert torch.equal(pooler(features, [boxes]), expected)


@pytest.mark.parametrize("boxes", [[], [Boxes([])], [Boxes([]), Boxes([])]])
def test_no_boxes_have_features_of_no_regions(boxes):
    pooler = ROIPooler(features_shape=SHAPES, output_size=7)
    assert pooler(features_of(num_images=len(boxes)), boxes).shape == (0, 2, 7, 7)


def test_boxes_that_are_no_numbers_or_have_no_area_are_pooled_all_the_same():
    boxes = Boxes([[float("nan")] * 4, [5.0, 5.0, 5.0, 5.0]])
    assert ROIPooler(features_shape=SHAPES, output_size=2)(features_of(), [boxes]).shape[0] == 2


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_features_of_any_precision_keep_it(dtype):
    features = {name: map_.to(dtype) for name, map_ in features_of().items()}
    pooled = ROIPooler(features_shape=SHAPES, output_size=2)(features, [Boxes([[0, 0, 448, 448]])])
    assert pooled.dtype == dtype
    assert pooled.unique().tolist() == [5.0]


def test_levels_can_be_left_out():
    pooler = ROIPooler(features_shape=SHAPES, in_features=("p3", "p4"), output_size=1)
    boxes = Boxes([[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 500.0, 500.0]])
    assert levels_of(pooler(features_of(), [boxes])) == [3.0, 4.0]


def test_gradients_reach_the_features_and_these_stay_as_they_were():
    features = {name: map_.requires_grad_() for name, map_ in features_of().items()}
    before = {name: map_.detach().clone() for name, map_ in features.items()}
    boxes = Boxes([[0.0, 0.0, 100.0, 100.0]])
    ROIPooler(features_shape=SHAPES, output_size=2)(features, [boxes]).sum().backward()
    assert features["p2"].grad.sum() == pytest.approx(8.0, rel=1e-4)
    assert all(torch.equal(features[name], before[name]) for name in before)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"in_features": ("p9",)}, "no level p9"),
        ({"in_features": ()}, "none is named"),
        ({"in_features": ("p2", "p4")}, r"strides double, these are \[4, 16\]"),
        ({"features_shape": {"p2": TensorShape(channels=2)}}, "stride of level .p2. is not known"),
        ({"features_shape": {**SHAPES, "p3": TensorShape(channels=3, stride=8)}}, "have 2, 3 chan"),
    ],
)
def test_levels_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ROIPooler(**{"features_shape": SHAPES, "output_size": 7, **options})


def test_a_box_just_below_a_boundary_can_go_to_the_coarser_level():
    features, boxes = features_of(), [Boxes([[0.0, 0.0, 111.99995, 111.99995]])]
    finer, coarser = (
        ROIPooler(features_shape=SHAPES, output_size=2, level_epsilon=epsilon)(features, boxes)
        for epsilon in (0.0, 1e-6)
    )
    expected = ROIPooler(features_shape=SHAPES, in_features=("p3",), output_size=2)
    torch.testing.assert_close(coarser, expected(features, boxes))
    assert not torch.equal(finer, coarser)


def test_boxes_of_other_images_than_the_features_are_refused():
    pooler = ROIPooler(
        features_shape={"p2": TensorShape(channels=1, stride=4)}, in_features=("p2",), output_size=2
    )
    boxes = [Boxes([[0.0, 0.0, 8.0, 8.0]])] * 2
    with pytest.raises(ValueError, match="Boxes of 2 images for features of 1"):
        pooler({"p2": torch.zeros(1, 1, 4, 4)}, boxes)


@pytest.mark.parametrize("pooler_type", ["ROIAlignV2", "ROIPool"])
def test_a_box_that_reaches_far_beyond_any_image_is_told_before_it_is_sampled(pooler_type):
    boxes = Boxes([[0.0, 0.0, 8.0, 8.0], [0.0, 0.0, 1e9, 1e9]])
    pooler = ROIPooler(features_shape=SHAPES, output_size=2, pooler_type=pooler_type)
    with pytest.raises(ValueError, match=r"A box has a side of 1e\+09 pixels; 262144 is the limit"):
        pooler(features_of(), [boxes])
