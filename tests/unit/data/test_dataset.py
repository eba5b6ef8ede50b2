"""Selecting from datasets and joining them."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from composer.data import Annotation, Dataset, Metadata, Record, Segment, concatenate_datasets
from composer.data.faults import Fault, apply_policy, describe_faults
from composer.errors import DataError
from composer.structures import encode_mask

CLASSES = ("cat", "dog", "cow")


def annotate(category, **options):
    return Annotation((1.0, 2.0, 5.0, 8.0), category, **options)


def record(image_id, *categories, **options):
    annotations = tuple(annotate(category) for category in categories)
    return Record(Path(f"{image_id}.jpg"), image_id, 10, 10, annotations, **options)


def make_dataset(*records, name="pets", **metadata):
    names = Metadata(thing_classes=CLASSES, thing_ids=(4, 7, 9), **metadata)
    return Dataset(name, records, names)


def ids(dataset):
    return [found.image_id for found in dataset]


def test_folds_are_disjoint_and_cover_all():
    dataset = make_dataset(*(record(image_id) for image_id in (10, 9, 2, 1, 7, 30, 4)))
    parts = [ids(dataset.select_folds([fold], of=3)) for fold in range(3)]
    assert parts == [[1, 7, 30], [2, 9], [4, 10]]


def test_folds_do_not_depend_on_the_order_of_the_file():
    records = [record(image_id) for image_id in (3, 1, "b", 2, "a")]
    one, other = make_dataset(*records), make_dataset(*records[::-1])
    assert ids(one.select_folds([0, 2], 3)) == ids(other.select_folds([0, 2], 3)) == [1, 3, "a"]


@pytest.mark.parametrize("fold", [-1, 5])
def test_a_fold_that_is_none_is_refused(fold):
    with pytest.raises(DataError, match=f"no fold {fold} of 5: they are counted 0 to 4"):
        make_dataset(record(1)).select_folds([fold], of=5)


def test_categories_are_numbered_in_the_order_given():
    dataset = make_dataset(record(1, 0, 1, 2), record(2, 1), image_counts=(1, 2, 1))
    found = dataset.select_categories(["cow", "cat"])
    assert found.metadata.thing_classes == ("cow", "cat")
    assert found.metadata.thing_ids == (9, 4)
    assert found.metadata.image_counts == (1, 1)
    assert [[a.category for a in r.annotations] for r in found] == [[1, 0], []]


def test_categories_can_become_one():
    dataset = make_dataset(record(1, 0, 1, 2))
    found = dataset.select_categories({"cattle": ["cow"], "pet": ["cat", "dog"]})
    assert found.metadata.thing_classes == ("cattle", "pet")
    assert found.metadata.thing_ids == (9, 4)
    assert [a.category for a in found[0].annotations] == [1, 1, 0]


def test_a_category_may_be_made_of_none():
    of_lvis = {"image_counts": (1, 2, 1), "frequencies": ("r", "c", "f")}
    dataset = make_dataset(record(1, 0, 1, 2), thing_colors=((1, 2, 3),) * 3, **of_lvis)
    found = dataset.select_categories({"fish": [], "cow": ["cow"], "bird": []})
    assert found.metadata.thing_classes == ("fish", "cow", "bird")
    first, *_ = ids_of = found.metadata.thing_ids
    assert ids_of == (first, 9, first + 1)
    assert first not in dataset.metadata.thing_ids
    assert found.metadata.image_counts == (0, 1, 0)
    assert found.metadata.frequencies == ("r", "f", "r")
    assert found.metadata.thing_colors == ((128, 128, 128), (1, 2, 3), (128, 128, 128))
    assert [a.category for a in found[0].annotations] == [1]


def test_categories_of_a_record_are_numbered_anew_too():
    dataset = make_dataset(record(1, 0, extra={"neg_categories": (0, 2), "license": 3}))
    assert dataset.select_categories(["cow"])[0].extra == {"neg_categories": (0,), "license": 3}


@pytest.mark.parametrize(("absent", "expected"), [((0, 1), (0,)), ((1, 2), (1,)), ((0,), ())])
def test_classes_that_become_one_are_absent_only_together(absent, expected):
    extra = {"neg_categories": absent, "not_exhaustive_categories": (1,)}
    dataset = make_dataset(record(1, extra=extra))
    found = dataset.select_categories({"pet": ["cat", "dog"], "cow": ["cow"]})[0].extra
    assert found == {"neg_categories": expected, "not_exhaustive_categories": (0,)}


def test_an_unknown_category_is_refused_with_the_closest():
    with pytest.raises(DataError, match=r"no class 'cats'. Did you mean 'cat'"):
        make_dataset(record(1)).select_categories(["cats"])
    with pytest.raises(DataError, match="'cat' of dataset 'pets' is named twice"):
        make_dataset(record(1)).select_categories({"a": ["cat"], "b": ["cat"]})


def test_panoptic_datasets_keep_their_categories():
    dataset = make_dataset(record(1, segments=(Segment(1, 0, True),)))
    with pytest.raises(DataError, match="is panoptic"):
        dataset.select_categories(["cat"])


def test_images_are_selected_by_id():
    dataset = make_dataset(record(1), record("b"), record(3))
    assert ids(dataset.select_images(["b", 1])) == [1, "b"]
    with pytest.raises(DataError, match="no image of the id 5"):
        dataset.select_images([5])


def test_images_with_crowds_only_count_as_not_annotated():
    crowd = Record(Path("c.jpg"), 3, 10, 10, (annotate(0, is_crowd=True),))
    dataset = make_dataset(record(1), record(2, 0), crowd, record(4, sem_seg_file=Path("s.png")))
    assert ids(dataset.only_annotated()) == [2, 4]


def test_joined_datasets_hold_all_records_and_faults():
    first = make_dataset(record(1), name="a")
    other = Dataset("b", (record(2),), first.metadata, (Fault("malformed", "text"),))
    joined = concatenate_datasets([first, other])
    assert (joined.name, ids(joined), len(joined.faults)) == ("a+b", [1, 2], 1)


def test_datasets_of_other_classes_are_not_joined():
    first = make_dataset(record(1), name="a")
    other = Dataset("b", (), Metadata(thing_classes=("cat", "bird")))
    with pytest.raises(
        DataError, match=r"only 'a' has dog, cow; only 'b' has bird\. `categories:`"
    ):
        concatenate_datasets([first, other])
    turned = Dataset("b", (), Metadata(thing_classes=CLASSES[::-1]))
    with pytest.raises(DataError, match="the same in another order"):
        concatenate_datasets([first, turned])
    with pytest.raises(DataError, match="no dataset"):
        concatenate_datasets([])


def test_joined_datasets_have_ids_of_their_own_where_those_of_the_parts_differ():
    first = make_dataset(record(1), name="a", stuff_classes=("sky", "sea"), stuff_ids=(3, 5))
    other = Dataset("b", (), replace(first.metadata, thing_ids=(9, 4, 7)))
    joined = concatenate_datasets([first, other]).metadata
    assert joined.thing_ids == (1, 2, 3)
    assert joined.stuff_ids == (4, 5)


def test_joined_datasets_keep_ids_that_no_part_contradicts():
    first = make_dataset(record(1), name="a")
    without = Dataset("b", (), replace(first.metadata, thing_ids=()))
    for datasets in ([first, first], [first, without], [without, first]):
        assert concatenate_datasets(datasets).metadata == first.metadata


POINTS = ("left_end", "right_end", "top")


def test_joined_datasets_know_of_keypoints_what_one_of_them_knows():
    plain = make_dataset(record(1), name="a")
    named = make_dataset(record(2), name="b", keypoint_names=POINTS)
    paired = make_dataset(
        record(3),
        name="c",
        keypoint_names=POINTS,
        keypoint_flip_pairs=((0, 1),),
        keypoint_connections=((0, 2),),
    )
    for datasets in ([plain, named, paired], [paired, plain, named]):
        assert concatenate_datasets(datasets).metadata == paired.metadata


@pytest.mark.parametrize(
    ("what", "ours", "theirs"),
    [
        ("keypoint_flip_pairs", ((0, 1),), ((0, 2),)),
        ("keypoint_names", POINTS, POINTS[::-1]),
        ("ignore_label", 255, 0),
    ],
)
def test_datasets_that_mean_other_things_by_a_number_are_not_joined(what, ours, theirs):
    plain = make_dataset(record(1), name="p", **({what: ours} if what == "ignore_label" else {}))
    first = make_dataset(record(1), name="a", **{what: ours})
    other = make_dataset(record(2), name="b", **{what: theirs})
    with pytest.raises(DataError, match=f"'a' and 'b' differ in their {what}"):
        concatenate_datasets([first, other])
    with pytest.raises(DataError, match=f"differ in their {what}"):
        concatenate_datasets([plain, first, other])


def test_the_size_of_an_annotation_is_its_area_or_that_of_its_mask_or_its_box():
    triangle = [[0, 0, 4, 0, 0, 4]]
    assert annotate(0).size == 24
    assert annotate(0, segmentation=triangle).size == 8
    assert annotate(0, segmentation=[*triangle, [5, 5, 7, 5, 7, 7, 5, 7]]).size == 12
    assert annotate(0, segmentation=encode_mask(np.eye(3, dtype=bool))).size == 3
    assert annotate(0, segmentation=triangle, area=7.5).size == 7.5


FAULTS = [
    *(Fault("missing_file", "there is no such file", f"{n}.jpg") for n in range(5)),
    Fault("box_degenerate", "the box is 0 x 3 pixels", "a.jpg", 7),
]


def test_faults_are_told_by_kind_with_counts_and_names():
    assert describe_faults(FAULTS, max_names=2).splitlines() == [
        "missing_file: 5",
        "  0.jpg: there is no such file",
        "  1.jpg: there is no such file",
        "  and 3 more",
        "box_degenerate: 1",
        "  a.jpg, annotation 7: the box is 0 x 3 pixels",
    ]


def test_faults_are_logged_or_refused(caplog):
    apply_policy(["pets"], [], "refuse")
    with caplog.at_level(logging.WARNING, "composer.data"):
        apply_policy(["pets"], FAULTS, "skip")
    assert "dataset 'pets': 6 faults" in caplog.text
    with pytest.raises(DataError, match="dataset 'pets' has 6 faults") as caught:
        apply_policy(["pets"], FAULTS, "refuse")
    assert caught.value.faults == tuple(FAULTS)
