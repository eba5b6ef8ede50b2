"""Ground truth of MOTChallenge."""

import pytest

from composer.data import count_faults, find_data, read_data_file
from composer.data.formats import recognise
from composer.data.readers.mot import mot
from composer.errors import DataError

ROWS = "1,7,1,1,10,10,1,1,1\n1,8,5,3,10,10,0,3,0.4\n2,7,3,4,10,10,1,1,1\n"


def write(folder, name="A", rows=ROWS):
    folder.draw(*(f"{name}/img1/{number:06d}.png" for number in (1, 2, 3)))
    folder.write(f"{name}/gt/gt.txt", rows)
    folder.write(f"{name}/seqinfo.ini", "[Sequence]\nname=A\nimDir=img1\nframeRate=30\n")


def test_frames_and_pixels_count_from_1(folder):
    write(folder)
    first, second, third = mot(folder=folder.path)
    assert first.file_name.name == "000001.png"
    assert [one.box for one in first.annotations] == [(0, 0, 10, 10), (4, 2, 14, 12)]
    assert [one.category for one in first.annotations] == [0, 2]
    assert [one.is_difficult for one in first.annotations] == [False, True]
    assert [one.box for one in second.annotations] == [(2, 3, 12, 13)]
    assert not third.annotations


def test_a_class_that_is_none_is_told_by_its_own_number(folder):
    write(folder, rows="1,7,1,1,10,10,1,14,1\n1,8,1,1,10,10,1,0,1\n1,9,1,1,10,10,1,13,1\n")
    dataset = mot(folder=folder.path)
    assert [fault.message for fault in dataset.faults] == [
        "row 1: classes are counted from 1 to 13; 14 is none",
        "row 2: classes are counted from 1 to 13; 0 is none",
    ]
    assert dataset.num_annotations == 1


def test_a_folder_is_recognised_with_its_splits(folder):
    write(folder, "train/A")
    write(folder, "train/B")
    write(folder, "val/C")
    found = recognise(folder.path)
    assert (found.reader, found.splits) == ("mot", ("train", "val"))
    assert found.evidence == "train/A/gt/gt.txt, one of 3 sequences"
    assert recognise(folder / "val").evidence == "C/gt/gt.txt, one of 1 sequence"
    datasets = read_data_file(find_data(folder.path)).datasets
    assert [len(datasets[name].open(name)) for name in ("train", "val")] == [6, 3]
    assert recognise(folder / "train/A").reader == "mot"


def test_cvat_lists_its_own_classes_and_counts_pixels_from_0(folder):
    write(folder, rows="1,7,1,1,10,10,1,2,1\n")
    folder.write("A/gt/labels.txt", "cat\ndog\n")
    dataset = mot(folder=folder / "A")
    assert dataset.metadata.thing_classes == ("cat", "dog")
    (annotation,) = dataset[0].annotations
    assert (annotation.category, annotation.box) == (1, (1, 1, 11, 11))


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ("9,7,1,1,10,10,1,1,1", "unknown_image"),
        ("0,7,1,1,10,10,1,1,1", "malformed"),
        ("1,7,1,1,ten,10,1,1,1", "malformed"),
        ("1,7,1,1,0,10,1,1,1", "box_degenerate"),
        ("1,7,900,1,10,10,1,1,1", "box_outside"),
        ("1,7,1,1,10,10,1,99,1", "unknown_category"),
        ("1,7,1,1,10,10,1,nan,1", "unknown_category"),
    ],
)
def test_a_row_that_cannot_be_used_is_left_out(folder, row, kind):
    write(folder, rows=f"{ROWS}{row}\n")
    dataset = mot(folder=folder.path)
    assert count_faults(dataset.faults) == {kind: 1}
    assert dataset.num_annotations == 3


def test_other_folders_are_refused(folder):
    with pytest.raises(DataError, match=r"no 'gt/gt.txt'"):
        mot(folder=folder.path)
