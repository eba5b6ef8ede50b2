"""Panoptic annotations become segments, semantic classes and objects."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools import mask as coco_mask

from composer.data import Mapper, count_faults
from composer.data.readers.coco_panoptic import coco_panoptic
from composer.data.toy_dataset import CLASSES, OWN_IDS, STUFF, STUFF_IDS, write_shape_dataset
from composer.errors import DataError
from composer.language import ImageFormat


@pytest.fixture
def files(tmp_path):
    return write_shape_dataset(tmp_path / "shapes", num_images=3, size=(40, 50), panoptic=True)


def read(files, **options):
    return coco_panoptic(
        annotations=files.panoptic, images=files.images, panoptic=files.panoptic_images, **options
    )


def change(files, edit):
    document = json.loads(files.panoptic.read_text())
    edit(document)
    files.panoptic.write_text(json.dumps(document))


def sem_seg_of(dataset, position):
    mapper = Mapper([], ImageFormat.model_validate({}), metadata=dataset.metadata)
    return mapper(dataset[position], torch.Generator())["sem_seg"]


def test_things_and_stuff_are_numbered_apart(files):
    dataset = read(files)
    assert not dataset.faults
    assert dataset.metadata.thing_classes == CLASSES
    assert dataset.metadata.thing_ids == OWN_IDS
    assert dataset.metadata.stuff_classes == ("things", *STUFF)
    assert dataset.metadata.stuff_ids == (0, *STUFF_IDS)
    assert dataset.metadata.sem_seg_of_things == (0, 0, 0)
    assert len(dataset.metadata.thing_colors) == 3
    assert len(dataset.metadata.stuff_colors) == 3
    entries = json.loads(files.panoptic.read_text())["annotations"]
    for record, entry in zip(dataset, entries, strict=True):
        assert record.panoptic_file.name == entry["file_name"]
        for segment, info in zip(record.segments, entry["segments_info"], strict=True):
            own_ids = OWN_IDS if segment.is_thing else (0, *STUFF_IDS)
            assert own_ids[segment.category] == info["category_id"]
            assert (segment.segment_id, segment.area) == (info["id"], info["area"])


def test_things_are_one_semantic_class_or_many(files):
    one, many = read(files), read(files, things_as_one=False)
    assert many.metadata.stuff_classes == (*CLASSES, *STUFF)
    assert many.metadata.sem_seg_of_things == (0, 1, 2)
    few, all_classes = sem_seg_of(one, 0), sem_seg_of(many, 0)
    assert set(few.unique().tolist()) == {0, 1, 2}
    things = all_classes < 3
    assert torch.equal(few == 0, things)
    assert torch.equal(few[~things] + 2, all_classes[~things])
    present = {annotation.category for annotation in many[0].annotations}
    assert set(all_classes[things].unique().tolist()) == present


def test_objects_are_cut_out_of_the_picture(files):
    dataset = read(files)
    truth = json.loads(files.annotations.read_text())["annotations"]
    found = [annotation for record in dataset for annotation in record.annotations]
    assert len(found) == len(truth)
    for annotation, entry in zip(found, truth, strict=True):
        (outline,) = coco_mask.frPyObjects(entry["segmentation"], 40, 50)
        mask = coco_mask.decode(annotation.segmentation)
        assert np.array_equal(mask, coco_mask.decode(outline))
        assert annotation.area == entry["area"] == mask.sum()
        rows, columns = mask.nonzero()
        assert annotation.box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


def test_objects_can_come_from_a_file_of_instances(files):
    dataset = read(files, instances=files.annotations)
    first = dataset[0].annotations[0]
    assert first.annotation_id == 1
    assert len(first.segmentation[0]) >= 6
    assert read(files, masks=False).num_annotations == 0


def test_segments_of_unknown_categories_are_left_out(files):
    def edit(document):
        segments = document["annotations"][0]["segments_info"]
        segments[0]["category_id"] = 99
        segments[1]["id"] = segments[2]["id"]
        segments.append({"category_id": 3})

    before = len(read(files)[0].segments)
    change(files, edit)
    dataset = read(files, masks=False)
    assert count_faults(dataset.faults) == {
        "unknown_category": 1,
        "duplicate_id": 1,
        "malformed": 1,
    }
    assert len(dataset[0].segments) == before - 2


def test_images_without_their_picture_are_left_out(files):
    def edit(document):
        document["annotations"][1]["image_id"] = 99
        document["annotations"].append(document["annotations"][2])
        document["annotations"].append({"image_id": 1})

    (files.panoptic_images / "0001.png").unlink()
    change(files, edit)
    dataset = read(files)
    assert count_faults(dataset.faults) == {
        "missing_file": 1,
        "unknown_image": 1,
        "duplicate_id": 1,
        "malformed": 1,
    }
    assert [record.image_id for record in dataset] == [3]


def test_what_is_of_the_wrong_form_is_left_out(files):
    def edit(document):
        first, second, third = document["annotations"]
        first["image_id"] = [1]
        second["segments_info"] = 7
        third["segments_info"][0]["area"] = float("inf")
        document["categories"][0]["color"] = ["red", 0, 0]

    change(files, edit)
    dataset = read(files, masks=False)
    assert count_faults(dataset.faults) == {"malformed": 2, "bad_area": 1}
    assert [record.image_id for record in dataset] == [2, 3]
    assert dataset[0].segments == ()
    assert dataset[1].segments[0].area is None
    assert dataset.metadata.thing_colors == ()


def test_segments_that_are_not_in_the_picture_are_reported(files):
    change(files, lambda d: d["annotations"][0]["segments_info"][0].update(id=12345))
    dataset = read(files)
    (fault,) = dataset.faults
    assert (fault.kind, fault.annotation) == ("unknown_segment", 12345)


def test_images_whose_picture_cannot_be_read_are_left_out(files):
    (files.panoptic_images / "0002.png").write_text("no picture")
    dataset = read(files)
    assert count_faults(dataset.faults) == {"unreadable_image": 1}
    assert "0002.png" not in {record.file_name.name for record in dataset}
    assert "0002.png" in {record.file_name.name for record in read(files, masks=False)}


def test_colors_are_left_out_unless_all_have_one(files):
    change(files, lambda document: document["categories"][0].pop("color"))
    metadata = read(files, masks=False).metadata
    assert metadata.thing_colors == ()
    assert len(metadata.stuff_colors) == 3


def test_ids_of_segments_are_read_from_colors(files):
    with Image.open(files.panoptic_images / "0001.png") as picture:
        colors = np.array(picture).astype(int)
    ids = set(np.unique(colors @ [1, 256, 65536]).tolist())
    assert ids == {segment.segment_id for segment in read(files)[0].segments}
    assert 70000 in ids


@pytest.mark.parametrize("value", [None, "0", "1", 2])
def test_a_category_that_does_not_say_what_it_is_is_left_out_and_told(files, value):
    def edit(document):
        if value is None:
            del document["categories"][0]["isthing"]
        else:
            document["categories"][0]["isthing"] = value

    before = read(files, masks=False)
    change(files, edit)
    dataset = read(files, masks=False)
    (fault,) = dataset.faults
    assert fault.kind == "malformed"
    assert "'isthing'" in fault.message
    assert before.metadata.thing_classes[0] not in dataset.metadata.thing_classes
    assert sum(len(record.segments) for record in dataset) < sum(
        len(record.segments) for record in before
    )


def test_a_file_without_isthing_is_refused(files):
    change(files, lambda d: [category.pop("isthing") for category in d["categories"]])
    with pytest.raises(DataError, match="no category says with 'isthing' whether it is a thing"):
        read(files, masks=False)


def test_ids_with_a_point_are_the_same_and_impossible_ones_are_told(files):
    before = read(files, masks=False)

    def edit(document):
        for annotation in document["annotations"]:
            annotation["image_id"] = float(annotation["image_id"])
            for info in annotation["segments_info"]:
                info |= {key: float(info[key]) for key in ("id", "category_id", "iscrowd")}

    change(files, edit)
    assert read(files, masks=False) == before
    change(files, lambda d: d["annotations"][0]["segments_info"][0].update(id=-3))
    (fault,) = read(files, masks=False).faults
    assert fault.message.startswith("a segment needs an 'id' from 1 to 16777215")
    change(files, lambda d: d["annotations"][0]["segments_info"][0].update(id=256**3))
    assert len(read(files, masks=False).faults) == 1
