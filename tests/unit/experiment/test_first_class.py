"""Classes of datasets count from 0: so do those of models that are trained on them."""

import pytest
import yaml

from composer import Graph
from composer.construction import check_source, check_spec, find_first_class
from composer.data import Metadata, write_shape_dataset
from composer.experiment import load_experiment, run_experiment, standard_experiment
from composer.experiment.model import fit_spec
from composer.prediction import Predictor

NAMES = ("square", "disc", "triangle")
SPECS = [
    "fasterrcnn_mobilenet_v3_large_320_fpn",
    "keypointrcnn_resnet50_fpn",
    "maskrcnn_resnet50_fpn_v2",
    "retinanet_resnet50_fpn",
    "ssd300_vgg16",
    "ssdlite320_mobilenet_v3_large",
]
SMALL = {
    "model.width_per_group": 4,
    "model.min_size": [64],
    "model.fpn_channels": 16,
    "model.fc_dim": 16,
    "model.mask_conv_dim": 8,
    "training.iterations": 2,
}


@pytest.fixture
def shapes(tmp_path):
    files = write_shape_dataset(tmp_path / "shapes", num_images=4, size=48)
    return {"composer_data": 1, "datasets": {"train": {"uses": "coco", "with": vars_of(files)}}}


def vars_of(files):
    return {"annotations": str(files.annotations), "images": str(files.images)}


@pytest.mark.parametrize("spec", SPECS)
def test_a_torchvision_model_counts_the_classes_of_its_data_from_0(spec, shapes):
    experiment = standard_experiment(f"torchvision/{spec}", shapes)
    keypoints = ("a",) if "keypoint" in spec else ()
    metadata = Metadata(thing_classes=NAMES, keypoint_names=keypoints)
    fitted = check_spec(fit_spec(experiment, metadata))
    assert find_first_class(fitted) == 0
    truth = fitted.nodes["ground_truth"].config
    assert truth.get("first_class", 0) == 0
    own = find_first_class(check_source(f"torchvision/{spec}"))
    assert own == ("rcnn" in spec or "ssd" in spec)


def test_what_the_experiment_says_stands(shapes):
    experiment = standard_experiment(
        "torchvision/ssd300_vgg16", shapes, set={"model.first_class": 1}
    )
    fitted = check_spec(fit_spec(experiment, Metadata(thing_classes=NAMES)))
    assert find_first_class(fitted) == 1


@pytest.mark.slow
def test_a_torchvision_model_is_trained_and_evaluated_on_data_as_it_is(shapes, tmp_path):
    file = tmp_path / "experiment.yaml"
    given = standard_experiment("torchvision/maskrcnn_resnet50_fpn", shapes, set=SMALL)
    file.write_text(yaml.safe_dump({**given.as_document(), "from_scratch": True}))
    run_experiment(load_experiment(file), tmp_path / "run", quiet=True)
    graph = Graph.open(str(tmp_path / "run"))
    assert find_first_class(graph.blueprint) == 0
    assert graph.blueprint.nodes["backbone.bottom_up"].config["norm_eps"] > 0
    image = next((tmp_path / "shapes" / "images").iterdir())
    found = Predictor(graph, score_threshold=0.0)(image)
    assert len(found.instances)
    assert set(found.class_names) <= set(NAMES)
