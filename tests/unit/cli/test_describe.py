"""`composer describe`."""

import json
import pickle
import re
import sys
from argparse import Namespace

import pytest
import torch
from safetensors.torch import save_file

from composer import Graph
from composer.storage import write_value
from composer.structures import Boxes
from fuzzing.program_targets import make_program_targets


def test_own_checkpoint_is_described_by_node(cli, folder):
    Graph.from_spec("small.yaml").save("weights.safetensors")
    result = cli("describe", "weights.safetensors")
    assert result.code == 0
    assert "weights.safetensors: a checkpoint (safetensors)" in result.out
    assert re.search(r"^  node +tensors +numbers$", result.out, re.MULTILINE)
    assert re.search(r"^  rpn\.rpn_head +6 +", result.out, re.MULTILINE)
    assert "composer.name" in result.out


def test_names_that_a_checkpoint_keeps_are_shown(cli, folder):
    metadata = {"thing_classes": ["cat", "dog"], "thing_colors": [[0, 0, 0], [9, 9, 9]]}
    Graph.from_spec("small.yaml").save("weights.safetensors", metadata=metadata)
    out = cli("describe", "weights.safetensors").out
    assert re.search(r"^names\n  thing classes  2: cat, dog\n\n", out, re.MULTILINE)


def test_what_a_checkpoint_freezes_is_shown(cli, folder):
    (folder / "frozen.yaml").write_text("composer: 1\nextends: small\nfreeze: [rpn_head]\n")
    Graph.from_spec("frozen.yaml").save("weights.safetensors")
    assert "\nfrozen\n  rpn.rpn_head\n" in cli("describe", "weights.safetensors").out


def test_foreign_checkpoint_is_described_by_the_beginnings_of_its_keys(cli, folder):
    tensors = {"backbone.stem.conv1.weight": torch.zeros(8, 3), "head.weight": torch.zeros(1200)}
    torch.save({"model": tensors}, "model.pth")
    out = cli("describe", "model.pth").out
    assert re.search(r"^  backbone\.stem +1 +24$", out, re.MULTILINE)
    assert re.search(r"^  head +1 +1\.2 k$", out, re.MULTILINE)


def test_saved_value_is_described(cli, folder):
    write_value("boxes.safetensors", [Boxes(torch.zeros(3, 4))], {"composer.node": "rpn.boxes"})
    out = cli("describe", "boxes.safetensors").out
    assert "a saved value (safetensors)" in out
    assert "value: 3 boxes" in out
    assert "composer.node  rpn.boxes" in out


def test_damaged_description_of_a_graph_does_not_matter(cli, folder):
    save_file({"a.weight": torch.zeros(1)}, "x.safetensors", {"composer.spec": "{"})
    assert cli("describe", "x.safetensors").code == 0


@pytest.mark.parametrize("content", [None, b"", b"no checkpoint"])
def test_what_is_no_checkpoint_is_a_mistake(cli, folder, content):
    if content is not None:
        (folder / "x.pth").write_bytes(content)
    result = cli("describe", "x.pth")
    assert result.code == 1
    assert "x.pth" in result.err


def test_all_sections_are_listed_with_the_keys_of_the_file(cli, folder):
    plain = {"module.stem.conv1.weight": torch.zeros(8, 3)}
    document = {"model": plain, "ema": {**plain, "module.head.w": torch.zeros(1200)}}
    torch.save({**document, "args": Namespace(lr=0.1)}, "model.pth")
    out = cli("describe", "model.pth").out
    assert re.search(r"^  section +tensors +numbers$", out, re.MULTILINE)
    assert re.search(r"^  ema +2 +1\.2 k$", out, re.MULTILINE)
    assert re.search(r"^  model +1 +24$", out, re.MULTILINE)
    assert re.search(r"^  module\.stem +1 +24$", out, re.MULTILINE)
    assert "  args: argparse.Namespace, not read\n" in out


def test_an_index_of_shards_is_a_checkpoint(cli, tmp_path):
    save_file({"a.w": torch.ones(2)}, tmp_path / "m-1.safetensors")
    save_file({"b.w": torch.ones(3)}, tmp_path / "m-2.safetensors")
    files = {"a.w": "m-1.safetensors", "b.w": "m-2.safetensors"}
    index = tmp_path / "m.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 20}, "weight_map": files}, indent=2))
    result = cli("describe", str(index))
    assert result.code == 0
    assert "a checkpoint (sharded), 2 tensors with 5 numbers" in result.out


@pytest.mark.parametrize("kind", ["onnx", "openvino", "pt2"])
def test_programs_are_described_without_their_libraries(cli, folder, monkeypatch, kind):
    target = make_program_targets()[kind]
    (folder / f"part{target.suffix}").write_bytes(target.corpus[0])
    for library in ("onnx", "onnxruntime", "onnxscript", "openvino", "torch.export"):
        monkeypatch.setitem(sys.modules, library, None)  # an import fails
    for name in ("load", "loads", "Unpickler"):
        monkeypatch.delattr(pickle, name)
    result = cli("describe", f"part{target.suffix}")
    assert (result.code, result.err) == (0, "")
    assert f"part{target.suffix}: small, exported" in result.out
    assert "y.p2" in result.out
