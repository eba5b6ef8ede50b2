"""What a node type says of its output's shape is held against its output."""

import pytest
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from composer.errors import ConformanceError
from composer.structures import (
    Boxes,
    Features,
    ImageList,
    RegionFeatures,
    TensorShape,
)
from composer.testing import check_node_type, random_boxes, random_features, random_regions
from composer.testing.shape_checks import measure

LEVELS = {"res3": TensorShape(channels=4, stride=8), "res4": TensorShape(channels=4, stride=16)}
REGIONS = TensorShape(channels=4, height=6, width=6)
IMAGES = ImageList(torch.rand(2, 3, 64, 96), [(64, 96), (60, 90)])


class Pyramid(nn.Module):
    """Says what it is told to say, and gives levels of other strides."""

    def __init__(self, *, said: dict[str, int], given: dict[str, int]) -> None:
        super().__init__()
        self.given = given
        self.output_shape = {name: TensorShape(3, stride=stride) for name, stride in said.items()}

    def forward(self, images: ImageList) -> Features:
        return {
            name: F.interpolate(images.tensor, scale_factor=1 / stride)
            for name, stride in self.given.items()
        }


class Coarser(nn.Module):
    """Halves its levels, and says what stride that makes."""

    def __init__(self, *, features_shape: dict[str, TensorShape], factor: int = 2) -> None:
        super().__init__()
        self.output_shape = {
            name: TensorShape(shape.channels, stride=(shape.stride or 1) * factor)
            for name, shape in features_shape.items()
        }

    def forward(self, features: Features) -> Features:
        return {name: F.max_pool2d(level, 2, ceil_mode=True) for name, level in features.items()}


class Head(nn.Module):
    """Says one shape and gives another."""

    def __init__(self, *, channels: int | None, height: int | None) -> None:
        super().__init__()
        self.said = TensorShape(channels=channels, height=height, width=height)

    @property
    def output_shape(self) -> TensorShape:
        return self.said

    def forward(self, x: RegionFeatures) -> Float[Tensor, "R ..."]:
        return x


class Misspoken(Head):
    @property
    def output_shape(self) -> tuple[int, int]:
        return (4, 6)


class Speaking(Head):
    def output_shape(self) -> TensorShape:
        return self.said


def scale(x: RegionFeatures, *, factor: int) -> RegionFeatures:
    return F.interpolate(x, scale_factor=factor)


def halve(features: Features) -> Features:
    return {name: F.max_pool2d(level, 2) for name, level in features.items()}


def drop_first(features: Features) -> Features:
    return dict(list(features.items())[1:])


def join(x: RegionFeatures, y: RegionFeatures) -> RegionFeatures:
    return torch.cat((x, y), dim=1)


def clip(boxes: list[Boxes]) -> list[Boxes]:
    return [one[:1] for one in boxes]


def reasons(target, inputs, **options):
    with pytest.raises(ConformanceError) as error:
        check_node_type(target, inputs, **options)
    return list(error.value.reasons)


def test_levels_with_the_strides_that_are_said_pass():
    strides = {"p2": 4, "p3": 8}
    check_node_type(Pyramid, {"images": IMAGES}, config={"said": strides, "given": strides})


def test_wrong_stride_is_told_from_the_size_of_the_images():
    config = {"said": {"p2": 4}, "given": {"p2": 8}}
    assert reasons(Pyramid, {"images": IMAGES}, config=config) == [
        "'p2': output_shape says a stride of 4, which makes about 16 rows of these inputs, "
        "the output has 8"
    ]


def test_other_levels_than_those_that_are_said_are_reported():
    config = {"said": {"p2": 4, "p3": 8}, "given": {"p3": 8, "p2": 4}}
    assert reasons(Pyramid, {"images": IMAGES}, config=config) == [
        "output_shape says levels p2, p3, the output has p3, p2"
    ]


@pytest.mark.parametrize("image_size", [(64, 96), (70, 100)])
def test_strides_are_taken_from_the_shapes_of_the_inputs(image_size):
    inputs = {"features": random_features(LEVELS, image_size=image_size)}
    check_node_type(Coarser, inputs, shapes={"features": LEVELS})
    wrong = reasons(Coarser, inputs, shapes={"features": LEVELS}, config={"factor": 1})
    assert "'res3': output_shape says a stride of 8" in wrong[0]


@pytest.mark.parametrize("config", [{"channels": 4, "height": 6}, {"channels": 4, "height": None}])
@pytest.mark.parametrize("target", [Head, Speaking])
def test_shape_that_is_right_as_far_as_it_goes_passes(target, config):
    check_node_type(target, {"x": random_regions(REGIONS)}, config=config)


def test_every_side_that_is_wrong_is_reported():
    wrong = reasons(Head, {"x": random_regions(REGIONS)}, config={"channels": 5, "height": 12})
    assert wrong == [
        "output_shape says 5 channels, the output has 4",
        "output_shape says 12 rows, the output has 6",
        "output_shape says 12 columns, the output has 6",
    ]


def test_rows_that_are_said_of_vectors_are_reported():
    vectors = random_regions(TensorShape(channels=4))
    assert reasons(Head, {"x": vectors}, config={"channels": 4, "height": 6}) == [
        "output_shape says 6 rows, the output has none",
        "output_shape says 6 columns, the output has none",
    ]


def test_one_shape_for_several_levels_is_reported():
    class Levels(Head):
        def forward(self, features: Features) -> Features:
            return features

    inputs = {"features": random_features(LEVELS)}
    assert reasons(Levels, inputs, config={"channels": 4, "height": None}) == [
        "output_shape says one map, the output has levels res3, res4"
    ]


def test_shape_of_another_type_is_reported():
    inputs = {"x": random_regions(REGIONS)}
    assert reasons(Misspoken, inputs, config={"channels": 4, "height": 6}) == [
        "its output_shape is a tuple, not a TensorShape or a dict of them by level"
    ]


def test_function_that_keeps_the_shape_passes():
    check_node_type(scale, {"x": random_regions(REGIONS)}, config={"factor": 1})


@pytest.mark.parametrize(
    ("target", "inputs", "config", "reason"),
    [
        (scale, {"x": random_regions(REGIONS)}, {"factor": 2}, "with 6 rows, it has 12"),
        (halve, {"features": random_features(LEVELS)}, {}, "'res3': with 8 rows, it has 4"),
        (
            drop_first,
            {"features": random_features(LEVELS)},
            {},
            "with levels res3, res4, it has res4",
        ),
    ],
)
def test_change_of_shape_that_nobody_says_is_reported(target, inputs, config, reason):
    (port,) = inputs
    first, *_ = reasons(target, inputs, config=config)
    said = f"without output_shape, the output is taken to have the shape of '{port}',"
    assert first == f"{said} {reason}"


@pytest.mark.parametrize(
    ("target", "inputs"),
    [
        (join, {"x": random_regions(REGIONS), "y": random_regions(REGIONS)}),
        (clip, {"boxes": random_boxes((3,))}),
    ],
)
def test_nothing_is_expected_where_no_shape_is_passed_on(target, inputs):
    check_node_type(target, inputs)


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (torch.rand(2, 3), TensorShape(channels=3)),
        (torch.rand(2, 3, 4, 5), TensorShape(channels=3, height=4, width=5)),
        (IMAGES, TensorShape(channels=3, height=64, width=96)),
        (torch.rand(2), None),
        ([torch.rand(2, 3)], None),
        ({"loss": torch.rand(())}, None),
        (None, None),
    ],
)
def test_shape_of_a_value_is_what_one_map_or_level_has(value, shape):
    assert measure(value) == shape
