"""Folders of transformers as models, and our graphs as folders of transformers."""

import json

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from composer import Graph
from composer.errors import InputError, SpecError
from composer.prediction import Predictor
from composer_transformers.model_folder import read_folder
from transformers_models import (
    CONFIGS,
    MASK_CONFIGS,
    build_ours,
    build_theirs,
    make_mask_records,
    make_records,
    small_params,
)
from unit.cli.conftest import cli

__all__ = ["cli"]

NEEDED = "the extra 'transformers' is not installed"
KINDS = [*CONFIGS, *MASK_CONFIGS]
OUTPUTS = {
    "mask2former": ("decoder.masks", "masks_queries_logits"),
    "maskformer": ("decoder.masks", "masks_queries_logits"),
    "detr_segmentation": ("masks", "pred_masks"),
    "conditional_detr_segmentation": ("masks", "pred_masks"),
}
HIDDEN = {"maskformer": {"output_hidden_states": True}}  # needed where it has auxiliary losses
STAGES = {"out_features": ["stage1", "stage2", "stage3", "stage4"]}
BLOCKS = {**STAGES, "depths": [1, 1, 1, 1], "image_size": 64}
NAMES = ["cat", "dog", "N/A", "bird", "N/A"]


def write(folder, config, processor=None):
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    if processor is not None:
        (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return folder


def read(folder):
    return read_folder(lambda name: folder / name if (folder / name).is_file() else None)


def test_a_folder_names_its_spec_classes_and_image_processor(tmp_path):
    config = {
        "model_type": "detr",
        "architectures": ["DetrForObjectDetection"],
        "id2label": {"10": "k", **{str(number): name for number, name in enumerate("abcdefghij")}},
        "num_queries": 7,
        "torch_dtype": "float32",
    }
    processor = {"feature_extractor_type": "DetrFeatureExtractor", "size": 800, "max_size": 1333}
    found = read(write(tmp_path, config, processor))
    spec = found["spec"]
    assert spec["extends"] == "detection-composer/transformers/detr"
    assert spec["metadata"]["thing_classes"] == list("abcdefghijk")
    assert spec["params"] == {
        "config": {"model_type": "detr", "num_queries": 7},
        "num_classes": 11,
        "processor": "DetrFeatureExtractor",
        "processor_options": {"size": 800, "max_size": 1333},
    }
    assert found["weights"] is None


def test_names_that_transformers_made_up_are_no_names(tmp_path):
    config = {"model_type": "yolos", "architectures": ["YolosForObjectDetection"]}
    names = {str(number): f"LABEL_{number}" for number in range(3)}
    found = read(write(tmp_path, {**config, "id2label": names}))
    assert "metadata" not in found["spec"]
    assert found["spec"]["params"]["num_classes"] == 3


def test_gaps_in_the_numbers_of_classes_are_told(tmp_path):
    config = {"model_type": "detr", "architectures": ["DetrForObjectDetection"]}
    names = {"0": "person", "2": "car", "7": "boat"}
    found = read(write(tmp_path, {**config, "id2label": names}))
    assert found["spec"]["metadata"]["thing_classes"] == ["person", "LABEL_1", "car"]
    assert found["spec"]["params"]["num_classes"] == 3
    assert "has 3 classes, of which 1 have no name, and names others: 7 ('boat')" in found["note"]


def test_folders_of_others_are_none_of_ours(tmp_path):
    assert read(tmp_path) is None
    assert read(write(tmp_path, {"model_type": "anything"})) is None


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"model_type": "bert", "architectures": ["BertModel"]},
            "of the type 'bert', which has no spec: detr, ",
        ),
        (
            {"model_type": "own", "auto_map": {"AutoModel": "code.Model"}},
            "Code that comes with a model is never run",
        ),
        (
            {"model_type": "detr", "architectures": ["DetrModel"]},
            "is a DetrModel; of this type, DetrForObjectDetection and DetrForSegmentation have a",
        ),
        (
            {"model_type": "detr", "architectures": "DetrForObjectDetection"},
            "architectures is a list of names of classes, not 'DetrForObjectDetection'",
        ),
        ({"model_type": ["detr"], "architectures": []}, r"model_type is the name .* not \['detr"),
        (
            {"model_type": "detr", "architectures": [], "id2label": {"0": None}},
            "id2label does not map the numbers of classes to names",
        ),
        (
            {"model_type": "detr", "architectures": [], "id2label": {"a": "1"}},
            "id2label does not map the numbers of classes to names",
        ),
    ],
)
def test_folders_without_a_spec_say_why(tmp_path, config, message):
    with pytest.raises(InputError, match=message):
        Graph.open(write(tmp_path, config))


@pytest.mark.slow
def test_a_problem_of_a_folder_has_its_name(tmp_path):
    pytest.importorskip("transformers", reason=NEEDED)
    config = {"model_type": "detr", "architectures": ["DetrForObjectDetection"], "d_model": "wide"}
    folder = write(tmp_path / "broad", config)
    with pytest.raises(SpecError, match=rf"^<{folder}> params\.config:\s"):
        Graph.open(folder)
    write(folder, {**config, "d_model": 16})
    with pytest.raises(InputError, match="'broad' names no weights"):
        Predictor(folder)


def test_damaged_json_is_named(tmp_path):
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(InputError, match=r"config\.json is no JSON"):
        Graph.open(tmp_path)


def test_code_that_comes_with_a_model_is_not_run(tmp_path):
    config = {
        "model_type": "detr",
        "architectures": ["DetrForObjectDetection"],
        "auto_map": {"AutoModelForObjectDetection": "modeling.Model", "AutoConfig": "modeling.C"},
    }
    write(tmp_path, config, {"image_processor_type": "DetrImageProcessor", "auto_map": {"a": "b"}})
    (tmp_path / "modeling.py").write_text("raise SystemExit('this was run')")
    found = read(tmp_path)
    assert "is not run" in found["note"]
    assert "auto_map" not in found["spec"]["params"]["config"]
    assert "auto_map" not in found["spec"]["params"]["processor_options"]


@pytest.fixture(params=KINDS)
def folder(request, tmp_path):
    """A folder that transformers has saved, its model, and its kind."""
    pytest.importorskip("transformers", reason=NEEDED)
    from composer_transformers.processors import build_processor

    kind = request.param
    theirs = build_theirs(kind).eval()
    theirs.config.id2label = dict(enumerate(NAMES))
    theirs.save_pretrained(tmp_path)
    options = small_params(kind)["processor_options"]
    build_processor(kind.removesuffix("_segmentation"), options).save_pretrained(tmp_path)
    return tmp_path, theirs, kind


@pytest.mark.slow
@torch.no_grad()
def test_a_folder_that_transformers_saved_is_opened_as_it_was(folder):
    path, theirs, kind = folder
    graph = Graph.open(path).eval()
    assert list(graph.spec.metadata.thing_classes) == NAMES
    assert not graph.random_nodes
    records = make_mask_records() if kind in MASK_CONFIGS else make_records()
    images = graph.module("preprocess").processor(
        images=[record["image"] for record in records], return_tensors="pt"
    )
    port, attribute = OUTPUTS.get(kind, ("predictions.logits", "logits"))
    found = graph.run(records, until=port)
    wanted = getattr(theirs(**images, **HIDDEN.get(kind, {})), attribute)
    torch.testing.assert_close(found[-1], wanted, atol=1e-5, rtol=0)


@pytest.mark.slow
@torch.no_grad()
def test_a_saved_graph_is_read_by_transformers(folder, tmp_path_factory):
    import transformers

    from composer_transformers.saving import save_pretrained

    path, theirs, kind = folder
    graph = build_ours(kind, theirs)
    target = tmp_path_factory.mktemp("saved")
    save_pretrained(graph, target)
    again, report = getattr(transformers, type(theirs).__name__).from_pretrained(
        target, output_loading_info=True
    )
    assert not any(report[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    wanted = theirs.state_dict()
    assert all(torch.equal(value, wanted[name]) for name, value in again.state_dict().items())
    assert sorted(load_file(target / "model.safetensors")) == sorted(
        load_file(path / "model.safetensors")
    )
    assert (target / "preprocessor_config.json").is_file()


NETWORKS = {
    "swin": {**BLOCKS, "embed_dim": 8, "num_heads": [1, 2, 2, 2], "window_size": 4},
    "swinv2": {**BLOCKS, "embed_dim": 8, "num_heads": [1, 2, 2, 2], "window_size": 4},
    "convnext": {**BLOCKS, "hidden_sizes": [8, 8, 16, 16]},
    "dinov2": {**STAGES, "hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2},
    "timm_backbone": {"backbone": "test_resnet", "out_indices": [1, 2, 3, 4]},
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("deformable_detr", {"with_box_refine": True}),
        ("deformable_detr", {"with_box_refine": True, "two_stage": True}),
        *(
            (kind, {"backbone_config": {"model_type": network, **config}})
            for kind in ("detr", "mask2former")
            for network, config in NETWORKS.items()
            if (kind, network) != ("mask2former", "timm_backbone")
        ),
    ],
)
def test_weights_of_other_parts_go_both_ways(kind, changes, tmp_path):
    pytest.importorskip("transformers", reason=NEEDED)
    from composer_transformers.saving import save_pretrained

    theirs = build_theirs(kind, **changes)
    theirs.save_pretrained(tmp_path / "theirs")
    graph = Graph.open(tmp_path / "theirs")
    assert not graph.random_nodes
    save_pretrained(graph, tmp_path / "ours")
    again, report = type(theirs).from_pretrained(tmp_path / "ours", output_loading_info=True)
    assert not any(report[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    wanted = theirs.state_dict()
    assert all(torch.equal(value, wanted[name]) for name, value in again.state_dict().items())


@pytest.mark.slow
@torch.no_grad()
def test_predictors_that_were_shared_are_not_after_different_ones_were_loaded(tmp_path):
    pytest.importorskip("transformers", reason=NEEDED)
    kind = "deformable_detr"
    theirs = build_theirs(kind)
    file = tmp_path / "weights.safetensors"
    state = {name: value.clone() for name, value in theirs.state_dict().items()}
    state["class_embed.2.bias"] += 1
    save_file(state, file)
    graph = Graph.from_spec(f"transformers/{kind}", **small_params(kind), weights=file)
    found = graph.state_dict()
    for number in range(3):
        key = f"class_embed.{number}.bias"
        assert torch.equal(found[f"decoder.{key}"], state[key])


@pytest.mark.slow
def test_a_folder_is_predicted_with_from_the_command_line(tmp_path, cli, monkeypatch):
    pytest.importorskip("transformers", reason=NEEDED)
    from composer_transformers.processors import build_processor

    theirs = build_theirs("rt_detr")
    theirs.save_pretrained(tmp_path / "model")
    options = small_params("rt_detr")["processor_options"]
    build_processor("rt_detr", options).save_pretrained(tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    result = cli("predict", "astronaut.jpg", "--model", "model", "--output", "out")
    assert result.code == 0, result.err
    assert (tmp_path / "out/predictions.json").is_file()


@pytest.mark.slow
@torch.no_grad()
def test_half_precision_is_read_and_an_image_file_predicted_as_transformers_does(tmp_path):
    pytest.importorskip("transformers", reason=NEEDED)
    from composer_transformers.processors import build_processor

    theirs = build_theirs("detr").half()
    theirs.save_pretrained(tmp_path)
    options = small_params("detr")["processor_options"]
    processor = build_processor("detr", options)
    processor.save_pretrained(tmp_path)
    image = Image.fromarray(torch.randint(0, 256, (70, 90, 3), dtype=torch.uint8).numpy())
    image.save(tmp_path / "image.png")
    inputs = processor(images=image, return_tensors="pt")
    expected = theirs.float().eval()(**inputs)
    (wanted,) = processor.post_process_object_detection(
        expected, threshold=0.0, target_sizes=[(70, 90)]
    )
    found = Predictor(tmp_path, score_threshold=0.0)(tmp_path / "image.png").instances
    order = wanted["scores"].argsort(descending=True, stable=True)
    torch.testing.assert_close(found.scores, wanted["scores"][order])
    torch.testing.assert_close(found.pred_boxes.tensor, wanted["boxes"][order])
