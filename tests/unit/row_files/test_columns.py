import pytest
import torch

from composer.errors import InputError
from composer.row_files import Column, ImageRows, can_vary, describe_columns, find_columns


def rows(lists=(), **columns):
    length = len(next(iter(columns.values())))
    return ImageRows(0, "a.jpg", 4, 5, length, columns, frozenset(lists))


def test_columns_follow_from_values():
    found = find_columns(
        rows(
            ["parts", "names"],
            score=torch.rand(2),
            box=torch.rand(2, 4),
            head=torch.rand(2, 3, 7, 7, dtype=torch.bfloat16),
            name=["a", "b"],
            names=[["a"], []],
            map=[torch.rand(3, 8, 9), torch.rand(3, 8, 9)],
            parts=[torch.rand(5, 2), torch.rand(0, 2)],
        )
    )
    assert found == (
        Column("score", "number", "float32"),
        Column("box", "tensor", "float32", (4,)),
        Column("head", "tensor", "float32", (3, 7, 7)),
        Column("name", "text"),
        Column("names", "texts"),
        Column("map", "dense", "float32"),
        Column("parts", "list", "float32", (2,)),
    )


def test_a_shape_that_depends_on_the_image_is_dense():
    one, other = rows(masks=torch.rand(2, 8, 9)), rows(masks=torch.rand(0, 9, 8))
    assert can_vary(one)
    assert find_columns(one, other) == (Column("masks", "dense", "float32"),)
    assert not can_vary(rows(box=torch.rand(2, 4)))


def test_names_of_every_file_are_taken():
    with pytest.raises(InputError, match="'height' is the name of a column"):
        find_columns(rows(height=torch.rand(2)))
    with pytest.raises(InputError, match="which files of rows do not have"):
        find_columns(rows(waves=torch.rand(2).to(torch.complex64)))


def test_columns_say_where_they_are_from():
    columns = (Column("p.p2", "tensor", "float32", (8,)), Column("p", "number", "int64"))
    assert describe_columns(columns, {"p": "backbone.fpn"}) == {
        "p.p2": {
            "kind": "tensor",
            "dtype": "float32",
            "shape": [8],
            "source": "backbone.fpn.p2",
        },
        "p": {"kind": "number", "dtype": "int64", "source": "backbone.fpn"},
    }


def test_rows_are_dicts_and_an_error_is_one():
    first, second = rows(score=torch.tensor([0.5, 0.25]), box=torch.ones(2, 4))
    assert first["score"] == 0.5
    assert second["box"].tolist() == [1, 1, 1, 1]
    assert (second["file_name"], second["height"], second["error"]) == ("a.jpg", 4, None)
    (failed,) = ImageRows(3, "b.jpg", error="no image")
    assert failed == {
        "image": 3,
        "file_name": "b.jpg",
        "height": None,
        "width": None,
        "error": "no image",
    }
