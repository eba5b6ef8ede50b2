"""Tunings: every setting has the metrics of its own evaluation, and what is shared runs once."""

import random
from dataclasses import replace

import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from composer import Graph
from composer.data import LoadingOptions, write_shape_dataset
from composer.data.readers.coco import coco
from composer.errors import InputError, SpecError
from composer.evaluation import evaluate_graph
from composer.structures import ImageBatch, Instances
from composer.tuning import (
    describe_best,
    describe_sharing,
    format_tuning,
    make_grid,
    to_json,
    tune,
    write_best,
)
from unit.evaluation.scenes import to_instances

RUNS: list[str] = []


class Scale(nn.Module):
    """Scales scores by a weight that a checkpoint has."""

    def __init__(self, *, exponent: float = 1.0) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(1.0))
        self.exponent = exponent

    def forward(self, found: list[Instances]) -> list[Instances]:
        RUNS.append("scale")
        return [rescored(one, self.factor * one.scores**self.exponent) for one in found]


def rescored(one: Instances, scores: Tensor) -> Instances:
    return Instances(one.image_size, **{**one.get_fields(), "scores": scores})


def keep(found: list[Instances], *, threshold: float = 0.2) -> list[Instances]:
    RUNS.append("keep")
    return [one[one.scores >= threshold] for one in found]


def shrink(found: list[Instances], *, factor: float = 1.0) -> list[Instances]:
    RUNS.append("shrink")
    made = []
    for one in found:
        boxes = one.pred_boxes.clone()
        boxes.tensor[:, 2:] -= (1 - factor) * (boxes.tensor[:, 2:] - boxes.tensor[:, :2])
        made.append(Instances(one.image_size, **{**one.get_fields(), "pred_boxes": boxes}))
    return made


def sample(found: list[Instances], *, share: float = 0.5) -> list[Instances]:
    return found


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    files = write_shape_dataset(tmp_path_factory.mktemp("shapes") / "shapes", num_images=3)
    return coco(annotations=files.annotations, images=files.images)


@pytest.fixture
def nodes(dataset):
    by_id = {record.image_id: record for record in dataset.records}

    def look(batch: ImageBatch, *, noise: float = 0.0) -> list[Instances]:
        RUNS.append("look")
        found = [to_instances(by_id[record["image_id"]]) for record in batch]
        draw = random.Random(3)
        for one in found:
            one.scores = torch.tensor([draw.random() for _ in range(len(one))])
            one.pred_boxes.tensor += noise
        return found

    RUNS.clear()
    return {"look": look, "scale": Scale, "keep": keep, "shrink": shrink, "sample": sample}


def make_spec(folder):
    spec = {
        "composer": 1,
        "name": "finder",
        "params": {"edge": 32, "amount": 1.0},
        "inputs": {"batch": {"type": "ImageBatch", "image": {"shortest_edge": "${edge}"}}},
        "nodes": {
            "look": {"uses": "look", "inputs": {"batch": "batch"}},
            "sample": {"uses": "sample", "when": "training", "inputs": {"found": "look"}},
            "scale": {"uses": "scale", "inputs": {"found": "look"}, "with": {"exponent": 1.0}},
            "keep": {"uses": "keep", "inputs": {"found": "scale"}},
            "first": {
                "uses": "shrink",
                "inputs": {"found": "keep"},
                "with": {"factor": "${amount}"},
            },
            "last": {
                "uses": "shrink",
                "inputs": {"found": "first"},
                "with": {"factor": "${amount}"},
            },
        },
        "aliases": {"cut": "keep.threshold"},
        "outputs": {"inference": {"instances": "last"}, "training": {"loss": "sample"}},
    }
    (folder / "finder.yaml").write_text(yaml.safe_dump(spec))
    return str(folder / "finder.yaml")


@pytest.fixture
def model(tmp_path, nodes):
    spec = make_spec(tmp_path)
    graph = Graph.open(spec, nodes=nodes)
    graph.save(tmp_path / "finder.safetensors")
    return spec


@pytest.fixture
def weights(tmp_path):
    return str(tmp_path / "finder.safetensors")


def evaluate(model, dataset, nodes, weights, values):
    graph = Graph.open(model, weights, set=values, nodes=nodes)
    return evaluate_graph(graph, dataset, tasks=["bbox"])


GRIDS = [
    {"keep.threshold": [0.1, 0.4, 0.8]},
    {"cut": [0.1, 0.4]},
    {"amount": [0.7, 0.9, 1.0]},
    {"keep.threshold": [0.1, 0.4], "last.factor": [0.8, 1.0]},
    {"scale.exponent": [1.0, 2.0], "cut": [0.1, 0.4]},
    {"look.noise": [0.0, 1.0], "amount": [0.9, 1.0]},
    {"edge": [24, 32], "cut": [0.1, 0.9]},
]


@pytest.mark.parametrize("vary", GRIDS, ids=lambda vary: " ".join(vary))
def test_metrics_are_those_of_each_evaluation(vary, model, dataset, nodes, weights):
    tuning = tune(model, dataset, vary, weights=weights, nodes=nodes, tasks=["bbox"])
    assert [one.values for one in tuning.settings] == make_grid(vary)
    for setting in tuning.settings:
        alone = evaluate(model, dataset, nodes, weights, setting.values)
        assert str(setting.results.flat()) == str(alone.flat()), setting.values


@pytest.mark.slow
@given(
    thresholds=st.lists(st.sampled_from([0.0, 0.2, 0.5, 0.7, 1.1]), min_size=1, max_size=3),
    factors=st.lists(st.sampled_from([0.6, 0.8, 1.0]), min_size=1, max_size=2),
    size=st.integers(1, 3),
)
@settings(deadline=None)
def test_any_grid_in_batches_of_any_size_has_the_metrics_of_evaluations(
    thresholds, factors, size, tmp_path_factory
):
    dataset, nodes, model, weights = _make_all(tmp_path_factory)
    vary = {"keep.threshold": thresholds, "last.factor": factors}
    loading = LoadingOptions(batch_size=size)
    tuning = tune(
        model, dataset, vary, weights=weights, nodes=nodes, tasks=["bbox"], loading=loading
    )
    last = tuning.settings[-1]
    alone = evaluate(model, dataset, nodes, weights, last.values)
    assert str(last.results.flat()) == str(alone.flat())


_MADE = {}


def _make_all(factory):
    if not _MADE:
        folder = factory.mktemp("all")
        files = write_shape_dataset(folder / "shapes", num_images=3)
        dataset = coco(annotations=files.annotations, images=files.images)
        by_id = {record.image_id: record for record in dataset.records}

        def look(batch: ImageBatch) -> list[Instances]:
            found = [to_instances(by_id[record["image_id"]]) for record in batch]
            for one in found:
                one.scores = torch.linspace(0, 1, len(one))
            return found

        nodes = {"look": look, "scale": Scale, "keep": keep, "shrink": shrink, "sample": sample}
        spec = make_spec(folder)
        Graph.open(spec, nodes=nodes).save(folder / "finder.safetensors")
        _MADE["all"] = dataset, nodes, spec, str(folder / "finder.safetensors")
    return _MADE["all"]


def test_a_value_that_is_given_twice_counts_once(model, dataset, nodes, weights):
    vary = {"keep.threshold": [0.1, 0.4, 0.1], "last.factor": [0.6, 0.6]}
    tuning = tune(model, dataset, vary, weights=weights, nodes=nodes)
    assert [one.values["keep.threshold"] for one in tuning.settings] == [0.1, 0.4]


def test_what_no_setting_changes_runs_once_an_image(model, dataset, nodes, weights):
    tuning = tune(model, dataset, {"keep.threshold": [0.1, 0.4, 0.8]}, weights=weights, nodes=nodes)
    images = len(dataset)
    assert RUNS.count("look") == RUNS.count("scale") == images
    assert RUNS.count("keep") == 3 * images
    assert tuning.shared == ["look", "scale"]
    assert tuning.changed == ["keep"]
    assert "2 nodes ran once for all 3 settings" in describe_sharing(tuning)


def test_settings_that_come_to_one_value_share_what_follows(model, dataset, nodes, weights):
    tune(model, dataset, {"cut": [-3.0, -2.0, -1.0]}, weights=weights, nodes=nodes)
    assert RUNS.count("keep") == 3 * len(dataset)
    assert RUNS.count("shrink") == 2 * len(dataset)  # two nodes, once for all settings


def test_nodes_below_an_address_with_one_value_at_a_time_are_shared(model, dataset, nodes, weights):
    vary = {"scale.exponent": [1.0, 2.0], "keep.threshold": [0.1, 0.2, 0.3]}
    tune(model, dataset, vary, weights=weights, nodes=nodes)
    assert RUNS.count("look") == len(dataset)
    assert RUNS.count("scale") == 2 * len(dataset)


def test_images_are_read_again_where_their_size_is_varied(model, dataset, nodes, weights):
    tuning = tune(model, dataset, {"edge": [24, 32]}, weights=weights, nodes=nodes)
    assert RUNS.count("look") == 2 * len(dataset)
    assert tuning.shared == []


def test_best_setting_is_the_first_with_the_highest_metric(model, dataset, nodes, weights):
    vary = {"amount": [0.7, 1.0], "cut": [-2.0, -1.0]}
    tuning = tune(model, dataset, vary, weights=weights, nodes=nodes, metric="bbox/AP75")
    assert tuning.best == 2
    assert describe_best(tuning).startswith("best by bbox/AP75, ")
    assert describe_best(tuning).endswith(": amount=1.0, cut=-2.0")
    lines = format_tuning(tuning).splitlines()
    assert lines[0].split() == ["amount", "cut", "bbox", "AP", "segm", "AP", "bbox", "AP75"]
    assert [line.endswith(" *") for line in lines[1:]] == [False, False, True, False]


def test_metric_that_no_object_defines_leaves_no_best_setting(model, dataset, nodes, weights):
    vary = {"cut": [0.1, 0.2]}
    no_objects = replace(
        dataset, records=[replace(record, annotations=()) for record in dataset.records]
    )
    tuning = tune(model, no_objects, vary, weights=weights, nodes=nodes, tasks=["bbox"])
    assert tuning.best is None
    assert "undefined for all settings" in describe_best(tuning)
    assert to_json(tuning)["best"] is None
    assert "nan" in format_tuning(tuning)


@pytest.mark.parametrize(
    ("vary", "options", "message"),
    [
        ({}, {}, "nothing is varied"),
        ({"cut": []}, {}, "'cut' has no values"),
        ({"cut": 0.3}, {}, "the values of 'cut' are a list, not 0.3"),
        ({"cut": "0.3"}, {}, "the values of 'cut' are a list"),
        ({3: [0.1]}, {}, "an address is a text"),
        ({"cut": range(200), "amount": range(200)}, {}, "40000 settings, which is more than"),
        ({"sample.share": [0.1, 0.2]}, {}, "sample takes part in training only"),
        ({"cut": [0.1, 0.2], "keep.threshold": [0.3, 0.4]}, {}, "'cut' changes no node"),
        ({"cut": [0.1, 0.2]}, {"metric": "bbox/APP"}, "Did you mean 'bbox/AP'?"),
        ({"cut": [0.1, 0.2]}, {"metric": "AP50"}, "it could be bbox/AP50, segm/AP50"),
        ({"cut": [0.1, 0.2]}, {"tasks": ["bobx"]}, "Did you mean 'bbox'?"),
        ({"cut": [0.1, 0.2]}, {"weights": None}, "names no weights"),
    ],
)
def test_mistakes_end_before_an_image_is_run(
    vary, options, message, model, dataset, nodes, weights
):
    with pytest.raises(InputError) as error:
        tune(model, dataset, vary, nodes=nodes, **{"weights": weights, **options})
    assert message in str(error.value)
    assert not RUNS


@pytest.mark.parametrize(
    ("vary", "message"),
    [
        ({"keep.treshold": [0.1, 0.2]}, "Did you mean 'threshold'?"),
        ({"keep.threshold": [0.1, "high"]}, "should be a number, not 'high'"),
        ({"keep": [0.1, 0.2]}, "'keep' is a node"),
    ],
)
def test_values_that_no_spec_takes_are_its_problems(vary, message, model, dataset, nodes, weights):
    with pytest.raises(SpecError) as error:
        tune(model, dataset, vary, nodes=nodes, weights=weights)
    assert message in str(error.value)


def test_optimised_graphs_are_varied_too(model, dataset, nodes, weights):
    vary = {"scale.exponent": [1.0, 2.0], "cut": [0.1, 0.4]}
    plain = tune(model, dataset, vary, weights=weights, nodes=nodes)
    found = tune(
        model, dataset, vary, weights=weights, nodes=nodes, prepare=lambda graph: graph.optimize()
    )
    assert [str(one.results.flat()) for one in found.settings] == [
        str(one.results.flat()) for one in plain.settings
    ]


def test_best_spec_extends_the_model(model, dataset, nodes, weights, tmp_path):
    (file,) = write_best(tmp_path / "out", model, {"cut": 0.4, "amount": 0.9}, weights, nodes=nodes)
    document = yaml.safe_load(file.read_text())
    assert document["extends"] == model
    assert document["set"] == {"cut": 0.4, "amount": 0.9}
    graph = Graph.open(file, nodes=nodes)
    assert graph.provenance
    assert graph.blueprint.nodes["keep"].config == {"threshold": 0.4}
    assert graph.blueprint.nodes["last"].config == {"factor": 0.9}
