"""`composer explain`: pictures, JSON and messages."""

import json

import numpy as np
import pytest
from PIL import Image

from composer import Graph
from composer.language import SpecMetadata
from unit.prediction.conftest import SMALL


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    file = tmp_path_factory.mktemp("models") / "pets.safetensors"
    names = SpecMetadata(thing_classes=("cat", "dog"))
    Graph.from_spec("mask_rcnn_r50_fpn", **SMALL).save(file, metadata=names)
    return file


@pytest.fixture
def explain(cli, folder, checkpoint):
    noise = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "a.jpg")
    Image.fromarray(noise).save(folder / "b.png")
    (folder / "broken.jpg").write_bytes(b"no image")

    def run(*arguments):
        small = ("--threshold", "0", "--image-size", "96")
        return cli("explain", "--model", str(checkpoint), *small, *arguments)

    return run


def test_a_picture_and_its_numbers_are_written(explain, folder):
    result = explain("a.jpg", "b.png", "-d", "1", "--at", "backbone", "-o", "out")
    assert result.code == 0, result.err
    assert "a.jpg  detection 1: " in result.out
    assert "% within its box" in result.out
    assert sorted(file.name for file in (folder / "out").iterdir()) == [
        "a-detection1-backbone.jpg",
        "a-detection1-backbone.json",
        "b-detection1-backbone.json",
        "b-detection1-backbone.png",
    ]
    found = json.loads((folder / "out" / "a-detection1-backbone.json").read_text())
    assert found["detection"]["index"] == 1
    assert sum(level["share"] for level in found["levels"]) == pytest.approx(1)
    again = explain("a.jpg", "-d", "1", "--at", "backbone", "-o", "out")
    assert "a-detection1-backbone-2.jpg" in again.out


def test_json_is_printed_and_nothing_written(explain, folder):
    places = ("--at", "backbone", "--at", "preprocess")
    result = explain("a.jpg", "-d", "0", "-d", "2", *places, "--json")
    found = json.loads(result.out)
    assert [(one["detection"]["index"], one["at"]) for one in found] == [
        (0, "backbone"),
        (0, "preprocess"),
        (2, "backbone"),
        (2, "preprocess"),
    ]
    assert not (folder / "runs").exists()


def test_mistakes_are_said_and_the_rest_is_done(explain, folder):
    result = explain("broken.jpg", "a.jpg", "-o", "out")
    assert result.code == 1
    assert "error: broken.jpg" in result.err
    assert (folder / "out" / "a-detection0-backbone.fpn.jpg").exists()
    result = explain("a.jpg", "-d", "99", "-o", "other")
    assert result.code == 1
    assert "there is no detection 99; there are " in result.err
    result = explain("a.jpg", "-d", "99", "--at", "backbone", "--at", "preprocess", "-o", "other")
    assert result.err.count("there is no detection 99") == 1
    assert not (folder / "other").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--at", "backbone.p9"], "'backbone' has no 'p9'"),
        (["--at", "bckbone"], "Did you mean 'backbone'"),
        (["--method", "cam"], "there is no method 'cam'"),
        (["--of", "detections.scores[0][99]"], "no 'roi_heads.detections.scores[0][99]'"),
        (["--of", "detections.scores"], "not one number"),
        (["--of", "keypoint:nose"], "have no keypoints"),
        (["--of", "keypoint"], "have no keypoints"),
        (["missing.jpg"], "missing.jpg"),
        (["--json", "-o", "x"], "--json prints the explanations"),
    ],
)
def test_a_wrong_request_ends_with_a_message(explain, folder, arguments, message):
    result = explain("a.jpg", *arguments)
    assert result.code in (1, 2)
    assert message in result.err
    assert "Traceback" not in result.err
    assert not (folder / "runs").exists()


def test_a_number_of_the_model_needs_no_detection(explain):
    result = explain("a.jpg", "--of", "detections.scores[0][1]", "--at", "box_pooler", "-o", "out")
    assert result.code == 0, result.err
    assert "a.jpg  detections.scores[0][1] 0." in result.out


def test_a_map_without_influence_names_those_that_count(explain):
    (whole,) = json.loads(explain("a.jpg", "--of", "logit", "--at", "backbone", "--json").out)
    shares = {level["name"]: level["share"] for level in whole["levels"]}
    idle = next(name for name, share in shares.items() if share == 0)
    result = explain("a.jpg", "--of", "logit", "--at", f"backbone.{idle}", "--json")
    used = ", ".join(f"backbone.{name} {share:.0%}" for name, share in shares.items() if share)
    assert f"nothing from backbone.{idle} counts; it comes from {used}" in result.err
