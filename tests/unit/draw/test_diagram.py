import pytest

from composer.blueprint import elaborate
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
def network():
    log = ProblemLog()
    networks = elaborate(load_spec(SPEC), log)
    log.raise_any()
    return networks["inference"]


def test_boxes_are_the_inputs_the_nodes_and_the_outputs(network):
    diagram = make_diagram(network, "title")
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


def test_box_tells_whether_it_is_trained(network):
    spec = load_spec({**SPEC, "freeze": ["prepare", "heads.first.stem", "heads.first.res2"]})
    boxes = make_diagram(network, "title", frozen=spec.freeze.values()).boxes
    assert boxes["prepare"].type == "preprocess, frozen"
    assert boxes["heads.first"].type == "resnet, partly frozen"
    assert boxes["heads.second"].type == "again heads.first"
    assert boxes["join"].type == "join"
    whole = load_spec({**SPEC, "freeze": ["heads.first.stem", "heads"]}).freeze.values()
    boxes = make_diagram(network, "title", frozen=whole).boxes
    assert boxes["heads.first"].type == "resnet, frozen"


def test_box_tells_what_it_is(network):
    boxes = make_diagram(network, "title", plugin_of=lambda uses: f"plugin-of-{uses}").boxes
    assert (boxes["batch"].kind, boxes["batch"].type) == ("input", "ImageBatch")
    assert boxes["extra"].type == ""
    first = boxes["heads.first"]
    assert (first.title, first.group, first.type) == ("first", "heads", "resnet")
    assert first.plugin == "plugin-of-resnet"
    assert boxes["heads.second"].type == "again heads.first"
    assert boxes["output features"].kind == "output"


def test_wires_are_followed_into_and_out_of_nested_graphs(network):
    links = {(link.tail, link.port, link.head) for link in make_diagram(network, "t").links}
    assert links == {
        ("batch", "", "prepare"),
        ("prepare", "images", "heads.first"),
        ("prepare", "images", "heads.second"),
        ("heads.first", "", "join"),
        ("heads.second", "", "join"),
        ("join", "", "output result"),
        ("heads.second", "", "output features"),
    }


def test_nested_graph_without_nodes_in_the_mode_is_left_out(network):
    assert make_diagram(network, "title").groups == ("heads",)


def test_without_a_selection_nothing_is_idle(network):
    diagram = make_diagram(network, "title")
    assert {box.state for box in diagram.boxes.values()} == {"plain"}
    assert all(link.is_used for link in diagram.links)
    assert not diagram.is_partial


def test_selection_tells_what_runs_and_what_does_not(network):
    selection = Selection(
        runs=frozenset({"heads.second"}),
        fed=frozenset({"prepare"}),
        targets=frozenset({"heads.second"}),
    )
    diagram = make_diagram(network, "title", selection=selection)
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


def test_plugins_are_named_once_in_the_order_of_the_nodes(network):
    plugins = {"preprocess": "images", "resnet": "backbones", "join": "images"}
    diagram = make_diagram(network, "title", plugin_of=plugins.__getitem__)
    assert diagram.plugins == ("images", "backbones")
