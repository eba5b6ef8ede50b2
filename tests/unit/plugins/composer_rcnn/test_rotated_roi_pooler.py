import pytest
import torch

from composer.ops import roi_align_rotated
from composer.structures import Boxes, RotatedBoxes, TensorShape
from composer_rcnn.roi_pooler import ROIPooler
from strategies.rotated_boxes import lay_flat

SHAPES = {f"p{level}": TensorShape(channels=2, stride=2**level) for level in (2, 3, 4, 5)}


def features_of(num_images=1, side=256):
    return {
        name: torch.rand(num_images, 2, side // shape.stride, side // shape.stride)
        for name, shape in SHAPES.items()
    }


@pytest.mark.parametrize("options", [{}, {"sampling_ratio": 2, "canonical_box_size": 56}])
def test_flat_boxes_are_pooled_as_by_the_ordinary_pooler(options):
    features = features_of(num_images=2)
    corners = torch.rand(20, 2) * 120
    rows = torch.cat((corners, corners + 4 + torch.rand(20, 2) * 130), dim=1)
    options = {"features_shape": SHAPES, "output_size": (3, 4), **options}
    found = ROIPooler(**options)(
        features, [RotatedBoxes(lay_flat(rows[:7])), RotatedBoxes(lay_flat(rows[7:]))]
    )
    expected = ROIPooler(**options)(features, [Boxes(rows[:7]), Boxes(rows[7:])])
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_a_turned_box_is_read_from_the_level_of_its_area():
    features = features_of()
    box = RotatedBoxes([[128.0, 128.0, 224.0, 56.0, 40.0]])
    pooler = ROIPooler(features_shape=SHAPES, output_size=2)
    region = torch.cat((torch.zeros(1, 1), box.tensor), dim=1)
    expected = roi_align_rotated(features["p3"], region, (2, 2), 1 / 8)
    assert torch.equal(pooler(features, [box]), expected)
    assert pooler.output_shape == TensorShape(channels=2, height=2, width=2)


def test_there_may_be_no_boxes_and_no_images():
    pooler = ROIPooler(features_shape=SHAPES, output_size=2)
    assert pooler(features_of(), [RotatedBoxes([])]).shape == (0, 2, 2, 2)
    assert pooler(features_of(num_images=0), []).shape == (0, 2, 2, 2)


def test_gradients_reach_the_features():
    features = {name: map_.requires_grad_() for name, map_ in features_of().items()}
    boxes = RotatedBoxes([[60.0, 60.0, 30.0, 20.0, 30.0], [128.0, 128.0, 200.0, 180.0, 30.0]])
    pooled = ROIPooler(features_shape=SHAPES, output_size=2)(features, [boxes])
    pooled.sum().backward()
    assert features["p2"].grad.abs().sum() > 0
    assert features["p3"].grad.abs().sum() > 0
    assert features["p5"].grad.abs().sum() == 0


@pytest.mark.parametrize(
    ("in_features", "message"), [(("p9",), "no level p9"), (("p2", "p4"), "strides double")]
)
def test_levels_that_do_not_fit_are_refused(in_features, message):
    with pytest.raises(ValueError, match=message):
        ROIPooler(features_shape=SHAPES, output_size=2, in_features=in_features)


@pytest.mark.parametrize("pooler_type", ["ROIAlign", "ROIPool"])
def test_other_types_than_exact_places_are_refused(pooler_type):
    pooler = ROIPooler(features_shape=SHAPES, output_size=2, pooler_type=pooler_type)
    with pytest.raises(ValueError, match=f"{pooler_type} samples upright boxes"):
        pooler(features_of(), [RotatedBoxes([[60.0, 60.0, 30.0, 20.0, 30.0]])])
