"""Experiments are checked when they are read, and mean the same wherever they are read again."""

import json
from pathlib import Path

import pytest
import yaml

from composer.construction import check_source, check_spec
from composer.data import Metadata
from composer.errors import DataError, InputError, SpecError
from composer.experiment import (
    SettableModel,
    check_experiment,
    find_datasets,
    load_experiment,
)
from composer.experiment.datasets import open_experiment_data
from composer.experiment.model import fit_spec
from composer.graph import Graph
from composer.language import load_spec
from unit.experiment.small_experiment import EXPERIMENT, write_experiment

ROOT = Path(__file__).parents[3]
RECIPES = sorted(
    path
    for folder in ("models", "experiments")
    for path in ROOT.glob(f"{folder}/**/*.yaml")
    if "\ncomposer_experiment: " in "\n" + path.read_text(encoding="utf-8")
)


def problems_of(text, folder):
    with pytest.raises(SpecError) as caught:
        load_experiment(write_experiment(folder, text))
    return " ".join(str(caught.value).split())


def test_all_problems_come_at_once_with_their_places(tmp_path):
    text = EXPERIMENT.replace("lr: 0.01", "lr: -1").replace("random_flip", "random_flop")
    text = text.replace("log_every: 1", "log_evry: 1")
    message = problems_of(text, tmp_path)
    assert "3 problems" in message
    assert "experiment.yaml:21:" in message
    assert "random_flop" in message
    assert "Did you mean 'random_flip'" in message
    assert "Did you mean 'log_every'?" in message
    assert "greater than 0" in message


EARLY = "early_stopping: {metric: "


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("train:\n  datasets: [shapes]", "train:\n  datasets: [shape]", "Did you mean 'shapes'"),
        ("metrics: []", "metrics: [bbocks]", "no task is called 'bbocks'"),
        ("evaluation: {metrics: [], losses: true}", "", ""),
        ("log_every: 1", f"{EARLY}validation/total_loss, patience: 1}}", ""),
        ("log_every: 1", f"{EARLY}bbox/AP, patience: 1}}", "has no metric 'bbox/AP'"),
        (
            "log_every: 1",
            f"{EARLY}validation_loss, patience: 1}}",
            "no metric 'validation_loss'. Did you mean 'validation/total_loss'?",
        ),
        ("checkpoint: {every: 2}", "checkpoint: {every: 0}", "greater than or equal to 1"),
        ("composer_experiment: 1", "composer_experiment: 2", "should be 1"),
    ],
)
def test_what_makes_no_sense_is_refused(old, new, message, tmp_path):
    text = EXPERIMENT.replace(old, new)
    if message:
        assert message in problems_of(text, tmp_path)
    else:
        assert load_experiment(write_experiment(tmp_path, text)).document.train is not None


def test_early_stopping_wants_an_evaluation(tmp_path):
    text = EXPERIMENT.replace("evaluation: {metrics: [], losses: true}", "").replace(
        "log_every: 1", "early_stopping: {metric: bbox/AP, patience: 1}"
    )
    assert "'training.early_stopping' needs an 'evaluation'" in problems_of(text, tmp_path)


def test_a_loss_that_decides_has_to_be_measured(tmp_path):
    text = EXPERIMENT.replace("losses: true", "losses: false").replace(
        "checkpoint: {every: 2}",
        "checkpoint: {every: 2, best: {metric: validation/total_loss, better: lower}}",
    )
    assert "needs 'losses: true' in 'evaluation'" in problems_of(text, tmp_path)


def test_the_resolved_document_means_the_same_elsewhere(tmp_path, monkeypatch):
    settings = ["training.iterations=7", "model.depth=34"]
    experiment = load_experiment(write_experiment(tmp_path), set=settings)
    document = experiment.as_document()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    (elsewhere / "copy.yaml").write_text(yaml.safe_dump(document))
    again = load_experiment("copy.yaml")
    assert again.as_document() == document
    assert again.document.training == experiment.document.training
    assert document["training"]["checkpoint"]["keep"] == 2  # a default, and what it was
    assert document["datasets"]["shapes"]["uses"].endswith("/coco")
    nodes = check_spec(fit_spec(again, Metadata())).nodes
    assert nodes["backbone.bottom_up"].config["depth"] == 34
    assert len(open_experiment_data(again).by_name["shapes"]) == 8


def test_addresses_count_over_model_datasets_and_training(tmp_path):
    file = write_experiment(tmp_path)
    settings = ["fpn.norm=GN", "lr=0.5", "shapes.select.first=3", "fpn_channels=32"]
    experiment = load_experiment(file, set=settings)
    spec = fit_spec(experiment, open_experiment_data(experiment).metadata)
    (node,) = (node for path, node in check_spec(spec).nodes.items() if path.endswith("fpn"))
    assert (node.config["norm"], node.config["out_channels"]) == ("GN", 32)
    assert experiment.document.training.optimizer.lr == 0.5
    assert experiment.datasets["shapes"].select.first == 3
    for setting, message in (
        ("norm=GN", "'norm' is ambiguous; it could be model.backbone.bottom_up.norm,"),
        ("norm=GN", "training.clip.norm"),
        ("model.fpn.nrom=GN", "Did you mean 'model.backbone.fpn.norm'?"),
        ("frist=1", "Did you mean 'datasets.shapes.select.first'?"),
        ("xyz=1", "Addresses begin with: allow_missing, allow_unexpected, composer_experiment,"),
    ):
        with pytest.raises(SpecError) as caught:
            load_experiment(file, set=[setting])
        assert message in " ".join(str(caught.value).split())


def test_another_model_or_data_file_takes_the_settings(tmp_path):
    file = write_experiment(tmp_path)
    call = {"uses": "coco", "with": {"annotations": "${at}/instances.json", "images": "images"}}
    data = {"composer_data": 1, "params": {"at": "nowhere"}, "datasets": {"shapes": call}}
    experiment = load_experiment(
        file, data=data, set={"spec": "faster_rcnn_r50_fpn", "at": "shapes", "num_classes": 3}
    )
    assert experiment.document.spec == "faster_rcnn_r50_fpn"
    assert str(experiment.datasets["shapes"].configuration["annotations"]).startswith("shapes")
    assert fit_spec(experiment, Metadata(("a", "b", "c"))).params["num_classes"] == 3


def test_later_sections_win_and_exact_addresses_override_wildcards_of_their_section(tmp_path):
    text = EXPERIMENT.replace("set:\n", "set:\n  datasets.shapes.select.first: 3\n")
    file = write_experiment(tmp_path, text)
    exact, wildcard = "shapes.select.first=2", "*.*.select.first=1"
    for settings, first in (([], 3), ([wildcard], 1), ([exact, wildcard], 2)):
        assert load_experiment(file, set=settings).datasets["shapes"].select.first == first
        for model in (None, SettableModel("faster_rcnn_r50_fpn")):  # as `eval` has it
            (dataset,) = find_datasets(str(file), set=settings, model=model).values()
            assert dataset.select.first == first
    call = yaml.safe_load(EXPERIMENT)["datasets"]["shapes"]
    settings = {"datasets.shapes.select.first": 3}
    data = {"composer_data": 1, "params": {"data": ""}, "datasets": {"shapes": call}}
    data = {**data, "set": settings}
    for more, first in (([], 3), ([wildcard], 1), ([wildcard, exact], 2)):
        experiment = load_experiment(file, data=data, set=more)
        assert experiment.datasets["shapes"].select.first == first


def test_resolved_settings_of_the_model_keep_their_order(tmp_path):
    text = EXPERIMENT.replace(
        "    depth: 18\n", "    depth: 18\n    backbone.bottom_up: {norm: BN}\n"
    )
    file = write_experiment(tmp_path, text)
    for settings, norm in (([], "BN"), (["model.backbone.*.norm=FrozenBN"], "FrozenBN")):
        experiment = load_experiment(file, set=settings)
        (tmp_path / "copy.yaml").write_text(yaml.safe_dump(experiment.as_document()))
        for one in (experiment, load_experiment(tmp_path / "copy.yaml")):
            node = check_spec(fit_spec(one, Metadata())).nodes["backbone.bottom_up"]
            assert node.config["norm"] == norm


def test_settings_that_override_a_param_are_noted(tmp_path, caplog):
    text = EXPERIMENT.replace("data: shapes", "data: shapes, n: 4")
    text = text.replace("iterations: 4", "iterations: ${n}").replace("every: 2", "every: ${n}")
    file = write_experiment(tmp_path, text)
    assert load_experiment(file, set=["n=6"]).document.training.iterations == 6
    assert not caplog.records
    assert load_experiment(file, set=["training.iterations=8"]).document.training.iterations == 8
    (note,) = caplog.messages
    assert note == (
        "note: --set training.iterations=8: 'training.iterations' had its value from the param "
        "'n', which goes to training.checkpoint.every too"
    )


def test_datasets_come_from_a_data_file(tmp_path):
    write_experiment(tmp_path)
    call = yaml.safe_load(EXPERIMENT.replace("${data}", "${root}"))["datasets"]
    data = {"composer_data": 1, "params": {"root": "nowhere"}, "datasets": call}
    (tmp_path / "data.yaml").write_text(json.dumps(data))
    document = yaml.safe_load(EXPERIMENT.replace("${", "$${"))
    document |= {"params": {}, "datasets": "data.yaml"}
    document["set"]["datasets.root"] = "shapes"
    (tmp_path / "experiment.yaml").write_text(json.dumps(document))
    experiment = load_experiment(tmp_path / "experiment.yaml")
    assert len(open_experiment_data(experiment).by_name["shapes"]) == 8


def test_the_model_is_fitted_to_the_classes(tmp_path):
    text = EXPERIMENT.replace("spec: rpn_r50_fpn", "spec: faster_rcnn_r50_fpn")
    experiment = load_experiment(write_experiment(tmp_path, text))
    images = open_experiment_data(experiment)
    fitted = fit_spec(experiment, images.metadata)
    assert fitted.params["num_classes"] == 3
    assert fitted.metadata.thing_classes == ("square", "triangle", "disc")
    wrong = load_experiment(
        write_experiment(tmp_path, text.replace("depth: 18", "depth: 18\n    num_classes: 80"))
    )
    with pytest.raises(InputError, match="the datasets have 3 classes"):
        fit_spec(wrong, images.metadata)


@pytest.mark.parametrize(
    ("spec", "param", "names"),
    [
        ("semantic_r50_fpn", "sem_seg_num_classes", {"stuff_classes": ("things", "sky")}),
        ("keypoint_rcnn_r50_fpn", "num_keypoints", {"keypoint_names": ("head", "tail")}),
    ],
)
def test_other_counts_follow_the_datasets_too(tmp_path, spec, param, names):
    text = EXPERIMENT.replace("spec: rpn_r50_fpn", f"spec: {spec}")
    for line in ("rpn_batch_size_per_image: 4096", "rpn_post_nms_topk_training: 20"):
        text = text.replace(f"    {line}\n", "")
    metadata = Metadata(**names)
    experiment = load_experiment(write_experiment(tmp_path, text))
    assert fit_spec(experiment, metadata).params[param] == 2
    wrong = text.replace("depth: 18", f"depth: 18\n    {param}: 5")
    with pytest.raises(InputError, match=rf"'model.{param}' is set to 5, but the datasets have 2 "):
        fit_spec(load_experiment(write_experiment(tmp_path, wrong)), metadata)
    given = load_experiment(write_experiment(tmp_path, text), set=[f"model.{param}=5"])
    with pytest.raises(InputError, match=rf"--set.*: 'model.{param}' is set to 5"):
        fit_spec(given, metadata)
    plain = load_spec(spec).params[param]
    assert fit_spec(experiment, Metadata(thing_classes=("cat",))).params[param] == plain


def test_counts_that_a_spec_does_not_have_are_not_set(tmp_path):
    experiment = load_experiment(write_experiment(tmp_path))
    fitted = fit_spec(experiment, Metadata(("cat",), ("sky",), keypoint_names=("head",)))
    assert fitted.params.get("num_classes") is None
    assert not {"sem_seg_num_classes", "num_keypoints"} & set(fitted.params)


def test_freezing_adds_to_the_spec(tmp_path):
    text = EXPERIMENT.replace(
        "datasets:\n  shapes:", "freeze: [backbone.fpn]\ndatasets:\n  shapes:"
    )
    experiment = load_experiment(write_experiment(tmp_path, text))
    spec = fit_spec(experiment, open_experiment_data(experiment).metadata)
    graph = Graph.open(spec, {})
    learnt = {name for name, weight in graph.named_parameters() if weight.requires_grad}
    assert learnt
    assert not any(name.startswith("backbone.fpn") for name in learnt)


def test_a_check_tells_what_there_is(tmp_path):
    lines = check_experiment(load_experiment(write_experiment(tmp_path)))
    assert lines[1:3] == [
        "training set: 8 images, validation: 8 images",
        "classes: square, triangle, disc",
    ]
    assert lines[3:] == [
        "random weights: backbone.bottom_up (120), backbone.fpn (16), "
        "proposal_generator.rpn_head (6)",
        "trained from scratch, so not frozen: backbone.bottom_up.norm='BN', "
        "backbone.bottom_up.freeze_at=0",
    ]


@pytest.mark.parametrize(("option", "count"), [("true", 7), ("false", 8)])
def test_images_that_are_left_out_are_not_learnt_from(option, count, tmp_path):
    text = EXPERIMENT.replace("train:\n", f"train:\n  only_annotated: {option}\n")
    experiment = load_experiment(write_experiment(tmp_path, text))
    file = tmp_path / "shapes/instances.json"
    document = json.loads(file.read_text())
    empty = document["images"][0]["id"]
    document["annotations"] = [a for a in document["annotations"] if a["image_id"] != empty]
    file.write_text(json.dumps(document))
    images = open_experiment_data(experiment)
    assert (len(images.train), len(images.validation)) == (count, 8)


def test_measured_classes_have_to_be_the_learnt_ones(tmp_path):
    text = EXPERIMENT.replace("validation: {datasets: [shapes]", "validation: {datasets: [discs]")
    discs = """\
  discs:
    uses: coco
    with: {annotations: "${data}/instances.json", images: "${data}/images"}
    categories: [disc]
train:
"""
    experiment = load_experiment(write_experiment(tmp_path, text.replace("train:\n", discs, 1)))
    with pytest.raises(DataError, match="differ in their thing_classes"):
        open_experiment_data(experiment)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_shipped_recipes_have_no_problems(recipe, tmp_path):
    experiment = load_experiment(recipe, set=[f"data={tmp_path}"])
    assert experiment.document.training.iterations > 0
    assert check_source(experiment.spec).spec.params["num_classes"] >= 1


@pytest.mark.parametrize("name", ["../../x", "/tmp/x", "a/b", "a\\b", "..", ".", " ", "C:x"])
def test_a_name_that_leads_out_of_the_folder_of_runs_is_refused(name, tmp_path):
    message = problems_of(EXPERIMENT.replace("name: shapes", f"name: {json.dumps(name)}"), tmp_path)
    assert "experiment.yaml:2:7" in message
    assert "names a folder in 'runs/'" in message


@pytest.mark.parametrize("name", ["a" * 201, "a\nb", "a\tb"])
def test_a_name_that_no_folder_should_have_is_refused(name, tmp_path):
    text = EXPERIMENT.replace("name: shapes", f"name: {json.dumps(name)}")
    assert "200 bytes, and no control characters" in problems_of(text, tmp_path)


def test_a_spec_that_is_missing_is_told_at_its_line(tmp_path):
    text = EXPERIMENT.replace("spec: ", "spec: nowhere/")
    message = problems_of(text, tmp_path)
    line = 1 + text[: text.index("spec: ")].count("\n")
    assert f"experiment.yaml:{line}:7: the distribution 'nowhere' is not installed" in message
    assert "was saved with" not in message
    (tmp_path / "versions.json").write_text('{"plugins": {"nowhere": "1.5"}}')
    message = problems_of(text, tmp_path)
    assert "was saved with nowhere 1.5 (is not installed)" in message


def test_a_note_on_an_experiments_spec_has_its_line(tmp_path, plugin_folder, caplog, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plugin_folder.install("clashing", "[composer.specs]\nspecs = clashing_specs\n")
    folder = plugin_folder.path / "clashing_specs"
    folder.mkdir()
    name = "mask_rcnn_r50_fpn"
    folder.joinpath(f"{name}.yaml").write_text(f"composer: 1\nname: {name}\n")
    old = next(line for line in EXPERIMENT.splitlines() if line.startswith("spec: "))
    load_experiment(write_experiment(tmp_path, EXPERIMENT.replace(old, f"spec: {name}")))
    notes = [text for text in caplog.messages if "clashing 1.0" in text]
    assert notes
    assert all("experiment.yaml:" in note for note in notes)
