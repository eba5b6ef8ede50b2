import pytest
import torch

from composer.structures import ImageList, TensorShape
from composer.testing import check_node_type
from composer_images.downscaled_images import DownscaledImages

SHAPE = TensorShape(3, stride=1)


def downscale(images, **options):
    return DownscaledImages(images_shape=SHAPE, **options)(images)


def test_blocks_of_pixels_are_averaged():
    tensor = torch.arange(16.0).reshape(1, 1, 4, 4)
    found = downscale(ImageList(tensor, [(3, 4)]))
    assert found.tensor.tolist() == [[[[2.5, 4.5], [10.5, 12.5]]]]
    assert found.image_sizes == [(2, 2)]
    found = downscale(ImageList(tensor, [(1, 4)]), factor=4)
    assert found.tensor.tolist() == [[[[7.5]]]]
    assert found.image_sizes == [(1, 1)]


def test_it_is_a_well_behaved_node_type():
    images = ImageList(torch.randn(2, 3, 32, 64), [(30, 64), (32, 41)])
    check_node_type(DownscaledImages, {"images": images}, shapes={"images": SHAPE})


def test_images_must_be_padded_to_whole_blocks():
    with pytest.raises(ValueError, match=r"31 x 64 pixels .* blocks of 2 x 2. .*size_divisibility"):
        downscale(ImageList(torch.zeros(1, 3, 31, 64), [(31, 64)]))
