"""Files in stores of fsspec: the one in memory, and what others do."""

import os

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import known_implementations

from composer.downloads import fetch, find_cached, locate_cached
from composer.errors import DownloadError

CONTENT = os.urandom(3_000_000)


@pytest.fixture
def store():
    system = fsspec.filesystem("memory")
    system.pipe("/models/a.pth", CONTENT)
    yield system
    MemoryFileSystem.store.clear()


class Flaky(MemoryFileSystem):
    """A store that breaks off in the middle of a file."""

    protocol = "flaky"
    is_broken = True

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(path.replace("flaky://", "memory://"))

    def _open(self, path, mode="rb", **options):
        file = super()._open(path, mode, **options)
        if not self.is_broken:
            return file
        original = file.read

        def read(size=-1):
            if Flaky.is_broken and file.tell() >= 2 * 2**20:
                raise ConnectionError("secret broke off")
            return original(size)

        file.read = read
        return file


@pytest.fixture
def flaky(store, monkeypatch):
    fsspec.register_implementation("flaky", Flaky, clobber=True)
    monkeypatch.setattr(Flaky, "is_broken", True)
    return Flaky


def test_a_file_of_a_store_arrives(store):
    path = fetch("memory://models/a.pth")
    assert (path.name, path.read_bytes()) == ("a.pth", CONTENT)
    assert find_cached("memory://models/a.pth").record.size == len(CONTENT)


def test_a_file_that_changes_in_memory_is_brought_again(store, caplog):
    fetch("memory://models/a.pth")
    store.rm("/models/a.pth")
    store.pipe("/models/a.pth", CONTENT[:100])
    assert fetch("memory://models/a.pth").read_bytes() == CONTENT[:100]
    assert "another file than on" in caplog.text


def test_what_is_not_there_is_said(store):
    with pytest.raises(DownloadError, match=r"no such file.*put it into"):
        fetch("memory://models/b.pth")


def test_a_store_that_breaks_off_is_continued_later(flaky):
    address = "flaky://models/a.pth"
    with pytest.raises(DownloadError, match="the store cannot be read") as caught:
        fetch(address)
    assert "secret" not in str(caught.value)
    part = locate_cached(address).with_name(".a.pth.part")
    assert part.stat().st_size == 2 * 2**20
    flaky.is_broken = False
    assert fetch(address).read_bytes() == CONTENT


def test_a_store_whose_library_is_missing_names_it(monkeypatch):
    known = {"class": "not_installed_here.Store", "err": "Install not_installed_here to use it"}
    monkeypatch.setitem(known_implementations, "missing", known)
    with pytest.raises(DownloadError, match="missing:// takes another package: Install not_inst"):
        fetch("missing://bucket/a.pth")


def test_the_library_of_s3_is_named():
    try:
        import s3fs  # noqa: F401
    except ImportError:
        with pytest.raises(DownloadError, match="s3fs"):
            fetch("s3://bucket/a.pth")
