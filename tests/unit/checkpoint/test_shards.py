import json
import os

import pytest
import torch
from safetensors.torch import save_file

from composer.checkpoint import describe_checkpoint, read_checkpoint
from composer.checkpoint.shards import ShardedTensors
from composer.errors import CheckpointError, DownloadError
from file_server import running_server, serve_file

TENSORS = {"a.w": torch.arange(6.0).reshape(2, 3), "a.n": torch.tensor(4), "b.w": torch.ones(2)}
PARTS = {"m-1-of-2.safetensors": ["a.w", "a.n"], "m-2-of-2.safetensors": ["b.w"]}
INDEX = "m.safetensors.index.json"


def save(folder, **changes):
    files = {key: name for name, keys in PARTS.items() for key in keys}
    document = {"metadata": {"total_size": 40}, "weight_map": {**files, **changes}}
    for name, keys in PARTS.items():
        save_file({key: TENSORS[key] for key in keys}, folder / name, {"format": "pt"})
    (folder / INDEX).write_text(json.dumps(document))
    return folder / INDEX


def test_tensors_of_all_shards_come_back(tmp_path):
    index = save(tmp_path)
    checkpoint = read_checkpoint(index)
    assert checkpoint.format == "sharded"
    assert checkpoint.metadata == {"format": "pt"}
    assert set(checkpoint.tensors) == set(TENSORS)
    assert all(torch.equal(checkpoint.tensors[name], TENSORS[name]) for name in TENSORS)
    shapes = {name: tuple(tensor.shape) for name, tensor in TENSORS.items()}
    assert describe_checkpoint(index).shapes == shapes


def test_missing_shards_are_named(tmp_path):
    index = save(tmp_path)
    for name in PARTS:
        (tmp_path / name).unlink()
        with pytest.raises(CheckpointError, match=f"shards are missing: .*'{name}'"):
            read_checkpoint(index)


def test_every_shard_is_checked(tmp_path):
    index = save(tmp_path)
    last = tmp_path / list(PARTS)[-1]
    content = last.read_bytes()
    last.write_bytes(content[:-4])
    with pytest.raises(CheckpointError, match=r"m-2-of-2\.safetensors: .*claims the bytes"):
        read_checkpoint(index)
    save_file({"c.w": torch.ones(2)}, last)
    with pytest.raises(CheckpointError, match=r"has not all tensors .* 'b\.w'"):
        read_checkpoint(index)
    save_file({"b.w": torch.ones(2), "c.w": torch.ones(2)}, last)
    with pytest.raises(CheckpointError, match=r"tensors that the index does not say: 'c\.w'"):
        read_checkpoint(index)


@pytest.mark.parametrize(
    "name",
    [
        "../m.safetensors",
        "/etc/passwd",
        "sub/m.safetensors",
        "m.json",
        3,
        "",
        ".safetensors",
        "a\n.safetensors",
    ],
)
def test_shards_lie_beside_the_index(tmp_path, name):
    index = save(tmp_path, **{"b.w": name})
    with pytest.raises(CheckpointError, match="a shard is a file beside the index"):
        read_checkpoint(index)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"weight_map": {}}', "so no index of shards"),
        ('{"weight_map": []}', "so no index of shards"),
        ('{"weight_map": {"a": "x.safetensors", "a": "x.safetensors"}}', "occurs twice"),
        ('{"weight_map": {"a": ', "malformed index"),
        ('{"other": 1}', "not a checkpoint"),
    ],
)
def test_damaged_indices_are_described(tmp_path, text, message):
    (tmp_path / INDEX).write_text(text)
    with pytest.raises(CheckpointError, match=message):
        read_checkpoint(tmp_path / INDEX)


def test_shards_of_an_address_are_fetched_from_beside_it(tmp_path, monkeypatch):
    monkeypatch.setenv("COMPOSER_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("COMPOSER_OFFLINE", raising=False)
    for name in ("http_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    save(tmp_path)
    names = [INDEX, *PARTS]
    routes = {f"/model/{name}": serve_file((tmp_path / name).read_bytes()) for name in names}
    with running_server(routes) as server:
        address = f"{server.address}/model/{INDEX}"
        assert set(read_checkpoint(address).tensors) == set(TENSORS)
        num_requests = len(server.requests)
        read_checkpoint(address)
        assert len(server.requests) == num_requests
        assert set(describe_checkpoint(address).shapes) == set(TENSORS)
    del routes["/model/m-2-of-2.safetensors"]
    with running_server(routes) as server:
        address = f"{server.address}/model/{INDEX}"
        with pytest.raises((CheckpointError, DownloadError), match=r"m-2-of-2\.safetensors"):
            read_checkpoint(address)


def test_shards_of_pickles_are_read_by_the_restricted_reader(tmp_path):
    names = {"p-1-of-2.bin": ["a.w", "a.n"], "p-2-of-2.bin": ["b.w"]}
    for name, keys in names.items():
        torch.save({key: TENSORS[key] for key in keys}, tmp_path / name)
    index = tmp_path / "p.bin.index.json"
    files = {key: name for name, keys in names.items() for key in keys}
    index.write_text(json.dumps({"metadata": {"total_size": 40}, "weight_map": files}))
    checkpoint = read_checkpoint(index)
    assert all(torch.equal(checkpoint.tensors[name], TENSORS[name]) for name in TENSORS)
    assert set(describe_checkpoint(index).shapes) == set(TENSORS)
    torch.save({"b.w": os.system}, tmp_path / "p-2-of-2.bin")
    with pytest.raises(CheckpointError, match=r"p-2-of-2\.bin"):
        read_checkpoint(index)


def test_all_shards_together_become_no_more_than_one_file_may(tmp_path, monkeypatch):
    monkeypatch.setenv("COMPOSER_MAX_BYTES", "150000")
    files = {f"{index}.w": f"p-{index}.bin" for index in range(3)}
    for name in files.values():
        (tmp_path / name).write_bytes(b"small")
    index = tmp_path / "p.bin.index.json"
    index.write_text(json.dumps({"weight_map": files}))

    def read_grown(path):
        return {f"{path.stem[-1]}.w": torch.zeros(25_000)}

    with pytest.raises(CheckpointError, match="COMPOSER_MAX_BYTES"):
        ShardedTensors(index, read_grown)
    monkeypatch.delenv("COMPOSER_MAX_BYTES")
    assert len(ShardedTensors(index, read_grown)) == 3


def test_an_index_is_no_shard(tmp_path):
    index = save(tmp_path)
    (tmp_path / list(PARTS)[-1]).write_text(index.read_text())
    with pytest.raises(CheckpointError, match="a shard that is an index of shards is not read"):
        read_checkpoint(index)
