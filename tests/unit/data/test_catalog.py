"""Datasets that are registered in Python."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from composer.data import (
    DatasetCatalog,
    MetadataCatalog,
    concatenate_datasets,
    open_datasets,
    read_data_file,
    register_coco_instances,
)
from composer.errors import DataError, NameResolutionError
from composer.structures import BoxMode

OUTLINE = [[4.0, 4.0, 24.0, 4.0, 24.0, 24.0]]


@pytest.fixture(autouse=True)
def _empty_catalogs():
    yield
    for name in (*DatasetCatalog.list(), *MetadataCatalog.list()):
        DatasetCatalog.remove(name)


@pytest.fixture
def image(tmp_path):
    file = tmp_path / "images" / "a.png"
    file.parent.mkdir()
    Image.new("RGB", (60, 40)).save(file)
    return file


def make_dict(file, **values):
    annotation = {"bbox": [4, 4, 20, 20], "bbox_mode": BoxMode.XYWH_ABS, "category_id": 1}
    annotation |= values.pop("annotation", {})
    image = {"file_name": str(file), "image_id": 7, "height": 40, "width": 60}
    return {**image, "annotations": [annotation], **values}


def register(*dicts, name="mine"):
    DatasetCatalog.register(name, lambda: list(dicts))
    return DatasetCatalog.open(name)


def test_dicts_become_a_dataset(image):
    MetadataCatalog.get("mine").set(thing_classes=["cat", "dog"])
    dataset = register(make_dict(image, annotation={"segmentation": OUTLINE, "iscrowd": 1}))
    assert dataset.metadata.thing_classes == ("cat", "dog")
    assert dataset.metadata.has_masks
    (annotation,) = dataset[0].annotations
    assert (annotation.box, annotation.category) == ((4, 4, 24, 24), 1)
    assert annotation.is_crowd
    assert dataset[0].file_name.samefile(image)
    assert (dataset[0].image_id, dataset[0].height, dataset[0].width) == (7, 40, 60)


def test_dicts_come_back_as_detectron2_has_them(image):
    register(make_dict(image))
    (found,) = DatasetCatalog.get("mine")
    assert found["annotations"][0]["bbox"] == [4, 4, 24, 24]
    assert found["annotations"][0]["bbox_mode"] == BoxMode.XYXY_ABS


@pytest.mark.parametrize("mode", list(BoxMode))
def test_boxes_of_all_modes_are_read(image, mode):
    box = (
        BoxMode.convert([4.0, 4.0, 24.0, 24.0], "XYXY_ABS", mode, image_size=(40, 60))
        if (mode is not BoxMode.XYWHA_ABS)
        else [14.0, 14.0, 20.0, 20.0, 0.0]
    )
    dataset = register(make_dict(image, annotation={"bbox": box, "bbox_mode": mode}))
    assert dataset[0].annotations[0].box == pytest.approx((4, 4, 24, 24))


def test_classes_without_names_are_called_by_their_numbers(image):
    assert register(make_dict(image)).metadata.thing_classes == ("class 0", "class 1")


def test_a_box_without_its_meaning_is_refused(image):
    bare = make_dict(image)
    del bare["annotations"][0]["bbox_mode"]
    with pytest.raises(DataError, match="does not say what its 'bbox' means"):
        register(bare)


def test_bad_annotations_are_faults(image, tmp_path):
    wrong = make_dict(image, annotation={"category_id": 9}, image_id=8)
    lost = make_dict(tmp_path / "images/none.png", image_id=9)
    MetadataCatalog.get("mine").set(thing_classes=["cat", "dog"])
    dataset = register(make_dict(image), wrong, lost)
    assert sorted(fault.kind for fault in dataset.faults) == ["missing_file", "unknown_category"]


def test_keypoints_maps_and_proposals_are_read(image, tmp_path):
    MetadataCatalog.get("mine").set(
        keypoint_names=["left", "right"], keypoint_flip_map=[("left", "right")]
    )
    given = make_dict(
        image,
        annotation={"keypoints": [5.0, 6.0, 2, 0, 0, 0]},
        sem_seg_file_name=str(tmp_path / "a_classes.png"),
        proposal_boxes=np.array([[1.0, 2, 3, 4]]),
        proposal_objectness_logits=np.array([0.5]),
        proposal_bbox_mode=BoxMode.XYWH_ABS,
    )
    dataset = register(given)
    assert dataset.metadata.keypoint_flip_pairs == ((0, 1),)
    assert list(dataset[0].annotations[0].keypoints) == [5.0, 6.0, 2, 0, 0, 0]
    assert dataset[0].sem_seg_file == tmp_path / "a_classes.png"
    assert dataset[0].proposals.boxes.tolist() == [[1, 2, 4, 6]]


def test_coco_annotations_are_registered(image, tmp_path):
    file = tmp_path / "a.json"
    document = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "categories": [{"id": 3, "name": "cat"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 3, "bbox": [1, 2, 3, 4]}],
    }
    file.write_text(json.dumps(document))
    register_coco_instances("pets", {"thing_colors": [[1, 2, 3]]}, file, image.parent)
    dataset = DatasetCatalog.open("pets")
    assert (dataset.name, dataset.num_annotations) == ("pets", 1)
    assert dataset.metadata.thing_ids == (3,)
    assert dataset.metadata.thing_colors == ((1, 2, 3),)
    metadata = MetadataCatalog.get("pets")
    assert metadata.evaluator_type == "coco"
    assert metadata.thing_classes == ("cat",)  # since it was opened
    assert metadata.thing_dataset_id_to_contiguous_id == {3: 0}
    assert "thing_classes" not in metadata.as_dict()
    assert "pets" in DatasetCatalog
    assert list(DatasetCatalog) == ["pets"]


def test_what_no_dataset_says_of_itself_yet_is_told(image):
    DatasetCatalog.register("mine", lambda: [make_dict(image)])
    with pytest.raises(AttributeError, match=r"no thing_classes, only name; .*open\('mine'\)"):
        _ = MetadataCatalog.get("mine").thing_classes
    assert MetadataCatalog.get("mine").get("thing_classes", 7) == 7
    DatasetCatalog.open("mine")
    assert MetadataCatalog.get("mine").get("thing_classes") == ("class 0", "class 1")
    with pytest.raises(AttributeError, match=r"has no colour, only name$"):
        _ = MetadataCatalog.get("mine").colour


def test_data_files_name_registered_datasets(image):
    register(make_dict(image))
    call = {"uses": "registered", "with": {"name": "mine"}}
    data = read_data_file({"composer_data": 1, "datasets": {"a": call}})
    assert open_datasets(data.datasets).num_annotations == 1
    missing = {"uses": "registered", "with": {"name": "min"}}
    data = read_data_file({"composer_data": 1, "datasets": {"a": missing}})
    with pytest.raises(DataError, match=r"no dataset 'min' is registered\. Did you mean 'mine'"):
        open_datasets(data.datasets)


def test_names_are_taken_once(image):
    register(make_dict(image))
    with pytest.raises(DataError, match="is registered already"):
        register(make_dict(image))
    with pytest.raises(DataError, match="a function returns it, not list"):
        DatasetCatalog.register("other", [])
    with pytest.raises(NameResolutionError, match="no dataset 'other'"):
        DatasetCatalog.open("other")
    DatasetCatalog.remove("mine")
    assert len(DatasetCatalog) == 0


def test_metadata_keeps_its_values():
    metadata = MetadataCatalog.get("mine").set(thing_classes=["cat"], own="value")
    assert MetadataCatalog.get("mine") is metadata
    assert (metadata.own, metadata.get("none", 3)) == ("value", 3)
    metadata.thing_classes = ["cat"]
    with pytest.raises(DataError, match="has another thing_classes already"):
        metadata.thing_classes = ["dog"]
    with pytest.raises(AttributeError, match="has no colors, only name, thing_classes, own"):
        metadata.colors  # noqa: B018 - reading it is what fails


def test_datasets_with_and_without_objects_can_be_joined(image):
    MetadataCatalog.get("a").set(thing_classes=["x", "y"])
    MetadataCatalog.get("b").set(thing_classes=["x", "y"])
    first = register(make_dict(image), name="a")
    empty = register({**make_dict(image), "annotations": []}, name="b")
    assert concatenate_datasets([first, empty]).num_annotations == 1


def test_arrays_and_their_numbers_are_taken(image):
    annotation = {
        "bbox": np.array([4, 4, 20, 20.0]),
        "category_id": np.int64(0),
        "segmentation": [np.array(OUTLINE[0])],
        "keypoints": torch.tensor([5.0, 5, 2]),
    }
    given = make_dict(image, annotation=annotation, image_id=np.int64(7), height=np.int32(40))
    dataset = register(given)
    assert not dataset.faults
    (found,) = dataset[0].annotations
    assert (found.box, found.category, found.segmentation) == ((4, 4, 24, 24), 0, OUTLINE)
    assert found.keypoints == [5, 5, 2]
    assert dataset[0].image_id == 7


@pytest.mark.parametrize(
    ("key", "meant"),
    [("anotations", "annotations"), ("hight", "height"), ("sem_seg_filename", "sem_seg_file_name")],
)
def test_a_misspelt_key_of_an_image_is_told(image, key, meant):
    given = make_dict(image)
    given.pop(meant, None)
    dataset = register({**given, key: 3, "my_own": 4})
    assert [fault.message for fault in dataset.faults] == [
        f"the key '{key}' is not read. Did you mean '{meant}'?"
    ]


@pytest.mark.parametrize(
    ("key", "meant"),
    [("segmentaion", "segmentation"), ("is_crowd", "iscrowd"), ("key_points", "keypoints")],
)
def test_a_misspelt_key_of_an_annotation_is_told_once(image, key, meant):
    annotation = make_dict(image, annotation={key: 1})["annotations"][0]
    dataset = register(make_dict(image, annotations=[annotation, annotation]))
    assert dataset.num_annotations == 2
    assert [fault.message for fault in dataset.faults] == [
        f"the key '{key}' is not read. Did you mean '{meant}'?"
    ]


@pytest.mark.parametrize("given", [None, {"a": 1}, "abc"])
def test_dicts_are_a_list(given):
    DatasetCatalog.register("mine", lambda: given)
    with pytest.raises(DataError, match="it is a list of dicts, not"):
        DatasetCatalog.open("mine")


@pytest.mark.parametrize("wrong", [{"isthing": "false"}, {"isthing": None}, {"id": "1"}])
def test_segments_are_read_exactly(image, wrong):
    segment = {"id": 1.0, "category_id": 0, "isthing": 1}
    segments = [segment, {**segment, **wrong}]
    dataset = register(make_dict(image, pan_seg_file_name=str(image), segments_info=segments))
    assert [one.segment_id for one in dataset[0].segments] == [1]
    assert len(dataset.faults) == 1


@pytest.mark.parametrize("given", [5, None, "abc"])
def test_a_segment_is_a_dict(image, given):
    segments = [{"id": 1, "category_id": 0, "isthing": 1}, given]
    dataset = register(make_dict(image, pan_seg_file_name=str(image), segments_info=segments))
    assert [one.segment_id for one in dataset[0].segments] == [1]
    assert [fault.kind for fault in dataset.faults] == ["malformed"]


def test_maps_and_proposals_may_be_none(image):
    nothing = dict.fromkeys(["sem_seg_file_name", "pan_seg_file_name", "proposal_boxes"])
    dataset = register(make_dict(image, **nothing))
    assert not dataset.faults
    record = dataset[0]
    assert (record.sem_seg_file, record.panoptic_file, record.proposals) == (None, None, None)


@pytest.mark.parametrize(
    "given",
    [
        {"sem_seg_file_name": 5},
        {"pan_seg_file_name": ["a.png"]},
        {"proposal_boxes": [[1, 2, 3, 4]]},
        {"proposal_boxes": [[1, 2, 3]], "proposal_objectness_logits": [0.5]},
        {"proposal_boxes": [[1, 2, 3, 4]], "proposal_objectness_logits": [0.5, 0.5]},
        {"proposal_boxes": "all", "proposal_objectness_logits": [0.5]},
    ],
)
def test_maps_and_proposals_that_are_none_are_told(image, given):
    dataset = register(make_dict(image, **given))
    assert [fault.kind for fault in dataset.faults] == ["malformed"]
    assert dataset.num_annotations == 1


def test_annotations_stay_with_their_dict_whatever_ids_images_have(image):
    Image.new("RGB", (60, 40)).save(image.with_name("b.png"))
    other = make_dict(image.with_name("b.png"), proposal_boxes=np.zeros((0, 4)))
    dataset = register(make_dict(image), other)
    assert [(r.file_name.name, len(r.annotations)) for r in dataset] == [("a.png", 1)]
    assert dataset[0].proposals is None
    (fault,) = dataset.faults
    assert (fault.kind, fault.image) == ("duplicate_id", "b.png")


@pytest.mark.parametrize("name", [None, 5, ["a.png"]])
def test_a_file_name_is_a_path(image, name):
    with pytest.raises(DataError, match="'file_name' of image 0 is a path, not"):
        register(make_dict(image) | {"file_name": name})


def test_connections_of_keypoints_are_those_of_detectron2(image):
    MetadataCatalog.get("mine").set(
        keypoint_names=["head", "tail"],
        keypoint_connection_rules=[("tail", "head", (255, 0, 0))],
    )
    assert register(make_dict(image)).metadata.keypoint_connections == ((1, 0),)
    MetadataCatalog.get("other").set(
        keypoint_names=["head"], keypoint_connection_rules=[("head", "fin", (255, 0, 0))]
    )
    with pytest.raises(DataError, match="'keypoint_connection_rules' of 'other': no keypoint"):
        register(make_dict(image), name="other")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"thing_classes": "cat"}, "'thing_classes' of 'mine' is a list of names, not 'cat'"),
        (
            {"keypoint_names": ["a", "b"], "keypoint_flip_map": [("a", "b"), ("a", "a")]},
            "the keypoint 'a' is there 3 times",
        ),
    ],
)
def test_metadata_of_another_form_is_refused(image, given, told):
    MetadataCatalog.get("mine").set(**given)
    with pytest.raises(DataError, match=told):
        register(make_dict(image))
