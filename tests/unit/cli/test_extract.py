"""`composer extract`: files of rows, errors and messages."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from composer import Graph
from composer.extraction import Extractor
from composer.prediction import Predictor
from forked_commands import start_command
from unit.prediction.conftest import SMALL

parquet = pytest.importorskip("pyarrow.parquet", reason="the extra 'parquet' is not installed")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    file = tmp_path_factory.mktemp("models") / "pets.safetensors"
    graph = Graph.from_spec("mask_rcnn_r50_fpn", **SMALL)
    graph.save(file, metadata={"thing_classes": ["cat", "dog"]})
    return file


@pytest.fixture
def images(folder, checkpoint):
    """A folder to work in, with a model, three images in two folders and a broken one."""
    shutil.copy(checkpoint, folder / "pets.safetensors")
    noise = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    for name in ("a.jpg", "b.png", "more/a.jpg"):
        (folder / "images" / name).parent.mkdir(exist_ok=True, parents=True)
        Image.fromarray(noise).save(folder / "images" / name)
        noise = np.rot90(noise).copy()
    (folder / "images" / "broken.jpg").write_bytes(b"no image")
    return folder


def extract(cli, *arguments, paths=("images",)):
    model = ("--model", "pets.safetensors", "--threshold", "0", "--image-size", "64")
    return cli("extract", *paths, *model, "--no-optimize", *arguments)


def read(folder="out"):
    from pathlib import Path

    files = sorted(Path(folder).glob("*.parquet"))
    return [row for file in files for row in parquet.read_table(file).to_pylist()]


def test_detections_are_rows_with_what_python_gives(cli, images):
    result = extract(cli, "--until", "box_head", "--per", "detection", "-o", "out")
    assert (result.code, result.out.strip()) == (
        0,
        "4 images, 12 detections, 1 error: 1 file in out",
    )
    assert "broken.jpg: not an image" in result.err
    rows = read()
    graph = Graph.open("pets.safetensors")
    files = [f"images/{name}" for name in ("a.jpg", "b.png", "broken.jpg", "more/a.jpg")]
    expected = [
        *graph.extract(files, "box_head", per="detection", score_threshold=0, image_size=64)
    ]
    assert len(rows) == len(expected) == 13
    for row, wanted in zip(rows, expected, strict=True):
        assert row["file_name"] == wanted["file_name"]
        assert row["error"] == wanted["error"]
        if row["error"] is None:
            assert row["box"] == wanted["box"].tolist()
            assert row["score"] == wanted["score"]
            assert row["class_name"] in ("cat", "dog")
            assert row["box_head"] == wanted["box_head"].tolist()
        else:
            assert row["box_head"] is row["score"] is None


def test_files_say_what_they_are_of(cli, images):
    extract(cli, "--until", "box_pooler", "--per", "region", "-o", "out")
    schema = parquet.read_schema("out/part-00000-of-00001.parquet")
    about = {key.decode(): value.decode() for key, value in schema.metadata.items()}
    columns = json.loads(about["composer.columns"])
    assert columns["box_pooler"] == {
        "kind": "tensor",
        "dtype": "float32",
        "shape": [8, 7, 7],
        "source": "roi_heads.box_pooler",
    }
    assert json.loads(schema.field("box_pooler").metadata[b"shape"]) == [8, 7, 7]
    assert about["composer.weights_hash"].startswith("sha256:")
    assert json.loads(about["composer.spec"])["name"] == "mask_rcnn_r50_fpn"
    assert json.loads(about["composer.options"])["per"] == "region"


def test_maps_are_dense_and_lists_are_aligned(cli, images):
    wanted = ("--until", "backbone.p2", "--until", "box_head", "--until", "proposals.boxes")
    assert extract(cli, *wanted, "-o", "out").code == 0
    rows = [row for row in read() if row["error"] is None]
    assert {len(row["box_head"]) == len(row["proposals.boxes"]) > 0 for row in rows} == {True}
    graph = Graph.open("pets.safetensors")
    shapes = set()
    for row in rows:
        dense = load_file(f"out/{row['dense_file']}")[f"{row['dense_key']}.backbone.p2"]
        (same,) = graph.extract(row["file_name"], "backbone.p2", image_size=64)
        assert torch.equal(dense, same["backbone.p2"])
        shapes.add(dense.shape)
    assert len(shapes) == 2


def test_a_job_in_shards_is_that_in_one_go(cli, images):
    wanted = ("--until", "box_head", "--per", "detection")
    extract(cli, *wanted, "-o", "whole")
    assert extract(cli, *wanted, "-o", "out", "--shard", "1/3").code == 0
    assert extract(cli, *wanted, "-o", "out", "--shard", "0/3").code == 0
    again = extract(cli, *wanted, "-o", "out", "--shard", "0/3")
    assert (again.code, "part-00000-of-00003.parquet" in again.err) == (1, True)
    resumed = extract(cli, *wanted, "-o", "out", "--shard", "0/3", "--resume")
    assert (resumed.code, resumed.out.strip()) == (0, "1 file finished before")
    assert extract(cli, *wanted, "-o", "out", "--shard", "2/3", "--resume").code == 0
    assert read("out") == read("whole")
    other = extract(cli, *wanted, "-o", "out", "--shard", "2/4")
    assert "another job; what differs: shards (3 there, 4 here)" in other.err
    parts = json.loads((images / "out" / "_manifest.json").read_text())["parts"]
    assert sum(part["rows"] for part in parts.values()) == 13
    assert sum(part["errors"] for part in parts.values()) == 1


def test_mistakes_leave_nothing(cli, images):
    for arguments, reason in (
        (("--until", "box_haed"), "Did you mean"),
        (("--until", "backbone.p9"), "has no level 'p9'"),
        (("--until", "backbone.p2", "--per", "detection"), "collect it per image"),
        (("--shard", "4/4", "--until", "box_head"), "there is no shard 4/4"),
        (("--shard", "0/4", "--images-per-file", "3", "--until", "box_head"), "excludes"),
        ((), "name what to collect: --until NODE"),
    ):
        result = extract(cli, *arguments, "-o", "out")
        assert result.code in (1, 2)
        assert reason in result.err
        assert not (images / "out").exists() or not [*(images / "out").glob("*.*")]
    assert "no such file" in extract(cli, "-u", "box_head", "-o", "o", paths=["none"]).err


@pytest.mark.parametrize(
    ("paths", "output"),
    [
        (["images"], "images"),
        (["images"], "images/../images/"),
        (["images"], "images/more"),
        (["images"], "link"),
        (["images/a.jpg", "images/b.png"], "images"),
        (["memory://pictures"], "memory://pictures/"),
    ],
)
def test_results_are_not_mixed_with_the_images(cli, images, paths, output):
    import fsspec

    fsspec.filesystem("memory").put("images/a.jpg", "/pictures/a.jpg")
    (images / "link").symlink_to("images")
    before = sorted(images.rglob("*"))
    result = extract(cli, "--until", "box_head", "-o", output, paths=paths)
    assert (result.code, "is a folder of the images" in result.err) == (1, True)
    assert sorted(images.rglob("*")) == before


def test_images_come_from_lists_and_annotations(cli, images):
    (images / "images" / "list.txt").write_text("# two\na.jpg\n\nmore/a.jpg\n")
    wanted = ("--until", "box_head", "--reduce", "mean")
    assert extract(cli, *wanted, "-o", "out", paths=["images/list.txt"]).code == 0
    assert [row["file_name"] for row in read()] == ["images/a.jpg", "images/more/a.jpg"]
    entries = [{"id": 1, "file_name": "b.png", "height": 80, "width": 60}]
    document = {"images": entries, "annotations": [], "categories": [{"id": 1, "name": "cat"}]}
    (images / "some.json").write_text(json.dumps(document))
    arguments = ("--images", "images", "-o", "coco")
    assert extract(cli, *wanted, *arguments, paths=["some.json"]).code == 0
    assert [row["file_name"] for row in read("coco")] == [str(images / "images" / "b.png")]


def test_only_bad_images_are_an_error(cli, images):
    result = extract(cli, "-u", "box_head", "-o", "out", paths=["images/broken.jpg"])
    assert result.code == 1
    assert [row["error"] is None for row in read()] == [False]


def test_stores_are_read_and_written_by_address(cli, images):
    import fsspec

    store = fsspec.filesystem("memory")
    store.put("images/a.jpg", "/pictures/a.jpg")
    store.put("images/broken.jpg", "/pictures/broken.jpg")
    wanted = ("--until", "box_head", "--per", "detection")
    result = extract(cli, *wanted, "-o", "memory://results", paths=["memory://pictures"])
    assert (result.code, "memory:///pictures/broken.jpg" in result.err) == (0, True)
    store.get("/results/part-00000-of-00001.parquet", "got/part.parquet")
    extract(cli, *wanted, "-o", "out", paths=["images/a.jpg"])
    found, expected = read("got"), read()
    assert found[-1]["error"] is not None
    assert [row["box_head"] for row in found[:-1]] == [row["box_head"] for row in expected]
    assert {row["file_name"] for row in found[:-1]} == {"memory:///pictures/a.jpg"}


def test_a_full_disk_leaves_what_was_finished(cli, images, monkeypatch):
    from composer.row_files import ParquetFile

    wanted = ("--until", "box_head", "--per", "detection", "--images-per-file", "1", "-o", "out")
    extract(cli, *wanted[:-1], "whole")
    add = ParquetFile.add

    def fill(file, rows):
        if rows.image == 3:
            raise OSError(28, "No space left on device", str(file.path))
        add(file, rows)

    with monkeypatch.context() as patch:
        patch.setattr(ParquetFile, "add", fill)
        result = extract(cli, *wanted)
    assert (result.code, "No space left on device" in result.err) == (1, True)
    names = sorted(path.name for path in (images / "out").iterdir())
    assert [name for name in names if not name.startswith(".")] == [
        "_manifest.json",
        *(f"part-{number:05d}-of-00004.parquet" for number in range(3)),
    ]
    assert extract(cli, *wanted, "--resume").code == 0
    assert read() == read("whole")


def test_predictions_and_rows_agree(cli, images):
    predictor = Predictor("pets.safetensors", score_threshold=0, image_size=64)
    extractor = Extractor(predictor.graph, None, "detection", score_threshold=0, image_size=64)
    rows = extractor.collect("images/a.jpg")
    found = predictor("images/a.jpg").instances
    assert torch.equal(rows.columns["box"], found.pred_boxes.tensor)


def test_options_of_runners_are_checked_first(cli, images):
    for arguments, reason in (
        (("--address", "auto"), "--address and --workers are for --runner ray"),
        (("--runner", "ray", "--shard", "0/2"), "it excludes --shard"),
    ):
        result = extract(cli, "-u", "box_head", *arguments, "-o", "out")
        assert (result.code, reason in result.err) == (2, True)
        assert not (images / "out").exists()


@pytest.mark.parametrize("number", [1, 3])
def test_several_processes_at_one_job_do_no_shard_twice(cli, images, number):
    """Each begins the whole job; whoever claims a shard first does it."""
    command = ["extract", "images", "-m", "pets.safetensors", "-u", "box_head", "-t", "0"]
    command += ["--per", "detection", "--image-size", "64", "--no-optimize"]
    command += ["--images-per-file", "1", "--resume", "--json", "-o", "out"]
    texts = [images / f"printed{one}.txt" for one in range(number)]
    running = [start_command(command, images, text) for text in texts]
    for process in running:
        process.join()
    lines = [line for text in texts for line in text.read_text().splitlines()]
    reports = [json.loads(line) for line in lines if line.startswith("{")]
    assert len(reports) == number
    written = [name for report in reports for name in report["written"]]
    assert sorted(written) == [f"part-{one:05d}-of-00004.parquet" for one in range(4)]
    extract(cli, "-u", "box_head", "--per", "detection", "-o", "whole")
    assert read() == read("whole")


def test_rows_are_the_same_with_values_that_are_kept(cli, images):
    wanted = ("-u", "box_head", "--per", "detection", "--cache", "kept")
    assert extract(cli, *wanted, "-o", "first").code == 0
    assert extract(cli, *wanted, "-o", "second").code == 0
    assert read("first") == read("second")
