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
