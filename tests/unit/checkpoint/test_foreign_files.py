"""Files that hold a model, and yet no weights."""

import zipfile

import numpy as np
import pytest
import torch
from torch import nn

from composer.checkpoint import read_checkpoint
from composer.errors import CheckpointError


def save_program(path):
    with zipfile.ZipFile(path, "w") as archive:  # as torch.export.save writes it
        archive.writestr("x/models/model.json", "{}")
        archive.writestr("x/archive_format", "pt2")


def save_script(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:  # as torch.jit.save does
        archive.writestr("x/data.pkl", "")
        archive.writestr("x/code/__torch__/a.py", "class A: pass")


def save_optimizer(path):
    module = nn.Linear(2, 2)
    optimizer = torch.optim.Adam(module.parameters())
    module(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    torch.save({"optimizer": optimizer.state_dict()}, path)


@pytest.mark.parametrize(
    ("save", "reason"),
    [
        (lambda path: torch.save(nn.Linear(2, 2), path), "a whole module instead of its weights"),
        (
            lambda path: torch.save({"model": nn.Linear(2, 2), "epoch": 3}, path),
            r"a whole module .* torch.save\(model.state_dict\(\)",
        ),
        (
            lambda path: torch.save(nn.Linear(2, 2), path, _use_new_zipfile_serialization=False),
            "a whole module instead of its weights",
        ),
        (save_program, r"a program of torch.export.*torch.export.load\(file\).state_dict"),
        (save_script, r"a TorchScript archive, which holds code.*torch.jit.load\(file\)"),
        (save_optimizer, "the state of an optimizer, which has no weights"),
        (lambda path: np.savez(path.with_suffix(".npz"), a=np.ones(2)), r"arrays of numpy \(.npz"),
    ],
)
def test_a_file_without_weights_says_what_it_is(save, reason, tmp_path):
    save(tmp_path / "x.pth")
    (file,) = tmp_path.iterdir()
    with pytest.raises(CheckpointError, match=reason):
        read_checkpoint(file)
