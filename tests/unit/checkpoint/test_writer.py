import os
import stat

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from composer.checkpoint import format_for, read_checkpoint, write_checkpoint
from composer.errors import CheckpointError
from limited_files import limited

resource = pytest.importorskip("resource")

METADATA = {"spec": "name: é", "seed": "0"}
FORMATS = pytest.mark.parametrize("file_format", ["safetensors", "pth"])  # both behave alike
OLD = b"the old checkpoint"
TEXT = st.text(st.characters(exclude_categories=["Cs"]))  # UTF-8 has no lone surrogates


def check_equal(found, wanted):
    assert found.keys() == wanted.keys()
    for name in wanted:
        assert found[name].dtype == wanted[name].dtype
        assert torch.equal(found[name], wanted[name])


@FORMATS
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shapes=st.dictionaries(
        TEXT.map("x".__add__),
        st.lists(st.integers(0, 3), max_size=3),
        min_size=1,
        max_size=5,
    ),
    metadata=st.dictionaries(TEXT, TEXT),
)
def test_what_is_written_is_read_again(file_format, shapes, metadata, tmp_path):
    tensors = {name: torch.rand(shape) for name, shape in shapes.items()}
    write_checkpoint(tmp_path / "x", tensors, metadata=metadata, format=file_format)
    checkpoint = read_checkpoint(tmp_path / "x")
    check_equal(checkpoint.tensors, tensors)
    assert checkpoint.metadata == metadata


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(metadata=st.dictionaries(TEXT, TEXT, min_size=2, max_size=8), seed=st.randoms())
def test_equal_contents_give_equal_bytes_in_any_order(metadata, seed, tmp_path):
    tensors = {"b": torch.ones(3), "a": torch.arange(2), "ü": torch.zeros(1, dtype=torch.bool)}
    written = set()
    for _ in range(4):
        keys, names = list(metadata), list(tensors)
        seed.shuffle(keys)
        seed.shuffle(names)
        write_checkpoint(
            tmp_path / "x.safetensors",
            {name: tensors[name] for name in names},
            metadata={key: metadata[key] for key in keys},
        )
        written.add((tmp_path / "x.safetensors").read_bytes())
    assert len(written) == 1
    found = read_checkpoint(tmp_path / "x.safetensors")
    check_equal(found.tensors, tensors)
    assert found.metadata == metadata


@FORMATS
def test_tensors_of_any_layout_are_written(file_format, tmp_path):
    shared = torch.arange(12.0)
    tensors = {
        "whole": shared,
        "again": shared,
        "view": shared.view(3, 4),
        "slice": shared[2:5],
        "transposed": shared.view(3, 4).T,
        "channels_last": torch.rand(1, 3, 2, 2).to(memory_format=torch.channels_last),
        "expanded": torch.ones(1).expand(5),
        "gradient": torch.nn.Parameter(torch.rand(2)),
        "empty": torch.zeros(0, 3),
        "empty too": torch.zeros(0),
        "half": torch.ones(2, dtype=torch.bfloat16),
    }
    before = {name: tensor.detach().clone() for name, tensor in tensors.items()}
    write_checkpoint(tmp_path / "x", tensors, metadata={}, format=file_format)
    check_equal(read_checkpoint(tmp_path / "x").tensors, before)
    assert tensors["again"].data_ptr() == shared.data_ptr()


@FORMATS
def test_a_slice_takes_no_more_room_than_it_needs(file_format, tmp_path):
    write_checkpoint(tmp_path / "x", {"w": torch.zeros(10**6)[:2]}, metadata={}, format=file_format)
    assert (tmp_path / "x").stat().st_size < 10_000


@FORMATS
def test_folders_are_made_and_permissions_are_those_of_a_new_file(file_format, tmp_path):
    path = tmp_path / "runs" / "today" / "x"
    write_checkpoint(path, {"w": torch.ones(1)}, metadata=METADATA, format=file_format)
    (tmp_path / "plain").touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)
    assert os.listdir(path.parent) == ["x"]


def test_a_pth_has_the_layout_of_detectron2(tmp_path):
    write_checkpoint(tmp_path / "x.pth", {"w": torch.ones(1)}, metadata=METADATA, format="pth")
    value = torch.load(tmp_path / "x.pth", weights_only=True)
    assert value == {"model": {"w": torch.ones(1)}, "composer": METADATA}


def test_a_symbolic_link_is_followed(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_checkpoint(str(tmp_path / "link"), {"w": torch.ones(1)}, metadata={})
    assert (tmp_path / "link").is_symlink()
    assert set(read_checkpoint(tmp_path / "target").tensors) == {"w"}


def test_a_file_is_replaced_while_its_tensors_are_still_in_use(tmp_path):
    path = tmp_path / "x"
    write_checkpoint(path, {"w": torch.arange(1000)}, metadata={})
    tensors = read_checkpoint(path).tensors
    write_checkpoint(path, {"w": tensors["w"] + 1}, metadata={})
    assert torch.equal(tensors["w"], torch.arange(1000))
    assert torch.equal(read_checkpoint(path).tensors["w"], torch.arange(1000) + 1)


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "model"
    path.write_bytes(OLD)
    yield path
    assert path.read_bytes() == OLD
    assert os.listdir(tmp_path) == ["model"]


@FORMATS
@pytest.mark.parametrize("function", ["open", "fsync", "replace"])
def test_a_failure_leaves_the_old_file_and_nothing_else(function, file_format, old, monkeypatch):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, function, fail)
        with pytest.raises(CheckpointError, match=r"model: cannot be written: .*No space left"):
            write_checkpoint(old, {"w": torch.ones(1)}, metadata={}, format=file_format)


@FORMATS
def test_a_disk_that_fills_up_leaves_the_old_file_and_nothing_else(file_format, old):
    with limited(100_000), pytest.raises(CheckpointError, match="cannot be written"):
        write_checkpoint(old, {"w": torch.ones(10**6)}, metadata={}, format=file_format)


@FORMATS
def test_an_interruption_leaves_the_old_file_and_nothing_else(file_format, old, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_checkpoint(old, {"w": torch.ones(1)}, metadata={}, format=file_format)


@pytest.mark.parametrize(
    ("tensor", "file_format"),
    [
        (torch.ones(2, 2).to_sparse(), "safetensors"),
        (torch.ones(2, device="meta"), "pth"),
    ],
    ids=["sparse", "meta"],
)
def test_a_tensor_without_plain_data_is_refused(tensor, file_format, old):
    with pytest.raises(CheckpointError, match="'w' has no plain data"):
        write_checkpoint(old, {"w": tensor}, metadata={}, format=file_format)


@FORMATS
def test_metadata_that_are_no_text_are_refused(file_format, old):
    with pytest.raises(CheckpointError, match="the metadata 'seed' should be text"):
        write_checkpoint(old, {"w": torch.ones(1)}, metadata={"seed": 0}, format=file_format)


def test_a_folder_that_cannot_be_made_is_an_error(old):
    with pytest.raises(CheckpointError, match="cannot be written"):
        write_checkpoint(old / "below", {"w": torch.ones(1)}, metadata={})


def test_a_directory_that_cannot_be_flushed_is_no_failure(tmp_path, monkeypatch):
    flush = os.fsync

    def flush_files_only(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(22, "Invalid argument")
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", flush_files_only)
    write_checkpoint(tmp_path / "x", {"w": torch.ones(1)}, metadata={})
    assert set(read_checkpoint(tmp_path / "x").tensors) == {"w"}


def test_the_file_and_its_directory_are_flushed(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(os, "fsync", lambda file: flushed.append(os.fstat(file).st_ino))
    write_checkpoint(tmp_path / "x", {"w": torch.ones(1)}, metadata={})
    assert flushed == [(tmp_path / "x").stat().st_ino, tmp_path.stat().st_ino]


@pytest.mark.parametrize(
    ("name", "file_format"),
    [
        ("model.safetensors", "safetensors"),
        ("a.b/model.SafeTensors", "safetensors"),
        ("model.pth", "pth"),
        ("model.final.pt", "pth"),
    ],
)
def test_the_suffix_stands_for_a_format(name, file_format):
    assert format_for(name) == file_format


@pytest.mark.parametrize("name", ["model.pkl", "model", "model.pth/weights"])
def test_an_unknown_suffix_is_an_error_that_lists_the_known_ones(name):
    with pytest.raises(CheckpointError, match=r"Write to one of \.safetensors, \.pth, \.pt\."):
        format_for(name)
