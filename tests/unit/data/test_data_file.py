"""Data files name datasets, and say who reads them and what is used of them."""

import json
import logging

import numpy as np
import pytest
from PIL import Image

from composer.data import find_data, inspect_dataset, open_datasets, open_each, read_data_file
from composer.data.sample_reading import read_sample
from composer.data.toy_dataset import CLASSES, write_shape_dataset
from composer.errors import DataError, NameResolutionError, SpecError

FILES = "uses: coco, with: {annotations: shapes/instances.json, images: shapes/images}"


@pytest.fixture
def shapes(tmp_path):
    return write_shape_dataset(tmp_path / "shapes", num_images=6, size=32, keypoints=True)


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "data.yaml"
        path.write_text(f"composer_data: 1\n{text}\n")
        return path

    return write


def open_one(path, **options):
    return open_datasets(read_data_file(path, **options).datasets)


def problems(path, **options):
    with pytest.raises(SpecError) as caught:
        read_data_file(path, **options)
    return [f"{p.place.line}:{p.place.column} {p.message}" for p in caught.value.problems]


def test_files_are_found_beside_the_data_file(shapes, write):
    dataset = open_one(write(f"datasets: {{all: {{{FILES}}}}}"))
    assert (dataset.name, len(dataset), dataset.metadata.thing_classes) == ("all", 6, CLASSES)


def test_params_say_where_files_are(shapes, write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write(
        "params: {root: nowhere}\n"
        'datasets: {all: {uses: coco, with: {annotations: "${root}/instances.json", '
        'images: "${root}/images"}}}'
    )
    assert len(open_one(path, set=["root=shapes"])) == 6


def test_a_dataset_is_selected_from(shapes, write):
    path = write(
        "datasets:\n"
        f"  train: {{{FILES}, categories: [disc, square], select: {{folds: [1, 2], of: 3}}}}\n"
        f"  some: {{{FILES}, select: {{images: [5, 2, 3], first: 2}}}}\n"
        f"  merged: {{{FILES}, categories: {{shape: [disc, square]}}, only_annotated: true}}\n"
    )
    datasets = read_data_file(path).datasets
    train = open_datasets(datasets, ["train"])
    assert [record.image_id for record in train] == [2, 3, 5, 6]
    assert train.metadata.thing_classes == ("disc", "square")
    assert [r.image_id for r in open_datasets(datasets, ["some"])] == [2, 3]
    merged = open_datasets(datasets, ["merged"])
    assert merged.metadata.thing_classes == ("shape",)
    assert all(record.annotations for record in merged)


def test_datasets_are_joined_in_the_order_named(shapes, write):
    path = write(
        f"datasets: {{a: {{{FILES}, select: {{first: 1}}}}, "
        f"b: {{{FILES}, select: {{folds: [1], of: 6}}}}}}"
    )
    datasets = read_data_file(path).datasets
    assert [record.image_id for record in open_datasets(datasets)] == [1, 2]
    assert [record.image_id for record in open_datasets(datasets, ["b", "a"])] == [2, 1]
    with pytest.raises(NameResolutionError, match=r"no dataset 'c'\. Datasets: a, b"):
        open_datasets(datasets, ["c"])


def test_images_without_keypoints_can_be_left_out(shapes, write):
    document = json.loads(shapes.annotations.read_text())
    for entry in document["annotations"]:
        if entry["image_id"] > 2:
            entry["keypoints"] = [0] * 9
    shapes.annotations.write_text(json.dumps(document))
    dataset = open_one(write(f"datasets: {{all: {{{FILES}, min_keypoints: 1}}}}"))
    assert [record.image_id for record in dataset] == [1, 2]


def test_faults_are_logged_or_refused(shapes, write, caplog):
    (shapes.images / "0001.png").unlink()
    with caplog.at_level(logging.WARNING, "composer.data"):
        assert len(open_one(write(f"datasets: {{all: {{{FILES}}}}}"))) == 5
    assert "missing_file: 1" in caplog.text
    with pytest.raises(DataError, match="missing_file: 1"):
        open_one(write(f"datasets: {{all: {{{FILES}, on_fault: refuse}}}}"))


def test_proposals_are_found_beside_the_file(shapes, write, tmp_path):
    entries = [{"image_id": 2, "bbox": [1, 1, 5, 6], "score": 1}]
    path = write(f"datasets: {{all: {{{FILES}, proposals: proposals.json}}}}")
    path.with_name("proposals.json").write_text(json.dumps(entries))
    found = {record.image_id: len(record.proposals.boxes) for record in open_one(path)}
    assert found == {1: 0, 2: 1, 3: 0, 4: 0, 5: 0, 6: 0}


def test_nothing_left_is_an_error(shapes, write):
    for file in shapes.images.iterdir():
        file.unlink()
    with pytest.raises(DataError, match="dataset 'all' has no images"):
        open_one(write(f"datasets: {{all: {{{FILES}}}}}"))


def test_all_problems_of_a_data_file_are_told_at_once(write):
    path = write(
        "datasets:\n"
        "  a: {uses: coco, with: {annotatons: x, images: 3}, select: {folds: [5], of: 5}}\n"
        "  b: {uses: coc, on_fault: skp}\n"
        "  c: {uses: coco, with: {annotations: x, images: y}, select: {of: 5}}\n"
        "  d e: {}\n"
    )
    assert problems(path) == [
        "3:25 the key 'annotations' is missing in 'datasets.a.with'",
        "3:26 unknown key 'annotatons'",
        "3:49 'datasets.a.with.images': should be a text, not 3",
        "3:61 'datasets.a.select': folds are counted from 0 to 4; 5 is none",
        "4:13 'datasets.b.uses': unknown reader of datasets 'coc'. Did you mean 'coco' "
        "(detection-composer)?",
        "4:28 'datasets.b.on_fault': should be 'skip' or 'refuse', not 'skp'",
        "5:62 'datasets.c.select': 'folds' and 'of' go together: {folds: [0, 1], of: 5}",
        "6:3 'd e': a dataset's name has letters, digits, '_', '-' and '.' only",
        "6:8 the key 'uses' is missing in 'datasets.d e'",
    ]


def test_unknown_configuration_has_the_closest_key(write):
    path = write("datasets: {a: {uses: coco, with: {annotatons: x}}}")
    with pytest.raises(SpecError, match="Did you mean 'annotations'"):
        read_data_file(path)


def test_a_version_to_come_is_refused(tmp_path):
    (tmp_path / "data.yaml").write_text("composer_data: 2\ndatasets: {}\n")
    assert problems(tmp_path / "data.yaml") == ["1:16 'composer_data': should be 1, not 2"]


READER = """
from composer.data import Dataset
from composer.data import Metadata
from composer.data import Record
from pathlib import Path

def boards(*, count: int, folder: Path = Path("boards")) -> Dataset:
    records = tuple(Record(folder / f"{n}.png", n) for n in range(count))
    return Dataset("", records, Metadata(thing_classes=("board",)))

def broken(*, count: int = 1) -> Dataset:
    raise RuntimeError("no tape")

def empty_handed() -> Dataset:
    return None

def open_ended(**options) -> Dataset:
    return None
"""


@pytest.fixture
def readers(plugin_folder):
    plugin_folder.install(
        "board-data",
        """
        [composer.datasets]
        boards = board_data:boards
        broken = board_data:broken
        empty_handed = board_data:empty_handed
        open_ended = board_data:open_ended
        """,
        {"board_data": READER},
    )


def test_a_reader_of_another_package_is_one_like_ours(readers, write, tmp_path):
    dataset = open_one(write("datasets: {b: {uses: board-data/boards, with: {count: 2}}}"))
    assert [record.file_name for record in dataset] == [
        tmp_path / "boards/0.png",
        tmp_path / "boards/1.png",
    ]
    assert problems(write("datasets: {b: {uses: boards, with: {count: two}}}")) == [
        "2:44 'datasets.b.with.count': should be a whole number, not 'two'"
    ]


@pytest.mark.parametrize(
    ("uses", "message"),
    [
        ("broken", r"'b': reader 'broken' of board-data .* failed: RuntimeError: no tape"),
        ("empty_handed", "its reader gives NoneType, not a Dataset"),
    ],
)
def test_a_reader_that_fails_is_reported_by_name(readers, write, uses, message):
    with pytest.raises(DataError, match=message):
        open_one(write(f"datasets: {{b: {{uses: {uses}}}}}"))


def test_a_reader_names_its_configuration(readers, write):
    assert problems(write("datasets: {b: {uses: open_ended}}")) == [
        "2:22 'datasets.b.uses': open_ended takes **options; a reader of datasets names every "
        "parameter"
    ]


def test_annotations_and_folders_are_data_too(shapes, tmp_path):
    (dataset,) = read_data_file(find_data(shapes.annotations, shapes.images)).datasets.items()
    assert (dataset[0], len(dataset[1].open("x"))) == ("instances", 6)
    (dataset,) = read_data_file(find_data(shapes.images)).datasets.items()
    opened = dataset[1].open(dataset[0])
    assert (opened.name, len(opened), opened[0].image_id) == ("images", 6, "0001.png")
    (dataset,) = read_data_file(find_data(shapes.annotations)).datasets.values()
    assert dataset.configuration["images"] == shapes.images.resolve()
    alone = tmp_path / "alone" / "instances.json"
    alone.parent.mkdir()
    shapes.annotations.rename(alone)
    with pytest.raises(DataError, match="--images"):
        find_data(alone)
    with pytest.raises(DataError, match="names the folders of its images itself"):
        find_data(tmp_path / "data.yaml", shapes.images)


@pytest.mark.parametrize("name", ["..", ".", "../a", "a/b"])
def test_a_name_of_a_dataset_that_leads_to_another_folder_is_refused(name, write):
    with pytest.raises(SpecError, match=r"a\s+dataset's\s+name\s+has\s+letters"):
        read_data_file(write(f'datasets: {{"{name}": {{{FILES}}}}}'))


def test_a_fault_that_two_selections_share_is_told_once(shapes, write, caplog):
    document = json.loads(shapes.annotations.read_text())
    document["categories"].append({"id": 99, "name": CLASSES[0]})
    shapes.annotations.write_text(json.dumps(document))
    path = write(f"datasets: {{a: {{{FILES}, select: {{first: 2}}}}, b: {{{FILES}}}}}")
    with caplog.at_level(logging.WARNING):
        datasets = open_each(read_data_file(path).datasets)
    assert list(map(len, datasets.values())) == [2, 6]
    assert caplog.text.count("stay apart by id") == 1
    assert "datasets 'a', 'b': 1 fault" in caplog.text


def test_samples_that_are_black_and_white_are_said(shapes, write):
    file = next(shapes.images.iterdir())
    samples = np.linspace(0, 4095, 32 * 32).reshape(32, 32).astype(np.uint16)
    Image.fromarray(samples).save(file)
    path = write(f"datasets: {{all: {{{FILES}}}}}")
    (fault,) = inspect_dataset(open_one(path))
    assert "`sample_range: [0, 4095]` of a dataset" in fault.message
    dataset = open_one(path, set={"sample_range": [0, 4095]})
    assert not inspect_dataset(dataset)
    record = next(record for record in dataset if record.file_name.name == file.name)
    image = read_sample(record, dataset.metadata).image
    assert (int(image.min()), int(image.max())) == (0, 255)
    (problem,) = problems(path, set={"sample_range": [9, 3]})
    assert "the sample that is black comes first, and is the smaller one" in problem


CLASHING = """
from composer.data import Dataset

def coco(*, tape: str = "") -> Dataset:
    raise RuntimeError(f"no tape {tape}")
"""


def test_each_place_decides_by_its_own_document_what_a_name_means(plugin_folder, caplog):
    plugin_folder.install(
        "tapes",
        """
        [composer.datasets]
        coco = tapes_data:coco
        [composer.specs]
        files = tapes_files
        """,
        {"tapes_data": CLASHING},
    )
    folder = plugin_folder.path / "tapes_files"
    folder.mkdir()
    file = folder / "data.yaml"
    file.write_text("composer_data: 1\ndatasets:\n  a: {uses: coco}\n  b: {uses: coco}\n")
    files = {"annotations": "a.json", "images": "b"}
    read = read_data_file(file, set=[("datasets.b.uses", "coco"), ("datasets.b.with", files)])
    meant = {name: dataset.resolved()["uses"] for name, dataset in read.datasets.items()}
    assert meant == {"a": "tapes/coco", "b": "detection-composer/coco"}
    assert "set datasets.b.uses: the reader" in caplog.text
    assert "the reader of datasets 'coco' is published by tapes 1.0, too" in caplog.text
