"""Boxes of five numbers, and boxes in other modes, from the file to the ground truth."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from composer.data import Mapper
from composer.data.augmentations import RandomFlip, RandomRotation, ResizeShortestEdge
from composer.data.readers.coco import coco
from composer.evaluation.rotated_evaluator import fit_annotation

ROTATED = [20.0, 15.0, 12.0, 6.0, 25.0]


@pytest.fixture
def read(tmp_path):
    def read_annotations(*annotations):
        Image.fromarray(np.zeros((30, 40, 3), dtype=np.uint8)).save(tmp_path / "0.png")
        document = {
            "images": [{"id": 1, "file_name": "0.png", "height": 30, "width": 40}],
            "categories": [{"id": 1, "name": "a"}],
            "annotations": [
                {"id": number, "image_id": 1, "category_id": 1, **one}
                for number, one in enumerate(annotations)
            ],
        }
        file = tmp_path / "coco.json"
        file.write_text(json.dumps(document))
        return coco(annotations=file, images=tmp_path)

    return read_annotations


@pytest.mark.parametrize(
    ("mode", "box"),
    [
        ({}, [4, 6, 10, 12]),
        ({"bbox_mode": 1}, [4, 6, 10, 12]),
        ({"bbox_mode": 0}, [4, 6, 14, 18]),
        ({"bbox_mode": 0.0}, [4, 6, 14, 18]),
        ({"bbox_mode": "XYXY_ABS"}, [4, 6, 14, 18]),
        ({"bbox_mode": "BoxMode.XYXY_ABS"}, [4, 6, 14, 18]),
        ({"bbox_mode": 2}, [0.1, 0.2, 0.35, 0.6]),
        ({"bbox_mode": "XYWH_REL"}, [0.1, 0.2, 0.25, 0.4]),
    ],
)
def test_boxes_are_read_in_the_mode_of_the_annotation(read, mode, box):
    (annotation,) = read({"bbox": box, **mode})[0].annotations
    assert annotation.box == pytest.approx((4, 6, 14, 18))
    assert annotation.rotated_box is None


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"bbox": [1, 2, 3, 4], "bbox_mode": 9}, "no box mode 9"),
        ({"bbox": [1, 2, 3, 4], "bbox_mode": "XYWH"}, "no box mode 'XYWH'"),
        ({"bbox": [1, 2, 3, 4], "bbox_mode": 4}, "five numbers"),
        ({"bbox": ROTATED, "bbox_mode": 1}, "four numbers"),
        ({"bbox": [9, 9, 3, 4], "bbox_mode": 0}, "the box is -6 x -5 pixels"),
        ({"bbox": [9, 9, 0, 4, 30]}, "the box is 0 x 4 pixels"),
        ({"bbox": [1, 2, 3]}, "four numbers x, y, width, height"),
    ],
)
def test_boxes_that_do_not_fit_their_mode_are_faults(read, entry, problem):
    dataset = read(entry)
    assert dataset[0].annotations == ()
    assert problem in dataset.faults[0].message


def test_a_box_of_five_numbers_is_rotated(read):
    (annotation,) = read({"bbox": ROTATED})[0].annotations
    assert annotation.rotated_box == tuple(ROTATED)
    assert annotation.size == 72
    assert annotation.as_dict()["bbox"] == ROTATED
    assert annotation.as_dict()["bbox_mode"] == 4
    assert fit_annotation(annotation) == ROTATED


def test_rotated_models_are_trained_on_it_and_others_on_the_box_around_it(read):
    dataset = read({"bbox": ROTATED}, {"bbox": [4, 6, 10, 12]})
    for rotated, columns in ((True, 5), (False, 4)):
        mapper = Mapper([], metadata=dataset.metadata, rotated_boxes=rotated)
        boxes = mapper(dataset[0], torch.Generator())["instances"].gt_boxes.tensor
        assert boxes.shape == (2, columns)
        if rotated:
            expected = torch.tensor([ROTATED, [9.0, 12.0, 10.0, 12.0, 0.0]])
            torch.testing.assert_close(boxes, expected)


def test_augmentations_move_rotated_boxes(read):
    dataset = read({"bbox": ROTATED})
    steps = [
        RandomFlip(probability=1.0),
        ResizeShortestEdge(shortest_edge=60),
        RandomRotation(degrees=(40.0, 40.0), expand=False),
    ]
    mapper = Mapper(steps, metadata=dataset.metadata, rotated_boxes=True)
    boxes = mapper(dataset[0], torch.Generator())["instances"].gt_boxes.tensor
    torch.testing.assert_close(boxes, torch.tensor([[40.0, 30.0, 24.0, 12.0, 15.0]]))
