"""Files of checkpoints and their formats."""

import os
import sys

import pytest
import torch

from composer.checkpoint import read_checkpoint
from composer.checkpoint.formats import (
    detect_container,
    find_installed_file,
    is_installed_file,
    locate_checkpoint,
)
from composer.discovery import shipped_models
from composer.errors import CheckpointError


def write(path, content):
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "the file is empty"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer: .*git lfs pull"),
        (b"<!DOCTYPE html>", "a web page"),
        (b"\x1f\x8b\x08\x00", "compressed with gzip"),
        (b"BZh91AY", "compressed with bzip2"),
        (b"\x93NUMPY\x01\x00", "a single numpy array"),
        (b"pickle" + bytes(251) + b"ustar\x00", "a tar archive"),
        (b"\n\n<!-- a --><Error>", "a web page or XML"),
        (b'\xef\xbb\xbf{"error": "not found"}', "a JSON document"),
        (b"\x89PNG\r\n\x1a\n", "its first bytes are 89 50 4e 47"),
        (b"\x80", "its first bytes are 80"),
        (b"\x80\x09", "its first bytes are 80 09"),
    ],
)
def test_another_thing_is_called_what_it_is(content, what, tmp_path):
    with pytest.raises(CheckpointError, match=rf"x\.pth: .*{what}"):
        detect_container(write(tmp_path / "x.pth", content))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"model\.pth: there is no such file"):
        locate_checkpoint(tmp_path / "model.pth")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("peopel", "people"),
        ("defualt", "default"),
        ("detection-composer/poeple", "detection-composer/people"),
        ("COCO-Detection/faster_rcnn_R50_FPN_3x", "detectron2/COCO-Detection/"),
        ("{folder}/model_fnal.pth", "{folder}/model_final.pth"),
        ("{folder}/model_final.pht", None),
        ("{folder}/none/model_final.pth", None),
        ("nothing-like-any", None),
    ],
)
def test_a_misspelt_name_is_answered_with_the_nearest(name, meant, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "model_final.pth", b"...")
    write(tmp_path / "model_final.yaml", b"...")
    with pytest.raises(CheckpointError, match="there is no such file") as caught:
        locate_checkpoint(name.format(folder=tmp_path))
    if meant is None:
        assert "Did you mean" not in str(caught.value)
    else:
        assert f"Did you mean '{meant.format(folder=tmp_path)}" in str(caught.value)


def test_a_directory_means_its_last_checkpoint(tmp_path):
    write(tmp_path / "model_0000005.pth", b"...")
    write(tmp_path / "last_checkpoint", b"model_0000005.pth\n")
    assert locate_checkpoint(str(tmp_path)) == tmp_path / "model_0000005.pth"


def test_a_last_checkpoint_may_lie_deeper(tmp_path):
    (tmp_path / "runs").mkdir()
    write(tmp_path / "runs" / "a.pth", b"...")
    write(tmp_path / "last_checkpoint", b"runs/a.pth")
    assert locate_checkpoint(tmp_path) == tmp_path / "runs" / "a.pth"


def test_a_directory_without_a_last_checkpoint_is_an_error(tmp_path):
    with pytest.raises(CheckpointError, match="a directory without the file 'last_checkpoint'"):
        locate_checkpoint(tmp_path)


@pytest.mark.parametrize(
    "name", ["../secret.pth", "{parent}/secret.pth", "link.pth", "a/../../secret.pth"]
)
def test_a_last_checkpoint_never_leads_out_of_its_directory(name, tmp_path):
    secret = write(tmp_path / "secret.pth", b"...")
    directory = tmp_path / "run"
    directory.mkdir()
    os.symlink(secret, directory / "link.pth")
    write(directory / "last_checkpoint", name.format(parent=tmp_path).encode())
    with pytest.raises(CheckpointError, match="which is outside of"):
        locate_checkpoint(directory)


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"a\x00b", b"x" * 5000, b"two\nnames", b"\xff\x00"]
)
def test_a_last_checkpoint_that_is_no_name_is_an_error(content, tmp_path):
    write(tmp_path / "last_checkpoint", content)
    with pytest.raises(CheckpointError, match="should hold the name of a file"):
        locate_checkpoint(tmp_path)


@pytest.mark.parametrize("name", ["gone.pth", ".", "folder"])
def test_a_last_checkpoint_that_names_no_file_is_an_error(name, tmp_path):
    (tmp_path / "folder").mkdir()
    write(tmp_path / "last_checkpoint", name.encode())
    with pytest.raises(CheckpointError, match="there is no such file"):
        locate_checkpoint(tmp_path)


@pytest.mark.parametrize("length", [0x0280, 0x0380, 0x0480, 0x0580])
def test_a_header_whose_length_looks_like_a_pickle_is_one_of_safetensors(length, tmp_path):
    header = b'{"__metadata__": {}}'.ljust(length)
    content = length.to_bytes(8, "little") + header
    assert detect_container(write(tmp_path / "x.safetensors", content + b"\0")) == "safetensors"


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "site" / "weights_of_somebody"
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise SystemExit('this must not run')\n")
    torch.save({"fc.weight": torch.ones(2)}, folder / "models" / "small.pth")
    torch.save({}, tmp_path / "site" / "outside.pth")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return folder


def test_a_file_of_a_package_is_read_and_the_package_is_not_imported(package):
    checkpoint = read_checkpoint("package:weights_of_somebody/models/small.pth")
    assert list(checkpoint.tensors) == ["fc.weight"]
    assert checkpoint.path == package / "models" / "small.pth"
    assert "weights_of_somebody" not in sys.modules


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("package:", "is written 'package:name_of_package/path/of/file'"),
        ("package:weights_of_somebody", "is written 'package:name_of_package/path/of/file'"),
        ("package:../site/outside.pth", "is written 'package:name_of_package/path/of/file'"),
        ("package:weights_of_nobody/a.pth", "'weights_of_nobody' is not installed here"),
        ("package:this/a.pth", "'this' is not installed here"),
        ("package:weights_of_somebody/a.pth", "'weights_of_somebody' has no such file"),
        ("package:weights_of_somebody/../outside.pth", "leads out of the package"),
        ("package:weights_of_somebody//etc/hostname", "has no such file"),
    ],
)
def test_what_is_no_file_of_a_package_is_refused(package, path, message):
    with pytest.raises(CheckpointError, match=message):
        find_installed_file(path)


def test_other_paths_are_left_alone(tmp_path):
    assert not is_installed_file(tmp_path / "package:x")
    assert not is_installed_file("model.pth")


@pytest.mark.parametrize("name", ["people", "detection-composer/people"])
def test_a_model_that_ships_is_a_checkpoint(name):
    assert locate_checkpoint(name) == shipped_models()["people"]


def test_the_folder_of_a_run_is_its_checkpoint(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(bytes(8))
    assert locate_checkpoint(tmp_path) == tmp_path / "model.safetensors"
    (tmp_path / "best.safetensors").write_bytes(bytes(8))
    assert locate_checkpoint(tmp_path) == tmp_path / "best.safetensors"
    (tmp_path / "last_checkpoint").write_text("model.safetensors")
    assert locate_checkpoint(tmp_path) == tmp_path / "model.safetensors"
