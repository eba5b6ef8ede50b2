"""Jobs on a real local Ray: the rows of one process, also after a worker failed."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from composer import Graph
from composer.batch import BatchModel
from composer.errors import InputError
from composer.runners import RayRunner
from composer.runners.ray_rows import RowMaker, read_contents
from composer.sharded_jobs import OutputFolder, ShardChoice, run_shards
from unit.extraction.conftest import SIZES

parquet = pytest.importorskip("pyarrow.parquet", reason="the extra 'parquet' is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # Ray has many of its own

DRIVER = Path(__file__).with_name("ray_driver.py")
OPTIONS = {"image_size": 64, "score_threshold": 0, "optimize": False, "threads": 1}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    file = tmp_path_factory.mktemp("models") / "small.safetensors"
    graph = Graph.from_spec("mask_rcnn_r50_fpn", seed=1, set=SIZES["mask_rcnn_r50_fpn"])
    graph.save(file, metadata={"thing_classes": ["cat", "dog", "cow"]})
    return BatchModel(str(file), "box_head", "detection", **OPTIONS)


@pytest.fixture
def images(tmp_path):
    generator = np.random.default_rng(0)
    for number in range(5):
        noise = generator.integers(0, 255, (40, 50 + number, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{number}.png")
    (tmp_path / "bad.png").write_bytes(b"no image")
    names = [*(f"{number}.png" for number in range(5)), "bad.png", "none.png"]
    return [str(tmp_path / name) for name in names]


def read(folder):
    rows = [
        row for file in folder.glob("*.parquet") for row in parquet.read_table(file).to_pylist()
    ]
    for row in rows:
        row.pop("id", None)
    return sorted(rows, key=lambda row: (row["image"], row["detection"] or 0))


def run_here(model, images, folder):
    run_shards(model.open_source(), images, OutputFolder(folder), ShardChoice(1))
    return read(folder)


def run_driver(model, images, folder):
    """Runs a job whose worker fails once, in a process of its own; what it saw."""
    pytest.importorskip("ray", reason="the extra 'ray' is not installed")
    pytest.importorskip("pandas")
    job = {"model": model.model, "options": OPTIONS, "images": images}
    job |= {"out": str(folder / "ray"), "mended": str(folder / "mended")}
    file = folder / "job.json"
    file.write_text(json.dumps(job))
    command = [sys.executable, str(DRIVER), str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(file.read_text())


@pytest.mark.slow(seconds=60)
def test_a_job_on_ray_goes_on_after_a_failure_and_has_the_rows_of_one_process(
    model, images, tmp_path
):
    out, finished = tmp_path / "ray", tmp_path / "finished"
    seen = run_driver(model, images, tmp_path)
    expected = run_here(model, images, tmp_path / "here")
    assert re.search(r"the worker is lost.*go on with --resume", seen["failed"], re.DOTALL)
    assert not seen["reports"]
    finished.mkdir()
    for number, content in enumerate(seen["finished"]):
        (finished / f"{number}.parquet").write_bytes(bytes.fromhex(content))
    assert all(row in expected for row in read(finished))
    assert "another job" in seen["refused"]
    assert "num_images (7 there, 6 here)" in seen["refused"]
    assert read(out) == expected
    assert (seen["num_rows"], seen["num_errors"]) == (len(expected), 2)


def test_workers_make_the_rows_of_a_job_here(model, images, tmp_path):
    import pyarrow as pa

    from composer.row_files import make_schema

    source = model.open_source()
    columns = source.find_columns()
    schema = pa.schema([pa.field("id", pa.string()), *make_schema(columns, {})])
    listed = {
        "id": [f"{name}#{place}" for place, name in enumerate(images)],
        "image": np.arange(len(images)),
        "file_name": images,
        "path": images,
    }
    table = RowMaker(model, columns, schema)(read_contents(listed))
    rows = table.to_pylist()
    assert rows[-1]["id"] == f"{images[-1]}#6"
    expected = run_here(model, images, tmp_path / "here")
    for row, wanted in zip(rows, expected, strict=True):
        assert {**wanted, "id": row["id"]} == row


def test_maps_are_refused_before_anything_starts(model, images, tmp_path):
    pytest.importorskip("ray", reason="the extra 'ray' is not installed")
    maps = BatchModel(model.model, "backbone.p2", **model.options)
    with pytest.raises(InputError, match=r"'backbone\.p2' has maps, .* --reduce mean"):
        RayRunner().run(maps, maps.open_source(), images, str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_without_ray_the_extra_is_named(model, images, tmp_path, monkeypatch):
    from composer.runners import ray_runner

    monkeypatch.setattr(ray_runner, "find_spec", lambda _name: None)
    with pytest.raises(InputError, match=r"pip install 'detection-composer\[ray\]'"):
        RayRunner().run(model, model.open_source(), images, str(tmp_path / "out"))
