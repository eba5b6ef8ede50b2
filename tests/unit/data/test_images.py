import warnings

import numpy as np
import pytest
import torch
from PIL import Image

from composer.data import find_images, read_image, read_images
from composer.data.label_images import read_segment_ids
from composer.errors import InputError
from composer.language import ImageFormat

AS_IS = ImageFormat(channel_order="RGB", shortest_edge=0)


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)


def save(folder, array, name="image.png", **options):
    path = folder / name
    Image.fromarray(array).save(path, **options)
    return path


def test_record_has_the_image_as_channels_first_bytes(tmp_path, pixels):
    record = read_image(save(tmp_path, pixels), AS_IS)
    assert record["image"].dtype == torch.uint8
    assert record["image"].permute(1, 2, 0).numpy().tolist() == pixels.tolist()


def test_record_has_the_size_and_the_name_of_the_file(tmp_path, pixels):
    path = save(tmp_path, pixels)
    record = read_image(path, ImageFormat(shortest_edge=12, longest_edge=100))
    assert (record["height"], record["width"]) == (6, 9)
    assert record["file_name"] == str(path)
    assert record["image"].shape == (3, 12, 18)


def test_channels_come_in_the_order_that_is_wanted(tmp_path, pixels):
    path = save(tmp_path, pixels)
    bgr = read_image(path, ImageFormat(channel_order="BGR", shortest_edge=0))["image"]
    assert torch.equal(bgr, read_image(path, AS_IS)["image"].flip(0))


def test_values_are_scaled_where_the_format_says_so(tmp_path, pixels):
    format_ = ImageFormat(channel_order="RGB", shortest_edge=0, scale=0.5)
    image = read_image(save(tmp_path, pixels), format_)["image"]
    assert image.dtype == torch.float32
    assert torch.equal(image, torch.from_numpy(pixels).permute(2, 0, 1) * 0.5)


def test_resizing_is_pillows_bilinear_filter_on_bytes(tmp_path, pixels):
    image = read_image(save(tmp_path, pixels), ImageFormat(channel_order="RGB", shortest_edge=4))[
        "image"
    ]
    wanted = np.asarray(Image.fromarray(pixels).resize((6, 4), Image.Resampling.BILINEAR))
    assert image.permute(1, 2, 0).numpy().tolist() == wanted.tolist()


def test_exif_orientation_turns_the_image(tmp_path, pixels):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    record = read_image(save(tmp_path, pixels, exif=exif), AS_IS)
    assert (record["height"], record["width"]) == (9, 6)
    assert record["image"].permute(1, 2, 0).tolist() == np.rot90(pixels, -1).tolist()


def test_grey_image_has_three_equal_channels(tmp_path, pixels):
    image = read_image(save(tmp_path, pixels[:, :, 0]), AS_IS)["image"]
    assert image.shape == (3, 6, 9)
    assert torch.equal(image[0], torch.from_numpy(pixels[:, :, 0]))
    assert torch.equal(image[0], image[2])


def test_sixteen_bits_of_grey_become_eight(tmp_path):
    deep = np.array([[0, 255, 256, 65535]], dtype=np.uint16)
    image = read_image(save(tmp_path, deep), AS_IS)["image"]
    assert image[0].tolist() == [[0, 0, 1, 255]]


def test_palette_with_transparency_gives_its_colours(tmp_path):
    path = tmp_path / "palette.png"
    picture = Image.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 40, 50, 60])
    picture.putpixel((1, 0), 1)
    picture.save(path, transparency=b"\x00\x80")
    assert read_image(path, AS_IS)["image"][:, 0].tolist() == [[10, 40], [20, 50], [30, 60]]


def test_transparency_is_dropped(tmp_path, pixels):
    alpha = np.full((6, 9, 1), 7, dtype=np.uint8)
    image = read_image(save(tmp_path, np.concatenate([pixels, alpha], axis=2)), AS_IS)["image"]
    assert image.permute(1, 2, 0).tolist() == pixels.tolist()


def test_first_frame_of_an_animation_is_read(tmp_path):
    frames = [Image.new("L", (2, 2), shade) for shade in (10, 200)]
    path = tmp_path / "moving.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert read_image(path, AS_IS)["image"].unique().tolist() == [10]


def test_folder_stands_for_its_images_by_name(tmp_path, pixels):
    for name in ("b.png", "a.jpg", "c.PNG"):
        save(tmp_path, pixels, name)
    (tmp_path / "notes.txt").write_text("no image")
    assert [path.name for path in find_images(tmp_path)] == ["a.jpg", "b.png", "c.PNG"]
    assert len(read_images([tmp_path, tmp_path / "b.png"], AS_IS)) == 4


def test_missing_file_is_named(tmp_path):
    for read in (lambda path: read_image(path, AS_IS), find_images):
        with pytest.raises(InputError, match=r"nowhere\.jpg: there is no such file"):
            read(tmp_path / "nowhere.jpg")


def test_folder_without_images_is_refused(tmp_path):
    with pytest.raises(InputError, match="no images in this folder"):
        find_images(tmp_path)


def test_file_that_is_no_image_is_named(tmp_path):
    path = tmp_path / "fake.jpg"
    path.write_text("a text")
    with pytest.raises(InputError, match=r"fake\.jpg: not an image"):
        read_image(path, AS_IS)


@pytest.mark.parametrize("name", ["cut.jpg", "cut.png"])
def test_truncated_file_is_named(tmp_path, name):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = save(tmp_path, noise, name)
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(InputError, match=r"cut\.\w+: the image cannot be read"):
        read_image(path, AS_IS)


def test_filters_of_warnings_are_left_alone(tmp_path, pixels, monkeypatch):
    """They are the process', so threads that read images must not change them."""

    def refuse(*_arguments, **_options):
        raise AssertionError

    path = save(tmp_path, pixels)
    with monkeypatch.context() as patch:
        for name in ("catch_warnings", "simplefilter", "filterwarnings"):
            patch.setattr(warnings, name, refuse)
        record, ids = read_image(path, AS_IS), read_segment_ids(path)
    assert (record["height"], record["width"]) == ids.shape == pixels.shape[:2]


def test_image_of_too_many_pixels_is_refused(tmp_path, pixels, monkeypatch):
    path = save(tmp_path, np.tile(pixels, (40, 40, 1)))
    monkeypatch.setenv("COMPOSER_MAX_BYTES", "100k")
    with pytest.raises(InputError, match=r"image\.png: .*of memory.* COMPOSER_MAX_BYTES"):
        read_image(path, AS_IS)


def test_a_row_of_pixels_is_not_resized_to_an_image_of_gigabytes(tmp_path):
    path = save(tmp_path, np.zeros((1, 20_000, 3), dtype=np.uint8))
    with pytest.raises(InputError, match=r"resized to 800 x 16000000: .*COMPOSER_MAX_BYTES"):
        read_image(path, ImageFormat(shortest_edge=800, longest_edge=0))
    assert read_image(path, ImageFormat(shortest_edge=800))["image"].shape[2] <= 1333
