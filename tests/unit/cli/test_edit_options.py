"""The option --edit of run, predict and eval."""

import json

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file

from composer import Graph
from composer.language import SpecMetadata
from unit.prediction.conftest import SMALL_IMAGES


@pytest.fixture
def image(folder):
    values = np.random.default_rng(0).integers(0, 255, (40, 56, 3), dtype=np.uint8)
    Image.fromarray(values).save("photo.jpg")
    Image.fromarray(255 - values).save("other.jpg")
    return "photo.jpg"


def run(cli, *arguments):
    options = ("-i", "photo.jpg", "-u", "backbone", "--save", "out")
    return cli("run", "small.yaml", *options, *arguments)


def read_levels():
    return load_file("out/backbone.safetensors")


def test_edits_are_applied_in_their_order_and_reported(cli, image):
    result = run(cli, "--edit", "bottom_up=zero", "--json")
    assert result.code == 0
    assert "edited: bottom_up (zero)" in result.err
    assert json.loads(result.out)["edits"] == [{"node": "bottom_up", "edit": "zero"}]
    zeroed = read_levels()
    assert run(cli).code == 0
    plain = read_levels()
    assert zeroed.keys() == plain.keys()
    assert not all((zeroed[name] == plain[name]).all() for name in plain)
    one = next(name for name in plain if name.endswith("p3"))
    edits = ("--edit", "backbone.p3=scale:2", "--edit", "backbone.p3=keep:0-1,3")
    assert run(cli, *edits).code == 0
    changed = read_levels()
    assert (changed[one][:, [0, 1, 3]] == plain[one][:, [0, 1, 3]] * 2).all()
    assert not changed[one][:, [2, 4]].any()


def test_values_of_other_images_are_put_in(cli, image):
    assert (
        cli(*["run", "small.yaml", "-i", "other.jpg", "-u", "backbone", "--save", "out"]).code == 0
    )
    other = read_levels()
    assert run(cli, "--edit", "backbone=patch:other.jpg").code == 0
    patched = read_levels()
    assert all((patched[name] == other[name]).all() for name in other)
    for place in ("other.jpg", "."):
        assert (
            run(cli, "--edit", f"preprocess=mean:{place}", "--edit", "preprocess=noise").code == 0
        )


def test_plans_show_edits_and_notes_say_which_are_not_needed(cli, image):
    shown = run(cli, "--edit", "rpn_head=zero", "--edit", "bottom_up=zero", "--dry-run")
    assert "  edits: rpn.rpn_head.objectness (not needed), backbone.bottom_up" in shown.out
    plan = json.loads(run(cli, "--edit", "bottom_up=zero", "--dry-run", "--json").out)
    assert plan["edits"] == ["backbone.bottom_up"]
    result = run(cli, "--edit", "rpn_head=zero")
    assert "the edit of 'rpn.rpn_head.objectness' is not needed" in result.err
    assert result.code == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("backbone", "'backbone' is not NODE=EDIT"),
        ("backbone=", "there is no edit ''"),
        ("backbone=zro", "there is no edit 'zro'. Did you mean 'zero'?"),
        ("backbone=zero:1", "the form is backbone=zero"),
        ("backbone=scale", "the form is backbone=scale:FACTOR"),
        ("backbone=scale:two", "'two' is no number"),
        ("backbone=keep:5-3", "'5-3' is no channel or range"),
        ("backbone=drop:0-99999999", "is no channel or range"),
    ],
)
def test_mistaken_texts_are_refused(cli, image, text, message):
    result = run(cli, "--edit", text)
    assert result.code == 2
    assert message in result.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bakbone=zero", "there is no node, port or input 'bakbone' in inference mode. Did you"),
        ("backbone.p9=zero", "'backbone.fpn' has no 'p9'"),
        ("backbone=keep:100000", "there is no channel 100000: there are"),
        ("backbone.bottom_up:stem=zero", "a tap can be read, not replaced"),
        ("backbone=scale:nan", "a factor is a finite number, not nan"),
        ("backbone=patch:missing.jpg", "missing.jpg: there is no such file"),
    ],
)
def test_edits_that_fit_nothing_are_refused_without_a_traceback(cli, image, text, message):
    result = run(cli, "--edit", text)
    assert result.code == 1
    assert message in result.err
    assert "Traceback" not in result.err


def test_a_value_is_not_given_and_edited(cli, image):
    assert run(cli).code == 0
    result = run(cli, "-f", "backbone=out/backbone.safetensors", "--edit", "backbone=zero")
    assert result.code == 1
    assert "'backbone.fpn' is given and edited" in result.err


def test_predict_and_eval_take_edits(cli, image):
    things = SpecMetadata(thing_classes=("cat", "dog"))
    Graph.from_spec(SMALL_IMAGES).save("pets.safetensors", metadata=things)
    found = {}
    for edit in ("scale:1", "zero"):
        arguments = ("--model", "pets.safetensors", "--threshold", "0", "--json", "photo.jpg")
        result = cli("predict", *arguments, "--edit", f"detections.scores={edit}")
        assert result.code == 0, result.err
        found[edit] = [each["score"] for each in json.loads(result.out)]
    assert any(found["scale:1"])
    assert not any(found["zero"])
    document = {
        "images": [{"id": 1, "file_name": "photo.jpg", "height": 40, "width": 56}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 20, 20], "area": 400}
        ],
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
    }
    with open("boxes.json", "w") as stream:
        json.dump(document, stream)
    evaluate = ("eval", "pets.safetensors", "-d", "boxes.json", "--images", ".", "--json")
    result = cli(*evaluate, "--tasks", "bbox", "--no-save", "--edit", "detections=zero")
    assert result.code == 0, result.err
    assert "edited: detections (zero)" in result.err
    assert json.loads(result.out)["edits"] == [{"node": "detections", "edit": "zero"}]
    assert cli("eval", "--predictions", "x.json", "-d", "x", "--edit", "a=zero").code == 2
