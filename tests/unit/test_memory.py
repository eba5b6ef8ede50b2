"""The memory at hand is that of the machine, or what a container leaves of it."""

import pytest

from composer import memory


@pytest.fixture
def system(tmp_path, monkeypatch):
    def write(meminfo="", limit="max", usage="0"):
        files = tmp_path / "meminfo", tmp_path / "limit", tmp_path / "usage"
        for file, text in zip(files, (meminfo, limit, usage), strict=True):
            file.write_text(text)
        monkeypatch.setattr(memory, "_MEMINFO", files[0])
        monkeypatch.setattr(memory, "_CGROUPS", ((files[1], files[2]),))

    return write


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (("MemTotal: 9 kB\nMemAvailable: 2 kB\n",), 2048),
        (("MemAvailable: 2 kB\n", "1500", "500"), 1000),
        (("MemAvailable: 2 kB\n", "1500", "2500"), 0),
        (("MemAvailable: 2 kB\n", "9223372036854771712", "500"), 2048),
        (("MemAvailable: nothing\n", "1500", "500"), 1000),
    ],
)
def test_the_smaller_one_counts(system, files, expected):
    system(*files)
    assert memory.available_memory() == expected


def test_this_machine_has_some():
    found = memory.available_memory()
    assert found is None or found > 0


def test_what_is_more_than_the_memory_at_hand_is_refused(system):
    system("MemAvailable: 1048576 kB\n")
    memory.check_allocation(2**30, "A map")
    message = "A map would take 2 GiB of memory, and 1 GiB are at hand"
    with pytest.raises(memory.MemoryShortageError, match=message):
        memory.check_allocation(2**31, "A map")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            RuntimeError(
                "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate "
                "memory: you tried to allocate 12000000000000 bytes. Error code 12"
            ),
            "it needs a tensor of 11 TiB, and 1 GiB are at hand",
        ),
        (
            RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a capacity"),
            "",
        ),
        (
            MemoryError("Unable to allocate 2.50 TiB for an array with shape (1,) and data type"),
            "it needs a tensor of 2.5 TiB, and 1 GiB are at hand",
        ),
        (
            RuntimeError("Storage size calculation overflowed with sizes=[3, 10, 10]"),
            "it needs a tensor that is larger than any memory",
        ),
        (MemoryError(), "the memory is full"),
        (memory.MemoryShortageError("A map is too large"), "A map is too large"),
        (RuntimeError("shapes do not match"), ""),
    ],
)
def test_errors_of_allocators_are_told_in_words(system, error, expected):
    system("MemAvailable: 1048576 kB\n")
    assert memory.describe_shortage(error) == expected
