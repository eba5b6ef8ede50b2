import numpy as np
import pytest
import torch
from PIL import Image

from composer import Graph
from composer.errors import InputError
from composer.prediction import Prediction, Predictor

RED = pytest.approx(0.86, abs=0.05)


def redness(prediction):
    return prediction.instances.scores[0].item()


def as_arrays(image):
    rgb = np.array(image)
    return rgb, rgb[:, :, ::-1]


@pytest.mark.parametrize("order", ["RGB", "BGR"])
def test_every_form_of_an_image_is_seen_in_its_true_colors(see_colors, red, tmp_path, order):
    predictor = Predictor(see_colors(order))
    red.save(tmp_path / "red.png")
    rgb, bgr = as_arrays(red)
    seen = [
        predictor(red),
        predictor(tmp_path / "red.png"),
        predictor(str(tmp_path / "red.png")),
        predictor(rgb, channel_order="RGB"),
        predictor(bgr, channel_order="BGR"),
        predictor(torch.from_numpy(rgb.transpose(2, 0, 1).copy()), channel_order="RGB"),
        predictor(torch.from_numpy(bgr.transpose(2, 0, 1).copy()), channel_order="BGR"),
    ]
    assert len({redness(one) for one in seen}) == 1
    assert redness(seen[0]) == RED
    assert all(one.image.tobytes() == red.tobytes() for one in seen)


def test_an_array_whose_order_is_not_known_is_refused_and_never_guessed(see_colors, red):
    predictor = Predictor(see_colors())
    rgb, _ = as_arrays(red)
    for pixels in (rgb, torch.from_numpy(rgb.transpose(2, 0, 1).copy())):
        with pytest.raises(
            InputError, match=r"channel_order='RGB' .* channel_order='BGR' \(OpenCV"
        ):
            predictor(pixels)
    with pytest.raises(InputError, match="'RGB' or 'BGR', not 'GBR'"):
        predictor(rgb, channel_order="GBR")
    with pytest.raises(InputError, match="'RGB' or 'BGR', not 'rgb'"):
        Predictor(see_colors(), channel_order="rgb")


def test_the_order_can_be_said_once_and_a_call_knows_better(see_colors, red):
    predictor = Predictor(see_colors(), channel_order="BGR", score_threshold=0.0)
    rgb, bgr = as_arrays(red)
    assert redness(predictor(bgr)) == redness(predictor(rgb, channel_order="RGB")) == RED
    assert redness(predictor(rgb)) < 0.3


def test_grey_arrays_have_no_order_to_be_asked_for(see_colors):
    grey = np.full((12, 20), 204, dtype=np.uint8)
    assert redness(Predictor(see_colors())(grey)) == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.zeros((12, 20, 3)), "values from 0 to 255 in 8 bits .uint8., not float64"),
        (torch.rand(3, 12, 20), "in 8 bits .uint8., not torch.float32"),
        (np.zeros((12, 20, 4), dtype=np.uint8), "an array of H x W x 3, not of 12 x 20 x 4"),
        (np.zeros((12, 20, 1), dtype=np.uint8), "Give a grey one as pixels"),
        (torch.zeros(1, 12, 20, dtype=torch.uint8), "Give a grey one as pixels.expand"),
        (np.zeros((3, 12, 20), dtype=np.uint8), "an array of H x W x 3, not of 3 x 12 x 20"),
        (torch.zeros(12, 20, 3, dtype=torch.uint8), "a tensor of 3 x H x W, not of 12 x 20 x 3"),
        (np.zeros((2, 12, 20, 3), dtype=np.uint8), "Give several images as a list"),
        (7, "a file, a PIL image, an array or a tensor, not a int"),
        ([7], "a file, a PIL image, an array or a tensor, not a int"),
        ("nowhere.jpg", "nowhere.jpg: there is no such file"),
    ],
)
def test_what_is_no_image_is_refused(see_colors, pixels, message):
    with pytest.raises(InputError, match=message):
        Predictor(see_colors(), channel_order="RGB")(pixels)


def test_images_are_turned_upright_whether_from_a_file_or_opened(see_colors, red, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by a quarter
    red.save(tmp_path / "turned.jpg", exif=exif)
    predictor = Predictor(see_colors())
    with Image.open(tmp_path / "turned.jpg") as opened:
        turned = [predictor(opened), predictor(tmp_path / "turned.jpg")]
        assert opened.size == red.size
    for one in turned:
        assert one.instances.image_size == (20, 12)
        assert one.image.size == (12, 20)
        assert one.file_name == str(tmp_path / "turned.jpg")


def test_results_are_in_pixels_of_the_image(checkpoint, red):
    predictor = Predictor(checkpoint, score_threshold=0.0)
    found = predictor(red.resize((200, 120)))
    instances = found.instances
    assert instances.image_size == (120, 200)
    assert len(instances)
    assert instances.pred_masks.shape[1:] == (120, 200)
    assert instances.pred_boxes.tensor[:, 2].max() > 40
    assert set(found.class_names) <= {"cat", "dog"}


def test_it_predicts_what_the_graph_gives_for_the_resized_image(checkpoint, red):
    image = red.resize((100, 50))
    predictor = Predictor(checkpoint, score_threshold=0.0)
    resized = np.array(image.resize((160, 80), Image.Resampling.BILINEAR))[:, :, ::-1]
    tensor = torch.from_numpy(resized.transpose(2, 0, 1).copy())
    with torch.no_grad():
        (expected,) = predictor.graph([{"image": tensor, "height": 50, "width": 100}])
    found = predictor(image).instances
    assert torch.equal(found.pred_boxes.tensor, expected["instances"].pred_boxes.tensor)
    assert torch.equal(found.pred_masks, expected["instances"].pred_masks)


def test_instances_of_low_scores_are_left_out(see_colors, red):
    counts = {
        threshold: len(Predictor(see_colors(), score_threshold=threshold)(red).instances)
        for threshold in (0.0, 0.5, 1.0)
    }
    assert counts == {0.0: 2, 0.5: 1, 1.0: 0}


def test_several_images_give_a_list_and_batches_change_nothing(see_colors, red):
    blue = Image.new("RGB", (30, 10), (0, 0, 255))
    images = [red, blue, red, blue, red]
    expected = [redness(Predictor(see_colors(), score_threshold=0.0)(one)) for one in images]
    for size in (1, 2, 7):
        predictor = Predictor(see_colors(), score_threshold=0.0, batch_size=size)
        for given in (images, tuple(images), iter(images)):
            found = predictor(given)
            assert [redness(one) for one in found] == expected
    assert predictor([]) == []


def test_a_stream_takes_images_when_their_turn_comes(see_colors, red):
    taken = []

    def camera():
        while True:
            taken.append(red)
            yield red

    stream = Predictor(see_colors(), batch_size=2).stream(camera())
    assert not taken
    assert isinstance(next(stream), Prediction)
    assert len(taken) == 2
    next(stream)
    assert len(taken) == 2
    next(stream)
    assert len(taken) == 4


def test_the_mode_of_a_graph_in_training_stays_and_no_gradients_are_kept(checkpoint, red):
    graph = Graph.open(checkpoint).train()
    modes = {name: module.training for name, module in graph.named_modules()}
    found = Predictor(graph, score_threshold=0.0)(red)
    assert {name: module.training for name, module in graph.named_modules()} == modes
    assert not found.instances.scores.requires_grad


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"score_threshold": 50}, "score_threshold is from 0 to 1, not 50"),
        ({"batch_size": 0}, "batch_size is 1 or more, not 0"),
    ],
)
def test_numbers_out_of_their_range_are_refused(see_colors, options, message):
    with pytest.raises(InputError, match=message):
        Predictor(see_colors(), **options)


def test_a_model_that_takes_no_images_is_refused():
    def double(x: torch.Tensor) -> torch.Tensor:
        return 2 * x

    numbers = Graph.from_spec(
        {
            "composer": 1,
            "name": "numbers",
            "inputs": {"x": "any"},
            "nodes": {"double": {"uses": "double", "inputs": {"x": "x"}}},
            "outputs": {"doubled": "double"},
        },
        nodes={"double": double},
    )
    with pytest.raises(InputError, match="'numbers' takes no batch of images"):
        Predictor(numbers)


def test_images_can_have_another_size(see_colors, red):
    resized = red.resize((5, 3), Image.Resampling.BILINEAR)
    expected = Predictor(see_colors(shortest_edge=0))(resized)
    found = Predictor(see_colors(), image_size=3)(red)
    assert redness(found) == redness(expected) != redness(Predictor(see_colors())(red))
    assert found.image.size == red.size


def test_a_device_that_is_not_there_is_named(see_colors):
    with pytest.raises(InputError, match="the device 'nowhere' cannot be used"):
        Predictor(see_colors(), device="nowhere")
