from typing import Any

import pytest
import torch
from torch import Tensor

from composer.errors import InputError
from composer.storage import fit_value, make_records
from composer.structures import (
    AnyBoxes,
    Boxes,
    Features,
    Instances,
    RegionFeatures,
    RotatedBoxes,
    Scores,
)
from unit.storage.equality import equal

A, B = torch.rand(2, 4), torch.rand(3, 4)


def test_tensor_is_given_back():
    assert fit_value(A, "x", RegionFeatures) is A


def test_only_tensor_of_a_file_is_taken():
    assert fit_value({"anything": A}, "x", RegionFeatures) is A


def test_tensor_that_is_named_like_the_port_is_taken():
    assert fit_value({"a": A, "x": B}, "x", Tensor) is B


def test_several_tensors_stay_several():
    value = {"a": A, "b": B}
    assert fit_value(value, "x", Any) is value


def test_mapping_stays_one_where_a_mapping_is_wanted():
    value = {"p2": A}
    assert fit_value(value, "features", Features) is value


def test_tensor_is_the_only_item_where_a_list_is_wanted():
    assert equal(fit_value(A, "scores", list[Scores]), [A])


def test_tensors_by_name_are_the_items_of_a_list():
    assert equal(fit_value({"0": A, "1": B}, "boxes", list[Boxes]), [Boxes(A), Boxes(B)])


def test_tensor_becomes_the_structure_that_is_wanted():
    assert equal(fit_value({"boxes": A, "scores": B}, "boxes", list[Boxes]), [Boxes(A)])
    assert equal(fit_value(A, "boxes", Boxes), Boxes(A))
    assert equal(fit_value(A, "boxes", list[Boxes] | None), [Boxes(A)])


def test_structures_are_given_back():
    value = [Boxes(A)]
    assert equal(fit_value(value, "boxes", list[Boxes]), value)
    assert fit_value((1, 2), "boxes", list[Boxes]) == (1, 2)


def test_tensor_that_makes_no_such_structure_is_refused():
    with pytest.raises(InputError, match="'boxes': no Boxes can be made of a tensor"):
        fit_value(torch.rand(2, 5), "boxes", list[Boxes])
    with pytest.raises(InputError, match="no Instances can be made"):
        fit_value(A, "instances", list[Instances])


def test_tensor_of_three_dimensions_is_an_image():
    image = torch.zeros(3, 4, 5)
    assert equal(make_records(image, "batch"), [{"image": image}])


def test_tensor_of_four_dimensions_is_a_batch():
    images = torch.rand(2, 3, 4, 5)
    assert equal(make_records(images, "batch"), [{"image": image} for image in images])


def test_tensors_by_name_are_an_image_each():
    images = {"left": torch.zeros(3, 4, 5), "right": torch.ones(3, 6, 7)}
    assert equal(make_records(images, "batch"), [{"image": image} for image in images.values()])


def test_tensors_with_one_called_image_are_one_record():
    image = torch.zeros(3, 4, 5)
    record = make_records({"image": image, "height": torch.tensor(8)}, "batch")
    assert equal(record, [{"image": image, "height": 8}])


def test_records_are_given_back():
    records = [{"image": torch.zeros(3, 4, 5)}]
    assert make_records(records, "batch") is records


def test_tensor_of_other_dimensions_is_no_image():
    with pytest.raises(InputError, match="input 'batch': an image is C x H x W, not 4x5"):
        make_records(torch.zeros(4, 5), "batch")


@pytest.mark.parametrize("kind", [list[AnyBoxes], list[Boxes] | list[RotatedBoxes] | None])
@pytest.mark.parametrize(("columns", "structure"), [(4, Boxes), (5, RotatedBoxes)])
def test_tensor_becomes_the_alternative_that_it_can_be(kind, columns, structure):
    (found,) = fit_value(torch.rand(2, columns), "boxes", kind)
    assert isinstance(found, structure)


def test_tensor_that_can_be_no_alternative_is_refused():
    with pytest.raises(InputError, match="'boxes': no RotatedBoxes can be made"):
        fit_value(torch.rand(2, 3), "boxes", list[Boxes] | list[RotatedBoxes])
