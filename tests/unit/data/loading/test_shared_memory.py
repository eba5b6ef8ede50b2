"""What was packed comes out as it was, and can be written to."""

import numpy as np
import pytest
import torch

from composer.data.loading.shared_memory import pack
from composer.structures import BitMasks, Boxes, Instances, PolygonMasks

TENSORS = [
    torch.arange(12000, dtype=torch.uint8).view(3, 40, 100),
    torch.arange(12000.0).view(3, 40, 100).permute(2, 0, 1),
    torch.rand(50, 100)[:, ::3],
    torch.arange(3),
    torch.tensor(2.5, dtype=torch.float16),
    torch.zeros(0, 4),
    torch.rand(80, 90) > 0.5,
    torch.rand(5000).to(torch.bfloat16),
]


@pytest.mark.parametrize("tensor", TENSORS, ids=lambda t: f"{tuple(t.shape)}-{t.dtype}")
def test_a_tensor_comes_out_as_it_was(tensor):
    (unpacked,) = pack([tensor]).unpack()
    assert unpacked.dtype == tensor.dtype
    assert torch.equal(unpacked, tensor)
    unpacked.zero_()  # its memory is its own


def test_a_whole_batch_shares_one_block():
    instances = Instances(
        (50, 60),
        gt_boxes=Boxes(torch.rand(2, 4)),
        gt_masks=BitMasks(torch.rand(2, 50, 60) > 0.5),
        outlines=PolygonMasks([[np.random.default_rng(0).random(2000)]] * 2),
    )
    batch = [{"image": image, "instances": instances, "name": "a"} for image in TENSORS[:2]]
    parcel = pack(batch)
    first, second = parcel.unpack()
    assert torch.equal(first["image"], TENSORS[0])
    assert torch.equal(second["instances"].gt_boxes.tensor, instances.gt_boxes.tensor)
    assert torch.equal(second["instances"].gt_masks.tensor, instances.gt_masks.tensor)
    np.testing.assert_array_equal(
        first["instances"].outlines.polygons[0][0], instances.outlines.polygons[0][0]
    )
    block = parcel.block
    ends = block.data_ptr(), block.data_ptr() + block.numel()
    assert ends[0] <= first["image"].data_ptr() < ends[1]
    assert len(parcel.content) < 3000


def test_a_value_without_tensors_needs_no_block():
    parcel = pack({"a": (1, "b", None)})
    assert parcel.block.numel() == 0
    assert parcel.unpack() == {"a": (1, "b", None)}
