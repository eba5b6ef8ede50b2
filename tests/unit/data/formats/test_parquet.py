"""Parquet files of Hugging Face's `datasets`: images and objects in columns."""

import io
import json

import pytest
from PIL import Image

from composer.data import count_faults, find_data, read_data_file
from composer.data.formats import hugging_face_format, recognise
from composer.data.readers import parquet_rows
from composer.data.readers.hugging_face import hugging_face
from composer.errors import DataError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("COMPOSER_CACHE", str(tmp_path / "cache"))


def encode(colour, size=(32, 24)):
    stream = io.BytesIO()
    Image.new("RGB", size, colour).save(stream, "PNG")
    return stream.getvalue()


OBJECTS = {"bbox": [[4.0, 3.0, 20.0, 10.0], [1.0, 1.0, 5.0, 5.0]], "category": [1, 0]}
NO_OBJECTS = {"bbox": [], "category": []}
FEATURES = {
    "image": {"_type": "Image"},
    "objects": {
        "feature": {"category": {"names": ["cat", "dog"], "_type": "ClassLabel"}},
        "_type": "Sequence",
    },
}


def write(file, rows, *, features=FEATURES):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    file.parent.mkdir(parents=True, exist_ok=True)
    table = pyarrow.Table.from_pylist(rows)
    if features is not None:
        described = json.dumps({"info": {"features": features}})
        table = table.replace_schema_metadata({"huggingface": described})
    parquet.write_table(table, file)
    return file


def row(colour, objects, path="a.png"):
    return {"image_id": 7, "image": {"bytes": encode(colour), "path": path}, "objects": objects}


def open_all(path):
    return {n: d.open(n) for n, d in read_data_file(find_data(path)).datasets.items()}


def test_images_and_objects_are_read_by_split(folder):
    write(folder / "data/train-00000-of-00002.parquet", [row("red", OBJECTS)])
    write(folder / "data/train-00001-of-00002.parquet", [row("green", NO_OBJECTS)])
    write(folder / "data/validation-00000-of-00001.parquet", [row("blue", OBJECTS)])
    found = recognise(folder.path)
    assert (found.reader, found.title) == ("hugging_face", "Parquet files of Hugging Face")
    assert found.splits == ("train", "val")
    datasets = open_all(folder.path)
    assert [len(record.annotations) for record in datasets["train"]] == [2, 0]
    assert datasets["train"].metadata.thing_classes == ("cat", "dog")
    first = datasets["train"][0]
    assert first.annotations[0].box == (4, 3, 24, 13)
    assert [each.category for each in first.annotations] == [1, 0]
    assert (first.height, first.width) == (24, 32)
    assert [Image.open(r.file_name).getpixel((0, 0)) for r in datasets["train"]] == [
        (255, 0, 0),
        (0, 128, 0),
    ]
    assert len({record.image_id for record in datasets["train"]}) == 2
    assert not datasets["train"].faults


def test_one_file_is_read_by_itself(folder):
    write(folder / "other.parquet", [row("red", OBJECTS)] * 2)
    file = write(folder / "a.parquet", [row("red", OBJECTS)])
    (dataset,) = open_all(file).values()
    assert len(dataset) == 1


def test_classes_without_names_are_told_and_may_be_given(folder):
    write(folder / "a.parquet", [row("red", OBJECTS)], features=None)
    assert count_faults(hugging_face(folder=folder.path).faults) == {"unnamed_category": 1}
    named = hugging_face(folder=folder.path, classes=("x", "y"))
    assert named.metadata.thing_classes == ("x", "y")


def test_an_image_of_a_path_is_found_beside_the_file(folder):
    folder.draw("b.png")
    entry = {"image": {"bytes": None, "path": "b.png"}, "objects": OBJECTS}
    write(folder / "a.parquet", [row("red", OBJECTS), entry])
    assert [r.file_name.name for r in hugging_face(folder=folder.path)] == ["a.png", "b.png"]


def test_what_is_no_image_is_told_with_its_row(folder):
    broken = {"image": {"bytes": b"nothing", "path": None}, "objects": OBJECTS}
    write(folder / "a.parquet", [row("red", OBJECTS), broken])
    dataset = hugging_face(folder=folder.path)
    assert len(dataset) == 1
    assert "a.parquet, row 1" in str(dataset.faults)


def test_other_columns_are_not_taken_for_a_dataset(folder):
    write(folder / "a.parquet", [{"text": "a", "label": 1}])
    with pytest.raises(DataError, match="Parquet is read where it has a column of images"):
        recognise(folder.path)


def test_a_damaged_file_is_told(folder):
    file = write(folder / "a.parquet", [row("red", OBJECTS)])
    content = file.read_bytes()
    for damaged in (b"x", content[: len(content) // 2], b"PAR1" + b"\xff" * 60 + b"PAR1"):
        file.write_bytes(damaged)
        with pytest.raises(DataError, match=r"a\.parquet: it is no Parquet file that can be read"):
            recognise(folder.path)


def test_values_that_a_few_bytes_stand_for_are_bounded(folder, monkeypatch):
    file = write(folder / "a.parquet", [row("red", {"bbox": [[0.0] * 4] * 9000, "category": []})])
    monkeypatch.setenv("COMPOSER_MAX_BYTES", "100")
    with pytest.raises(DataError, match=r"a\.parquet: refused: .* COMPOSER_MAX_BYTES"):
        list(parquet_rows.read_rows(file))


def test_without_pyarrow_the_extra_is_named(folder, monkeypatch):
    for module in (hugging_face_format, parquet_rows):
        monkeypatch.setattr(module, "has_pyarrow", lambda: False)
    folder.write("data/train.parquet", "x")
    with pytest.raises(DataError, match=r"pip install 'detection-composer\[parquet\]'"):
        recognise(folder.path)
    with pytest.raises(DataError, match=r"pip install 'detection-composer\[parquet\]'"):
        hugging_face(folder=folder.path)
    folder.draw("a.png")
    found = recognise(folder.path)
    assert found.unread == ("data/train.parquet",)
    assert "detection-composer[parquet]" in found.notes[0]
