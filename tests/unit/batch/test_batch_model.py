"""`BatchModel` by the protocols of Ray Data and Spark, without either."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from composer import Graph
from composer.batch import BatchModel, make_predict_fn
from composer.errors import InputError
from composer.graph import LoadArguments
from unit.extraction.conftest import SIZES

OPTIONS = {"image_size": 120, "score_threshold": 0, "optimize": False}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    file = tmp_path_factory.mktemp("models") / "small.safetensors"
    graph = Graph.from_spec("mask_rcnn_r50_fpn", seed=1, set=SIZES["mask_rcnn_r50_fpn"])
    graph.save(file, metadata={"thing_classes": ["cat", "dog", "cow"]})
    return str(file)


@pytest.fixture
def photos(tmp_path):
    """Two images of different sizes, and one that is none."""
    generator = np.random.default_rng(0)
    for name, size in (("a.png", (60, 90, 3)), ("b.png", (80, 50, 3))):
        noise = generator.integers(0, 255, size, dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / name)
    (tmp_path / "bad.png").write_bytes(b"no image")
    return [str(tmp_path / name) for name in ("a.png", "bad.png", "b.png")]


def objects(values):
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def test_rows_are_those_of_extract_with_columns_that_came_besides(checkpoint, photos):
    model = BatchModel(checkpoint, "box_head", "detection", **OPTIONS)
    found = model({"path": np.array(photos), "id": np.array([7, 8, 9])})
    rows = [
        *Graph.open(checkpoint).extract(
            photos, "box_head", per="detection", image_size=120, score_threshold=0
        )
    ]
    assert {len(column) for column in found.values()} == {len(rows)}
    assert found["file_name"].tolist() == [row["file_name"] for row in rows]
    bad = [row["error"] is not None for row in rows].index(True)
    for place, row in enumerate(rows):
        assert found["id"][place] == 7 + photos.index(row["file_name"])
        if place != bad:
            assert np.array_equal(found["box"][place], row["box"].numpy())
            assert np.array_equal(found["box_head"][place], row["box_head"].numpy())
            assert found["class_name"][place] == row["class_name"]
    assert "not an image" in found["error"][bad]
    assert np.isnan(found["score"][bad])
    assert found["class"][bad] == -1
    assert found["box_head"].dtype == np.float32
    assert found["box_head"].shape == (len(rows), 16)


def test_images_come_by_name_content_or_pixels(checkpoint, photos):
    model = BatchModel(checkpoint, "backbone.p5", reduce="mean", **OPTIONS)
    files = [photos[0], photos[2]]
    contents = []
    for file in files:
        with open(file, "rb") as stream:
            contents.append(stream.read())
    pixels = [np.array(Image.open(file)) for file in files]
    batches = [
        {"path": objects(files)},
        {"bytes": objects(contents), "path": objects(files)},
        {"image": objects(pixels), "path": objects(files)},
    ]
    found = [model(batch) for batch in batches]
    for one in found[1:]:
        assert np.array_equal(one["backbone.p5"], found[0]["backbone.p5"])
        assert one["file_name"].tolist() == files
        assert one["height"].tolist() == [60, 80]
    same = model({"image": np.stack([pixels[0]] * 2)})
    assert np.array_equal(same["backbone.p5"][0], found[0]["backbone.p5"][0])
    assert "image" not in same
    swapped = BatchModel(checkpoint, "backbone.p5", reduce="mean", channel_order="BGR", **OPTIONS)(
        {"image": objects([one[:, :, ::-1] for one in pixels])}
    )
    assert np.array_equal(swapped["backbone.p5"], found[0]["backbone.p5"])


def test_an_empty_batch_and_one_without_detections_have_all_columns(checkpoint, photos):
    options = {**OPTIONS, "score_threshold": 1}
    model = BatchModel(checkpoint, ["box_head", "box_pooler"], "detection", **options)
    for paths in ([], photos[:1]):
        found = model({"path": np.array(paths, dtype=object)})
        assert found["box_pooler"].shape == (0, 8, 7, 7)
        assert found["class"].dtype == np.int64
        assert {len(column) for column in found.values()} == {0}


def test_an_option_that_does_not_exist_is_refused_before_a_model_is_opened():
    with pytest.raises(InputError, match="there is no option 'image_sise'"):
        BatchModel("people", image_sise=120)
    for name in LoadArguments.__annotations__:
        BatchModel("people", **{name: None})


def test_a_batch_without_images_says_what_it_has():
    with pytest.raises(InputError, match=r"'bytes' or 'path'; this one has 'label', 'image'"):
        BatchModel()({"label": np.array([1]), "image": np.array([3])})


def test_a_pickled_model_gives_the_same(checkpoint, photos):
    batch = {"path": np.array(photos)}
    model = BatchModel(checkpoint, "box_head", **OPTIONS)
    first = model(batch)
    again = pickle.loads(pickle.dumps(model))
    assert "extractor" not in again.__dict__
    for key, column in again(batch).items():
        assert len(column) == 3
        assert all(np.array_equal(a, b) for a, b in zip(column, first[key], strict=True))


def test_a_graph_is_pickled_with_its_weights(make_small_graph, photos):
    graph = make_small_graph()
    with torch.no_grad():
        graph.module("box_head").fc1.weight.add_(1.0)
    model = BatchModel(graph, "box_head", "detection", **OPTIONS)
    batch = {"path": np.array(photos[:1])}
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again(batch)["box_head"], model(batch)["box_head"])


@pytest.fixture
def make_small_graph():
    return lambda: Graph.from_spec("mask_rcnn_r50_fpn", seed=1, set=SIZES["mask_rcnn_r50_fpn"])


def test_it_imports_no_engine_and_not_even_torch():
    code = "import sys, composer.batch; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"ray", "pyspark", "pyarrow", "torch"} & {*done.stdout.split()}


def test_spark_gets_matrices_or_dicts(checkpoint, photos):
    """As `predict_batch_udf` calls it: an array of a column's values in, a row each out."""
    predict = make_predict_fn(checkpoint, "backbone.p5", reduce="mean", **OPTIONS)
    found = predict(np.array(photos, dtype=object))
    assert found["backbone.p5"].shape == (3, 8)
    assert np.isnan(found["backbone.p5"][1]).all()
    assert [bool(text) for text in found["error"]] == [False, True, False]
    contents = []
    for file in photos:
        with open(file, "rb") as stream:
            contents.append(stream.read())
    by_content = predict(objects(contents))
    assert np.array_equal(by_content["backbone.p5"][0], found["backbone.p5"][0])
    lists = BatchModel(checkpoint, "box_head", **OPTIONS).make_predict_fn()(objects(photos))
    assert [len(row["box_head"]) % 16 for row in lists] == [0, 0, 0]
    assert len(lists[0]["box_head"]) > 0
    chosen = make_predict_fn(checkpoint, "backbone.p5", columns=["error"], reduce="mean", **OPTIONS)
    assert [*chosen(objects(photos))] == ["error"]
    with pytest.raises(InputError, match=r"no column 'backbone\.p4'"):
        make_predict_fn(checkpoint, "backbone.p5", columns=["backbone.p4"], **OPTIONS)
    with pytest.raises(InputError, match="gives a row for each image"):
        make_predict_fn(checkpoint, "box_head", per="detection")
