import contextlib
import json
import tracemalloc

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from composer.checkpoint import SafetensorsTensors, describe_checkpoint, read_checkpoint
from composer.checkpoint.safetensors_file import _DTYPES
from composer.errors import CheckpointError

TENSORS = {"a.w": torch.arange(6.0).reshape(2, 3), "a.n": torch.tensor(4), "b.w": torch.ones(2)}


def save(path, tensors=TENSORS, **metadata):
    save_file(dict(tensors), path, metadata=metadata or None)
    return path


def write(path, header, data=b""):
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(raw).to_bytes(8, "little") + raw + data)
    return path


def test_tensors_and_metadata_come_back(tmp_path):
    checkpoint = read_checkpoint(save(tmp_path / "x", spec="name: x", seed="0"))
    assert checkpoint.format == "safetensors"
    assert checkpoint.metadata == {"spec": "name: x", "seed": "0"}
    assert set(checkpoint.tensors) == set(TENSORS)
    assert all(torch.equal(checkpoint.tensors[name], TENSORS[name]) for name in TENSORS)


def test_only_what_is_asked_for_is_read(tmp_path, monkeypatch):
    read = []
    monkeypatch.setattr(
        "composer.checkpoint.safetensors_file.SafetensorsTensors.__getitem__",
        lambda self, key: read.append(key) or torch.zeros(1),
    )
    save(tmp_path / "x")
    assert set(read_checkpoint(tmp_path / "x").only(["b.", "c."]).tensors) == {"b.w"}
    assert read == []
    read_checkpoint(tmp_path / "x").tensors["b.w"]
    assert read == ["b.w"]


def test_a_file_that_asks_for_it_is_matched_by_suffix(tmp_path):
    checkpoint = read_checkpoint(save(tmp_path / "x", matching_heuristics="True"))
    assert checkpoint.matching_heuristics
    assert set(checkpoint.tensors) == set(TENSORS)


def test_a_description_reads_no_tensor(tmp_path, monkeypatch):
    save(tmp_path / "x", seed="0")
    monkeypatch.delattr("composer.checkpoint.reader.SafetensorsTensors")
    description = describe_checkpoint(tmp_path / "x")
    assert description.path == tmp_path / "x"
    assert description.format == "safetensors"
    assert description.metadata == {"seed": "0"}
    assert description.shapes == {"a.w": (2, 3), "a.n": (), "b.w": (2,)}


def test_the_tensors_are_a_mapping(tmp_path):
    tensors = SafetensorsTensors(save(tmp_path / "x"))
    assert len(tensors) == 3
    assert "a.w" in tensors
    assert "c.w" not in tensors


def test_tensors_of_every_kind_come_back(tmp_path):
    kinds = [*_DTYPES.values()]
    tensors = {str(kind): torch.arange(6).reshape(2, 3).to(kind) for kind in kinds}
    tensors |= {"empty": torch.zeros(0, 3), "scalar": torch.tensor(5.0)}
    found = SafetensorsTensors(save(tmp_path / "x", tensors))
    assert set(found) == set(tensors)
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        assert found[name].shape == tensor.shape
        ours, theirs = (each.reshape(-1).view(torch.uint8) for each in (found[name], tensor))
        assert torch.equal(ours, theirs)


def test_tensors_at_odd_places_come_back(tmp_path):
    header = {
        "a": {"dtype": "U8", "shape": [3], "data_offsets": [0, 3]},
        "b": {"dtype": "F32", "shape": [1], "data_offsets": [3, 7]},
    }
    data = b"\1\2\3" + torch.tensor([1.5]).numpy().tobytes()
    found = SafetensorsTensors(write(tmp_path / "x", header, data))
    assert found["b"].tolist() == [1.5]


def test_what_is_written_to_a_tensor_does_not_reach_the_file(tmp_path):
    path = save(tmp_path / "x")
    before = path.read_bytes()
    SafetensorsTensors(path)["a.w"].zero_()
    assert path.read_bytes() == before


def entry(shape=(2,), offsets=(0, 8)):
    return {"dtype": "F32", "shape": list(shape), "data_offsets": list(offsets)}


MALFORMED = {
    "no JSON": b'{"w":',
    "a list": b'{"w": []}',
    "deep JSON": b'{"w":' + b"[" * 100_000,
    "no shape": {"w": {"dtype": "F32", "data_offsets": [0, 8]}},
    "a negative side": {"w": entry(shape=(-2,))},
    "a side that is no number": {"w": entry(shape=(2.0,))},
    "a place outside": {"w": entry((2**40,), (0, 2**42))},
    "a place that ends before it begins": {"w": entry(offsets=(8, 0))},
    "half a place": {"w": entry(offsets=(8,))},
    "metadata that are no text": {"__metadata__": {"a": 1}, "w": entry()},
    "metadata that are no dict": {"__metadata__": ["a"], "w": entry()},
}


@pytest.mark.parametrize("name", MALFORMED)
@pytest.mark.parametrize("reads", [read_checkpoint, describe_checkpoint])
def test_a_malformed_header_is_refused(name, reads, tmp_path):
    path = write(tmp_path / "x.safetensors", MALFORMED[name], bytes(8))
    with pytest.raises(CheckpointError, match=r"x\.safetensors: .*malformed header"):
        reads(path)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"w": {**entry(), "dtype": "X32"}}, "'w' has the kind of numbers 'X32'; those that are"),
        ({"w": {**entry(), "dtype": "F6_E2M3"}}, "'w' has the kind of numbers 'F6_E2M3'; those"),
        (
            {"w": entry(shape=(3,))},
            r"'w' of shape \[3\] and kind F32 takes 12 bytes, and its place has 8",
        ),
        ({"w": entry((2**31, 2**31))}, "takes 18446744073709551616 bytes, and its place has 8"),
        ({"w": entry(), "v": entry()}, "the bytes of the tensor 'v' begin in those of another"),
        ({"w": entry(offsets=(4, 8), shape=(1,))}, "the bytes of the tensor 'w' begin after a gap"),
        ({"w": entry(offsets=(0, 4), shape=(1,))}, "the last 4 bytes belong to no tensor"),
    ],
)
@pytest.mark.parametrize("reads", [read_checkpoint, describe_checkpoint])
def test_a_header_that_contradicts_itself_is_refused(header, message, reads, tmp_path):
    with pytest.raises(CheckpointError, match=message):
        reads(write(tmp_path / "x", header, bytes(8)))


@pytest.mark.parametrize("length", [2**20, 2**40, 2**62, 2**64 - 1])
@pytest.mark.parametrize("reads", [read_checkpoint, describe_checkpoint])
def test_a_giant_header_is_refused_without_being_read(length, reads, tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(length.to_bytes(8, "little") + json.dumps({"w": entry()}).encode() + bytes(8))
    tracemalloc.start()
    try:
        with pytest.raises(
            CheckpointError, match=f"header claims {length} bytes, and [0-9]+ follow"
        ):
            reads(path)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_refused(share, tmp_path):
    content = save(tmp_path / "whole").read_bytes()
    truncated = tmp_path / "truncated"
    truncated.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CheckpointError, match="truncated: "):
        read_checkpoint(truncated)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
def test_a_damaged_file_raises_nothing_but_checkpoint_errors(share, byte, tmp_path):
    path = save(tmp_path / "x")
    content = bytearray(path.read_bytes())
    content[int(share * len(content))] = byte
    path.write_bytes(content)
    for reads in (read_checkpoint, describe_checkpoint):
        with contextlib.suppress(CheckpointError):
            reads(path)


TENSOR = '"shape": [2], "data_offsets": [0, 8]'


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"[]", "it is no object of JSON"),
        (b"null", "it is no object of JSON"),
        (b"", "it is no JSON from character 0 on"),
        (b'{"a": ', "it is no JSON from character 6 on"),
        (b"\xff\xfe{}", "it is no text in UTF-8 from byte 0 on"),
        (b"[" * 100_000, "it is nested too deep"),
        (b'{"a": 1}', "the tensor 'a' has no shape or no place"),
        (b'{"a": []}', "the tensor 'a' has no shape or no place"),
        (b'{"a": {"dtype": "F32"}}', "the tensor 'a' has no shape or no place"),
        (f'{{"a": {{{TENSOR}}}}}'.encode(), "the tensor 'a' has no kind of numbers"),
        (f'{{"a": {{"dtype": null, {TENSOR}}}}}'.encode(), "the tensor 'a' has no kind of numbers"),
        (b'{"__metadata__": 1}', "the metadata are no object of JSON"),
        (b'{"__metadata__": {"a": 1}}', "the metadata 'a' are no text"),
        (b'{"a": 1' + b"1" * 5000 + b"}", "a number has too many digits"),
        (b'{"a": 1, "a": 1}', "the key 'a' occurs twice"),
        (
            f'{{"a": {{"dtype": "F32", "shape": [{2**70}], "data_offsets": [0, 8]}}}}'.encode(),
            "the tensor 'a' is larger than any file",
        ),
    ],
)
def test_a_malformed_header_is_told_in_words(tmp_path, header, reason):
    file = tmp_path / "x.safetensors"
    file.write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    with pytest.raises(CheckpointError) as caught:
        SafetensorsTensors(file)
    assert str(caught.value) == f"{file}: a safetensors file with a malformed header: {reason}."
