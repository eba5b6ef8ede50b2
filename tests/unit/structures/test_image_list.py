import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from composer.structures import ImageList

SIZES = st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=4)


@given(SIZES, st.integers(0, 32))
def test_indexing_gives_back_the_images_without_padding(sizes, divisibility):
    images = [torch.rand(3, *size) for size in sizes]
    padded = ImageList.from_tensors(images, divisibility)
    assert len(padded) == len(images)
    assert all(torch.equal(padded[i], image) for i, image in enumerate(images))


@given(SIZES, st.integers(2, 32))
def test_padded_sides_are_the_next_multiple(sizes, divisibility):
    padded = ImageList.from_tensors([torch.rand(1, *size) for size in sizes], divisibility)
    for axis, padded_side in enumerate(padded.tensor.shape[-2:]):
        longest = max(size[axis] for size in sizes)
        assert padded_side % divisibility == 0
        assert 0 <= padded_side - longest < divisibility


def test_padding_has_the_value_that_was_asked_for():
    padded = ImageList.from_tensors([torch.zeros(1, 1, 1), torch.zeros(1, 2, 3)], pad_value=7.0)
    assert padded.tensor[0].sum() == 7.0 * 5
    assert padded.image_sizes == [(1, 1), (2, 3)]


def test_a_square_has_that_side_at_least():
    assert ImageList.from_tensors([torch.zeros(3, 4, 9)], square_size=20).tensor.shape[-2:] == (
        20,
        20,
    )
    assert ImageList.from_tensors([torch.zeros(3, 4, 9)], 8, square_size=5).tensor.shape[-2:] == (
        8,
        16,
    )


def test_no_images_cannot_be_padded():
    with pytest.raises(ValueError, match="no images has no size"):
        ImageList.from_tensors([])


def test_images_of_different_channels_are_refused():
    with pytest.raises(ValueError, match="equal channels"):
        ImageList.from_tensors([torch.zeros(1, 2, 2), torch.zeros(3, 2, 2)])


def test_sizes_must_fit_the_tensor():
    with pytest.raises(ValueError, match="2 images but 1"):
        ImageList(torch.zeros(2, 3, 4, 4), [(4, 4)])
    with pytest.raises(ValueError, match="Image 0 is 5 x 4"):
        ImageList(torch.zeros(1, 3, 4, 4), [(5, 4)])


def test_a_tensor_of_no_images_is_a_list_of_no_images():
    images = ImageList(torch.zeros(0, 3, 32, 32), [])
    assert len(images) == 0
    assert images.summary() == "0x3x32x32 float32"


def test_it_moves_to_a_device_and_a_dtype_with_its_sizes():
    images = ImageList.from_tensors([torch.zeros(3, 2, 4)])
    assert images.to("meta").device == torch.device("meta")
    assert images.to(torch.float16).tensor.dtype == torch.float16
    doubled = images.map_tensors(lambda tensor: tensor + 1)
    assert doubled.image_sizes == [(2, 4)]
    assert images.tensor.sum() == 0
    assert next(images.tensors()) is images.tensor
    assert "1, 3, 2, 4" in repr(images)
