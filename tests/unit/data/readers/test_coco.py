"""COCO's JSON becomes records; what is wrong in it becomes faults."""

import json

import pytest

from composer.data import count_faults, describe_faults, inspect_dataset
from composer.data.readers.coco import PERSON_KEYPOINTS, coco
from composer.data.toy_dataset import CLASSES, KEYPOINTS, OWN_IDS, write_shape_dataset
from composer.errors import DataError


@pytest.fixture
def files(tmp_path):
    return write_shape_dataset(tmp_path / "shapes", num_images=3, size=(40, 50), keypoints=True)


def read(files, **options):
    return coco(annotations=files.annotations, images=files.images, **options)


def change(files, edit):
    document = json.loads(files.annotations.read_text())
    edit(document)
    files.annotations.write_text(json.dumps(document))


def kinds(dataset):
    return count_faults(dataset.faults)


def test_boxes_become_corners_and_categories_contiguous(files):
    document = json.loads(files.annotations.read_text())
    dataset = read(files)
    assert not dataset.faults
    assert dataset.metadata.thing_classes == CLASSES
    assert dataset.metadata.thing_ids == OWN_IDS
    annotations = [annotation for record in dataset for annotation in record.annotations]
    assert len(annotations) == len(document["annotations"])
    for annotation, entry in zip(annotations, document["annotations"], strict=True):
        x, y, width, height = entry["bbox"]
        assert annotation.box == pytest.approx((x, y, x + width, y + height))
        assert OWN_IDS[annotation.category] == entry["category_id"]
        assert annotation.segmentation == entry["segmentation"]
        assert annotation.area == entry["area"]
        assert annotation.annotation_id == entry["id"]
        assert not annotation.is_crowd


def test_keypoints_that_differ_in_left_and_right_are_pairs(files):
    metadata = read(files).metadata
    assert metadata.keypoint_names == KEYPOINTS
    assert metadata.keypoint_flip_pairs == ((0, 1),)
    assert metadata.keypoint_flip_indices == (1, 0, 2)
    assert metadata.keypoint_connections == ((0, 1), (0, 2), (1, 2))


def test_pairs_of_keypoints_can_be_named(files):
    metadata = read(files, keypoint_flip_pairs=[("top", "left_end")]).metadata
    assert metadata.keypoint_flip_indices == (2, 1, 0)
    with pytest.raises(DataError, match="there is no keypoint 'bottom'"):
        read(files, keypoint_flip_pairs=[("top", "bottom")])


def test_a_record_is_one_of_detectron2s_dicts(files):
    record = read(files)[0]
    found = record.as_dict()
    assert found["file_name"] == str(files.images / "0001.png")
    assert (found["image_id"], found["height"], found["width"]) == (1, 40, 50)
    first = found["annotations"][0]
    assert first["bbox"] == list(record.annotations[0].box)
    assert first["bbox_mode"] == 0
    assert first["iscrowd"] == 0
    assert first["category_id"] == record.annotations[0].category
    assert len(first["keypoints"]) == 9


def test_run_lengths_without_compression_are_compressed(files):
    def edit(document):
        counts = [0, 40, 40 * 49]
        document["annotations"][0] |= {
            "iscrowd": 1,
            "segmentation": {"size": [40, 50], "counts": counts},
        }

    change(files, edit)
    annotation = read(files)[0].annotations[0]
    assert annotation.is_crowd
    assert isinstance(annotation.segmentation["counts"], bytes)
    assert annotation.segmentation["size"] == [40, 50]


def test_a_dataset_of_boxes_alone_has_no_masks(files):
    def edit(document):
        for entry in document["annotations"]:
            entry["segmentation"] = []

    change(files, edit)
    dataset = read(files)
    assert not dataset.faults
    assert not dataset.metadata.has_masks
    assert all(a.segmentation is None for record in dataset for a in record.annotations)


@pytest.mark.parametrize("nothing", [[], None, {}])
def test_an_object_without_a_box_has_that_of_its_mask(files, nothing):
    outline = [[4.0, 6.0, 12.0, 6.0, 12.0, 15.0], [2.0, 8.0, 5.0, 8.0, 5.0, 11.0]]
    entry = {"bbox": nothing, "segmentation": outline}
    change(files, lambda document: document["annotations"][0].update(entry))
    dataset = read(files)
    assert not dataset.faults
    assert tuple(dataset[0].annotations[0].box) == (2.0, 6.0, 12.0, 15.0)


@pytest.mark.parametrize("nothing", [[], None])
def test_an_object_without_a_mask_among_others_is_reported_and_keeps_its_box(files, nothing):
    before = read(files)
    change(files, lambda document: document["annotations"][0].update(segmentation=nothing))
    dataset = read(files)
    assert kinds(dataset) == {"no_mask": 1}
    assert dataset.num_annotations == before.num_annotations
    assert dataset[0].annotations[0].box == before[0].annotations[0].box
    assert dataset[0].annotations[0].segmentation is None
    assert dataset.metadata.has_masks


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("malformed", {"bbox": [1, 2, 3]}),
        ("malformed", {"bbox": [1, 2, "3", 4]}),
        ("malformed", {"bbox": [1, 2, float("nan"), 4]}),
        ("box_degenerate", {"bbox": [1, 2, 0, 4]}),
        ("box_degenerate", {"bbox": [1, 2, 3, -4]}),
        ("box_outside", {"bbox": [60, 2, 5, 5]}),
        ("empty_polygon", {"segmentation": [[1, 2, 3, 4]], "bbox": None}),
        ("bad_mask", {"segmentation": {"counts": "abc"}, "bbox": []}),
        ("unknown_category", {"category_id": 4}),
        ("unknown_category", {"category_id": None}),
        ("unknown_image", {"image_id": 99}),
        ("malformed", {"image_id": [1]}),
        ("malformed", {"image_id": None}),
    ],
)
def test_an_annotation_that_cannot_be_used_is_left_out(files, kind, changes):
    before = read(files).num_annotations
    change(files, lambda document: document["annotations"][0].update(changes))
    dataset = read(files)
    assert kinds(dataset) == {kind: 1}
    assert dataset.faults[0].annotation == 1
    assert dataset.num_annotations == before - 1


@pytest.mark.parametrize(
    ("kind", "part", "value"),
    [
        ("malformed", "segmentation", "polygon"),
        ("empty_polygon", "segmentation", [[1, 2, 3, 4]]),
        ("bad_mask", "segmentation", {"size": [9, 9], "counts": "abc"}),
        ("bad_mask", "segmentation", {"size": [40, 50], "counts": [3, 4]}),
        ("bad_mask", "segmentation", {"counts": "abc"}),
        ("bad_keypoints", "keypoints", [1, 2, 2]),
        ("bad_keypoints", "keypoints", [1, 2, 3] * 3),
    ],
)
def test_the_box_of_an_object_stays_where_another_part_cannot_be_used(files, kind, part, value):
    before = read(files)[0].annotations[0]
    change(files, lambda document: document["annotations"][0].update({part: value}))
    dataset = read(files)
    assert kinds(dataset) == {kind: 1}
    assert dataset.faults[0].message.endswith("; the box stays")
    after = dataset[0].annotations[0]
    assert (after.box, after.category) == (before.box, before.category)
    assert getattr(after, part) is None
    assert getattr(before, part) is not None


def test_a_box_that_reaches_beyond_its_image_stays_as_it_is(files):
    change(files, lambda document: document["annotations"][0].update(bbox=[40, 30, 20, 5]))
    dataset = read(files)
    assert kinds(dataset) == {"box_outside": 1}
    assert dataset[0].annotations[0].box == (40, 30, 60, 35)


def test_a_box_may_round_up_beyond_its_image(files):
    change(files, lambda document: document["annotations"][0].update(bbox=[40, 30, 10.9, 5]))
    assert not read(files).faults


def test_a_missing_file_takes_its_annotations_along(files):
    (files.images / "0002.png").unlink()
    dataset = read(files)
    assert [record.image_id for record in dataset] == [1, 3]
    assert [str(fault) for fault in dataset.faults] == [
        f"0002.png: there is no such file in {files.images}"
    ]


def test_ids_that_occur_twice_count_once(files):
    def edit(document):
        document["images"].append(document["images"][0])
        document["categories"].append(document["categories"][0])
        document["annotations"][1]["id"] = document["annotations"][0]["id"]

    before = read(files).num_annotations
    change(files, edit)
    dataset = read(files)
    assert kinds(dataset) == {"duplicate_id": 3}
    assert len(dataset) == 3
    assert dataset.num_annotations == before


def test_a_category_without_a_name_is_called_by_its_id(files):
    change(files, lambda document: document["categories"][1].pop("name"))
    dataset = read(files)
    assert kinds(dataset) == {"unnamed_category": 1}
    assert dataset.metadata.thing_classes == ("square", "category 5", "disc")


def test_entries_of_the_wrong_form_are_left_out(files):
    def edit(document):
        document["images"] += [7, {"id": 9}]
        document["categories"] += ["disc"]
        document["annotations"] += [None]

    change(files, edit)
    dataset = read(files)
    assert kinds(dataset) == {"malformed": 4}
    assert len(dataset) == 3


def test_a_malformed_first_annotation_is_left_out(files):
    change(files, lambda document: document["annotations"].insert(0, 7))
    assert kinds(read(files)) == {"malformed": 1}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"keypoints": 3}, "category 'square': keypoints are a list of names, not 3"),
        ({"keypoints": {"left": 1}}, "category 'square': keypoints are a list of names, not {"),
        ({"skeleton": [1]}, "the skeleton of category 'square' has the line 1"),
        ({"skeleton": [[1, 2, 1]]}, "the skeleton of category 'square' has the line"),
        ({"skeleton": 5}, "category 'square': a skeleton is a list of pairs of keypoints, not 5"),
        ({"skeleton": True}, "a skeleton is a list of pairs of keypoints, not True"),
    ],
)
def test_keypoints_that_make_no_sense_are_told_and_boxes_stay(files, changes, message):
    boxes = read(files).num_annotations
    change(files, lambda document: document["categories"][0].update(changes))
    dataset = read(files)
    assert dataset.num_annotations == boxes
    assert any(message in fault.message for fault in dataset.faults)


def test_panoptic_annotations_are_for_another_reader(files):
    change(files, lambda document: document["annotations"][0].update(segments_info=[]))
    with pytest.raises(DataError, match="panoptic segments, which 'coco_panoptic' reads"):
        read(files)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not JSON"),
        ("[]", "expected a mapping with the keys images, annotations, categories"),
        ('{"images": [], "info": 1}', "no list 'annotations'; the keys are: images, info"),
    ],
)
def test_a_file_that_is_no_annotations_is_refused(files, content, message):
    files.annotations.write_text(content)
    with pytest.raises(DataError, match=message):
        read(files)


def test_files_and_folders_that_are_not_there_are_refused(files, tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.json: cannot be read"):
        coco(annotations=tmp_path / "nowhere.json", images=files.images)
    with pytest.raises(DataError, match="there is no such folder"):
        coco(annotations=files.annotations, images=tmp_path / "nowhere")


def test_boxes_stay_where_categories_have_different_keypoints(files):
    before = read(files)
    change(files, lambda document: document["categories"][1].update(keypoints=["nose"]))
    dataset = read(files)
    assert kinds(dataset) == {"bad_keypoints": 1}
    assert "'square' and 'triangle' have different keypoints" in dataset.faults[0].message
    assert dataset.metadata.keypoint_names == ()
    assert dataset.num_annotations == before.num_annotations
    chosen = read(files, keypoints_of="disc")
    assert not chosen.faults
    assert chosen.metadata.keypoint_names == KEYPOINTS
    for record in chosen:
        for annotation in record.annotations:
            has_keypoints = CLASSES[annotation.category] != "triangle"
            assert (annotation.keypoints is not None) == has_keypoints
    with pytest.raises(DataError, match=r"'keypoints_of': there is no category 'dics'.*'disc'"):
        read(files, keypoints_of="dics")


def as_floats(value):
    if isinstance(value, dict):
        return {key: as_floats(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_floats(item) for item in value]
    return float(value) if type(value) is int else value


def test_numbers_that_are_written_with_a_point_are_the_same_numbers(files):
    def edit(document):
        counts = [0, 40, 40 * 49]
        document["annotations"][0]["segmentation"] = {"size": [40, 50], "counts": counts}
        document["annotations"][0]["iscrowd"] = 1

    change(files, edit)
    plain = read(files)
    files.annotations.write_text(json.dumps(as_floats(json.loads(files.annotations.read_text()))))
    assert read(files) == plain
    assert not plain.faults


def test_ids_that_are_texts_stay_texts_and_are_told_apart_from_numbers(files):
    change(files, lambda document: document["annotations"][0].update(image_id="1"))
    (fault,) = read(files).faults
    assert fault.kind == "unknown_image"
    assert fault.message == "there is no image '1'. Ids are numbers here: 1, without quotes."
    change(files, lambda document: document["annotations"][0].update(image_id=1, category_id="3"))
    (fault,) = read(files).faults
    assert fault.message == "there is no category '3'. Ids are numbers here: 3, without quotes."


@pytest.mark.parametrize("truth", ["0", "false", "1", 2, -1, 0.5, [], float("nan")])
def test_what_is_no_truth_is_told_and_never_true(files, truth):
    before = read(files)
    change(files, lambda document: document["annotations"][0].update(iscrowd=truth))
    dataset = read(files)
    (fault,) = dataset.faults
    assert (fault.kind, fault.annotation) == ("malformed", 1)
    assert "'iscrowd' is 0 or 1, true or false, not" in fault.message
    assert dataset.num_annotations == before.num_annotations - 1


@pytest.mark.parametrize("truth", [1, True, 1.0])
def test_truths_are_numbers_or_words(files, truth):
    change(files, lambda document: document["annotations"][0].update(iscrowd=truth))
    assert read(files)[0].annotations[0].is_crowd


@pytest.mark.parametrize("area", [-1, float("nan"), float("inf"), "12", True, 1e7, 10**400])
def test_an_impossible_area_is_told_and_that_of_the_box_counts(files, area):
    change(files, lambda document: document["annotations"][0].update(area=area))
    dataset = read(files)
    assert kinds(dataset) == {"bad_area": 1}
    assert dataset[0].annotations[0].area is None


@pytest.mark.parametrize("side", ["40", True, 0, -40, 40.5, 1e300, float("nan")])
def test_an_impossible_size_is_told_and_that_of_the_file_counts(files, side):
    change(files, lambda document: document["images"][0].update(height=side))
    dataset = read(files)
    assert kinds(dataset) == {"malformed": 1}
    assert dataset.faults[0].image == "0001.png"
    assert (dataset[0].height, dataset[0].width) == (None, 50)


def test_a_size_that_no_mask_can_have_is_told(files):
    change(files, lambda document: document["images"][0].update(height=10**6, width=10**6))
    dataset = read(files)
    assert kinds(dataset)["malformed"] == 1
    assert dataset[0].height is dataset[0].width is None


@pytest.mark.parametrize(
    "changes",
    [{"keypoints": []}, {"segmentation": [[]]}, {"segmentation": {}}, {"segmentation": [[], []]}],
)
def test_an_empty_part_is_absent_and_the_box_stays(files, changes):
    before = read(files)
    change(files, lambda document: document["annotations"][0].update(changes))
    dataset = read(files)
    masked = "segmentation" in changes
    assert kinds(dataset) == ({"no_mask": 1} if masked else {})
    assert dataset[0].annotations[0].box == before[0].annotations[0].box
    part = "segmentation" if masked else "keypoints"
    assert getattr(dataset[0].annotations[0], part) is None


def test_a_dataset_of_empty_masks_has_none(files):
    def edit(document):
        for entry in document["annotations"]:
            entry["segmentation"] = [[]]

    change(files, edit)
    dataset = read(files)
    assert not dataset.faults
    assert not dataset.metadata.has_masks


@pytest.mark.parametrize(
    "changes",
    [
        {"bbox": [1, 2, True, 4]},
        {"bbox": [1e308, 2, 1e308, 4]},
        {"bbox": [10**400, 2, 3, 4]},
        {"bbox": "1234"},
        {"image_id": True},
        {"image_id": 1.5},
        {"segmentation": [[1, 2, True, 4, 5, 6]]},
        {"segmentation": [1, 2, 3, 4, 5, 6]},
        {"segmentation": [[[1, 2], [3, 4], [5, 6]]]},
    ],
)
def test_what_is_no_number_is_malformed(files, changes):
    change(files, lambda document: document["annotations"][0].update(changes))
    assert kinds(read(files)) == {"malformed": 1}


def test_outlines_and_keypoints_beyond_the_image_are_told(files):
    far = [5, 5, 1e9, 5, 1e9, 1e9]
    keypoints = [-9, 5, 2, 10, 10, 2, 0, 0, 0]
    change(
        files,
        lambda document: document["annotations"][0].update(
            segmentation=[far], keypoints=keypoints, num_keypoints=2
        ),
    )
    dataset = read(files)
    assert kinds(dataset) == {"mask_outside": 1, "bad_keypoints": 1}
    assert "1 of its keypoints lie beyond the image" in dataset.faults[1].message
    assert dataset[0].annotations[0].segmentation == [far]


def test_empty_parts_among_outlines_are_absent_and_odd_ones_are_told(files):
    square = [2, 2, 12, 2, 12, 12, 2, 12]

    def edit(document):
        first, second = document["annotations"][:2]
        first["segmentation"] = [None, [], square]
        second["segmentation"] = [square, [1, 2, 3, 4, 5, 6, 7]]

    change(files, edit)
    dataset = read(files)
    assert kinds(dataset) == {"malformed": 1}
    assert "pairs of numbers x, y, not 7 numbers" in dataset.faults[0].message
    found = {a.annotation_id: a.segmentation for r in dataset for a in r.annotations}
    assert found[1] == [square]
    assert found[2] is None


def test_an_outline_that_is_never_filled_is_told(files):
    zigzag = [value for at in range(100_000) for value in (50 * (at % 2), 40 * (at % 3) / 2)]
    change(files, lambda document: document["annotations"][0].update(segmentation=[zigzag]))
    dataset = read(files)
    assert kinds(dataset) == {"bad_mask": 1}
    assert "pixels long" in dataset.faults[0].message


def test_a_wrong_number_of_labelled_keypoints_is_told(files):
    change(files, lambda document: document["annotations"][0].update(num_keypoints="3"))
    dataset = read(files)
    assert kinds(dataset) == {"bad_keypoints": 1}
    assert dataset[0].annotations[0].keypoints is not None


def test_lines_of_a_skeleton_are_counted_from_one(files):
    lines = [[1, 2], [0, 1], [-1, 2], [1, 4], [1.0, 3.0], [1, "2"]]
    change(files, lambda document: document["categories"][0].update(skeleton=lines))
    dataset = read(files)
    assert kinds(dataset) == {"bad_keypoints": 4}
    assert "counted from 1 to 3" in dataset.faults[0].message
    assert dataset.metadata.keypoint_connections == ((0, 1), (0, 2))


def test_names_that_are_numbers_are_names(files):
    def edit(document):
        document["categories"][0]["name"] = 7
        for category in document["categories"]:
            category["keypoints"] = [1, 2, 3]

    change(files, edit)
    metadata = read(files).metadata
    assert metadata.thing_classes == ("7", "triangle", "disc")
    assert metadata.keypoint_names == ("1", "2", "3")


@pytest.mark.parametrize("name", ["square", " Square", "SQUARE"])
def test_categories_of_one_name_are_told_and_stay_apart(files, name):
    before = read(files)
    change(files, lambda document: document["categories"][1].update(name=name))
    dataset = read(files)
    assert kinds(dataset) == {"duplicate_name": 1}
    assert "the categories 3, 5 have" in dataset.faults[0].message
    assert dataset.metadata.thing_classes == ("square", name, "disc")
    assert dataset.metadata.thing_labels == ("square (id 3)", f"{name} (id 5)", "disc")
    assert dataset.records == before.records
    chosen = dataset.select_categories([f"{name} (id 5)", "disc"])
    assert chosen.metadata.thing_ids == (5, 8)


def test_a_class_that_several_have_is_chosen_by_its_id(files):
    change(files, lambda document: document["categories"][1].update(name="square"))
    message = r"has 2 classes 'square': write 'square \(id 3\)' or 'square \(id 5\)'"
    with pytest.raises(DataError, match=message):
        read(files).select_categories(["square"])


def test_entries_without_an_id_are_named_by_their_place(files):
    change(files, lambda document: document["annotations"][1].pop("id"))
    change(files, lambda document: document["annotations"][1].update(category_id=4))
    (fault,) = read(files).faults
    assert str(fault).split(": ")[0].endswith("annotations[1]")


def test_faults_of_ten_thousand_annotations_are_told_once(files):
    def edit(document):
        entry = document["annotations"][0]
        document["annotations"] = [
            {**entry, "id": at, "iscrowd": "0", "area": -1} for at in range(10_000)
        ]

    change(files, edit)
    dataset = read(files)
    assert kinds(dataset) == {"malformed": 10_000}
    assert len(describe_faults(dataset.faults).splitlines()) == 5


def test_pairs_that_nothing_says_are_unknown_and_none_is_said_by_an_empty_list(files):
    def forget(document):
        for category in document["categories"]:
            del category["keypoint_flip_pairs"]

    assert read(files).metadata.can_be_mirrored
    change(files, forget)
    metadata = read(files).metadata
    assert metadata.keypoint_flip_pairs == ()
    assert not metadata.can_be_mirrored
    metadata = read(files, keypoint_flip_pairs=[]).metadata
    assert metadata.can_be_mirrored
    assert metadata.keypoint_flip_indices == (0, 1, 2)


def test_the_pairs_of_cocos_person_are_known(files):
    names = sorted(PERSON_KEYPOINTS)

    def edit(document):
        document["categories"] = [{"id": 3, "name": "person", "keypoints": names}]
        document["annotations"] = []

    change(files, edit)
    metadata = read(files).metadata
    assert len(metadata.keypoint_flip_pairs) == 8
    assert metadata.can_be_mirrored


def test_pairs_of_a_file_that_are_none_are_told(files):
    pairs = [["left_end", "bottom"]]
    change(files, lambda d: d["categories"][0].update(keypoint_flip_pairs=pairs))
    dataset = read(files)
    assert kinds(dataset) == {"bad_keypoints": 1}
    assert not dataset.metadata.can_be_mirrored


def test_a_dataset_of_crowds_only_is_told(files):
    def edit(document):
        for entry in document["annotations"]:
            entry["iscrowd"] = 1

    assert not inspect_dataset(read(files), quick=True)
    change(files, edit)
    (fault,) = inspect_dataset(read(files), quick=True)
    assert fault.kind == "only_crowds"
    assert "objects are crowds; crowds and difficult objects are no training" in fault.message


@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        ([["left_end", "right_end"], ["left_end", "top"]], "'left_end' is there 2 times"),
        ([["top", "top"]], "'top' is there 2 times"),
    ],
)
def test_a_keypoint_has_one_partner_in_a_mirror(files, pairs, told):
    change(files, lambda d: d["categories"][0].update(keypoint_flip_pairs=pairs))
    dataset = read(files)
    assert kinds(dataset) == {"bad_keypoints": 1}
    assert told in dataset.faults[0].message
    assert not dataset.metadata.can_be_mirrored
    with pytest.raises(DataError, match=told):
        read(files, keypoint_flip_pairs=[tuple(pair) for pair in pairs])


def test_keypoints_of_one_name_are_told(files):
    def edit(document):
        for category in document["categories"]:
            category["keypoints"] = ["end", "end", "top"]
            category.pop("keypoint_flip_pairs", None)

    change(files, edit)
    dataset = read(files)
    assert kinds(dataset) == {"bad_keypoints": 1}
    assert "2 keypoints 'end'" in dataset.faults[0].message


def test_a_key_with_two_values_is_told(files):
    text = files.annotations.read_text()
    files.annotations.write_text(
        f'{text.rstrip()[:-1]}, "categories": [{{"id": 1, "name": "x"}}]}}'
    )
    dataset = read(files)
    assert "the key 'categories' has several values in a mapping; the last counts" in str(
        dataset.faults[0]
    )
    assert dataset.metadata.thing_classes == ("x",)


def test_a_key_that_is_there_twice_with_one_value_is_no_fault(files):
    text = files.annotations.read_text()
    files.annotations.write_text(text.replace('"iscrowd": 0', '"iscrowd": 0, "iscrowd": 0'))
    assert not read(files).faults
