"""Weights that are spread over processes: saved, resumed and measured without a whole copy."""

import pytest
import torch

from composer.checkpoint import read_checkpoint
from composer.training import ProcessGroup
from forked_processes import run_processes
from unit.training.sharded_detector import (
    NUM_IMAGES,
    make_graph,
    measure,
    share,
    train,
    train_share,
)
from unit.training.small_training import records_of


def last(folder, name):
    return read_checkpoint(folder / "checkpoints/0000006" / name).tensors


@pytest.mark.slow
def test_spread_weights_are_trained_saved_resumed_and_measured_like_whole_ones(tmp_path):
    run_processes(train_share, (2, tmp_path), 2)
    train(tmp_path / "alone", ProcessGroup(torch.device("cpu")))

    for name in ("model.safetensors", "average.safetensors"):
        straight, cut, alone = (last(tmp_path / run, name) for run in ("straight", "cut", "alone"))
        assert straight.keys() == make_graph().state_dict().keys()
        for key, tensor in straight.items():
            assert torch.equal(cut[key], tensor), key
            torch.testing.assert_close(alone[key], tensor, rtol=1e-4, atol=1e-5)

    found, expected = (
        records_of(tmp_path / run, "evaluation")[-1] for run in ("straight", "alone")
    )
    assert found["masks/images"] == NUM_IMAGES
    for metric in ("masks/mean", "validation/mask", "validation/image", "validation/total_loss"):
        assert found[metric] == pytest.approx(expected[metric], rel=1e-3), metric

    saved = make_graph()
    saved.load(str(tmp_path / "straight/checkpoints/0000006/average.safetensors"))
    alone = measure(saved, share(0, 1))
    assert found["masks/mean"] == pytest.approx(alone["masks/mean"], rel=1e-5)
    assert last(tmp_path / "bfloat16", "model.safetensors").keys() == saved.state_dict().keys()
