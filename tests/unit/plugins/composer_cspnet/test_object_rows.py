"""The script that gives the last layers of `people` rows for other objects, and takes them away."""

import runpy
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from composer import Graph

FOLDER = Path(__file__).parents[4] / "models" / "people"
SPEC = "cascade_mask_rcnn_cspnet_fpn"
HEAD = "proposal_generator.head.predictors.c3.weight"
NUM_CLASSES = 80


@pytest.fixture(scope="module")
def scripts():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield runpy.run_path(str(FOLDER / "object_rows.py"))


def draw_state(**params):
    torch.manual_seed(0)
    with torch.device("meta"):
        state = Graph.from_spec(SPEC, **params).state_dict()
    return {name: torch.randn(values.shape) for name, values in state.items()}


def test_weights_for_objects_fit_a_model_of_two_classes(scripts):
    people = draw_state(num_classes=1)
    both = draw_state(num_classes=2, **{"proposal_generator.num_classes": NUM_CLASSES})
    wide = scripts["add_rows"](people, both)
    assert {n: v.shape for n, v in wide.items()} == {n: v.shape for n, v in both.items()}
    assert torch.equal(wide[HEAD][1:NUM_CLASSES], both[HEAD][1:NUM_CLASSES])
    assert torch.equal(wide[HEAD][[0, -1]], people[HEAD][[0, -1]])


def test_without_their_rows_objects_are_a_share_of_the_background(scripts, tmp_path, monkeypatch):
    people = draw_state(num_classes=1)
    both = draw_state(num_classes=2, **{"proposal_generator.num_classes": NUM_CLASSES})
    source, target = tmp_path / "both.safetensors", tmp_path / "new" / "people.safetensors"
    save_file(scripts["add_rows"](people, both), source)
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setattr(sys, "argv", ["object_rows.py", "remove", str(source), str(target)])
    runpy.run_path(str(FOLDER / "object_rows.py"), run_name="__main__")
    found = load_file(target)
    assert found.keys() == people.keys()
    for name, values in people.items():
        if ".cls_score." in name:
            person, background = values
            mixed = 0.85 * background + 0.15 * (person + background) / 2
            values = torch.stack([person, mixed])
        torch.testing.assert_close(found[name], values)
