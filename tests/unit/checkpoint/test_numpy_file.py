"""Arrays of numpy, read by ourselves and as numpy reads them."""

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from composer.checkpoint import read_npy, read_npz
from composer.limits import ExpansionError

DTYPES = ["<f4", ">f4", "<f8", ">i2", "|u1", "|b1", "<c8", "<u8", "<f2"]


@given(st.sampled_from(DTYPES), st.lists(st.integers(0, 3), max_size=4).map(tuple), st.booleans())
def test_an_array_comes_back(tmp_path_factory, dtype, shape, is_fortran):
    array = np.arange(np.prod(shape, dtype=int)).astype(dtype).reshape(shape)
    path = tmp_path_factory.mktemp("array") / "a.npy"
    np.save(path, np.asfortranarray(array) if is_fortran and shape else array)
    found = read_npy(path)
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype.newbyteorder("=")
    assert found.flags.writeable
    assert found.shape == shape


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_of_the_format_is_read(version, tmp_path):
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array(file, np.arange(3), version)
    assert read_npy(tmp_path / "a.npy").tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }",
        "{'shape': (3L,), 'fortran_order': False, 'descr': '<i8'}",
        "{'descr':'<i8','fortran_order':False,'shape':(3,)}",
        "{'descr': '<i8', 'fortran_order': False, 'shape': (3), }",
    ],
)
def test_headers_of_other_writers_are_read(header, tmp_path):
    write(tmp_path / "a.npy", header, np.arange(3).tobytes())
    assert read_npy(tmp_path / "a.npy").tolist() == [0, 1, 2]


def write(path, header, data):
    path.write_bytes(b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header.encode() + data)


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "of Python objects"),
        ("{'descr': '<U4', 'fortran_order': False, 'shape': (1,), }", "of <U4 is no tensor"),
        ("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "malformed"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (1000,), }", "takes 4000 bytes"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", "takes 4 bytes"),
        (f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({'1,' * 65}), }}", "dimensions"),
        (f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({'9' * 19},), }}", "dimensions"),
        (f"{{'descr': '<f4', 'fortran_order': False, 'shape': (0, {'9' * 18}), }}", "any memory"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "malformed"),
        ("{'descr': '<f4', 'fortran_order': False}", "malformed"),
        ("{" + "(" * 5000, "malformed"),
        ("{" + "-" * 5000 + "1}", "malformed"),
        ("__import__('os').system('true')", "malformed"),
    ],
)
def test_a_header_is_checked_and_never_evaluated(header, reason, tmp_path):
    write(tmp_path / "a.npy", header, bytes(8))
    with pytest.raises(ValueError, match=reason):
        read_npy(tmp_path / "a.npy")


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"\x93NUMPY\1\0\xff\xff{}", b"PK\3\4"])
def test_something_else_is_no_array(content, tmp_path):
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(ValueError, match=r"numpy|cut off|empty"):
        read_npy(tmp_path / "a.npy")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_archive_gives_arrays_by_name(save, tmp_path):
    save(tmp_path / "a.npz", np.zeros(0), **{"A": np.ones(2), "a": np.eye(3), "x/y": np.arange(2)})
    found = read_npz(tmp_path / "a.npz")
    assert list(found) == ["A", "a", "x/y", "arr_0"]
    assert found["a"].tolist() == np.eye(3).tolist()


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setenv("COMPOSER_MAX_BYTES", "1M")
    np.savez_compressed(tmp_path / "bomb.npz", a=np.zeros(2**21, np.uint8))
    with pytest.raises(
        ExpansionError,
        match=r"bomb\.npz: refused: the file of .* kiB would take at least 2 MiB .*MAX_BYTES=1G",
    ):
        read_npz(tmp_path / "bomb.npz")


def test_many_members_count_together(tmp_path, monkeypatch):
    monkeypatch.setenv("COMPOSER_MAX_BYTES", "1000000")
    np.savez_compressed(tmp_path / "a.npz", *[np.zeros(100_000, np.uint8) for _ in range(20)])
    with pytest.raises(ExpansionError, match="COMPOSER_MAX_BYTES"):
        read_npz(tmp_path / "a.npz")


def test_a_member_that_is_no_array_is_named(tmp_path):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("readme.txt", b"text")
    (tmp_path / "a.npz").write_bytes(file.getvalue())
    with pytest.raises(ValueError, match=r"the member 'readme\.txt' is no array"):
        read_npz(tmp_path / "a.npz")
