"""Proposals come from a file, go through augmentations, and reach the model."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from composer.data import Mapper
from composer.data.augmentations import RandomFlip
from composer.data.json_file import add_proposals
from composer.data.transforms import (
    crop_sample,
    find_rotation,
    flip_horizontally,
    flip_vertically,
    pad_sample,
    resize_sample,
    warp_sample,
)
from composer.errors import DataError
from composer.language import ImageFormat
from composer.structures import ImageBatch
from unit.data.some_samples import make_sample, write_dataset

ENTRIES = [
    {"image_id": 0, "bbox": [1, 2, 10, 20], "score": -0.5, "category_id": 3},
    {"image_id": 0, "bbox": [35, 0, 20, 10], "score": 2.5},
    {"image_id": 77, "bbox": [0, 0, 1, 1], "score": 1},
]


@pytest.fixture
def dataset(tmp_path):
    return write_dataset(tmp_path)


@pytest.fixture
def write(tmp_path):
    def write(entries):
        file = tmp_path / "proposals.json"
        file.write_text(json.dumps(entries))
        return file

    return write


def prepare(record, augmentations, **options):
    mapper = Mapper(augmentations, **options)
    return mapper(record, torch.Generator().manual_seed(0))


def test_proposals_are_read_the_surest_first(dataset, write):
    records = add_proposals(dataset, write(ENTRIES)).records
    np.testing.assert_array_equal(records[0].proposals.boxes, [[35, 0, 55, 10], [1, 2, 11, 22]])
    np.testing.assert_array_equal(records[0].proposals.objectness_logits, [2.5, -0.5])
    assert records[1].proposals.boxes.shape == (0, 4)
    assert records[0].as_dict()["proposal_boxes"] is records[0].proposals.boxes


@pytest.mark.parametrize("annotated", [True, False])
def test_the_model_is_given_them_cut_and_in_the_size_of_its_image(dataset, write, annotated):
    record = add_proposals(dataset, write(ENTRIES)).records[0]
    size = ImageFormat.model_validate({"shortest_edge": 60})
    prepared = prepare(record, None, image_format=size, annotated=annotated)
    proposals = prepared["proposals"]
    assert proposals.image_size == (60, 80)
    assert proposals.proposal_boxes.tensor.tolist() == [[70, 0, 80, 20], [2, 4, 22, 44]]
    assert proposals.objectness_logits.tolist() == [2.5, -0.5]
    assert len(ImageBatch.from_records([prepared]).proposals[0]) == 2


def test_proposals_outside_of_the_image_are_dropped(dataset, write):
    entries = [{"image_id": 0, "bbox": [-9, 3, 8, 5], "score": 9}, ENTRIES[0]]
    record = add_proposals(dataset, write(entries)).records[0]
    proposals = prepare(record, [RandomFlip(probability=1.0)])["proposals"]
    assert proposals.proposal_boxes.tensor.tolist() == [[29, 2, 39, 22]]
    assert proposals.objectness_logits.tolist() == [-0.5]


def test_images_without_proposals_of_their_own_get_none(dataset):
    assert "proposals" not in prepare(dataset.records[0], [])


@pytest.mark.parametrize(
    "transform",
    [
        flip_horizontally,
        flip_vertically,
        lambda sample: resize_sample(sample, (45, 100)),
        lambda sample: crop_sample(sample, 2, 10, 20, 25),
        lambda sample: pad_sample(sample, 3, 4, 50, 60),
        lambda sample: warp_sample(sample, *find_rotation((30, 40), 30, expand=False)),
    ],
)
def test_proposals_move_as_boxes_do(transform):
    sample = make_sample(masks="none")
    sample = replace(sample, proposals=sample.boxes.clone(), proposal_logits=torch.zeros(2))
    moved = transform(sample)
    assert not torch.equal(moved.boxes, sample.boxes)
    assert torch.equal(moved.proposals, moved.boxes)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([{"image_id": 77, "bbox": [0, 0, 1, 1], "score": 1}], "for none of the images of 'greys'"),
        (
            [{"image_id": 0, "score": 1}],
            "entry 0 has no 'bbox'. It needs an 'image_id', a 'bbox' of four",
        ),
        ([{"image_id": 0, "bbox": [0, 0, 1], "score": 1}], "entry 0 is malformed"),
        ([{"image_id": 0, "bbox": [0, 0, 1, float("nan")], "score": 1}], "entry 0 is malformed"),
        ([3], "entry 0 is malformed"),
        ({"boxes": []}, "expected a list of entries in COCO's results format, not a dict"),
    ],
)
def test_malformed_files_are_refused(dataset, write, entries, message):
    with pytest.raises(DataError, match=message):
        add_proposals(dataset, write(entries))


def test_missing_files_are_reported(dataset, tmp_path):
    with pytest.raises(DataError, match=r"none\.json: cannot be read"):
        add_proposals(dataset, tmp_path / "none.json")
