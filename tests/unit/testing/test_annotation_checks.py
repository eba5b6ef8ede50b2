"""Values are held against annotations, shapes of tensors included."""

from typing import Any, Literal, NamedTuple, TypeVar

import pytest
import torch
from jaxtyping import Float, Int
from torch import Tensor

from composer.structures import Boxes, Features, MaskLogits, RotatedBoxes, Scores
from composer.testing.annotation_checks import find_misfits

AnyBoxes = TypeVar("AnyBoxes", Boxes, RotatedBoxes)
Free = TypeVar("Free")
Upright = TypeVar("Upright", bound=Boxes)
ROWS = Float[Tensor, "R 4"]


class Named(NamedTuple):
    a: int


FITTING = [
    (1, int),
    (1, Any),
    (1, object),
    (True, int),
    (None, None),
    (None, int | None),
    ("sum", Literal["sum", "avg"]),
    (torch.rand(2, 4), Tensor),
    (torch.rand(2, 4), ROWS),
    (torch.rand(2, 3, 4, 5), MaskLogits),
    ({"p2": torch.rand(1, 2, 3, 4), "p3": torch.rand(1, 2, 1, 2)}, Features),
    ({}, Features),
    ([], list[Boxes]),
    ([Boxes([[0, 0, 1, 1]])], list[Boxes]),
    ([torch.rand(3)], list[Scores]),
    ([torch.rand(3)], list),
    ((1, "a"), tuple[int, str]),
    ((1, 2, 3), tuple[int, ...]),
    ((), tuple[int, ...]),
    (Named(1), Named),
    ([Boxes([]), Boxes([])], list[AnyBoxes]),
    ([RotatedBoxes([])], list[AnyBoxes]),
    (object(), Free),
]


@pytest.mark.parametrize(("value", "annotation"), FITTING)
def test_value_that_fits_has_no_misfits(value, annotation):
    assert list(find_misfits(value, annotation, "it")) == []


@pytest.mark.parametrize(
    ("value", "annotation", "misfit"),
    [
        (1.5, int, "it is a value of type float (1.5), but annotated as int"),
        (None, int, "it is None, but annotated as int"),
        (
            "max",
            Literal["sum", "avg"],
            "it is a value of type str ('max'), but annotated as Literal['sum', 'avg']",
        ),
        ("a", int | None, "it is a value of type str ('a'), but annotated as int | None"),
        (
            torch.rand(2, 3),
            ROWS,
            "it is a value of type Tensor (2x3 float32), but annotated as Float[Tensor, 'R 4']",
        ),
        (
            torch.zeros(2, 4, dtype=torch.long),
            ROWS,
            "it is a value of type Tensor (2x4 int64), but annotated as Float[Tensor, 'R 4']",
        ),
        (
            torch.rand(2),
            MaskLogits,
            "it is a value of type Tensor (2 float32), "
            "but annotated as MaskLogits: Float[Tensor, 'R _ _ _']",
        ),
        (
            {"p2": torch.rand(2)},
            Features,
            "it['p2'] is a value of type Tensor (2 float32), "
            "but annotated as Float[Tensor, 'N _ _ _']",
        ),
        (
            {1: torch.rand(1, 1, 1, 1)},
            Features,
            "a key of it is a value of type int (1), but annotated as str",
        ),
        (
            [torch.rand(1, 4)],
            list[Boxes],
            "it[0] is a value of type Tensor (1x4 float32), but annotated as Boxes",
        ),
        (
            (torch.rand(3),),
            list[Scores],
            "it is a value of type tuple (3 float32), but annotated as list[Scores]",
        ),
        (
            {"a": 1},
            dict[str, list[Scores]],
            "it['a'] is a value of type int (1), but annotated as list[Scores]",
        ),
        (
            1,
            list[tuple[Scores, ...]],
            "it is a value of type int (1), but annotated as list[tuple[Scores, ...]]",
        ),
        ((1,), tuple[int, str], "it has 1 members where 2 are annotated"),
        ((1, "a"), tuple[int, ...], "it[1] is a value of type str ('a'), but annotated as int"),
        ((1,), Named, "it is a value of type tuple (1), but annotated as Named"),
        (1, AnyBoxes, "it is a value of type int (1), but annotated as Boxes | RotatedBoxes"),
        (
            [1],
            list[Upright],
            "it[0] is a value of type int (1), but annotated as Boxes",
        ),
        (object(), int, "it is a value of type object, but annotated as int"),
    ],
)
def test_misfit_is_reported_with_its_place_and_what_was_annotated(value, annotation, misfit):
    assert list(find_misfits(value, annotation, "it")) == [misfit]


def test_every_misfit_of_a_value_is_reported():
    values = [torch.rand(2), torch.rand(2, 4), torch.rand(3)]
    found = list(find_misfits(values, list[Int[Tensor, "_"]], "it"))
    assert [text.partition(" ")[0] for text in found] == ["it[0]", "it[1]", "it[2]"]
