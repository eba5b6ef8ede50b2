import contextlib

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from composer.checkpoint import read_checkpoint
from composer.errors import CheckpointError

TENSORS = {
    "w": torch.arange(24.0).reshape(2, 3, 4),
    "transposed": torch.arange(6.0).reshape(2, 3).T,
    "slice": torch.arange(10)[2:8:2],
    "scalar": torch.tensor(3),
    "empty": torch.zeros(0, 4),
    "half": torch.ones(3, dtype=torch.float16),
    "brain": torch.ones(3, dtype=torch.bfloat16),
    "truth": torch.tensor([True, False]),
    "bytes": torch.arange(5, dtype=torch.uint8),
    "complex": torch.ones(2, dtype=torch.complex64),
}
FORMATS = pytest.mark.parametrize("is_archive", [True, False], ids=["archive", "legacy"])


def save(value, path, is_archive):
    torch.save(value, path, _use_new_zipfile_serialization=is_archive)
    return path


@FORMATS
def test_tensors_of_every_kind_come_back(is_archive, tmp_path):
    checkpoint = read_checkpoint(save(TENSORS, tmp_path / "x.bin", is_archive))
    assert checkpoint.format == ("torch" if is_archive else "legacy torch")
    assert list(checkpoint.tensors) == list(TENSORS)
    for name, tensor in TENSORS.items():
        assert checkpoint.tensors[name].dtype == tensor.dtype
        assert torch.equal(checkpoint.tensors[name], tensor)


def test_dtypes_that_came_later_come_back(tmp_path):
    tensors = {"f": torch.ones(3).to(torch.float8_e4m3fn), "u": torch.ones(3, dtype=torch.uint16)}
    found = read_checkpoint(save(tensors, tmp_path / "x.pth", True)).tensors
    assert {name: tensor.dtype for name, tensor in found.items()} == {
        "f": torch.float8_e4m3fn,
        "u": torch.uint16,
    }


@FORMATS
def test_a_training_checkpoint_comes_apart(is_archive, tmp_path):
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
    module(torch.ones(1, 3, 2, 2)).sum().backward()
    optimizer.step()
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [5, 7])
    value = {
        "model": module.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
        "iteration": 5,
    }
    checkpoint = read_checkpoint(save(value, tmp_path / "model_0000005.pth", is_archive))
    assert set(checkpoint.tensors) == set(module.state_dict())
    assert set(checkpoint.training_state) == {"optimizer", "scheduler", "iteration"}
    assert checkpoint.training_state["iteration"] == 5
    optimizer.load_state_dict(checkpoint.training_state["optimizer"])
    scheduler.load_state_dict(checkpoint.training_state["scheduler"])


def test_parameters_come_back_as_plain_tensors(tmp_path):
    save({"w": nn.Parameter(torch.ones(2))}, tmp_path / "x.pth", True)
    (tensor,) = read_checkpoint(tmp_path / "x.pth").tensors.values()
    assert type(tensor) is torch.Tensor
    assert not tensor.requires_grad


def test_tensors_of_an_archive_are_views_of_the_file(tmp_path):
    save({"a": torch.zeros(1000), "b": torch.zeros(1000)}, tmp_path / "x.pth", True)
    tensors = read_checkpoint(tmp_path / "x.pth").tensors
    distance = tensors["b"].data_ptr() - tensors["a"].data_ptr()
    assert 4000 < distance < 5000  # as in the file: one after the other


def test_an_archive_under_a_name_of_another_format_is_read(tmp_path):
    path = save(TENSORS, tmp_path / "x.safetensors", True)
    assert torch.equal(read_checkpoint(path).tensors["w"], TENSORS["w"])


def test_a_module_of_pycls_is_matched_by_suffix_and_without_batch_counts(tmp_path):
    state = nn.BatchNorm2d(2).state_dict()
    checkpoint = read_checkpoint(
        save({"model_state": state, "epoch": 3}, tmp_path / "x.pyth", True)
    )
    assert checkpoint.format == "pycls torch"
    assert checkpoint.matching_heuristics
    assert set(checkpoint.tensors) == {"weight", "bias", "running_mean", "running_var"}
    assert checkpoint.training_state == {"epoch": 3}


@FORMATS
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_refused(is_archive, share, tmp_path):
    path = save({"model": TENSORS}, tmp_path / "whole.pth", is_archive)
    content = path.read_bytes()
    truncated = tmp_path / "truncated.pth"
    truncated.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CheckpointError, match=r"truncated\.pth: "):
        read_checkpoint(truncated)


@pytest.mark.parametrize("tensor", [torch.zeros(0, 4), torch.ones(2)], ids=["empty", "filled"])
def test_no_byte_of_the_last_storage_may_be_missing(tensor, tmp_path):
    content = save({"w": tensor}, tmp_path / "whole.pth", False).read_bytes()
    truncated = tmp_path / "truncated.pth"
    for missing in range(1, 8 + tensor.nbytes + 1):  # its count, and its data
        truncated.write_bytes(content[:-missing])
        with pytest.raises(CheckpointError, match=r"truncated\.pth: .* is cut off"):
            read_checkpoint(truncated)


@pytest.mark.filterwarnings("ignore:invalid escape")  # in a text, of pickletools
@FORMATS
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
def test_a_damaged_file_raises_nothing_but_checkpoint_errors(is_archive, share, byte, tmp_path):
    path = save({"model": TENSORS}, tmp_path / "model.pth", is_archive)
    content = bytearray(path.read_bytes())
    content[int(share * len(content))] = byte
    path.write_bytes(content)
    with contextlib.suppress(CheckpointError):
        read_checkpoint(path)
