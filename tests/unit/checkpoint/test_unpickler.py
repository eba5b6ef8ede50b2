import contextlib
import io
import pickle
from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from composer.checkpoint.numpy_pickle import NUMPY_VOCABULARY
from composer.checkpoint.unpickler import Unpickler
from composer.errors import CheckpointError

keys = st.one_of(st.text(), st.integers(-(2**70), 2**70), st.binary(), st.booleans(), st.none())
leaves = st.one_of(keys, st.floats(allow_nan=False))
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner),
        st.lists(inner).map(tuple),
        st.dictionaries(keys, inner),
        st.dictionaries(keys, inner).map(OrderedDict),
        st.sets(keys),
    ),
    max_leaves=20,
)
protocols = st.integers(0, pickle.HIGHEST_PROTOCOL)


def unpickle(content):
    return Unpickler(
        io.BytesIO(content), size=len(content), vocabulary=NUMPY_VOCABULARY, source="file"
    ).load()


@given(values, protocols)
def test_plain_values_come_back_as_from_pickle_itself(value, protocol):
    assert unpickle(pickle.dumps(value, protocol)) == value


def test_a_bytearray_comes_back():
    assert unpickle(pickle.dumps(bytearray(b"\xff\x00"), 5)) == bytearray(b"\xff\x00")


@given(
    st.sampled_from(["<f4", ">f4", "<f2", "<f8", "|u1", "<i8", ">i2", "|b1", "<c8"]),
    st.lists(st.integers(0, 3), max_size=4).map(tuple),
    st.booleans(),
    protocols,
)
def test_arrays_come_back_with_their_values_shape_and_dtype(dtype, shape, is_fortran, protocol):
    count = int(np.prod(shape))
    array = np.arange(count).astype(dtype).reshape(shape)
    array = np.asfortranarray(array) if is_fortran else array
    found = unpickle(pickle.dumps(array, protocol))
    np.testing.assert_array_equal(found, array)
    assert found.dtype.newbyteorder("=") == array.dtype.newbyteorder("=")
    assert found.shape == array.shape


@pytest.mark.parametrize("protocol", range(6))
def test_numpy_scalars_come_back(protocol):
    assert unpickle(pickle.dumps({"step": np.int64(7)}, protocol)) == {"step": 7}


def test_an_array_in_two_places_is_one_array():
    array = np.arange(3)
    first, second = unpickle(pickle.dumps([array, array]))
    assert first is second


def test_text_of_python_2_is_read_as_latin_1():
    # As Python 2 writes {'w': '\xe9'}, in protocol 2.
    assert unpickle(b"\x80\x02}q\x00U\x01wq\x01U\x01\xe9q\x02s.") == {"w": "é"}


def test_an_array_that_python_2_wrote_is_read():
    frame = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR"
    state = b"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    dtype = b"cnumpy\ndtype\n(U\x02f4K\x00K\x01tR" + state
    raw = np.array([1.5, -2.0], "<f4").tobytes()
    content = b"\x80\x02" + frame + b"(K\x01K\x02\x85" + dtype + b"\x89U\x08" + raw + b"tb."
    np.testing.assert_array_equal(unpickle(content), np.array([1.5, -2.0], "f4"))


def test_text_that_python_2_stored_as_bytes_is_text():
    content = pickle.dumps(np.ones(2, "f4"), 3).replace(b"X\x02\x00\x00\x00f4", b"C\x02f4")
    assert unpickle(content).tolist() == [1, 1]


def test_a_mark_without_items_can_be_dropped():
    assert unpickle(b"\x80\x02K\x07(0.") == 7


def test_pickles_that_follow_each_other_are_read_one_by_one():
    content = io.BytesIO(pickle.dumps([1]) + pickle.dumps({"a": 2}) + b"rest")
    machines = [
        Unpickler(content, size=100, vocabulary=NUMPY_VOCABULARY, source="file") for _ in range(2)
    ]
    assert [machine.load() for machine in machines] == [[1], {"a": 2}]
    assert content.read() == b"rest"


@given(st.binary(max_size=60))
def test_arbitrary_bytes_raise_nothing_but_checkpoint_errors(content):
    with contextlib.suppress(CheckpointError):
        unpickle(b"\x80\x04" + content)
