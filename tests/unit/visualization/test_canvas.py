import numpy as np
import pytest
import torch
from PIL import Image

from composer.visualization import to_pil_image
from composer.visualization.canvas import Canvas

RED = (255, 0, 0)


def grey(width=64, height=48):
    return Image.new("RGB", (width, height), (100, 100, 100))


def changed(image, scale=1):
    return (np.asarray(image) != 100).any(axis=2)[::scale, ::scale]


def test_every_form_of_an_image_gives_the_same_visualization():
    rgb = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    bgr = rgb[:, :, ::-1]
    for image, order in [
        (Image.fromarray(rgb), "RGB"),
        (Image.fromarray(rgb), "BGR"),  # a image knows its order
        (rgb, "RGB"),
        (bgr, "BGR"),
        (torch.from_numpy(rgb.transpose(2, 0, 1).copy()), "RGB"),
        (torch.from_numpy(bgr.transpose(2, 0, 1).copy()).float(), "BGR"),
    ]:
        assert np.array_equal(np.asarray(to_pil_image(image, order)), rgb)


@pytest.mark.parametrize("shape", [(5, 7), (3, 5, 7), (0, 7, 3)])
def test_an_array_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match="an array of H x W x 3, not of"):
        to_pil_image(np.zeros(shape, dtype=np.uint8))


def test_a_tensor_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"a tensor of 3 x H x W, not of \(5, 7, 3\)"):
        to_pil_image(torch.zeros(5, 7, 3))


@pytest.mark.parametrize(
    ("size", "scale", "expected"),
    [
        ((64, 48), None, (640, 480)),
        ((640, 10), None, (640, 10)),
        ((1000, 3000), None, (1000, 3000)),
        ((64, 48), 1, (64, 48)),
        ((64, 48), 2.5, (160, 120)),
        ((1, 1), 0.1, (1, 1)),
    ],
)
def test_small_images_are_enlarged_unless_a_scale_is_asked_for(size, scale, expected):
    assert Canvas(Image.new("RGB", size), scale).finish().size == expected


def test_nothing_drawn_leaves_the_image_as_it_is():
    assert not changed(Canvas(grey(), 1).finish()).any()


def test_drawing_does_not_change_the_image_that_was_given():
    image = grey()
    canvas = Canvas(image, 1)
    canvas.paint_mask(np.ones((48, 64), dtype=bool), RED, opacity=1.0)
    canvas.finish()
    assert not changed(image).any()


def test_a_mask_tints_its_pixels_and_no_others():
    mask = np.zeros((48, 64), dtype=bool)
    mask[10:30, 20:50] = True
    canvas = Canvas(grey(), 1)
    canvas.paint_mask(mask, RED, opacity=0.5, edge=0.0)
    pixels = np.asarray(canvas.finish())
    assert np.array_equal(changed(pixels), mask)
    assert set(map(tuple, pixels[mask])) == {(178, 50, 50)}


def test_the_edge_of_a_mask_is_drawn_more_strongly_than_its_inside():
    mask = np.zeros((48, 64), dtype=bool)
    mask[10:30, 20:50] = True
    canvas = Canvas(grey(), 1)
    canvas.paint_mask(mask, RED, opacity=0.3)
    red = np.asarray(canvas.finish())[:, :, 0].astype(int)
    assert red[20, 20] > red[20, 35] > red[20, 5] == 100


def test_a_mask_that_is_empty_or_a_single_pixel_is_no_problem():
    mask = np.zeros((48, 64), dtype=bool)
    canvas = Canvas(grey(), 1)
    canvas.paint_mask(mask, RED, opacity=0.5)
    mask[47, 63] = True
    canvas.paint_mask(mask, RED, opacity=0.5, edge=0.0)
    assert np.array_equal(changed(canvas.finish()), mask)


def test_lines_are_where_they_belong_in_an_enlarged_visualization():
    canvas = Canvas(grey(), 4)
    canvas.draw_lines([(10, 24), (50, 24)], RED)
    rows, columns = np.nonzero(changed(canvas.finish()))
    assert abs(rows.mean() / 4 - 24) < 0.5
    assert 9.5 < columns.min() / 4 < 10.5
    assert 49.5 < columns.max() / 4 < 50.5


def test_a_ring_is_light_inside_and_a_dot_is_not():
    ring, dot = Canvas(grey(), 4), Canvas(grey(), 4)
    ring.draw_dot((32, 24), RED, radius=3, filled=False)
    dot.draw_dot((32, 24), RED, radius=3)
    assert ring.finish().getpixel((128, 96)) == (255, 255, 255)
    assert dot.finish().getpixel((128, 96)) == RED


def test_labels_are_written_with_their_color_and_without_text_there_is_none():
    canvas = Canvas(grey(400, 300), 1)
    canvas.add_label("", (10, 100, 50, 150), RED)
    assert not changed(canvas.finish()).any()
    canvas.add_label("person", (10, 100, 50, 150), RED)
    found = changed(canvas.finish())
    assert found.any()
    assert not found[101:].any()
