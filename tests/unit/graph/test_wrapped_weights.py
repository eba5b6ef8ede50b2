"""Weights under the names that training scripts and wrappers give them."""

import logging
import sys
from argparse import Namespace

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from composer import Graph
from composer.discovery import Publication
from composer.errors import CheckpointError, CheckpointMismatchError
from composer.registry import Registry
from unit.graph.test_foreign_weights import SPEC, Head, Trunk


def build(seed=0, **options):
    return Graph.from_spec(SPEC, nodes={"trunk": Trunk, "head": Head}, seed=seed, **options)


STATE = build(5).state_dict()
RAW = build(6).state_dict()


def under(prefix, state=STATE):
    return {prefix + key: value for key, value in state.items()}


@pytest.fixture
def load(tmp_path):
    """Saves a document, loads it into a graph, and returns the graph and the remarks."""

    def load(document, metadata=None, suffix=".pth", **options):
        file = tmp_path / f"x{suffix}"
        if suffix == ".safetensors":
            save_file(document, file, metadata)
        else:
            torch.save(document if metadata is None else wrap(document, metadata), file)
        graph = build()
        return graph, graph.load(str(file), **options).remarks

    def wrap(document, metadata):
        return {"model": document, "composer": metadata}

    return load


def has(graph, state):
    return all(torch.equal(value, state[key]) for key, value in graph.state_dict().items())


@pytest.mark.parametrize(
    ("document", "remark"),
    [
        (STATE, ""),
        ({"model": STATE, "iteration": 3}, ""),
        (under("net."), "names without 'net.'"),
        (under("module.model."), "names without 'module.model.'"),
        (under("my_detector.core."), "names without 'my_detector.core.'"),
        ({"model_state_dict": under("_orig_mod.")}, "weights of 'model_state_dict'; names without"),
        ({"checkpoint": {"model": under("net.")}}, "weights of 'checkpoint.model'; names without"),
        (
            {
                "state_dict": under("model.") | {"loss.weight": torch.ones(1)},
                "hyper_parameters": {},
            },
            "names without 'model.'; 1 tensor (loss.weight) without that prefix left out",
        ),
        (under("module.") | {"n_averaged": torch.tensor(3)}, "names without 'module.'; 1 tensor"),
        (
            {"state_dict": RAW, "ema_state_dict": under("module.")},
            "weights of 'ema_state_dict' (averaged); names without 'module.'; not of "
            "'state_dict', which the option section chooses",
        ),
        ({"model": RAW, "model_ema": STATE}, "weights of 'model_ema' (averaged); not of 'model'"),
        (
            under("student.", RAW) | under("teacher."),
            "names without 'teacher.' (averaged); not of 'student.', which",
        ),
    ],
)
def test_wrappers_are_found_by_what_fits_and_reported_in_one_line(document, remark, load):
    graph, remarks = load(document)
    assert has(graph, STATE)
    assert len(remarks) == bool(remark)
    assert remark in "".join(remarks)


@pytest.mark.parametrize(
    ("document", "section"),
    [
        ({"state_dict": STATE, "ema_state_dict": RAW}, "state_dict"),
        (under("student.") | under("teacher.", RAW), "student"),
        ({"model": under("student.") | under("teacher.", RAW)}, "model.student"),
    ],
)
def test_a_section_is_chosen_by_its_name(document, section, load):
    graph, _ = load(document, section=section)
    assert has(graph, STATE)


def test_an_unknown_section_lists_those_that_there_are(load):
    with pytest.raises(CheckpointError, match=r"no section 'emma'. There are: ema, model"):
        load({"model": RAW, "ema": STATE}, section="emma")


def test_weights_that_fit_better_come_before_averaged_ones(load):
    averaged = {key: value for key, value in RAW.items() if "trunk" in key}
    graph, (remark,) = load({"model": STATE, "ema": averaged})
    assert has(graph, STATE)
    assert "weights of 'model'; not of 'ema'" in remark


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_weights_that_are_no_numbers_are_told_by_name_and_count(dtype, load, caplog):
    broken = {key: value.to(dtype, copy=True) for key, value in STATE.items()}
    broken["model.trunk.stem.weight"][0] = torch.inf
    broken["model.head.fc.bias"][:] = torch.nan
    with caplog.at_level(logging.WARNING):
        _, (remark,) = load(broken)
    assert remark == (
        "2 tensors with NaN or infinite numbers: model.trunk.stem.weight (2 of 6), "
        "model.head.fc.bias (1 of 1)"
    )
    assert remark in caplog.text


def test_another_network_is_called_one(load):
    other = nn.ModuleDict({name: nn.Conv2d(2, 2, 1) for name in "abcd"}).state_dict()
    with pytest.raises(CheckpointMismatchError, match="0 of 6 tensors of 2 nodes fit: another"):
        load(other)


MAPPING = """
class Mapping:
    name = "{name}"
    matches_by_suffix = False

    def recognises(self, keys):
        return {recognises}

    def rename(self, tensors):
        return {{key.replace("{old}", "{new}"): tensor for key, tensor in tensors.items()}}
"""


@pytest.fixture
def publish(tmp_path, monkeypatch):
    """Publishes key mappings, each of a distribution of its own, in place of the installed ones."""
    monkeypatch.syspath_prepend(tmp_path)
    published = []

    def make(name, old, new, recognises="True", distribution=None):
        source = MAPPING.format(name=name, old=old, new=new, recognises=recognises)
        (tmp_path / f"mapping_{name}.py").write_text(source)
        owner = distribution or f"dist-{name}"
        published.append(Publication(name, f"mapping_{name}", "Mapping", owner, "1.2"))

    class OwnRegistry:
        installed = staticmethod(lambda _: Registry(published, what="key mapping"))

    monkeypatch.setattr("composer.checkpoint.checkpoint_keys.Registry", OwnRegistry)
    yield make
    for one in published:
        sys.modules.pop(one.module, None)


FOREIGN = {key.replace("trunk", "network"): value for key, value in STATE.items()}


def test_a_mapping_is_asked_when_anything_is_missing(publish, load):
    partly = {key.replace("trunk.stem", "trunk.first"): v for key, v in STATE.items()}
    publish("partly", "first", "stem")
    graph, _ = load(partly)
    assert has(graph, STATE)


def test_no_mapping_is_asked_of_names_that_fit(publish, load):
    publish("never", "trunk", "network")
    graph, remarks = load(STATE)
    assert has(graph, STATE)
    assert not remarks
    assert "mapping_never" not in sys.modules


def test_the_mapping_that_fits_best_wins_and_the_others_are_named(publish, load):
    publish("a_greedy", "fc", "linear")
    publish("b_right", "network", "trunk")
    graph, (remark,) = load(FOREIGN)
    assert has(graph, STATE)
    assert "'a_greedy' of mapping-a-greedy (dist-a_greedy 1.2) recognises these names" in remark
    assert "6 with 'b_right' of mapping-b-right (dist-b_right 1.2), which is used" in remark


def test_a_tie_is_reported(publish, load):
    publish("a", "network", "trunk")
    publish("b", "network", "trunk")
    graph, (remark,) = load(FOREIGN)
    assert has(graph, STATE)
    assert "'b' of mapping-b (dist-b 1.2) recognises these names, too: it fits as well as" in remark
    assert "'a' of mapping-a (dist-a 1.2), which is used" in remark


def test_a_tie_with_a_strangers_mapping_is_ours(publish, load):
    publish("stranger", "network", "trunk")
    ours = "all(key.startswith('model.') for key in keys)"
    publish("ours", "network", "trunk", recognises=ours, distribution="detection-composer")
    graph, remarks = load({"state_dict": under("module.", FOREIGN)})
    assert has(graph, STATE)
    assert "as well as 'ours' of mapping-ours (detection-composer 1.2), which is" in remarks[-1]


def test_a_mapping_that_fits_worse_than_the_names_is_not_used(publish, load):
    publish("greedy", "model", "x")
    partly = {key: value for key, value in STATE.items() if "fc.bias" not in key}
    with pytest.raises(CheckpointMismatchError, match=r"'greedy' of mapping-greedy .*5 without"):
        load(partly)
    graph, _ = load(partly, allow_missing=True)
    assert torch.equal(graph.state_dict()["model.trunk.stem.bias"], STATE["model.trunk.stem.bias"])


def test_a_mapping_is_forced_by_its_name_or_left_out(publish, load):
    publish("body", "network", "trunk", recognises="False")
    with pytest.raises(CheckpointMismatchError):
        load(FOREIGN)
    graph, _ = load(FOREIGN, key_mapping="body")
    assert has(graph, STATE)
    graph, _ = load(FOREIGN, key_mapping="dist-body/body")
    assert graph.provenance[-1].format == "body of dist-body torch"
    publish("other", "network", "trunk")
    with pytest.raises(CheckpointMismatchError):
        load(FOREIGN, key_mapping="none")
    with pytest.raises(CheckpointError, match=r"no key mapping 'bodi'. Did you mean 'body'"):
        load(FOREIGN, key_mapping="bodi")


def test_a_mapping_itself_can_be_given(load):
    class Renamed:
        name = "mine"
        matches_by_suffix = False

        def recognises(self, keys):
            return False

        def rename(self, tensors):
            return {key.replace("network", "trunk"): value for key, value in tensors.items()}

    graph, _ = load(FOREIGN, key_mapping=Renamed())
    assert has(graph, STATE)


def test_wrapped_names_of_another_family_are_renamed_without_the_wrapper(publish, load):
    publish("body", "network", "trunk", recognises="all(key.startswith('model.') for key in keys)")
    graph, remarks = load({"state_dict": under("module.", FOREIGN)})
    assert has(graph, STATE)
    assert remarks[:-1] == ["names without 'module.'"]


def test_a_strangers_mapping_is_never_used_in_silence(publish, load):
    publish("greedy", "first", "stem")
    graph, (remark,) = load(
        {key.replace("trunk.stem", "trunk.first"): v for key, v in STATE.items()}
    )
    assert has(graph, STATE)
    assert remark == (
        "names as key mapping 'greedy' of mapping-greedy (dist-greedy 1.2) renames them: 6 tensors "
        "fit, 4 with the names of the file; the option key_mapping chooses another"
    )


GREEDY = """
class Mapping:
    name = "greedy"
    matches_by_suffix = False

    def recognises(self, keys):
        return True

    def rename(self, tensors):
        import torch
        return {"model.head.fc.bias": torch.full((1,), 7.0)} | dict(tensors)
"""


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_file_that_describes_itself_is_renamed_by_nobody_else(suffix, publish, tmp_path, load):
    publish("greedy", "a", "b")
    (tmp_path / "mapping_greedy.py").write_text(GREEDY)
    lacking = {key: value for key, value in STATE.items() if key != "model.head.fc.bias"}
    graph, (remark,) = load(lacking)  # of unknown origin: the best fit wins, and is told
    assert graph.state_dict()["model.head.fc.bias"].tolist() == [7]
    assert "dist-greedy" in remark
    sys.modules.pop("mapping_greedy")
    own = {"composer.format": "2", "composer.plugins": '{"dist-mine": "3"}'}
    with pytest.raises(CheckpointMismatchError, match=r"fc\.bias") as caught:
        load(lacking, metadata=own, suffix=suffix)
    assert "greedy" not in str(caught.value)
    assert "mapping_greedy" not in sys.modules
    theirs = {"composer.format": "2", "composer.plugins": '{"dist-greedy": "1.0"}'}
    assert "dist-greedy" in load(lacking, metadata=theirs, suffix=suffix)[1][0]
    load(lacking, metadata=own, suffix=suffix, key_mapping="greedy")  # as it was asked for


@pytest.mark.parametrize(("rank", "num_lines"), [("0", 1), ("1", 0)])
def test_only_the_first_process_logs_remarks(rank, num_lines, load, caplog, monkeypatch):
    monkeypatch.setenv("RANK", rank)
    _, remarks = load({"model": STATE, "args": Namespace()})
    assert remarks == ["args: argparse.Namespace, not read"]
    assert len(caplog.records) == num_lines


@pytest.mark.parametrize("keys", [["fc.weight"], ["a/b", "trunk/stem/weight"]])
def test_another_network_is_called_one_when_a_part_of_the_graph_is_loaded(keys, tmp_path):
    torch.save({key: torch.ones(2) for key in keys}, tmp_path / "x.pth")
    graph = build(until="trunk")
    with pytest.raises(CheckpointMismatchError, match="fit: another network") as caught:
        graph.load(str(tmp_path / "x.pth"))
    assert f"in the file: {', '.join(keys)}" in str(caught.value)
