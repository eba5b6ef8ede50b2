"""The directory of a zip archive, read once and strictly.

The format can be read in several ways: from its end, from its start, by one of two directories, by
names that some readers take for one. An archive that means two things to two readers passes the
check of one and is loaded by the other. So there is one reader here, and what it accepts has one
meaning: members follow each other from the first byte on, the directory follows the last one, and
the end follows the directory.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from composer.checkpoint.unpickler import ByteSource
from composer.limits import Expansion

MAX_MEMBERS = 250_000

_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_SATURATED = 0xFFFFFFFF  # the value is in an extra field of 64 bits
_STORED, _DEFLATED = 0, 8
_UTF_8, _HAS_DESCRIPTOR = 0x800, 0x8
_KNOWN_FLAGS = 0x6 | _HAS_DESCRIPTOR | _UTF_8  # 0x6: how well it is compressed


class Member(NamedTuple):
    """A member of an archive.

    Attributes:
        name: its name.
        header: where it begins.
        start: where its data begin.
        stored: bytes of its data.
        size: bytes when unpacked.
        checksum: CRC-32 of the unpacked data, as claimed.
        is_compressed: whether the data are compressed with DEFLATE.
        has_descriptor: whether its sizes follow the data once more.
    """

    name: str
    header: int
    start: int
    stored: int
    size: int
    checksum: int
    is_compressed: bool
    has_descriptor: bool


def read_directory(content: ByteSource, length: int) -> dict[str, Member]:
    """The members of an archive by name, in the order of the directory.

    Args:
        content: the file.
        length: bytes of the file.

    Raises:
        ValueError: it is damaged or encrypted, names a member twice, has other data than its
            members, or too many of them.
    """
    offset, size, count = _find_directory(content, length)
    if count > MAX_MEMBERS:
        raise ValueError(f"it has {count} members, and {MAX_MEMBERS} is the limit")
    content.seek(offset)
    directory = content.read(size)
    members = [_complete(content, entry, offset) for entry in _read_entries(directory, count)]
    _check_places(content, members, offset)
    by_name = {member.name: member for member in members}
    if len(by_name) != len(members):
        raise ValueError("two of its members have one name")
    return by_name


def read_member(content: ByteSource, member: Member, expansion: Expansion) -> bytes:
    """The data of a member, unpacked.

    Args:
        content: the file.
        member: one of its members.
        expansion: counts what is unpacked.

    Raises:
        ValueError: it unpacks to another size or checksum than claimed, or to too much.
    """
    expansion.add(member.size)
    content.seek(member.start)
    data = content.read(member.stored)
    if member.is_compressed:
        decompressor = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            data = decompressor.decompress(data, member.size + 1)
        except zlib.error as error:
            raise ValueError(f"the member '{member.name:.80}' is damaged: {error}") from None
        if not decompressor.eof or decompressor.unused_data:
            raise ValueError(f"the member '{member.name:.80}' has another size than it claims")
    if len(data) != member.size or zlib.crc32(data) != member.checksum:
        raise ValueError(f"the member '{member.name:.80}' is damaged: its checksum differs")
    return data


def _find_directory(content: ByteSource, length: int) -> tuple[int, int, int]:
    """Offset and size of the directory, and the number of its entries."""
    end = length - _END.size
    signature, *disks, here, count, size, offset, comment = _unpack(content, _END, end)
    if signature != b"PK\x05\x06" or comment or any(disks) or here != count:
        raise ValueError("it does not end with its directory")
    if _holds(content, end - _LOCATOR.size, b"PK\x06\x07"):
        _, disk, record, num_disks = _unpack(content, _LOCATOR, end - _LOCATOR.size)
        end = end - _LOCATOR.size - _END_64.size
        found = _unpack(content, _END_64, end)
        if record != end or disk or num_disks != 1 or found[:2] != (b"PK\x06\x06", 44):
            raise ValueError("its end of 64 bits is malformed")
        small = (here, count, size, offset)
        here, count, size, offset = found[6:]
        limits = (0xFFFF, 0xFFFF, _SATURATED, _SATURATED)
        for old, new, limit in zip(small, found[6:], limits, strict=True):
            if old not in (new, limit):
                raise ValueError("it has two directories")
        if any(found[4:6]) or here != count:
            raise ValueError("its end of 64 bits is malformed")
    if offset + size != end or count * _ENTRY.size > size:
        raise ValueError("its directory does not end where it should")
    return offset, size, count


def _read_entries(directory: bytes, count: int) -> Iterator[Member]:
    """The entries of a directory, as far as it describes them."""
    position = 0
    for _ in range(count):
        if position + _ENTRY.size > len(directory):
            raise ValueError("its directory does not end where it should")
        entry = _ENTRY.unpack_from(directory, position)
        signature, _, _, flags, method, _, _, checksum, stored, size = entry[:10]
        name_length, extra_length, comment_length, disk, _, _, header = entry[10:]
        position += _ENTRY.size
        name = directory[position : position + name_length]
        extra = directory[position + name_length : position + name_length + extra_length]
        position += name_length + extra_length + comment_length
        if signature != b"PK\x01\x02" or disk or position > len(directory):
            raise ValueError("its directory is malformed")
        if flags & ~_KNOWN_FLAGS or method not in (_STORED, _DEFLATED):
            raise ValueError("a member is encrypted, or packed in an unknown way")
        size, stored, header = _widen((size, stored, header), extra)
        text = name.decode("utf-8" if flags & _UTF_8 else "cp437")
        is_compressed, has_descriptor = method == _DEFLATED, bool(flags & _HAS_DESCRIPTOR)
        yield Member(text, header, 0, stored, size, checksum, is_compressed, has_descriptor)
    if position != len(directory):
        raise ValueError("its directory has more entries than it says")


def _widen(values: tuple[int, int, int], extra: bytes) -> Iterator[int]:
    """The sizes and the place of a member, from its extra field where they need 64 bits."""
    wide = b""
    while _SATURATED in values and len(extra) >= 4:
        kind, length = struct.unpack_from("<2H", extra)
        if kind == 1:
            wide = extra[4 : 4 + length]
            break
        extra = extra[4 + length :]
    for value in values:
        if value == _SATURATED:
            if len(wide) < 8:
                raise ValueError("a size of 64 bits is missing")
            value, wide = int.from_bytes(wide[:8], "little"), wide[8:]
        yield value


def _complete(content: ByteSource, member: Member, end: int) -> Member:
    """A member with the place of its data, once its own header agrees with the directory."""
    if member.header + _LOCAL.size > end:
        raise ValueError("a member begins behind the directory")
    local = _unpack(content, _LOCAL, member.header)
    signature, _, flags, method, _, _, *claims, name_length, extra_length = local
    name = content.read(name_length).decode("utf-8" if flags & _UTF_8 else "cp437")
    form = (method == _DEFLATED, bool(flags & _HAS_DESCRIPTOR))
    if signature != b"PK\x03\x04" or form != (member.is_compressed, member.has_descriptor):
        raise ValueError("its directory is malformed")
    if name != member.name or not (member.has_descriptor or _agree(claims, member)):
        raise ValueError(f"the directory and the member '{member.name:.80}' differ")
    if not member.is_compressed and member.size != member.stored:
        raise ValueError(f"the member '{member.name:.80}' has two sizes")
    return member._replace(start=member.header + _LOCAL.size + name_length + extra_length)


def _agree(claims: list[int], member: Member) -> bool:
    checksum, stored, size = claims
    sizes = ((stored, member.stored), (size, member.size))
    return checksum == member.checksum and all(own in (_SATURATED, said) for own, said in sizes)


def _check_places(content: ByteSource, members: list[Member], directory: int) -> None:
    """Refuses members that overlap, and data that belong to none."""
    expected = 0
    for member in sorted(members, key=lambda each: each.header):
        if member.header != expected:
            what = "overlap" if member.header < expected else "have other data between them"
            raise ValueError(f"its members {what}")
        expected = member.start + member.stored
        if member.has_descriptor:
            expected += _descriptor_length(content, member)
    if expected != directory:
        raise ValueError("its members overlap its directory, or other data lie between them")


def _descriptor_length(content: ByteSource, member: Member) -> int:
    content.seek(member.start + member.stored)
    found = content.read(24)
    checksum = member.checksum.to_bytes(4, "little")
    for mark in (b"PK\x07\x08", b""):
        for width in (4, 8):
            if max(member.stored, member.size) >= 256**width:
                continue
            sizes = member.stored.to_bytes(width, "little") + member.size.to_bytes(width, "little")
            if found.startswith(mark + checksum + sizes):
                return len(mark + checksum + sizes)
    raise ValueError(f"the sizes that follow the member '{member.name:.80}' differ")


def _holds(content: ByteSource, offset: int, signature: bytes) -> bool:
    if offset < 0:
        return False
    content.seek(offset)
    return content.read(len(signature)) == signature


def _unpack(content: ByteSource, form: struct.Struct, offset: int) -> tuple[Any, ...]:
    if offset < 0:
        raise ValueError("it is truncated")
    content.seek(offset)
    data = content.read(form.size)
    if len(data) < form.size:
        raise ValueError("it is truncated")
    return form.unpack(data)
