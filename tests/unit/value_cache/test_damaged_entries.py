"""Entries that are damaged, truncated, foreign or of another key are misses, and are removed."""

import hashlib
import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from composer.checkpoint import SafetensorsTensors
from composer.structures import Boxes, ImageList, Instances
from composer.value_cache import ValueCache, clear_values, list_values, measure_values
from composer.value_cache.folder import path_of

KEY, OTHER = "a" * 64, "b" * 64


def make_value():
    instances = Instances((4, 5), pred_boxes=Boxes(torch.rand(3, 4)), scores=torch.rand(3))
    return {"maps": [torch.rand(1, 8, 16, 16), torch.arange(3)], "instances": instances, "n": 3}


@pytest.fixture
def cache(tmp_path):
    return ValueCache(tmp_path / "values")


def test_a_value_comes_back_as_it_was(cache):
    images = ImageList(torch.rand(2, 3, 4, 4).to(torch.bfloat16), [(4, 4), (3, 2)])
    for value in (make_value(), images, None, (1, 2.5, "x", float("inf")), torch.zeros(0, 4)):
        cache = ValueCache(cache.folder)
        assert cache.keep(KEY, value)
        (found,) = cache.find(KEY)
        assert type(found) is type(value)
        assert repr(found) == repr(value)
        clear_values(cache.folder)


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.rand(2, 3, 4, 5).to(memory_format=torch.channels_last),
        lambda: torch.rand(4, 6).T,
        lambda: torch.rand(5, 6)[1:, 2:4],
        lambda: torch.rand(3, 1).expand(3, 4),
        lambda: torch.rand(7)[3:],
        lambda: torch.rand(1, 300)[:, :2],
        lambda: torch.tensor(2.0),
    ],
)
def test_a_tensor_lies_in_memory_as_it_did(cache, make):
    value = make()
    assert cache.keep(KEY, value)
    (found,) = cache.find(KEY)
    assert torch.equal(found, value)
    assert found.stride() == value.stride()
    assert found.data_ptr() % 64 == value.data_ptr() % 64


@pytest.mark.parametrize(
    "value",
    [
        object(),
        torch.nn.Parameter(torch.rand(2)),
        torch.rand(2, requires_grad=True),
        torch.rand(2, device="meta"),
        torch.eye(2).to_sparse(),
        [lambda: 1],
    ],
)
def test_what_would_not_come_back_the_same_is_not_kept(cache, value):
    assert not cache.keep(KEY, value)
    assert cache.find(KEY) is None


@given(data=st.data())
def test_any_change_of_a_file_is_noticed(tmp_path_factory, data):
    cache = ValueCache(tmp_path_factory.mktemp("v") / "values")
    value = make_value()
    cache.keep(KEY, value)
    path = path_of(cache.folder, KEY)
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    path.write_bytes(content)
    found = cache.find(KEY)
    if found is not None:  # the change is in a note, or in what separates things
        assert repr(found[0]) == repr(value)
        assert torch.equal(found[0]["maps"][0], value["maps"][0])
    else:
        assert not path.exists()
        assert cache.keep(KEY, value)
        assert cache.find(KEY) is not None


def test_an_entry_of_another_key_is_none(cache):
    cache.keep(KEY, make_value())
    path_of(cache.folder, OTHER).parent.mkdir()
    path_of(cache.folder, KEY).rename(path_of(cache.folder, OTHER))
    assert cache.find(OTHER) is None


def test_other_things_in_place_of_an_entry_are_none(cache):
    cache.keep(OTHER, 1)
    path = path_of(cache.folder, KEY)
    path.mkdir(parents=True)
    assert cache.find(KEY) is None
    assert not cache.keep(KEY, 1) or cache.find(KEY) is None
    path.rmdir()
    path.symlink_to("/dev/zero")
    assert cache.find(KEY) is None


def test_the_least_recently_used_go_first_and_the_limit_holds(tmp_path):
    cache = ValueCache(tmp_path / "values", limit=50_000)
    keys = [f"{number:064x}" for number in range(20)]
    for key in keys:
        assert cache.keep(key, torch.rand(1000))
        assert cache.find(keys[0]) is not None
    assert measure_values(cache.folder).size <= 50_000
    assert keys[-1] in cache
    assert keys[1] not in cache
    assert not cache.keep(OTHER, torch.rand(20_000))


def test_a_folder_that_cannot_be_written_to_is_read(cache, monkeypatch, caplog):
    cache.keep(KEY, 1)

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("composer.value_cache.cache.write_entry", refuse)
    assert not cache.keep(OTHER, 2)
    assert not cache.keep(OTHER, 2)
    assert cache.find(KEY) == (1,)
    assert [r.getMessage() for r in caplog.records if "No space" in r.getMessage()] != []
    assert len(caplog.records) == 1


def test_contents_are_listed_by_node_and_foreign_files_stay(cache):
    cache.keep(KEY, torch.rand(10), {"node": "neck", "port": "output", "type": "fpn"})
    cache.keep(OTHER, torch.rand(10), {"node": "head", "port": "boxes", "type": "head"})
    (cache.folder / "aa" / "mine.txt").write_text("x")
    assert {node.node for node in list_values(cache.folder)} == {"neck", "head.boxes"}
    assert clear_values(cache.folder).num_entries == 2
    assert (cache.folder / "aa" / "mine.txt").exists()
    assert measure_values(cache.folder).num_entries == 0
    assert json.dumps(measure_values(cache.folder)._asdict(), default=str)


@pytest.mark.parametrize(
    "change",
    [
        {"devices": {"x": device}}
        for device in ("meta", "xpu", "mtia", "privateuseone", "cuda:99", "nowhere", "", 5)
    ]
    + [{"layouts": {"x": layout}} for layout in ("x", [[1], None], [None, 0], [[10**30, 1], 0])]
    + [{"form": form} for form in (None, {"tuple": 1}, {"tensor": "y"}, [[]], {"tensor": ["x"]})],
)
def test_an_entry_of_another_machine_or_a_forged_one_is_a_miss(cache, change):
    """Its checksums fit: whoever writes to the folder can compute them."""
    assert cache.keep(KEY, {"x": torch.rand(2, 3)})
    path = path_of(cache.folder, KEY)
    tensors = SafetensorsTensors(path)
    body = json.dumps(json.loads(tensors.header.metadata["composer.kept"]) | change)
    digest = hashlib.sha256(body.encode()).hexdigest()
    held = {key: tensor.clone() for key, tensor in tensors.items()}
    path.unlink()
    save_file(held, path, metadata={"composer.kept": body, "composer.kept.sha256": digest})
    assert ValueCache(cache.folder).find(KEY) is None
