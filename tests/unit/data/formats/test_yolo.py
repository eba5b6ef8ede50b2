"""YOLO's label files, as Ultralytics and darknet have them."""

import pytest

from composer.data import count_faults, find_data, read_data_file
from composer.data.formats import recognise
from composer.data.readers.yolo import yolo
from composer.data.readers.yolo_labels import find_labels
from composer.errors import DataError

YAML = "train: images/train\nval: images/val\nnames: {0: cat, 1: dog}\n"


@pytest.fixture
def boxes(folder):
    folder.draw("images/train/a.png", "images/train/b.png", "images/val/c.png")
    folder.write("labels/train/a.txt", "1 0.5 0.5 0.25 0.5\n0 0.25 0.25 0.5 0.5\n")
    folder.write("labels/val/c.txt", "0 0.5 0.5 1 1\n")
    folder.write("data.yaml", YAML)
    return folder


def open_all(path):
    return {n: d.open(n) for n, d in read_data_file(find_data(path)).datasets.items()}


def test_centres_and_sizes_are_fractions_of_the_image(boxes):
    dataset = yolo(data=boxes / "data.yaml", split="train")
    assert dataset.metadata.thing_classes == ("cat", "dog")
    assert dataset.metadata.thing_ids == (0, 1)
    first, second = dataset
    assert [(a.category, a.box) for a in first.annotations] == [
        (1, (15, 5, 25, 15)),
        (0, (0, 0, 20, 10)),
    ]
    assert (first.height, first.width, first.image_id) == (20, 40, "images/train/a.png")
    assert second.annotations == ()  # no label file: an image without objects
    assert not dataset.faults


def test_a_folder_is_recognised_with_its_splits(boxes):
    found = recognise(boxes.path)
    assert (found.reader, found.splits, found.evidence) == ("yolo", ("train", "val"), "data.yaml")
    assert {name: len(dataset) for name, dataset in open_all(boxes.path).items()} == {
        "train": 2,
        "val": 1,
    }


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("train: [images/train, images/val]\nnames: [cat, dog]", {"train": 3}),
        ("path: .\ntrain: train.txt\nnames: [cat, dog]", {"train": 2}),
        ("path: ../set\ntrain: images/train\nnames: [cat, dog]", {"train": 2}),
        ("path: ../elsewhere\nval: images/val\nnames: [cat, dog]", {"val": 1}),
        (
            "train: ../images/train\nval: ../images/val\nnc: 2\nnames: [a, b]",
            {"train": 2, "val": 1},
        ),
        ("train: images/train\nval: null\ntest:\nnames: ['0', '1']", {"train": 2}),
    ],
)
def test_splits_are_folders_lists_and_files_of_names(boxes, written, found):
    boxes.write("train.txt", "./images/train/a.png\nimages/train/b.png\n\n")
    boxes.write("data.yaml", written)
    assert {name: len(dataset) for name, dataset in open_all(boxes / "data.yaml").items()} == found


def test_a_split_that_is_missing_is_told(boxes):
    boxes.write("data.yaml", YAML + "test: images/test\n")
    (note,) = recognise(boxes.path).notes
    assert "split 'test': there is no 'images/test'" in note
    with pytest.raises(DataError, match=r"no split 'test'.*there are: train, val"):
        yolo(data=boxes.path, split="test")


def test_the_last_folder_of_images_becomes_one_of_labels(tmp_path):
    assert find_labels(tmp_path / "images/set/images/a.b.jpg") == (
        tmp_path / "images/set/labels/a.b.txt"
    )
    assert find_labels(tmp_path / "pictures/a.jpg") == tmp_path / "pictures/a.txt"


def test_outlines_have_boxes_around_them(folder):
    folder.draw("images/a.png").write("labels/a.txt", "0 0.25 0.25 0.75 0.25 0.5 0.75\n")
    folder.write("data.yaml", "train: images\nnames: [cat]\n")
    (record,) = yolo(data=folder.path)
    (annotation,) = record.annotations
    assert annotation.segmentation == [[10, 5, 30, 5, 20, 15]]
    assert annotation.box == (10, 5, 30, 15)


def test_keypoints_have_partners_in_a_mirror(folder):
    folder.draw("images/a.png").write(
        "labels/a.txt", "0 0.5 0.5 0.5 0.5  0.5 0.5 2  0.25 0.5 1  0 0 0\n"
    )
    folder.write(
        "data.yaml", "train: images\nnames: [cat]\nkpt_shape: [3, 3]\nflip_idx: [0, 2, 1]\n"
    )
    dataset = yolo(data=folder.path)
    assert dataset[0].annotations[0].keypoints == [20, 10, 2, 10, 10, 1, 0, 0, 0]
    assert dataset.metadata.keypoint_flip_pairs == ((1, 2),)
    assert len(dataset.metadata.keypoint_names) == 3


def test_keypoints_of_two_values_are_visible_unless_they_are_nowhere(folder):
    folder.draw("images/a.png").write("labels/a.txt", "0 .5 .5 .5 .5 .5 .25 0 0\n")
    folder.write("data.yaml", "train: images\nnames: [cat]\nkpt_shape: [2, 2]\n")
    assert yolo(data=folder.path)[0].annotations[0].keypoints == [20, 5, 2, 0, 0, 0]


@pytest.mark.parametrize(
    ("line", "kind", "message"),
    [
        ("0 0.5 0.5", "malformed", "2 numbers behind the class"),
        ("0 .5 .5 .5 .5 .9", "malformed", "prediction"),
        ("0 20 10 10 5", "box_scale", "fractions of the image"),
        ("0 nan .5 .5 .5", "box_scale", "nan"),
        ("7 .5 .5 .5 .5", "unknown_category", "no class 7"),
        ("0.5 .5 .5 .5 .5", "malformed", "whole number"),
        ("cat .5 .5 .5 .5", "malformed", "no list of numbers"),
        ("0 .5 .5 0 .5", "box_degenerate", "0 x 10"),
        ("0 .1 .1 .1 .1\n0 .1 .1 .1 .1", "duplicate_id", "twice"),
    ],
)
def test_a_line_that_cannot_be_used_is_left_out(boxes, line, kind, message):
    boxes.write("labels/val/c.txt", f"1 .5 .5 .5 .5\n{line}\n")
    dataset = yolo(data=boxes.path, split="val")
    assert count_faults(dataset.faults) == {kind: 1}
    assert message in dataset.faults[0].message
    assert dataset[0].annotations[0].category == 1


def test_an_image_that_cannot_be_read_is_left_out(boxes):
    boxes.write("images/train/a.png", "no image")
    dataset = yolo(data=boxes.path, split="train")
    assert (len(dataset), count_faults(dataset.faults)) == (1, {"unreadable_image": 1})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("names: {0: cat, 2: dog}", "not 0, 1, 2"),
        ("names: {a: cat}", "no number of a class"),
        ("names: [cat]\nnc: 3", "'nc' is 3"),
        ("names: [cat]\nkpt_shape: [3, 4]", "kpt_shape"),
        ("names: [cat]\nkpt_shape: [2, 3]\nflip_idx: [0, 0]", "flip_idx"),
        ("names: [cat]\nkpt_shape: [3, 3]\nflip_idx: [1, 2, 0]", "flip_idx"),
    ],
)
def test_a_description_that_contradicts_itself_is_refused(boxes, change, message):
    boxes.write("data.yaml", f"train: images/train\n{change}\n")
    with pytest.raises(DataError, match=message):
        yolo(data=boxes.path)


def test_darknet_describes_lists_of_images(folder):
    folder.draw("obj_train_data/a.png").write("obj_train_data/a.txt", "1 .5 .5 .5 .5\n")
    folder.write("obj.names", "cat\ndog\n")
    folder.write("train.txt", "data/obj_train_data/a.png\n")
    folder.write("obj.data", "classes = 2\ntrain = data/train.txt\nnames = data/obj.names\n")
    found = recognise(folder.path)
    assert (found.title, found.splits) == ("YOLO, as darknet has it", ("train",))
    (dataset,) = open_all(folder.path).values()
    assert dataset.metadata.thing_classes == ("cat", "dog")
    assert dataset[0].annotations[0].box == (10, 5, 30, 15)


@pytest.mark.parametrize("labels", ["labels/{}.txt", "images/{}.txt"])
def test_label_files_without_a_description_have_a_list_of_classes(folder, labels):
    folder.draw("images/a.png", "images/b.png")
    if labels.startswith("images"):
        for name in "ab":
            (folder / f"images/{name}.png").rename(folder / f"{name}.png")
        labels = "{}.txt"
    for name in "ab":
        folder.write(labels.format(name), "0 .5 .5 .5 .5\n")
    folder.write("classes.txt", "cat\ndog\n")
    assert recognise(folder.path).reader == "yolo"
    (dataset,) = open_all(folder.path).values()
    assert (len(dataset), dataset.num_annotations) == (2, 2)
    assert dataset.metadata.thing_classes == ("cat", "dog")


def test_classes_that_nothing_names_are_called_by_number_and_told(folder):
    folder.draw("train/images/a.png", "valid/images/b.png")
    folder.write("train/labels/a.txt", "2 .5 .5 .5 .5\n")
    folder.write("valid/labels/b.txt", "0 .5 .5 .5 .5\n")
    train = yolo(data=folder.path, split="train")
    assert train.metadata.thing_classes == ("class 0", "class 1", "class 2")
    assert count_faults(train.faults) == {"unnamed_category": 1}
    assert yolo(data=folder.path, split="val").metadata == train.metadata
    assert recognise(folder.path).splits == ("train", "val")


def test_names_are_what_is_written(boxes):
    boxes.write("data.yaml", "train: images/train\nnames: [no, 1]\nval: ~\n")
    assert yolo(data=boxes.path).metadata.thing_classes == ("no", "1")


def test_a_path_of_another_machine_is_found_by_its_end(boxes):
    boxes.write(
        "data.yaml", "path: /content/set\ntrain: /content/set/images/train\nnames: [a, b]\n"
    )
    assert len(yolo(data=boxes.path, split="train")) == 2


def test_a_label_file_without_an_image_is_told(boxes):
    boxes.write("labels/train/gone.txt", "0 .5 .5 .5 .5\n")
    boxes.write("labels/train/notes.txt", "some words\n")
    dataset = yolo(data=boxes.path, split="train")
    assert [(f.kind, f.image) for f in dataset.faults] == [("missing_file", "gone.txt")]


@pytest.mark.parametrize(
    "text", ["nc: 1000000000", "names: &a [x, [*a, *a]]", "nc: " + "9" * 5000, "names: 3"]
)
def test_a_description_of_any_size_is_refused(boxes, text):
    boxes.write("data.yaml", f"train: images/train\n{text}\n")
    with pytest.raises(DataError):
        yolo(data=boxes.path)


def test_a_class_of_any_number_makes_no_list_of_names(folder):
    folder.draw("a.png").write("a.txt", "999999999 .5 .5 .5 .5\n0 .5 .5 .5 .5\n")
    dataset = yolo(data=folder.path)
    assert count_faults(dataset.faults) == {"unnamed_category": 1, "unknown_category": 1}
    assert dataset.num_annotations == 1


def test_classes_that_are_counted_only_are_told(boxes):
    boxes.write("data.yaml", "train: images/train\nval: images/val\nnc: 2\n")
    faults = yolo(data=boxes.path).faults
    assert [fault.kind for fault in faults] == ["unnamed_category"]
    assert not yolo(data=boxes.path, classes=("cat", "dog")).faults


@pytest.mark.parametrize("names", ["{0: cat, 0: dog}", "[cat, dog]\nnames: [dog, cat]"])
def test_a_key_that_a_description_has_twice_is_refused(boxes, names):
    boxes.write("data.yaml", f"train: images/train\nnames: {names}\n")
    with pytest.raises(DataError, match=r"the key '(0|names)' occurs 2 times"):
        yolo(data=boxes.path)


def test_a_list_names_images_as_other_machines_do(boxes):
    boxes.write("train.txt", "D:\\me\\images\\train\\A.PNG\n/me/set/images/train/b.png\n")
    boxes.write("data.yaml", "train: train.txt\nnames: [cat, dog]\n")
    dataset = yolo(data=boxes.path)
    assert [record.image_id for record in dataset] == ["images/train/a.png", "images/train/b.png"]
    assert not dataset.faults


def test_an_image_that_is_listed_twice_is_read_once_and_told(boxes):
    boxes.write("train.txt", "images/train/a.png\n./images/train/a.png\n")
    boxes.write("data.yaml", "train: train.txt\nval: images/train\nnames: [cat, dog]\n")
    dataset = yolo(data=boxes.path)
    assert [len(record.annotations) for record in dataset] == [2, 0]
    assert count_faults(dataset.faults) == {"duplicate_id": 2}
    assert not yolo(data=boxes.path, split="val").faults


def test_a_class_without_a_name_is_told(boxes):
    boxes.write("data.yaml", YAML.replace("cat", '""'))
    dataset = yolo(data=boxes / "data.yaml")
    assert count_faults(dataset.faults) == {"unnamed_category": 1}


def test_a_blank_line_of_a_list_of_classes_is_a_class(boxes):
    (boxes / "data.yaml").unlink()
    boxes.write("classes.txt", "cat\n\ndog\n\n")
    assert yolo(data=boxes.path).metadata.thing_classes == ("cat", "", "dog")


def test_names_that_differ_in_unicode_form_are_told(boxes):
    boxes.write("data.yaml", YAML.replace("cat", "caf\u00e9").replace("dog", "cafe\u0301"))
    dataset = yolo(data=boxes / "data.yaml")
    assert count_faults(dataset.faults) == {"duplicate_name": 1}
    assert len(set(dataset.metadata.thing_labels)) == 2


@pytest.mark.parametrize(
    ("image", "labels"),
    [
        ("Images/train/a.png", "Labels/train/a.txt"),
        ("images/train/a.png", "Labels/train/a.TXT"),
        ("IMAGES/train/a.png", "labels/train/a.txt"),
        ("images/train/a.png", "images/train/a.txt"),
    ],
)
def test_labels_of_another_case_or_beside_the_images_are_read(folder, image, labels):
    folder.draw(image).write(labels, "0 .5 .5 .5 .5\n")
    folder.write("data.yaml", f"train: {image.rpartition('/')[0]}\nnames: [cat]\n")
    assert yolo(data=folder / "data.yaml").num_annotations == 1


def test_texts_beside_images_are_no_labels_where_a_folder_has_them(boxes):
    boxes.write("images/train/b.txt", "a caption\n")
    assert not yolo(data=boxes / "data.yaml").faults


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("nc: 5\n", "'names' has 2 classes, but 'nc' is 5"),
        ("kpt_shape: 17\n", "'kpt_shape' is"),
    ],
)
def test_a_description_that_is_broken_is_no_folder_of_plain_images(boxes, more, told):
    boxes.write("data.yaml", YAML + more)
    with pytest.raises(DataError, match=told):
        recognise(boxes.path)


@pytest.mark.parametrize("described", [True, False])
def test_labels_in_an_unrelated_folder_are_told(folder, described):
    folder.draw("images/a.png").write("annots/a.txt", "0 .5 .5 .5 .5\n")
    folder.write("data.yaml", "train: images\nnames: [cat]\n")
    dataset = yolo(data=folder / "data.yaml" if described else folder.path)
    (fault,) = dataset.faults
    assert fault.kind == "missing_file"
    assert "a.txt" in fault.message
    assert str(folder / "annots" / "a.txt") in fault.message


def test_a_split_for_tests_may_have_no_labels_and_a_dataset_may_not(folder):
    folder.draw("images/train/a.png", "images/test/b.png")
    folder.write("data.yaml", "train: images/train\ntest: images/test\nnames: [cat]\n")
    assert count_faults(yolo(data=folder.path, split="test").faults) == {"missing_file": 1}
    folder.write("labels/train/a.txt", "0 .5 .5 .5 .5\n")
    assert not yolo(data=folder.path, split="test").faults


def test_labels_of_another_case_or_unicode_form_are_found(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    for image, label in (("Photo.JPG", "photo"), ("caf\u00e9.jpg", "cafe\u0301")):
        (tmp_path / "labels" / f"{label}.txt").write_text("0 .5 .5 .2 .2\n")
        found = find_labels(tmp_path / "images" / image)
        assert found == tmp_path / "labels" / f"{label}.txt"
    (tmp_path / "labels/PHOTO.txt").write_text("")
    assert find_labels(tmp_path / "images/Photo.JPG") == tmp_path / "labels/Photo.txt"


@pytest.mark.parametrize("text", ["names: [%s]\ntrain: images\n", "names: %s\ntrain: images\n"])
def test_a_description_beyond_all_measure_is_refused_before_it_is_parsed(folder, text):
    folder.draw("images/a.png")
    file = folder.write("data.yaml", text % ("cat, " * 300_000))
    with pytest.raises(DataError, match=r"data\.yaml: it is no YAML: it has 1500\d\d\d characters"):
        yolo(data=file, split="train")
