"""Opening files that users name."""

import os
import socket

import pytest

from composer.regular_files import find_special_kind, open_regular_file


def make_special(folder):
    """A path of each kind that is no regular file, with what it is called."""
    os.mkfifo(folder / "pipe")
    (folder / "folder").mkdir()
    (folder / "link").symlink_to(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("socket")
    return {
        folder / "pipe": "a pipe",
        folder / "link": "a pipe",
        folder / "socket": "a socket",
        folder / "folder": "a folder",
        "/dev/zero": "a device",
    }


def test_what_is_no_regular_file_is_named_and_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    for path, kind in make_special(tmp_path).items():
        with pytest.raises(OSError, match=f"it is {kind}, not a file") as caught:
            open_regular_file(path)
        assert caught.value.filename == os.fspath(path)
        assert find_special_kind(path) == kind


def test_regular_files_are_read_through_links(tmp_path):
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with open_regular_file(tmp_path / "b") as stream:
        assert stream.read() == b"one"
    assert find_special_kind(tmp_path / "b") is None
    assert find_special_kind(tmp_path / "missing") is None
    assert find_special_kind("a\0b") is None
    with pytest.raises(FileNotFoundError):
        open_regular_file(tmp_path / "missing")
