"""Files of results are there whole or not at all."""

import errno
import json
import math
import os
import stat
import threading

import pytest
from PIL import Image

from composer.files import (
    check_new_folder,
    files_written_together,
    folder_written_whole,
    is_unfinished,
    make_subfolder,
    open_without_links,
    put_in_place,
    without_infinities,
    write_json,
    write_text,
    written_whole,
)
from limited_files import limited


def test_folders_are_made_and_permissions_are_those_of_a_new_file(tmp_path):
    write_text(tmp_path / "runs" / "today" / "a.txt", "Größe")
    (tmp_path / "plain").touch()
    assert (tmp_path / "runs" / "today" / "a.txt").read_text(encoding="utf-8") == "Größe"
    assert os.listdir(tmp_path / "runs" / "today") == ["a.txt"]
    written = (tmp_path / "runs" / "today" / "a.txt").stat().st_mode
    assert stat.S_IMODE(written) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_permissions_of_a_file_that_is_replaced_stay(tmp_path):
    (tmp_path / "a").touch(mode=0o600)
    write_text(tmp_path / "a", "new")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600


def test_the_old_file_is_there_until_the_new_one_is_whole(tmp_path):
    (tmp_path / "a.png").write_bytes(b"old")
    with written_whole(tmp_path / "a.png") as file:
        Image.new("RGB", (4, 3)).save(file)  # the suffix is the target's
        assert (tmp_path / "a.png").read_bytes() == b"old"
        assert is_unfinished(file)
        assert not is_unfinished(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (4, 3)


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_what_fails_in_between_leaves_the_old_file_and_nothing_else(error, tmp_path):
    (tmp_path / "a").write_text("old")

    def fail():
        with written_whole(tmp_path / "a") as file:
            file.write_text("half of it")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert os.listdir(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_a_disk_that_fills_up_is_an_error_with_the_name_of_the_file(tmp_path):
    (tmp_path / "a").write_text("old")
    with limited(1000), pytest.raises(OSError, match="too large") as caught:
        write_text(tmp_path / "a", "x" * 10**6)
    assert caught.value.filename == str(tmp_path / "a")
    assert os.listdir(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_an_error_about_another_file_keeps_that_name(tmp_path):
    with pytest.raises(FileNotFoundError) as caught, written_whole(tmp_path / "a"):
        (tmp_path / "b").read_text()
    assert caught.value.filename == str(tmp_path / "b")


def test_a_folder_of_that_name_is_an_error_with_its_name(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        write_text(tmp_path / "a", "x")
    assert str(caught.value).endswith(f"'{tmp_path / 'a'}'")


def test_a_symbolic_link_is_followed(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_text(tmp_path / "link", "x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "x"


def test_a_link_in_a_folder_of_results_is_replaced(tmp_path):
    (tmp_path / "target").write_text("old")
    (tmp_path / "target").chmod(0o600)
    (tmp_path / "link").symlink_to(tmp_path / "target")
    (tmp_path / "nowhere").symlink_to(tmp_path / "absent")
    for name in ("link", "nowhere"):
        write_text(tmp_path / name, "x", follow_links=False)
        assert not (tmp_path / name).is_symlink()
        assert (tmp_path / name).read_text() == "x"
    assert (tmp_path / "target").read_text() == "old"
    assert not (tmp_path / "absent").exists()
    assert stat.S_IMODE((tmp_path / "link").stat().st_mode) != 0o600


def test_a_linked_folder_in_a_folder_of_results_is_an_error(tmp_path):
    (tmp_path / "plots").symlink_to(tmp_path)
    with pytest.raises(OSError, match="symbolic link in a folder of results") as caught:
        make_subfolder(tmp_path, "plots")
    assert caught.value.filename == str(tmp_path / "plots")
    assert make_subfolder(tmp_path, "other").is_dir()


def test_a_link_is_not_opened_for_appending(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(OSError, match="symbolic link in a folder of results"):
        open_without_links(tmp_path / "link", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.close(open_without_links(tmp_path / "new", os.O_CREAT | os.O_APPEND | os.O_WRONLY))
    assert not (tmp_path / "target").exists()


def test_an_error_of_a_library_is_reported_with_the_name_of_the_file(tmp_path):
    class LibraryError(OSError):
        filename = property(lambda self: None)

    def fail():
        with written_whole(tmp_path / "a"):
            raise LibraryError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left") as caught:
        fail()
    assert caught.value.filename == str(tmp_path / "a")


def test_what_is_no_plain_file_is_written_to(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    read = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_text()))
    reader.start()
    write_text(tmp_path / "pipe", "x")
    reader.join()
    assert read == ["x"]
    assert (tmp_path / "pipe").is_fifo()


def test_a_folder_appears_with_all_of_its_files(tmp_path):
    with folder_written_whole(tmp_path / "run" / "0000004") as folder:
        (folder / "model").write_text("weights")
        assert is_unfinished(folder)
        assert not (tmp_path / "run" / "0000004").exists()
    assert os.listdir(tmp_path / "run") == ["0000004"]
    assert os.listdir(tmp_path / "run" / "0000004") == ["model"]


def test_a_folder_whose_writing_fails_leaves_nothing(tmp_path):
    def fail():
        with folder_written_whole(tmp_path / "folder") as folder:
            (folder / "model").write_text("half of it")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match="No space left") as caught:
        fail()
    assert caught.value.filename == str(tmp_path / "folder")
    assert os.listdir(tmp_path) == []


def test_a_file_that_grew_takes_the_place_of_another(tmp_path):
    (tmp_path / "a").write_text("old")
    (tmp_path / "a.part").write_text("new")
    put_in_place(tmp_path / "a.part", tmp_path / "a")
    assert os.listdir(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "new"


def test_documents_have_null_for_what_is_infinite_or_not_a_number(tmp_path):
    value = {"metrics": {"bbox/APs": math.nan}, "norms": (math.inf, 1.0)}
    write_json(tmp_path / "a.json", value)
    written = json.loads((tmp_path / "a.json").read_text(), parse_constant=pytest.fail)
    assert written == {"metrics": {"bbox/APs": None}, "norms": [None, 1.0]}
    assert written == without_infinities(value)


def test_files_that_belong_together_appear_together(tmp_path):
    target = tmp_path / "made" / "model.xml"
    with files_written_together(target) as file:
        assert file.name == target.name
        file.write_text("model")
        file.with_suffix(".bin").write_text("weights")
        assert not list(target.parent.glob("model*"))
    assert sorted(os.listdir(target.parent)) == ["model.bin", "model.xml"]
    assert target.with_suffix(".bin").read_text() == "weights"


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_of_files_that_belong_together_all_old_ones_stay_when_one_fails(error, tmp_path):
    for name in ("model.xml", "model.bin"):
        (tmp_path / name).write_text("old")

    def fail():
        with files_written_together(tmp_path / "model.xml") as file:
            file.with_suffix(".bin").write_text("new")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {
        "model.xml": "old",
        "model.bin": "old",
    }


def test_a_file_that_cannot_be_put_in_place_takes_those_before_it_back(tmp_path):
    (tmp_path / "a.data").write_text("old")
    (tmp_path / "b.data").mkdir()

    def write():
        with files_written_together(tmp_path / "model.onnx") as file:
            for name in ("a.data", "b.data", "c.data", "model.onnx"):
                file.with_name(name).write_text("new")

    with pytest.raises(IsADirectoryError):
        write()
    assert sorted(os.listdir(tmp_path)) == ["a.data", "b.data"]
    assert (tmp_path / "a.data").read_text() == "old"


def test_what_is_no_plain_file_is_not_replaced_by_several(tmp_path):
    (tmp_path / "model.xml").mkdir()
    with (
        pytest.raises(OSError, match="this is no plain file"),
        files_written_together(tmp_path / "model.xml"),
    ):
        raise AssertionError
    assert os.listdir(tmp_path) == ["model.xml"]


@pytest.mark.parametrize("name", ["new", "new/below/it", ".", "a" * 255])
def test_a_folder_that_can_be_made_is_not_made_by_asking(name, tmp_path):
    check_new_folder(tmp_path / name)
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("a" * 256, errno.ENAMETOOLONG),
        ("missing/" + "ä" * 128, errno.ENAMETOOLONG),
        ("below/" * 700, errno.ENAMETOOLONG),
        ("file", errno.ENOTDIR),
        ("file/below", errno.ENOTDIR),
        ("loop/below", errno.ENOTDIR),
        ("no\0name", errno.EINVAL),
    ],
)
def test_a_folder_that_cannot_be_made_is_an_error_beforehand(name, code, tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match=r"^\[Errno") as caught:
        check_new_folder(tmp_path / name)
    assert caught.value.errno == code
