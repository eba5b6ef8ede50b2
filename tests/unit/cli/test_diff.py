"""`composer diff`."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from composer import Graph


@pytest.fixture
def photo(folder):
    pixels = np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save("photo.png")
    return "photo.png"


@pytest.fixture
def weights(folder):
    """The small model as a checkpoint that describes itself, and as a bare state dict."""
    graph = Graph.open("small.yaml")
    graph.save("small.safetensors")
    torch.save({"model": graph.state_dict()}, "bare.pth")
    return graph


def test_one_model_in_all_its_forms_is_the_same(cli, weights, photo):
    shutil.copytree(".", "run", ignore=lambda *_: {"small.yaml", "bare.pth", "photo.png"})
    shutil.move("run/small.safetensors", "run/model.safetensors")
    for options in (
        ("small.yaml", "small.safetensors", "--weights-a", "bare.pth"),
        ("small.safetensors", "run"),
        ("run", "bare.pth"),
        ("bare.pth", "small.yaml", "--weights-b", "small.safetensors"),
    ):
        for more in (("--no-run",), ("--input", photo)):
            result = cli("diff", *options, *more)
            assert result.code == 0, (options, more, result.out, result.err)
            assert result.out.splitlines()[-1] == "the same"


def test_a_difference_ends_with_one_and_is_named(cli, folder, photo):
    result = cli(
        "diff", "small.yaml", "small.yaml", "-i", photo, "--set-b", "regions.output_size=3"
    )
    assert result.code == 1
    assert "  regions  output_size: 2 -> 3" in result.out
    assert result.out.splitlines()[-1] == "different"


def test_swapped_colours_of_a_spec_are_found_where_the_image_is_read(cli, folder, photo):
    (folder / "rgb.yaml").write_text(
        "composer: 1\nname: rgb\nextends: small.yaml\n"
        "inputs: {batch: {image: {channel_order: RGB}}}\n"
    )
    result = cli("diff", "small.yaml", "rgb.yaml", "-i", photo, "--until", "backbone", "--json")
    assert result.code == 1
    found = json.loads(result.out)
    assert [each["where"] for each in found["structure"]] == ["batch"]
    assert found["values"]["first"] == "batch"
    assert found["values"]["causes"] == ["batch"]
    assert found["values"]["nodes"][0]["reasons"] == ["image channel_order: BGR -> RGB"]
    assert {each["verdict"] for each in found["values"]["nodes"][1:]} == {"follows"}


def test_a_stale_weight_of_a_checkpoint_is_found_without_building_the_models(
    cli, weights, monkeypatch
):
    with torch.no_grad():
        weights.module("rpn_head").conv.weight[0] += 0.5
    weights.save("stale.safetensors")
    with monkeypatch.context() as patched:
        patched.setattr("composer.graph.graph.build_modules", None)
        result = cli("diff", "small.safetensors", "stale.safetensors", "--no-run")
    assert result.code == 1
    assert "  rpn.rpn_head  1 of 6 weights: conv.weight" in result.out
    assert cli("diff", "small.safetensors", "stale.safetensors", "--until", "fpn").code == 0


def test_two_bare_files_are_compared_by_the_names_of_their_weights(cli, weights, folder):
    state = weights.state_dict()
    changed = {key: value.clone() for key, value in state.items()}
    changed["rpn.rpn_head.conv.weight"][0] += 0.5
    changed["other.weight"] = torch.ones(1)
    torch.save(changed, "changed.pth")
    assert cli("diff", "bare.pth", "bare.pth").code == 0
    result = cli("diff", "bare.pth", "changed.pth")
    assert result.code == 1
    assert "other  added (weights)" in result.out
    assert "rpn.rpn_head.conv  1 of 2 weights: weight" in result.out
    assert cli("diff", "bare.pth", "changed.pth", "--input", "x.png").code == 2
    assert cli("diff", "bare.pth", "changed.pth", "--set", "a=1").code == 2


def test_variants_of_a_model_are_compared(cli, weights, photo):
    options = ("-i", photo, "--until", "backbone")
    result = cli("diff", "small.safetensors", "small.safetensors@optimized", *options)
    assert result.code == 0, result.out
    strict = cli(
        *("diff", "small.safetensors", "small.safetensors@optimized", *options),
        *("--tolerance", "0", "--json"),
    )
    assert strict.code == 1
    found = json.loads(strict.out)
    assert "folded" in found["values"]["nodes"][2]["reasons"][0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("small.yaml", "smal.yaml"), "smal.yaml"),
        (("small.yaml", "small.yaml@bfloat61"), "Did you mean 'bfloat16'"),
        (("small.yaml", "small.yaml", "--until", "bakbone"), "Did you mean 'backbone'"),
        (("small.yaml", "small.yaml", "--tolerance", "-1"), "a tolerance is a number from 0 on"),
        (("small.yaml", "small.yaml", "--tolerance", "much"), "--tolerance"),
        (("small.yaml", "small.yaml", "--set-b", "regions.size=3"), "regions.size"),
        (("small.yaml", "small.yaml", "--input", "no.jpg"), "no.jpg"),
        (("small.yaml", "small.yaml@optimized", "--no-run"), "--no-run"),
        (("small.yaml", "small.yaml", "--no-run", "--input", "small.yaml"), "--no-run"),
        (("small.yaml",), "Missing argument"),
        (("small.yaml", "."), "is a folder"),
    ],
)
def test_an_error_ends_with_two_and_a_message(cli, folder, arguments, message):
    result = cli("diff", *arguments)
    assert result.code == 2
    assert message in result.err
    assert "Traceback" not in result.err


def test_a_damaged_checkpoint_is_an_error(cli, weights, folder):
    (folder / "damaged.safetensors").write_bytes((folder / "small.safetensors").read_bytes()[:1000])
    result = cli("diff", "small.safetensors", "damaged.safetensors")
    assert result.code == 2
    assert "damaged.safetensors" in result.err


def test_the_example_is_run_without_an_input_and_a_note_says_so(cli, folder):
    result = cli("diff", "small.yaml", "small.yaml", "--until", "preprocess")
    assert result.code == 0
    assert "no --input: run on the example astronaut.jpg" in result.out
