import pytest
import torch
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList as TheirImages

from composer.structures import ImageList, TensorShape
from composer_torchvision.anchors import TorchvisionAnchors, make_rounded_anchors

SHAPES = {"p3": TensorShape(channels=2, stride=8), "p4": TensorShape(channels=2, stride=16)}
SIZES = ((32.0, 40.0, 50.0), (64.0, 80.0, 101.0))
RATIOS = (0.5, 1.0, 2.0)


@pytest.mark.parametrize("grids", [((12, 8), (6, 4)), ((12, 8), (5, 3))])
def test_anchors_are_those_of_torchvision_with_strides_by_the_maps(grids):
    features = {name: torch.zeros(2, 2, *grid) for name, grid in zip(SHAPES, grids, strict=True)}
    images = ImageList(torch.zeros(2, 3, 96, 64), [(96, 64), (90, 60)])
    generator = AnchorGenerator(SIZES, (RATIOS,) * 2)
    theirs = generator(TheirImages(images.tensor, images.image_sizes), list(features.values()))
    ours = TorchvisionAnchors(features_shape=SHAPES, sizes=SIZES, aspect_ratios=RATIOS)
    assert torch.equal(torch.cat(ours(images, features)), theirs[0])


def test_anchors_are_whole_pixels_and_sizes_of_a_ratio_stand_together():
    anchors = make_rounded_anchors((32.0, 45.0), (1.0, 0.5))
    assert anchors.tolist() == [
        [-16.0, -16.0, 16.0, 16.0],
        [-22.0, -22.0, 22.0, 22.0],
        [-23.0, -11.0, 23.0, 11.0],
        [-32.0, -16.0, 32.0, 16.0],
    ]


def test_it_adds_nothing_to_checkpoints():
    assert TorchvisionAnchors(features_shape=SHAPES, sizes=SIZES).state_dict() == {}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"in_features": ("p9",)}, "no level p9"),
        ({"sizes": ((8.0,),)}, "sizes are given for 1 levels, but there are 2"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        TorchvisionAnchors(**{"features_shape": SHAPES, "sizes": SIZES, **options})
