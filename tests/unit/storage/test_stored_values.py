import inspect
import json
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from composer import structures
from composer.errors import CheckpointError, InputError
from composer.storage import read_value, write_value
from composer.storage.structure_forms import STRUCTURE_FORMS
from composer.structures import (
    BitMasks,
    Boxes,
    ImageBatch,
    ImageList,
    Instances,
    Keypoints,
    PolygonMasks,
    ROIMasks,
    RotatedBoxes,
    TensorShape,
)
from unit.storage.equality import equal


class Pair(NamedTuple):
    boxes: list
    scores: list


STRUCTURES = [
    Boxes([[0, 1, 2, 3], [4, 5, 6, 7.5]]),
    Boxes(torch.zeros(0, 4)),
    Boxes(torch.rand(2, 4, dtype=torch.float64)),
    BitMasks(torch.rand(2, 3, 4) > 0.5),
    ROIMasks(torch.rand(2, 5, 5)),
    RotatedBoxes(torch.rand(2, 5)),
    RotatedBoxes([[5.0, 3.0, 4.0, 2.0, 30.0]]),
    Keypoints(torch.rand(2, 17, 3)),
    PolygonMasks([[[0, 0, 4, 0, 4, 4], [1, 1, 2, 1, 2, 2.5]], []]),
    ImageList(torch.rand(2, 3, 4, 5), [(4, 5), (2, 3)]),
    TensorShape(channels=256, stride=4),
    Instances((4, 5)),
    Instances((4, 5), pred_boxes=Boxes(torch.rand(2, 4)), scores=torch.rand(2), names=["a", "b"]),
    ImageBatch(
        [
            {
                "image": torch.zeros(3, 4, 5, dtype=torch.uint8),
                "height": 8,
                "file_name": "a.jpg",
                "instances": Instances((4, 5), gt_classes=torch.tensor([3])),
            }
        ]
    ),
]

scalars = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5)
)
tensors = arrays.arrays(
    st.sampled_from(["float32", "float64", "int64", "uint8", "bool", "float16"]),
    arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
).map(torch.from_numpy)
values = st.recursive(
    scalars | tensors | st.sampled_from(STRUCTURES),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=3)
        | st.builds(Pair, inner, inner)
    ),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("values") / "value.safetensors"


@given(values)
def test_value_comes_back_as_it_was(file, value):
    write_value(file, value)
    assert equal(read_value(file), value)


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda value: type(value).__name__)
def test_structure_comes_back_as_it_was(tmp_path, structure):
    write_value(tmp_path / "value.safetensors", [structure, {"a.b": structure}])
    assert equal(read_value(tmp_path / "value.safetensors"), [structure, {"a.b": structure}])


def test_every_structure_can_be_stored():
    public = [getattr(structures, name) for name in structures.__all__]
    holders = [kind for kind in public if inspect.isclass(kind) and hasattr(kind, "map_tensors")]
    stored = {form.kind for form in STRUCTURE_FORMS.values()}
    assert {kind for kind in holders if kind is not structures.TensorStructure} <= stored


def test_keys_say_where_a_tensor_belongs(tmp_path):
    write_value(
        tmp_path / "v.safetensors", {"boxes": [Boxes(torch.ones(1, 4))], "p2": torch.ones(2)}
    )
    assert load_file(tmp_path / "v.safetensors").keys() == {"boxes.0.tensor", "p2"}


def test_single_tensor_is_called_value(tmp_path):
    write_value(tmp_path / "v.safetensors", torch.ones(2))
    assert load_file(tmp_path / "v.safetensors").keys() == {"value"}


def test_keys_that_would_collide_are_told_apart(tmp_path):
    value = {"a.b": torch.tensor(1), "a": {"b": torch.tensor(2)}, "__metadata__": torch.tensor(3)}
    write_value(tmp_path / "v.safetensors", value)
    assert equal(read_value(tmp_path / "v.safetensors"), value)


def test_tensors_that_share_memory_are_stored_one_by_one(tmp_path):
    whole = torch.arange(6.0).view(2, 3)
    value = [whole, whole[0], whole.t()]
    write_value(tmp_path / "v.safetensors", value)
    assert equal(read_value(tmp_path / "v.safetensors"), [part.clone() for part in value])


def test_arrays_stay_arrays(tmp_path):
    value = {"array": np.arange(4.0)[::2], "number": np.float32(0.5)}
    write_value(tmp_path / "v.safetensors", value)
    assert equal(read_value(tmp_path / "v.safetensors"), {**value, "number": 0.5})


def test_named_tuple_comes_back_with_name_and_fields(tmp_path):
    write_value(tmp_path / "v.safetensors", Pair(boxes=[1], scores=[2]))
    restored = read_value(tmp_path / "v.safetensors")
    assert type(restored).__name__ == "Pair"
    assert restored._asdict() == {"boxes": [1], "scores": [2]}


def test_notes_are_kept_beside_the_value(tmp_path):
    write_value(tmp_path / "v.safetensors", 1, {"composer.node": "a.b"})
    with safe_open(tmp_path / "v.safetensors", "pt") as file:
        assert file.metadata()["composer.node"] == "a.b"


class Foreign:
    pass


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Foreign(), r"a \S*Foreign cannot be stored"),
        ({"a": [Foreign()]}, r"a \S*Foreign at 'a\.0' cannot be stored"),
        ({(1, 2): 3}, "a mapping with a key of type tuple cannot be stored"),
        (np.array(["a"]), "an array of <U1 cannot be stored"),
        (lambda: 1, r"a builtins\.function cannot be stored"),
    ],
)
def test_value_of_another_class_is_refused_by_name(tmp_path, value, message):
    with pytest.raises(CheckpointError, match=message):
        write_value(tmp_path / "v.safetensors", value)
    assert not list(tmp_path.iterdir())


def test_subclass_of_a_structure_is_refused(tmp_path):
    class MyBoxes(Boxes):
        pass

    with pytest.raises(CheckpointError, match="MyBoxes cannot be stored"):
        write_value(tmp_path / "v.safetensors", MyBoxes(torch.zeros(1, 4)))


def test_file_of_another_kind_is_not_written(tmp_path):
    with pytest.raises(CheckpointError, match=r"v\.pt: values are stored as"):
        write_value(tmp_path / "v.pt", 1)


@pytest.mark.parametrize(
    "form",
    [
        {"structure": ["os.system", [["command", {"plain": "true"}]]]},
        {"structure": ["Boxes", [["tensor", {"plain": "text"}]]]},
        {"structure": ["Boxes", []]},
        {"tensor": "elsewhere"},
        {"named": ["import os", []]},
        {"named": ["Pair", [["__class__", {"plain": 1}]]]},
        {"plain": [1]},
        {"float": "1e5"},
        {"unheard of": 1},
        {"list": 5},
        {"mapping": [[[1], {"plain": 1}]]},
        [],
        {},
    ],
)
def test_hostile_description_is_refused(tmp_path, form):
    path = tmp_path / "v.safetensors"
    metadata = {"composer.value": "1", "composer.value.form": json.dumps(form)}
    save_file({"value": torch.zeros(1)}, path, metadata)
    with pytest.raises(InputError, match=r"v\.safetensors: the stored value"):
        read_value(path)


def test_description_nested_without_end_is_refused(tmp_path):
    path = tmp_path / "v.safetensors"
    form = '{"list": [' * 50_000 + "]}" * 50_000
    save_file({}, path, {"composer.value": "1", "composer.value.form": form})
    with pytest.raises(InputError, match="damaged"):
        read_value(path)


def test_value_of_a_newer_version_is_refused(tmp_path):
    save_file({}, tmp_path / "v.safetensors", {"composer.value": "2"})
    with pytest.raises(InputError, match="stored in version 2; known is 1"):
        read_value(tmp_path / "v.safetensors")


def write_form(path, form):
    metadata = {"composer.value": "1", "composer.value.form": json.dumps(form)}
    save_file({"w": torch.zeros(1000)}, path, metadata)
    return path


def test_a_tensor_that_is_named_over_and_over_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("COMPOSER_MAX_BYTES", "1M")
    path = write_form(tmp_path / "v.safetensors", {"list": [{"tensor": "w"}] * 1000})
    with pytest.raises(InputError, match=r"v\.safetensors: refused: .*COMPOSER_MAX_BYTES"):
        read_value(path)


def test_named_tuples_of_many_kinds_are_refused(tmp_path):
    kinds = [{"named": [f"Kind{i}", [["a", {"plain": 1}]]]} for i in range(300)]
    path = write_form(tmp_path / "v.safetensors", {"list": kinds})
    with pytest.raises(InputError, match="NamedTuples of too many kinds"):
        read_value(path)
