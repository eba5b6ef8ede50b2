"""An archive has one meaning, or is refused."""

import io
import struct
import warnings
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from composer.checkpoint.zip_directory import read_directory, read_member
from composer.limits import Expansion, ExpansionError

MEMBERS = {"a": b"one" * 100, "b/c": b"", "ü": b"three"}


def archive(members=MEMBERS, compression=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as target:
        for name, content in members.items():
            target.writestr(name, content)
    return file.getvalue()


def read(content):
    source = io.BytesIO(content)
    members = read_directory(source, len(content))
    expansion = Expansion("file", len(content))
    return {name: read_member(source, member, expansion) for name, member in members.items()}


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_come_back(compression):
    assert read(archive(compression=compression)) == MEMBERS


def test_archives_of_torch_and_numpy_are_read():
    file = io.BytesIO()
    torch.save({"w": torch.arange(5)}, file)
    assert "archive/data/0" in read(file.getvalue())
    file = io.BytesIO()
    np.savez(file, a=np.zeros(3))
    assert list(read(file.getvalue())) == ["a.npy"]


def test_members_written_to_a_stream_are_read():
    class Stream(io.RawIOBase):
        content = b""

        def writable(self):
            return True

        def write(self, data):
            self.content += bytes(data)
            return len(data)

    stream = Stream()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("a", b"content" * 50)
        with target.open(zipfile.ZipInfo("b"), "w", force_zip64=True) as member:
            member.write(b"more")
    assert read(stream.content) == {"a": b"content" * 50, "b": b"more"}


def split(content):
    """Members, directory and end of an archive."""
    size, offset = struct.unpack_from("<2L", content, len(content) - 10)
    return content[:offset], content[offset : offset + size], content[offset + size :]


def end(count, size, offset):
    return struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, size, offset, 0)


def second_directory():
    """Two directories: one where the end points, and one that lies right before the end."""
    members, directory, _ = split(archive({"a": b"seen", "b": b"hidden"}))
    first, second = directory[:47], directory[47:]
    return members + first + second + end(1, len(first), len(members))


def shifted():
    """The end claims a place that is off by what lies in front of the archive."""
    return b"#!/bin/sh\n" + archive()


def gap():
    members, directory, _ = split(archive())
    members += b"hidden"
    return members + directory + end(3, len(directory), len(members))


def gap_in_front():
    content = archive({"a": b"x"})
    members, directory, _ = split(content)
    moved = directory[:42] + struct.pack("<L", 4) + directory[46:]
    return b"data" + members + moved + end(1, len(directory), len(members) + 4)


def two_names():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as target, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        target.writestr("a", b"1")
        target.writestr("a", b"2")
    return file.getvalue()


def other_name():
    members, directory, last = split(archive({"a": b"x"}))
    return members.replace(b"a", b"b", 1) + directory + last


def end_of_64_bits(count=3):
    members, directory, _ = split(archive())
    place = len(members) + len(directory)
    record = struct.pack(
        "<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(directory), len(members)
    )
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, place, 1)
    return members + directory + record + locator + end(3, len(directory), len(members))


REFUSED = {
    "two directories": second_directory(),
    "something in front": shifted(),
    "data in front": gap_in_front(),
    "data between members and directory": gap(),
    "data behind": archive() + b"\0",
    "a comment": archive()[:-2] + b"\4\0" + b"PK\5\6",
    "two members of one name": two_names(),
    "a name that its own header does not have": other_name(),
    "two counts": end_of_64_bits(count=2),
    "an encrypted member": archive({"a": b"x"}).replace(
        b"PK\1\2\x14\3\x14\0\0\0", b"PK\1\2\x14\3\x14\0\1\0"
    ),
    "an unknown method": archive({"a": b"x"}).replace(
        b"PK\1\2\x14\3\x14\0\0\0\0\0", b"PK\1\2\x14\3\x14\0\0\0\x0c\0"
    ),
    "too many members": archive({}).replace(b"\0\0\0\0\0\0\0\0", b"\0\0\0\0\xff\xff\xff\xff", 1),
    "nothing": b"",
    "an end only": b"PK\5\6",
}


@pytest.mark.parametrize("what", REFUSED)
def test_an_archive_of_more_than_one_meaning_is_refused(what):
    with pytest.raises(ValueError, match=r"it|member"):
        read(REFUSED[what])


def test_an_end_of_64_bits_is_read():
    assert read(end_of_64_bits()) == MEMBERS


def test_an_empty_archive_has_no_members():
    assert read(archive({})) == {}


def test_a_member_that_unpacks_to_more_than_it_says_is_refused():
    content = archive({"a": bytes(10_000)}, zipfile.ZIP_DEFLATED)
    small = content.replace((10_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    with pytest.raises(ValueError, match="another size than it claims"):
        read(small)


def test_a_bomb_is_refused_before_it_is_unpacked():
    claimed = archive({"a": bytes(10_000)}, zipfile.ZIP_DEFLATED).replace(
        (10_000).to_bytes(4, "little"), (2**31).to_bytes(4, "little")
    )
    with pytest.raises(ExpansionError, match="would take at least 2 GiB of memory"):
        read(claimed)


def test_a_flipped_bit_is_found():
    with pytest.raises(ValueError, match="checksum differs"):
        read(archive({"a": b"content"}).replace(b"content", b"contend"))


@given(st.integers(0), st.integers(0, 255))
def test_a_damaged_archive_is_refused_or_has_the_same_content(place, byte):
    content = bytearray(archive())
    content[place % len(content)] = byte
    try:
        found = read(bytes(content))
    except ValueError:
        return
    assert sorted(found.values()) == sorted(MEMBERS.values())
