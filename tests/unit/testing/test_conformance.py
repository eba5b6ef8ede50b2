"""The conformance check says all that is wrong, and refuses what it cannot try."""

import random
from typing import NamedTuple, TypeVar

import numpy as np
import pytest
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from composer.errors import ConformanceError, InputError
from composer.structures import (
    Boxes,
    Instances,
    RegionFeatures,
    RotatedBoxes,
    Scores,
    TensorShape,
)
from composer.testing import check_node_type, random_boxes, random_regions, random_rotated_boxes

AnyBoxes = TypeVar("AnyBoxes", Boxes, RotatedBoxes)
REGIONS = TensorShape(channels=4, height=6, width=6)


class Kept(NamedTuple):
    boxes: list[Boxes]
    scores: list[Scores]


def keep_best(boxes: list[Boxes], scores: list[Scores], *, limit: int = 1) -> Kept:
    """Keeps the best boxes of each image."""
    best = [one.argsort(descending=True)[:limit] for one in scores]
    return Kept(
        [one[rows] for one, rows in zip(boxes, best, strict=True)],
        [one[rows] for one, rows in zip(scores, best, strict=True)],
    )


def mark(instances: list[Instances]) -> list[Instances]:
    """Adds a field to what it is given."""
    for one in instances:
        one.areas = one.pred_boxes.area()
    return instances


def sample(
    boxes: Float[Tensor, "R 4"], generator: torch.Generator, *, count: int = 2
) -> Int[Tensor, "_"]:
    """Draws boxes."""
    return torch.randperm(len(boxes), generator=generator)[:count]


class Head(nn.Module):
    """A head with an optional input."""

    def __init__(self, *, x_shape: TensorShape, channels: int = 3) -> None:
        super().__init__()
        assert x_shape.channels is not None
        self.conv = nn.Conv2d(x_shape.channels, channels, 1)
        self.norm = nn.BatchNorm2d(channels)
        self.output_shape = TensorShape(channels=channels, height=6, width=6)

    def forward(self, x: RegionFeatures, bias: RegionFeatures | None = None) -> RegionFeatures:
        x = self.norm(self.conv(x))
        return x if bias is None else x + bias


def inputs_of_keep_best():
    return {"boxes": random_boxes((3, 2)), "scores": [torch.rand(3), torch.rand(2)]}


def test_function_that_conforms_passes():
    check_node_type(keep_best, inputs_of_keep_best(), config={"limit": 2})


@pytest.mark.parametrize("mode", ["inference", "training"])
@pytest.mark.parametrize("optional", [{}, {"bias": torch.rand(3, 3, 6, 6)}, {"bias": None}])
def test_module_that_conforms_passes_with_and_without_optional_inputs(mode, optional):
    inputs = {"x": random_regions(REGIONS), **optional}
    check_node_type(Head, inputs, shapes={"x": REGIONS}, mode=mode)


def test_module_that_cannot_compute_without_memory_passes():
    class Counted(Head):
        def __init__(self, *, x_shape: TensorShape) -> None:
            super().__init__(x_shape=x_shape)
            self.total = float(self.conv.weight.detach().sum())

    check_node_type(Counted, {"x": random_regions(REGIONS)}, shapes={"x": REGIONS})


def test_node_that_draws_from_its_generator_passes():
    check_node_type(sample, {"boxes": torch.rand(9, 4)})


def test_change_inside_a_structure_is_reported():
    instances = [Instances((4, 4), pred_boxes=boxes) for boxes in random_boxes((2,))]
    with pytest.raises(ConformanceError) as error:
        check_node_type(mark, {"instances": instances})
    assert error.value.reasons == (
        "it changes what it receives: 'instances[0]._fields['areas']' is new",
    )


def test_given_inputs_are_never_changed():
    instances = [Instances((4, 4), pred_boxes=boxes) for boxes in random_boxes((2,))]
    with pytest.raises(ConformanceError):
        check_node_type(mark, {"instances": instances})
    assert list(instances[0].get_fields()) == ["pred_boxes"]


def test_inputs_with_a_gradient_behind_them_can_be_given():
    x = random_regions(REGIONS).requires_grad_() * 2
    check_node_type(Head, {"x": x}, shapes={"x": REGIONS})


def test_global_generators_are_left_as_they_were():
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tobytes()
    check_node_type(Head, {"x": random_regions(REGIONS)}, shapes={"x": REGIONS}, mode="training")
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert np.random.get_state()[1].tobytes() == before[2]


@pytest.mark.parametrize("target", [Boxes, 3, "mask_head"])
def test_what_cannot_be_a_node_type_is_reported(target):
    with pytest.raises(ConformanceError, match=r"a node type is a subclass of torch\.nn\.Module"):
        check_node_type(target, {})


@pytest.mark.parametrize(
    ("inputs", "options", "message"),
    [
        ({}, {"shapes": {"x": REGIONS}}, "the input 'x' is missing"),
        ({"x": 1, "y": 1}, {"shapes": {"x": REGIONS}}, "there is no input 'y'"),
        ({"x": 1}, {}, r"'x_shape' is required: shapes=\{'x': TensorShape\(...\)\}"),
        (
            {"x": 1},
            {"shapes": {"x": REGIONS, "bias": REGIONS}},
            "shapes are given for 'bias', but there is no parameter 'bias_shape'",
        ),
        (
            {"x": random_regions(REGIONS)},
            {"shapes": {"x": TensorShape(channels=5)}},
            "the shape of 'x' says 5 channels, the input has 4",
        ),
        (
            {"x": random_regions(REGIONS)},
            {"shapes": {"x": REGIONS}, "config": {"channels": "many"}},
            "configuration 'channels': Input should be a valid integer",
        ),
        (
            {"x": random_regions(REGIONS)},
            {"shapes": {"x": REGIONS}, "config": {"chanels": 3}},
            "configuration 'chanels': Extra inputs are not permitted",
        ),
    ],
)
def test_inputs_that_are_not_those_of_the_node_type_are_refused(inputs, options, message):
    with pytest.raises(InputError, match=message):
        check_node_type(Head, inputs, **options)


def test_everything_that_is_refused_is_told_at_once():
    with pytest.raises(InputError) as error:
        check_node_type(Head, {"y": 1}, config={"chanels": 3})
    assert str(error.value).count(";") == 2


def keep(boxes: list[AnyBoxes], others: list[AnyBoxes]) -> list[AnyBoxes]:
    """Returns its first input."""
    return boxes


def level(boxes: list[AnyBoxes]) -> list[AnyBoxes]:
    """Returns upright boxes, whatever it is given."""
    return [Boxes(one.tensor[:, :4]) for one in boxes]


def test_type_variables_stand_for_one_type():
    for boxes in (random_boxes(), random_rotated_boxes()):
        check_node_type(keep, {"boxes": boxes, "others": boxes})
    check_node_type(keep, {"boxes": [], "others": random_rotated_boxes()})
    check_node_type(level, {"boxes": random_boxes()})


def test_an_output_of_another_type_than_the_variable_is_bound_to_is_reported():
    with pytest.raises(
        ConformanceError,
        match="the output has Boxes for AnyBoxes, which the ports before it have RotatedBoxes for",
    ):
        check_node_type(level, {"boxes": random_rotated_boxes()})
