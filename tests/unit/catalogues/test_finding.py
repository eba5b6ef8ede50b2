"""Published models are found by name, and by an end of it that no other has."""

import logging

import pytest

from composer import Graph
from composer.catalogues import (
    find_default,
    find_entry,
    find_weights_address,
    list_catalogues,
    list_entries,
    list_section,
    published,
    require_entry,
)
from composer.errors import InputError, NameResolutionError
from composer.model_source import find_model_source


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("tiny/Boxes/tiny_1x", "tiny/Boxes/tiny_1x"),
        ("Boxes/tiny_1x", "tiny/Boxes/tiny_1x"),
        ("tiny_1x", "tiny/Boxes/tiny_1x"),
        ("TINY_1X", "tiny/Boxes/tiny_1x"),
        ("Other/tiny_3x", "tiny/Other/tiny_3x"),
        (
            "mask_rcnn_R_50_FPN_3x",
            "detectron2/COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x",
        ),
    ],
)
def test_a_unique_end_is_enough(zoo, name, found):
    assert find_entry(name).name == found
    assert find_model_source(name) == ("published", found)


@pytest.mark.parametrize("name", ["iny_1x", "1x", "tiny", "tiny/Boxes", "nowhere/tiny_1x", ""])
def test_other_parts_of_names_mean_nothing(zoo, name):
    assert find_entry(name) is None


def test_an_end_of_several_lists_them(zoo):
    with pytest.raises(NameResolutionError, match=r"tiny/Boxes/tiny_3x, tiny/Other/tiny_3x"):
        find_entry("tiny_3x")


@pytest.mark.parametrize("section", ["Boxes", "tiny/boxes", "tiny/Boxes/"])
def test_a_section_has_its_models(zoo, section):
    found = [entry.name for entry in list_section(section)]
    assert found == ["tiny/Boxes/tiny_1x", "tiny/Boxes/tiny_3x", "tiny/Boxes/specless"]
    assert list_section("Box") == []


def test_what_is_missing_suggests_the_nearest(zoo):
    with pytest.raises(NameResolutionError, match="Did you mean 'tiny/Boxes/tiny_1x'"):
        require_entry("tiny_1y")
    with pytest.raises(NameResolutionError, match=r"Did you mean 'detectron2/COCO-Inst.*_FPN_3x'"):
        Graph.open("mask_rcnn_R50_FPN_3x")
    # The last part is right: what was left out or wrong stands before it.
    for name in ("detectron2/mask_rcnn_R_50_FPN_3x", "COCO/mask_rcnn_r_50_fpn_3x"):
        with pytest.raises(NameResolutionError, match=r"'detectron2/COCO-Inst.*/mask_.*_FPN_3x'"):
            Graph.open(name)
    with pytest.raises(NameResolutionError, match=r"Did you mean 'transformers/rt_detr'"):
        Graph.open("rt_detr")


def test_a_file_comes_first_then_a_spec(zoo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_model_source("tiny_zoo_spec").kind == "spec"
    (tmp_path / "tiny_1x").write_bytes(b"PK\x03\x04")
    assert find_model_source("tiny_1x") == ("checkpoint", "tiny_1x")
    assert find_weights_address("tiny_1x") is None
    assert find_model_source("torchvision/maskrcnn_resnet50_fpn_v2").kind == "spec"


def test_the_default_weights_of_a_spec(zoo):
    assert find_default("tiny_zoo_spec").name == "tiny/Boxes/tiny_3x"
    assert find_default("tiny-zoo/tiny_zoo_spec").name == "tiny/Boxes/tiny_3x"
    found = find_default("mask_rcnn_r50_fpn")
    assert found.name == "detectron2/COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x"
    assert find_default("torchvision/fcos_resnet50_fpn").name == "torchvision/fcos_resnet50_fpn"
    with pytest.raises(NameResolutionError, match="no weights are published for the spec"):
        find_default("mask_rcnn_efficientnet_lite0_fpn")


def test_published_weights_that_are_no_default_are_named(zoo, monkeypatch):
    others = [entry for entry in list_entries() if entry.name == "tiny/Boxes/tiny_1x"]
    monkeypatch.setattr("composer.catalogues.finding.list_entries", lambda: others)
    with pytest.raises(NameResolutionError, match=r"is the default of .*: name one of tiny/Boxes/"):
        find_default("tiny_zoo_spec")


def test_a_model_without_a_spec_is_said(zoo):
    with pytest.raises(InputError, match=r"no spec yet.*https://zoo.invalid/weights/specless.pkl"):
        Graph.open("specless")


def test_published_names_are_weights(zoo):
    assert find_weights_address("tiny_1x") == "https://zoo.invalid/weights/tiny_1x.safetensors"
    assert find_weights_address("https://host/a.pth") == "https://host/a.pth"
    assert find_weights_address("nothing") is None


def test_names_of_the_zoo_are_unique():
    names = [entry.name for entry in list_entries()]
    assert len(names) == len(set(names))


def test_each_spec_has_one_default():
    specs = [entry.spec for entry in list_entries() if entry.form.is_default and entry.spec]
    assert len(specs) == len(set(specs))


BROKEN = {
    "def catalogue():\n    raise RuntimeError('no luck')": "fails: no luck",
    "def catalogue():\n    return {'source': 'x', 'entries': [{'name': 'a'}]}": "entries.0.weights",
    "import nowhere": "fails to import",
    "catalogue = 5": "is no function: int",
    "def catalogue():\n    return 5": "'broken' of broken-zoo (broken-zoo 1.0): Input should be",
}


@pytest.mark.parametrize("code", BROKEN)
def test_a_broken_catalogue_leaves_the_others(plugin_folder, code, caplog):
    plugin_folder.install(
        "broken-zoo", "[composer.catalogues]\nbroken = broken_zoo:catalogue", {"broken_zoo": code}
    )
    published._read.cache_clear()
    with caplog.at_level(logging.WARNING):
        names = [catalogue.name for catalogue in list_catalogues()]
    assert {"detectron2", "torchvision"} <= {*names}
    assert "broken" not in names
    assert BROKEN[code] in caplog.text


def test_nothing_is_imported_for_the_zoo_of_detectron2():
    import subprocess
    import sys

    code = (
        "import sys\nfrom composer_detectron2.catalogue import catalogue\n"
        "catalogue(); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
