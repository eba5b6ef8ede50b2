import os
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from composer.checkpoint import describe_checkpoint, read_checkpoint
from composer.checkpoint.caffe2_mapping import Caffe2Mapping
from composer.errors import CheckpointError

TENSORS = {"a.weight": torch.arange(6.0).reshape(2, 3), "ab.bias": torch.ones(2)}
ARRAYS = {name: tensor.numpy() for name, tensor in TENSORS.items()}


def save_archive(value, path):
    torch.save(value, path)


def save_legacy(value, path):
    torch.save(value, path, _use_new_zipfile_serialization=False)


def save_pickle(value, path):
    arrays = {name: tensor.numpy() for name, tensor in value.items()}
    path.write_bytes(pickle.dumps(arrays, 2))


WRITERS = {
    "safetensors": save_file,
    "torch": save_archive,
    "legacy torch": save_legacy,
    "pickle": save_pickle,
}


@pytest.fixture(params=WRITERS)
def written(request, tmp_path):
    """The name of a format, and a function that writes a state dict in it."""

    def write(tensors):
        # A misleading suffix: only the content counts.
        WRITERS[request.param](tensors, tmp_path / "weights.png")
        return tmp_path / "weights.png"

    return request.param, write


def test_a_bare_state_dict_is_read_from_every_format_whatever_its_suffix(written):
    container, write = written
    checkpoint = read_checkpoint(str(write(TENSORS)))
    assert checkpoint.format == container
    assert checkpoint.tensors.keys() == TENSORS.keys()
    assert all(torch.equal(checkpoint.tensors[name], TENSORS[name]) for name in TENSORS)
    assert not checkpoint.matching_heuristics


def test_every_format_can_be_described(written):
    container, write = written
    description = describe_checkpoint(write(TENSORS))
    assert description.format == container
    assert description.shapes == {"a.weight": (2, 3), "ab.bias": (2,)}


@pytest.mark.parametrize("reads", [read_checkpoint, describe_checkpoint])
def test_a_file_that_cannot_be_opened_is_named(reads, written, monkeypatch):
    _, write = written
    path = write(TENSORS)

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        with pytest.raises(CheckpointError, match=r"png: cannot be read: Permission denied"):
            reads(path)


def test_only_keys_that_begin_with_a_prefix_are_taken(written):
    _, write = written
    path = write(TENSORS)
    assert set(read_checkpoint(path).only({"a."}).tensors) == {"a.weight"}
    assert set(read_checkpoint(path).only(["a.", "ab."]).tensors) == set(TENSORS)
    assert set(read_checkpoint(path).only([""]).tensors) == set(TENSORS)
    assert not read_checkpoint(path).only([]).tensors


@pytest.mark.parametrize(
    "wrapper", ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."]
)
def test_the_names_of_wrappers_are_taken_off(wrapper, written):
    _, write = written
    path = write({wrapper + name: tensor for name, tensor in TENSORS.items()})
    assert set(read_checkpoint(path).tensors) == set(TENSORS)
    assert set(read_checkpoint(path).only(["a."]).tensors) == {"a.weight"}


def test_a_module_that_is_called_module_keeps_its_name(written):
    _, write = written
    tensors = {"module.weight": torch.ones(1), "other.weight": torch.ones(1)}
    assert set(read_checkpoint(write(tensors)).tensors) == set(tensors)


def test_a_directory_is_read_through_its_last_checkpoint(tmp_path):
    save_file(TENSORS, tmp_path / "model_final.safetensors")
    (tmp_path / "last_checkpoint").write_text("model_final.safetensors")
    checkpoint = read_checkpoint(tmp_path)
    assert checkpoint.path == tmp_path / "model_final.safetensors"
    assert set(checkpoint.tensors) == set(TENSORS)


def write_document(document, path):
    path.write_bytes(pickle.dumps(document, 2))
    return path


def test_a_file_of_the_model_zoo_is_read(tmp_path):
    document = {"model": ARRAYS, "__author__": "Detectron2 Model Zoo", "iteration": 7}
    checkpoint = read_checkpoint(write_document(document, tmp_path / "model_final.pkl"))
    assert checkpoint.format == "pickle"
    assert checkpoint.metadata == {"author": "Detectron2 Model Zoo"}
    assert checkpoint.training_state == {"iteration": 7}
    assert all(torch.equal(checkpoint.tensors[name], TENSORS[name]) for name in TENSORS)


def test_a_file_that_asks_for_matching_by_suffix_is_read_as_a_whole(tmp_path):
    document = {"model": ARRAYS, "__author__": "torchvision", "matching_heuristics": True}
    path = write_document(document, tmp_path / "R-50.pkl")
    checkpoint = read_checkpoint(path)
    assert checkpoint.matching_heuristics
    assert set(checkpoint.tensors) == set(TENSORS)


def test_arrays_of_another_byte_order_or_layout_become_plain_tensors(tmp_path):
    arrays = {"big": np.arange(3, dtype=">f4"), "fortran": np.asfortranarray(ARRAYS["a.weight"])}
    tensors = read_checkpoint(write_document(arrays, tmp_path / "x")).tensors
    assert tensors["big"].tolist() == [0, 1, 2]
    assert tensors["fortran"].is_contiguous()
    tensors["big"].add_(1)  # writable, and not a view of anybody's bytes


def test_numpy_scalars_among_the_weights_become_tensors(tmp_path):
    tensors = read_checkpoint(write_document({"a": np.int64(3)}, tmp_path / "x")).tensors
    assert torch.equal(tensors["a"], torch.tensor(3))


def test_what_is_no_tensor_among_the_weights_is_kept_apart(tmp_path):
    document = {"model": {**ARRAYS, "weight_order": "1"}}
    checkpoint = read_checkpoint(write_document(document, tmp_path / "x"))
    assert set(checkpoint.tensors) == set(ARRAYS)
    assert checkpoint.training_state == {"weight_order": "1"}


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ([1, 2], "it holds a list, and a checkpoint is a dict"),
        ({1: np.zeros(2)}, "it holds a dict, and a checkpoint is a dict of tensors by name"),
        ({"epoch": 3, "best": 0.5}, "it has no tensors. Its keys: epoch, best"),
        ({"model": {}}, "it has no tensors. Its keys: none"),
        ({f"key{index}": index for index in range(20)}, "key7, ...$|key7, ...\\."),
    ],
)
def test_a_file_without_weights_is_an_error(document, reason, tmp_path):
    with pytest.raises(CheckpointError, match=reason):
        read_checkpoint(write_document(document, tmp_path / "x"))


class UpperCase:
    """A family of checkpoints whose keys shout."""

    name = "shouting"
    matches_by_suffix = False

    def recognises(self, keys):
        return all(key.isupper() for key in keys)

    def rename(self, tensors):
        return {key.lower(): tensor for key, tensor in tensors.items()}


def test_another_family_of_names_can_be_added(written):
    container, write = written
    path = write({name.upper(): tensor for name, tensor in TENSORS.items()})
    checkpoint = read_checkpoint(path, key_mappings=[Caffe2Mapping(), UpperCase()])
    assert checkpoint.format == f"shouting {container}"
    assert set(checkpoint.tensors) == set(TENSORS)
