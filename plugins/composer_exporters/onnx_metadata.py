"""The metadata of ONNX files, without onnx: entries of a protobuf message, the weights skipped.

A file is one message, `ModelProto`. A field of it is a key (its number and the kind of its value)
and the value; field 14 is an entry of the metadata, a message of a key (1) and a value (2).
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from composer.errors import CheckpointError
from composer.regular_files import open_regular_file

_METADATA, _IR_VERSION, _GRAPH = 14, 1, 7
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED = {_FIXED64: 8, _FIXED32: 4}
_LONGEST = 64_000_000  # bytes of an entry
_LAST_FIELD = 40  # larger ones are no ONNX


class _DamageError(ValueError):
    pass


def read_metadata(file: Path) -> dict[str, str]:
    """The metadata of an ONNX file.

    Raises:
        CheckpointError: it is no ONNX file, or damaged.
    """
    try:
        with open_regular_file(file) as stream:
            found, numbers = {}, set()
            for number, content in _fields(stream, file.stat().st_size):
                numbers.add(number)
                if number == _METADATA:
                    key, value = _parse_entry(content)
                    found[key] = value
    except (_DamageError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{file}: this is no ONNX file, or it is damaged: {error}") from error
    if not {_IR_VERSION, _GRAPH} <= numbers:
        what = "version" if _IR_VERSION not in numbers else "graph"
        raise CheckpointError(f"{file}: this is no ONNX file: it has no {what}")
    return found


def append_metadata(file: Path, metadata: Mapping[str, str]) -> None:
    """Appends entries: a message is read as if all of its fields had been written at once."""
    with file.open("ab") as stream:
        for key, value in metadata.items():
            entry = _field(1, key.encode()) + _field(2, value.encode())
            stream.write(_field(_METADATA, entry))


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def _fields(stream: Any, size: int) -> Iterator[tuple[int, bytes]]:
    """The fields of the file: number and content, which is read of metadata only."""
    while stream.tell() < size:
        key = _read_varint(stream)
        number, kind = key >> 3, key & 7
        if not 0 < number <= _LAST_FIELD:
            raise _DamageError(f"it has a field {number}")
        if kind == _VARINT:
            _read_varint(stream)
            yield number, b""
            continue
        length = _read_varint(stream) if kind == _BYTES else _FIXED.get(kind, -1)
        if length < 0 or stream.tell() + length > size:
            raise _DamageError("it ends too early")
        if number == _METADATA and kind == _BYTES:
            if length > _LONGEST:
                raise _DamageError(f"an entry has {length} bytes")
            yield number, stream.read(length)
        else:
            stream.seek(length, 1)
            yield number, b""


def _read_varint(stream: Any) -> int:
    number = 0
    for shift in range(0, 70, 7):
        byte = stream.read(1)
        if not byte:
            raise _DamageError("it ends too early")
        number |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return number
    raise _DamageError("a number is too long")


def _parse_entry(content: bytes) -> tuple[str, str]:
    stream, found = io.BytesIO(content), {1: "", 2: ""}
    while stream.tell() < len(content):
        key, length = _read_varint(stream), _read_varint(stream)
        if key & 7 != _BYTES or stream.tell() + length > len(content):
            raise _DamageError("an entry is no text")
        found[key >> 3] = stream.read(length).decode()
    return found[1], found[2]
