"""The cache on disk: what it holds is counted, and only that is removed."""

import os
import time

import pytest
from filelock import FileLock

from composer.cache_folders import clear_cache, find_cache_folder, measure_cache

KEY = "ab" * 32


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("COMPOSER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def write(path, size=10):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    return path


def test_a_cache_that_is_not_there_is_empty(root):
    assert measure_cache("contracts")[2:] == (0, 0)
    assert clear_cache("contracts") == ("contracts", 0, 0, ())
    assert not root.exists()


def test_entries_are_counted_and_removed(root):
    write(root / "contracts" / f"{KEY}.json")
    write(root / "compiled" / KEY / "model.bin", 100)
    write(root / "compiled" / KEY / "deep" / "weights.bin", 1)
    assert measure_cache("contracts") == ("contracts", root / "contracts", 1, 10)
    assert measure_cache("compiled")[2:] == (1, 101)
    assert clear_cache("compiled") == ("compiled", 1, 101, ())
    assert measure_cache("compiled").num_entries == 0
    assert measure_cache("contracts").num_entries == 1


def test_files_of_others_stay(root):
    thesis = write(root / "downloads" / "thesis.pdf")
    photos = write(root / "downloads" / "photos" / "a.jpg")
    hidden = write(root / "downloads" / ".bashrc")
    assert measure_cache("downloads").num_entries == 0
    clear_cache("downloads")
    assert thesis.exists()
    assert photos.exists()
    assert hidden.exists()


def test_a_link_is_removed_not_followed(root, tmp_path):
    outside = write(tmp_path / "outside" / "precious")
    (root / "compiled").mkdir(parents=True)
    (root / "compiled" / KEY).symlink_to(outside.parent)
    assert measure_cache("compiled")[2:] == (1, 0)
    assert clear_cache("compiled").num_entries == 1
    assert outside.exists()


def test_what_another_process_holds_stays(root):
    entry = write(root / "downloads" / "weights-1" / "model.pth")
    write(root / "downloads" / ".records" / "weights-1.json")
    lock = root / "downloads" / ".locks" / "weights-1.lock"
    lock.parent.mkdir()
    with FileLock(lock):
        assert clear_cache("downloads") == ("downloads", 0, 0, ("weights-1",))
        assert entry.exists()
    assert clear_cache("downloads").num_entries == 1
    assert not entry.exists()
    assert (root / "downloads" / ".records" / "weights-1.json").exists()


def test_only_old_unfinished_files_are_removed(root):
    new = write(root / "contracts" / ".ab.0123.part.json")
    old = write(root / "contracts" / ".cd.0123.part.json")
    os.utime(old, (time.time() - 9000,) * 2)
    assert clear_cache("contracts").num_entries == 1
    assert new.exists()
    assert not old.exists()


def test_the_folder_is_the_one_that_is_named(root):
    assert find_cache_folder("compiled") == root / "compiled"
