"""Files of tensors that are made to kill whoever reads them, or to exhaust the machine."""

import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from unit.checkpoint.hostile_pickles import document, named, text
from unit.checkpoint.torch_archives import write_archive, write_legacy

MANY = 200_000
Write = Callable[[Path], object]


def number(value: int) -> bytes:
    return b"\x8a\x08" + value.to_bytes(8, "little", signed=True)


def view(shape: bytes, stride: bytes, count: int = 2) -> bytes:
    parts = text("storage") + named("torch", "FloatStorage") + text("0") + text("cpu")
    stored = b"(" + parts + number(count) + b"tQ"
    hooks = named("collections", "OrderedDict") + b")R"
    arguments = b"(" + stored + number(0) + shape + stride + b"\x89" + hooks + b"t"
    return named("torch._utils", "_rebuild_tensor_v2") + arguments + b"R"


def archive(data: bytes) -> Write:
    return lambda path: write_archive(path, data, members={"model/data/0": bytes(8)})


def two_directories(path: Path) -> None:
    """One directory where the end points, and another right before the end, of another pickle."""
    with zipfile.ZipFile(path, "w") as target, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        target.writestr("m/data.pkl", b"\x80\x02}.")
        target.writestr("m/data.pkl", b"\x80\x02" + DEEP_KEY + b".")
    content = path.read_bytes()
    size, offset = struct.unpack_from("<2L", content, len(content) - 10)
    entry = size // 2
    content = content[:-22] + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, entry, offset, 0)
    path.write_bytes(content)


def twins(path: Path) -> None:
    torch.save({"w": torch.zeros(2)}, path)
    with zipfile.ZipFile(path, "a") as target:
        folder = target.namelist()[0].partition("/")[0]
        target.writestr(f"{folder}/DATA.PKL", b"\x80\x02}N" + b"\x85" * MANY + b"Ns.")


def zeros(path: Path) -> None:
    """An array of zeros, a thousand times smaller than what it becomes."""
    np.savez_compressed(path, a=np.zeros(64 * 2**20, np.uint8))


def many_tensors(path: Path) -> None:
    form = '"%d":{"dtype":"U8","shape":[1],"data_offsets":[%d,%d]}'
    content = "{" + ",".join(form % (i, i, i + 1) for i in range(300_000)) + "}"
    header(content, bytes(300_000))(path)


def header(content: str, data: bytes = b"") -> Write:
    encoded = content.encode()
    return lambda path: path.write_bytes(len(encoded).to_bytes(8, "little") + encoded + data)


ONE = '{"dtype":"U8","shape":[1],"data_offsets":[0,1]}'
DEEP_KEY = b"}" + b"N" + b"\x85" * MANY + b"Ns"
SIDES = b"(" + number(1) * 100_000 + b"t"
# A text that is encoded over and over: each time it takes its size again.
ENCODED = (
    b"]("
    + b"X" + MANY.to_bytes(4, "little") + b"a" * MANY + b"q\x01"
    + (named("_codecs", "encode") + b"h\x01" + text("latin1") + b"\x86R") * 5_000
    + b"e"
)  # fmt: skip
COLLIDING = b"}(" + b"".join(
    b"\x8a\x14" + ((2**61 - 1) * i).to_bytes(20, "little") + b"N" for i in range(1, 100_000)
) + b"u"  # fmt: skip
EMPTY_ARRAY = named("numpy.core.multiarray", "_reconstruct") + (
    b"(" + named("numpy", "ndarray") + b"K\0\x85C\x01btR"
)
ARRAY_STATE = (
    b"(K\x01" + number(MANY) + b"\x85" + named("numpy", "dtype") + text("u1") + b"\x85R\x89"
    + b"B" + MANY.to_bytes(4, "little") + bytes(MANY) + b"tq\x02"
)  # fmt: skip
ARRAY_SET_OVER_AND_OVER = EMPTY_ARRAY + ARRAY_STATE + b"b" + b"h\x02b" * 5_000
THING = named("project", "Thing") + b")R"
LONG = "a" * 95
NAMED_OVER_AND_OVER = (
    b"]"
    + text(LONG)
    + b"q\x010"
    + text(f"T{LONG}")
    + b"q\x020("
    + b"h\x01h\x02\x93" * 500_000
    + b"e"
)
WIDE = b"]" + b"22\x87" * 60  # tuples of three, 60 deep, of one list

FILES: dict[str, tuple[str, Write]] = {
    "a key of great depth": ("a.pt", archive(b"\x80\x02" + DEEP_KEY + b".")),
    "a key of great depth, in an old file": (
        "b.pt",
        lambda path: write_legacy(path, b"\x80\x02" + DEEP_KEY + b"."),
    ),
    "lists of great depth": ("c.pt", archive(b"\x80\x02" + b"]" * MANY + b"a" * (MANY - 1) + b".")),
    "two directories": ("d.pt", two_directories),
    "names that differ by case": ("e.pt", twins),
    "an array of zeros": ("f.npz", zeros),
    "a tensor of 100,000 dimensions": ("g.pt", archive(document(view(SIDES, SIDES)))),
    "a tensor of terabytes": (
        "h.pt",
        archive(document(view(b"(" + number(2**40) + b"t", b"(" + number(0) + b"t"))),
    ),
    "views that claim a gibibyte each": (
        "i.pt",
        archive(
            b"\x80\x02](" + view(b"(" + number(2**28) + b"t", b"(" + number(0) + b"t") * 20 + b"e."
        ),
    ),
    "a text encoded 5,000 times": ("j.pkl", lambda path: path.write_bytes(document(ENCODED))),
    "keys with one hash": ("k.pkl", lambda path: path.write_bytes(document(COLLIDING))),
    "an integer of a gibibyte": (
        "l.pkl",
        lambda path: path.write_bytes(document(b"\x8b" + (2**30).to_bytes(4, "little"))),
    ),
    "digits without end": (
        "m.pkl",
        lambda path: path.write_bytes(document(b"L" + b"9" * MANY + b"L\n")),
    ),
    "a place far away in the memo": (
        "n.pkl",
        lambda path: path.write_bytes(document(b"Nr\xff\xff\xff\xff")),
    ),
    "one list in many places": ("o.pt", archive(b"\x80\x02" + WIDE + b".")),
    "300,000 tensors": ("p.safetensors", many_tensors),
    "a key twice": ("q.safetensors", header(f'{{"a":{ONE},"a":{ONE}}}', b"1")),
    "a header of great depth": ("r.safetensors", header('{"a":' + "[" * MANY, b"1")),
    "a tensor of 65 dimensions": (
        "s.safetensors",
        header(f'{{"a":{ONE.replace("[1]", "[" + ",".join("1" * 65) + "]")}}}', b"1"),
    ),
    "a side of 1,000 digits": (
        "t.safetensors",
        header(f'{{"a":{ONE.replace("[1]", "[" + "9" * 1000 + "]")}}}', b"1"),
    ),
    "numbers of great depth": ("u.json", lambda path: path.write_text("[" * MANY)),
    "a name twice": ("v.json", lambda path: path.write_text('{"a": [1], "a": [2]}')),
    "numbers that collide as names": (
        "w.pyth",
        lambda path: torch.save({"model": {1: torch.ones(1), "1": torch.zeros(1)}}, path),
    ),
    "an array set over and over": (
        "x.pkl",
        lambda path: path.write_bytes(document(ARRAY_SET_OVER_AND_OVER)),
    ),
    "a class named over and over": ("y.pyth", archive(document(NAMED_OVER_AND_OVER))),
    "a state of great depth": (
        "aa.pyth",
        archive(document(THING + b"]" * MANY + b"a" * (MANY - 1) + b"b")),
    ),
    "an argument of great depth": (
        "ab.pyth",
        archive(document(named("project", "Thing") + b"N" + b"\x85" * MANY + b"R")),
    ),
    "an item of great depth": ("ac.pyth", archive(document(THING + DEEP_KEY[1:]))),
    "an object in many places": (
        "ad.pyth",
        archive(document(THING + b"22\x87" + b"22\x87" * 50)),
    ),
    "an object as an input": ("ae.pt", archive(document(THING))),
}
