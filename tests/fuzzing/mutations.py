"""Damages documents: their text, their bytes, and the values in them."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Sequence
from typing import Any

# Values and pieces of text that readers have to expect, each in the place of any other.
VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    10**9,
    2**63,
    10**400,
    float("nan"),
    float("inf"),
    "",
    " ",
    "0",
    "false",
    "${}",
    "${missing}",
    "${num_classes}",
    "$${x}",
    "a.b.c",
    "../../etc/passwd",
    "mask_rcnn_r50_fpn",
    "features",
    "backbone",
    "roi_heads.mask_pooler",
    "*",
    "\ud800",
    "\ufffe",
    "e\u0301",
    "x" * 300,
    [],
    {},
    [[[]]],
    [1, "a", None],
    {"uses": "resnet"},
    {"a": {"b": {"c": 1}}},
    {1: 2},
    {"": ""},
)
PIECES: tuple[bytes, ...] = (
    b"*a",
    b"&a ",
    b"!!python/object:os.system ",
    b"- ",
    b": ",
    b"? ",
    b"{",
    b"}",
    b"[",
    b"]",
    b"|\n",
    b"%YAML 9.9\n",
    b"---\n",
    b"...\n",
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\t",
    b"\r",
    b'"\\ud800"',
    b"9" * 5000,
    b"1e999",
    b".nan",
    b"0x1F",
    b"1_000",
    b"~",
    b"<<: *a",
    b"${x}",
    b"${${x}}",
    b"#",
    b"'",
    b'"',
    b"2001-01-01",
)
_MANY = 200
_DEEP = 100
_MAX_PLACES = 5_000


def damage_bytes(content: bytes, draw: random.Random, others: Sequence[bytes] = ()) -> bytes:
    """A content with some damages: bits, bytes, lines and pieces changed.

    Args:
        content: the content.
        draw: what is done, by its seed.
        others: contents that parts are taken from.
    """
    for _ in range(draw.choice((1, 1, 1, 2, 3, 8))):
        content = draw.choice(_OF_BYTES)(content, draw, others)
    return content


def damage_values(document: Any, draw: random.Random) -> Any:
    """A copy of plain values with some damages: values, keys and branches changed.

    A document that has become large is damaged no further: branches that are repeated in repeated
    branches would fill the memory.

    Args:
        document: mappings, lists and scalars.
        draw: what is done, by its seed.
    """
    document = copy.deepcopy(document)
    for _ in range(draw.choice((1, 1, 1, 2, 3, 8))):
        places = _list_places(document)
        if len(places) > _MAX_PLACES:
            break
        if places:
            draw.choice(_OF_VALUES)(draw.choice(places), draw, places)
    return document


Place = tuple[Any, Any]  # a mapping or a list, and a key or an index of it


def _list_places(document: Any) -> Sequence[Place]:
    """The places of a document; of a large one, the first."""
    found: list[Place] = []
    left = [document]
    while left and len(found) <= _MAX_PLACES:
        inner = left.pop()
        keys = list(inner) if isinstance(inner, dict) else range(len(inner))
        for key in keys:
            found.append((inner, key))
            if isinstance(inner[key], (dict, list)):
                left.append(inner[key])
    return found


def _replace(place: Place, draw: random.Random, _places: Sequence[Place]) -> None:
    inner, key = place
    inner[key] = copy.deepcopy(draw.choice(VALUES))


def _remove(place: Place, _draw: random.Random, _places: Sequence[Place]) -> None:
    inner, key = place
    if isinstance(inner, dict) or key < len(inner):
        del inner[key]


def _rename(place: Place, draw: random.Random, places: Sequence[Place]) -> None:
    inner, key = place
    if isinstance(inner, dict):
        names = [other for _, other in places if isinstance(other, str)] + ["", "x", "uses", 3]
        name = draw.choice([*names, f"{key}x", f"{key}."])
        inner[name] = inner.pop(key, None)


def _copy_from(place: Place, draw: random.Random, places: Sequence[Place]) -> None:
    inner, key = place
    source, other = draw.choice(places)
    if isinstance(source, dict) and other not in source:
        return
    if isinstance(source, list) and other >= len(source):
        return
    if isinstance(inner, dict) or key < len(inner):
        inner[key] = copy.deepcopy(source[other])


def _nest(place: Place, draw: random.Random, _places: Sequence[Place]) -> None:
    inner, key = place
    if isinstance(inner, list) and key >= len(inner):
        return
    value = inner.get(key) if isinstance(inner, dict) else inner[key]
    for _ in range(draw.choice((1, 3, _DEEP))):
        value = [value] if draw.random() < 0.5 else {"nodes": value}
    inner[key] = value


def _repeat(place: Place, draw: random.Random, _places: Sequence[Place]) -> None:
    inner, key = place
    if isinstance(inner, list) and key < len(inner):
        inner[key:key] = [inner[key]] * draw.choice((1, 3, _MANY))
    elif isinstance(inner, dict) and key in inner:
        for number in range(draw.choice((1, 3, _MANY))):
            inner[f"{key}{number}"] = inner[key]


def _flip(content: bytes, draw: random.Random, _others: Sequence[bytes]) -> bytes:
    if not content:
        return content
    at = draw.randrange(len(content))
    changed = content[at] ^ (1 << draw.randrange(8))
    return content[:at] + bytes([changed]) + content[at + 1 :]


def _cut(content: bytes, draw: random.Random, _others: Sequence[bytes]) -> bytes:
    start = draw.randint(0, len(content))
    return content[:start] + content[start + draw.choice((1, 4, 64, len(content))) :]


def _insert(content: bytes, draw: random.Random, _others: Sequence[bytes]) -> bytes:
    at = draw.randint(0, len(content))
    return content[:at] + draw.choice(PIECES) + content[at:]


def _insert_random(content: bytes, draw: random.Random, _others: Sequence[bytes]) -> bytes:
    at = draw.randint(0, len(content))
    return content[:at] + draw.randbytes(draw.choice((1, 2, 4, 8, 32))) + content[at:]


def _move_lines(content: bytes, draw: random.Random, _others: Sequence[bytes]) -> bytes:
    lines = content.split(b"\n")
    at, to = draw.randrange(len(lines)), draw.randrange(len(lines))
    lines.insert(to, lines.pop(at) if draw.random() < 0.5 else lines[at])
    return b"\n".join(lines)


def _indent(content: bytes, draw: random.Random, _others: Sequence[bytes]) -> bytes:
    lines = content.split(b"\n")
    at = draw.randrange(len(lines))
    lines[at] = lines[at][2:] if draw.random() < 0.5 else b"  " + lines[at]
    return b"\n".join(lines)


def _splice(content: bytes, draw: random.Random, others: Sequence[bytes]) -> bytes:
    other = draw.choice(others) if others else content
    start, end = sorted((draw.randint(0, len(other)), draw.randint(0, len(other))))
    at = draw.randint(0, len(content))
    return content[:at] + other[start:end] + content[at:]


def _multiply(content: bytes, draw: random.Random, _others: Sequence[bytes]) -> bytes:
    lines = content.split(b"\n")
    at = draw.randrange(len(lines))
    lines[at:at] = [lines[at]] * draw.choice((2, _MANY))
    return b"\n".join(lines)


_OF_VALUES: tuple[Callable[[Place, random.Random, Sequence[Place]], None], ...] = (
    _replace,
    _replace,
    _remove,
    _rename,
    _copy_from,
    _nest,
    _repeat,
)
_OF_BYTES: tuple[Callable[[bytes, random.Random, Sequence[bytes]], bytes], ...] = (
    _flip,
    _cut,
    _insert,
    _insert_random,
    _move_lines,
    _indent,
    _splice,
    _multiply,
)
