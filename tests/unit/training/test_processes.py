"""Several processes train one model: the same in all of them, however often it is resumed."""

import pytest
import torch

from composer.checkpoint import read_checkpoint
from forked_processes import run_processes
from unit.training.processes import train_share
from unit.training.small_training import records_of

FILES = ("model.safetensors", "average.safetensors")


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["ddp", "fsdp"])
def test_processes_measure_one_model_and_resume_as_if_nothing_had_happened(mode, tmp_path):
    run_processes(train_share, (2, tmp_path, mode), 2)
    evaluations = records_of(tmp_path / "straight", "evaluation")
    assert [record["difference"] for record in evaluations] == [0, 0, 0]
    for name in FILES:
        straight, cut, recomputed = (
            read_checkpoint(tmp_path / run / "checkpoints/0000006" / name).tensors
            for run in ("straight", "cut", "recomputed")
        )
        for key, tensor in straight.items():
            assert torch.equal(cut[key], tensor), key
            torch.testing.assert_close(recomputed[key], tensor, msg=key)
