import pickle
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from composer.checkpoint import read_checkpoint
from composer.errors import CheckpointError
from unit.checkpoint.hostile_pickles import Reduced, attacks, command, document, named, text

NAMES = [name for name, _ in attacks(Path("canary"))]
MEGABYTE = 2**20


def read(tmp_path, content):
    path = tmp_path / "model.pkl"
    path.write_bytes(content)
    return read_checkpoint(path)


@pytest.mark.parametrize("name", NAMES)
def test_an_attack_is_refused_and_does_nothing(name, canary, tmp_path):
    with pytest.raises(CheckpointError, match=r"model\.pkl: (refused|.*hostile)"):
        read(tmp_path, dict(attacks(canary))[name])


def test_the_attacks_are_real(tmp_path):
    canary = tmp_path / "canary"
    for name in ("reduce, protocol 2", "INST", "names from the memo", "a replaced memo"):
        pickle.loads(dict(attacks(canary))[name])
        canary.unlink()


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("os.system", "the global 'os.system'"),
        ("torch.load", "the global 'torch.load'"),
        ("numpy.load", "the global 'numpy.load'"),
        ("collections.OrderedDict.__init__.__globals__", "the global 'collections.OrderedDict.__"),
        ("INST", "the global 'os.system'"),
        ("OBJ", "the global 'os.system'"),
        ("EXT1", "the pickle instruction EXT1"),
        ("a reduced dict", "a call of a dict"),
        ("PERSID", "an object stored outside"),
    ],
)
def test_the_message_says_what_was_refused_and_why(name, refused, canary, tmp_path):
    with pytest.raises(CheckpointError) as caught:
        read(tmp_path, dict(attacks(canary))[name])
    assert f"refused {refused}" in str(caught.value)
    assert "could run code" in str(caught.value)
    assert "safetensors" in str(caught.value)


def test_attributes_of_an_ordered_dict_are_not_set(tmp_path):
    content = document(named("collections", "OrderedDict") + b")R}" + text("items") + b"Nsb")
    with pytest.raises(CheckpointError, match="attributes set on an OrderedDict"):
        read(tmp_path, content)


def test_a_class_that_may_be_named_cannot_be_called(tmp_path):
    content = document(named("numpy", "ndarray") + b"(J\xff\xff\xff\x7ftR")
    with pytest.raises(CheckpointError, match=r"refused a call of 'numpy\.ndarray'"):
        read(tmp_path, content)


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.array([None, {}], dtype=object), "dtype 'O8': numbers only"),
        (np.array(["text"]), "numbers only"),
        (np.zeros(2, dtype=[("a", "f4")]), "numbers only"),
        (np.zeros(2, dtype="M8[s]"), "numbers only"),
        (np.rec.array([(1,)]), "the global 'numpy.rec.recarray'"),
    ],
)
def test_an_array_of_anything_but_numbers_is_refused(array, reason, tmp_path):
    with pytest.raises(CheckpointError, match=reason):
        read(tmp_path, pickle.dumps({"model": {"w": array}}, 2))


def test_a_torch_tensor_in_a_plain_pickle_is_refused(canary, tmp_path):
    import torch

    with pytest.raises(CheckpointError, match=r"global 'torch\._utils\._rebuild_tensor_v2'"):
        read(tmp_path, pickle.dumps({"w": torch.zeros(2)}))


DTYPE = named("numpy", "dtype") + b"(" + text("f4") + b"K\x00K\x01tR"


def array_of(
    shape: bytes = b"(K\x01t",
    *,
    kind: bytes = named("numpy", "ndarray"),
    dtype: bytes = DTYPE,
    data: bytes = b"B\x04\x00\x00\x001234",
    state: bytes = b"tb",
) -> bytes:
    """A pickle of an array, from the instructions that push its parts."""
    empty = named("numpy.core.multiarray", "_reconstruct") + b"(" + kind + b"K\x00\x85" + text("b")
    return document(empty + b"tR(K\x01" + shape + dtype + b"\x89" + data + state)


HUGE = b"\x8a\x06" + (2**40).to_bytes(6, "little")
CLAIMS = {
    "an array larger than its data": array_of(b"(J\xff\xff\xff\x7ft"),
    "an array of 2**120 items": array_of(b"(" + HUGE * 3 + b"t"),
    "an array with a negative side": array_of(b"(J\xff\xff\xff\xfft"),
    "an array with a side that is no number": array_of(b"(G" + bytes(8) + b"t"),
    "an array with a truth value for a side": array_of(b"(\x88t"),
    "an array whose shape is no tuple": array_of(b"K\x01"),
    "an array without a dtype": array_of(dtype=b"N"),
    "an array whose dtype has fields": array_of(dtype=DTYPE + b"(K\x03X\x01\x00\x00\x00<NN}tb"),
    "an array whose data are a list": array_of(data=b"]"),
    "an array of another class": array_of(kind=named("numpy", "dtype")),
    "an array whose state is no tuple": array_of(state=b"tNb"),
    "a dtype that is no text": document(named("numpy", "dtype") + b"K\x04\x85R"),
    "the state of a list": document(b"]}b"),
    "a global without a name": document(b"NN\x93"),
    "a frame": b"\x80\x04\x95" + (2**60).to_bytes(8, "little") + b"N.",
    "bytes": b"\x80\x04\x8e" + (2**62).to_bytes(8, "little") + b"x.",
    "bytes of a negative length": b"\x80\x04\x8e" + b"\xff" * 8 + b"x.",
    "an array of bytes": b"\x80\x05\x96" + (2**62).to_bytes(8, "little") + b"x.",
    "text": b"\x80\x04\x8d" + (2**62).to_bytes(8, "little") + b"x.",
    "old text": b"\x80\x02T\xff\xff\xff\x7fx.",
    "a long integer": b"\x80\x02\x8b\xff\xff\xff\x7fx.",
    "a long integer that is there": b"\x80\x02\x8b\x00\x10\x00\x00" + b"\x01" * 4096 + b".",
    "a place in the memo": b"\x80\x02Nr\xff\xff\xff\xff0j\xff\xff\xff\xff.",
    "an unknown place in the memo": b"\x80\x02j\x07\x00\x00\x00.",
    "a protocol": b"\x80\x05\x80\xffN.",
}


@pytest.mark.parametrize("name", CLAIMS)
def test_a_claim_of_size_is_checked_before_memory_is_reserved(name, tmp_path):
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError):
            read(tmp_path, CLAIMS[name])
        assert tracemalloc.get_traced_memory()[1] < MEGABYTE
    finally:
        tracemalloc.stop()


def test_the_array_of_these_claims_can_be_read_with_its_true_size(tmp_path):
    tensors = read(tmp_path, array_of()).tensors
    assert tensors["w"].tolist() == np.frombuffer(b"1234", "<f4").tolist()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x80\x02N" + b"\x85" * 100_000 + b".", "nested more than 64 deep"),
        (b"\x80\x02" + b"]" * 70 + b"a" * 69 + b".", "nested more than 64 deep"),
        (b"\x80\x02" + b"(" * 300 + b".", "nested more than 256 deep"),
        (b"\x80\x02]q\x00h\x00a.", "contains itself"),
        (b"\x80\x02}q\x00" + text("a") + b"h\x00s.", "contains itself"),
        (b"\x80\x02}N" + b"\x85" * 50_000 + b"Ns.", "nested more than 64 deep"),
        (b"\x80\x04\x8f(N" + b"\x85" * 50_000 + b"\x90.", "nested more than 64 deep"),
        (b"\x80\x02}N" + b"\x85" * 60 + b"Ns.", "a tuple as a key"),
        (b"\x80\x04\x8f(N" + b"\x85" * 60 + b"\x90.", "a tuple as a key"),
        (b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".", "nested more than 64 deep"),
        (b"\x80\x02" + b"}NN" * 70 + b"ss" * 69 + b".", "damaged or hostile"),
        (b"\x80\x02}" + b"]Ns.", "a list as a key"),
        (b"\x80\x02NNa.", "an item put into a NoneType"),
        (b"\x80\x02}(NNNu.", "damaged or hostile"),
        (b"\x80\x02.", "uses what it never made"),
        (b"\x80\x02NN.", "ends with more than one value"),
        (b"\x80\x02N(N.", "ends with more than one value"),
        (b"\x80\x02(inumpy\nndarray\n.", "refused an instance of 'numpy ndarray'"),
        (b"\x80\x02a.", "uses what it never made"),
        (b"\x80\x02N\x86.", "a tuple of more than there is"),
        pytest.param(
            b"\x80\x02" + b"N0" * 2_600_000 + b"N.",
            "more than 5000000 instructions",
            marks=pytest.mark.slow,
        ),
    ],
    ids=range(21),
)
def test_a_malformed_pickle_is_refused_with_a_reason(content, reason, tmp_path):
    with pytest.raises(CheckpointError, match=reason):
        read(tmp_path, content)


def test_a_container_in_several_places_is_no_danger(tmp_path):
    shared: list[object] = []
    for _ in range(40):
        shared = [shared, shared]
    checkpoint = read(tmp_path, pickle.dumps({"w": np.zeros(1), "other": shared}))
    assert len(checkpoint.training_state["other"]) == 2


def test_an_attack_in_what_surrounds_the_weights_is_refused(canary, tmp_path):
    evil = Reduced(eval, f"__import__('os').system({command(canary)!r})")
    content = pickle.dumps({"model": {"w": np.zeros(1)}, "optimizer": {"state": [evil]}})
    with pytest.raises(CheckpointError, match=r"'builtins\.eval'"):
        read(tmp_path, content)
