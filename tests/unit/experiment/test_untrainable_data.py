"""What cannot be trained on is told before a training, in the words of `composer data check`."""

import json

import pytest

from composer.data import find_data, write_shape_dataset
from composer.errors import DataError, InputError
from composer.experiment import check_experiment, load_experiment, standard_experiment
from composer.experiment.annotation_check import without_mirrored_keypoints
from composer.experiment.datasets import open_experiment_data
from composer.graph import Graph
from unit.experiment.small_experiment import EXPERIMENT, write_experiment

_KEYPOINTS = EXPERIMENT.replace("spec: rpn_r50_fpn", "spec: keypoint_rcnn_r50_fpn").replace(
    "    rpn_batch_size_per_image: 4096\n    rpn_post_nms_topk_training: 20\n", ""
)


@pytest.fixture
def annotations(tmp_path):
    folder = tmp_path / "shapes"
    return write_shape_dataset(folder, num_images=4, size=48, keypoints=True).annotations


def change(file, edit):
    document = json.loads(file.read_text())
    edit(document)
    file.write_text(json.dumps(document))


@pytest.mark.parametrize("spec", ["rpn_r50_fpn", "mask_rcnn_r50_fpn"])
def test_a_set_of_crowds_is_no_training_set(tmp_path, annotations, spec):
    change(annotations, lambda d: [entry.update(iscrowd=1) for entry in d["annotations"]])
    text = EXPERIMENT.replace("spec: rpn_r50_fpn", f"spec: {spec}")
    if spec != "rpn_r50_fpn":
        text = text.replace("    rpn_batch_size_per_image: 4096\n", "")
        text = text.replace("    rpn_post_nms_topk_training: 20\n", "")
    message = "there is nothing to train on. 'shapes': all .* objects are crowds"
    with pytest.raises(DataError, match=message):
        check_experiment(load_experiment(write_experiment(tmp_path, text)))


def forget_pairs(document):
    for category in document["categories"]:
        del category["keypoint_flip_pairs"]


def test_keypoints_that_are_trained_on_are_not_mirrored_without_their_pairs(tmp_path, annotations):
    change(annotations, forget_pairs)
    experiment = load_experiment(write_experiment(tmp_path, _KEYPOINTS))
    message = r"dataset 'shapes': .*`keypoint_flip_pairs: \[\[left_end, right_end\]\]`"
    with pytest.raises(InputError, match=message):
        check_experiment(experiment)
    told = _KEYPOINTS.replace("/images}", "/images, keypoint_flip_pairs: []}").replace(
        '/images"}', '/images", keypoint_flip_pairs: []}'
    )
    check_experiment(load_experiment(write_experiment(tmp_path, told)))


def test_keypoints_that_no_loss_needs_are_left_out(tmp_path, annotations):
    change(annotations, forget_pairs)
    experiment = load_experiment(write_experiment(tmp_path))
    check_experiment(experiment)
    datasets = open_experiment_data(experiment)
    graph = Graph.from_spec("rpn_r50_fpn", set=experiment.model_settings)
    kept = without_mirrored_keypoints(experiment, datasets, graph)
    assert kept.by_name["shapes"].metadata.keypoint_names == ()


def test_absent_annotations_are_told_before_weights_are_looked_for(tmp_path):
    write_shape_dataset(tmp_path, num_images=2)
    data = find_data(tmp_path / "instances.json", tmp_path / "images")
    with pytest.raises(InputError, match=r"trained on keypoints .* has none: choose a model"):
        check_experiment(standard_experiment("keypoint_rcnn_r50_fpn", data))
