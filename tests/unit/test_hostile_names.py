"""A plugin that publishes all of our names takes none of them away."""

import json

import pytest
from PIL import Image

from composer.blueprint import resolve_spec
from composer.construction import check_source
from composer.data import find_data, read_data_file
from composer.discovery import DISTRIBUTION, shipped_models, shipped_specs
from composer.experiment import load_experiment, standard_experiment
from composer.graph import Graph, open_blueprint
from composer.language import load_spec
from sample_nodes import NODES

SMALL = {
    "stem_out_channels": 8,
    "res2_out_channels": 16,
    "width_per_group": 4,
    "fpn_channels": 8,
    "fc_dim": 16,
    "mask_conv_dim": 8,
}


def find_strangers(blueprint):
    return [n for n in blueprint.nodes.values() if n.publication.distribution != DISTRIBUTION]


def test_shipped_specs_mean_what_they_meant(hostile_plugin, caplog):
    for path in shipped_specs().values():
        assert find_strangers(resolve_spec(load_spec(path))) == []
    assert caplog.messages == []


@pytest.mark.slow
@pytest.mark.parametrize("name", shipped_specs())
def test_shipped_specs_check_to_the_same_documents(request, name):
    if name.startswith("transformers/"):
        pytest.importorskip("transformers", reason="the extra 'transformers' is not installed")
    before = check_source(f"{DISTRIBUTION}/{name}").spec.document
    request.getfixturevalue("hostile_plugin")
    assert check_source(f"{DISTRIBUTION}/{name}").spec.document == before


def test_a_users_own_words_mean_ours_with_one_note(hostile_plugin, caplog):
    assert find_strangers(check_source("mask_rcnn_r50_fpn")) == []
    assert caplog.messages == [
        "note: the spec 'mask_rcnn_r50_fpn' is published by hostile-plugin 1.0, too; it means "
        "'detection-composer/mask_rcnn_r50_fpn', which can be written to say so"
    ]


def test_a_users_own_spec_gets_one_note_a_name(hostile_plugin, spec_folder, caplog):
    blueprint = spec_folder.check(
        """
        composer: 1
        extends: detection-composer/mask_rcnn_r50_fpn
        nodes:
          roi_heads:
            nodes:
              mask_head: {uses: mask_head, with: {num_classes: 80}}
              other: {uses: mask_head, inputs: {x: mask_pooler}, with: {num_classes: 80}}
        """
    )
    assert find_strangers(blueprint) == []
    assert caplog.messages == [
        "note: spec.yaml:7:25: the node type 'mask_head' is published by hostile-plugin 1.0, too; "
        "it means 'detection-composer/mask_head', which can be written to say so"
    ]


def test_the_strangers_own_names_are_reached_by_its_own(hostile_plugin, spec_folder):
    problem = spec_folder.problem(
        "composer: 1\ninputs: {x: any}\n"
        "nodes: {a: {uses: hostile-plugin/mask_head, inputs: {x: x}}}\n"
    )
    assert "fails to import: RuntimeError: nobody asked for this plugin" in problem.message


def test_models_keep_their_names(hostile_plugin, caplog):
    for name in shipped_models():
        assert find_strangers(open_blueprint(f"{DISTRIBUTION}/{name}").blueprint) == []
        assert caplog.messages == []
        assert find_strangers(open_blueprint(name).blueprint) == []
        assert [f"the model '{name}'" in note for note in caplog.messages] == [True]


def save(path):
    graph = Graph.from_spec(f"{DISTRIBUTION}/mask_rcnn_r50_fpn", **SMALL)
    graph.save(path)
    graph.subgraph(feeds=["mask_pooler"], until="mask_head").save(path.with_name("part.pth"))
    return graph


def test_checkpoints_mean_what_they_meant(request, tmp_path, caplog):
    save(tmp_path / "model.safetensors")
    before = Graph.open(tmp_path / "model.safetensors").spec.document
    request.getfixturevalue("hostile_plugin")
    opened = Graph.open(tmp_path / "model.safetensors")
    assert opened.spec.document == before
    assert find_strangers(open_blueprint(tmp_path / "part.pth").blueprint) == []
    opened.save(tmp_path / "again.safetensors")
    assert Graph.open(tmp_path / "again.safetensors").spec.document == before
    assert caplog.messages == []


def list_values(document, key):
    """All values of a key in a document, however deep."""
    members = document.values() if isinstance(document, dict) else document
    own = [document[key]] if isinstance(document, dict) and key in document else []
    nested = [each for each in members if isinstance(each, (dict, list))]
    return [*own, *(value for each in nested for value in list_values(each, key))]


def test_what_is_written_is_qualified(tmp_path):
    graph = save(tmp_path / "model.safetensors")
    names = list_values(graph.spec.document, "uses")
    assert len(names) == 22
    assert [name for name in names if not name.startswith(f"{DISTRIBUTION}/")] == []
    assert graph.spec.document["inputs"]["batch"]["type"] == f"{DISTRIBUTION}/ImageBatch"


DATA = {
    "composer_data": 1,
    "datasets": {"train": {"uses": "coco", "with": {"annotations": "a.json", "images": "i"}}},
}


def test_experiments_made_for_a_user_mean_ours_and_say_so(hostile_plugin, tmp_path, caplog):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    images = [{"id": 1, "file_name": "a.png", "height": 8, "width": 8}]
    document = {"images": images, "annotations": [], "categories": []}
    (tmp_path / "a.json").write_text(json.dumps(document))
    data = find_data(tmp_path / "a.json", tmp_path)
    spec = f"{DISTRIBUTION}/mask_rcnn_r50_fpn"
    document = standard_experiment(spec, data).as_document()
    assert caplog.messages == []
    parts = {key: document[key] for key in ("datasets", "train", "validation") if document[key]}
    names = list_values({**parts, "train": parts["train"]["augmentations"]}, "uses")
    assert names
    assert [name for name in names if not name.startswith(f"{DISTRIBUTION}/")] == []
    assert document["spec"] == spec
    again = load_experiment(json.loads(json.dumps(document)))
    assert again.as_document()["spec"] == spec
    assert caplog.messages == []


def test_an_experiment_of_a_bare_spec_is_written_qualified(tmp_path):
    document = standard_experiment("mask_rcnn_r50_fpn", DATA).as_document()
    assert document["spec"] == f"{DISTRIBUTION}/mask_rcnn_r50_fpn"


def test_a_users_data_file_means_ours_with_a_note(hostile_plugin, caplog):
    document = read_data_file(DATA).datasets["train"]
    assert document.resolved()["uses"] == f"{DISTRIBUTION}/coco"
    assert caplog.messages == [
        "note: <dict> datasets.train.uses: the reader of datasets 'coco' is published by "
        "hostile-plugin 1.0, too; it means 'detection-composer/coco', which can be written to say "
        "so"
    ]


def test_local_node_types_come_before_all(hostile_plugin):
    spec = {
        "composer": 1,
        "inputs": {"x": "any"},
        "nodes": {"a": {"uses": "mask_head", "inputs": {"x": "x"}}},
    }
    blueprint = check_source(spec, nodes={"mask_head": NODES["scale"]})
    assert blueprint.nodes["a"].publication is None
    assert blueprint.spec.document["nodes"]["a"]["uses"] == "mask_head"
