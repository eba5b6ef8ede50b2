"""Names of classes are compared with the number of classes that a model has."""

import logging

import pytest

from composer import Graph
from composer.construction import check_source, check_spec, count_classes
from composer.errors import SpecError
from composer.language import SavedSpec, load_spec


def make_spec(names, **more):
    metadata = {"thing_classes": names, **more}
    return {"composer": 1, "name": "named", "extends": "retinanet_r50_fpn", "metadata": metadata}


def small(names, **more):
    settings = {"num_classes": 2, "depth": 18, "stem_out_channels": 8, "res2_out_channels": 8}
    return {**make_spec(names, **more), "set": settings}


def test_as_many_names_as_classes_are_right():
    blueprint = check_source(small(["a", "b"]))
    assert blueprint.spec.metadata.thing_classes == ("a", "b")
    assert set(count_classes(blueprint)["thing_classes"].values()) == {2}


@pytest.mark.parametrize("names", [["a"], ["a", "b", "c"]])
def test_another_number_of_names_is_a_problem_with_its_place(names):
    with pytest.raises(SpecError) as caught:
        check_source(small(names))
    (problem,) = caught.value.problems
    counted = "1 name" if len(names) == 1 else f"{len(names)} names"
    expected = f"metadata.thing_classes has {counted}, but the model has 2 classes"
    assert problem.message.startswith(expected)
    with pytest.raises(SpecError, match=expected):
        check_spec(load_spec(small(names)))


def test_names_that_do_not_fit_a_set_number_are_left_out_with_a_note(caplog):
    spec = small(["a", "b"], thing_ids=[4, 7])
    with caplog.at_level(logging.WARNING):
        blueprint = check_source(spec, set={"num_classes": 3})
    assert blueprint.spec.metadata.thing_classes == blueprint.spec.metadata.thing_ids == ()
    assert "metadata" not in blueprint.spec.document
    assert "has 2 names, but the model has 3 classes" in caplog.text
    assert "left out" in caplog.text


def test_names_that_are_one_are_noted(caplog):
    with caplog.at_level(logging.WARNING):
        blueprint = check_source(small(["cat", " Cat"]))
    assert blueprint.spec.metadata.thing_classes == ("cat", " Cat")
    assert "metadata.thing_classes has 'cat', ' Cat' 2 times, at 0, 1" in caplog.text


def test_names_of_stuff_and_keypoints_are_compared_too():
    spec = {"composer": 1, "name": "s", "extends": "panoptic_r50_fpn"}
    metadata = {"thing_classes": ["a"] * 0, "stuff_classes": ["x", "y"]}
    with pytest.raises(SpecError, match=r"the model has 54 classes\s+of stuff"):
        check_source({**spec, "metadata": metadata})
    spec = {"composer": 1, "name": "k", "extends": "keypoint_rcnn_r50_fpn"}
    with pytest.raises(SpecError, match=r"has 1 name, but the model has 17\s+keypoints"):
        check_source({**spec, "metadata": {"keypoint_names": ["nose"]}})


def test_saved_names_fit_and_those_of_older_files_are_left_out(tmp_path, caplog):
    graph = Graph.from_spec(small(["a", "b"]))
    file = tmp_path / "model.safetensors"
    with pytest.raises(SpecError, match="has 3 names, but the model has 2 classes"):
        graph.save(file, metadata={"thing_classes": ["a", "b", "c"]})
    graph.save(file)
    assert Graph.open(file).spec.metadata.thing_classes == ("a", "b")
    document = {**graph.spec.document, "metadata": {"thing_classes": ["a", "b", "c"]}}
    with caplog.at_level(logging.WARNING):
        blueprint = check_source(SavedSpec(document, "old.pth"))
    assert blueprint.spec.metadata.thing_classes == ()
    assert "left out" in caplog.text


def test_numbers_are_names():
    assert check_source(small([1, 2])).spec.metadata.thing_classes == ("1", "2")


def test_classes_of_points_are_those_of_the_pixels_or_objects_that_they_are_points_of():
    pixels = count_classes(check_source("point_rend_semantic_r101_fpn"))
    assert set(pixels["stuff_classes"].values()) == {19}
    assert "sem_seg_head.point_head.num_classes" in pixels["stuff_classes"]
    assert pixels["thing_classes"] == {}
    objects = count_classes(check_source("point_rend_r50_fpn"))
    assert objects["thing_classes"]["roi_heads.mask_head.point_head.num_classes"] == 80
    assert objects["stuff_classes"] == {}
    both = count_classes(check_source("panoptic_r50_fpn"))
    assert set(both["stuff_classes"]) == {"sem_seg_head.num_classes"}
