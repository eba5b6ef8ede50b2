import pytest
import torch

from composer.structures import ImageBatch, TensorShape
from composer_images.preprocess import Preprocess


def batch_of(*images):
    return ImageBatch.from_records([{"image": image} for image in images])


def test_images_are_normalised_by_channel():
    preprocess = Preprocess(pixel_mean=(10.0, 20.0, 30.0), pixel_std=(1.0, 2.0, 4.0))
    image = torch.tensor([11, 24, 38], dtype=torch.uint8)[:, None, None].expand(3, 2, 2)
    images = preprocess(batch_of(image)).images
    assert images.tensor[0, :, 0, 0].tolist() == [1.0, 2.0, 2.0]
    assert images.tensor.dtype == torch.float32


def test_padding_comes_after_the_normalisation_and_is_zero():
    preprocess = Preprocess(size_divisibility=32)
    images = preprocess(
        batch_of(torch.full((3, 20, 30), 255.0), torch.full((3, 33, 10), 255.0))
    ).images
    assert images.tensor.shape == (2, 3, 64, 32)
    assert images.image_sizes == [(20, 30), (33, 10)]
    assert images.tensor[0, :, 20:].abs().max() == 0
    assert images.tensor[0, :, :20, :30].min() > 0


def test_a_square_can_be_asked_for():
    images = Preprocess(square_size=50)(batch_of(torch.zeros(3, 20, 30))).images
    assert images.tensor.shape == (1, 3, 50, 50)


def test_an_image_of_one_pixel_is_padded_to_the_divisibility():
    images = Preprocess(size_divisibility=32)(batch_of(torch.zeros(3, 1, 1))).images
    assert images.tensor.shape == (1, 3, 32, 32)


@pytest.mark.parametrize(("divisibility", "side"), [(32, 32), (0, 1)])
def test_no_images_make_a_tensor_of_no_images(divisibility, side):
    images = Preprocess(size_divisibility=divisibility)(ImageBatch([])).images
    assert images.tensor.shape == (0, 3, side, side)
    assert images.image_sizes == []


def test_an_image_of_other_channels_is_refused_with_its_index():
    with pytest.raises(ValueError, match=r"Record 1: 'image' has the shape \(4, 20, 30\)"):
        Preprocess()(batch_of(torch.zeros(3, 20, 30), torch.zeros(4, 20, 30)))


@pytest.mark.parametrize(
    ("mean", "std"), [((1.0, 2.0), (1.0,)), ((), ()), ((1.0, 2.0), (1.0, 0.0))]
)
def test_mean_and_deviation_must_fit(mean, std):
    with pytest.raises(ValueError, match="pixel_std"):
        Preprocess(pixel_mean=mean, pixel_std=std)


def test_it_has_the_channels_of_its_mean_and_no_weights():
    preprocess = Preprocess(pixel_mean=(0.5,), pixel_std=(1.0,))
    assert preprocess.output_shape == TensorShape(channels=1, stride=1)
    assert preprocess.state_dict() == {}


def test_the_batch_stays_as_it_was():
    image = torch.rand(3, 4, 4)
    copy = image.clone()
    Preprocess()(batch_of(image))
    assert torch.equal(image, copy)


def test_a_gray_image_is_refused_with_how_to_give_it():
    gray = ImageBatch.from_records([{"image": torch.zeros(1, 4, 5)}])
    with pytest.raises(ValueError, match=r"A gray one is image\.expand\(3, -1, -1\)"):
        Preprocess()(gray)
