import pytest
import torch
from torchvision.ops import roi_align

from composer.structures import Boxes, TensorShape
from composer.testing import check_node_type
from composer_point_rend.point_features import (
    GridPooler,
    PixelPointFeatures,
    RegionPointFeatures,
)

SHAPES = {"p2": TensorShape(4, stride=4), "p3": TensorShape(6, stride=8)}
BOXES = [
    Boxes(torch.tensor([[8.0, 8.0, 40.0, 24.0], [10.5, 3.25, 30.0, 50.0]])),
    Boxes(torch.tensor([[20.0, 20.0, 21.0, 44.0]])),
]


def pyramid(num_images=2):
    generator = torch.Generator().manual_seed(0)
    return {
        "p2": torch.rand(num_images, 4, 16, 20, generator=generator),
        "p3": torch.rand(num_images, 6, 8, 10, generator=generator),
    }


def test_pooling_is_roi_align_with_one_sample_a_cell():
    features = pyramid()
    pooler = GridPooler(features_shape=SHAPES, in_features=("p2",), output_size=6)
    found = pooler(features, BOXES)
    tensors = [one.tensor for one in BOXES]
    expected = roi_align(features["p2"], tensors, 6, 0.25, sampling_ratio=1, aligned=True)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_the_features_of_all_levels_are_side_by_side():
    features = pyramid()
    both = GridPooler(features_shape=SHAPES, output_size=3)
    alone = GridPooler(features_shape=SHAPES, in_features=("p3",), output_size=3)
    assert both.output_shape == TensorShape(10, height=3, width=3)
    assert torch.equal(both(features, BOXES)[:, 4:], alone(features, BOXES))


def test_points_of_a_region_have_the_features_of_their_place():
    node = RegionPointFeatures(features_shape=SHAPES)
    features = pyramid()
    # The centre of cell (3, 5) of p2, in the image of the region.
    boxes = [Boxes(torch.zeros(0, 4)), Boxes(torch.tensor([[20.0, 10.0, 24.0, 18.0]]))]
    found = node(features, boxes, torch.tensor([[[0.5, 0.5]]]))
    torch.testing.assert_close(found[0, :4, 0], features["p2"][1, :, 3, 5])
    assert node.output_shape == TensorShape(10)


def test_points_of_an_image_have_the_features_of_their_place():
    node = PixelPointFeatures(features_shape=SHAPES, in_features=("p2",))
    features = pyramid()
    found = node(features, torch.tensor([[[5.5 / 20, 3.5 / 16]], [[0.5 / 20, 0.5 / 16]]]))
    expected = torch.stack((features["p2"][0, :, 3, 5], features["p2"][1, :, 0, 0]))
    torch.testing.assert_close(found[..., 0], expected)


@pytest.mark.parametrize("num_images", [0, 2])
def test_no_regions_are_fine(num_images):
    boxes = [Boxes(torch.zeros(0, 4))] * num_images
    features = pyramid(num_images)
    assert GridPooler(features_shape=SHAPES)(features, boxes).shape == (0, 10, 14, 14)
    node = RegionPointFeatures(features_shape=SHAPES)
    assert node(features, boxes, torch.zeros(0, 5, 2)).shape == (0, 10, 5)


def test_points_of_other_regions_are_refused():
    with pytest.raises(ValueError, match="3 regions, but points of 4"):
        RegionPointFeatures(features_shape=SHAPES)(pyramid(), BOXES, torch.rand(4, 5, 2))


def test_channels_must_be_known():
    with pytest.raises(ValueError, match="channels of 'p2' is not known"):
        GridPooler(features_shape={"p2": TensorShape(stride=4)})


def test_gradients_reach_the_features_but_not_the_boxes():
    features = {name: map_.requires_grad_() for name, map_ in pyramid().items()}
    boxes = [Boxes(one.tensor.clone().requires_grad_()) for one in BOXES]
    GridPooler(features_shape=SHAPES)(features, boxes).sum().backward()
    assert all(map_.grad.any() for map_ in features.values())
    assert all(one.tensor.grad is None for one in boxes)


@pytest.mark.parametrize("node_type", [GridPooler, RegionPointFeatures])
def test_they_are_well_behaved_node_types(node_type):
    inputs = {"features": pyramid(), "boxes": BOXES}
    if node_type is RegionPointFeatures:
        inputs["points"] = torch.rand(3, 7, 2)
    check_node_type(node_type, inputs, shapes={"features": SHAPES})
