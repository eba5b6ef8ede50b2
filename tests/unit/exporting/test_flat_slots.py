"""Values of slots as tensors with names."""

import pytest
import torch

from composer.blueprint import Slot
from composer.errors import ExportError
from composer.exporting.flat_slots import describe_slot
from composer.structures import (
    Boxes,
    Features,
    Instances,
    PanopticSegmentation,
    SemanticScores,
)


def describe(kind, *values, of_one_image=True):
    flat = describe_slot(Slot("node", "output"), kind, values, of_one_image=of_one_image)
    return {tensor.name: tensor.shape for tensor in flat.tensors}


def test_a_list_of_one_image_adds_nothing_to_the_name():
    boxes = [Boxes(torch.rand(3, 4))]
    assert describe(list[Boxes], boxes) == {"node": ("node.rows", 4)}


def test_classes_of_a_segmentation_are_fixed_and_its_sides_are_free():
    shapes = describe(list[SemanticScores], [torch.rand(5, 6, 7)])
    assert shapes == {"node": (5, "node.height", "node.width")}


def test_fields_of_instances_have_free_rows():
    found = Instances((8, 9), pred_boxes=Boxes(torch.rand(2, 4)), pred_masks=torch.rand(2, 1, 4, 4))
    assert describe(list[Instances], [found]) == {
        "node.image_size": (2,),
        "node.pred_boxes": ("node.pred_boxes.rows", 4),
        "node.pred_masks": ("node.pred_masks.rows", 1, 4, 4),
    }


def test_sides_of_pasted_masks_are_height_and_width():
    found = [
        Instances((rows, rows + 1), pred_masks=torch.ones(2, rows, rows + 1, dtype=torch.bool))
        for rows in (5, 7)
    ]
    (shape,) = (
        shape
        for name, shape in describe(list[Instances], *[[each] for each in found]).items()
        if name.endswith("pred_masks")
    )
    assert [side.rpartition(".")[2] for side in shape] == ["rows", "height", "width"]


def test_segments_are_rows():
    segment = {"id": 1, "category_id": 3, "isthing": False, "area": 12}
    found = PanopticSegmentation(torch.zeros(4, 5, dtype=torch.int32), [segment])
    assert found.list_tensors()["areas"].tolist() == [12]
    assert found.list_tensors()["instance_ids"].tolist() == [-1]
    assert "node.segment_ids" in describe(list[PanopticSegmentation], [found])


def test_dimensions_that_differ_between_runs_are_free():
    maps = [{"p2": torch.rand(1, 4, 6, 7)}, {"p2": torch.rand(1, 4, 8, 7)}]
    assert describe(Features, *maps)["node.p2"] == (1, 4, "node.p2.height", "node.p2.width")
    free = describe(Features, *maps, of_one_image=False)
    assert free["node.p2"][0] == "batch"


def test_values_that_hold_no_tensors_are_refused():
    with pytest.raises(ExportError, match="holds no tensors"):
        describe(str, "text")
    with pytest.raises(ExportError, match="not always made of the same parts"):
        describe(Features, {"p2": torch.rand(1, 1, 1, 1)}, {})
