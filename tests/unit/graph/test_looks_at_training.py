"""Graphs that are looked at in training mode before their weights are loaded."""

import torch

from composer import Graph

SMALL = {
    "depth": 18,
    "stem_out_channels": 4,
    "res2_out_channels": 8,
    "fpn_channels": 8,
    "fc_dim": 8,
    "num_classes": 2,
}


def test_a_look_logs_no_note_on_random_weights_and_a_training_does(caplog):
    graph = Graph.from_spec("faster_rcnn_r50_fpn", set=SMALL)
    with graph.in_training_mode():
        assert graph.training
        assert graph.module("box_head").training
    assert not any(module.training for module in graph.modules())
    assert not caplog.records
    graph.train()
    assert "frozen layers have random weights" in caplog.text


def test_weights_that_were_loaded_after_a_look_are_not_random(caplog):
    graph = Graph.from_spec("faster_rcnn_r50_fpn", set=SMALL)
    with graph.in_training_mode():
        pass
    graph.load_state_dict({name: torch.ones_like(one) for name, one in graph.state_dict().items()})
    graph.train()
    assert not caplog.records
