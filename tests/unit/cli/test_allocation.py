"""Commands keep the memory of freed tensors, unless the user has chosen otherwise."""

import ctypes
import subprocess
import sys

import pytest

from composer.cli.allocation import keep_freed_memory

PROGRAM = """
import ctypes
from composer.cli.allocation import keep_freed_memory

library = ctypes.CDLL(None)
library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
library.free.argtypes = [ctypes.c_void_p]


class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena a b blocks c d e used free f".split()]


library.mallinfo2.restype = Info
assert keep_freed_memory({})
before = library.mallinfo2()
block = library.malloc(100 << 20)
assert library.mallinfo2().blocks == before.blocks, "a block of its own from the system"
library.free(block)
assert library.mallinfo2().free >= 100 << 20, "given back to the system"
"""


def has_gnu_library():
    return sys.platform == "linux" and hasattr(ctypes.CDLL(None), "mallinfo2")


@pytest.mark.skipif(not has_gnu_library(), reason="the C library is not GNU's, of 2021 or later")
def test_freed_memory_stays_in_the_process():
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)


@pytest.mark.parametrize(
    "name", ["MALLOC_TRIM_THRESHOLD_", "MALLOC_CONF", "GLIBC_TUNABLES", "LD_PRELOAD"]
)
def test_a_choice_of_the_user_stays(name):
    assert not keep_freed_memory({"HOME": "/", name: "1"})
