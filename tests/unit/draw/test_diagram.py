import pytest

from composer.blueprint import resolve_references
from composer.documents import ProblemLog
from composer.draw import Selection, make_diagram
from composer.language import load_spec

SPEC = {
    "composer": 1,
    "inputs": {"batch": "ImageBatch", "extra": "any"},
    "nodes": {
        "prepare": {"uses": "preprocess", "inputs": {"batch": "batch"}},
        "heads": {
            "inputs": {"images": "prepare.images"},
            "nodes": {
                "first": {"uses": "resnet", "inputs": {"images": "images"}},
                "second": {"same_as": "first", "inputs": {"images": "images"}},
                "loss": {"uses": "loss", "inputs": {"x": "first"}, "when": "training"},
            },
            "outputs": {"features": "second"},
        },
        "only_training": {
            "inputs": {},
            "nodes": {"loss": {"uses": "loss", "inputs": {"x": "batch"}, "when": "training"}},
        },
        "join": {"uses": "join", "inputs": {"items": ["heads.first", "heads.second"]}},
    },
    "outputs": {"result": "join", "features": "heads"},
}
SPEC["nodes"]["only_training"]["inputs"] = {"batch": "batch"}


@pytest.fixture(scope="module")
def blueprint():
    return resolve(SPEC)


def resolve(source):
    log = ProblemLog()
    blueprint = resolve_references(load_spec(source), log)
    log.raise_any()
    return blueprint


def test_boxes_are_the_inputs_the_nodes_and_the_outputs(blueprint):
    diagram = make_diagram(blueprint, "inference")
    assert list(diagram.boxes) == [
        "batch",
        "extra",
        "prepare",
        "heads.first",
        "heads.second",
        "join",
        "output result",
        "output features",
    ]


def test_box_tells_whether_it_is_trained():
    frozen = resolve({**SPEC, "freeze": ["prepare", "heads.first.stem", "heads.first.res2"]})
    boxes = make_diagram(frozen, "inference").boxes
    assert boxes["prepare"].type == "preprocess, frozen"
    assert boxes["heads.first"].type == "resnet, partly frozen"
    assert boxes["heads.second"].type == "again heads.first"
    assert boxes["join"].type == "join"
    frozen = resolve({**SPEC, "freeze": ["heads.first.stem", "heads"]})
    boxes = make_diagram(frozen, "inference").boxes
    assert boxes["heads.first"].type == "resnet, frozen"


def test_recomputed_nodes_are_marked():
    nodes = {**SPEC["nodes"], "heads": {**SPEC["nodes"]["heads"], "recompute": True}}
    boxes = make_diagram(resolve({**SPEC, "nodes": nodes, "freeze": ["heads"]}), "training").boxes
    assert boxes["heads.first"].type == "resnet, frozen, recomputed"
    assert "recomputed" not in boxes["prepare"].type


def test_box_tells_what_it_is(blueprint):
    boxes = make_diagram(
        blueprint, "inference", plugin_of=lambda node: f"plugin-of-{node.uses}"
    ).boxes
    assert (boxes["batch"].kind, boxes["batch"].type) == ("input", "ImageBatch")
    assert boxes["extra"].type == ""
    first = boxes["heads.first"]
    assert (first.title, first.group, first.type) == ("first", "heads", "resnet")
    assert first.plugin == "plugin-of-resnet"
    assert boxes["heads.second"].type == "again heads.first"
    assert boxes["output features"].kind == "output"


def test_wires_are_followed_into_and_out_of_nested_graphs(blueprint):
    links = {
        (link.tail, link.port, link.head) for link in make_diagram(blueprint, "inference").links
    }
    assert links == {
        ("batch", "", "prepare"),
        ("prepare", "images", "heads.first"),
        ("prepare", "images", "heads.second"),
        ("heads.first", "", "join"),
        ("heads.second", "", "join"),
        ("join", "", "output result"),
        ("heads.second", "", "output features"),
    }


def test_nested_graph_without_nodes_in_the_mode_is_left_out(blueprint):
    assert make_diagram(blueprint, "inference").groups == ("heads",)


def test_without_a_selection_nothing_is_idle(blueprint):
    diagram = make_diagram(blueprint, "inference")
    assert {box.state for box in diagram.boxes.values()} == {"plain"}
    assert all(link.is_used for link in diagram.links)
    assert not diagram.is_partial


def test_selection_tells_what_runs_and_what_does_not(blueprint):
    selection = Selection(
        runs=frozenset({"heads.second"}),
        fed=frozenset({"prepare"}),
        targets=frozenset({"heads.second"}),
    )
    diagram = make_diagram(blueprint, "inference", selection=selection)
    states = {key: box.state for key, box in diagram.boxes.items()}
    assert states == {
        "batch": "idle",
        "extra": "idle",
        "prepare": "fed",
        "heads.first": "idle",
        "heads.second": "target",
        "join": "idle",
        "output result": "idle",
        "output features": "idle",
    }
    used = [(link.tail, link.head) for link in diagram.links if link.is_used]
    assert used == [("prepare", "heads.second")]


def test_plugins_are_named_once_in_the_order_of_the_nodes(blueprint):
    plugins = {"preprocess": "images", "resnet": "backbones", "join": "images"}
    diagram = make_diagram(blueprint, "inference", plugin_of=lambda node: plugins[node.uses])
    assert diagram.plugins == ("images", "backbones")
