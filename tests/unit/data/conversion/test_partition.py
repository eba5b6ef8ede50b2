"""Datasets divided into parts."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composer.data import Annotation, Dataset, Metadata, Record
from composer.data.conversion import divide_dataset, find_groups, read_parts
from composer.errors import DataError, InputError

HALVES = {"train": 0.5, "val": 0.5}


def make(labels):
    """A dataset with an image for each list of classes."""
    records = tuple(
        Record(
            Path(f"{number % 3}/{number}.png"),
            number,
            annotations=tuple(Annotation((0, 0, 9, 9), one) for one in own),
        )
        for number, own in enumerate(labels)
    )
    return Dataset("all", records, Metadata(("a", "b", "c")))


def ids(parts):
    return {name: [record.image_id for record in part] for name, part in parts.items()}


some_labels = st.lists(st.lists(st.integers(0, 2), max_size=3), min_size=3, max_size=40)


@given(some_labels, st.integers(0, 9))
def test_each_image_is_in_one_part(labels, seed):
    shares = {"train": 0.7, "val": 0.2, "test": 0.1}
    parts = divide_dataset(make(labels), shares, seed=seed)
    found = [one for own in ids(parts).values() for one in own]
    assert sorted(found) == list(range(len(labels)))
    assert all(parts.values())
    assert all(own == sorted(own) for own in ids(parts).values())


@given(some_labels, st.integers(0, 9))
def test_the_same_seed_divides_in_the_same_way_whatever_the_order(labels, seed):
    dataset = make(labels)
    turned = Dataset("all", dataset.records[::-1], dataset.metadata)
    found = [ids(divide_dataset(one, HALVES, seed=seed)) for one in (dataset, turned)]
    assert {n: sorted(own) for n, own in found[0].items()} == {
        n: sorted(own) for n, own in found[1].items()
    }


def test_another_seed_divides_in_another_way():
    dataset = make([[]] * 30)
    assert ids(divide_dataset(dataset, HALVES)) != ids(divide_dataset(dataset, HALVES, seed=1))


@given(st.integers(0, 20))
def test_rare_classes_are_spread_evenly(seed):
    labels = [[0]] * 80 + [[0, 1]] * 10 + [[2]] * 10
    parts = divide_dataset(make(labels), {"train": 0.8, "val": 0.2}, seed=seed)
    counts = {
        name: Counter(a.category for record in part for a in record.annotations)
        for name, part in parts.items()
    }
    assert counts["val"][1] == 2
    assert counts["val"][2] == 2
    assert len(parts["val"]) == 20


@given(some_labels, st.integers(0, 9))
def test_sizes_are_those_of_the_shares(labels, seed):
    parts = divide_dataset(make(labels), {"train": 0.6, "val": 0.4}, seed=seed)
    assert abs(len(parts["train"]) - 0.6 * len(labels)) <= 1


def test_images_of_a_group_stay_together():
    dataset = make([[0]] * 12)
    groups = find_groups(dataset, "folder")
    parts = divide_dataset(dataset, HALVES, groups=groups)
    folders = [{record.file_name.parent for record in part} for part in parts.values()]
    assert not folders[0] & folders[1]
    assert find_groups(dataset, r"^(\d)") == [str(number)[0] for number in range(12)]


def test_groups_that_do_not_fit_are_refused():
    dataset = make([[0]] * 4)
    with pytest.raises(InputError, match="does not match the image '0'"):
        find_groups(dataset, "x(.)")
    with pytest.raises(InputError, match="no regular expression"):
        find_groups(dataset, "(")
    with pytest.raises(DataError, match="1 groups of images for 2 parts"):
        divide_dataset(dataset, HALVES, groups=["a"] * 4)
    with pytest.raises(DataError, match="1 images for 2 parts"):
        divide_dataset(make([[0]]), HALVES)


@pytest.mark.parametrize("text", ["train", "train=x,val=.2", "a=.5,a=.5", "a=.5,b=.6", "a=1,b=0"])
def test_shares_have_the_sum_1(text):
    with pytest.raises(InputError):
        read_parts(text)


def test_shares_are_read():
    assert read_parts("train=0.7, val=.2,test=0.1") == {"train": 0.7, "val": 0.2, "test": 0.1}
