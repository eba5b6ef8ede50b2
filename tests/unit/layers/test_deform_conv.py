import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from composer.layers import NormDeformConv2d


def sample(channel, y, x):
    """The bilinear value of a map at a place, zeros around it."""
    height, width = channel.shape
    top, left = math.floor(y), math.floor(x)
    value = 0.0
    for row, column in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
        if 0 <= row < height and 0 <= column < width:
            weight = (1 - abs(y - row)) * (1 - abs(x - column))
            value += weight * float(channel[row, column])
    return value


def convolve_by_hand(x, offset, mask, weight, offset_groups):
    """One image, stride 1 and padding 1, place by place."""
    out_channels, in_channels, side, _ = weight.shape
    _, height, width = x.shape
    result = torch.zeros(out_channels, height, width)
    for row, column in [(r, c) for r in range(height) for c in range(width)]:
        for channel in range(in_channels):
            group = channel // (in_channels // offset_groups)
            for place in range(side * side):
                first = 2 * (group * side * side + place)
                y = row - 1 + place // side + float(offset[first, row, column])
                x_place = column - 1 + place % side + float(offset[first + 1, row, column])
                value = sample(x[channel], y, x_place)
                value *= float(mask[group * side * side + place, row, column])
                result[:, row, column] += weight[:, channel].flatten(1)[:, place] * value
    return result


@pytest.mark.parametrize("offset_groups", [1, 2])
def test_samples_are_moved_and_weighted(offset_groups):
    conv = NormDeformConv2d(4, 3, 3, padding=1, offset_groups=offset_groups)
    x, offset = torch.randn(1, 4, 4, 5), 2 * torch.randn(1, 18 * offset_groups, 4, 5)
    mask = torch.rand(1, 9 * offset_groups, 4, 5)
    with torch.no_grad():
        expected = convolve_by_hand(x[0], offset[0], mask[0], conv.weight, offset_groups)
        torch.testing.assert_close(conv(x, offset, mask)[0], expected, rtol=1e-4, atol=1e-4)


@given(st.sampled_from([1, 2]), st.sampled_from([1, 2]), st.sampled_from([1, 2, 4]), st.booleans())
def test_without_offsets_it_is_a_convolution(stride, dilation, groups, weighted):
    conv = NormDeformConv2d(
        4, 8, 3, stride=stride, padding=dilation, dilation=dilation, groups=groups
    )
    x = torch.randn(2, 4, 7, 9)
    expected = F.conv2d(x, conv.weight, None, stride, dilation, dilation, groups)
    offset = torch.zeros(2, 18, *expected.shape[2:])
    mask = torch.full((2, 9, *expected.shape[2:]), 0.5) if weighted else None
    factor = 0.5 if weighted else 1.0
    torch.testing.assert_close(conv(x, offset, mask), factor * expected, rtol=1e-4, atol=1e-5)


def test_norm_and_activation_follow_the_convolution():
    conv = NormDeformConv2d(3, 8, 3, padding=1, norm="BN", activation=F.relu).eval()
    x = torch.randn(2, 3, 5, 5)
    plain = F.conv2d(x, conv.weight, padding=1)
    torch.testing.assert_close(
        conv(x, torch.zeros(2, 18, 5, 5)), F.relu(conv.norm(plain)), rtol=1e-4, atol=1e-5
    )


def test_its_weights_are_called_as_in_checkpoints():
    assert list(NormDeformConv2d(3, 8, 3).state_dict()) == ["weight"]
    assert list(NormDeformConv2d(3, 32, 3, norm="GN").state_dict()) == [
        "weight",
        "norm.weight",
        "norm.bias",
    ]


def test_an_empty_batch_keeps_its_other_sizes():
    conv = NormDeformConv2d(3, 32, 3, stride=2, padding=1, norm="GN", activation=F.relu)
    assert conv(torch.zeros(0, 3, 7, 9), torch.zeros(0, 18, 4, 5)).shape == (0, 32, 4, 5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_are_taken(dtype):
    conv = NormDeformConv2d(2, 2, 3, padding=1)
    x, offset, mask = (torch.rand(1, channels, 4, 4) for channels in (2, 18, 9))
    found = conv.to(dtype)(x.to(dtype), offset.to(dtype), mask.to(dtype))
    assert found.dtype == dtype
    torch.testing.assert_close(found.float(), conv.float()(x, offset, mask), rtol=0.05, atol=0.05)


def test_gradients_reach_input_weight_offset_and_mask():
    conv = NormDeformConv2d(2, 2, 3, padding=1)
    values = [torch.rand(1, channels, 4, 4, requires_grad=True) for channels in (2, 18, 9)]
    conv(*values).square().sum().backward()
    assert all(value.grad.abs().sum() > 0 for value in (*values, conv.weight))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": 3}, "3 groups do not divide 4 channels"),
        ({"offset_groups": 0}, "0 offset_groups do not divide 4"),
        ({"groups": 4}, "4 groups do not divide 6"),
    ],
)
def test_groups_that_do_not_divide_the_channels_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        NormDeformConv2d(4, 6, 3, **options)
