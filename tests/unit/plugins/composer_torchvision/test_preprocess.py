import pytest
import torch
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from composer.structures import ImageBatch
from composer_torchvision.preprocess import TorchvisionPreprocess, choose_size

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SIZES = [(60, 80), (100, 37), (33, 200)]


def batch_of(*images):
    return ImageBatch([{"image": image} for image in images])


def run(module, batch, seed=0):
    return module.eval()(batch, torch.Generator().manual_seed(seed)).images


def test_images_are_those_of_torchvision():
    images = [torch.rand(3, *size) for size in SIZES]
    theirs, _ = GeneralizedRCNNTransform(96, 160, MEAN, STD).eval()(images)
    ours = run(TorchvisionPreprocess(min_size=(96,), max_size=160), batch_of(*images))
    assert ours.image_sizes == theirs.image_sizes
    torch.testing.assert_close(ours.tensor, theirs.tensors)


def test_integers_are_taken_for_values_up_to_255():
    pixels = torch.randint(256, (3, 40, 50), dtype=torch.uint8)
    module = TorchvisionPreprocess(min_size=(40,))
    scaled = run(module, batch_of(pixels.float() / 255)).tensor
    torch.testing.assert_close(run(module, batch_of(pixels)).tensor, scaled)


def test_in_training_a_size_is_drawn_for_each_image_and_otherwise_the_last_is_taken():
    module = TorchvisionPreprocess(min_size=(32, 48, 64))
    batch = batch_of(*[torch.rand(3, 40, 40)] * 20)
    assert set(run(module, batch).image_sizes) == {(64, 64)}
    generators = [torch.Generator().manual_seed(seed) for seed in (0, 0, 1)]
    first, again, other = (module.train()(batch, g).images.image_sizes for g in generators)
    assert set(first) == {(32, 32), (48, 48), (64, 64)}
    assert first == again != other


@pytest.mark.parametrize(
    ("size", "expected"),
    [((480, 640), (800, 1066)), ((300, 1000), (399, 1333)), ((1, 5000), (1, 1333))],
)
def test_sides_are_rounded_down_and_never_vanish(size, expected):
    assert choose_size(*size, 800, 1333) == expected


def test_no_images_make_a_tensor_of_no_images():
    images = run(TorchvisionPreprocess(), batch_of())
    assert images.tensor.shape == (0, 3, 32, 32)
    assert images.image_sizes == []


def test_images_of_another_number_of_channels_are_refused():
    with pytest.raises(ValueError, match=r"Record 1: .* 3 channels is expected"):
        run(TorchvisionPreprocess(), batch_of(torch.rand(3, 4, 4), torch.rand(1, 4, 4)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pixel_std": (1.0,)}, "3 channels and pixel_std 1"),
        ({"pixel_std": (1.0, 0.0, 1.0)}, "cannot be zero"),
        ({"min_size": ()}, "Sizes are positive"),
        ({"max_size": 0}, "Sizes are positive"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        TorchvisionPreprocess(**options)
