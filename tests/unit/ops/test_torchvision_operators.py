"""torchvision's operators give the same with and without the rest of torchvision."""

import subprocess
import sys

import pytest
import torch
import torchvision
from torchvision.transforms.v2 import functional

from composer.data.transforms.resizing import resize_image
from composer.ops import align_regions, batched_nms

PROGRAM = """
import sys, torch
from composer.ops import align_regions, batched_nms
from composer.structures import Boxes
generator = torch.Generator().manual_seed(0)
found = []
with torch.no_grad():
    for count in (0, 1, 50, 3000):
        corners = torch.rand(count, 2, generator=generator) * 90
        boxes = torch.cat((corners, corners + torch.rand(count, 2, generator=generator) * 20), 1)
        scores = torch.rand(count, generator=generator)
        groups = torch.randint(0, 5, (count,), generator=generator)
        found.append(batched_nms(boxes, scores, groups, 0.4))
    maps = torch.rand(2, 3, 30, 40, generator=generator)
    rows = torch.randint(0, 2, (count, 1), generator=generator)
    regions = torch.cat((rows, boxes), 1)[:60]
    for ratio, aligned in ((0, True), (2, False)):
        found.append(align_regions(maps, regions, (7, 5), 0.25, ratio, aligned=aligned))
assert ("torchvision" in sys.modules) == (len(sys.argv) > 2)
maps.requires_grad_()
align_regions(maps, regions, (7, 5), 0.25, 2, aligned=True).sum().backward()
assert "torchvision" in sys.modules
torch.save([*found, maps.grad], sys.argv[1])
"""


@pytest.mark.slow
def test_the_library_alone_gives_the_same_and_gradients_import_the_rest(tmp_path):
    """Each in a process of its own, the second with torchvision from the beginning."""
    found = []
    for begin, more in (("", []), ("import torchvision\n", ["all"])):
        file = tmp_path / f"{len(found)}.pt"
        command = [sys.executable, "-c", begin + PROGRAM, str(file), *more]
        subprocess.run(command, check=True, cwd=tmp_path)
        found.append(torch.load(file, weights_only=True))
    assert len(found[0]) == 7
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


@pytest.mark.parametrize("count", [0, 1, 40, 1000, 1001, 3000])
def test_suppression_is_that_of_torchvision(count):
    corners = torch.rand(count, 2) * 50
    boxes = torch.cat((corners, corners + torch.rand(count, 2) * 20), 1)
    scores, groups = torch.rand(count), torch.randint(0, 4, (count,))
    wanted = torchvision.ops.batched_nms(boxes, scores, groups, 0.5)
    assert torch.equal(batched_nms(boxes, scores, groups, 0.5), wanted)


def test_regions_are_aligned_as_by_torchvision():
    maps, regions = torch.rand(2, 3, 20, 20), torch.tensor([[1.0, 2.0, 3.0, 40.0, 50.0]])
    found = align_regions(maps, regions, (4, 4), 0.25, 2, aligned=True)
    wanted = torchvision.ops.roi_align(maps, regions, (4, 4), 0.25, 2, aligned=True)
    assert torch.equal(found, wanted)


@pytest.mark.parametrize(
    "dtype", [torch.uint8, torch.int16, torch.int32, torch.float16, torch.float32, torch.float64]
)
@pytest.mark.parametrize("size", [(20, 30), (7, 11), (45, 8), (1, 30)])
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("count", [1, 3, 5])
def test_images_are_resampled_as_by_torchvision(dtype, size, channels_last, count):
    image = (torch.rand(20, 30, count) * 255).to(dtype).permute(2, 0, 1)
    image = image if channels_last else image.contiguous()
    found = resize_image(image, size)
    wanted = functional.resize_image(image, list(size), antialias=True)
    assert found.dtype == dtype
    assert torch.equal(found, wanted)
    if count > 1:  # the strides of one channel mean nothing
        assert found.stride() == wanted.stride()


def test_empty_images_are_resampled_as_by_torchvision():
    image = torch.zeros(0, 4, 5, dtype=torch.uint8)
    assert resize_image(image, (2, 3)).shape == functional.resize_image(image, [2, 3]).shape
