import pytest
import torch

from composer.structures import TensorShape
from composer_rcnn.mask_head import MaskHead

REGIONS = TensorShape(channels=4, height=7, width=7)


@pytest.mark.parametrize(("agnostic", "num_masks"), [(False, 5), (True, 1)])
def test_masks_have_twice_the_resolution(agnostic, num_masks):
    head = MaskHead(
        x_shape=REGIONS,
        num_classes=5,
        conv_dims=(8, 6),
        deconv_dim=3,
        cls_agnostic_mask=agnostic,
    )
    logits = head(torch.rand(2, 4, 7, 7))
    shape = head.output_shape
    assert logits.shape == (2, num_masks, 14, 14)
    assert (shape.channels, shape.height, shape.width) == (num_masks, 14, 14)


def test_its_weights_are_called_as_in_checkpoints():
    head = MaskHead(x_shape=REGIONS, conv_dims=(32, 32), norm="GN", num_classes=80)
    assert {name.rpartition(".")[0] for name in head.state_dict()} == {
        "mask_fcn1",
        "mask_fcn1.norm",
        "mask_fcn2",
        "mask_fcn2.norm",
        "deconv",
        "predictor",
    }


def test_there_may_be_no_convolution_before_the_upsampling():
    head = MaskHead(x_shape=REGIONS, conv_dims=(), deconv_dim=3, num_classes=2)
    assert list(dict(head.named_children())) == ["deconv", "predictor"]
    assert head.deconv.in_channels == 4


def test_no_regions_have_no_masks():
    head = MaskHead(x_shape=REGIONS, conv_dims=(8,), num_classes=2)
    assert head(torch.zeros(0, 4, 7, 7)).shape == (0, 2, 14, 14)


def test_an_unknown_size_of_the_regions_stays_unknown():
    shape = MaskHead(x_shape=TensorShape(channels=4), num_classes=2).output_shape
    assert shape == TensorShape(channels=2)


def test_the_channels_must_be_known():
    with pytest.raises(ValueError, match="not known"):
        MaskHead(x_shape=TensorShape(height=7, width=7), num_classes=80)
