import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from composer.errors import ComposerError, InputError
from composer.storage import is_tensor_file, read_tensors, write_value
from composer.structures import Boxes
from unit.storage.equality import equal

TENSORS = {"boxes": torch.rand(2, 4), "classes": torch.tensor([1, 2])}


def test_safetensors_give_tensors_by_name(tmp_path):
    save_file(TENSORS, tmp_path / "t.safetensors")
    assert equal(read_tensors(tmp_path / "t.safetensors"), TENSORS)


def test_names_in_safetensors_are_sorted_by_their_numbers(tmp_path):
    names = ["p2", "p3", "p10", "q1"]
    tensors = {name: torch.zeros(1, dtype=torch.int8) for name in reversed(names)}
    save_file({**tensors, "p2": torch.zeros(1)}, tmp_path / "t.safetensors")
    assert list(read_tensors(tmp_path / "t.safetensors")) == names


def test_stored_value_comes_back_as_it_was(tmp_path):
    value = [Boxes(TENSORS["boxes"]), 5]
    write_value(tmp_path / "v.safetensors", value)
    assert equal(read_tensors(tmp_path / "v.safetensors"), value)


def test_npz_gives_tensors_by_name(tmp_path):
    np.savez(tmp_path / "t.npz", **{name: tensor.numpy() for name, tensor in TENSORS.items()})
    assert equal(read_tensors(tmp_path / "t.npz"), TENSORS)


def test_npy_gives_a_tensor(tmp_path):
    np.save(tmp_path / "t.npy", np.asfortranarray(TENSORS["boxes"].numpy()))
    assert equal(read_tensors(tmp_path / "t.npy"), TENSORS["boxes"])


@pytest.mark.parametrize("value", [TENSORS, TENSORS["boxes"], [TENSORS["boxes"]]])
def test_torch_file_gives_what_it_holds(tmp_path, value):
    torch.save(value, tmp_path / "t.pt")
    assert equal(read_tensors(tmp_path / "t.pt"), value)


def test_json_gives_tensors(tmp_path):
    (tmp_path / "t.json").write_text('{"boxes": [[0, 0, 1.5, 2]], "classes": [3]}')
    wanted = {"boxes": torch.tensor([[0, 0, 1.5, 2]]), "classes": torch.tensor([3])}
    assert equal(read_tensors(tmp_path / "t.json"), wanted)


class Hostile:
    def __reduce__(self):
        return print, ("owned",)


def write_hostile(path):
    if path.suffix == ".pt":
        torch.save({"a": Hostile()}, path)
    elif path.suffix == ".npz":
        np.savez(path, a=np.array([Hostile()], dtype=object))
    else:
        np.save(path, np.array([Hostile()], dtype=object))


@pytest.mark.parametrize("name", ["t.pt", "t.npz", "t.npy"])
def test_code_in_a_file_does_not_run(tmp_path, capsys, name):
    write_hostile(tmp_path / name)
    with pytest.raises(InputError, match=rf"{name}: cannot be read"):
        read_tensors(tmp_path / name)
    assert "owned" not in capsys.readouterr().out


@pytest.mark.parametrize("suffix", ["safetensors", "npz", "npy", "pt", "json"])
def test_damaged_file_is_named(tmp_path, suffix):
    path = tmp_path / f"t.{suffix}"
    path.write_bytes(b"no tensors in here")
    with pytest.raises(ComposerError, match=rf"t\.{suffix}: "):
        read_tensors(path)


def test_damage_within_what_is_compressed_is_reported(tmp_path):
    path = tmp_path / "t.npz"
    np.savez_compressed(path, a=np.random.default_rng(0).integers(0, 5, (100, 100)))
    content = bytearray(path.read_bytes())
    content[80:200] = bytes(each ^ 0x5A for each in content[80:200])
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"t\.npz: cannot be read"):
        read_tensors(path)


def test_damage_to_the_head_of_an_array_is_reported(tmp_path):
    path = tmp_path / "t.npy"
    np.save(path, np.zeros(3))
    path.write_bytes(path.read_bytes().replace(b"}", b"("))
    with pytest.raises(InputError, match=r"t\.npy: cannot be read"):
        read_tensors(path)


@pytest.mark.parametrize("content", [[[1], [2, 3]], ["text"], {"a": {"b": 1}}, None])
def test_json_of_anything_but_numbers_is_refused(tmp_path, content):
    (tmp_path / "t.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"t\.json: cannot be read"):
        read_tensors(tmp_path / "t.json")


def test_array_of_texts_is_refused(tmp_path):
    np.savez(tmp_path / "t.npz", a=np.array(["text"]))
    with pytest.raises(InputError, match="is no tensor"):
        read_tensors(tmp_path / "t.npz")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"t\.npz: there is no such file"):
        read_tensors(tmp_path / "t.npz")


def test_file_of_an_unknown_kind_lists_the_known_ones(tmp_path):
    (tmp_path / "t.txt").touch()
    with pytest.raises(InputError, match=r"\.safetensors, \.npz"):
        read_tensors(tmp_path / "t.txt")


def test_suffix_tells_a_file_of_tensors():
    assert is_tensor_file("a/b.NPZ")
    assert not is_tensor_file("a/b.jpg")
