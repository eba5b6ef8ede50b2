"""Names for models that have none."""

import pytest

from composer import Graph
from composer.data.readers import cityscapes, pascal_voc
from composer.errors import InputError, NameResolutionError, SpecError
from composer.language import SpecMetadata
from composer.prediction import Predictor
from composer.prediction.given_names import list_name_sets, read_names
from unit.prediction.conftest import SMALL


def test_names_of_datasets_ship():
    assert list_name_sets() == [
        "cityscapes",
        "coco",
        "coco_keypoint",
        "coco_panoptic",
        "lvis",
        "lvis_v0_5",
        "pascal_voc",
    ]


def test_coco_has_gaps_between_its_numbers():
    coco = read_names("coco")
    assert len(coco.thing_classes) == 80
    numbers = dict(zip(coco.thing_classes, coco.thing_ids, strict=True))
    assert (numbers["person"], numbers["stop sign"], numbers["toothbrush"]) == (1, 13, 90)


def test_panoptic_classes_begin_with_all_things():
    coco = read_names("coco_panoptic")
    assert len(coco.thing_classes) == 80
    assert coco.stuff_classes[:2] == ("things", "banner")
    assert coco.stuff_ids[:2] == (0, 92)
    assert len(coco.stuff_classes) == 54


def test_they_are_those_that_the_readers_give():
    assert read_names("cityscapes").thing_classes == cityscapes.THINGS
    numbers = tuple(cityscapes.CLASSES[name] for name in cityscapes.THINGS)
    assert read_names("cityscapes").thing_ids == numbers
    assert read_names("pascal_voc").thing_classes == pascal_voc.CLASSES


def test_names_may_be_a_list_or_a_spec(tmp_path):
    assert read_names(["a", "b"]).thing_classes == ("a", "b")
    metadata = SpecMetadata(thing_classes=("a",))
    assert read_names(metadata) is metadata
    spec = tmp_path / "spec.yaml"
    spec.write_text("composer: 1\nname: x\nnodes: {}\nmetadata: {thing_classes: [cat]}\n")
    assert read_names(spec).thing_classes == ("cat",)


def test_what_has_no_names_is_refused(tmp_path):
    with pytest.raises(NameResolutionError, match=r"no names of classes 'coko'.*'coco'"):
        read_names("coko")
    with pytest.raises(InputError, match="names no classes"):
        read_names("rpn_r50_fpn")
    (tmp_path / "spec.yaml").write_text("composer: 2\n")
    with pytest.raises(SpecError):
        read_names(tmp_path / "spec.yaml")


def test_predictions_have_the_names_and_their_numbers(see_colors, red):
    predictor = Predictor(see_colors(), names="coco_panoptic", score_threshold=0)
    found = predictor(red)
    assert found.class_names == ["person", "bicycle"]
    assert [entry["category_id"] for entry in found.to_coco()] == [1, 2]
    own = Predictor(see_colors(), score_threshold=0)(red)
    assert own.class_names == ["red thing", "other thing"]


def test_there_are_as_many_names_as_classes(red):
    graph = Graph.from_spec("mask_rcnn_r50_fpn", **SMALL)
    assert Predictor(graph, names=["cat", "dog"], image_size=32)(red)
    with pytest.raises(InputError, match="1 are given, but 'mask_rcnn_r50_fpn' has 2"):
        Predictor(graph, names=["cat"])


def test_names_of_things_do_not_count_where_there_are_no_instances():
    small = {name: SMALL[name] for name in ("depth", "stem_out_channels", "res2_out_channels")}
    assert Predictor(Graph.from_spec("semantic_r50_fpn", **small), names="coco_panoptic")
